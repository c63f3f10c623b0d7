"""Writes `qa/han_variants.txt`: each Traditional or compatibility Han character with its Simplified form.

Run `python -m training.variants` after changing the OpenCC release; the tokenizer's normaliser and
`qa.text.fold` both read the result, so they cannot drift apart.
"""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from opencc import OpenCC

OUTPUT = Path(__file__).parents[1] / "qa" / "han_variants.txt"
HAN_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0))


def one_to_one_variants() -> Iterator[tuple[str, str]]:
    """Pairs (character, simplified form) followed to their end, so that folding twice changes nothing."""
    simplify = OpenCC("t2s").convert
    for first, last in HAN_BLOCKS:
        for code_point in range(first, last):
            character = chr(code_point)
            simplified = simplify(unicodedata.normalize("NFKC", character))
            while len(simplified) == 1 and simplify(simplified) != simplified:
                simplified = simplify(simplified)
            if len(simplified) == 1 and simplified != character:
                yield character, simplified


def main() -> None:
    lines = [variant + simplified for variant, simplified in one_to_one_variants()]
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
