import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.datatypes import Answer, Citation, Hit, Passage
from qa.errors import QuestionError
from qa.evaluation import (
    MEASURES,
    GoldChain,
    GoldQuestion,
    GoldTurn,
    answer_found,
    evaluate,
    mean_interval,
    ranking_values,
    read_chains,
    read_questions,
    relevant_passages,
)

PASSAGES = [
    Passage(0, "robots.md", (), 0, 30, "The robot carries 12 parcels."),
    Passage(1, "robots.md", (), 30, 60, "It climbs stairs in old houses."),
    Passage(2, "城市.md", (), 0, 20, "北京將建設三個園區。"),
    Passage(3, "copy.md", (), 0, 30, "Another robot carries 12 parcels."),
]


def answer(question: str, ranked: list[int], cited: list[tuple[int, str]]) -> Answer:
    """An answer as a system might give it: passages by rank, and quotes of passages."""
    hits = tuple(Hit(PASSAGES[i], 1.0 / (rank + 1), 0.5, None, 0.5) for rank, i in enumerate(ranked))
    citations = tuple(
        Citation(number, PASSAGES[i], PASSAGES[i].start, PASSAGES[i].start + len(quote), quote, "")
        for number, (i, quote) in enumerate(cited, 1)
    )
    return Answer(question, "", citations, hits, 0.5)


QUESTIONS = [
    GoldQuestion("found", "How many parcels?", "en", "number", ("robots.md",), ("12 parcels",)),
    GoldQuestion("third", "几个园区？", "zh", "number", ("城市.md",), ("三个园区",)),
    GoldQuestion("missed", "Where does it climb?", "en", "place", ("robots.md",), ("STAIRS",)),
    GoldQuestion("nothing retrieved", "爬什么？", "zh", "place", ("robots.md",), ("stairs",), crossing=True),
    GoldQuestion("no passage", "What colour?", "en", "place", ("robots.md",), ("crimson",)),
    GoldQuestion("refused", "Who is the mayor?", "en", "unanswerable"),
    GoldQuestion("invented", "谁是市长？", "zh", "unanswerable"),
]
ANSWERS = {
    "How many parcels?": answer("", [0, 3], [(3, "12 parcels."), (0, "The robot carries 12 parcels.")]),
    "几个园区？": answer("", [3, 1, 2, 0], [(2, "北京將建設三個園區。")]),
    "Where does it climb?": answer("", [0, 2], [(3, "stairs")]),
    "爬什么？": answer("", [], []),
    "What colour?": answer("", [0, 1], []),
    "Who is the mayor?": answer("", [2], []),
    "谁是市长？": answer("", [2], [(2, "北京將建設三個園區。")]),
}


def test_ranking_values_are_those_worked_out_by_hand() -> None:
    """Recall, reciprocal rank and nDCG of a tiny run are those worked out by hand, a passage past the tenth none."""
    relevant = {"first": {"a": 1}, "third": {"b": 1, "z": 1}, "eleventh": {"c": 1}}
    run = {
        "first": {"a": 3.0, "b": 2.0},
        "third": {"x": 9.0, "y": 8.0, "b": 7.0},
        "eleventh": {**{f"x{i}": 100.0 - i for i in range(10)}, "c": 1.0},
    }
    values = ranking_values(relevant, run)
    assert values["first"] == dict.fromkeys(("recall@1", "recall@3", "recall@5", "recall@10", "MRR", "nDCG@10"), 1.0)
    assert values["third"] == {
        "recall@1": 0.0,
        "recall@3": 1.0,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "MRR": pytest.approx(1 / 3),
        "nDCG@10": pytest.approx((1 / math.log2(4)) / (1 / math.log2(2) + 1 / math.log2(3))),
    }
    assert set(values["eleventh"].values()) == {0.0}


@pytest.mark.parametrize("run", [{}, {"known": {}}, {"other": {"a": 1.0}}], ids=["no run", "no hits", "other question"])
def test_question_not_found_has_zeros(run: dict[str, dict[str, float]]) -> None:
    """A question that found nothing, or that no passage answers, keeps its place with zeros in every measure."""
    values = ranking_values({"known": {"a": 1}, "no passage": {}}, run)
    assert values == {"known": dict.fromkeys(MEASURES, 0.0), "no passage": dict.fromkeys(MEASURES, 0.0)}


