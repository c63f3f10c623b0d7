"""Questions with known answers to figures: ranking, citations, short answers, conflicts, refusals, with intervals.

Ranking metrics come from `ir_measures`. A question whose passage is not found, or that is refused, counts as zero in
every mean over answerable questions; what is measured of answers alone says so in its name and by its count.
"""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import IO, Any, TypeVar

import ir_measures
import numpy as np

from qa import index, question_files
from qa.chat import Chat
from qa.claims import numbers_claimed
from qa.config import IndexSettings
from qa.datatypes import Answer, Citation, Document, Passage
from qa.embedder import BUNDLED
from qa.errors import QuestionError
from qa.messages import Message
from qa.metrics import reliability, risk_coverage, short_answer_scores
from qa.significance import Values, mean_interval
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
SUPPORTING = "citations that support"  # a mean over citations; every other is one over questions

Relevant = Mapping[str, Mapping[str, int]]  # question id -> unit id -> 1
Run = Mapping[str, Mapping[str, float]]  # question id -> unit id -> score
PerQuestion = dict[str, dict[str, float]]  # question id -> measure -> value
Outcome = dict[str, Any]  # a question as the report holds it; its `measures` and `weights` go by measure
Figures = dict[str, dict[str, dict[str, float]]]  # group -> measure -> mean, low, high, count


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
    """One question of a conversation; `means` is the complete question it stands for, empty where nobody has said.

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
    return parse_questions(question_files.lines(path), str(path))


def parse_questions(lines: Iterable[tuple[int, str]], name: str) -> list[GoldQuestion]:
    """The questions of the numbered lines of a JSON Lines file of that name.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    return _parsed(lines, name, gold_question, "id, question, language, type")


def read_chains(path: Path) -> list[GoldChain]:
    """The conversations of a JSON Lines file.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    return parse_chains(question_files.lines(path), str(path))


def parse_chains(lines: Iterable[tuple[int, str]], name: str) -> list[GoldChain]:
    """The conversations of the numbered lines of a JSON Lines file of that name.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    return _parsed(lines, name, _chain, "id, language, turns")


def _parsed(
    lines: Iterable[tuple[int, str]], name: str, parse: Callable[[Mapping[str, Any]], Gold], needs: str
) -> list[Gold]:
    records: list[Gold] = []
    identities: set[str] = set()
    for number, line in lines:
        try:
            records.append(parse(json.loads(line)))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            told = {"path": name, "number": number, "needs": needs, "said": str(error)}
            raise QuestionError(Message("ungraded_question", told)) from error
        if records[-1].id in identities:
            raise QuestionError(Message("same_question", {"path": name, "number": number, "name": records[-1].id}))
        identities.add(records[-1].id)
    if not records:
        raise QuestionError(Message("no_questions", {"path": name}))
    return records


def gold_question(record: Mapping[str, Any]) -> GoldQuestion:
    """A line of a question file, read; raises KeyError or TypeError where it is none."""
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


def answer_found(question: "GoldQuestion | Case", answer: Answer) -> bool:
    """Whether a gold answer stands inside a cited span of a gold document."""
    quotes = [
        fold(citation.quote) for citation in answer.citations if citation.passage.document_id in question.documents
    ]
    return any(fold(gold) in quote for gold in question.answers for quote in quotes)


def supports(question: GoldQuestion, citation: Citation) -> bool:
    """Whether a cited span of a gold document shares text with a gold answer there, or holds it whole."""
    passage = citation.passage
    if passage.document_id not in question.documents:
        return False
    before, after = passage.text[: citation.start - passage.start], passage.text[citation.end - passage.start :]
    start = len(fold(before))
    end = start + len(fold(citation.quote))
    text = fold(before) + fold(citation.quote) + fold(after)
    answers = [fold(answer) for answer in question.answers]
    return any(
        found.start() < end and found.start() + len(answer) > start
        for answer in answers
        for found in re.finditer(f"(?={re.escape(answer)})", text)
    )


def conflict_shown(question: GoldQuestion, answer: Answer) -> bool:
    """Whether two spans of gold documents are shown as differing, each with another gold answer.

    A span shows a gold answer that holds it, or that it holds; two that state the same quantities, be it in two
    languages (225万, 2.25 million), are one value.
    """
    golds = question.shortest
    shown = [
        (citation.quote, {gold for gold in golds if _holds(citation.quote, gold) or _holds(gold, citation.quote)})
        for citation in answer.conflict
        if citation.passage.document_id in question.documents
    ]
    return any(
        values and others and values.isdisjoint(others) and not _same_quantities(quote, other)
        for (quote, values), (other, others) in combinations(shown, 2)
    )


