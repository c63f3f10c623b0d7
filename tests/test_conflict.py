from collections.abc import Callable

import numpy as np
import pytest

from qa.conflict import disagreeing
from qa.datatypes import Hit, Passage
from qa.embedder import StaticEmbedder
from qa.evidence import Evidence, ScoredSentence
from qa.index import SearchIndex
from qa.query import Query, encode
from qa.spans import candidates

Stated = tuple[str, str, str, float]  # an article, a sentence of it, the value that answers, how likely it answers
Found = tuple[StaticEmbedder, Query, Evidence]
Look = Callable[..., Found]


@pytest.fixture(scope="module")
def look(small_loaded: SearchIndex) -> Look:
    """What a network would find that is sure of the value in each sentence, each as likely as is said."""

    def found(question: str, *stated: Stated) -> Found:
        query, texts = encode(small_loaded, question), [text for _, text, _, _ in stated]
        passages = [Passage(i, name, (), 0, len(text), text) for i, (name, text, _, _) in enumerate(stated)]
        ranked = [ScoredSentence(Hit(each, 1.0, None, None, None), 0, each.end, 0.0, each.id) for each in passages]
        cut = candidates(small_loaded.aligner, query, texts, [0.0] * len(texts))
        likely = np.zeros(len(cut.spans), dtype=np.float32)
        for number, (_, text, value, share) in enumerate(stated):
            span = (text.index(value), text.index(value) + len(value))
            (row,) = [
                row
                for row, place in enumerate(cut.spans.tolist())
                if tuple(place) == span and cut.sentence[row] == number
            ]
            likely[row] = share
        met = np.ones((len(ranked), len(query.tokens)), dtype=np.float32)
        return small_loaded.aligner, query, Evidence(ranked, cut, likely, met, met)

    return found


def values(found: Found) -> list[tuple[str, str]]:
    """The values that differ, each with its article."""
    return [
        (sentence.passage.document_id, sentence.text[span.start : span.end]) for sentence, span in disagreeing(*found)
    ]


HEIGHT, HEIGHT_IN_CHINESE = "How high is the tower in Tirna?", "蒂尔纳的塔有多高？"
CROWD, CROWD_IN_CHINESE = "How many people live in Tirna?", "蒂尔纳有多少人口？"
YEAR, YEAR_IN_CHINESE = "In which year was the tower built?", "这座塔是哪年建成的？"


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (CROWD, ("a", "Tirna has 225,000 people.", "225,000"), ("b", "Some 218,000 people live in Tirna.", "218,000")),
        (
            CROWD,
            ("a", "Tirna has 2.25 million people.", "2.25 million"),
            ("b", "Its 2.18 million people live well.", "2.18 million people"),
        ),
        (CROWD_IN_CHINESE, ("a", "蒂尔纳有22.5万人。", "22.5万人"), ("b", "住着21.8万人。", "21.8万人")),
        (CROWD, ("a", "Tirna has 225,000 people.", "225,000"), ("b", "蒂尔纳有21.8万人。", "21.8万人")),
        (
            CROWD_IN_CHINESE,
            ("a", "蒂尔纳有225万人。", "225万人"),
            ("b", "About 2.18 million live there.", "2.18 million"),
        ),
        (HEIGHT_IN_CHINESE, ("a", "塔高12米。", "12米"), ("b", "塔有15米高。", "15米")),
        (HEIGHT, ("a", "It is 12 metres high.", "12 metres"), ("b", "塔有15米高。", "15米")),
        (YEAR, ("a", "It was built in 1887.", "1887"), ("b", "It was built in 1889.", "1889")),
        (YEAR, ("a", "It was built in May 1887.", "May 1887"), ("b", "这座塔建成于1889年。", "1889年")),
        (YEAR_IN_CHINESE, ("a", "这座塔建成于1887年。", "1887年"), ("b", "1889年建成了塔。", "1889年")),
        ("塔花了多少钱？", ("a", "造价为500亿元。", "500亿元"), ("b", "花了300亿元。", "300亿元")),
        ("占百分之几？", ("a", "占全国的20%。", "20%"), ("b", "占了百分之三十。", "百分之三十")),
    ],
)
def test_differing_values_are_both_shown(
    question: str, one: tuple[str, str, str], other: tuple[str, str, str], look: Look
) -> None:
    """Two articles that state another number or date for one thing give both values, the likelier article's first."""
    found = look(question, (*one, 0.3), (*other, 0.5))
    assert values(found) == [(other[0], other[2]), (one[0], one[2])]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (CROWD, ("Tirna has 2,250,000 people.", "2,250,000"), ("Some 2.25 million live there.", "2.25 million")),
        (CROWD, ("Tirna has 2.25 million people.", "2.25 million"), ("蒂尔纳有225万人。", "225万人")),
        (CROWD_IN_CHINESE, ("蒂尔纳有二百二十五万人。", "二百二十五万人"), ("有225万人。", "225万人")),
        (HEIGHT, ("It is 12 metres high.", "12 metres"), ("塔高12米。", "12米")),
        (YEAR, ("It was built in December 2023.", "December 2023"), ("2023年12月建成。", "2023年12月")),
        (YEAR_IN_CHINESE, ("建成于二〇二三年。", "二〇二三年"), ("2023年建成。", "2023年")),
        ("占百分之几？", ("占全国的20%。", "20%"), ("占了百分之二十。", "百分之二十")),
    ],
)
def test_one_value_written_two_ways_is_no_conflict(
    question: str, one: tuple[str, str], other: tuple[str, str], look: Look
) -> None:
    """The same number or date agrees with itself in digits, in words, in either language."""
    assert values(look(question, ("a", *one, 0.5), ("b", *other, 0.5))) == []


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (YEAR, ("It was built in 1887.", "1887"), ("It was built in May 1887.", "May 1887")),
        (YEAR, ("It was built in 1887.", "1887"), ("1887年5月2日建成。", "1887年5月2日")),
        (HEIGHT, ("It is 12 to 15 metres high.", "12 to 15 metres"), ("It is 12 metres high.", "12 metres")),
    ],
)
def test_a_part_of_a_value_is_no_conflict(
    question: str, one: tuple[str, str], other: tuple[str, str], look: Look
) -> None:
    """A value that says more than another, and all that it says, agrees with it."""
    assert values(look(question, ("a", *one, 0.5), ("b", *other, 0.5))) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [(("塔高12米。", "12米"), ("塔有3层。", "3层")), (("用了12年。", "12年"), ("塔高15米。", "15米"))],
)
def test_different_measures_are_no_conflict(one: tuple[str, str], other: tuple[str, str], look: Look) -> None:
    """Values that are counted in different measures do not speak of one thing."""
    assert values(look(HEIGHT_IN_CHINESE, ("a", *one, 0.5), ("b", *other, 0.5))) == []


