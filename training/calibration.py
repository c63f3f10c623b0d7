"""Fits how passages and sentences are ranked and when to refuse: `python -m training.calibration --data DIR`.

Asked are the hand-written questions of `questions.jsonl` (half of them near misses that no passage answers) and the
questions that the data itself has on passages that the model has not learned from, in an index of these among two
thousand others, in both languages, every paragraph whole; those written by hand also where the paragraphs are cut as
usual, and in small indexes of ninety passages on thirty subjects; each answerable one also with its passage left out,
and some of a small index that has nothing on them. Fitted are, in this order, how telling each kind of answer is (a
likelihood ratio) and the passage model (a softmax over the candidates of a question), both on whole paragraphs, the
sentence model (likewise a softmax), and the refusal model (logistic, one for each pair of question and passage
language). So that neither language is favoured where both speak of one subject, the passage model is fitted on parallel
texts as well, cut into windows of which every second stands in one language alone: a sentence of a window, with half of
its words left out, asks for it in either. Figures for passages come from five folds of the asked-about passages; those
for sentences and refusals too, with the passage model's few numbers fitted on all.
"""

import argparse
import json
import math
import random
import re
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logsumexp
from sklearn.metrics import brier_score_loss, roc_auc_score
from tqdm import tqdm

from qa import evidence, index
from qa.config import AnswerSettings, IndexSettings, SearchSettings
from qa.datatypes import Document, Hit
from qa.evidence import ANSWER_FEATURES, SENTENCE_FEATURES, ScoredSentence
from qa.index import SearchIndex
from qa.query import Query
from qa.question import asks_for, kind_evidence, offers
from qa.ranking import PASSAGE_FEATURES, linear
from qa.reading import Reading, read
from qa.retriever import Retriever
from qa.text import dominant_language
from training.sources import FITTED_ON, for_fitting, parallel, rows

OUTPUT = Path(__file__).parents[1] / "qa" / "calibration.json"
QUESTIONS = Path(__file__).with_name("questions.jsonl")
MORE = tuple(Path(__file__).with_name(name) for name in ("spans.jsonl", "near_misses.jsonl"))
MORE_OF_EACH = 700  # questions taken of these for each pair of languages, and as many near misses
REFUSED = 0.07  # share of the answerable questions that may be refused
OTHERS = 1000  # passages of each language among which the asked ones stand
SMALL = 10  # small indexes that share the asked passages out among them
NEIGHBOURS = 2  # passages next to each asked one in its source, so that a small index has several on one subject
WHOLE = IndexSettings(passage_bytes=100_000)  # every paragraph one passage
PARALLEL = {"ntrex.en-zh-CN": False, "tico19.en-zh": False, "mlqe_pe.en-zh": True}  # whether its English is tokenised
WINDOW = 4  # sentences of parallel text
PARALLEL_QUESTIONS = 500
STRANGERS = 90  # questions asked of a small index whose passages are in another
NEAR = 15  # rows of the source within which a passage is a neighbour
POOLS = {
    "zh": ("cmrc2018_trial.zh", "drcd_dev.zh-hant", "kdconv_info.zh"),
    "en": ("openstax_heading-para.en",),
}
FOLDS = 5
SORTS = ("answerable", "near miss", "left out", "stranger")  # of questions, the last two by their passage
SORT_WEIGHTS = (1.0, 1.0, 1.0, 2.0)  # of each sort as a whole; the unanswerable together weigh as the answerable
FOR = (  # what speaks for an answer; all other features speak against one
    "passage alignment", "sentence alignment", "dense", "passage margin", "lead over the last", "lexical share",
    "word for word", "sentence score", "sentence margin", "short answer", "sentence with the answer",
)  # fmt: skip
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Features = NDArray[np.float64]


@dataclass(slots=True)
class Asked:
    """One question with what was found for it; `gold` tells, for each sentence, whether it holds the answer.

    Only where `refusal` says so is the refusal model fitted on it. `sort` is one of `SORTS`.
    """

    retriever: Retriever
    document: str
    answerable: bool
    query: Query
    hits: list[Hit]
    places: list[tuple[Hit, int, int]]
    features: Features
    gold: NDArray[np.bool_]
    pair: str
    sort: str
    refusal: bool = True
    answer_features: dict[str, float] = field(default_factory=dict)

    @property
    def fold(self) -> int:
        """The part of the passages its own belongs to, the same in every index."""
        return fold_of(self.document)


