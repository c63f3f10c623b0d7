"""How sure a figure is: bootstrap intervals, and paired tests of two runs over the same questions.

A figure is the weighted mean of one value a question. Weights are 1 for a mean over questions, the number of citations
for a mean over these, and 0 where a question has no such value.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
PERMUTATIONS = 10_000

Values = NDArray[np.float64]
Test = Literal["McNemar", "permutation"]


def mean_interval(values: ArrayLike, weights: ArrayLike | None = None, seed: int = 0) -> dict[str, float]:
    """Mean, and the 95% interval of a percentile bootstrap over questions.

    Args:
        values: one a question.
        weights: positive, one a question; all 1 where not given.
        seed: of the resampling.
    """
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "count": 0}
    weighing = _weights(sample, weights)
    draws = np.random.default_rng(seed).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    means = (sample * weighing)[draws].sum(axis=1) / weighing[draws].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    mean = float(np.average(sample, weights=weighing))
    return {"mean": mean, "low": float(low), "high": float(high), "count": len(sample)}


def _weights(sample: Values, weights: ArrayLike | None) -> Values:
    return np.ones(len(sample)) if weights is None else np.asarray(weights, dtype=np.float64)


def paired_difference(
    old: ArrayLike,
    new: ArrayLike,
    old_weights: ArrayLike | None = None,
    new_weights: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[float, float, float]:
    """The new mean less the old, with its 95% interval from a bootstrap that draws questions, both runs together.

    Shapes are (questions,), in the same order. A draw in which a run has no weight counts for nothing.
    """
    before, after = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    was, now = _weights(before, old_weights), _weights(after, new_weights)
    draws = np.random.default_rng(seed).integers(0, len(before), size=(RESAMPLES, len(before)))
    sums = [column[draws].sum(axis=1) for column in (after * now, now, before * was, was)]
    drawn = (sums[1] > 0) & (sums[3] > 0)
    gained, gains, lost, losses = (column[drawn] for column in sums)
    low, high = np.quantile(gained / gains - lost / losses, (0.025, 0.975))
    return float(np.average(after, weights=now) - np.average(before, weights=was)), float(low), float(high)


def paired_test(
    old: ArrayLike,
    new: ArrayLike,
    old_weights: ArrayLike | None = None,
    new_weights: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[Test, float]:
    """The test that fits, and its two-sided p: how often chance alone would part the runs as far.

    Where every question has a value of 0 or 1 in both runs, McNemar's exact test (McNemar 1947,
    https://doi.org/10.1007/BF02295996): the questions that changed are as likely won as lost. Else a permutation test
    (Smucker, Allan & Carterette 2007, https://doi.org/10.1145/1321440.1321528): each question's two outcomes are
    swapped or not at random; the observed order counts as one of the draws (Phipson & Smyth 2010,
    https://doi.org/10.2202/1544-6115.1585).
    """
    from scipy.stats import binomtest  # takes most of a second, which a page that opens need not wait for

    before, after = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    was, now = _weights(before, old_weights), _weights(after, new_weights)
    if np.isin((before, after), (0.0, 1.0)).all() and (was == 1.0).all() and (now == 1.0).all():
        won, changed = int((after > before).sum()), int((after != before).sum())
        return "McNemar", float(binomtest(won, changed).pvalue) if changed else 1.0
    return "permutation", _permutation_p(before * was, was, after * now, now, seed)


def _permutation_p(lost: Values, losses: Values, gained: Values, gains: Values, seed: int) -> float:
    """The p of the difference of two ratios of sums when a question's two outcomes may be swapped."""
    swapped = np.random.default_rng(seed).integers(0, 2, size=(PERMUTATIONS, len(lost))).astype(np.float64)
    moved, weight = swapped @ (gained - lost), swapped @ (gains - losses)
    after, before = gains.sum() - weight, losses.sum() + weight
    possible = (after > 0) & (before > 0)
    parted = (gained.sum() - moved)[possible] / after[possible] - (lost.sum() + moved)[possible] / before[possible]
    observed = abs(gained.sum() / gains.sum() - lost.sum() / losses.sum())
    as_far = int((np.abs(parted) >= observed - 1e-12).sum())
    return (1 + as_far) / (1 + len(parted))
