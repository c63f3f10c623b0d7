"""What people say of answers, kept as questions of an evaluation: one line each, from which checked ones are promoted.

A line is one of a question file of `qa eval`, with two fields more. `checked` is false until a person has looked at it
and made it true; `feedback` says what was shown, what was thought of it, when, and which generation answered.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from qa import question_files
from qa.chat import Chat
from qa.datatypes import Answer, Passage
from qa.disk import write_whole
from qa.errors import CorpusError, FeedbackError, QuestionError
from qa.evaluation import GoldQuestion, gold_question, relevant_passages
from qa.lock import file_lock
from qa.messages import Message, of_system
from qa.text import dominant_language, fold

LARGEST_FILE = 50_000_000  # bytes; a page that anyone may reach fills no disk
LONGEST_ANSWER = 300  # characters; a longer one is a passage, of which nobody has said what answers
_WAIT_SECONDS = 10.0

Verdict = Literal["right", "wrong"]
Record = dict[str, Any]


def judged(answer: Answer, verdict: Verdict) -> Record:
    """An answer called right or wrong.

    Of a right one the known answer is what was said: the short answer, else the first citation; of a right refusal,
    that there is none. Of a wrong one nothing is known yet.
    """
    said = answer.short or next(iter(answer.citations), None)
    if verdict == "wrong":
        return _record(answer, verdict, "", (), (), known=False)
    if said is None:
        return _record(answer, verdict, "", (), ())
    return _record(answer, verdict, said.passage.text, (said.passage.document_id,), (said.quote,))


def corrected(answer: Answer, passages: Sequence[Passage], words: str = "") -> Record:
    """An answer called wrong, with the passages that should have been cited; none where the articles do not say.

    Args:
        answer: as it was shown.
        passages: that answer.
        words: of each of them that answer; the first passage as a whole where they are empty.
    """
    if not passages:
        return _record(answer, "wrong", "", (), ())
    documents = tuple(dict.fromkeys(passage.document_id for passage in passages))
    return _record(answer, "wrong", passages[0].text, documents, (words or passages[0].text,))


def holding(words: str, passages: Iterable[Passage]) -> tuple[str, list[Passage]]:
    """The passages that hold some words, however their white space is, and the words as they stand in the first.

    Of the others those that have them letter for letter the same. No words stand nowhere.
    """
    pattern = re.compile(r"\s+".join(map(re.escape, words.split())) or r"(?!)")
    found = [(match.group(), passage) for passage in passages if (match := pattern.search(passage.text))]
    standing = found[0][0] if found else ""
    return standing, [passage for match, passage in found if match == standing]


def _record(
    answer: Answer,
    verdict: Verdict,
    passage: str,
    documents: tuple[str, ...],
    answers: tuple[str, ...],
    *,
    known: bool = True,
) -> Record:
    language = dominant_language(answer.searched)
    given = [{"document_id": each.passage.document_id, "quote": each.quote} for each in answer.citations]
    gold = {
        "question": answer.searched,
        "language": language,
        "type": "other" if answers or not known else "unanswerable",
        "documents": list(documents),
        "answers": list(answers),
        "crossing": bool(answers) and dominant_language(passage) != language,
    }
    return {
        "id": f"feedback-{_digest(gold, known)}",
        **gold,
        "checked": False,
        "feedback": {
            "verdict": verdict,
            "known": known,
            "asked": answer.question,
            "passage": passage,
            "shown": {
                "answered": answer.answered,
                "short": answer.short.quote if answer.short else None,
                "citations": given,
                "confidence": round(answer.confidence, 4),
            },
            "generation": answer.generation,
            "when": datetime.now().astimezone().isoformat(timespec="seconds"),
        },
    }


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:12]


def append(path: Path, record: Record) -> None:
    """Adds a line to a file, whole or not at all, whoever else adds to it; the file and its folder are made.

    Raises:
        FeedbackError: if it cannot be written, or is `LARGEST_FILE` long.
    """
    line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path, _WAIT_SECONDS), path.open("a+b") as file:
            size = file.seek(0, os.SEEK_END)
            line = _line_end(file) + line
            if size + len(line) > LARGEST_FILE:
                raise FeedbackError(Message("feedback_full", {"path": path}), path)
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)  # half a line would spoil the next one
                raise
    except OSError as error:
        told = Message("feedback_unwritable", {"path": path, "reason": of_system(error, "cannot_be_written")})
        raise FeedbackError(told, path) from error


def _line_end(file: BinaryIO) -> bytes:
    """What ends the last line of a file, where whoever wrote it was cut off."""
    if not file.tell():
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of the lines of a file of feedback.

    Attributes:
        promoted: ids of the questions that joined the evaluation.
        dropped: of those that it holds already.
        left: of those that stay, each with what is to be done about it.
    """

    promoted: tuple[str, ...]
    dropped: tuple[str, ...]
    left: tuple[tuple[str, str], ...]


