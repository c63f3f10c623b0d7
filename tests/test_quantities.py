import pytest

from qa.quantities import Quantity, comparable, differ, quantity


def stated(sentence: str, value: str) -> Quantity:
    start = sentence.index(value)
    return quantity(sentence, start, start + len(value))


@pytest.mark.parametrize(
    ("chinese", "english", "measure"),
    [
        (("坝高86米。", "86米"), ("It is 86 metres high.", "86 metres"), "metre"),
        (("库容3.2亿立方米。", "3.2亿"), ("It holds 320 million cubic metres.", "320 million"), "cubic metre"),
        (
            ("发电1.1亿千瓦时。", "1.1亿千瓦时"),
            ("It gives 110 million kilowatt-hours.", "110 million"),
            "kilowatt-hour",
        ),
        (("耗资500万美元。", "500万美元"), ("It cost $5 million.", "$5 million"), "dollar"),
        (("占了百分之二十。", "百分之二十"), ("It is 20% of it.", "20%"), "percent"),
        (("建于1887年。", "1887年"), ("Built in 1887.", "1887"), "year date"),
        (("用了五年时间。", "五年"), ("It took five years.", "five years"), "year"),
        (("有3900人。", "3900人"), ("It has 3,900 employees.", "3,900"), "person"),
    ],
)
def test_a_measure_is_one_in_both_languages(chinese: tuple[str, str], english: tuple[str, str], measure: str) -> None:
    """What a number is counted in has one name, be it written in Chinese, in English or as a sign."""
    for sentence, value in (chinese, english):
        assert stated(sentence, value).measures == {measure}
    assert not differ(stated(*chinese), stated(*english), dates=False)


def test_known_measures_are_told_apart_across_languages() -> None:
    """Years are not comparable with metres or a bare count in the other language; a bare number may be of anything."""
    metres, years = stated("塔高86米。", "86米"), stated("It took five years.", "five years")
    assert not comparable(metres, years)
    assert not comparable(years, stated("有326家门店。", "326家"))
    assert comparable(stated("有326家门店。", "326家"), stated("It has 300 shops.", "300 shops"))
    assert comparable(stated("人口是22.5万。", "22.5万"), stated("有座塔，塔中住着21个。", "21"))


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        (("There were about 20,000 runners.", "20,000"), ("有19800人。", "19800人"), False),
        (("There were 20,000 runners.", "20,000"), ("有19800人。", "19800人"), True),
        (("约20万人。", "20万人"), ("Some 150,000 people.", "150,000"), True),
        (("近1.2万人。", "1.2万人"), ("12,000 people.", "12,000"), False),
    ],
)
def test_a_rough_number_agrees_with_what_it_rounds(
    one: tuple[str, str], other: tuple[str, str], differing: bool
) -> None:
    """A number said to be rough agrees with one that rounds to it; without such a word the two differ."""
    assert differ(stated(*one), stated(*other), dates=False) is differing


def test_dates_differ_by_what_both_name() -> None:
    """Two dates differ where both name a year, or both a month; a sum of money is no date."""
    august = stated("It landed on 12 August 2023.", "12 August 2023")
    assert differ(august, stated("8月13日着陆。", "8月13日"), dates=True)
    assert not differ(august, stated("2023年8月着陆。", "2023年8月"), dates=True)
    assert not differ(august, stated("It cost 1.9 billion yuan.", "1.9 billion yuan"), dates=True)
