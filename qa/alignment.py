"""Late interaction: each question token meets its nearest passage token.

After ColBERT (Khattab, Zaharia 2020), with static vectors. A question token counts by a weight of its own, and the
more the fewer of the passages at hand hold a like one.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

LIKE = 0.5  # cosine above which two tokens count as like


def best_matches(cosines: Scores, bounds: NDArray[np.int64]) -> Scores:
    """Best cosine of each question token in each text, shape (texts, question tokens); 0 where a text is empty.

    Args:
        cosines: of the texts' tokens, one text after the other, with the question's: (tokens, question tokens).
        bounds: where each text's tokens start, and the last end, shape (texts + 1,).
    """
    return _reduced(np.maximum, cosines, bounds)


def totals(values: Scores, bounds: NDArray[np.int64]) -> Scores:
    """The sum of each text's rows of `values`, which stand one text after the other: (texts, columns)."""
    return _reduced(np.add, values, bounds)


def _reduced(function: np.ufunc, values: Scores, bounds: NDArray[np.int64]) -> Scores:
    reduced = np.zeros((len(bounds) - 1, values.shape[1]), dtype=np.float32)
    filled = bounds[1:] > bounds[:-1]
    if filled.any():
        reduced[filled] = function.reduceat(values, bounds[:-1][filled], axis=0)
    return reduced


def carried(matches: Scores, lasting: Scores) -> Scores:
    """The best match of each question token at each word or before it, as far as that lasts.

    A prefix scan (Hillis and Steele 1986, "Data parallel algorithms"): how far it reaches doubles at each step.

    Args:
        matches: of words in order, not negative, shape (words, question tokens).
        lasting: what is left at each word of what the word before it has, in [0, 1], in several ways: (ways, words); 0
            at the first.

    Returns:
        Shape (ways, words, question tokens).
    """
    best, lasting = np.repeat(matches[None], len(lasting), axis=0), lasting.copy()
    reach = 1
    while lasting.any():
        best[:, reach:] = np.maximum(best[:, reach:], lasting[:, reach:, None] * best[:, :-reach])
        lasting[:, reach:] *= lasting[:, :-reach]
        lasting[:, :reach] = 0.0
        reach *= 2
    return best


def rarity(best: Scores, like: float = LIKE) -> Scores:
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
