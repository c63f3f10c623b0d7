from pathlib import Path

import pytest

from qa.chat import Chat
from qa.evaluation import evaluate, never_refusing, read_questions
from qa.failures import FAILURES, failure

RIGHT = {"recall@10": 1.0, "wrongly refused": 0.0, "answer recall": 1.0, "false conflict": 0.0, "F1": 0.8}


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        (RIGHT, None),
        ({**RIGHT, "F1": 0.5}, None),
        ({**RIGHT, "F1": 0.49}, "short answer"),
        ({**RIGHT, "F1": 0.0, "false conflict": 1.0}, "conflict"),
        ({"recall@10": 1.0, "answer recall": 1.0, "conflict shown": 0.0, "F1": 1.0}, "conflict"),
        ({**RIGHT, "F1": 0.0, "answer recall": 0.0}, "wrong citation"),
        ({**RIGHT, "F1": 0.0, "answer recall": 0.0, "wrongly refused": 1.0}, "wrongly refused"),
        ({**RIGHT, "F1": 0.0, "answer recall": 0.0, "wrongly refused": 1.0, "recall@10": 0.0}, "not found"),
        ({"document recall@5": 1.0, "answer recall": 0.0, "wrongly refused": 0.0}, "wrong citation"),
        ({"document recall@5": 0.0, "answer recall": 0.0, "wrongly refused": 0.0}, "not found"),
        ({"document recall@5": 1.0, "answer recall": 1.0, "wrongly refused": 0.0, "rewritten": 0.0}, None),
        ({"rightly refused": 1.0}, None),
        ({"rightly refused": 0.0}, "not refused"),
    ],
)
def test_the_first_step_that_failed_is_named(measures: dict[str, float], expected: str | None) -> None:
    """Of all that went wrong with a question the earliest step is told: finding, refusing, citing, the short answer."""
    assert failure({"measures": measures}) == expected


def test_a_question_fails_where_a_main_measure_does(chat: Chat) -> None:
    """Over the shipped articles every question whose answer is not cited, or that is wrongly answered, has failed."""
    questions = read_questions(Path(__file__).parents[1] / "eval" / "questions.jsonl")[::12]
    outcomes = evaluate(questions, chat.index.passages, chat.ask, never_refusing(chat).ask)["questions"]
    for each in outcomes:
        measures = each["measures"]
        wrong = not measures.get("answer recall", 1.0) or not measures.get("rightly refused", 1.0)
        assert failure(each) in (FAILURES if wrong else (None, "short answer", "conflict"))
