"""What an edit did to the answers: the same questions put to the index before and after it, answer by answer.

Both are asked for what their articles said when they were built: before an edit is built, its article is no longer what
the old index holds, and answers from it would merely be missing. What was cited then is rechecked in the files as they
are now.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from qa import question_files
from qa.chat import Chat
from qa.comparison import Comparison, Moved, compare, measure_lines, moved_measures, quoted
from qa.config import Settings
from qa.datatypes import Answer, Citation
from qa.errors import QuestionError
from qa.evaluation import GoldQuestion, Outcome, evaluate, read_questions
from qa.index import SearchIndex
from qa.messages import Message
from qa.plan import Progress
from qa.question_files import SavedQuestion
from qa.receipts import Articles, CitedSpan, State, Verdict, as_indexed, recheck

Source = Literal["as it was", "changed", "gone"]
What = Literal["answered now", "refused now", "short", "citations", "conflict"]
STATES: tuple[State, ...] = ("valid", "moved", "stale")

_MARGIN = " " * 8  # under a question's id, as in a comparison of reports


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of a file; `gold` holds what is known of them where the file says it of each."""

    saved: tuple[SavedQuestion, ...]
    gold: tuple[GoldQuestion, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What one generation said to each question, by id; its outcomes where the right answers are known."""

    questions: Questions
    answers: Mapping[str, Answer]
    spans: Mapping[str, tuple[CitedSpan, ...]]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a citation of before: of its text, and of the article it was cited from."""

    span: CitedSpan
    verdict: Verdict
    source: Source


@dataclass(frozen=True, slots=True)
class MovedAnswer:
    """An answer that is another now: in what, both answers, and what became of the citations of the first."""

    question: SavedQuestion
    what: tuple[What, ...]
    before: Answer
    after: Answer
    fates: tuple[Fate, ...]
    measures: Moved | None


@dataclass(frozen=True, slots=True)
class Impact:
    """What an edit did: the answers that moved, all citations of before by their state, and the measures."""

    asked: int
    moved: tuple[MovedAnswer, ...]
    citations: Mapping[State, int]
    comparison: Comparison | None


def read(path: Path) -> Questions:
    """The questions of a file: one a line (`.txt`), JSON Lines as `qa ask` takes them, or those of `qa eval`.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    saved = question_files.read(path)
    return Questions(tuple(saved), tuple(read_questions(path)) if all(each.graded for each in saved) else ())


def ask(loaded: SearchIndex, questions: Questions, stage: str, progress: Progress) -> Asked:
    """The answers of an index to every question, as its articles were when it was built.

    Args:
        loaded: what to ask.
        questions: the lines of one chain are a conversation.
        stage: what to call this in the progress.
        progress: told of every question.

    Raises:
        QuestionError: naming the question that cannot be asked.
    """
    chat = Chat(loaded, Settings(index=loaded.manifest.settings), as_built=True)
    answers: dict[str, Answer] = {}
    chains: defaultdict[str, list[Answer]] = defaultdict(list)
    for done, each in enumerate(questions.saved, 1):
        history = chains[each.chain] if each.chain else []
        try:
            answers[each.id] = chat.ask(each.question, history=history)
        except QuestionError as error:
            raise QuestionError(Message("question_refused", {"name": each.id, "problem": error.said})) from error
        history.append(answers[each.id])
        progress(stage, done, len(questions.saved))
    said = {answer.question: answer for answer in answers.values()}
    graded = questions.gold and evaluate(questions.gold, loaded.passages, said.__getitem__, said.__getitem__)
    spans = {
        key: tuple(as_indexed(each, loaded.documents[each.passage.document_id]) for each in answer.citations)
        for key, answer in answers.items()
    }
    return Asked(questions, answers, spans, graded["questions"] if graded else ())


def impact(before: Asked, after: Asked, articles: Articles) -> Impact:
    """What moved between two generations that were asked the same.

    Args:
        before: of the old generation.
        after: of the new one.
        articles: as they are now, in which the citations of before are rechecked.
    """
    comparison = compare(before.outcomes, after.outcomes) if before.outcomes else None
    measures = {moved.id: moved for moved in comparison.moved} if comparison else {}
    moved: list[MovedAnswer] = []
    states: Counter[State] = Counter()
    for question in before.questions.saved:
        was, now = before.answers[question.id], after.answers[question.id]
        fates = tuple(_fate(span, articles) for span in before.spans[question.id])
        states.update(fate.verdict.state for fate in fates)
        if what := _moved_in(was, now):
            moved.append(MovedAnswer(question, what, was, now, fates, measures.get(question.id)))
    counts = {state: states[state] for state in STATES}
    return Impact(len(before.questions.saved), tuple(moved), counts, comparison)


def _fate(span: CitedSpan, articles: Articles) -> Fate:
    if span.document_id not in articles:
        return Fate(span, recheck(span, articles), "gone")
    unchanged = articles[span.document_id].content_hash == span.content_hash
    return Fate(span, recheck(span, articles), "as it was" if unchanged else "changed")


def _moved_in(was: Answer, now: Answer) -> tuple[What, ...]:
    """In what two answers differ; that a text stands elsewhere in its article is no difference."""
    moved: list[What] = []
    if was.answered != now.answered:
        moved.append("answered now" if now.answered else "refused now")
    if (was.short and was.short.quote) != (now.short and now.short.quote):
        moved.append("short")
    if _quotes(was.citations) != _quotes(now.citations):
        moved.append("citations")
    if _quotes(was.conflict) != _quotes(now.conflict):
        moved.append("conflict")
    return tuple(moved)


def _quotes(citations: Sequence[Citation]) -> list[tuple[str, str]]:
    return [(each.passage.document_id, each.quote) for each in citations]


def impact_text(found: Impact) -> str:
    """The impact for a terminal: the counts, each answer that moved, then the measures."""
    states = ", ".join(f"{count} {state}" for state, count in found.citations.items())
    lines = [f"{len(found.moved)} of {found.asked} answers moved; of what was cited before: {states}"]
    for moved in found.moved:
        lines += _moved_lines(moved)
    return "\n".join([*lines, *(measure_lines(found.comparison) if found.comparison else [])])


def _moved_lines(moved: MovedAnswer) -> list[str]:
    lines = [f"{moved.question.id}  {' '.join(moved.question.question.split())}"]
    lines += [_MARGIN + what for what in moved.what if what in ("answered now", "refused now")]
    if "short" in moved.what:
        old, new = (each.short.quote if each.short else None for each in (moved.before, moved.after))
        lines.append(f"{_MARGIN}short: {quoted(old)} → {quoted(new)}")
    if "conflict" in moved.what:
        old, new = (" / ".join(span.quote for span in each.conflict) or None for each in (moved.before, moved.after))
        lines.append(f"{_MARGIN}conflict: {quoted(old)} → {quoted(new)}")
    before, after = _quotes(moved.before.citations), _quotes(moved.after.citations)
    gone = (fate for fate in moved.fates if (fate.span.document_id, fate.span.quote) not in after)
    lines += [f"{_MARGIN}- {quoted(fate.span.quote)} {_fate_text(fate)}" for fate in gone]
    lines += [
        f"{_MARGIN}+ {quoted(quote)} of {identity}" for identity, quote in after if (identity, quote) not in before
    ]
    return lines + (moved_measures(moved.measures) if moved.measures else [])


def _fate_text(fate: Fate) -> str:
    """Of a citation that is made no more: where it came from, and whether its text still stands."""
    place = fate.verdict.place
    if fate.source == "as it was":
        return f"of {fate.span.document_id}, where it still stands"
    source = f"was cited from {fate.span.document_id}, which {'changed' if fate.source == 'changed' else 'is gone'}"
    if place is None:
        return f"{source}: stale, no article says this any more"
    if fate.verdict.state == "valid":
        return f"{source}, but still says this"
    return f"{source}: stands now in {place.document_id} · {place.start}–{place.end}"


def impact_record(found: Impact) -> dict[str, Any]:
    """The impact as plain JSON values; `measures` is there where the right answers are known."""
    record: dict[str, Any] = {
        "questions": found.asked,
        "moved": [_moved_record(moved) for moved in found.moved],
        "citations": dict(found.citations),
    }
    if found.comparison:
        record["measures"] = [asdict(change) for change in found.comparison.changes]
    return record


def _moved_record(moved: MovedAnswer) -> dict[str, Any]:
    before = _answer_record(moved.before)
    for citation, fate in zip(before["citations"], moved.fates, strict=True):
        place = fate.verdict.place
        citation |= {"state": fate.verdict.state, "article": fate.source, "now": asdict(place) if place else None}
    record = {
        "id": moved.question.id,
        "question": moved.question.question,
        "what": list(moved.what),
        "before": before,
        "after": _answer_record(moved.after),
    }
    if moved.measures:
        record |= {"gained": moved.measures.gained, "lost": moved.measures.lost}
    return record


def _answer_record(answer: Answer) -> dict[str, Any]:
    return {
        "answered": answer.answered,
        "short": answer.short.quote if answer.short else None,
        "conflict": [span.quote for span in answer.conflict],
        "citations": [
            {"document_id": each.passage.document_id, "start": each.start, "end": each.end, "quote": each.quote}
            for each in answer.citations
        ],
    }
