"""Where a measured question went wrong: the first step on the way to a right answer that failed."""

from typing import Literal, get_args

from qa.evaluation import Outcome

Failure = Literal["not found", "wrongly refused", "wrong citation", "short answer", "conflict", "not refused"]
FAILURES: tuple[Failure, ...] = get_args(Failure)
_LEAST_F1 = 0.5  # a short answer that shares less with every gold one is called wrong


def failure(outcome: Outcome) -> Failure | None:
    """What failed first; None where all is right.

    Args:
        outcome: of a report of `qa.evaluation.evaluate`.

    Returns:
        "not refused" where the articles cannot answer. Else "not found" where no passage found holds an answer,
        "wrongly refused", "wrong citation" where no gold answer stands in what is cited, "conflict" where one is missed
        or told where there is none, "short answer" where none is given or its F1 is below one half.
    """
    measures = outcome["measures"]
    if "rightly refused" in measures:
        return None if measures["rightly refused"] else "not refused"
    found = measures.get(
        "recall@10", measures.get("document recall@5", 1.0)
    )  # of a turn, only its article is looked for
    if not found and not measures.get("answer recall", 0.0):
        return "not found"
    if measures.get("wrongly refused"):
        return "wrongly refused"
    if not measures.get("answer recall", 1.0):
        return "wrong citation"
    if not measures.get("conflict shown", 1.0) or measures.get("false conflict"):
        return "conflict"
    return "short answer" if measures.get("F1", 1.0) < _LEAST_F1 else None
