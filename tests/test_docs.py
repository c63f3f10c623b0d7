import json
import re
from pathlib import Path

import pytest
from reliability import drawing
from results import DRAWING, RESULTS, with_tables

from qa.cli import _parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["README.md", "qa/model/README.md"])
def test_tables_are_those_of_the_results(path: str) -> None:
    """Every table of figures in the documents is the one that the kept results give."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert "<!-- table: " in text
    assert with_tables(text, json.loads(RESULTS.read_text(encoding="utf-8"))) == text


def test_the_drawing_is_that_of_the_results() -> None:
    """The drawing of what confidence is worth is the one that the kept results give, and the README shows it."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert DRAWING.read_text(encoding="utf-8") == drawing(results["confidence"])
    assert f"](eval/{DRAWING.name})" in README


def test_every_command_and_option_is_named() -> None:
    """The README names each command of `qa` and each of its options."""
    commands = _parser()._subparsers._group_actions[0].choices
    missing = [
        f"qa {name} {option}"
        for name, parser in commands.items()
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help" and option not in README
    ]
    assert missing == []
    assert [name for name in commands if f"qa {name}" not in README] == []


def test_no_blank_is_left_in_the_documents() -> None:
    """No document holds a word of capitals and underscores, as a place kept for a figure would."""
    for path in (*ROOT.glob("*.md"), ROOT / "qa" / "model" / "README.md"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"\b[A-Z]+_(?:OUTPUT|TABLE|FIGURES|COUNTS|TIME)\b|^FIGURES$", text, re.MULTILINE) == []