def _holds(text: str, part: str) -> bool:
    """Whether a text holds another, not as part of a longer number."""
    return re.search(rf"(?<!\d){re.escape(fold(part))}(?!\d)", fold(text)) is not None


def _same_quantities(one: str, other: str) -> bool:
    values, others = set(numbers_claimed(one)), set(numbers_claimed(other))
    return bool(values) and values == others


def answer_measures(question: GoldQuestion, answer: Answer) -> dict[str, float]:
    """What an answer is worth, by measure.

    Of an unanswerable question only whether it is refused. Of an answerable one, zeros where it is refused, and without
    a short answer `exact match` and `F1` of 0; the measures of answers alone are left out then.
    """
    if not question.answerable:
        return {"rightly refused": float(not answer.answered)}
    supporting = [supports(question, citation) for citation in answer.citations]
    precision = sum(supporting) / max(1, len(supporting))
    exact, overlap = short_scores(question.shortest, answer)
    measures = {
        "answer recall": float(answer_found(question, answer)),
        "wrongly refused": float(not answer.answered),
        "citation precision": precision,
        "exact match": exact,
        "F1": overlap,
        "conflict shown" if question.conflict else "false conflict": float(
            conflict_shown(question, answer) if question.conflict else bool(answer.conflict)
        ),
    }
    if answer.answered:
        measures |= {SUPPORTING: precision, "short where answered": float(answer.short is not None)}
    if answer.short is not None:
        measures |= {"exact match where short": exact, "F1 where short": overlap}
    return measures


def short_scores(golds: Sequence[str], answer: Answer) -> tuple[float, float]:
    """Exact match and F1 of the short answer, as defined for the language of the passage it is cut from; 0 without."""
    if answer.short is None:
        return 0.0, 0.0
    return short_answer_scores(answer.short.quote, golds, dominant_language(answer.short.passage.text))


def never_refusing(chat: Chat) -> Chat:
    """The same, but answering whatever the confidence."""
    return Chat(chat.index, replace(chat.settings, answer=replace(chat.settings.answer, minimum_confidence=0.0)))


def evaluate(
    questions: Sequence[GoldQuestion],
    passages: Sequence[Passage],
    ask: Callable[[str], Answer],
    ask_anyway: Callable[[str], Answer],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The report: every figure by group of questions, what confidence is worth, and every question's own outcome.

    Args:
        questions: with known answers.
        passages: all of the index.
        ask: answers or refuses.
        ask_anyway: answers, and is asked what was refused, to know what the refusals cost and save.
        progress: called with the questions done and their number.

    Returns:
        `figures`: by group and measure the mean, its interval and its count. `confidence`: see `confidence_report`.
        `questions`: what was asked, known, given and measured.
    """
    attempts: list[Attempt] = []
    for attempt in attempted(questions, ask, ask_anyway):
        attempts.append(attempt)
        progress(len(attempts), len(questions))
    return report(attempts, passages)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A question and its answer; `right` where what is cited, or would be without refusals, holds a gold answer."""

    question: GoldQuestion
    answer: Answer
    right: bool


def attempted(
    questions: Iterable[GoldQuestion], ask: Callable[[str], Answer], ask_anyway: Callable[[str], Answer]
) -> Iterator[Attempt]:
    """Each question once it is answered, arguments as `evaluate` takes them; whoever asks for no more ends it."""
    for question in questions:
        answer = ask(question.question)
        right = answer_found(question, answer if answer.answered else ask_anyway(question.question))
        yield Attempt(question, answer, right)


def report(attempts: Sequence[Attempt], passages: Sequence[Passage]) -> dict[str, Any]:
    """What `evaluate` returns, of questions that are answered already; at least one."""
    questions, answers = [each.question for each in attempts], [each.answer for each in attempts]
    relevant = {question.id: relevant_passages(question, passages) for question in questions if question.answerable}
    run = {
        question.id: {str(hit.passage.id): -float(rank) for rank, hit in enumerate(answer.hits)}
        for question, answer in zip(questions, answers, strict=True)
    }
    ranked = ranking_values(relevant, run)
    held = [not run[question.id].keys().isdisjoint(relevant.get(question.id, {})) for question in questions]
    outcomes = []
    for question, answer, true in zip(questions, answers, held, strict=True):
        error = {"Brier score": (answer.confidence - float(true)) ** 2}
        measures = ranked.get(question.id, {}) | answer_measures(question, answer) | error
        outcomes.append(outcome(question, answer, measures))
    return {
        "figures": figures(outcomes, {question.id: _groups(question) for question in questions}),
        "confidence": confidence_report(answers, held, [each.right for each in attempts]),
        "questions": outcomes,
    }


def confidence_report(answers: Sequence[Answer], held: Sequence[bool], right: Sequence[bool]) -> dict[str, Any]:
    """What confidence is worth over all questions, answerable or not.

    Args:
        answers: one a question.
        held: whether its hits hold a gold answer, of which confidence is the probability.
        right: whether what is cited, or would be without refusals, holds a gold answer.

    Returns:
        `reliability` and `risk and coverage` as `qa.metrics` defines them, and `answered`, the coverage and risk of the
        refusals as they are (no risk where nothing is answered).
    """
    confidences = [answer.confidence for answer in answers]
    wrong = [not true for answer, true in zip(answers, right, strict=True) if answer.answered]
    return {
        "reliability": reliability(confidences, held),
        "risk and coverage": risk_coverage(confidences, right),
        "answered": {"coverage": len(wrong) / len(answers), "risk": sum(wrong) / len(wrong) if wrong else None},
    }


def outcome(question: GoldQuestion, answer: Answer, measures: Mapping[str, float]) -> Outcome:
    """A question as a report holds it, in plain JSON values: what was asked and known, given and measured."""
    given = {
        "answered": answer.answered,
        "confidence": answer.confidence,
        "citations": [_span(citation) for citation in answer.citations],
        "short": None if answer.short is None else answer.short.quote,
        "conflict": [_span(citation) for citation in answer.conflict],
        "searched_as": answer.searched_as,
    }
    weights = {SUPPORTING: len(answer.citations)} if SUPPORTING in measures else {}
    known = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(question).items()}
    return {**known, "given": given, "measures": dict(measures), "weights": weights}