@dataclass(frozen=True, slots=True)
class Setting:
    """An index with the questions asked of it, and some on passages that it does not hold."""

    index: SearchIndex
    questions: Sequence[Mapping[str, Any]]
    strangers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one answerable question in their order by fusion; `gold` tells which hold the answer.

    `balanced` tells whether it is of a set that has as many questions for each pair of languages.
    """

    document: str
    balanced: bool
    pair: str
    features: Features
    gold: NDArray[np.bool_]


def fold_of(document: str) -> int:
    """The part of the passages a document belongs to."""
    return zlib.crc32(document.encode()) % FOLDS


def documents(
    data: Path, questions: Sequence[Mapping[str, Any]], natural: Sequence[Mapping[str, Any]], seed: int
) -> dict[tuple[str, int], Document]:
    """The passages asked about and `OTHERS` more of each language, as documents by file and row.

    Those asked about by hand come with their neighbours.
    """
    generator = random.Random(seed)
    wanted = {(question["file"], question["row"]) for question in questions}
    plain = {(question["file"], question["row"]) for question in natural}
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
            for number in (number for number, row in enumerate(read) if (name, number) in plain):
                if read[number]["p"] not in taken:
                    taken.add(read[number]["p"])
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
    """The data's own questions on passages that the model has not learned from; these share the text's words.

    The first on each passage that is asked about by hand is marked: it fits the refusal model too.
    """
    by_hand = {(question["file"], question["row"]) for question in questions}
    found: list[dict[str, Any]] = []
    for name in FITTED_ON:
        read = list(rows(data / "question_passage" / f"{name}.jsonl.gz"))
        asked_of = {row["p"]: number for number, row in reversed(list(enumerate(read))) if for_fitting(row["p"])}
        asked_of |= {read[number]["p"]: number for file, number in by_hand if file == name}
        marked: set[int] = set()
        for row in read:
            if row["a"] and row["a"][0] in row["p"] and row["p"] in asked_of:
                number, places = asked_of[row["p"]], re.finditer(re.escape(row["a"][0]), row["p"])
                spans = [list(place.span()) for place in places]
                first = (name, number) in by_hand and number not in marked
                marked |= {number}
                found.append({"file": name, "row": number, "question": row["q"], "answers": spans, "refusal": first})
    return found


def more_questions(data: Path, seed: int) -> list[dict[str, Any]]:
    """Some of the further hand-written questions of each pair of languages; they fit sentences and refusals alone."""
    generator = random.Random(seed)
    passages: dict[str, list[dict[str, Any]]] = {}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for file in MORE:
        for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            name = record["file"]
            if name not in passages:
                passages[name] = list(rows(data / "question_passage" / f"{name}.jsonl.gz"))
            language = dominant_language(passages[name][record["row"]]["p"])
            answers = [record["answer"]] if "answer" in record else []
            question = {key: record[key] for key in ("file", "row", "question")}
            groups[file.stem, record["language"], language].append(
                {**question, "answers": answers, "refusal": True, "whole": True}
            )
    return [
        each for _, group in sorted(groups.items()) for each in generator.sample(group, min(MORE_OF_EACH, len(group)))
    ]


def answer_spans(question: Mapping[str, Any]) -> list[list[int]]:
    """Where a question's passage holds its answer: once for one written by hand, else wherever its words stand."""
    return [question["answer"]] if "answer" in question else question.get("answers", [])


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


def build_settings(
    folder: Path,
    questions: Sequence[Mapping[str, Any]],
    natural: Sequence[Mapping[str, Any]],
    found: Mapping[tuple[str, int], Document],
    seed: int,
) -> list[Setting]:
    """The indexes, written into `folder`; of the first, with whole paragraphs, every question is asked."""
    generator = random.Random(seed)
    marked = [*questions, *(each for each in natural if each["refusal"] and "whole" not in each)]
    settings: list[Setting] = []
    large, *small = corpora(questions, found, seed)
    built = [(large, WHOLE), *((keys, IndexSettings()) for keys in (large, *small))]
    for number, (keys, how) in enumerate(built):
        place = folder / str(number)
        place.mkdir()
        index.build(place, [found[key] for key in keys], how, corpus=place, created="")
        held = set(keys)
        asked = [*questions, *natural] if how is WHOLE else marked
        mine = [question for question in asked if (question["file"], question["row"]) in held]
        others = [question for question in marked if (question["file"], question["row"]) not in held]
        strangers = generator.sample(others, min(STRANGERS, len(others)))
        settings.append(Setting(index.load(place), mine, strangers))
    return settings


