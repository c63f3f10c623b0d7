import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.claims import names, numbers_claimed, numbers_held, stands


@pytest.mark.parametrize(
    ("chinese", "english", "values"),
    [
        ("总规模500亿元", "a total of 50 billion yuan", {"50000000000"}),
        ("共有1.2万人", "12,000 people", {"12000"}),
        ("二〇二六年三月二十九日", "March 29, 2026", {"2026", "month 3", "29"}),
        ("2026年3月29日", "29 March 2026", {"2026", "month 3", "29"}),
        ("一百二十万", "1.2 million", {"1200000"}),
        ("八台机器人", "eight robots", {"8"}),
        ("百分之八十", "80%", {"80"}),
        ("第二十三届", "the twenty-third edition", {"23"}),
        ("三十二款芯片", "32 chips", {"32"}),
        ("近3千万人", "some thirty million people", {"30000000"}),
    ],
)
def test_the_same_number_is_the_same_in_both_languages(chinese: str, english: str, values: set[str]) -> None:
    """Numbers and dates that say the same in Chinese and English have the same values, claimed and held."""
    for text in (chinese, english):
        assert set(numbers_claimed(text)) == values
        assert values <= numbers_held(text)


@pytest.mark.parametrize(
    "text",
    [
        "一个人",
        "十分重要",
        "几百人",
        "One of the robots may come first.",
        "伊万和万维网",
        "千万不要",
        "in the 1980s",
        "在80年代",
    ],
)
def test_words_that_only_look_like_numbers_claim_none(text: str) -> None:
    """A lone “one”, an idiom, a rough number or a decade claims no value."""
    assert numbers_claimed(text) == {}


def test_a_scale_is_part_of_the_number() -> None:
    """A text that states 50 billion does not thereby state 50, and a claim keeps its own wording."""
    assert "50" not in numbers_held("The fund has 50 billion yuan.")
    assert numbers_claimed("The fund has 50 billion yuan.") == {"50000000000": "50 billion"}


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("The Beijing Academy says that FlagOS runs on AI chips.", ["Beijing", "Academy", "FlagOS", "AI"]),
        ("Robots ran the canteen in March.", []),
        ("院长朱松纯介绍，FlagOS支持《红楼梦》和“通通”。", ["朱松纯", "FlagOS", "红楼梦", "通通"]),
        ("科学家阿尔伯特·爱因斯坦住在这里。", ["伯特·爱因"]),
        ("机器人在食堂做饭。", []),
    ],
)
def test_what_is_certainly_a_name_is_found(sentence: str, found: list[str]) -> None:
    """Names are words with capitals inside a sentence, what stands in quotation marks, and persons with their title."""
    assert [sentence[start:end] for start, end in names(sentence)] == found


def test_a_name_stands_where_its_words_do() -> None:
    """A name stands in a text that has its words, whatever their case, ending or script, and in no other."""
    assert stands("FlagOS", "众智flagos 2.0")
    assert stands("Robots", "A robot canteen")
    assert stands("龍門", "在龙门石窟")
    assert not stands("红楼梦", "红色的楼，梦里")
    assert not stands("Rome", "Romeo and Juliet")


@given(st.text())
def test_any_text_has_claims(text: str) -> None:
    """No text is an error, what it claims it also holds, and its names lie in it."""
    assert set(numbers_claimed(text)) <= numbers_held(text)
    assert all(0 <= start < end <= len(text) for start, end in names(text))
