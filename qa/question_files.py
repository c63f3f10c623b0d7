"""Files of questions: one a line, as plain text or as JSON Lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qa.errors import QuestionError
from qa.messages import Message


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """One line of a file.

    Attributes:
        id: the line's own, or its number.
        question: as it is asked.
        chain: what the lines of one conversation have in common; empty where the question stands alone.
        graded: whether the line says what an evaluation needs to know of it.
    """

    id: str
    question: str
    chain: str = ""
    graded: bool = False


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that hold anything, with their numbers from 1.

    Raises:
        QuestionError: if it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(Message("questions_unreadable", {"path": path})) from error


def read(path: Path) -> list[SavedQuestion]:
    """The questions of a file: of a `.txt` file each line is one, of any other each line is JSON with "question".

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    plain = path.suffix.lower() == ".txt"
    saved: dict[str, SavedQuestion] = {}
    for number, line in lines(path):
        try:
            question = SavedQuestion(str(number), line.strip()) if plain else _saved(json.loads(line), number)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise QuestionError(Message("no_question", {"path": path, "number": number})) from error
        if question.id in saved:
            raise QuestionError(Message("same_question", {"path": path, "number": number, "name": question.id}))
        saved[question.id] = question
    if not saved:
        raise QuestionError(Message("no_questions", {"path": path}))
    return list(saved.values())


def _saved(record: dict[str, object], number: int) -> SavedQuestion:
    question = record["question"]
    if not isinstance(question, str):
        raise TypeError("a question must be text")
    chain = json.dumps(record["chain"]) if "chain" in record else ""
    graded = {"id", "language", "type"} <= record.keys()
    return SavedQuestion(str(record.get("id", number)), question, chain, graded)
