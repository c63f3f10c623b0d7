from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qa.vectors import (
    ExactIndex,
    QuantisedIndex,
    VectorIndex,
    Vectors,
    load_array,
    nearest_rows,
    quantiser,
    require_units,
    rounded,
    save_array,
)


def unit_rows(count: int, dimension: int = 16, seed: int = 0) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exact(vectors: Vectors, rows: list[int] | None = None) -> VectorIndex:
    """Searches some rows, or all, of vectors that stand in two parts."""
    chosen, half = np.array(range(len(vectors)) if rows is None else rows, dtype=np.int64), len(vectors) // 3
    return ExactIndex([(vectors[:half], chosen[chosen < half]), (vectors[half:], chosen[chosen >= half] - half)])


def quantised(vectors: Vectors, rows: list[int] | None = None) -> VectorIndex:
    """As `exact`, by codes."""
    chosen = np.array(range(len(vectors)) if rows is None else rows, dtype=np.int64)
    dimension = vectors.shape[1]
    codes = quantiser(dimension).codes(vectors[chosen])
    return QuantisedIndex(vectors, rounded(vectors), codes, chosen, dimension)


KINDS = pytest.mark.parametrize("made", [exact, quantised])
Made = Callable[..., VectorIndex]


def brute_force(vectors: Vectors, query: Vectors, rows: list[int]) -> list[tuple[int, float]]:
    cosines = {row: float(np.dot(vectors[row].astype(np.float64), query)) for row in rows}
    return sorted(cosines.items(), key=lambda pair: (-pair[1], pair[0]))


def assert_same_ranking(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)


@KINDS
@pytest.mark.parametrize("rows", [None, [3, 5, 8, 13, 21, 34, 55, 89, 144], []], ids=["all", "some", "none"])
def test_search_finds_what_brute_force_finds(made: Made, rows: list[int] | None) -> None:
    """Rows, cosines and their order are those of numpy over every row, or over the rows asked for."""
    vectors = unit_rows(200)
    index = made(vectors, rows)
    for query in unit_rows(10, seed=1):
        expected = brute_force(vectors, query, list(range(200)) if rows is None else rows)
        for count in (1, 7, 1000):
            assert_same_ranking(index.search(query, count), expected[:count])


@KINDS
def test_equal_vectors_are_ordered_by_row(made: Made) -> None:
    """Equal cosines rank by row, so that a search repeats exactly, also where the count cuts through them."""
    vectors = np.repeat(unit_rows(3), 5, axis=0)
    index = made(vectors)
    for query in unit_rows(5, seed=2):
        expected = brute_force(vectors, query, list(range(15)))
        assert_same_ranking(index.search(query, 15), expected)
        assert [row for row, _ in index.search(query, 3)] == [row for row, _ in expected[:3]]


@KINDS
def test_text_without_known_words_finds_nothing_and_is_never_found(made: Made) -> None:
    """A zero question finds no row, and a zero row keeps its place but is no one's neighbour."""
    vectors = unit_rows(6)
    vectors[2] = 0.0
    index = made(vectors)
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
    index = exact(vectors)
    path = tmp_path / "向量 索引.npy"
    save_array(path, vectors)
    loaded = exact(load_array(path, mapped=True))
    query = unit_rows(1, seed=4)[0]
    assert len(loaded) == count
    assert loaded.search(query, 10) == index.search(query, 10)


def clustered_rows(count: int, dimension: int, seed: int) -> Vectors:
    """Vectors near a few centres, of uneven spread, as those of texts are."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(40, dimension)) * np.linspace(2.0, 0.1, dimension)
    rows = centres[generator.integers(40, size=count)] + generator.normal(size=(count, dimension)) * 0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dimension", [30, 256])
def test_a_quantised_index_finds_nearly_all_of_the_nearest(dimension: int) -> None:
    """Of twenty thousand rows, whatever their dimension, 99 in 100 of the ten nearest to a text like one are found."""
    vectors = clustered_rows(20_000, dimension, seed=5)
    index = quantised(vectors)
    noise = unit_rows(100, dimension, seed=6)
    queries = vectors[::200] + noise * np.float32(0.5)
    nearest = nearest_rows(queries, [(vectors, np.arange(len(vectors)))], 10)
    shares = [
        len(rows & {row for row, _ in index.search(query, 10)}) for query, rows in zip(queries, nearest, strict=True)
    ]
    assert np.mean(shares) >= 9.9


def test_codes_depend_on_nothing_but_the_vector() -> None:
    """The codes of a row are the same whatever stands beside it."""
    vectors = unit_rows(50, dimension=256)
    together = quantiser(256).codes(vectors)
    assert together.shape == (50, 32)
    assert [row.tobytes() for row in together] == [
        quantiser(256).codes(vectors[i : i + 1]).tobytes() for i in range(50)
    ]


def test_the_nearest_rows_are_those_of_an_exact_index() -> None:
    """Rows compared in parts are found as they are by an index of all."""
    vectors, rows = unit_rows(300), np.arange(0, 300, 3)
    index = exact(vectors, rows.tolist())
    queries = unit_rows(7, seed=3)
    parts = [(vectors[:100], rows[rows < 100]), (vectors[100:], rows[rows >= 100] - 100)]
    found = nearest_rows(queries, parts, 10)
    assert found == [{row for row, _ in index.search(query, 10)} for query in queries]
