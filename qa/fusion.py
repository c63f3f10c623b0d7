"""Score fusion: a convex combination of one question's normalised scores.

Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", find it ahead of reciprocal
rank fusion and in need of few examples to tune.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


def min_max(scores: Scores) -> Scores:
    """Scores moved to [0, 1]; all equal become 0."""
    spread = float(np.ptp(scores)) if len(scores) else 0.0
    if spread <= 0.0:
        return np.zeros(len(scores), dtype=np.float32)
    moved: Scores = ((scores - scores.min()) / spread).astype(np.float32)
    return moved


def convex(sides: Sequence[tuple[Scores, float]]) -> Scores:
    """The weighted mean of the sides' scores, in [0, 1] where they are.

    Args:
        sides: (normalised scores, weight) of each side, all of one length.
    """
    total = sum(weight for _, weight in sides)
    combined = sum((weight * scores for scores, weight in sides), np.zeros(len(sides[0][0]), dtype=np.float32))
    return combined / np.float32(total) if total > 0 else combined
