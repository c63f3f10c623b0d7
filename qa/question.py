"""What a question insists on (the numbers it names) and asks for (a number, a date): pure functions on text."""

import re
from typing import Literal

from qa.text import fold

Kind = Literal["date", "number"]

_LATIN_WORD = re.compile(r"[a-z]+")
_ARABIC_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_HAN_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_DIGIT_CLASS = "".join(_HAN_DIGITS)
_HAN_NUMBER = re.compile(f"[{_HAN_DIGIT_CLASS}十]+")
_HAN_NUMBER_IN_USE = re.compile(f"(?<=第)[{_HAN_DIGIT_CLASS}十]+|[{_HAN_DIGIT_CLASS}十]+(?=[年月日届])")
_CARDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ORDINALS = ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth")
_ENGLISH_CARDINALS = {word: str(value) for value, word in enumerate(_CARDINALS, start=1)}
_ENGLISH_ORDINALS = {
    word: str(value) for value, word in enumerate(_ORDINALS, start=3)
}  # first, second: seldom editions

_ASKS_FOR_DATE = re.compile(
    r"什么时候|什么时间|何时|何年|哪一?[年天月日]|哪个?(?:年份|月份|日子|年|月)|几月|几号|几年(?!前|后)|从哪天"
    r"|\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century)s?\b"
)
_ASKS_FOR_NUMBER = re.compile(
    r"多少|几(?!乎)|多[大高长久重快远]"
    r"|\bhow (?:many|much|old|long|far|large|big|high|tall|often|fast|wide|deep)\b"
    r"|\b(?:what|which) (?:is the |was the )?(?:percent\w*|number|share|proportion|amount|size|value)\b"
)
_DATE = re.compile(
    r"\d\s*[年月日]|[〇零一二三四五六七八九十]+[年月日]|[今去明前]年|年[初底末]|世纪"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
    r"|\b[12]\d{3}\b|\d(?:st|nd|rd|th|s)\b|\bcentur|\b(?:yester|to)day\b|\b(?:last|this) year\b"
)


def asks_for(question: str) -> Kind | None:
    """Whether the question's words ask for a date or a number; None where they ask for something else."""
    folded = fold(question)
    if _ASKS_FOR_DATE.search(folded):
        return "date"
    return "number" if _ASKS_FOR_NUMBER.search(folded) else None


def offers(sentence: str, kind: Kind, question: str) -> bool:
    """Whether a sentence holds a date, or a number that the question does not itself name."""
    if kind == "date":
        return bool(_DATE.search(fold(sentence)))
    return bool(numbers_stated(sentence) - numbers_named(question) - {"1"})  # a lone 一 or "one" is no figure


def numbers_named(question: str) -> set[str]:
    """The values a question insists on: digits, Chinese numerals of a year, date or edition, English ordinals."""
    folded = fold(question)
    values = {number.replace(",", "") for number in _ARABIC_NUMBER.findall(folded)}
    values.update(_han_value(number) for number in _HAN_NUMBER_IN_USE.findall(folded))
    values.update(_ENGLISH_ORDINALS[word] for word in _LATIN_WORD.findall(folded) if word in _ENGLISH_ORDINALS)
    return values


def numbers_stated(text: str) -> set[str]:
    """Every value a text may be said to state, in digits or in words of either language."""
    folded = fold(text)
    words = _LATIN_WORD.findall(folded)
    values = {number.replace(",", "") for number in _ARABIC_NUMBER.findall(folded)}
    values.update(_han_value(number) for number in _HAN_NUMBER.findall(folded))
    for lexicon in (_ENGLISH_ORDINALS, _ENGLISH_CARDINALS):
        values.update(lexicon[word] for word in words if word in lexicon)
    return values


def _han_value(number: str) -> str:
    """A Chinese numeral below one hundred, or one spelt digit by digit (二〇二六), in Arabic digits."""
    tens, ten, ones = number.partition("十")
    if not ten:
        return "".join(str(_HAN_DIGITS[digit]) for digit in number).lstrip("0") or "0"
    value = 10 * (_HAN_DIGITS[tens[-1]] if tens else 1)
    return str(value + (_HAN_DIGITS.get(ones[0], 0) if ones else 0))
