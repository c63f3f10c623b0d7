import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.metrics import exact_match, f1, reliability, risk_coverage, short_answer_scores
from qa.text import LANGUAGES, Language

TEXTS = st.text(alphabet="北京大学的AIan the12.,，。《》'’-", max_size=12)
PAIRS = st.tuples(st.floats(0, 1), st.booleans())


@pytest.mark.parametrize(
    ("given_", "gold", "language", "exact", "overlap"),
    [
        ("The Eiffel Tower!", "eiffel tower", "en", 1, 1),
        ("in the year 1999", "1999", "en", 0, 2 / 4),
        ("twelve books, twelve pens", "twelve pens and books", "en", 0, 2 * 3 / 8),
        ("state-of-the-art", "state of the art", "en", 0, 0),
        ("a", "the", "en", 1, 1),
        ("the", "art", "en", 0, 0),
        ("《北京大学》。", "北京大学", "zh", 1, 1),
        ("北京大学的教授", "北京大学", "zh", 0, 2 * 4 / 11),
        ("北京的大学", "北京大学", "zh", 0, 2 * 2 / 9),
        ("2018年CMRC数据集", "cmrc数据集", "zh", 0, 2 * 4 / 10),
        ("GPT-4模型", "gpt4模型", "zh", 1, 1),
        ("3.5亿元", "3.5亿", "zh", 0, 2 * 2 / 5),
        ("the 8种", "8种", "zh", 0, 2 * 2 / 5),
        ("，", "。", "zh", 1, 1),
        ("北", "。", "zh", 0, 0),
    ],
)
def test_scores_are_those_worked_out_by_hand(
    given_: str, gold: str, language: Language, exact: float, overlap: float
) -> None:
    """English goes by tokens without articles, Chinese by the longest run of characters and whole Latin words."""
    assert exact_match(given_, gold, language) == exact
    assert f1(given_, gold, language) == pytest.approx(overlap)


def test_the_best_gold_answer_counts() -> None:
    """Exact match and F1 are each the best over the gold answers, and zero where nothing is given."""
    assert short_answer_scores("12 large parcels", ["12 parcels", "parcels", "三个"], "en") == (0.0, pytest.approx(0.8))
    assert short_answer_scores("Parcels.", ["12 parcels", "parcels"], "en") == (1.0, 1.0)
    assert short_answer_scores("", ["."], "en") == short_answer_scores("parcels", [], "en") == (0.0, 0.0)


@given(TEXTS, TEXTS, st.sampled_from(LANGUAGES))
def test_f1_is_symmetric_and_full_only_for_the_same(one: str, other: str, language: Language) -> None:
    """F1 lies in [0, 1], is the same both ways, and 1 wherever the match is exact."""
    value = f1(one, other, language)
    assert 0 <= value <= 1
    assert value == f1(other, one, language)
    assert exact_match(one, other, language) == exact_match(other, one, language)
    assert value == 1 or not exact_match(one, other, language)


@given(st.text(alphabet="北京大a", max_size=8), st.text(alphabet="北京大a", max_size=8))
def test_the_longest_run_is_that_of_every_substring_tried(one: str, other: str) -> None:
    """Chinese F1 goes by the longest substring in common, as found by trying all of them."""
    spaced = " ".join(one), " ".join(other)  # so that each letter is a word
    runs = [one[i:j] for i in range(len(one)) for j in range(i + 1, len(one) + 1)]
    longest = max((len(run) for run in runs if run in other), default=0)
    expected = 2 * longest / (len(one) + len(other)) if one and other else float(one == other)
    assert f1(*spaced, "zh") == pytest.approx(expected)


def test_reliability_is_that_worked_out_by_hand() -> None:
    """Two bins, one .45 and one .15 away from what held, give an error of .3, and a confidence of 1 has its bin."""
    report = reliability([0.95, 0.95, 0.15, 0.15], [True, False, False, False])
    assert report["expected calibration error"] == pytest.approx(0.3)
    assert report["Brier score"] == pytest.approx((0.05**2 + 0.95**2 + 2 * 0.15**2) / 4)
    assert [(each["low"], each["high"], each["count"], each["held"]) for each in report["bins"]] == [
        (0.1, 0.2, 2, 0.0),
        (0.9, 1.0, 2, 0.5),
    ]
    assert [each["count"] for each in reliability([0.0, 1.0], [False, True])["bins"]] == [1, 1]


def test_risk_is_that_worked_out_by_hand() -> None:
    """Questions of one confidence are answered together; the area is the mean of the risks as questions come in."""
    report = risk_coverage([0.8, 0.1, 0.9, 0.8], [False, False, True, True])
    assert report["points"] == [
        {"confidence": 0.9, "coverage": 0.25, "risk": 0.0},
        {"confidence": 0.8, "coverage": 0.75, "risk": pytest.approx(1 / 3)},
        {"confidence": 0.1, "coverage": 1.0, "risk": 0.5},
    ]
    assert report["area"] == pytest.approx((0 + 2 / 3 + 1 / 2) / 4)


@given(st.lists(PAIRS, min_size=1, max_size=30))
def test_every_question_counts_in_both(pairs: list[tuple[float, bool]]) -> None:
    """No question leaves the bins or the curve, which ends at the share wrong; the right first is its best."""
    confidences, right = [confidence for confidence, _ in pairs], [true for _, true in pairs]
    found, curve = reliability(confidences, right), risk_coverage(confidences, right)
    assert sum(each["count"] for each in found["bins"]) == len(pairs)
    assert 0 <= found["expected calibration error"] <= 1
    assert found["expected calibration error"] <= math.sqrt(found["Brier score"]) + 1e-9  # by Jensen's inequality
    assert curve["points"][-1]["coverage"] == 1
    assert curve["points"][-1]["risk"] == pytest.approx(1 - sum(right) / len(right))
    ideal = risk_coverage([-float(place) for place in range(len(right))], sorted(right, reverse=True))
    assert ideal["area"] <= curve["area"] + 1e-9