def test_report_counts_every_question_once() -> None:
    """Every answerable question counts in each mean, found or not, and every other in the refusals."""
    report = evaluate(QUESTIONS, PASSAGES, ANSWERS.__getitem__)
    figures = report["figures"]
    expected = {
        "recall@1": (1 / 5, 5),
        "recall@3": (2 / 5, 5),
        "recall@10": (2 / 5, 5),
        "MRR": ((1 + 1 / 3) / 5, 5),
        "answer recall": (2 / 5, 5),
        "wrongly refused": (2 / 5, 5),
        "rightly refused": (1 / 2, 2),
    }
    found = {name: (figure["mean"], figure["count"]) for name, figure in figures["all"].items() if name in expected}
    assert {name: count for name, (_, count) in found.items()} == {name: count for name, (_, count) in expected.items()}
    assert {name: mean for name, (mean, _) in found.items()} == pytest.approx(
        {name: mean for name, (mean, _) in expected.items()}
    )
    assert [outcome["id"] for outcome in report["questions"]] == [question.id for question in QUESTIONS]
    assert {
        group: max(figure["count"] for figure in measures.values())
        for group, measures in figures.items()
        if group.startswith("language")
    } == {
        "language: en": 3,
        "language: zh": 1,
        "language: zh across": 1,
        "language: en unanswerable": 1,
        "language: zh unanswerable": 1,
    }


def test_answer_counts_only_in_a_gold_document() -> None:
    """Script and case do not matter to a gold answer; the document it is cited from does."""
    robots, city = QUESTIONS[2], QUESTIONS[1]
    assert relevant_passages(robots, PASSAGES) == {"1": 1}
    assert relevant_passages(city, PASSAGES) == {"2": 1}
    assert answer_found(robots, answer("", [], [(1, "It climbs stairs")]))
    assert answer_found(city, answer("", [], [(2, "建設三個園區。")]))
    assert not answer_found(robots, answer("", [], [(3, "It climbs stairs")]))
    assert not answer_found(robots, answer("", [1], []))


@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_interval_holds_the_mean_and_repeats(values: list[float]) -> None:
    """The interval lies around the mean of all values within their range, and is the same each time."""
    figure = mean_interval(values)
    assert figure["mean"] == pytest.approx(math.fsum(values) / len(values))
    assert min(values) - 1e-9 <= figure["low"] <= figure["mean"] + 1e-9
    assert figure["mean"] - 1e-9 <= figure["high"] <= max(values) + 1e-9
    assert figure == mean_interval(list(values))


def test_interval_is_about_as_wide_as_theory_says() -> None:
    """For many yes-or-no questions the bootstrap comes near the normal interval of a proportion."""
    figure = mean_interval([1.0] * 300 + [0.0] * 100)
    width = 2 * 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert figure["high"] - figure["low"] == pytest.approx(width, rel=0.15)


GOOD = {
    "id": "q1",
    "question": "为何？",
    "language": "zh",
    "type": "reason",
    "documents": ["a.md"],
    "answers": ["因为"],
}


def test_questions_are_read_as_written(tmp_path: Path) -> None:
    """Blank lines and a byte order mark are passed over, and a line separator inside a question is no line end."""
    path = tmp_path / "questions.jsonl"
    odd = {"id": 2, "question": "one\u2028two", "language": "en", "type": "none"}
    lines = [json.dumps(GOOD, ensure_ascii=False), "", json.dumps(odd, ensure_ascii=False)]
    path.write_text("\ufeff" + "\r\n".join(lines) + "\n", encoding="utf-8", newline="")
    first, second = read_questions(path)
    assert first == GoldQuestion("q1", "为何？", "zh", "reason", ("a.md",), ("因为",))
    assert (second.id, second.question, second.answerable) == ("2", "one\u2028two", False)


