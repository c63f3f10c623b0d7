"""What stated numbers and dates are counted in, and whether two say something different: pure functions on text."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from qa.claims import ENGLISH_SCALES, numbers_claimed
from qa.question import ENGLISH_TEENS, ENGLISH_TENS, ENGLISH_UNITS, HAN_DIGITS, HAN_NUMERAL, HAN_UNITS
from qa.text import dominant_language, fold

# Each measure as it is written in both languages; the words for people, too, are one measure.
_WRITTEN = {
    "cubic metre": "立方米|cubic met(?:re|er)s?|m3",
    "square kilometre": "平方公里|平方千米|square kilomet(?:re|er)s?|km2",
    "square metre": "平方米|square met(?:re|er)s?|m2",
    "kilometre": "公里|千米|kilomet(?:re|er)s?|km",
    "centimetre": "厘米|centimet(?:re|er)s?|cm",
    "metre": "米|met(?:re|er)s?|m",
    "kilogram": "公斤|千克|kilogram(?:me)?s?|kilos?|kg",
    "tonne": "吨|tonn?es?|tons?",
    "hectare": "公顷|hectares?",
    "mu": "亩|mu",
    "kilowatt-hour": "千瓦时|度电|kilowatt-hours?|kwh",
    "megawatt": "兆瓦|megawatts?|mw",
    "dollar": "美元|美金|(?:us )?dollars?",
    "euro": "欧元|euros?",
    "pound": "英镑|pounds?",
    "yuan": "元|块钱|yuan|rmb",
    "hour": "个?(?:多|半)?(?:小时|钟头)|hours?|hrs?",
    "minute": "分钟|minutes?|mins?",
    "second": "秒|seconds?",
    "day": "天|days?",
    "week": "个?(?:星期|周)|weeks?",
    "month": "个月|months?",
    "year": "年|周年|years?",
    "century": "世纪|centur(?:y|ies)",
    "degree": "摄氏度|度|degrees?|°c?",
    "percent": "%|个百分点|per ?cent|percentage points?",
    "person": "人|名|位|people|persons?|inhabitants|residents|employees|workers|staff|visitors|students|pupils|runners",
    "book": "本|册|books?|volumes?",
}  # fmt: skip
_MEASURES = [(name, re.compile(rf"(?:{written})(?![a-z])")) for name, written in _WRITTEN.items()]
_KNOWN = (_WRITTEN.keys() | {"year date"}) - {
    "person",
    "book",
}  # that every language has a word for, so that a lack of it tells
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yuan"}
_HAN = f"[{HAN_NUMERAL}]"
_SCALES = rf"(?:[多余\s-]|(?!千[瓦克])[{''.join(HAN_UNITS)}]|(?:{'|'.join(ENGLISH_SCALES)})\b)*"
_WORDS = rf"\b(?:{'|'.join((*ENGLISH_TENS, *ENGLISH_TEENS, *ENGLISH_UNITS))})\b"
_NUMBER = re.compile(
    rf"(?P<sign>[$€£¥])?\s?(?P<number>%?\d+(?:[.,]\d+)*|%?(?!千[瓦克]){_HAN}+?(?=[^{HAN_NUMERAL}]|$)|{_WORDS})(?P<scales>{_SCALES})"
)
_WORD = re.compile(r"[^\W\d_a-z]|[a-z]{3,}")
_YEAR = re.compile(f"1\\d{{3}}|20\\d\\d|[{''.join(HAN_DIGITS)}]{{4}}")
_AFTER = 24  # characters after a value in which its measure may stand
_BEFORE = 12  # … and before it a word that it is rough
_ROUGH = re.compile(
    r"[约近逾余多超]|左右|上下|以上|不足|\b(?:about|around|some|nearly|almost|roughly|over|approximately"
    r"|more than|less than)\b"
)
_NEAR = Decimal("0.1")  # relative difference up to which a rough number may be meant for another


@dataclass(frozen=True, slots=True)
class Quantity:
    """The values some words state, what they are counted in as far as that is told, how roughly, in which language."""

    values: frozenset[str]
    measures: frozenset[str]
    rough: bool
    chinese: bool

    @property
    def dated(self) -> frozenset[str]:
        """Which parts of a date are named: year, month."""
        years = {"year" for value in self.values if _YEAR.fullmatch(value)}
        return frozenset(years | {"month" for value in self.values if value.startswith("month")})


def quantity(text: str, start: int, end: int) -> Quantity:
    """What characters `[start, end)` of a sentence state."""
    words, after = fold(text[start:end]).replace("百分之", "%"), fold(text[end : end + _AFTER])
    measures = {
        name
        for match in _NUMBER.finditer(words + after)
        if match.start() < len(words)
        for name in [_measure(match, words + after)]
        if name
    }
    rough = _ROUGH.search(fold(text[max(0, start - _BEFORE) : end + 2])) is not None
    return Quantity(
        frozenset(numbers_claimed(text[start:end])), frozenset(measures), rough, dominant_language(text) == "zh"
    )


def _measure(number: re.Match[str], text: str) -> str:
    """What a number is counted in; empty where nothing tells."""
    if number["sign"]:
        return _SIGNS[number["sign"]]
    if number["number"].startswith("%"):
        return "percent"
    name = next((name for name, pattern in _MEASURES if pattern.match(text, number.end())), "")
    if name in ("", "year") and _YEAR.fullmatch(number["number"]) and not number["scales"].strip():
        return "year date"
    if name:
        return name
    word = _WORD.match(text, number.end())
    return word.group() if word else ""


def comparable(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities may be of one thing, by what they are counted in."""
    mine, theirs = one.measures, other.measures
    if mine & theirs or not (mine or theirs):
        return True
    if (mine | theirs) & _KNOWN:
        return False
    return not mine or not theirs or one.chinese != other.chinese


def differ(one: Quantity, other: Quantity, *, dates: bool) -> bool:
    """Whether two quantities contradict each other: neither may be part of the other, nor the other roughly."""
    if not one.values or not other.values or one.values <= other.values or other.values <= one.values:
        return False
    if dates:
        return bool(one.dated & other.dated)
    return comparable(one, other) and not ((one.rough or other.rough) and _near(one, other))


def _near(one: Quantity, other: Quantity) -> bool:
    """Whether the numbers are the same once the finer is rounded like the rougher."""
    try:
        (mine,), (theirs,) = ([Decimal(value) for value in each.values] for each in (one, other))
    except (InvalidOperation, ValueError):  # months, several numbers
        return False
    coarse, fine = sorted((mine, theirs), key=lambda value: len(value.normalize().as_tuple().digits))
    place = Decimal(1).scaleb(int(coarse.normalize().as_tuple().exponent))
    rounded = (fine / place).quantize(Decimal(1), ROUND_HALF_UP) * place
    return rounded == coarse and abs(fine - coarse) <= _NEAR * max(abs(coarse), abs(fine))
