"""A question as a server takes it, and its answer as `qa ask --json` prints it."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qa import render
from qa.chat import TURNS, Chat
from qa.datatypes import Answer
from qa.errors import EmptyQuestionError, LongQuestionError, WenjuError
from qa.messages import Message
from qa.text import Language

Problem = Literal["empty", "long", "changed", "failed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what came before it.

    Attributes:
        question: as it was asked.
        language: in which it is said why it cannot be answered.
        history: the questions before it in the conversation, oldest first, each with what was searched for it, or with
            None where that is to be found out; the last few count.
    """

    question: str
    language: Language
    history: Sequence[tuple[str, str | None]] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question.

    Attributes:
        text: the line that `qa ask --json` prints for it; with a problem, what is wrong, in the asker's language.
        problem: that it cannot be asked (`empty`, `long`), that the articles have changed, or that something failed.
    """

    text: str
    problem: Problem | None = None


def reply_to(chat: Chat, asked: Asked) -> Reply:
    """The answer to a question, or why there is none; never an error."""
    try:
        return Reply(render.terminal_json(_record(chat, asked)))
    except WenjuError as error:
        return Reply(error.for_visitors(asked.language), _problem(error))
    except Exception:
        logging.getLogger(__name__).exception("A question was not answered.")
        return Reply(Message("asking_failed").text(asked.language), "failed")


def _record(chat: Chat, asked: Asked) -> dict[str, Any]:
    before: list[Answer] = []
    for question, searched_as in asked.history[-TURNS:]:
        with contextlib.suppress(WenjuError):  # as in `qa chat`, what cannot be asked is no part of a conversation
            before.append(chat.ask(question, history=before, searched_as=searched_as))
    answer = chat.written(chat.ask(asked.question, history=before))
    return render.answer_record(answer, chat.index.documents)


def _problem(error: WenjuError) -> Problem:
    match error:
        case EmptyQuestionError():
            return "empty"
        case LongQuestionError():
            return "long"
        case _:
            return "changed"
