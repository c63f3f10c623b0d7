import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.significance import mean_interval, paired_difference, paired_test

SHARES = st.sampled_from([0.0, 0.2, 0.5, 1.0])


@given(st.lists(SHARES, min_size=1, max_size=40))
@settings(max_examples=50)
def test_interval_holds_the_mean_and_repeats(values: list[float]) -> None:
    """The interval lies around the mean of all values within their range, and is the same each time."""
    figure = mean_interval(values)
    assert figure["mean"] == pytest.approx(math.fsum(values) / len(values))
    assert min(values) - 1e-9 <= figure["low"] <= figure["mean"] + 1e-9
    assert figure["mean"] - 1e-9 <= figure["high"] <= max(values) + 1e-9
    assert figure == mean_interval(list(values))


def test_interval_is_about_as_wide_as_theory_says() -> None:
    """For many yes-or-no questions the bootstrap comes near the normal interval of a proportion."""
    figure = mean_interval([1.0] * 300 + [0.0] * 100)
    width = 2 * 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert figure["high"] - figure["low"] == pytest.approx(width, rel=0.15)


def test_a_weighted_mean_is_one_over_what_the_weights_count() -> None:
    """A question with three citations counts three times as much as one with one, in its mean and its interval."""
    figure = mean_interval([1.0, 0.0], [3, 1])
    assert (figure["mean"], figure["low"], figure["high"], figure["count"]) == (0.75, 0.0, 1.0, 2)


def test_a_difference_has_the_interval_of_paired_questions() -> None:
    """The mean difference is over the same questions, its interval holds it, and equal runs differ by nothing."""
    new, old = np.array([1.0, 1.0, 0.0, 1.0] * 50), np.array([1.0, 0.0, 0.0, 1.0] * 50)
    mean, low, high = paired_difference(old, new)
    assert mean == 0.25
    assert 0.15 < low < 0.25 < high < 0.35
    assert paired_difference(new, new) == (0.0, 0.0, 0.0)


def test_a_difference_of_weighted_means_is_that_worked_out_by_hand() -> None:
    """Each run's mean goes by its own weights, and a question that one run has no value for stays in the other's."""
    difference, low, high = paired_difference(
        [1.0, 0.0, 0.0] * 20, [1.0, 1.0, 0.0] * 20, [1, 1, 0] * 20, [3, 0, 1] * 20
    )
    assert difference == pytest.approx(3 / 4 - 1 / 2)
    assert low < difference < high


def test_yes_or_no_measures_go_by_mcnemar() -> None:
    """Eight won and one lost of twenty have the two-sided binomial p of a fair coin, and nothing moved has p = 1."""
    old, new = [0] * 8 + [1] + [1] * 11, [1] * 8 + [0] + [1] * 11
    test, p = paired_test(old, new)
    assert (test, p) == ("McNemar", pytest.approx(2 * (1 + 9) / 2**9))
    assert paired_test(new, old) == (test, pytest.approx(p))
    assert paired_test(old, old) == ("McNemar", 1.0)


@pytest.mark.parametrize(
    "weights", [None, ([1.0, 2.0, 3.0, 1.0, 1.0, 2.0, 0.0, 1.0], [2.0, 2.0, 1.0, 1.0, 3.0, 1.0, 1.0, 0.0])]
)
def test_other_measures_go_by_the_share_of_all_swaps(weights: tuple[list[float], list[float]] | None) -> None:
    """The permutation p is near the share of all 256 ways to swap the runs of eight questions that part them as far."""
    old = np.array([0.1, 0.4, 0.2, 0.0, 0.6, 0.3, 0.9, 0.2])
    new = np.array([0.4, 0.5, 0.1, 0.3, 1.0, 0.4, 0.9, 0.6])
    was, now = (np.ones(8), np.ones(8)) if weights is None else map(np.array, weights)

    def gap(swap: tuple[bool, ...]) -> float:
        values, others = np.where(swap, old, new), np.where(swap, new, old)
        return abs(
            float(np.average(values, weights=np.where(swap, was, now)))
            - float(np.average(others, weights=np.where(swap, now, was)))
        )

    observed = gap((False,) * 8)
    expected = np.mean([gap(swap) >= observed - 1e-12 for swap in itertools.product((False, True), repeat=8)])
    test, p = paired_test(old, new, *(weights or ()))
    assert test == "permutation"
    assert p == pytest.approx(expected, abs=0.02)


@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=20))
@settings(max_examples=40)
def test_p_is_a_probability_and_the_same_both_ways(pairs: list[tuple[float, float]]) -> None:
    """Whatever the runs, p lies in (0, 1], hardly depends on which is the old one, and is 1 for equal means."""
    old, new = ([pair[side] for pair in pairs] for side in (0, 1))
    test, p = paired_test(old, new)
    other, q = paired_test(new, old)
    assert test == other
    assert 0 < p <= 1
    assert p == pytest.approx(q, abs=0.03)
    assert p == 1 or not math.isclose(math.fsum(old), math.fsum(new))
