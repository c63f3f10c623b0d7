"""What the page says, key by key, and the pieces of its HTML that need no browser."""

import re
import string
from pathlib import Path

import pytest

import ui
from ui.interface import sends
from ui.texts import TEXTS, say
from ui.why import coloured

SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in Path(ui.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("key", TEXTS)
def test_each_text_is_there_in_both_languages(key: str) -> None:
    """Both languages say something, each in its own script, with the same blanks."""
    chinese, english = TEXTS[key]
    blanks = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (chinese, english)]
    assert blanks[0] == blanks[1]
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert english.isascii() or not re.search(r"[\u4e00-\u9fff]", english)
    assert english.strip() == english != ""


PUT_TOGETHER = (
    "confidence_",
    "theme_",
    "generation_",
    "lint_",
    "moved_",
    "severity_",
    "sort_",
    "stage_",
    "standing_",
    "measure_",
    "group_",
    "kind_",
    "setting_",
    "save_",
    "role_",
    "zh",
    "en",
)  # of a beginning and a value, or as a document's language


@pytest.mark.parametrize("key", [key for key in TEXTS if not key.startswith(PUT_TOGETHER)])
def test_each_text_is_used(key: str) -> None:
    """No text is kept that no part of the page says."""
    assert re.search(rf"""(?<!class=)["']{key}["'](?!: \()""", SOURCES)


def test_a_blank_is_filled_in() -> None:
    """A text is said in the language that is asked for, with its values."""
    assert say("citation", "zh", number=2, title="白茶") == "引用 2：白茶"
    assert say("citation", "en", number=2, title="Tea") == "Citation 2: Tea"
    with pytest.raises(KeyError):
        say("citation", "en", number=2)


def test_values_of_an_event_are_escaped() -> None:
    """What an element sends cannot leave its attribute."""
    assert sends("open", name='"><script>') == 'data-event="open" data-name="&quot;&gt;&lt;script&gt;"'


def test_coloured_words_keep_the_text() -> None:
    """Words are coloured where they stand; of two that overlap the earlier keeps what they share; all is escaped."""
    assert coloured("a<b>c", [(0, 1, 1), (1, 4, 2)]) == '<b class="pair-1">a</b><b class="pair-2">&lt;b&gt;</b>c'
    assert coloured("abcd", [(1, 3, 2), (0, 2, 1)]) == '<b class="pair-1">ab</b><b class="pair-2">c</b>d'
