"""Questions with known answers to figures: ranking metrics, answer recall and refusals, with intervals.

Ranking metrics come from `ir_measures`; a question whose passage is not found counts as zero in every mean.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import ir_measures
import numpy as np

from qa import index
from qa.config import IndexSettings
from qa.datatypes import Answer, Document, Passage
from qa.embedder import BUNDLED
from qa.errors import QuestionError
from qa.text import dominant_language, fold

# A question counts as found at k when any passage that holds its answer is among the first k.
MEASURES = {
    "recall@1": ir_measures.Success @ 1,
    "recall@3": ir_measures.Success @ 3,
    "recall@5": ir_measures.Success @ 5,
    "recall@10": ir_measures.Success @ 10,
    "MRR": ir_measures.RR @ 10,
    "nDCG@10": ir_measures.nDCG @ 10,
}
_RESAMPLES = 2000

Relevant = Mapping[str, Mapping[str, int]]  # question id -> unit id -> 1
Run = Mapping[str, Mapping[str, float]]  # question id -> unit id -> score
PerQuestion = dict[str, dict[str, float]]  # question id -> measure -> value


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """One line of a question file; `answers` and `documents` are empty where the corpus cannot answer.

    `short` holds the shortest spans that answer, where an answer is longer; `conflict` says that the documents
    disagree, each value being one of the answers.
    """

    id: str
    question: str
    language: str
    type: str
    documents: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    crossing: bool = False
    short: tuple[str, ...] = ()
    conflict: bool = False

    @property
    def shortest(self) -> tuple[str, ...]:
        """The spans that a short answer is compared with."""
        return self.short or self.answers

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds an answer."""
        return bool(self.answers)

    @property
    def pair(self) -> str:
        """Question language and whether the answer stands in another."""
        return f"{self.language} across" if self.crossing else self.language


@dataclass(frozen=True, slots=True)
class GoldTurn:
    """One question of a conversation; `means` is the complete question it stands for.

    A turn is standalone if it can be understood, and must be answered, without those before it.
    """

    question: str
    standalone: bool
    means: str
    documents: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    short: tuple[str, ...] = ()

    @property
    def shortest(self) -> tuple[str, ...]:
        """The spans that a short answer is compared with."""
        return self.short or self.answers


@dataclass(frozen=True, slots=True)
class GoldChain:
    """One line of a file of follow-up questions: a conversation of at least two turns, the first standalone."""

    id: str
    language: str
    turns: tuple[GoldTurn, ...]


Gold = TypeVar("Gold", GoldQuestion, GoldChain)


def read_questions(path: Path) -> list[GoldQuestion]:
    """The questions of a JSON Lines file.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    return _read(path, _question, "id, question, language, type")


def read_chains(path: Path) -> list[GoldChain]:
    """The conversations of a JSON Lines file.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    return _read(path, _chain, "id, language, turns")


def _read(path: Path, parse: Callable[[Mapping[str, Any]], Gold], needs: str) -> list[Gold]:
    records: list[Gold] = []
    identities: set[str] = set()
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # a line separator inside a string ends no line
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path} cannot be read as UTF-8 text; name a JSON Lines file of questions.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                records.append(parse(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise QuestionError(f"{path}, line {number}: needs JSON with {needs} ({error}).") from error
            if records[-1].id in identities:
                raise QuestionError(f"{path}, line {number}: the id {records[-1].id!r} stands in a line before.")
            identities.add(records[-1].id)
    if not records:
        raise QuestionError(f"{path} holds no questions.")
    return records


def _question(record: Mapping[str, Any]) -> GoldQuestion:
    return GoldQuestion(
        id=str(record["id"]),
        question=str(record["question"]),
        language=str(record["language"]),
        type=str(record["type"]),
        documents=_texts(record, "documents"),
        answers=_texts(record, "answers"),
        crossing=bool(record.get("crossing", False)),
        short=_texts(record, "short"),
        conflict=_truth(record, "conflict"),
    )


def _chain(record: Mapping[str, Any]) -> GoldChain:
    turns = record["turns"]
    if not isinstance(turns, list) or len(turns) < 2:
        raise TypeError("turns must be a list of at least two")
    chain = GoldChain(str(record["id"]), str(record["language"]), tuple(_turn(turn) for turn in turns))
    if not chain.turns[0].standalone:
        raise ValueError("the first turn must be standalone")
    return chain


def _turn(record: Mapping[str, Any]) -> GoldTurn:
    return GoldTurn(
        question=str(record["question"]),
        standalone=_truth(record, "standalone"),
        means=str(record["means"]),
        documents=_texts(record, "documents"),
        answers=_texts(record, "answers"),
        short=_texts(record, "short"),
    )


def _truth(record: Mapping[str, Any], key: str) -> bool:
    value = record.get(key, False)
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false")
    return value


def _texts(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = record.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise TypeError(f"{key} must be a list of texts, none empty")
    return tuple(values)


def relevant_passages(question: GoldQuestion, passages: Iterable[Passage]) -> dict[str, int]:
    """The passages of the gold documents that hold a gold answer, by id."""
    answers = [fold(answer) for answer in question.answers]
    return {
        str(passage.id): 1
        for passage in passages
        if passage.document_id in question.documents and any(answer in fold(passage.text) for answer in answers)
    }


def ranking_values(relevant: Relevant, run: Run) -> PerQuestion:
    """Every measure of every question of `relevant`; one absent from `run` has zeros."""
    values: PerQuestion = {question: dict.fromkeys(MEASURES, 0.0) for question in relevant}
    names = {measure: name for name, measure in MEASURES.items()}
    found = {question: ranked for question, ranked in run.items() if ranked}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), relevant, found):
        if metric.query_id in values:
            values[metric.query_id][names[metric.measure]] = float(metric.value)
    return values


def mean_interval(values: Sequence[float], seed: int = 0) -> dict[str, float]:
    """Mean, and the 95% interval of a percentile bootstrap over questions."""
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "count": 0}
    draws = np.random.default_rng(seed).integers(0, len(sample), size=(_RESAMPLES, len(sample)))
    low, high = np.percentile(sample[draws].mean(axis=1), [2.5, 97.5])
    return {"mean": float(sample.mean()), "low": float(low), "high": float(high), "count": len(sample)}