def promote(feedback: Path, questions: Path, chat: Chat) -> Promotion:
    """Moves the checked lines of a file of feedback to a question file, each whose answer still stands in the articles.

    A question that is there already, under its id or with the same wording and answers, is dropped; all others stay in
    the file. The question file is written first: whatever breaks off between, the next time drops what it holds.

    Raises:
        QuestionError: naming the file and line that cannot be read.
        FeedbackError: if a file cannot be written.
    """
    try:
        with file_lock(feedback, _WAIT_SECONDS):
            lines = [line for _, line in question_files.lines(feedback)]
            records = [_read(line, number, feedback) for number, line in enumerate(lines, 1)]
            there = [line for _, line in question_files.lines(questions)] if questions.is_file() else []
            known = [_read(line, number, questions) for number, line in enumerate(there, 1)]
            sorted_out = _sort_out(records, known, lambda gold: _problem(gold, chat))
            joining = [_gold_line(records[place]) for place, fate in enumerate(sorted_out) if fate == _PROMOTED]
            staying = [line for line, fate in zip(lines, sorted_out, strict=True) if fate not in (_PROMOTED, _DROPPED)]
            if joining:
                _write(questions, [*there, *joining])
            if len(staying) < len(lines):
                _write(feedback, staying)
    except OSError as error:
        raise FeedbackError(f"{feedback} cannot be promoted: {error}.", feedback) from error
    named = [(str(record["id"]), fate) for record, fate in zip(records, sorted_out, strict=True)]
    return Promotion(
        promoted=tuple(name for name, fate in named if fate == _PROMOTED),
        dropped=tuple(name for name, fate in named if fate == _DROPPED),
        left=tuple((name, fate) for name, fate in named if fate not in (_PROMOTED, _DROPPED)),
    )


_PROMOTED, _DROPPED = "promoted", "dropped"  # what becomes of a line; any other word says why it stays


def _read(line: str, number: int, path: Path) -> Record:
    try:
        record = json.loads(line)
        gold_question(record)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise QuestionError(f"{path}, question {number}: is not one of `qa eval` ({error}).") from error
    checked: Record = record
    return checked


def _sort_out(records: Sequence[Record], known: Sequence[Record], problem: Callable[[GoldQuestion], str]) -> list[str]:
    """What becomes of each record, in order; of two alike the first is promoted."""
    identities = {str(record["id"]) for record in known}
    contents = {_content(record) for record in known}
    fates: list[str] = []
    for record in records:
        said: Mapping[str, Any] = record.get("feedback", {})
        if not said.get("known", True) and not record.get("answers"):
            fates.append('nobody said what is right: give "documents" and "answers", or make "known" true for none')
        elif str(record["id"]) in identities or _content(record) in contents:
            fates.append(_DROPPED)
        elif record.get("checked") is not True:
            fates.append('not checked: make "checked" true once a person has looked at it')
        elif said_problem := problem(gold_question(record)):
            fates.append(said_problem)
        else:
            fates.append(_PROMOTED)
            identities.add(str(record["id"]))
            contents.add(_content(record))
    return fates


def _content(record: Record) -> tuple[str, ...]:
    """What makes two questions the same one: the wording and the answers, in any order."""
    return (fold(record["question"]).strip(), *sorted(fold(answer) for answer in record.get("answers", [])))


def _problem(gold: GoldQuestion, chat: Chat) -> str:
    """Why a question cannot join an evaluation over the articles as they are now; empty where it can."""
    if not gold.answerable:
        return "it names articles, but no answer" if gold.documents else ""
    if any(len(answer) > LONGEST_ANSWER for answer in gold.answers):
        return f"its answer is a whole passage: shorten it to what answers, at most {LONGEST_ANSWER} characters"
    for name in gold.documents:
        try:
            text = fold(chat.document(name).text)
        except CorpusError:
            return f"{name} is no article of the index any more"
        if not any(fold(answer) in text for answer in gold.answers):
            return f"its answer does not stand in {name} any more"
    return "" if relevant_passages(gold, chat.index.passages) else "its answer stands in no passage of the index"


def _gold_line(record: Record) -> str:
    """A question as the files of `qa eval` have it, without what only feedback has and what is seldom there."""
    gold = asdict(gold_question(record))
    kept = {name: value for name, value in gold.items() if value or name not in ("short", "conflict")}
    return json.dumps(kept, ensure_ascii=False) + "\n"


def _write(path: Path, lines: Sequence[str]) -> None:
    """Replaces a file by these lines, each of which ends with a line end, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(line if line.endswith("\n") else f"{line}\n" for line in lines).encode())


def promotion_text(promotion: Promotion, questions: Path) -> str:
    """What became of the lines, for a terminal."""
    lines = [f"promoted  {name}" for name in promotion.promoted]
    lines += [f"dropped   {name}: {questions} holds it already" for name in promotion.dropped]
    lines += [f"left      {name}: {reason}" for name, reason in promotion.left]
    counts = f"{len(promotion.promoted)} promoted to {questions}, {len(promotion.dropped)} dropped"
    return "\n".join([*lines, f"{counts}, {len(promotion.left)} left."])
