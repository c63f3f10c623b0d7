import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.text import dominant_language, fold, sentences, simplified, terms, words

# Any character a file can hold, and more often those on which cutting depends.
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\r\n\t .。！？!?…；;”’」)|-*>#`~1a北\ufeff\u0301\u200f😀"),
    ),
    max_size=120,
)


def quoted(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("臺灣機器學習與數據開放", "台湾机器学习与数据开放"),
        ("頭髮、發展、體驗", "头发、发展、体验"),
        ("ＡＩ　２０２６％", "ai 2026%"),
        ("Straße ISTANBUL", "strasse istanbul"),
        ("ﾃｽﾄ①", "テスト1"),
        ("cafe\u0301", "CAFÉ"),
    ],
)
def test_fold_makes_variants_equal(written: str, same: str) -> None:
    """Traditional and Simplified script, full and half width, and upper and lower case compare as one."""
    assert fold(written) == fold(same)


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("，：；！？（）臺aＡ\u0301\u0338"))))
def test_fold_is_its_definition(text: str) -> None:
    """Whatever shortcut a text allows, it is folded as by NFKC, case and script alone."""
    assert fold(text) == simplified(unicodedata.normalize("NFKC", text).casefold())


def test_fold_keeps_different_words_apart() -> None:
    """Folding equates spellings of one word, never two words."""
    assert len({fold(word) for word in ("未来", "末来", "AI", "IA", "5.4", "54", "天", "夭")}) == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("人工智能", ["人", "工", "智", "能", "人工", "工智", "智能"]),
        ("機器人", ["机", "器", "人", "机器", "器人"]),
        ("Cities were running", ["citi", "were", "run"]),
        ("In 2024年, 1,200 rose 5.4%", ["in", "2024", "年", "1200", "rose", "5.4"]),
        ("ＧＰＴ模型_v2", ["gpt", "模", "型", "模型", "v", "2"]),
        ("……！ \u3000 —", []),
    ],
)
def test_terms_are_those_expected(text: str, expected: list[str]) -> None:
    """Terms are Han characters and bigrams, stemmed words and whole numbers, each run in its turn."""
    assert terms(text) == expected


@given(texts)
def test_no_term_holds_a_space(text: str) -> None:
    """A term is never empty and never holds a space, at which the engine would cut it."""
    assert all(term and not re.search(r"\s", term) for term in terms(text))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("北京的AI产业规模超过四千亿元", "zh"),
        ("The word 北京 means northern capital city", "en"),
        ("臺北市的數據", "zh"),
        ("2024", "en"),
        ("2024年", "zh"),
        ("谁？", "zh"),
        ("AI誰", "zh"),
        ("Zhu Songchun是谁", "zh"),
        ("为什么 Apple Google Microsoft OpenAI", "zh"),
        ("Who is 朱松纯?", "en"),
        ("Tell me about 华为", "en"),
        ("Describe 何晏's life", "en"),
        ("Huawei 华为 founder name", "en"),
        ("为何 Apple Google 合作", "zh"),
    ],
)
def test_dominant_language_is_the_reader_s(text: str, language: str) -> None:
    """A few foreign words do not change the language of a text, and its grammar tells where names outnumber it."""
    assert dominant_language(text) == language