def candidates(
    settings: Sequence[Setting], found: Mapping[tuple[str, int], Document], kinds: Mapping[str, Sequence[float]]
) -> list[Candidates]:
    """The candidates of every answerable question of every index."""
    gathered: list[Candidates] = []
    for setting in settings:
        retriever = Retriever(setting.index, SearchSettings(), {"kinds": kinds})
        answerable = [each for each in setting.questions if answer_spans(each) and "whole" not in each]
        for question in tqdm(answerable, desc="finding", disable=None):
            document, spans = found[question["file"], question["row"]], answer_spans(question)
            query, hits, features = retriever.candidates(question["question"])
            gold = [
                hit.passage.document_id == document.id and _holds(hit.passage.start, hit.passage.end, spans)
                for hit in hits
            ]
            pair = f"{query.language} to {document.language}"
            by_hand = "answer" in question
            gathered.append(Candidates(document.id, by_hand, pair, features, np.array(gold, dtype=bool)))
    return gathered


def parallel_candidates(data: Path, folder: Path, kinds: Mapping[str, Sequence[float]], seed: int) -> list[Candidates]:
    """The candidates of sentences with half of their words left out, asked of windows of parallel text.

    Of neighbouring windows one stands in English alone, the next in Chinese alone; a sentence of either may ask in
    either language. The index is written into `folder`.
    """
    generator = random.Random(seed)
    windows: list[Document] = []
    asked: list[tuple[str, str]] = []
    for name, tokenised in PARALLEL.items():
        for number, run in enumerate(parallel(data, name, tokenised=tokenised)):
            for start in range(0, len(run), WINDOW):
                pairs, side = run[start : start + WINDOW], (start // WINDOW + number) % 2
                identity = f"{name}-{number:05d}-{start:02d}"
                text = "\n".join(pair[side] for pair in pairs)
                windows.append(Document(identity, "", text, identity, ("en", "zh")[side]))
                asked.append((identity, generator.choice(generator.choice(pairs))))
    index.build(folder, windows, WHOLE, corpus=folder, created="")
    retriever = Retriever(index.load(folder), SearchSettings(), {"kinds": kinds})
    gathered: list[Candidates] = []
    for identity, sentence in generator.sample(asked, min(PARALLEL_QUESTIONS, len(asked))):
        spans = retriever.index.aligner.token_spans(sentence)
        kept = [sentence[start:end] for _, start, end in spans if generator.random() < 0.5]
        joint = "" if dominant_language(sentence) == "zh" else " "
        query, hits, features = retriever.candidates(joint.join(kept) or sentence)
        gold = np.array([hit.passage.document_id == identity for hit in hits], dtype=bool)
        gathered.append(Candidates(identity, True, f"{query.language} parallel", features, gold))
    return gathered


def _holds(start: int, end: int, spans: Sequence[Sequence[int]]) -> bool:
    return any(start <= span[0] < end for span in spans)


def ask_all(
    settings: Sequence[Setting],
    found: Mapping[tuple[str, int], Document],
    search: SearchSettings,
    fitted: Mapping[str, Any],
) -> list[Asked]:
    """Every question asked of every index, each answerable one also with its passage left out, and the strangers."""
    asked: list[Asked] = []
    for setting in settings:
        retriever = Retriever(setting.index, search, fitted)
        for question in tqdm(setting.questions, desc="asking", disable=None):
            document, refusal = found[question["file"], question["row"]], question.get("refusal", True)
            query, hits = retriever.search(question["question"])
            spans = answer_spans(question)
            sort = "answerable" if spans else "near miss"
            asked.append(_asked(retriever, query, hits, document, spans, sort, refusal))
            if spans and refusal:
                without = [hit for hit in hits if hit.passage.document_id != document.id]
                asked.append(_asked(retriever, query, without, document, [], "left out"))
        for question in setting.strangers:
            query, hits = retriever.search(question["question"])
            asked.append(_asked(retriever, query, hits, found[question["file"], question["row"]], [], "stranger"))
    return asked


def _asked(
    retriever: Retriever,
    query: Query,
    hits: list[Hit],
    document: Document,
    spans: list[list[int]],
    sort: str,
    refusal: bool = True,
) -> Asked:
    some = hits[: AnswerSettings().passages_read]
    reading = _read(retriever, query, some)
    places = [(hits[passage], start, end) for passage, start, end in reading.places]
    gold = [
        hit.passage.document_id == document.id and _holds(hit.passage.start + start, hit.passage.start + end, spans)
        for hit, start, end in places
    ]
    return Asked(
        retriever=retriever,
        document=document.id,
        answerable=bool(spans),
        query=query,
        hits=hits,
        places=places,
        features=evidence.sentence_features(retriever, query, some, reading),
        gold=np.array(gold, dtype=bool),
        pair=evidence.language_pair(retriever.index, query, hits),
        sort=sort,
        refusal=refusal,
    )


def _read(retriever: Retriever, query: Query, hits: Sequence[Hit]) -> Reading:
    return read(retriever.index, query, [hit.passage.id for hit in hits])


def fit_kinds(asked: Iterable[Asked]) -> dict[str, list[float]]:
    """For each kind, the log likelihood ratios of a sentence that holds it and of one that does not.

    A kind whose holding does not speak for a sentence is left out.
    """
    counts: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.ones((2, 2)))  # [gold][offers], one added
    for each in asked:
        kind = asks_for(each.query.text)
        if kind is not None and each.gold.any():
            for (hit, start, end), gold in zip(each.places, each.gold, strict=True):
                counts[kind][int(gold), int(offers(hit.passage.text[start:end], kind, each.query.text))] += 1
    fitted = {}
    for kind, table in sorted(counts.items()):
        shares = table / table.sum(axis=1, keepdims=True)
        holding, lacking = (round(math.log(shares[1, i] / shares[0, i]), 4) for i in (1, 0))
        if holding > 0.0 > lacking:
            fitted[kind] = [holding, lacking]
    return fitted


