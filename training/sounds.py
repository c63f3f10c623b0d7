"""Writes what names are met by: `qa/han_sounds.txt` and `qa/english_like_pinyin.txt`.

Run `python -m training.sounds --data DIR`. The first holds each simplified Han character with its most usual reading
in Pinyin, without tones, counted over the words of CC-CEDICT; the second the words that are spelt like two or three
syllables and yet stand in small letters in most places of the English training texts.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from qa.sounds import spelt_like_a_name
from qa.text import fold
from training.sources import load_sources, rows

OUTPUT = Path(__file__).parents[1] / "qa"
_WORD = re.compile(r"\b[A-Za-z]+\b")
_LETTERS = re.compile(r"[^a-z]")


def usual_readings(data: Path) -> dict[str, str]:
    """The reading each character has in most dictionary words, ü written v."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(data / "lexicon" / "cedict.zh-en.jsonl.gz"):
        word, readings = fold(row["hans"]), row["pinyin"].lower().replace("u:", "v").split()
        if len(word) == len(readings):
            for character, reading in zip(word, readings, strict=True):
                letters = _LETTERS.sub("", reading)
                if letters and "\u4e00" <= character <= "\u9fff":
                    counts[character][letters] += 1
    return {character: counts[character].most_common(1)[0][0] for character in sorted(counts)}


def english_words_like_pinyin(data: Path) -> list[str]:
    """Words of the training texts that are mostly written small, though they may be read as Pinyin."""
    small: Counter[str] = Counter()
    large: Counter[str] = Counter()
    for source in load_sources(data, seed=0):
        for word in (word for pair in source.pairs for text in pair for word in _WORD.findall(text)):
            (small if word.islower() else large)[word.lower()] += 1
    usual = {word for word, count in small.items() if count > max(1, large[word] / 2)}
    return sorted(word for word in usual | {"china"} if spelt_like_a_name(word))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.sounds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lexicon/")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write both files into")
    options = parser.parse_args(arguments)
    lines = [f"{character}{reading}\n" for character, reading in usual_readings(options.data).items()]
    (options.output / "han_sounds.txt").write_text("".join(lines), encoding="utf-8", newline="\n")
    words = "".join(f"{word}\n" for word in english_words_like_pinyin(options.data))
    (options.output / "english_like_pinyin.txt").write_text(words, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
