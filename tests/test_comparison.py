import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qa.comparison import Moved, compare, comparison_text, read_report, reports_text
from qa.datatypes import Answer, Citation, Passage
from qa.errors import ReportError
from qa.evaluation import GoldQuestion, Outcome, answer_measures, outcome

TEXT = "The robot carries 12 parcels up the stairs."
PASSAGE = Passage(0, "robots.md", (), 0, len(TEXT), TEXT)


def gold(name: str, *answers: str) -> GoldQuestion:
    """A question about the robot, or about nothing the article says."""
    return GoldQuestion(name, f"{name}?", "en", "number", ("robots.md",) if answers else (), answers)


def outcome_of(question: GoldQuestion, cited: str = "", short: str = "") -> Outcome:
    """What a report holds where the answer cites this much, and has this short answer."""

    def cut(quote: str) -> Citation:
        return Citation(1, PASSAGE, TEXT.index(quote), TEXT.index(quote) + len(quote), quote, "")

    citations = (cut(cited),) if cited else ()
    answer = Answer(question.question, "", citations, (), 0.5, short=cut(short) if short else None)
    return outcome(question, answer, answer_measures(question, answer))


MANY, WHERE, COLOUR, MAYOR = gold("many", "12 parcels"), gold("where", "stairs"), gold("colour", "12"), gold("mayor")
OLD = [
    outcome_of(MANY, "12 parcels", "parcels"),
    outcome_of(WHERE),
    outcome_of(COLOUR, "carries 12"),
    outcome_of(MAYOR, "robot"),
    outcome_of(gold("gone", "robot"), "robot"),
]
NEW = [
    outcome_of(MAYOR),
    outcome_of(COLOUR, "carries"),
    outcome_of(WHERE, "up the stairs", "stairs"),
    outcome_of(MANY, "12 parcels", "12 parcels"),
    outcome_of(gold("fresh", "robot"), "robot"),
]


def test_what_moved_is_said_question_by_question() -> None:
    """Each matched question has what it gained and lost (a refusal less is a gain) and its short answers."""
    comparison = compare(OLD, NEW)
    assert (comparison.matched, comparison.added, comparison.removed, comparison.altered) == (
        4,
        ("fresh",),
        ("gone",),
        (),
    )
    assert {moved.id: moved for moved in comparison.moved} == {
        "many": Moved(
            "many", "many?", {"exact match": (0, 1), "F1": (pytest.approx(2 / 3), 1)}, {}, "parcels", "12 parcels"
        ),
        "where": Moved(
            "where",
            "where?",
            {
                **dict.fromkeys(("answer recall", "citation precision", "exact match", "F1"), (0.0, 1.0)),
                "wrongly refused": (1.0, 0.0),
                "short where answered": (None, 1.0),
            },
            {},
            None,
            "stairs",
        ),
        "colour": Moved("colour", "colour?", {}, {"answer recall": (1, 0), "citation precision": (1, 0)}, None, None),
        "mayor": Moved("mayor", "mayor?", {"rightly refused": (0.0, 1.0)}, {}, None, None),
    }


def test_each_measure_is_compared_over_the_questions_of_both() -> None:
    """Means are over the matched questions alone, and one that has a measure in one report only is not left out."""
    changes = {change.measure: change for change in compare(OLD, NEW).changes}
    recall = changes["answer recall"]
    assert (recall.old, recall.new, recall.difference) == pytest.approx((2 / 3, 2 / 3, 0))
    assert (recall.test, recall.p, recall.count) == ("McNemar", 1.0, 3)
    short = changes["short where answered"]
    assert (short.old, short.new, short.count) == (0.5, pytest.approx(2 / 3), 3)
    f1 = changes["F1"]
    assert (f1.test, f1.old, f1.new) == ("permutation", pytest.approx(2 / 9), pytest.approx(2 / 3))
    assert f1.low <= f1.difference <= f1.high
    assert (changes["rightly refused"].old, changes["rightly refused"].new, changes["rightly refused"].count) == (
        0,
        1,
        1,
    )


