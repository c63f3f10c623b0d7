import random
from pathlib import Path

import numpy as np
import pytest

from qa import bm25
from qa.lexical import LexicalIndex, Shard, write_shard


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """Rows of 1 to 3,000 terms, in which some stand often."""
    generator = random.Random(1)
    lengths = [*range(1, 200), *(generator.randrange(200, 3_000) for _ in range(100))]
    return [generator.choices("abcdefgh", [1, 1, 2, 2, 4, 8, 16, 300], k=length) for length in lengths]


def test_scores_are_those_of_tantivy(rows: list[list[str]], tmp_path: Path) -> None:
    """A row's score by a term, and the score that none exceeds, are what tantivy itself gives."""
    write_shard(tmp_path / "made", "one", (("en", terms) for terms in rows))
    lexical = LexicalIndex.join(tmp_path / "joined", [Shard("one", tmp_path / "made")], lambda a, b: b.hardlink_to(a))
    lengths = np.array([len(terms) for terms in rows])
    for term in "acfh":
        counts = np.array([terms.count(term) for terms in rows])
        rarity = bm25.rarity(len(rows), int((counts > 0).sum()))
        scores = rarity * bm25.shares(counts, lengths, lengths.mean())
        assert dict(lexical.search([term], len(rows), "en")) == pytest.approx(
            {row: score for row, score in enumerate(scores) if score}, rel=1e-4
        )
        assert lexical.ideal([term, term]) == pytest.approx(bm25.ideal([rarity, rarity]))


def test_no_row_exceeds_the_most(rows: list[list[str]]) -> None:
    """What a row is given for a term is at most what any row is given that holds it as often."""
    lengths = np.array([len(terms) for terms in rows])
    for count in (1, 2, 9):
        assert bm25.shares(count, lengths, lengths.mean()).max() <= bm25.most(count)
