"""Chinese names in Latin letters: which words may be Pinyin, and where they meet Han characters of that sound.

A name such as “Zhu Songchun” stands in no dictionary, yet is spelt as 朱松纯 is read. Tones and the marks of ü are
left out, and each character counts by its most usual reading. English words that happen to be spelt like Pinyin
(“Women”, “Change”) are no names by themselves.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

from qa.text import han_variants

_SOUNDS_FILE = Path(__file__).with_name("han_sounds.txt")
_ENGLISH_WORDS_FILE = Path(__file__).with_name("english_like_pinyin.txt")
_CAPITALISED = re.compile(r"\b(?=[A-Z])[^\W\d_]+(?:[’'-](?!s\b)[^\W\d_]+)*")
_WRITTEN_V = dict.fromkeys(map(ord, "üǖǘǚǜ"), "v")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]{2,}")
_MOST_SYLLABLES = 3  # of a name written as one or two words, and of a run of Han characters
_FEWEST_LETTERS = 4
_LAST_OF_BASIC_PLANE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Name:
    """What may be a name at `[start, end)` of a text, by its sounds: `zhu song chun`."""

    start: int
    end: int
    sounds: tuple[str, ...]


@cache
def _sounds() -> dict[int, str]:
    """The reading of each Han character, Traditional ones included, by code point."""
    lines = _SOUNDS_FILE.read_text(encoding="utf-8").split("\n")
    simplified = {ord(line[0]): line[1:] for line in lines if line}
    folded = ((variant, simplified.get(ord(character))) for variant, character in han_variants().items())
    return {**simplified, **{variant: sound for variant, sound in folded if sound}}


@cache
def _syllables() -> frozenset[str]:
    return frozenset(sound for sound in _sounds().values() if set(sound) & set("aeiouv"))


@cache
def _english_words() -> frozenset[str]:
    return frozenset(_ENGLISH_WORDS_FILE.read_text(encoding="utf-8").split())


@cache
def _characters() -> dict[str, str]:
    """The Han characters of each sound; those beyond the basic plane, seen in no name, would make a search slow."""
    found: dict[str, list[str]] = defaultdict(list)
    for character, sound in _sounds().items():
        if character <= _LAST_OF_BASIC_PLANE:
            found[sound].append(chr(character))
    return {sound: "".join(characters) for sound, characters in found.items()}


@lru_cache(maxsize=4096)
def _spoken(sounds: tuple[str, ...]) -> re.Pattern[str]:
    """Matches Han characters of these sounds in a row."""
    return re.compile("".join(f"[{_characters()[sound]}]" for sound in sounds))


@lru_cache(maxsize=4096)
def spellings(word: str) -> tuple[tuple[str, ...], ...]:
    """Every way to read a word of small letters as one to three Pinyin syllables."""
    return tuple(_spelt(word, _MOST_SYLLABLES))


def _spelt(word: str, most: int) -> Iterator[tuple[str, ...]]:
    if not word:
        yield ()
    elif most:
        for end in range(1, min(6, len(word)) + 1):
            if word[:end] in _syllables():
                yield from ((word[:end], *rest) for rest in _spelt(word[end:], most - 1))


def latin_names(text: str) -> list[Name]:
    """Capitalised words, alone and with the next, that may spell two or three Han characters."""
    words = [(match.start(), match.end(), match.group()) for match in _CAPITALISED.finditer(text)]
    found = [
        Name(start, end, way)
        for start, end, word in words
        if not word.isupper() and word.lower() not in _english_words()
        for way in _of_name(_read(word))
    ]
    for (start, stop, one), (begin, end, other) in pairwise(words):
        if begin - stop == 1 and not {one.lower(), other.lower()} <= _english_words():
            ways = [left + right for left in _read(one) for right in _read(other)]
            found.extend(Name(start, end, way) for way in _of_name(ways))
    return found


def _read(word: str) -> tuple[tuple[str, ...], ...]:
    """A name's readings, its tone marks and hyphens left out: `Lǚ`, `Lü`, `Song-Chun`."""
    letters = unicodedata.normalize("NFC", word.lower()).translate(_WRITTEN_V)
    return spellings(re.sub("[^a-z]", "", unicodedata.normalize("NFKD", letters)))


def spelt_like_a_name(word: str) -> bool:
    """Whether a word of small letters may be read as two or three syllables."""
    return bool(_of_name(spellings(word)))


def _of_name(ways: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [way for way in ways if 2 <= len(way) <= _MOST_SYLLABLES and len("".join(way)) >= _FEWEST_LETTERS]


def han_names(text: str) -> list[Name]:
    """Every run of two or three Han characters, by its sounds."""
    found: list[Name] = []
    for run in _HAN_RUN.finditer(text):
        sounds = [_sounds().get(ord(character), "") for character in run.group()]
        for size in range(2, _MOST_SYLLABLES + 1):
            for start in range(len(sounds) - size + 1):
                way = tuple(sounds[start : start + size])
                if all(way) and _of_name((way,)):
                    found.append(Name(run.start() + start, run.start() + start + size, way))
    return found


def met_in_han(names: Sequence[Name], text: str) -> list[Name]:
    """Those of the names that a Chinese text holds the sounds of."""
    return [name for name in names if _spoken(name.sounds).search(text)]


def met_in_latin(names: Sequence[Name], text: str) -> list[Name]:
    """Those of the names that an English text spells out."""
    spelt = _sounds_of_names(text)
    return [name for name in names if name.sounds in spelt] if spelt else []


@lru_cache(maxsize=65536)
def _sounds_of_names(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(name.sounds for name in latin_names(text))
