"""Fits which sentence answers and when to refuse: `python -m training.calibration --data DIR`.

Asked are the hand-written questions of `questions.jsonl` (half of them near misses that no passage answers) and the
questions that the data itself has, one on a passage; once in an index of these among two thousand others, once in
small indexes of ninety passages on thirty subjects, in both languages and across; each answerable one once more with
its passage left out, and some of a small index that has nothing on them. Fitted are, in this order, how telling each
kind of answer is (a likelihood ratio), the sentence model (a softmax over the sentences of the best passages) and the
refusal model (logistic, one for each pair of question and passage language). Every figure of the report is for
questions on passages left out of the fit, five folds in turn.
"""

import argparse
import json
import math
import random
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from sklearn.metrics import brier_score_loss, roc_auc_score
from tqdm import tqdm

from qa import evidence, index
from qa.config import AnswerSettings, IndexSettings, SearchSettings
from qa.datatypes import Document, Hit
from qa.evidence import ANSWER_FEATURES, SENTENCE_FEATURES, ScoredSentence
from qa.question import asks_for, offers
from qa.retriever import Query, Retriever
from qa.text import dominant_language
from training.sources import rows

OUTPUT = Path(__file__).parents[1] / "qa" / "calibration.json"
QUESTIONS = Path(__file__).with_name("questions.jsonl")
OTHERS = 1000  # passages of each language among which the asked ones stand
SMALL = 10  # small indexes that share the asked passages out among them
NEIGHBOURS = 2  # passages next to each asked one in its source, so that a small index has several on one subject
STRANGERS = 90  # questions asked of a small index whose passages are in another
NEAR = 15  # rows of the source within which a passage is a neighbour
POOLS = {
    "zh": ("cmrc2018_trial.zh", "drcd_dev.zh-hant", "kdconv_info.zh"),
    "en": ("openstax_heading-para.en",),
}
FOLDS = 5
FOR = (  # what speaks for an answer; all other features speak against one
    "passage alignment", "sentence alignment", "dense", "passage margin", "lead over the last", "lexical share",
    "word for word", "sentence score", "sentence margin",
)  # fmt: skip
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Features = NDArray[np.float64]


@dataclass(slots=True)
class Asked:
    """One question with what was found for it; `gold` tells, for each sentence, whether it holds the answer."""

    retriever: Retriever
    document: str
    answerable: bool
    query: Query
    hits: list[Hit]
    places: list[tuple[Hit, int, int]]
    features: Features
    gold: NDArray[np.bool_]
    pair: str
    answer_features: dict[str, float] = field(default_factory=dict)

    @property
    def fold(self) -> int:
        """The part of the passages its own belongs to, the same in every index."""
        return zlib.crc32(self.document.encode()) % FOLDS


def documents(data: Path, questions: Sequence[Mapping[str, Any]], seed: int) -> dict[tuple[str, int], Document]:
    """The passages asked about, their neighbours and `OTHERS` more of each language, as documents by file and row."""
    generator = random.Random(seed)
    wanted = {(question["file"], question["row"]) for question in questions}
    found: dict[tuple[str, int], Document] = {}
    for names in POOLS.values():
        others: list[tuple[str, int]] = []
        for name in names:
            read = list(rows(data / "question_passage" / f"{name}.jsonl.gz"))
            mine = [number for number, _ in enumerate(read) if (name, number) in wanted]
            taken = {read[number]["p"] for number in mine}
            for number in mine:
                for near in _distinct(read, range(number + 1, number + NEAR), taken)[:NEIGHBOURS]:
                    taken.add(read[near]["p"])
                    found[name, near] = _document(name, near, read[near])
                found[name, number] = _document(name, number, read[number])
            free = _distinct(read, range(len(read)), taken)
            others += [(name, number) for number in free]
            found.update({(name, number): _document(name, number, read[number]) for number in free})
        for key in set(others) - set(generator.sample(others, min(OTHERS, len(others)))):
            del found[key]
    return found