def _span(citation: Citation) -> dict[str, str]:
    return {"document_id": citation.passage.document_id, "quote": citation.quote}


def _groups(question: GoldQuestion) -> list[str]:
    language = question.pair if question.answerable else f"{question.language} unanswerable"
    groups = ["all", f"language: {language}", f"type: {question.type}"]
    if question.type in ("why", "how"):
        groups.append("why and how")
    if question.conflict:
        groups.append("conflict")
    return groups


def figures(outcomes: Sequence[Outcome], groups: Mapping[str, Sequence[str]]) -> Figures:
    """Every measure's mean over every group, with its interval and the number of questions it is of.

    Args:
        outcomes: as `outcome` makes them.
        groups: those of each question, by id.
    """
    members: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        for group in groups[each["id"]]:
            members[group].append(each)
    return {
        group: {
            measure: mean_interval(values[weights > 0], weights[weights > 0])
            for measure in measures_of(inside)
            for values, weights in [weighted_values(inside, measure)]
        }
        for group, inside in members.items()
    }


def outcomes_of(report: Mapping[str, Any]) -> list[Outcome]:
    """Every outcome of a report: those of its questions, then those of its follow-ups, where it has any."""
    return [*report["questions"], *report.get("follow_ups", {"questions": []})["questions"]]


def measures_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The measures that any of the outcomes has, in the order they come up."""
    return list(dict.fromkeys(measure for each in outcomes for measure in each["measures"]))


def weighted_values(outcomes: Sequence[Outcome], measure: str) -> tuple[Values, Values]:
    """A value and a weight for every outcome; both 0 where it has no such measure."""
    values = np.array([each["measures"].get(measure, 0.0) for each in outcomes], dtype=np.float64)
    weights = [each["weights"].get(measure, 1.0) if measure in each["measures"] else 0.0 for each in outcomes]
    return values, np.array(weights, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Case:
    """One question with the paragraphs that answer it (document ids) and the answers it has there."""

    id: str
    question: str
    documents: tuple[str, ...]
    answers: tuple[str, ...]


def _opened(path: Path) -> IO[str]:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def read_squad(path: Path) -> tuple[dict[str, str], dict[str, Case]]:
    """Paragraph texts by id, and the questions by theirs, of a SQuAD-format file (gzip'd or not)."""
    with _opened(path) as file:
        return parse_squad(json.load(file))


def parse_squad(content: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Case]]:
    """The same of what such a file holds, as parsed JSON; raises KeyError or TypeError where it is none."""
    articles = content["data"]
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


def article_of_each(path: Path) -> dict[str, int]:
    """The number of the article each paragraph of a SQuAD-format file belongs to, by the ids of `read_squad`."""
    with _opened(path) as file:
        articles = json.load(file)["data"]
    numbers = (number for number, article in enumerate(articles) for _ in article["paragraphs"])
    return {f"{place:06d}": number for place, number in enumerate(numbers)}


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
