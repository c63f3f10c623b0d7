"""Passage vectors in FAISS: the rows nearest to a question, by cosine, exactly."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

_ROWS_AT_ONCE = 65_536  # taken over, so that no second copy of all is made

Vectors = NDArray[np.float32]


class VectorIndex:
    """Some rows of arrays of unit vectors, searched exactly; a zero vector (of a text the model knows nothing of) is
    never found.
    """

    def __init__(self, parts: Iterable[tuple[Vectors, NDArray[np.int64]]]) -> None:
        """Takes parts in which the rows stand one after the other: vectors of each row, shape (rows, dimension), and
        which of them to search, ascending.
        """
        start, rows = 0, []
        self._index: Any = None
        for vectors, chosen in parts:
            self._index = self._index or faiss.IndexFlatIP(vectors.shape[1])
            for first in range(0, len(chosen), _ROWS_AT_ONCE):
                self._index.add(vectors[chosen[first : first + _ROWS_AT_ONCE]])
            rows.append(start + chosen)
            start += len(vectors)
        self._rows = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def search(self, query: Vectors, count: int) -> list[tuple[int, float]]:
        """At most `count` (row, cosine), nearest first, ties by row."""
        count = min(count, len(self))
        if count == 0 or not query.any():
            return []
        cosines, found = self._index.search(query.reshape(1, -1), count)
        rows = self._rows[found[0]].tolist()
        pairs = [(row, cosine) for row, cosine in zip(rows, cosines[0].tolist(), strict=True) if cosine]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def largest_products(queries: Vectors, vectors: Vectors) -> NDArray[np.float32]:
    """The largest inner product of each query, shape (queries, dimension), with any of the vectors, which stay as they
    are: a mapped file is read, not copied.
    """
    products: NDArray[np.float32] = faiss.knn(queries, vectors, 1, metric=faiss.METRIC_INNER_PRODUCT)[0][:, 0]
    return products


def require_units(vectors: Vectors) -> None:
    """Checks that each row is of unit length or zero.

    Raises:
        ValueError: if one is neither.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~((np.abs(lengths - 1.0) <= 1e-3) | (lengths == 0)))  # also where it is not a number
    if len(wrong):
        raise ValueError(f"Row {wrong[0]} of {len(vectors)} has length {lengths[wrong[0]]:.3f}, not 1.")


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Writes an array as `np.save` does, but for a full disk, of which numpy's own error says nothing."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)


def load_array(path: Path, *, mapped: bool) -> NDArray[Any]:
    """Reads what `save_array` wrote, or maps the file into memory."""
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    return array.view(np.ndarray)  # slices of a plain view of the map cost less than the map's own