def test_english_measures_are_told_apart_too(look: Look) -> None:
    """A height in metres and a number of years do not speak of one thing in English either."""
    stated = ("a", "It is 12 metres high.", "12 metres", 0.5), ("b", "It stood for 15 years.", "15 years", 0.5)
    assert values(look(HEIGHT, *stated)) == []


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (CROWD_IN_CHINESE, ("蒂尔纳的人口是22.5万。", "22.5万"), ("住着21.8万人。", "21.8万人")),
        ("塔用了多少块砖？", ("用了3万块砖。", "3万块砖"), ("砖有4万。", "4万")),
    ],
)
def test_a_scale_is_no_measure(question: str, one: tuple[str, str], other: tuple[str, str], look: Look) -> None:
    """A value that ends in 万 or 亿 names no measure, so that it may differ from one that does."""
    found = look(question, ("a", *one, 0.5), ("b", *other, 0.4))
    assert values(found) == [("a", one[1]), ("b", other[1])]


def test_numbers_in_words_differ_too(look: Look) -> None:
    """Numbers that stand as words of English or as Chinese numerals may differ as digits do."""
    asked = "How many robots ran the canteen?"
    stated = ("a", "Eight robots ran the canteen.", "Eight robots", 0.5), ("b", "十台机器人。", "十台", 0.4)
    assert values(look(asked, *stated)) == [("a", "Eight robots"), ("b", "十台")]


def test_one_article_alone_is_no_conflict(look: Look) -> None:
    """Two sentences of one article do not disagree, nor does a lone one."""
    stated = ("a", "It is 12 metres high.", "12 metres", 0.5), ("a", "It was 15 metres high.", "15 metres", 0.5)
    assert values(look(HEIGHT, *stated)) == values(look(HEIGHT, stated[0])) == []


def test_only_numbers_and_dates_disagree(look: Look) -> None:
    """A question that asks for no number or date has no conflict, whatever numbers are found."""
    stated = ("a", "It is 12 metres high.", "12 metres", 0.5), ("b", "It is 15 metres high.", "15 metres", 0.5)
    assert len(values(look(HEIGHT, *stated))) == 2
    for question in ("Who built the tower in Tirna?", "Tell me about the tower.", "谁建了这座塔？", "为什么建塔？"):
        assert values(look(question, *stated)) == []


def test_an_unlikely_sentence_contradicts_nobody(look: Look) -> None:
    """A value in a sentence that hardly answers is left out, and one that says the same in words; the next is taken."""
    twelve, fifteen = ("a", "It is 12 metres high.", "12 metres"), ("b", "It is 15 metres high.", "15 metres")
    for high, low in ((0.8, 0.001), (0.3, 0.0015)):
        assert values(look(HEIGHT, (*twelve, high), (*fifteen, low))) == []
    third = ("c", "It is 18 metres high.", "18 metres", 0.3)
    shown = values(look(HEIGHT, (*twelve, 0.6), ("b", "It is twelve metres.", "twelve metres", 0.1), third))
    assert shown == [("a", "12 metres"), ("c", "18 metres")]


def test_nothing_found_is_no_conflict(look: Look) -> None:
    """Without sentences, and with some that state no number, nothing disagrees."""
    assert values(look(HEIGHT)) == []
    stated = ("a", "It is very high.", "very high", 0.5), ("b", "It is low.", "low", 0.5)
    assert values(look(HEIGHT, *stated)) == []
