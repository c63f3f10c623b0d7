"""The measurement of a server that is asked more than it can answer."""

from pathlib import Path

from load import ROOT, alone, measure


def test_more_than_can_be_answered_breaks_nothing(index_folder: Path) -> None:
    """Two processes that are asked far too much answer some as they should, refuse the rest with when to come again.

    None dies, and afterwards they answer as before.
    """
    asked = alone(index_folder, 20, ROOT / "eval" / "questions.jsonl")
    report = measure(index_folder, asked, 2, 3, 6, questions_waiting=4)
    assert report["holds"]
    assert report["died"] == 0
    load = report["6 times as often"]
    assert {"200", "503"} <= load["said"].keys() <= {"200", "503", "not sent"}
    assert [report[each]["said"].keys() for each in ("as it answers", "as it answers, after that")] == [{"200"}] * 2
    assert all(len(each["workers"]) == 2 for each in report["megabytes"].values())
    assert sum(each["not right"] for each in report.values() if isinstance(each, dict) and "said" in each) == 0


def test_another_answer_than_alone_is_counted(index_folder: Path) -> None:
    """An answer that is not the one expected does not hold."""
    asked = dict.fromkeys(alone(index_folder, 5, ROOT / "eval" / "questions.jsonl"), "{}")
    report = measure(index_folder, asked, 1, 1, 1)
    assert not report["holds"]
    assert report["as it answers"]["not right"] == report["as it answers"]["said"]["200"]
