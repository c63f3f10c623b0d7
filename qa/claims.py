"""What a sentence claims that can be looked up, its numbers, dates and names: pure functions on text.

A value is written alike in both languages: `500亿` and `50 billion` as `50000000000`, `三月` and `March` as `month 3`.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from math import prod

from qa.question import (
    ENGLISH_TEENS,
    ENGLISH_TENS,
    ENGLISH_UNITS,
    HAN_DIGITS,
    HAN_NUMERAL,
    HAN_UNITS,
    SURNAMES,
    numbers_stated,
)
from qa.text import MONTHS, dominant_language, fold, terms

_HAN_NUMERAL = f"[{HAN_NUMERAL}]"
ENGLISH_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ONES, _TEENS, _TENS = ("|".join(words) for words in (ENGLISH_UNITS, ENGLISH_TEENS, ENGLISH_TENS))
_ARABIC = r"\d+(?:[.,]\d+)*"
_SCALED = re.compile(
    rf"(?P<number>(?>{_ARABIC})|\b(?:(?:{_TENS})(?:[ -](?:{_ONES}))?|{_TEENS}|{_ONES}|an?)\b)[ -]?[多余来]?"
    rf"(?P<scales>(?:(?!千[瓦克])[{''.join(HAN_UNITS)}])+|(?:(?:{'|'.join(ENGLISH_SCALES)})\b[ -]?)+)"
)

_SHORT_MONTHS = {**{month[:3]: number for number, month in enumerate(MONTHS, 1)}, "sept": 9}
_MONTH_NUMBERS = {**{month: number for number, month in enumerate(MONTHS, 1)}, **_SHORT_MONTHS}
_LATIN_MONTH = "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True))
_MONTH = re.compile(
    rf"(?P<han>(?:\d{{1,2}}|[一二三四五六七八九十]{{1,2}})) ?月"
    rf"|\b\d{{4}}-(?P<iso>\d{{2}})(?=-\d{{2}}\b)"
    rf"|\b(?P<latin>{_LATIN_MONTH})\b\.?(?= \d)"
    r"|(?:(?<=\d )|(?<=(?:st|nd|rd|th) )|(?<= of )|(?<=\b(?:in|on|by) )|(?<=since )|(?<=until )|(?<=from ))"
    rf"(?P<after>{_LATIN_MONTH})\b(?<!\d may(?= [a-z]))"
)

# What is counted for certain: in digits, as a word of English, a Chinese numeral before a measure word, after 第 or a
# percent sign, or a long one.
_MEASURES = "年日届个名位台款家所项条次人岁倍元种天周层米吨场座位件篇张支组批轮期点分秒户头只部本册亩辆艘架公里小时"
_COUNTED = re.compile(
    rf"(?>{_ARABIC})(?!s\b|年代)|(?<=[第%]){_HAN_NUMERAL}+"
    rf"|(?<![几数上好半每]){_HAN_NUMERAL}+(?=[{_MEASURES}])(?!年代|分(?!钟))|{_HAN_NUMERAL}{{2,}}[万亿]"
    r"|\b[a-z]+(?:-[a-z]+)?\b"
)
_SEVERAL = re.compile(f"[{''.join(HAN_DIGITS)}]{{2,3}}")  # 五六: five or six
_LOOSE = {"first": "1", "second": "2", "both": "2"}

_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ0-9]+")
_NO_NAMES = frozenset(MONTHS)
_QUOTED = re.compile("《([^《》]{1,40})》|〈([^〈〉]{1,40})〉|「([^「」]{1,40})」|『([^『』]{1,40})』|“([^“”]{1,40})”")
_TRANSLITERATED = re.compile("[\u4e00-\u9fff]{1,2}[·•‧][\u4e00-\u9fff]{1,2}")  # where it starts and ends is unknown
_HAN = re.compile("[\u4e00-\u9fff]")
_TITLE = "教授|院士|博士|先生|女士|院长|校长|主任|主席|总统|总理|总裁|董事长|记者|作家|导演|科学家|创始人|工程师"
_TITLED = re.compile(
    rf"(?:{_TITLE})([{SURNAMES}][\u4e00-\u9fff]{{1,2}}?)(?=[，。、：；（\s]|说|表示|称|介绍|认为|指出|强调|和|在|$)"
    rf"|(?:^|[，。、：；“\s])([{SURNAMES}][\u4e00-\u9fff]{{1,2}}?)(?={_TITLE}|说|表示|介绍|认为|指出|强调)"
)


def numbers_claimed(sentence: str) -> dict[str, str]:
    """The values a sentence insists on, each with its wording there; a lone 一 or “one” is none."""
    text = _folded(sentence)
    exact = dict(_exact(text))
    claimed = {value: text[start:end].strip() for value, (start, end) in exact.items()}
    for match in _COUNTED.finditer(_without(text, list(exact.values()))):
        wording = match.group()
        values = set() if _SEVERAL.fullmatch(wording) else numbers_stated(wording)
        claimed |= {_plain(value): wording for value in values if value != "1" or wording[0].isdigit()}
    return claimed


def numbers_held(text: str) -> set[str]:
    """Every value that a text may be said to state."""
    folded = _folded(text)
    exact = _exact(folded)
    rest = _without(folded, [span for _, span in exact])
    digits = [digit for run in _SEVERAL.findall(rest) for digit in run]
    stated = numbers_stated(rest).union(*map(numbers_stated, digits))
    loose = {_LOOSE[word] for word in re.findall(r"[a-z]+", rest) if word in _LOOSE}
    return {value for value, _ in exact} | {_plain(value) for value in stated} | loose


def _folded(text: str) -> str:
    return fold(text).replace("百分之", "%")


def _exact(folded: str) -> list[tuple[str, tuple[int, int]]]:
    """Months, and numbers multiplied by a word (`50 billion`), each with its span."""
    months = [(f"month {_month(match)}", match.span("iso" if match["iso"] else 0)) for match in _MONTH.finditer(folded)]
    rest = _without(folded, [span for _, span in months])
    return months + [(_scaled(match), match.span()) for match in _SCALED.finditer(rest)]


def _month(match: re.Match[str]) -> str:
    latin = match["latin"] or match["after"]
    written = str(_MONTH_NUMBERS[latin]) if latin else match["han"] or match["iso"]
    return _plain(next(iter(numbers_stated(written))))


def _scaled(match: re.Match[str]) -> str:
    number = "1" if match["number"] in ("a", "an") else max(numbers_stated(match["number"]), key=len)
    scales = re.findall(r"[a-z]+", match["scales"]) or list(match["scales"])
    times = prod((HAN_UNITS | ENGLISH_SCALES)[scale] for scale in scales)
    try:
        return _plain(str(Decimal(number) * times))
    except InvalidOperation:  # a version number, as in 1.2.3
        return number


def _plain(value: str) -> str:
    """A number without needless zeros; what is no number (1.2.3) stays."""
    try:
        return f"{Decimal(value).normalize():f}"
    except InvalidOperation:
        return value


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with those spans blank, its length unchanged."""
    for start, end in spans:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def names(sentence: str) -> list[tuple[int, int]]:
    """Spans of what is certainly a name or a title, in order.

    Words with capitals (in English not the first, unless it is written like `FlagOS` or `NASA`), and in Chinese what
    stands in 《》, “” and the like, persons with their title, and of transliterations what is around the dot.
    """
    found = set(_latin_names(sentence))
    for pattern in (_QUOTED, _TRANSLITERATED, _TITLED):
        for match in pattern.finditer(sentence):
            span = match.span(match.lastindex or 0)
            if _HAN.search(sentence, *span):
                found.add(span)
    return sorted(found)


def _latin_names(sentence: str) -> Iterator[tuple[int, int]]:
    chinese = dominant_language(sentence) == "zh"
    for number, match in enumerate(_LATIN_WORD.finditer(sentence)):
        word = match.group()
        capitals = [letter for letter in word if letter.isupper()]
        certain = word[1:] != word[1:].lower() or ((chinese or number > 0) and bool(capitals))
        if certain and word.lower() not in _NO_NAMES:
            yield match.span()


def stands(name: str, text: str) -> bool:
    """Whether a text holds a name in so many words: its stems, or its Han characters in a row."""
    if _HAN.search(name):
        return "".join(re.findall(r"\w", fold(name))) in "".join(re.findall(r"\w", fold(text)))
    return set(terms(name)) <= set(terms(text))
