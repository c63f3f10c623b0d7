"""Follow-up questions to figures: chains of turns, each asked with the answers before it."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from qa.datatypes import Answer
from qa.evaluation import GoldChain, GoldQuestion, Outcome, answer_found, figures, outcome

Kind = Literal["first", "standalone", "follow-up"]


def evaluate_chains(
    chains: Sequence[GoldChain],
    ask: Callable[[str, Sequence[Answer]], Answer],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The report on chains of questions: figures by kind of turn, and every turn's own outcome.

    Args:
        chains: as `read_chains` reads them.
        ask: answers a question after the answers given before in its chain, oldest first. Follow-ups are also asked in
            full, with none before them: what is found then and not else is lost to their being incomplete.
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
            gold = GoldQuestion(
                identity, turn.question, chain.language, kind, turn.documents, turn.answers, short=turn.short
            )
            answer = ask(turn.question, tuple(history))
            history.append(answer)
            measures = _measures(gold, kind, answer)
            if kind == "follow-up":
                measures |= {f"{name} in full": value for name, value in _found(gold, ask(turn.means, ())).items()}
            outcomes.append({**outcome(gold, answer, measures), "means": turn.means})
            groups[identity] = [f"turns: {kind}", f"turns: {kind}, {chain.language}"]
        progress(done, len(chains))
    return {"figures": figures(outcomes, groups), "questions": outcomes}


def _measures(question: GoldQuestion, kind: Kind, answer: Answer) -> dict[str, float]:
    """What is found, and whether the question was refused, or searched in other words."""
    refused = {"wrongly refused" if question.answerable else "rightly refused": float(not answer.answered)}
    searched_anew = float(bool(answer.searched_as))
    rewritten = {"rewritten" if kind == "follow-up" else "wrongly rewritten": searched_anew}
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
