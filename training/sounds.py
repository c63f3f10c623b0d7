"""Writes `qa/han_sounds.txt`: each simplified Han character with its most usual reading in Pinyin, without tones.

Run `python -m training.sounds --data DIR`. Readings are counted over the words of CC-CEDICT.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from qa.text import fold
from training.sources import rows

OUTPUT = Path(__file__).parents[1] / "qa" / "han_sounds.txt"
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.sounds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lexicon/")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    lines = [f"{character}{reading}\n" for character, reading in usual_readings(options.data).items()]
    options.output.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