@given(texts)
@example("1. 2024年\r\n- a\n\n  * b. c|\n")
@settings(max_examples=300)
def test_sentences_are_slices_that_lose_no_letter(text: str) -> None:
    """Sentences are trimmed slices in order, and but for list numbers every letter and digit is in exactly one."""
    spans = sentences(text)
    bounds = [bound for span in spans for bound in span]
    assert bounds == sorted(bounds)
    assert all(0 <= start < end <= len(text) and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(re.search(r"\w", text[start:end]) for start, end in spans)
    inside = {position for start, end in spans for position in range(start, end)}
    for number in re.finditer(r"(?<![^\r\n])\s*(\d+)[.)][ \t]", text):
        inside.update(range(*number.span(1)))
    assert [character for i, character in enumerate(text) if character.isalnum() and i not in inside] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他说：“人才是关键……。”大家同意。", ["他说：“人才是关键……。”", "大家同意。"]),
        ("她问：「真的嗎？！」然後走了。", ["她问：「真的嗎？！」", "然後走了。"]),
        ("（见附件。）下一句！", ["（见附件。）", "下一句！"]),
        ('He said "it works." Then he left.', ['He said "it works."', "Then he left."]),
        ("It works (mostly.) We ship.", ["It works (mostly.)", "We ship."]),
    ],
)
def test_closing_quotes_stay_with_their_sentence(text: str, expected: list[str]) -> None:
    """A closing quote or bracket belongs to the sentence it closes."""
    assert quoted(text) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Wang and Prof. Li met Mr. Chen.",
        "The U.S. economy grew.",
        "Some models, e.g. static ones, are fast.",
        "It rose by 5.4% to 3.14 million.",
        "See Fig. 2 and No. 7 of Vol. 3.",
        "Version v1.2.3 of example.org works.",
    ],
)
def test_full_stops_inside_a_sentence_do_not_cut_it(sentence: str) -> None:
    """Abbreviations, initials, decimals and addresses do not end a sentence."""
    assert quoted(f"{sentence} Another one follows.") == [sentence, "Another one follows."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 第一项\r\n- 第二项\r\n", ["第一项", "第二项"]),
        ("1. First item here\n2. Second item here\n", ["First item here", "Second item here"]),
        ("- outer\n  - nested item\n", ["outer", "nested item"]),
        ("1) 甲项。\n10) 乙项。", ["甲项。", "乙项。"]),
        ("| 城市 | 人口 |\n|---|---|\n", ["城市 | 人口"]),
        ("> quoted line", ["quoted line"]),
    ],
)
def test_list_and_table_marks_are_no_part_of_a_sentence(text: str, expected: list[str]) -> None:
    """What is quoted of a list item or table row is its text, never its number, bullet or outer bars."""
    assert quoted(text) == expected


@pytest.mark.parametrize(
    ("text", "tokens", "expected"),
    [
        ("A 1,200-metre dive", [], ["A", "1,200", "metre", "dive"]),
        ("OpenAI's GPT-4 in the U.S. café", [(0, 4), (4, 6)], ["OpenAI's", "GPT-4", "in", "the", "U.S", "café"]),
        ("$20, 3.5% or the 3rd of the 1980s", [], ["$20", "3.5%", "or", "the", "3rd", "of", "the", "1980s"]),
        ("图书馆有12本书", [(0, 3), (3, 4), (4, 6), (6, 7), (7, 8)], ["图书馆", "有", "12", "本", "书"]),
        ("图书馆有12本书", [(0, 3)], ["图书馆", "有", "12", "本", "书"]),
        ("图书馆的Wi-Fi", [(2, 5), (5, 9)], ["图", "书", "馆", "的", "Wi-Fi"]),
        ("人工智能", [(0, 4), (0, 2), (2, 4)], ["人工智能"]),
        ("，。“”", [], []),
        ("", [], []),
    ],
)
def test_words_are_those_expected(text: str, tokens: list[tuple[int, int]], expected: list[str]) -> None:
    """Numbers and Latin words are whole; of the tokens those count that do not reach into one; the rest is split up."""
    assert [text[start:end] for start, end in words(text, tokens)] == expected


@given(texts, st.lists(st.tuples(st.integers(0, 120), st.integers(0, 5)), max_size=20))
@settings(max_examples=200)
def test_every_letter_is_in_one_word(text: str, drawn: list[tuple[int, int]]) -> None:
    """Whatever the tokens, words stand in order, do not overlap, and hold every letter and digit."""
    tokens = [(start, min(start + length, len(text))) for start, length in drawn if start <= len(text)]
    spans = words(text, tokens)
    bounds = [bound for span in spans for bound in span]
    assert bounds == sorted(bounds)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    inside = {place for start, end in spans for place in range(start, end)}
    assert [place for place, character in enumerate(text) if character.isalnum() and place not in inside] == []
