import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import phrasing
from qa.phrasing import asked_for, begins_with_relation, content, ends_with_relation, plain, statement, subject


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("京津冀创业投资引导基金的总规模是多少？", "京津冀创业投资引导基金"),
        ("2026中关村论坛年会是什么时候举行的？", "2026中关村论坛年会"),
        ("众智FlagOS 2.0支持多少款芯片？", "众智FlagOS 2.0"),
        ("哪个团队研发了导盲设备？", "导盲设备"),
        ("有多少企业参加了中关村论坛？", "中关村论坛"),
        ("請問機器人餐吧有多少台機器人？", "機器人餐吧"),
        ("《流浪地球2》的票房是多少？", "《流浪地球2》"),
        ("投资北京大会签约了多少个项目？", "投资北京大会"),
        ("How many chips does FlagOS 2.0 support?", "FlagOS 2.0"),
        ("When was the Open Source Alliance founded?", "the Open Source Alliance"),
        ("What is the theme of the forum?", "the forum"),
        ("Who is the director of the city library?", "the city library"),
        ("Who founded Moonshot AI?", "Moonshot AI"),
        ("How many robots ran the canteen?", "the canteen"),
        ("What causes coral bleaching?", "coral bleaching"),
    ],
)
def test_a_question_is_about_something(question: str, about: str) -> None:
    """The subject of a question is found as it is written there, in either language and either script."""
    assert subject(question) == about


@pytest.mark.parametrize(
    "question",
    [
        "负责人是谁？",
        "多少钱",
        "成立多久了？",
        "為什麼？",
        "有多少企业参加？",
        "Who is the director?",
        "How many members?",
        "Why?",
    ],
)
def test_some_questions_name_nothing(question: str) -> None:
    """A question of asking words, relations and everyday verbs alone has no content of its own."""
    assert content(question) == ""


@pytest.mark.parametrize(
    "question", ["论坛什么时候举行？", "forum dates", "谁发明了飞机？", "Who invented the telegraph?", "FlagOS"]
)
def test_a_word_in_no_list_is_content(question: str) -> None:
    """One word that stands in no list is enough for a question to have content."""
    assert content(question)


def test_a_statement_asks_nothing() -> None:
    """A question without its asking words keeps the others, in order."""
    assert statement("众智FlagOS 2.0支持多少款芯片？") == "众智FlagOS 2.0支持芯片"
    assert statement("How many robots ran the canteen?") == "robots ran the canteen"


def test_what_is_counted_is_told() -> None:
    """What a question counts or chooses from is told, and nothing where it does neither."""
    assert asked_for("How many robots ran the canteen?") == "robots"
    assert asked_for("餐吧有多少台机器人？") == "机器人"
    assert asked_for("When was it founded?") == ""


def test_relations_stand_first_in_chinese_and_last_in_english() -> None:
    """A relation is told at the beginning of a Chinese text and at the end of a text in either language."""
    assert begins_with_relation("負責人是谁")
    assert not begins_with_relation("论坛的负责人是谁")
    assert ends_with_relation("what was the theme")
    assert ends_with_relation("论坛的主题")
    assert not ends_with_relation("who founded it")


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_has_parts(text: str) -> None:
    """Any text at all, half a surrogate pair too, has a plain form, a content, a subject and a statement."""
    assert all(isinstance(part, str) for part in (plain(text), content(text), subject(text), statement(text)))
    assert plain(text).encode("utf-8") is not None


@given(
    st.lists(st.sampled_from([*sorted(phrasing._TRAILING_ZH), *"猫北京价时均平"]), max_size=8).map("".join), st.data()
)
def test_trailing_run_is_the_longest_made_of_its_words(text: str, data: st.DataObject) -> None:
    """Where a piece's trailing relations and small words begin is where a backtracking search finds their run."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    units = "|".join(map(re.escape, phrasing._TRAILING_ZH))
    run = re.compile(f"(?:{units})+$").search(text, start, end)
    assert phrasing._trailing_zh(text, start, end) == (run.start() if run else end)


@pytest.mark.parametrize(
    "question", ["的价格" * 600 + "爪", "的" * 50_000, "的" * 50_000 + "爪", "价格" * 20_000 + "爪"]
)
def test_questions_made_against_patterns_have_a_subject(question: str) -> None:
    """The subject of a question made to backtrack is found in a process that may take twenty seconds."""
    code = "import sys; from qa.phrasing import subject; assert subject(sys.stdin.buffer.read().decode())"
    subprocess.run([sys.executable, "-c", code], input=question.encode(), timeout=20, check=True)