def _distinct(read: Sequence[Mapping[str, Any]], numbers: Iterable[int], taken: set[str]) -> list[int]:
    """Those of the rows with a passage of usual length that is neither taken nor that of a row before."""
    seen = set(taken)
    distinct: list[int] = []
    for number in numbers:
        passage = read[number]["p"] if number < len(read) else ""
        if 80 <= len(passage) <= 900 and passage not in seen:
            seen.add(passage)
            distinct.append(number)
    return distinct


def _document(name: str, number: int, row: Mapping[str, Any]) -> Document:
    title = row["q"].split("|")[-1].strip() if name.startswith("openstax") else row["title"]
    identity = f"{name}-{number:06d}"
    return Document(identity, title, row["p"], identity, dominant_language(row["p"]))


def natural_questions(data: Path, questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One Chinese question that the data itself has on each passage asked about; these share the text's words."""
    found: list[dict[str, Any]] = []
    for name in POOLS["zh"][:2]:
        read = list(rows(data / "question_passage" / f"{name}.jsonl.gz"))
        asked_of = {read[question["row"]]["p"]: question["row"] for question in questions if question["file"] == name}
        for row in read:
            start = row["p"].find(row["a"][0]) if row["a"] and row["p"] in asked_of else -1
            if start >= 0:
                span = [start, start + len(row["a"][0])]
                found.append({"file": name, "row": asked_of.pop(row["p"]), "question": row["q"], "answer": span})
    return found


def ask(
    retriever: Retriever, questions: Sequence[Mapping[str, Any]], found: Mapping[tuple[str, int], Document]
) -> list[Asked]:
    """Each question asked, and each answerable one once more with its passage left out of what was found."""
    asked: list[Asked] = []
    for question in tqdm(questions, desc="asking", disable=None):
        document = found[question["file"], question["row"]]
        query, hits = retriever.search(question["question"])
        span = question.get("answer")
        asked.append(_asked(retriever, query, hits, document, span))
        if span:
            without = [hit for hit in hits if hit.passage.document_id != document.id]
            asked.append(_asked(retriever, query, without, document, None))
    return asked


def corpora(
    questions: Sequence[Mapping[str, Any]], found: Mapping[tuple[str, int], Document], seed: int
) -> list[list[tuple[str, int]]]:
    """The passages of the large index, and of each small one: its share of those asked about, with their neighbours."""
    wanted = sorted({(question["file"], question["row"]) for question in questions})
    random.Random(seed).shuffle(wanted)
    small: list[list[tuple[str, int]]] = []
    for start in range(SMALL):
        keys = dict.fromkeys(wanted[start::SMALL])
        for name, number in wanted[start::SMALL]:
            near = [(name, row) for row in range(number + 1, number + NEAR) if (name, row) in found]
            keys.update(dict.fromkeys(near[:NEIGHBOURS]))
        small.append(list(keys))
    return [list(found), *small]


def ask_all(
    folder: Path, questions: Sequence[Mapping[str, Any]], found: Mapping[tuple[str, int], Document], seed: int
) -> list[Asked]:
    """Every question asked of every index that holds its passage, and some of an index that does not.

    The indexes are written into `folder`.
    """
    generator = random.Random(seed)
    asked: list[Asked] = []
    for number, keys in enumerate(corpora(questions, found, seed)):
        place = folder / str(number)
        place.mkdir()
        index.build(place, [found[key] for key in keys], IndexSettings(), corpus=place, created="")
        held, retriever = set(keys), Retriever(index.load(place), SearchSettings())
        mine = [question for question in questions if (question["file"], question["row"]) in held]
        asked.extend(ask(retriever, mine, found))
        strangers = [question for question in questions if (question["file"], question["row"]) not in held]
        for question in generator.sample(strangers, min(STRANGERS, len(strangers))):
            query, hits = retriever.search(question["question"])
            asked.append(_asked(retriever, query, hits, found[question["file"], question["row"]], None))
    return asked


def _asked(retriever: Retriever, query: Query, hits: list[Hit], document: Document, span: list[int] | None) -> Asked:
    read = hits[: AnswerSettings().passages_read]
    places, features = evidence.sentence_features(retriever, query, read)
    gold = [
        span is not None
        and hit.passage.document_id == document.id
        and hit.passage.start + start <= span[0] < hit.passage.start + end
        for hit, start, end in places
    ]
    pair = evidence.language_pair(query, hits)
    return Asked(
        retriever, document.id, span is not None, query, hits, places, features, np.array(gold, dtype=bool), pair
    )


def fit_kinds(asked: Iterable[Asked]) -> dict[str, list[float]]:
    """For each kind, the log likelihood ratios of a sentence that holds it and of one that does not."""
    counts: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.ones((2, 2)))  # [gold][offers], one added
    for each in asked:
        kind = asks_for(each.query.text)
        if kind is not None and each.gold.any():
            for (hit, start, end), gold in zip(each.places, each.gold, strict=True):
                counts[kind][int(gold), int(offers(hit.passage.text[start:end], kind, each.query.text))] += 1
    fitted = {}
    for kind, table in sorted(counts.items()):
        shares = table / table.sum(axis=1, keepdims=True)
        fitted[kind] = [round(math.log(shares[1, i] / shares[0, i]), 4) for i in (1, 0)]
    return fitted


