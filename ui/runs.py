"""What one visitor has measured: the runs, what of them is looked at, and how each question fared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from qa import comparison
from qa.chains import TurnAttempt, chains_report
from qa.chat import Chat
from qa.config import Settings
from qa.datatypes import Passage
from qa.errors import ReportError
from qa.evaluation import Attempt, Outcome, outcomes_of, relevant_passages, report
from qa.failures import Failure
from qa.messages import Message
from qa.question_sets import QuestionSet

MOST_RUNS = 6  # that are kept of a visitor; the oldest goes first

Kind = Failure | Literal["all", "failed"]


@dataclass(frozen=True, slots=True)
class Found:
    """The passages that hold a gold answer to a question, and those that were found, best first."""

    expected: tuple[Passage, ...]
    found: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A report, and where it comes from.

    Attributes:
        number: among the runs of the visitor, from 1.
        name: of the question set, or of the report's file.
        report: as `qa eval --output` writes it, with `generation` and `settings` beside.
        passages: of each question, by its id; nothing of a report that was handed over.
        titles: of the articles, by document id.
        left_out: how many questions of the set could not be asked.
    """

    number: int
    name: str
    report: Mapping[str, Any]
    passages: Mapping[str, Found] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Each question as the report holds it."""
        outcomes: Sequence[Outcome] = self.report["questions"]
        return outcomes

    @property
    def follow_ups(self) -> Sequence[Outcome]:
        """Each turn of the conversations; none where the set has no conversations."""
        return self.everything[len(self.outcomes) :]

    @property
    def everything(self) -> Sequence[Outcome]:
        """Each question, then each turn."""
        return outcomes_of(self.report)

    @property
    def generation(self) -> str:
        """The generation of the index that answered; empty where the report does not say."""
        return str(self.report.get("generation", ""))

    @property
    def settings(self) -> dict[str, float]:
        """What was set otherwise than by itself; nothing where the report does not say."""
        said, usual = self.report.get("settings", {}), _settings(Settings())
        return {name: value for name, value in said.items() if name in usual and value != usual[name]}


@dataclass(frozen=True, slots=True)
class Bench:
    """All of a visitor's runs and what is shown of them; one of nothing is what a visitor begins with.

    Attributes:
        uploaded: a question set of the visitor's own.
        runs: oldest first.
        shown: the number of the run that is shown.
        kind: which questions of it are listed.
        question: the id of the one that is looked at.
        compared: the numbers of two runs that are compared.
    """

    uploaded: QuestionSet | None = None
    runs: tuple[Run, ...] = ()
    shown: int = 0
    kind: Kind = "failed"
    question: str = ""
    compared: tuple[int, int] | None = None

    @property
    def next_number(self) -> int:
        """The number of the run to come."""
        return self.runs[-1].number + 1 if self.runs else 1

    def run(self, number: int) -> Run | None:
        """The run of that number; None where there is none, or no more."""
        return next((run for run in self.runs if run.number == number), None)

    def kept(self, run: Run) -> dict[str, Any]:
        """The fields to change so that a run is there, shown, and compared with the one before it."""
        runs = (*self.runs, run)[-MOST_RUNS:]
        compared = (runs[-2].number, run.number) if len(runs) > 1 else None
        return {"runs": runs, "shown": run.number, "question": "", "kind": "failed", "compared": compared}


def _settings(settings: Settings) -> dict[str, Any]:
    """What a run can be tried with otherwise, as a report keeps it."""
    search = {name: value for name, value in asdict(settings.search).items() if name != "where"}
    return {**search, "minimum_confidence": settings.answer.minimum_confidence}


def finished(number: int, chat: Chat, asked: QuestionSet, attempts: Sequence[Attempt | TurnAttempt]) -> Run:
    """The run that these attempts make, all of them of that chat."""
    passages = {passage.id: passage for passage in chat.index.passages}
    turns = [each for each in attempts if isinstance(each, TurnAttempt)]

    def found(attempt: Attempt | TurnAttempt) -> Found:
        expected = relevant_passages(attempt.question, chat.index.passages) if attempt.question.answerable else {}
        hits = tuple(hit.passage for hit in attempt.answer.hits)
        return Found(tuple(passages[int(each)] for each in expected), hits)

    whole = report([each for each in attempts if isinstance(each, Attempt)], chat.index.passages)
    if turns:
        whole["follow_ups"] = chains_report(turns)
    return Run(
        number=number,
        name=asked.name,
        report={**whole, "generation": chat.generation, "settings": _settings(chat.settings)},
        passages={attempt.question.id: found(attempt) for attempt in attempts},
        titles={document.id: document.title for document in chat.index.documents.values()},
        left_out=asked.left_out,
    )


_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Figure(TypedDict):
    mean: _Number
    low: _Number
    high: _Number
    count: _Number


class _Bin(TypedDict):
    low: _Number
    high: _Number
    count: int
    confidence: _Number
    held: _Number


class _Point(TypedDict):
    coverage: _Number
    risk: _Number


_Reliability = TypedDict(
    "_Reliability", {"bins": list[_Bin], "expected calibration error": _Number, "Brier score": _Number}
)


class _Curve(TypedDict):
    area: _Number
    points: list[_Point]


class _Answered(TypedDict):
    coverage: _Number
    risk: _Number | None


_Confidence = TypedDict(
    "_Confidence", {"reliability": _Reliability, "risk and coverage": _Curve, "answered": _Answered}
)


class _Quote(TypedDict):
    document_id: str
    quote: str


class _Given(TypedDict):
    answered: bool
    confidence: _Number
    short: str | None
    citations: list[_Quote]


class _Outcome(TypedDict):
    means: NotRequired[str]
    id: str
    question: str
    language: str
    type: str
    documents: list[str]
    answers: list[str]
    given: _Given
    measures: dict[str, _Number]
    weights: dict[str, _Number]  # fmt: skip


class _FollowUps(TypedDict):
    figures: dict[str, dict[str, _Figure]]
    questions: list[_Outcome]


class _Report(TypedDict):
    figures: dict[str, dict[str, _Figure]]
    confidence: _Confidence
    questions: Annotated[list[_Outcome], Field(min_length=1)]
    follow_ups: NotRequired[_FollowUps]
    generation: NotRequired[str]
    settings: NotRequired[dict[str, float | bool | None]]  # fmt: skip


_REPORT = TypeAdapter(_Report)  # what the panel reads of one; the rest is kept as it is


def uploaded(number: int, name: str, text: str) -> Run:
    """A report that someone hands over.

    Raises:
        ReportError: if it is no report of `qa eval --output`.
    """
    content = comparison.parse_report(text.removeprefix("\ufeff"), Path(name))
    try:
        _REPORT.validate_python(content, strict=False)
    except ValidationError as error:
        raise ReportError(Message("no_outcomes", {"path": name}), Path(name)) from error
    return Run(number, name, content)


def report_json(run: Run) -> str:
    """The report as `qa eval --output` writes it."""
    return json.dumps(run.report, ensure_ascii=False, indent=1) + "\n"
