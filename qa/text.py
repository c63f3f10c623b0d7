"""Pure functions on text: fold for matching, lexical terms, sentences with offsets, language.

Nothing here changes what is shown or cited: folded text is only ever compared with folded text,
and every span points into the string it was given.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import Stemmer

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip

_VARIANTS_FILE = Path(__file__).with_name("han_variants.txt")
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN_RUN = re.compile(f"[{_HAN}]+")
_HAN_RUN_OR_WORD = re.compile(f"(?P<han>[{_HAN}]+)|(?P<number>\\d+(?:[.,]\\d+)*)|(?P<word>[^\\W\\d_{_HAN}]+)")
_LATIN_WORD = re.compile(f"[^\\W\\d_{_HAN}]+(?:['’-][^\\W\\d_{_HAN}]+)*")
_WHOLE_WORD = re.compile(
    rf"[$€£¥￥]?\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?[%％°]?|[^\W\d_{_HAN}](?:[^\W_{_HAN}]|['’.&–-](?=[^\W_{_HAN}]))*"
)
_CHINESE_GRAMMAR = re.compile(
    "[的了是在吗呢谁哪怎么与]|多少|有[没几哪]|[几何][个时年月]|为[何什]"
)  # not of names: 华为, 和平
_ENGLISH_GRAMMAR = re.compile(
    r"\b(?:who|what|which|when|where|why|how|is|are|was|were|did|does|do|can|has|have|the|a|an|of|in|on|to|for|by|with|at"
    r"|from|and|me|about|some|please|tell|describe|list|show|give|explain)\b",
    re.IGNORECASE,
)

_CLOSING = "\"'”’»）)】」』》〉］]"
_SENTENCE_END = re.compile(rf"[。！？!?…]+[{re.escape(_CLOSING)}]*|(?<![.])[.]++[{re.escape(_CLOSING)}]*+(?=\s|$)|\n+")
_NO_SENTENCE_BEFORE = re.compile(
    r"(?:^|[\s(“\"'])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|etc|cf|Inc|Ltd|Co|Corp"
    r"|No|Nos|Fig|Vol|pp|Gen|Sen|Rep|Gov|approx|est|al|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)$"
    r"|(?:^|[\r\n])[ \t]*\d{1,3}$"
)
_LOOK_BACK = 40  # characters before a full stop in which an abbreviation or a list number may stand
_LINE_MARKER = re.compile(r"(?:[-*+>]|\d+[.)])[ \t]+|\|[ \t]*|#{1,6}[ \t]+")
_WIDE_MARKS = tuple(zip("，：；！？（）", ",:;!?()", strict=True))
_HEADING_MARKS = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_LONGEST_HEADING = 300  # characters; it is searched with every passage under it, so what is longer is text
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_CONTAINS_WORD = re.compile(r"\w")


@cache
def han_variants() -> dict[int, str]:
    """Traditional (and compatibility) Han characters to their simplified form, as `str.translate` takes it."""
    pairs = _VARIANTS_FILE.read_text(encoding="utf-8").split("\n")
    return {ord(pair[0]): pair[1] for pair in pairs if pair}


@cache
def _variant_characters() -> frozenset[str]:
    return frozenset(map(chr, han_variants()))


def simplified(text: str) -> str:
    """Text with Traditional Han as Simplified; its length stays."""
    return text if _variant_characters().isdisjoint(text) else text.translate(han_variants())


def fold(text: str) -> str:
    """Text as it is compared: NFKC width, no case, Traditional Han as Simplified. Its length may differ."""
    if text.isascii():
        return text.lower()
    for wide, narrow in _WIDE_MARKS:  # most often all there is to normalise, and far faster so
        text = text.replace(wide, narrow)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return simplified(text.casefold())


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    stemmed: str = _stemmer().stemWord(word)
    return stemmed


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def terms(text: str) -> list[str]:
    """Lexical terms in order: Han characters and bigrams, stemmed words, whole numbers; none holds a space."""
    found: list[str] = []
    for match in _HAN_RUN_OR_WORD.finditer(fold(text)):
        run = match.group()
        if match.lastgroup == "han":
            found.extend(run)
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
        elif match.lastgroup == "number":
            found.append(run.replace(",", ""))
        else:
            found.append(_stem(run))
    return found


def words(text: str, tokens: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of the words: numbers and Latin words whole, Han by the given tokens, what these leave out one by one."""
    spans = [match.span() for match in _WHOLE_WORD.finditer(text)]
    taken = bytearray(len(text))
    for start, end in spans:
        taken[start:end] = b"\1" * (end - start)
    for start, end in tokens:
        if end > start and not any(taken[start:end]):
            spans.append((start, end))
            taken[start:end] = b"\1" * (end - start)
    spans += [(place, place + 1) for place, character in enumerate(text) if not taken[place] and character.isalnum()]
    return sorted(spans)


def dominant_language(text: str) -> Language:
    """`zh` where Han characters are as many as Latin words, else `en`.

    Where a text has both and the grammar of only one language, that language: “Who is 朱松纯?”, “GPT-4是谁做的”.
    """
    han, latin = sum(map(len, _HAN_RUN.findall(text))), len(_LATIN_WORD.findall(text))
    if not han:
        return "en"
    if latin:
        chinese = bool(_CHINESE_GRAMMAR.search(simplified(text)))
        if chinese != bool(_ENGLISH_GRAMMAR.search(text)):
            return "zh" if chinese else "en"
    return "zh" if han >= latin else "en"


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans `(start, end)` of the sentences, trimmed of space and list markers; each holds a letter or digit."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _sentence_ends(text):
        span = _trimmed(text, start, end)
        if span is not None:
            spans.append(span)
        start = end
    return spans


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(text):
        before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
        if match.group().rstrip(_CLOSING) == "." and _NO_SENTENCE_BEFORE.search(before):
            continue
        yield match.end()
    yield len(text)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    marker = _LINE_MARKER.match(text, start, end)
    if marker and _begins_line(text, start):
        start = marker.end()
        while start < end and text[start].isspace():
            start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] == "|"):
        end -= 1
    return (start, end) if _CONTAINS_WORD.search(text, start, end) else None


def _begins_line(text: str, position: int) -> bool:
    while position > 0 and text[position - 1] in " \t":
        position -= 1
    return position == 0 or text[position - 1] in "\r\n"


@dataclass(frozen=True, slots=True)
class Heading:
    """A Markdown heading line: `[start, end)` is the whole line with its line end."""

    level: int
    text: str
    start: int
    end: int


def headings(text: str, start: int = 0) -> Iterator[Heading]:
    """The ATX headings from `start` on; a `#` line inside a code fence is none."""
    position, fence = start, ""
    for line in text[start:].splitlines(keepends=True):
        fence = _fence_after(line, fence)
        marks = None if fence else _HEADING_MARKS.match(line)
        if marks and len(line) <= _LONGEST_HEADING:
            yield Heading(
                len(marks.group(1)), _without_closing_marks(line[marks.end() :]), position, position + len(line)
            )
        position += len(line)


def _fence_after(line: str, fence: str) -> str:
    """The open code fence after this line, or nothing."""
    mark = _FENCE.match(line)
    if not mark:
        return fence
    if not fence:
        return mark.group(1)
    closes = mark.group(1).startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence


def _without_closing_marks(heading: str) -> str:
    """The heading's text; a closing run of `#` counts as marks only when set off by a space."""
    content = heading.strip()
    unmarked = content.rstrip("#")
    return unmarked.rstrip() if not unmarked or unmarked[-1] in " \t" else content
