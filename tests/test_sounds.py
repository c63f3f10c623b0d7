import pytest

from qa.sounds import Name, han_names, latin_names, met_in_han, met_in_latin, spellings


def sounds_of(names: list[Name]) -> set[str]:
    return {" ".join(name.sounds) for name in names}


@pytest.mark.parametrize(
    ("word", "ways"),
    [
        ("songchun", {("song", "chun")}),
        ("xian", {("xian",), ("xi", "an")}),
        ("nantian", {("nan", "tian"), ("nan", "ti", "an")}),
        ("beijing", {("bei", "jing")}),
        ("turtle", set()),
        ("", {()}),
    ],
)
def test_a_word_is_read_in_every_way(word: str, ways: set[tuple[str, ...]]) -> None:
    """Every split of a word into Pinyin syllables is found, and a word that is none has no reading."""
    assert set(spellings(word)) == ways


def test_names_in_latin_letters_are_found_in_their_places() -> None:
    """Capitalised words, alone or with the next, are names where they may be read as two or three syllables."""
    text = "Did Zhu Songchun and Li Yan of Tongzhou meet Anna?"
    names = latin_names(text)
    assert {"zhu song chun", "li yan", "tong zhou", "song chun"} <= sounds_of(names)
    assert text[names[0].start : names[0].end] == "Songchun"
    assert all(text[name.start].isupper() for name in names)


@pytest.mark.parametrize("text", ["院长朱松纯介绍说", "院長朱松純介紹說"])
def test_a_spelt_name_meets_its_characters(text: str) -> None:
    """A name in Latin letters meets the Han characters of its sounds, Simplified or Traditional, and no others."""
    names = latin_names("Who is Zhu Songchun?")
    assert "zhu song chun" in sounds_of(met_in_han(names, text))
    assert met_in_han(names, "院长左家平介绍说") == []


def test_characters_meet_a_spelt_name() -> None:
    """Han characters meet the name they are spelt as in an English text, where it has a capital letter."""
    names = han_names("朱松纯是谁？")
    assert "zhu song chun" in sounds_of(met_in_latin(names, "The dean, Zhu Songchun, said so."))
    assert met_in_latin(names, "They ran shi wei away.") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ZHU SONGCHUN spoke", "zhu song chun"),
        ("Who was Lü Bu?", "lv bu"),
        ("Zhu Song-Chun's team", "zhu song chun"),
        ("Dèng Xiǎopíng", "deng xiao ping"),
    ],
)
def test_a_name_is_read_however_it_is_written(text: str, name: str) -> None:
    """Capitals, hyphens, tone marks and a possessive do not hide a name."""
    assert name in sounds_of(latin_names(text))


@pytest.mark.parametrize("text", ["Women were there", "Change in China", "Made Human", "NASA", "Name it"])
def test_an_english_word_is_no_name(text: str) -> None:
    """Words and abbreviations that happen to be spelt like Pinyin are not met by 我们 or 嫦娥."""
    assert latin_names(text) == []


def test_half_a_syllable_is_no_match() -> None:
    """A name ends where a syllable ends: “Liu Qi” is not met by 刘秦."""
    assert met_in_han(latin_names("Liu Qi"), "刘秦") == []
    assert sounds_of(met_in_han(latin_names("Liu Qi"), "刘七")) == {"liu qi"}


def test_texts_without_names_have_none() -> None:
    """Small letters, digits, signs and single characters are no names."""
    assert latin_names("nothing here, 2026!") == []
    assert han_names("茶 a 水") == []