def with_kinds(asked: Sequence[Asked], kinds: Mapping[str, Sequence[float]]) -> None:
    """Writes the kind's ratio into the features of every sentence."""
    column = SENTENCE_FEATURES.index("kind")
    for each in asked:
        for row, (hit, start, end) in enumerate(each.places):
            text = hit.passage.text[start:end]
            each.features[row, column] = evidence.kind_evidence(text, each.query.text, kinds)


def fit_sentences(asked: Sequence[Asked], penalty: float = 2e-3) -> dict[str, float]:
    """Weights under which the sentences with the answer are likeliest among their question's, by feature."""
    found = [each for each in asked if each.gold.any()]
    scale = np.concatenate([each.features for each in found]).std(axis=0) + 1e-9

    def loss(weights: Features) -> tuple[float, Features]:
        total, slope = 0.0, np.zeros_like(weights)
        for each in found:
            features = each.features / scale
            scores = features @ weights
            total += logsumexp(scores) - logsumexp(scores[each.gold])
            everywhere = np.exp(scores - logsumexp(scores))
            on_gold = np.exp(scores[each.gold] - logsumexp(scores[each.gold]))
            slope += everywhere @ features - on_gold @ features[each.gold]
        return total / len(found) + penalty * weights @ weights, slope / len(found) + 2 * penalty * weights

    best = minimize(loss, np.zeros(len(SENTENCE_FEATURES)), jac=True, method="L-BFGS-B").x / scale
    return {name: round(float(weight), 5) for name, weight in zip(SENTENCE_FEATURES, best, strict=True)}


def ranked(each: Asked, weights: Mapping[str, float]) -> list[ScoredSentence]:
    """The question's sentences by the sentence model, best first."""
    scores = each.features @ np.array([weights[name] for name in SENTENCE_FEATURES])
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    return [
        ScoredSentence(hit, hit.passage.start + start, hit.passage.start + end, float(scores[row]))
        for row in order
        for hit, start, end in [each.places[row]]
    ]


def fit_answers(asked: Sequence[Asked], penalty: float = 1e-3) -> dict[str, float]:
    """Coefficients of the logistic model, by feature, and its intercept; both outcomes weigh alike.

    What speaks for an answer never counts against it, nor the other way round, however the examples happen to fall.
    """
    features = np.array([[each.answer_features[name] for name in ANSWER_FEATURES] for each in asked])
    scale = features.std(axis=0) + 1e-9
    table = np.hstack([np.ones((len(asked), 1)), features / scale])
    signs = np.where([each.answerable for each in asked], 1.0, -1.0)
    weights = np.where(signs > 0, 0.5 / (signs > 0).sum(), 0.5 / (signs < 0).sum())

    def loss(model: Features) -> tuple[float, Features]:
        margins = signs * (table @ model)
        slope = -(weights * signs * expit(-margins)) @ table
        held = np.concatenate([[0.0], model[1:]])
        return float(weights @ np.logaddexp(0.0, -margins) + penalty * held @ held), slope + 2 * penalty * held

    bounds = [(None, None), *((0.0, None) if name in FOR else (None, 0.0) for name in ANSWER_FEATURES)]
    best = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    fitted = dict(zip(ANSWER_FEATURES, np.round(best[1:] / scale, 5).tolist(), strict=True))
    return {"intercept": round(float(best[0]), 5), **fitted}


