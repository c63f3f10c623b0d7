from pathlib import Path

import numpy as np
import pytest

from qa.vectors import VectorIndex, Vectors, load_array, require_units, save_array


def unit_rows(count: int, dimension: int = 16, seed: int = 0) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute_force(vectors: Vectors, query: Vectors, rows: list[int]) -> list[tuple[int, float]]:
    cosines = {row: float(np.dot(vectors[row].astype(np.float64), query)) for row in rows}
    return sorted(cosines.items(), key=lambda pair: (-pair[1], pair[0]))


def assert_same_ranking(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)


@pytest.mark.parametrize("rows", [None, [3, 5, 8, 13, 21, 34, 55, 89, 144], []], ids=["all", "some", "none"])
def test_search_finds_what_brute_force_finds(rows: list[int] | None) -> None:
    """Rows, cosines and their order are those of numpy over every row, or over the rows asked for."""
    vectors = unit_rows(200)
    index = VectorIndex(vectors, None if rows is None else np.array(rows, dtype=np.int64))
    for query in unit_rows(10, seed=1):
        expected = brute_force(vectors, query, list(range(200)) if rows is None else rows)
        for count in (1, 7, 1000):
            assert_same_ranking(index.search(query, count), expected[:count])


def test_equal_vectors_are_ordered_by_row() -> None:
    """Equal cosines rank by row, so that a search repeats exactly, also where the count cuts through them."""
    vectors = np.repeat(unit_rows(3), 5, axis=0)
    index = VectorIndex(vectors)
    for query in unit_rows(5, seed=2):
        expected = brute_force(vectors, query, list(range(15)))
        assert_same_ranking(index.search(query, 15), expected)
        assert [row for row, _ in index.search(query, 3)] == [row for row, _ in expected[:3]]


def test_text_without_known_words_finds_nothing_and_is_never_found() -> None:
    """A zero question finds no row, and a zero row keeps its place but is no one's neighbour."""
    vectors = unit_rows(6)
    vectors[2] = 0.0
    index = VectorIndex(vectors)
    assert len(index) == 6
    assert index.search(np.zeros(16, dtype=np.float32), 6) == []
    assert {row for row, _ in index.search(vectors[0], 6)} == {0, 1, 3, 4, 5}


@pytest.mark.parametrize("factor", [2.0, 0.5, np.nan, np.inf])
def test_rows_that_are_not_unit_length_are_refused(factor: float) -> None:
    """A row of another length, or of no number, is refused by its number."""
    vectors = unit_rows(5)
    vectors[3] *= factor
    with pytest.raises(ValueError, match="Row 3 of 5"):
        require_units(vectors)


@pytest.mark.parametrize("count", [0, 50], ids=["empty", "fifty rows"])
def test_saved_index_answers_alike(tmp_path: Path, count: int) -> None:
    """An index of vectors read back from a folder with a Chinese name answers as it did before they were saved."""
    vectors = unit_rows(count)
    index = VectorIndex(vectors)
    path = tmp_path / "向量 索引.npy"
    save_array(path, vectors)
    loaded = VectorIndex(load_array(path, mapped=True))
    query = unit_rows(1, seed=4)[0]
    assert len(loaded) == count
    assert loaded.search(query, 10) == index.search(query, 10)