def with_kinds(asked: Sequence[Asked], kinds: Mapping[str, Sequence[float]]) -> None:
    """Writes the kind's ratio into the features of every sentence."""
    column = SENTENCE_FEATURES.index("kind")
    for each in asked:
        texts = [hit.passage.text[start:end] for hit, start, end in each.places]
        each.features[:, column] = kind_evidence(texts, each.query.text, kinds)


def fit_softmax(
    examples: Sequence[tuple[Features, NDArray[np.bool_]]], names: Sequence[str], penalty: float
) -> dict[str, float]:
    """Weights under which the gold rows are likeliest among their question's, by feature.

    Args:
        examples: of each question the features of its rows, shape (rows, features), and which rows are gold.
        names: the features.
        penalty: of the squared weights, for features scaled to a deviation of one.
    """
    found = [(features, gold) for features, gold in examples if gold.any()]
    table, gold = np.concatenate([features for features, _ in found]), np.concatenate([gold for _, gold in found])
    scale = table.std(axis=0) + 1e-9
    table = table / scale
    starts = np.cumsum([0, *(len(features) for features, _ in found[:-1])])
    question = np.repeat(np.arange(len(found)), [len(features) for features, _ in found])

    def loss(weights: Features) -> tuple[float, Features]:
        scores = table @ weights
        exponents = np.exp(scores - np.maximum.reduceat(scores, starts)[question])
        everywhere = np.add.reduceat(exponents, starts)
        on_gold = np.add.reduceat(exponents * gold, starts)
        slope = (exponents / everywhere[question] - exponents * gold / on_gold[question]) @ table
        mean = float((np.log(everywhere) - np.log(on_gold)).mean())
        return mean + penalty * weights @ weights, slope / len(found) + 2 * penalty * weights

    best = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / scale
    return {name: round(float(weight), 5) for name, weight in zip(names, best, strict=True)}


def fit_passages(found: Sequence[Candidates]) -> dict[str, float]:
    """The passage model.

    What a passage in the other language is given beforehand is fitted last, on the sets that have as many questions
    for each pair of languages, or it would only say which pair is the commonest.
    """
    weights = fit_softmax([(each.features, each.gold) for each in found], PASSAGE_FEATURES, penalty=1e-2)
    column = PASSAGE_FEATURES.index("crossing")
    scored = [
        (linear(each.features, {**weights, "crossing": 0.0}, PASSAGE_FEATURES), each.features[:, column], each.gold)
        for each in found
        if each.balanced and each.gold.any()
    ]

    def loss(crossing: float) -> float:
        moved = [(scores + crossing * flags, gold) for scores, flags, gold in scored]
        return float(sum(logsumexp(scores) - logsumexp(scores[gold]) for scores, gold in moved))

    best = minimize_scalar(loss, bounds=(-10.0, 10.0), method="bounded").x
    return {**weights, "crossing": round(float(best), 5)}


