import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.fusion import Scores, convex, min_max


def scores(*values: float) -> Scores:
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize(
    ("given_scores", "expected"),
    [
        ([2.0, 4.0, 3.0], [0.0, 1.0, 0.5]),
        ([-1.0, 0.0, 3.0], [0.0, 0.25, 1.0]),
        ([7.0, 7.0, 7.0], [0.0, 0.0, 0.0]),
        ([5.0], [0.0]),
        ([], []),
    ],
)
def test_min_max_is_that_worked_out_by_hand(given_scores: list[float], expected: list[float]) -> None:
    """The lowest score becomes 0 and the highest 1, and scores that are all equal become 0."""
    assert min_max(scores(*given_scores)) == pytest.approx(expected)


def test_convex_is_that_worked_out_by_hand() -> None:
    """Three sides with their weights give the weighted mean of their scores."""
    dense, lexical, alignment = scores(0.0, 1.0, 0.5), scores(0.0, 0.0, 1.0), scores(0.4, 0.4, 0.4)
    expected = [0.4 / 4.0, (1.0 + 0.4) / 4.0, (0.5 + 2.0 + 0.4) / 4.0]
    assert convex([(dense, 1.0), (lexical, 2.0), (alignment, 1.0)]) == pytest.approx(expected)


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=20),
    st.floats(0.25, 8, width=16),
    st.integers(-100, 100),
)
def test_fusion_does_not_depend_on_a_side_s_scale(values: list[int], factor: float, shift: int) -> None:
    """A side's scores may be stretched and moved without changing the fused ones, which stay in [0, 1]."""
    side, other = scores(*values), min_max(np.arange(len(values), dtype=np.float32))
    fused = convex([(min_max(side), 1.0), (other, 0.5)])
    assert 0.0 <= fused.min() <= fused.max() <= 1.0
    moved = min_max(side * np.float32(factor) + np.float32(shift))
    assert convex([(moved, 1.0), (other, 0.5)]) == pytest.approx(fused, abs=0.01)


def test_one_side_alone_keeps_its_order() -> None:
    """With all weight on one side the fused order is that side's, whatever the others say."""
    side = scores(0.3, 0.9, 0.1, 0.5)
    fused = convex([(side, 3.0), (scores(9.0, 1.0, 5.0, 7.0), 0.0)])
    assert np.argsort(-fused).tolist() == np.argsort(-side).tolist()


def test_sides_without_weight_give_no_score() -> None:
    """Sides that all weigh nothing, as BM25 alone across languages, score 0 and never NaN."""
    assert convex([(scores(0.1, 0.9), 0.0), (scores(3.0, 1.0), 0.0)]).tolist() == [0.0, 0.0]
