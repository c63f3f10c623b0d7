"""The dictionary: which words of the other language mean a question's words, and which texts hold one of them.

It sits beside the vectors, which know what is alike, and says what is the same. English is compared stemmed, a phrase
of two or three words before its single ones; of Chinese the longest word that the dictionary has, from left to right.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.text import Language, fold, simplified, terms

_FILE = Path(__file__).with_name("translations.txt")
_LATIN_WORD = re.compile(r"[^\W_\u4e00-\u9fff]+")
_MOST_WORDS = 3  # of an English phrase
_MOST_CHARACTERS = 8  # of a Chinese word


@dataclass(frozen=True, slots=True)
class Meaning:
    """The words at `[start, end)` of a question, and what a text in the other language holds if it says the same."""

    start: int
    end: int
    words: tuple[str, ...]


@cache
def _chinese() -> dict[str, tuple[str, ...]]:
    """Chinese words of each English phrase."""
    lines = (line.split("\t") for line in _FILE.read_text(encoding="utf-8").splitlines())
    return {english: tuple(chinese) for english, *chinese in lines}


@cache
def _english() -> dict[str, tuple[str, ...]]:
    """English phrases of each Chinese word."""
    found: dict[str, list[str]] = defaultdict(list)
    for english, chinese in _chinese().items():
        for word in chinese:
            found[word].append(english)
    return {word: tuple(phrases) for word, phrases in found.items()}


def meanings(question: str, language: Language) -> tuple[Meaning, ...]:
    """What the question's words mean in the other language; a word in Latin letters also stands for itself."""
    return tuple(_of_english(question) if language == "en" else _of_chinese(question))


def _of_english(question: str) -> Iterator[Meaning]:
    words = [(match.start(), match.end(), terms(match.group())) for match in _LATIN_WORD.finditer(question)]
    position = 0
    while position < len(words):
        for size in range(_MOST_WORDS, 0, -1):
            run = words[position : position + size]
            phrase = " ".join(term for _, _, found in run for term in found)
            if phrase in _chinese() or size == 1:
                itself = fold(question[run[0][0] : run[0][1]])
                yield Meaning(run[0][0], run[-1][1], _chinese().get(phrase, (itself,)))
                position += len(run)
                break


def _of_chinese(question: str) -> Iterator[Meaning]:
    text, position = simplified(question), 0
    while position < len(text):
        if latin := _LATIN_WORD.match(text, position):
            yield Meaning(position, latin.end(), (_set_apart(" ".join(terms(latin.group()))),))
            position = latin.end()
            continue
        for end in range(min(len(text), position + _MOST_CHARACTERS), position, -1):
            if phrases := _english().get(text[position:end]):
                yield Meaning(position, end, tuple(map(_set_apart, phrases)))
                position = end
                break
        else:
            position += 1


def _set_apart(phrase: str) -> str:
    return f" {phrase} "


@lru_cache(maxsize=8192)  # a question reads its best passages several times
def _as_compared(text: str, language: Language) -> str:
    """A text as the words of a question in that language's translation are looked for in it."""
    return fold(text) if language == "en" else _set_apart(" ".join(terms(text)))


def held(wanted: Sequence[Meaning], texts: Sequence[str], language: Language) -> NDArray[np.float32]:
    """1 where a text holds a word of that meaning, else 0, shape (texts, meanings).

    Args:
        wanted: what `meanings` gives of a question.
        texts: sentences and headings, any number of them.
        language: of the question.
    """
    read = [_as_compared(text, language) for text in texts]
    together = "\n".join(read)
    starts = list(accumulate((len(text) + 1 for text in read), initial=0))
    found = np.zeros((len(texts), len(wanted)), dtype=np.float32)
    for column, meaning in enumerate(wanted):
        for word in meaning.words:
            place = together.find(word)
            while place >= 0:
                row = bisect_right(starts, place) - 1
                found[row, column] = 1.0
                place = together.find(word, starts[row + 1])
    return found
