"""Fits which sentence answers and when to refuse: `python -m training.calibration --data DIR`.

The hand-written questions of `questions.jsonl` (half of them near misses that no passage answers) are asked of one
index of their passages among two thousand others, in both languages and across. Fitted are, in this order, how
telling each kind of answer is (a likelihood ratio), the sentence model (a softmax over the sentences of the best
passages) and the refusal model (logistic, apart for crossing questions). Every figure of the report is for questions
on passages left out of the fit, five folds in turn.
"""

import argparse
import json
import math
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
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
POOLS = {
    "zh": ("cmrc2018_trial.zh", "drcd_dev.zh-hant", "kdconv_info.zh"),
    "en": ("openstax_heading-para.en",),
}
FOLDS = 5
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Features = NDArray[np.float64]


@dataclass(slots=True)
class Asked:
    """One question with what was found for it; `gold` tells, for each sentence, whether it holds the answer."""

    document: str
    answerable: bool
    query: Query
    hits: list[Hit]
    places: list[tuple[Hit, int, int]]
    features: Features
    gold: NDArray[np.bool_]
    crossing: bool = False
    fold: int = 0
    answer_features: dict[str, float] = field(default_factory=dict)


def documents(data: Path, questions: Sequence[Mapping[str, Any]], seed: int) -> dict[tuple[str, int], Document]:
    """The passages asked about and `OTHERS` more of each language, each a document, by file and row."""
    generator = random.Random(seed)
    wanted = {(question["file"], question["row"]) for question in questions}
    found: dict[tuple[str, int], Document] = {}
    for names in POOLS.values():
        others: list[tuple[tuple[str, int], Document]] = []
        seen: set[str] = set()
        for name in names:
            read = list(enumerate(rows(data / "question_passage" / f"{name}.jsonl.gz")))
            seen.update(row["p"] for number, row in read if (name, number) in wanted)
            for number, row in read:
                title = row["q"].split("|")[-1].strip() if name.startswith("openstax") else row["title"]
                document = Document(
                    f"{name}-{number:06d}", title, row["p"], f"{name}-{number:06d}", dominant_language(row["p"])
                )
                if (name, number) in wanted:
                    found[name, number] = document
                elif row["p"] not in seen and 80 <= len(row["p"]) <= 900:
                    seen.add(row["p"])
                    others.append(((name, number), document))
        found.update(generator.sample(others, min(OTHERS, len(others))))
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
    folds = {name: number % FOLDS for number, name in enumerate(sorted({each.document for each in asked}))}
    for each in asked:
        each.fold = folds[each.document]
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
    crossing = evidence.is_crossing(query, hits)
    return Asked(document.id, span is not None, query, hits, places, features, np.array(gold, dtype=bool), crossing)


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
        kind = asks_for(each.query.text)
        for row, (hit, start, end) in enumerate(each.places):
            if kind in kinds:
                holds = offers(hit.passage.text[start:end], kind, each.query.text)
                each.features[row, column] = kinds[kind][0 if holds else 1]


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


def fit_answers(asked: Sequence[Asked]) -> dict[str, float]:
    """Coefficients of the logistic model, by feature, and its intercept."""
    features = np.array([[each.answer_features[name] for name in ANSWER_FEATURES] for each in asked])
    scale = features.std(axis=0) + 1e-9
    truth = np.array([each.answerable for each in asked])
    model = LogisticRegression(C=0.3, class_weight="balanced", max_iter=5000).fit(features / scale, truth)
    weights = dict(zip(ANSWER_FEATURES, np.round(model.coef_[0] / scale, 5).tolist(), strict=True))
    return {"intercept": round(float(model.intercept_[0]), 5), **weights}


def fit(retriever: Retriever, asked: Sequence[Asked]) -> dict[str, Any]:
    """All three models, in their order."""
    kinds = fit_kinds(asked)
    with_kinds(asked, kinds)
    sentence = fit_sentences(asked)
    model: dict[str, Any] = {"kinds": kinds, "sentence": sentence, "answer": {}}
    for each in asked:
        each.answer_features = evidence.answer_features(retriever, each.query, each.hits, ranked(each, sentence), kinds)
    for name, crossing in (("same language", False), ("crossing", True)):
        model["answer"][name] = fit_answers([each for each in asked if each.crossing == crossing])
    return model


def said(retriever: Retriever, each: Asked, model: Mapping[str, Any]) -> tuple[list[ScoredSentence], float]:
    """What a fitted model makes of a question: its sentences in order, and the probability of an answer."""
    sentences = ranked(each, model["sentence"])
    features = evidence.answer_features(retriever, each.query, each.hits, sentences, model["kinds"])
    name = "crossing" if each.crossing else "same language"
    return sentences, evidence.logistic(features, model["answer"][name])


def report(retriever: Retriever, asked: Sequence[Asked]) -> dict[str, Any]:
    """Figures on questions left out of the fit, for same-language and crossing questions."""
    outcomes: dict[str, list[tuple[Asked, list[bool], float]]] = defaultdict(list)
    for number in tqdm(range(FOLDS), desc="folds", disable=None):
        model = fit(retriever, [each for each in asked if each.fold != number])
        held_back = [each for each in asked if each.fold == number]
        with_kinds(held_back, model["kinds"])
        for each in held_back:
            sentences, probability = said(retriever, each, model)
            gold = {
                (hit.passage.id, hit.passage.start + start)
                for (hit, start, _), right in zip(each.places, each.gold, strict=True)
                if right
            }
            right = [(sentence.passage.id, sentence.start) in gold for sentence in sentences[:3]]
            outcomes["crossing" if each.crossing else "same language"].append((each, right, probability))
    return {name: _figures(rows_of) for name, rows_of in sorted(outcomes.items())}


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
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        index.build(Path(folder), list(found.values()), IndexSettings(), corpus=Path(folder), created="")
        retriever = Retriever(index.load(Path(folder)), SearchSettings())
        asked = ask(retriever, questions, found)
        figures = report(retriever, asked)
        written = {**fit(retriever, asked), "report": figures}
    options.output.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