def fit_sentences(asked: Sequence[Asked]) -> dict[str, float]:
    """The sentence model."""
    return fit_softmax([(each.features, each.gold) for each in asked], SENTENCE_FEATURES, penalty=2e-3)


def ranked(each: Asked, weights: Mapping[str, float]) -> list[ScoredSentence]:
    """The question's sentences by the sentence model, best first."""
    scores = linear(each.features, weights, SENTENCE_FEATURES)
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    return [
        ScoredSentence(hit, hit.passage.start + start, hit.passage.start + end, float(scores[row]), row)
        for row in order
        for hit, start, end in [each.places[row]]
    ]


def fit_answers(asked: Sequence[Asked], penalty: float = 1e-3) -> dict[str, float]:
    """Coefficients of the logistic model, by feature, and its intercept; both outcomes weigh alike.

    What speaks for an answer never counts against it, nor the other way round, however the examples happen to fall.
    Of the unanswerable questions, strangers weigh twice as much as either other sort.
    """
    features = np.array([[each.answer_features[name] for name in ANSWER_FEATURES] for each in asked])
    scale = features.std(axis=0) + 1e-9
    table = np.hstack([np.ones((len(asked), 1)), features / scale])
    signs = np.where([each.answerable for each in asked], 1.0, -1.0)
    sorts = np.array([SORTS.index(each.sort) for each in asked])
    counts = np.bincount(sorts, minlength=len(SORTS))
    of_sort = np.where(counts > 0, SORT_WEIGHTS, 0.0)
    of_sort[1:] *= of_sort[0] / max(of_sort[1:].sum(), 1e-9)
    weights = (of_sort / max(of_sort.sum(), 1e-9))[sorts] / counts[sorts]

    def loss(model: Features) -> tuple[float, Features]:
        margins = signs * (table @ model)
        slope = -(weights * signs * expit(-margins)) @ table
        held = np.concatenate([[0.0], model[1:]])
        return float(weights @ np.logaddexp(0.0, -margins) + penalty * held @ held), slope + 2 * penalty * held

    bounds = [(None, None), *((0.0, None) if name in FOR else (None, 0.0) for name in ANSWER_FEATURES)]
    best = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    fitted = dict(zip(ANSWER_FEATURES, np.round(best[1:] / scale, 5).tolist(), strict=True))
    return {"intercept": round(float(best[0]), 5), **fitted}


def with_answer_features(asked: Iterable[Asked], weights: Mapping[str, float]) -> None:
    """Writes what speaks for an answer, by the sentences that the sentence model puts first."""
    for each in tqdm([each for each in asked if each.refusal], desc="weighing", disable=None):
        sentences = ranked(each, weights)
        reading = _read(each.retriever, each.query, each.hits[: AnswerSettings().passages_read])
        found = evidence.look_into(each.retriever, each.query, reading, sentences)
        each.answer_features = evidence.answer_features(each.retriever, each.query, each.hits, found)


