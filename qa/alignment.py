"""Late interaction: each question token meets its nearest passage token.

After ColBERT (Khattab, Zaharia 2020), with static vectors. A question token counts by a weight of its own, and the
more the fewer of the passages at hand hold a like one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]


def best_matches(question: Vectors, tokens: Vectors, passages: Sequence[NDArray[np.int64]]) -> Scores:
    """Best cosine of each question token in each passage, shape (passages, question tokens); 0 where empty.

    Args:
        question: unit vectors of the question's tokens, shape (question tokens, dimension).
        tokens: unit vectors of the distinct tokens of all passages, shape (distinct tokens, dimension).
        passages: for each passage, the rows of `tokens` it holds.
    """
    best = np.zeros((len(passages), len(question)), dtype=np.float32)
    filled = [i for i, passage in enumerate(passages) if len(passage)]
    if filled and len(question):
        cosines = (tokens @ question.T)[np.concatenate([passages[i] for i in filled])]
        starts = np.cumsum([0, *(len(passages[i]) for i in filled[:-1])])
        best[filled] = np.maximum.reduceat(cosines, starts, axis=0)
    return best


def rarity(best: Scores, like: float = 0.5) -> Scores:
    """A factor for each question token's weight, shape (question tokens,): high where few passages hold a like token.

    The inverse document frequency (Spärck Jones 1972), with a document counted where its best cosine exceeds `like`.

    Args:
        best: best matches, shape (passages, question tokens).
        like: cosine above which two tokens count as like.
    """
    counted: Scores = np.log1p(len(best) / (1.0 + (best > like).sum(axis=0))).astype(np.float32)
    return counted


def scores(best: Scores, weights: Scores) -> Scores:
    """Alignment score of each passage, in [-1, 1]: its best matches averaged by the question tokens' weights.

    Args:
        best: shape (passages, question tokens).
        weights: shape (question tokens,), not negative.
    """
    total = float(weights.sum())
    if total <= 0.0:
        return np.zeros(len(best), dtype=np.float32)
    averaged: Scores = (best @ weights / total).astype(np.float32)
    return averaged