def with_answer_features(asked: Iterable[Asked], model: Mapping[str, Any]) -> None:
    """Writes what speaks for an answer, by the sentences that the sentence model puts first."""
    for each in tqdm(asked, desc="weighing", disable=None):
        sentences = ranked(each, model["sentence"])
        each.answer_features = evidence.answer_features(
            each.retriever, each.query, each.hits, sentences, model["kinds"]
        )


def fit_reading(asked: Sequence[Asked]) -> dict[str, Any]:
    """The kinds' ratios and the sentence model, in this order."""
    kinds = fit_kinds(asked)
    with_kinds(asked, kinds)
    return {"kinds": kinds, "sentence": fit_sentences(asked)}


def fit_refusing(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """The refusal model of each pair of languages."""
    pairs = sorted({each.pair for each in asked})
    return {pair: fit_answers([each for each in asked if each.pair == pair]) for pair in pairs}


def report(asked: Sequence[Asked]) -> dict[str, Any]:
    """Figures on questions left out of the fit, for each pair of languages.

    The refusal model's features come from the sentence model of all questions, its coefficients from the others alone.
    """
    outcomes: dict[str, list[tuple[Asked, list[bool], float]]] = defaultdict(list)
    for number in tqdm(range(FOLDS), desc="folds", disable=None):
        others = [each for each in asked if each.fold != number]
        held_back = [each for each in asked if each.fold == number]
        reading, refusing = fit_reading(others), fit_refusing(others)
        with_kinds(held_back, reading["kinds"])
        for each in held_back:
            scores = each.features @ np.array([reading["sentence"][feature] for feature in SENTENCE_FEATURES])
            right = each.gold[np.argsort(-scores, kind="stable")[:3]].tolist()
            outcomes[each.pair].append((each, right, evidence.logistic(each.answer_features, refusing[each.pair])))
    every = [outcome for found in outcomes.values() for outcome in found]
    return {name: _figures(found) for name, found in [("all", every), *sorted(outcomes.items())]}


def _figures(outcomes: Sequence[tuple[Asked, list[bool], float]]) -> dict[str, Any]:
    truth = np.array([each.answerable for each, _, _ in outcomes])
    probability = np.array([probability for _, _, probability in outcomes])
    rights = [right for each, right, _ in outcomes if each.answerable]
    return {
        "questions": len(outcomes),
        "answerable": int(truth.sum()),
        "right sentence first": round(float(np.mean([right[:1] == [True] for right in rights])), 4),
        "right sentence in three": round(float(np.mean([any(right) for right in rights])), 4),
        "area under the curve": round(float(roc_auc_score(truth, probability)), 4),
        "Brier score": round(float(brier_score_loss(truth, probability)), 4),
        "by threshold": {
            f"{threshold:.1f}": {
                "answerable refused": round(float((probability[truth] < threshold).mean()), 4),
                "unanswerable refused": round(float((probability[~truth] < threshold).mean()), 4),
            }
            for threshold in THRESHOLDS
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.calibration", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds question_passage/")
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=20260325)
    options = parser.parse_args(arguments)
    questions = [json.loads(line) for line in options.questions.read_text(encoding="utf-8").splitlines()]
    found = documents(options.data, questions, options.seed)
    every = [*questions, *natural_questions(options.data, questions)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asked = ask_all(Path(folder), every, found, options.seed)
        reading = fit_reading(asked)
        with_answer_features(asked, reading)
        written = {**reading, "answer": fit_refusing(asked)}
        figures = report(asked)
    written["report"] = figures
    options.output.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
