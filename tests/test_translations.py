from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.translations import Meaning, held, meanings


def words_at(question: str, language: Literal["zh", "en"]) -> dict[str, tuple[str, ...]]:
    return {question[meaning.start : meaning.end]: meaning.words for meaning in meanings(question, language)}


def test_an_english_phrase_is_taken_before_its_words() -> None:
    """A phrase that the dictionary has is one meaning, and words that it lacks stand for themselves."""
    found = words_at("Which Great Wall does GPT5 mean?", "en")
    assert "长城" in found["Great Wall"]
    assert "Great" not in found
    assert found["GPT5"] == ("gpt5",)


def test_english_is_looked_up_by_its_stem() -> None:
    """Another form of a word means what the word means."""
    assert words_at("universities", "en")["universities"] == words_at("university", "en")["university"]


@pytest.mark.parametrize("question", ["人工智能实验室在哪里？", "人工智慧實驗室在哪裡？"])
def test_the_longest_chinese_word_is_taken(question: str) -> None:
    """Chinese is cut into the longest words that the dictionary has, Traditional as Simplified, each in its place."""
    found = words_at(question, "zh")
    assert " laboratori " in next(words for word, words in found.items() if word.startswith(("实验", "實驗")))
    assert all(len(word) > 1 for word in found if word[0] in "人实實")


@pytest.mark.parametrize(
    ("question", "language", "text", "met"),
    [
        ("a laboratory", "en", "这家實驗室成立于北京。", "laboratory"),
        ("实验室", "zh", "Two laboratories were founded.", "实验室"),
        ("GPT", "en", "他们用ＧＰＴ写作。", "GPT"),
    ],
)
def test_a_text_of_the_other_language_holds_the_meaning(
    question: str, language: Literal["zh", "en"], text: str, met: str
) -> None:
    """A text that says it in the other language holds a meaning, in any form, script and width; others do not."""
    wanted = [meaning for meaning in meanings(question, language) if question[meaning.start : meaning.end] == met]
    assert held(wanted, [text, "……", ""], language).tolist() == [[1.0], [0.0], [0.0]]


def test_an_english_word_is_no_part_of_another() -> None:
    """A translation is met by whole words."""
    assert held([Meaning(0, 2, (" art ",))], ["The artist started.", "Modern art."], "zh").ravel().tolist() == [
        0.0,
        1.0,
    ]


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3), st.sampled_from(["zh", "en"]))
def test_any_text_can_be_looked_up(question: str, texts: list[str], language: Literal["zh", "en"]) -> None:
    """Meanings stand in the question, in order and apart, and every text holds each of them or not."""
    found = meanings(question, language)
    places = [place for meaning in found for place in (meaning.start, meaning.end)]
    assert places == sorted(places)
    assert all(0 <= meaning.start < meaning.end <= len(question) for meaning in found)
    table = held(found, texts, language)
    assert table.shape == (len(texts), len(found))
    assert set(np.unique(table)) <= {0.0, 1.0}
