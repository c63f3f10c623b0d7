"""The BM25 that tantivy reckons, in numpy: for rows whose terms stand in another engine, which ranks otherwise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75
_EXACT, _STEPS = 40, 8  # lengths up to which each is told apart; above, so many for each doubling

Scores = NDArray[np.float64]


def rarity(rows: int, found: int) -> float:
    """How much a term says that so many of all rows hold."""
    return float(np.log1p((rows - found + 0.5) / (found + 0.5)))


def told_apart(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths as tantivy keeps them, in a byte each: long ones are rounded down."""
    base = _EXACT - 2 * _STEPS
    beyond = np.maximum(lengths - base, 2 * _STEPS)
    step = 2 ** (np.log2(beyond // (2 * _STEPS)).astype(np.int64) + 1)
    return np.where(lengths <= _EXACT, lengths, base + beyond // step * step)


def shares(counts: NDArray[np.int64] | int, lengths: NDArray[np.int64], mean_length: float) -> Scores:
    """What a term gives of its rarity to rows of such lengths that hold it so often: in [0, `K1` + 1)."""
    norms = K1 * (1.0 - B + B * told_apart(lengths) / mean_length)
    given: Scores = (K1 + 1.0) * np.asarray(counts) / (counts + norms)
    return given


def most(count: int) -> float:
    """The share that no row exceeds which holds a term so often."""
    return (K1 + 1.0) * count / (count + K1 * (1.0 - B))


def ideal(rarities: Sequence[float]) -> float:
    """The score no row can exceed: each term as often as may be, in a row of no length."""
    return sum(rarities) * (K1 + 1.0)