def answer_found(question: GoldQuestion, answer: Answer) -> bool:
    """Whether a gold answer stands inside a cited span of a gold document."""
    quotes = [
        fold(citation.quote) for citation in answer.citations if citation.passage.document_id in question.documents
    ]
    return any(fold(gold) in quote for gold in question.answers for quote in quotes)


def evaluate(
    questions: Sequence[GoldQuestion],
    passages: Sequence[Passage],
    ask: Callable[[str], Answer],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The report: each figure overall, by language pair and by type, and every question's own outcome."""
    answers: dict[str, Answer] = {}
    for done, question in enumerate(questions, 1):
        answers[question.id] = ask(question.question)
        progress(done, len(questions))
    relevant = {question.id: relevant_passages(question, passages) for question in questions if question.answerable}
    run = {
        key: {str(hit.passage.id): -float(rank) for rank, hit in enumerate(answer.hits)}
        for key, answer in answers.items()
    }
    values = ranking_values(relevant, run)
    for question in questions:
        answer = answers[question.id]
        mine = values.setdefault(question.id, {})
        if question.answerable:
            mine["answer recall"] = float(answer_found(question, answer))
            mine["wrongly refused"] = float(not answer.answered)
        else:
            mine["rightly refused"] = float(not answer.answered)
    outcomes = [_outcome(question, answers[question.id], values[question.id]) for question in questions]
    return {"figures": _figures(questions, values), "questions": outcomes}


def _outcome(question: GoldQuestion, answer: Answer, values: Mapping[str, float]) -> dict[str, Any]:
    cited = [{"document_id": citation.passage.document_id, "quote": citation.quote} for citation in answer.citations]
    return {**asdict(question), "answered": answer.answered, "confidence": answer.confidence, "cited": cited, **values}


def _figures(questions: Sequence[GoldQuestion], values: PerQuestion) -> dict[str, dict[str, dict[str, float]]]:
    groups: dict[str, list[GoldQuestion]] = defaultdict(list)
    for question in questions:
        groups["all"].append(question)
        groups[f"language: {question.pair if question.answerable else question.language + ' unanswerable'}"].append(
            question
        )
        groups[f"type: {question.type}"].append(question)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for group, members in groups.items():
        by_measure: dict[str, list[float]] = defaultdict(list)
        for question in members:
            for measure, value in values[question.id].items():
                by_measure[measure].append(value)
        figures[group] = {measure: mean_interval(sample) for measure, sample in by_measure.items()}
    return figures


@dataclass(frozen=True, slots=True)
class Case:
    """One question with the paragraphs that answer it (document ids) and the answers it has there."""

    id: str
    question: str
    documents: tuple[str, ...]
    answers: tuple[str, ...]


def read_squad(path: Path) -> tuple[dict[str, str], dict[str, Case]]:
    """Paragraph texts by id, and the questions by theirs, of a SQuAD-format file (gzip'd or not)."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    paragraphs: dict[str, str] = {}
    cases: dict[str, Case] = {}
    for article in articles:
        for paragraph in article["paragraphs"]:
            document = f"{len(paragraphs):06d}"
            paragraphs[document] = paragraph["context"]
            for question in paragraph["qas"]:
                answers = tuple(dict.fromkeys(answer["text"] for answer in question["answers"]))
                cases[question["id"]] = Case(question["id"], question["question"], (document,), answers)
    return paragraphs, cases


def paired_cases(questions: Path, passages: Path) -> tuple[dict[str, str], list[Case]]:
    """Paragraphs of one file, and the other's questions with the answers and paragraphs of the first."""
    paragraphs, golden = read_squad(passages)
    _, asked = read_squad(questions)
    return paragraphs, [replace(golden[key], question=case.question) for key, case in asked.items() if key in golden]


def mixed_cases(questions: Path, passages: Path) -> tuple[dict[str, str], list[Case]]:
    """The paragraphs of both parallel files together, and the first's questions, which either paragraph answers."""
    own, asked = read_squad(questions)
    others, golden = read_squad(passages)
    paragraphs = {f"own-{key}": text for key, text in own.items()} | {f"other-{k}": text for k, text in others.items()}
    cases = [
        replace(
            case,
            documents=(
                *(f"own-{each}" for each in case.documents),
                *(f"other-{each}" for each in golden[key].documents),
            ),
            answers=case.answers + golden[key].answers,
        )
        for key, case in asked.items()
        if key in golden
    ]
    return paragraphs, cases


def paragraph_index(folder: Path, paragraphs: Mapping[str, str], embedder: str = BUNDLED) -> index.SearchIndex:
    """An index in which every paragraph is one passage without a title."""
    documents = [
        Document(id=key, title="", text=text, path=key, language=dominant_language(text))
        for key, text in paragraphs.items()
    ]
    settings = IndexSettings(embedder=embedder, passage_bytes=100_000)
    index.build(folder, documents, settings, corpus=folder, created="")
    return index.load(folder)
