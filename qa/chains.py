"""Follow-up questions to figures: chains of turns, each asked with the answers before it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qa.datatypes import Answer
from qa.evaluation import GoldChain, GoldQuestion, GoldTurn, Outcome, answer_found, figures, outcome

Kind = Literal["first", "standalone", "follow-up"]
Ask = Callable[[str, Sequence[Answer]], Answer]


@dataclass(frozen=True, slots=True)
class TurnAttempt:
    """A turn of a chain and its answer.

    Attributes:
        question: its id that of the chain with its number, its type the kind of turn.
        means: the complete question it stands for, empty where nobody has said.
        answer: given after those before it.
        in_full: the answer to a follow-up's complete question, with none before it.
    """

    question: GoldQuestion
    means: str
    answer: Answer
    in_full: Answer | None = None


def evaluate_chains(
    chains: Sequence[GoldChain], ask: Ask, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """The report on chains of questions: figures by kind of turn, and every turn's own outcome.

    Args:
        chains: as `read_chains` reads them.
        ask: answers a question after the answers given before in its chain, oldest first. Follow-ups are also asked in
            full, with none before them: what is found then and not else is lost to their being incomplete.
        progress: called with the turns done and their number.

    Returns:
        `figures` and `questions` as those of `evaluate`, a turn's id being its chain's with its number.
    """
    total = sum(len(chain.turns) for chain in chains)
    attempts: list[TurnAttempt] = []
    for attempt in attempted_turns(chains, ask):
        attempts.append(attempt)
        progress(len(attempts), total)
    return chains_report(attempts)


def attempted_turns(chains: Iterable[GoldChain], ask: Ask) -> Iterator[TurnAttempt]:
    """Each turn once it is answered, arguments as `evaluate_chains` takes them; whoever asks for no more ends it."""
    for chain in chains:
        history: list[Answer] = []
        for number, turn in enumerate(chain.turns, 1):
            gold = _gold(chain, number, turn)
            answer = ask(turn.question, tuple(history))
            history.append(answer)
            in_full = ask(turn.means, ()) if gold.type == "follow-up" and turn.means else None
            yield TurnAttempt(gold, turn.means, answer, in_full)


def _gold(chain: GoldChain, number: int, turn: GoldTurn) -> GoldQuestion:
    kind: Kind = "first" if number == 1 else "standalone" if turn.standalone else "follow-up"
    identity = f"{chain.id}/{number}"
    return GoldQuestion(identity, turn.question, chain.language, kind, turn.documents, turn.answers, short=turn.short)


def chains_report(attempts: Sequence[TurnAttempt]) -> dict[str, Any]:
    """What `evaluate_chains` returns, of turns that are answered already."""
    outcomes: list[Outcome] = []
    groups: dict[str, list[str]] = {}
    for each in attempts:
        gold = each.question
        measures = _measures(gold, each.answer)
        if each.in_full:
            measures |= {f"{name} in full": value for name, value in _found(gold, each.in_full).items()}
        outcomes.append({**outcome(gold, each.answer, measures), "means": each.means})
        groups[gold.id] = [f"turns: {gold.type}", f"turns: {gold.type}, {gold.language}"]
    return {"figures": figures(outcomes, groups), "questions": outcomes}


def _measures(question: GoldQuestion, answer: Answer) -> dict[str, float]:
    """What is found, and whether the question was refused, or searched in other words."""
    refused = {"wrongly refused" if question.answerable else "rightly refused": float(not answer.answered)}
    searched_anew = float(bool(answer.searched_as))
    rewritten = {"rewritten" if question.type == "follow-up" else "wrongly rewritten": searched_anew}
    return {**_found(question, answer), **refused, **rewritten}


def _found(question: GoldQuestion, answer: Answer) -> dict[str, float]:
    """Whether a gold document is among the first hits, and its answer cited; nothing of what cannot be answered."""
    if not question.answerable:
        return {}
    right = [hit.passage.document_id in question.documents for hit in answer.hits]
    return {
        "document recall@1": float(any(right[:1])),
        "document recall@5": float(any(right[:5])),
        "answer recall": float(answer_found(question, answer)),
    }
