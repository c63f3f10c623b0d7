import json
from pathlib import Path

import browsers
import page as page_speed
import pytest
from pages import browser_path

from qa.evaluation import read_questions

QUESTIONS = Path(__file__).parents[1] / "eval" / "questions.jsonl"
STAGES = {"until the server answers", "until one can ask", "typing", "from Enter to the answer"}


def test_every_stage_of_waiting_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report has as many cited answers as asked for, and each stage of an answer and of a start, which add up."""
    browser_path()
    output = tmp_path / "report.json"
    arguments = ["--questions", str(QUESTIONS), "--count", "2", "--starts", "1", "--output", str(output)]
    assert page_speed.main(arguments) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == report
    first, answer = report["first answer"], report["answer"]
    assert (first["starts"], answer["cited"]) == (1, 2)
    assert answer["refused"] >= 0
    assert first["seconds"].keys() == {"whole", *STAGES}
    assert answer["seconds"].keys() == {"answered", "browser before", "server", "browser after"}
    parts = sum(first["seconds"][stage]["median"] for stage in STAGES)
    assert first["seconds"]["whole"]["median"] == pytest.approx(parts, abs=0.01)
    for figures in (*first["seconds"].values(), *answer["seconds"].values()):
        assert 0 < figures["median"] <= figures["p95"] <= figures["highest"]


def test_both_languages_are_asked_by_turns() -> None:
    """Only what the articles answer is asked, each question once, Chinese and English by turns, always alike."""
    asked = page_speed.mixed(read_questions(QUESTIONS))
    assert asked == page_speed.mixed(read_questions(QUESTIONS))
    assert {each.language for each in asked[::2]} == {"zh"}
    assert {each.language for each in asked[1::2]} == {"en"}
    assert all(each.answerable for each in asked)
    assert len({each.id for each in asked}) == len(asked) >= 50


def test_without_a_browser_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CHROMIUM names nothing that is there, the message says what to install."""
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(SystemExit, match="2"):
        page_speed.main(["--count", "1"])
    assert browsers.find_chromium() is None
