"""Passage vectors in FAISS: the rows nearest to a question, by cosine, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of an index, to be searched alone."""

    count: int
    parameters: faiss.SearchParameters
    bits: NDArray[np.uint8]  # what the parameters point into


class VectorIndex:
    """Unit vectors by row; a zero vector (a text the model knows nothing of) is kept and never found."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors) -> "VectorIndex":
        """An exact index of `vectors`, shape (rows, dimension).

        Raises:
            ValueError: if a row is neither of unit length nor zero.
        """
        require_units(vectors)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def only(self, rows: NDArray[np.int64]) -> Rows:
        """The rows as `search` takes them; made once for many searches."""
        chosen = np.zeros(len(self), dtype=bool)
        chosen[rows] = True
        bits = np.packbits(chosen, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        return Rows(len(rows), faiss.SearchParameters(sel=selector), bits)  # type: ignore[call-arg]

    def search(self, query: Vectors, count: int, rows: Rows | None = None) -> list[tuple[int, float]]:
        """At most `count` (row, cosine), nearest first, ties by row; of `rows` alone where they are given."""
        count = min(count, len(self) if rows is None else rows.count)
        if count == 0 or not query.any():
            return []
        parameters = None if rows is None else rows.parameters
        cosines, found = self._index.search(query.reshape(1, -1), count, params=parameters)
        pairs = [
            (int(row), float(cosine)) for row, cosine in zip(found[0], cosines[0], strict=True) if row >= 0 and cosine
        ]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def cosines(self, query: Vectors, rows: Sequence[int]) -> NDArray[np.float32]:
        """Cosine of the query with each of `rows`."""
        if not rows:
            return np.zeros(0, dtype=np.float32)
        found: NDArray[np.float32] = self._index.reconstruct_batch(np.array(rows, dtype=np.int64)) @ query
        return found

    def vector(self, row: int) -> Vectors:
        """One row's vector, shape (dimension,)."""
        found: Vectors = np.asarray(self._index.reconstruct(row), dtype=np.float32)
        return found

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """Reads what `save_array` wrote."""
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return cls(index)


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
