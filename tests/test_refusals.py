import json
from pathlib import Path

import pytest
import refusals
from refusals import THRESHOLDS, answers, figures
from test_benchmark import ASKED, CHINESE, ENGLISH, squad

from qa.datatypes import Answer, Citation, Passage

PASSAGE = Passage(0, "a", (), 0, 4, "Tea.")


@pytest.fixture
def english(tmp_path: Path) -> Path:
    """Four questions on three articles of one paragraph."""
    path = tmp_path / "english.json"
    path.write_text(squad(ENGLISH, 2, 4), encoding="utf-8")
    return path


def said(confidence: float, *, answered: bool) -> Answer:
    """An answer that is sure to this degree."""
    cited = (Citation(1, PASSAGE, 0, 4, "Tea.", ""),) if answered else ()
    return Answer("", "", cited, (), confidence)


def test_figures_are_those_counted_by_hand() -> None:
    """Refusals are counted as they are given and at each threshold, and the area is the share of pairs put right."""
    kept = [said(0.9, answered=True), said(0.35, answered=True), said(0.3, answered=False), said(0.8, answered=True)]
    removed = [
        said(0.2, answered=False),
        said(0.35, answered=True),
        said(0.1, answered=False),
        said(0.05, answered=False),
    ]
    report = figures({"kept": kept, "removed": removed})
    assert report["questions"] == 4
    assert report["area under the curve"] == pytest.approx((4 + 3.5 + 3 + 4) / 16)
    assert (report["answerable refused"]["mean"], report["unanswerable refused"]["mean"]) == (1 / 4, 3 / 4)
    assert len(report["by threshold"]) == len(THRESHOLDS)
    shares = {name: tuple(row.values()) for name, row in report["by threshold"].items()}
    assert shares["0.1"] == (0, 1 / 4)
    assert shares["0.4"] == (2 / 4, 1)
    assert shares["0.8"] in ((2 / 4, 1), (3 / 4, 1))


def test_every_question_is_asked_with_and_without_its_article(english: Path) -> None:
    """In the file's order, each question finds its paragraph once, and once only the paragraphs of other articles."""
    found = answers(english, english, "bundled")
    order = [asked for number in range(3) for asked in ASKED if asked[1] == number]
    for way in ("kept", "removed"):
        assert [answer.question for answer in found[way]] == [asked[2] for asked in order]
    for asked, kept, removed in zip(order, found["kept"], found["removed"], strict=True):
        own = ENGLISH[asked[1]]
        assert own in [hit.passage.text for hit in kept.hits]
        assert removed.hits
        assert own not in [hit.passage.text for hit in removed.hits]
        if asked[0] != "misfiled":
            assert kept.confidence > removed.confidence


def test_paragraphs_may_come_from_a_parallel_file(english: Path, tmp_path: Path) -> None:
    """With a parallel file the questions of one are asked of the paragraphs of the other, by its articles."""
    chinese = tmp_path / "chinese.json"
    chinese.write_text(squad(CHINESE, 3, 5), encoding="utf-8")
    found = answers(english, chinese, "bundled")
    assert {hit.passage.text for way in found.values() for answer in way for hit in answer.hits} == set(CHINESE)
    assert {answer.question for answer in found["kept"]} == {asked[2] for asked in ASKED}


def test_the_command_prints_and_writes_the_figures(
    english: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed is what is written: the figures of as many questions as the file has."""
    assert refusals.main([str(english), "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == report
    assert report["questions"] == len(ASKED)
    assert report["unanswerable refused"]["mean"] >= report["answerable refused"]["mean"]
