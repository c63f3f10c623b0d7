"""Writes `qa/translations.txt`: English words and short phrases with the Chinese words that mean the same.

Run `python -m training.translations --data DIR`. Each line holds the English terms (stemmed, between spaces) and, after
tabs, the Chinese words, of CC-CEDICT and the Open Multilingual Wordnet.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from qa.text import fold, terms
from training.sources import dictionary, synonyms

OUTPUT = Path(__file__).parents[1] / "qa" / "translations.txt"
MOST_TERMS = 3  # of an English phrase
MOST_CHARACTERS = 8  # of a Chinese word
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_NOTE = re.compile(r"\bpr\.|\babbr\.|[\u4e00-\u9fff]")  # on the pronunciation, or another word
_BEFORE = re.compile(r"^(?:to be|to|a|an|the) (?=\S)")


def translations(data: Path) -> dict[str, list[str]]:
    """The Chinese words of each English phrase, both in order."""
    found: dict[str, set[str]] = defaultdict(set)
    pairs = [(word, meaning) for word, meanings in dictionary(data) for meaning in meanings]
    pairs += [(chinese, english) for lemmas in synonyms(data) for english, chinese in lemmas]
    for word, meaning in pairs:
        chinese, english = fold(word), terms(_BEFORE.sub("", fold(meaning)))
        short = len(english) <= MOST_TERMS and len(chinese) <= MOST_CHARACTERS
        if english and short and _HAN.fullmatch(chinese) and not _NOTE.search(meaning):
            found[" ".join(english)].add(chinese)
    return {english: sorted(found[english]) for english in sorted(found)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.translations", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lexicon/")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    lines = ("\t".join((english, *chinese)) + "\n" for english, chinese in translations(options.data).items())
    options.output.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
