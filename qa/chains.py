"""Follow-up questions to figures: chains of turns, each asked with the answers before it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qa.datatypes import Answer
from qa.errors import QuestionError
from qa.evaluation import GoldQuestion, Outcome, answer_found, figures, lines_with_places, outcome, texts

Kind = Literal["first", "standalone", "follow-up"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a chain; `means` is its complete form, the same where it is `standalone`."""

    question: str
    standalone: bool
    means: str
    documents: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """Questions asked one after the other by one person."""

    id: str
    language: str
    turns: tuple[Turn, ...]


def read_chains(path: Path) -> list[Chain]:
    """The chains of a JSON Lines file.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    chains: dict[str, Chain] = {}
    for place, line in lines_with_places(path, "follow-ups"):
        chain = _chain(line, place)
        if chain.id in chains:
            raise QuestionError(f"{place}: the id {chain.id!r} stands in a line before.")
        chains[chain.id] = chain
    return list(chains.values())


def _chain(line: str, place: str) -> Chain:
    try:
        record = json.loads(line)
        turns = tuple(_turn(turn) for turn in record["turns"])
        if not turns:
            raise ValueError("no turns")
        return Chain(str(record["id"]), str(record["language"]), turns)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QuestionError(
            f"{place}: needs JSON with id, language and turns of question, standalone, means ({error})."
        ) from error


def _turn(record: dict[str, Any]) -> Turn:
    if not isinstance(record["standalone"], bool):
        raise TypeError("standalone must be true or false")
    return Turn(
        question=str(record["question"]),
        standalone=record["standalone"],
        means=str(record["means"]),
        documents=texts(record, "documents"),
        answers=texts(record, "answers"),
    )


def evaluate_chains(
    chains: Sequence[Chain],
    ask: Callable[[str, Sequence[Answer]], Answer],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The report on chains of questions: figures by kind of turn, and every turn's own outcome.

    Args:
        chains: as `read_chains` reads them.
        ask: answers a question after the answers given before in its chain, oldest first.
        progress: called with the chains done and their number.

    Returns:
        `figures` and `questions` as those of `evaluate`, a turn's id being its chain's with its number.
    """
    outcomes: list[Outcome] = []
    groups: dict[str, list[str]] = {}
    for done, chain in enumerate(chains, 1):
        history: list[Answer] = []
        for number, turn in enumerate(chain.turns, 1):
            kind: Kind = "first" if number == 1 else "standalone" if turn.standalone else "follow-up"
            identity = f"{chain.id}/{number}"
            gold = GoldQuestion(identity, turn.question, chain.language, kind, turn.documents, turn.answers)
            answer = ask(turn.question, tuple(history))
            history.append(answer)
            outcomes.append({**outcome(gold, answer, _measures(gold, kind, answer)), "means": turn.means})
            groups[identity] = [f"turns: {kind}", f"turns: {kind}, {chain.language}"]
        progress(done, len(chains))
    return {"figures": figures(outcomes, groups), "questions": outcomes}


def _measures(question: GoldQuestion, kind: Kind, answer: Answer) -> dict[str, float]:
    """Whether a gold document is among the first hits, its answer cited, and the question searched in other words."""
    searched_anew = float(bool(answer.searched_as))
    rewritten = {"rewritten" if kind == "follow-up" else "wrongly rewritten": searched_anew}
    if not question.answerable:
        return {"rightly refused": float(not answer.answered), **rewritten}
    found = [hit.passage.document_id in question.documents for hit in answer.hits]
    return {
        "document recall@1": float(any(found[:1])),
        "document recall@5": float(any(found[:5])),
        "answer recall": float(answer_found(question, answer)),
        "wrongly refused": float(not answer.answered),
        **rewritten,
    }