@pytest.mark.parametrize(
    "bad",
    [
        "{not JSON",
        '["a list"]',
        "null",
        json.dumps({**GOOD, "question": None, "id": "q2"}).replace('"question": null, ', ""),
        json.dumps({**GOOD, "id": "q2", "answers": None}),
        json.dumps({**GOOD, "id": "q2", "answers": "因为"}),
        json.dumps({**GOOD, "id": "q2", "documents": "a.md"}),
        json.dumps({**GOOD, "id": "q2", "answers": [""]}),
        json.dumps({**GOOD, "id": "q2", "short": "因为"}),
        json.dumps({**GOOD, "id": "q2", "conflict": "no"}),
        json.dumps(GOOD),
    ],
    ids=[
        "not JSON", "list", "null", "no question", "null answers", "text for answers", "text for documents",
        "empty answer", "text for short", "text for conflict", "same id twice",
    ],
)  # fmt: skip
def test_line_that_cannot_be_read_is_named(tmp_path: Path, bad: str) -> None:
    """A line that would not be measured as its writer meant it is refused by its number."""
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{bad}\n", encoding="utf-8")
    with pytest.raises(QuestionError, match="line 3"):
        read_questions(path)


def test_a_short_answer_is_compared_with_the_shortest_spans(tmp_path: Path) -> None:
    """The shortest spans are those that a line names as short, or its answers; a conflict is read as one."""
    path = tmp_path / "questions.jsonl"
    lines = [{**GOOD, "answers": ["三个园区"], "short": ["三个"], "conflict": True}, {**GOOD, "id": "q2"}]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    first, second = read_questions(path)
    assert (first.answers, first.shortest, first.conflict) == (("三个园区",), ("三个",), True)
    assert (second.shortest, second.conflict) == (("因为",), False)


TURNS: list[dict[str, object]] = [
    {
        "question": "为何？",
        "standalone": True,
        "documents": ["a.md"],
        "answers": ["因为雨"],
        "short": ["雨"],
        "means": "为何？",
    },
    {"question": "And who?", "standalone": False, "documents": [], "answers": [], "means": "And who asks why?"},
]
CHAIN = {"id": "c1", "language": "zh", "turns": TURNS}


def test_conversations_are_read_as_written(tmp_path: Path) -> None:
    """A conversation keeps its turns in order, each with what it means, answerable or not."""
    path = tmp_path / "follow_ups.jsonl"
    path.write_text(json.dumps(CHAIN, ensure_ascii=False) + "\n\n", encoding="utf-8")
    first = GoldTurn("为何？", True, "为何？", ("a.md",), ("因为雨",), ("雨",))
    second = GoldTurn("And who?", False, "And who asks why?")
    assert read_chains(path) == [GoldChain("c1", "zh", (first, second))]
    assert (first.shortest, second.shortest) == (("雨",), ())


@pytest.mark.parametrize(
    "bad",
    [
        "{not JSON",
        "[]",
        json.dumps({"id": "c2", "language": "zh"}),
        json.dumps({**CHAIN, "id": "c2", "turns": TURNS[:1]}),
        json.dumps({**CHAIN, "id": "c2", "turns": TURNS[::-1]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], "And who?"]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], {"question": "And who?", "standalone": False}]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], {**TURNS[1], "standalone": "no"}]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], {**TURNS[1], "answers": "the clerk"}]}),
        json.dumps(CHAIN),
    ],
    ids=[
        "not JSON", "list", "no turns", "one turn", "follow-up first", "text for a turn", "no meaning",
        "text for standalone", "text for answers", "same id twice",
    ],
)  # fmt: skip
def test_conversation_that_cannot_be_read_is_named(tmp_path: Path, bad: str) -> None:
    """A conversation that would not be measured as its writer meant it is refused by the number of its line."""
    path = tmp_path / "follow_ups.jsonl"
    path.write_text(f"{json.dumps(CHAIN)}\n{bad}\n", encoding="utf-8")
    with pytest.raises(QuestionError, match="line 2"):
        read_chains(path)


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe"], ids=["missing", "empty", "blank", "not UTF-8"])
def test_file_without_questions_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    """A question file that is missing, empty or not UTF-8 is one error that names it."""
    path = tmp_path / "问题.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(QuestionError, match="问题"):
        read_questions(path)