def fit_refusing(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """The refusal model of each pair of languages."""
    fitted_on = [each for each in asked if each.refusal]
    pairs = sorted({each.pair for each in fitted_on})
    return {pair: fit_answers([each for each in fitted_on if each.pair == pair]) for pair in pairs}


def fit_thresholds(asked: Sequence[Asked]) -> dict[str, float]:
    """For each pair of languages the probability below which `REFUSED` of the answerable questions are refused.

    The probabilities are those of models fitted without the questions they judge.
    """
    judged: dict[str, list[float]] = defaultdict(list)
    for each, probability in _left_out(asked):
        if each.answerable:
            judged[each.pair].append(probability)
    return {pair: round(float(np.quantile(found, REFUSED)), 4) for pair, found in sorted(judged.items())}


def _left_out(asked: Sequence[Asked]) -> Iterator[tuple[Asked, float]]:
    """Every question that fits the refusal model, with its probability by a model fitted on the other folds."""
    used = [each for each in asked if each.refusal]
    for number in range(FOLDS):
        models = fit_refusing([each for each in used if each.fold != number])
        for each in used:
            if each.fold == number:
                yield each, evidence.logistic(each.answer_features, models[each.pair])


def report_passages(found: Sequence[Candidates]) -> dict[str, Any]:
    """How often the right passage is among the candidates, and first by the model, on passages left out of the fit."""
    outcomes: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for number in range(FOLDS):
        weights = fit_passages([each for each in found if fold_of(each.document) != number])
        for each in found:
            if fold_of(each.document) == number:
                scores = linear(each.features, weights, PASSAGE_FEATURES)
                first = bool(len(scores)) and bool(each.gold[int(scores.argmax())])
                outcomes[each.pair].append((each.gold.any().item(), first))
    return {
        pair: {
            "questions": len(rows),
            "among the candidates": round(float(np.mean([held for held, _ in rows])), 4),
            "first": round(float(np.mean([first for _, first in rows])), 4),
        }
        for pair, rows in sorted(outcomes.items())
    }


def report(asked: Sequence[Asked]) -> dict[str, Any]:
    """Figures on questions left out of the fit, for each pair of languages.

    The refusal model's features come from the sentence model of all questions, its coefficients from the others alone.
    """
    outcomes: dict[str, list[tuple[Asked, list[bool], float]]] = defaultdict(list)
    for number in tqdm(range(FOLDS), desc="folds", disable=None):
        others = [each for each in asked if each.fold != number]
        held_back = [each for each in asked if each.fold == number]
        kinds, refusing = fit_kinds(others), fit_refusing(others)
        with_kinds([*others, *held_back], kinds)
        weights = fit_sentences(others)
        for each in held_back:
            scores = linear(each.features, weights, SENTENCE_FEATURES)
            right = each.gold[np.argsort(-scores, kind="stable")[:3]].tolist()
            probability = evidence.logistic(each.answer_features, refusing[each.pair]) if each.refusal else math.nan
            outcomes[each.pair].append((each, right, probability))
    every = [outcome for found in outcomes.values() for outcome in found]
    return {name: _figures(found) for name, found in [("all", every), *sorted(outcomes.items())]}


def _figures(outcomes: Sequence[tuple[Asked, list[bool], float]]) -> dict[str, Any]:
    truth = np.array([each.answerable for each, _, _ in outcomes if each.refusal])
    sorts = np.array([each.sort for each, _, _ in outcomes if each.refusal])
    probability = np.array([probability for each, _, probability in outcomes if each.refusal])
    rights = [right for each, right, _ in outcomes if each.answerable]
    return {
        "questions with an answer": len(rights),
        "right sentence first": round(float(np.mean([right[:1] == [True] for right in rights])), 4),
        "right sentence in three": round(float(np.mean([any(right) for right in rights])), 4),
        "questions to refuse or not": len(truth),
        "of these answerable": int(truth.sum()),
        "area under the curve": round(float(roc_auc_score(truth, probability)), 4),
        "Brier score": round(float(brier_score_loss(truth, probability)), 4),
        "by threshold": {
            f"{threshold:.1f}": {
                "answerable refused": round(float((probability[truth] < threshold).mean()), 4),
                **{
                    f"{sort} refused": round(float((probability[sorts == sort] < threshold).mean()), 4)
                    for sort in SORTS[1:]
                    if (sorts == sort).any()
                },
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
    natural = [*natural_questions(options.data, questions), *more_questions(options.data, options.seed)]
    found = documents(options.data, questions, natural, options.seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = build_settings(Path(folder), questions, natural, found, options.seed)
        fitted: dict[str, Any] = {"kinds": {}}
        fitted["kinds"] = fit_kinds(ask_all(settings[:1], found, SearchSettings(ranked=0), fitted))
        gathered = candidates(settings[:1], found, fitted["kinds"])
        (place := Path(folder) / "parallel").mkdir()
        gathered += parallel_candidates(options.data, place, fitted["kinds"], options.seed)
        fitted["passage"] = fit_passages(gathered)
        asked = ask_all(settings, found, SearchSettings(), fitted)
        fitted["sentence"] = fit_sentences(asked)
        with_answer_features(asked, fitted["sentence"])
        fitted["answer"] = fit_refusing(asked)
        fitted["threshold"] = fit_thresholds(asked)
        figures = {"passages": report_passages(gathered), **report(asked)}
    fitted["report"] = figures
    options.output.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
