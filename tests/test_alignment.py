import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.alignment import Scores, best_matches, carried, rarity, scores, totals


def unit_rows(generator: np.random.Generator, count: int, dimension: int = 8) -> Scores:
    rows = generator.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def plain_best_matches(question: Scores, tokens: Scores, passages: list[list[int]]) -> list[list[float]]:
    found = []
    for passage in passages:
        row = []
        for word in question:
            cosines = [float(sum(a * b for a, b in zip(word, tokens[token], strict=True))) for token in passage]
            row.append(max(cosines) if cosines else 0.0)
        found.append(row)
    return found


def matched(question: Scores, tokens: Scores, passages: list[list[int]]) -> Scores:
    """Best matches of passages given as rows of `tokens`."""
    rows = np.array([token for passage in passages for token in passage], dtype=np.int64)
    bounds = np.cumsum([0, *map(len, passages)], dtype=np.int64)
    return best_matches(tokens[rows] @ question.T, bounds)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 5),
    st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8),
)
def test_best_matches_are_those_of_plain_loops(seed: int, words: int, passages: list[list[int]]) -> None:
    """Each question token's best cosine in each passage is what three nested loops find, and 0 in an empty passage."""
    generator = np.random.default_rng(seed)
    question, tokens = unit_rows(generator, words), unit_rows(generator, 10)
    found = matched(question, tokens, passages)
    assert found.shape == (len(passages), words)
    for row, expected in zip(found, plain_best_matches(question, tokens, passages), strict=True):
        assert row == pytest.approx(expected, abs=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
@settings(max_examples=50)
def test_what_is_carried_is_what_a_walk_from_word_to_word_finds(seed: int, words: int) -> None:
    """The best match so far, fading at each step and cut where nothing lasts, is that of a plain walk."""
    generator = np.random.default_rng(seed)
    matches = generator.random((words, 3)).astype(np.float32)
    lasting = generator.choice([0.0, 0.5, 0.85, 1.0], (2, words)).astype(np.float32)
    lasting[:, :1] = 0.0
    found = carried(matches, lasting)
    assert found.shape == (2, words, 3)
    for way in range(2):
        before = np.zeros(3)
        for word in range(words):
            before = np.maximum(matches[word], lasting[way, word] * before)
            assert found[way, word] == pytest.approx(before, abs=1e-5)


def test_totals_are_sums_of_each_text() -> None:
    """A text's rows are added up, and an empty text has nothing."""
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=np.float32)
    assert totals(values, np.array([0, 0, 2, 3, 3])).tolist() == [[0.0, 0.0], [4.0, 6.0], [5.0, 6.0], [0.0, 0.0]]


def test_scores_are_weighted_means() -> None:
    """A passage's score is the mean of its best matches by the question tokens' weights, worked out by hand."""
    best = np.array([[1.0, 0.5, 0.0], [-1.0, -1.0, -1.0], [0.0, 1.0, 1.0]], dtype=np.float32)
    weights = np.array([1.0, 2.0, 5.0], dtype=np.float32)
    assert scores(best, weights) == pytest.approx([(1.0 + 1.0) / 8, -1.0, (2.0 + 5.0) / 8])


def test_question_found_word_for_word_scores_one() -> None:
    """A passage that holds every word of the question has score 1, and the weights do not matter then."""
    generator = np.random.default_rng(0)
    tokens = unit_rows(generator, 10)
    found = matched(tokens[[4, 2, 4]], tokens, [[0, 2, 4, 9], [1, 3]])
    aligned = scores(found, generator.uniform(0.1, 9.0, size=3).astype(np.float32))
    assert aligned[0] == pytest.approx(1.0, abs=1e-6)
    assert aligned[1] < 0.99


def test_order_and_repetition_in_a_passage_do_not_matter() -> None:
    """A passage's matches are the same whatever the order of its tokens and however often one is repeated."""
    generator = np.random.default_rng(1)
    question, tokens = unit_rows(generator, 4), unit_rows(generator, 10)
    found = matched(question, tokens, [[1, 2, 3], [3, 3, 2, 1, 1]])
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize("weights", [[], [0.0, 0.0]], ids=["no words", "words without weight"])
def test_question_without_weight_scores_nought(weights: list[float]) -> None:
    """A question of which the model knows nothing scores 0 everywhere instead of dividing by zero."""
    best = np.ones((3, len(weights)), dtype=np.float32)
    assert scores(best, np.array(weights, dtype=np.float32)).tolist() == [0.0, 0.0, 0.0]


def test_rarity_is_that_worked_out_by_hand() -> None:
    """A word that few passages hold, or nearly hold, counts for more than one that all of them do."""
    best = np.array([[0.9, 0.9, 0.1], [0.8, 0.4, 0.2], [0.7, 0.5, 0.3]], dtype=np.float32)
    assert rarity(best) == pytest.approx([np.log(1 + 3 / 4), np.log(1 + 3 / 2), np.log(1 + 3 / 1)])
    assert rarity(best[:0]).tolist() == [0.0, 0.0, 0.0]