def test_a_report_against_itself_moves_nothing() -> None:
    """The same outcomes have no question moved, no difference in any measure, and no chance of one."""
    comparison = compare(OLD, OLD)
    assert comparison.moved == comparison.added == comparison.removed == comparison.altered == comparison.unshared == ()
    assert {(change.difference, change.p) for change in comparison.changes} == {(0.0, 1.0)}


def test_a_measure_of_one_report_alone_moves_no_question() -> None:
    """A measure that the old report has of no question is named, and no question counts as having gained by it."""
    older = [{**each, "measures": {k: v for k, v in each["measures"].items() if k != "F1"}} for each in NEW]
    comparison = compare(older, NEW)
    assert (comparison.moved, comparison.unshared) == ((), ("F1",))
    assert "F1" not in {change.measure for change in comparison.changes}
    assert comparison_text(comparison).splitlines()[-1] == "measured in one alone (1): F1"


def test_a_question_with_another_gold_answer_is_named() -> None:
    """A question whose gold answer or wording is another now stays matched and is named as altered."""
    other = [outcome_of(replace(MANY, answers=("12",)), "12 parcels", "parcels"), *OLD[1:]]
    assert compare(OLD, other).altered == ("many",)


def test_the_comparison_is_told_in_lines() -> None:
    """The text names each question with what moved, its old and new short answer, each measure, and who is new."""
    lines = comparison_text(compare(OLD, NEW)).splitlines()
    place = lines.index("gained  many  many?")
    assert lines[place + 1 : place + 4] == [
        "        + exact match 0 → 1", "        + F1 0.67 → 1", "        short: “parcels” → “12 parcels”",
    ]  # fmt: skip
    place = lines.index("lost    colour  colour?")
    assert lines[place + 1] == "        - answer recall 1 → 0"
    assert "4 of 4 questions moved." in lines
    assert any(line.startswith("  answer recall ") and "McNemar, n=3" in line for line in lines)
    assert lines[-2:] == ["added (1): fresh", "removed (1): gone"]


def test_reports_without_a_question_in_common_say_so() -> None:
    """Where no id is in both there is nothing to test, and every question is added or removed."""
    lines = comparison_text(compare(OLD[:1], NEW[:1])).splitlines()
    assert lines == ["0 of 0 questions moved.", "added (1): mayor", "removed (1): many"]


def test_follow_ups_are_compared_where_both_have_them() -> None:
    """The follow-ups have a part of their own when the old report has them too."""
    old: dict[str, Any] = {"questions": OLD}
    new: dict[str, Any] = {"questions": NEW, "follow_ups": {"questions": NEW}}
    assert "follow-ups" not in reports_text(old, new)
    assert "follow-ups\n0 of 5 questions moved." in reports_text(new, new)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A report read back gives the same comparison as the one that was written."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"questions": OLD}), encoding="utf-8")
    assert compare(read_report(path)["questions"], NEW) == compare(OLD, NEW)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"\xff\xfe\x00",
        b"{",
        b"[]",
        b"{}",
        b'{"questions": {}}',
        b'{"questions": [{"id": "a", "question": "b"}]}',
        b'{"questions": [{"id": 1, "question": "b", "given": {}, "measures": {}, "weights": {}}]}',
        b'{"questions": [{"id": "a", "question": "b", "given": {}, "measures": {"F1": "1"}, "weights": {}}]}',
        b'{"questions": [], "follow_ups": null}',
    ],
    ids=[
        "missing",
        "not UTF-8",
        "not JSON",
        "list",
        "empty",
        "figures alone",
        "older",
        "number for id",
        "text",
        "null",
    ],
)
def test_a_file_that_is_no_report_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    """Whatever else than a report is given is one error that names the file."""
    path = tmp_path / "报告.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReportError, match="报告") as raised:
        read_report(path)
    assert raised.value.path == path
