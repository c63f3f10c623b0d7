"""Passage vectors in FAISS: the rows nearest to a question, by cosine: of few all are compared, of many the likeliest.

Of many, product quantisation (Jégou, Douze, Schmid 2011) with codes of four bits, scanned in registers (André,
Kermarrec, Le Scouarnec 2015), finds the likeliest, whose vectors are then compared as they are. Vectors are turned at
random first, after which the components of any unit vectors are distributed much alike (as in TurboQuant, Zandieh et
al. 2025): one codebook fits all, and the codes of a row depend on nothing but its vector. Which of the likeliest are
compared as they are, their vectors rounded to bytes say, which are small enough to stay in memory.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

_ROWS_AT_ONCE = 65_536  # taken over, so that no second copy of all is made
_COMPARED = 2_000  # of the likeliest rows, by their rounded vectors …
_REFINED = 2  # … and of these so many for each that is wanted, as they are
_LARGEST = 127  # component of a rounded vector
_TOGETHER = 4  # components of a vector that share a code
_BITS = 4  # of a code
_SEED, _SAMPLES, _ROUNDS = 20, 1_024, 15  # of the codebook

Vectors = NDArray[np.float32]
Codes = NDArray[np.uint8]
Rounded = NDArray[np.int8]
_Array_co = TypeVar("_Array_co", covariant=True)


class ArrayRows(Protocol[_Array_co]):
    """Vectors by their rows."""

    def __getitem__(self, rows: Sequence[int] | NDArray[np.int64]) -> _Array_co:
        """Those of some rows, shape (rows, dimension)."""


class VectorIndex(Protocol):
    """Some rows of unit vectors; a zero vector (of a text the model knows nothing of) is never found."""

    def __len__(self) -> int:
        """How many rows there are."""

    def search(self, query: Vectors, count: int) -> list[tuple[int, float]]:
        """At most `count` (row, cosine), nearest first, ties by row."""


class ExactIndex:
    """A `VectorIndex` that compares all rows."""

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
        count = min(count, len(self))
        if count == 0 or not query.any():
            return []
        cosines, found = self._index.search(query.reshape(1, -1), count)
        return _ranked(self._rows[found[0]], cosines[0])


class QuantisedIndex:
    """A `VectorIndex` that compares the rows whose codes are likeliest."""

    def __init__(
        self,
        vectors: ArrayRows[Vectors],
        rounded: ArrayRows[Rounded],
        codes: Codes,
        rows: NDArray[np.int64],
        dimension: int,
    ) -> None:
        """Takes the vectors of all rows, the same rounded, codes of some, and which these are, ascending.

        Codes have shape (rows, bytes).
        """
        self._vectors, self._rounded, self._rows = vectors, rounded, rows
        self._quantiser = quantiser(dimension)
        self._index = self._quantiser.index(codes)

    def __len__(self) -> int:
        return len(self._rows)

    def search(self, query: Vectors, count: int) -> list[tuple[int, float]]:
        compared = min(max(count, _COMPARED), len(self))
        if compared == 0 or not query.any():
            return []
        _, found = self._index.search(self._quantiser.turned(query.reshape(1, -1)), compared)
        rows = self._likeliest(query, np.sort(self._rows[found[0][found[0] >= 0]]), _REFINED * count)
        cosines, best = _nearest(query.reshape(1, -1), self._vectors[rows], count)
        return _ranked(rows[best[0]], cosines[0])

    def _likeliest(self, query: Vectors, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """At most so many of the rows, ascending: those nearest by their rounded vectors."""
        if len(rows) <= count:
            return rows
        directions = self._rounded[rows].astype(np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", directions, directions))
        nearly = np.einsum("ij,j->i", directions, query) / np.maximum(lengths, 1.0)
        return np.sort(rows[np.argsort(-nearly, kind="stable")[:count]])


def rounded(vectors: Vectors) -> Rounded:
    """Vectors stretched until their largest component is `_LARGEST`, and rounded: nearly their directions."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    stretched = vectors * (np.float32(_LARGEST) / np.where(largest > 0.0, largest, 1.0))
    return np.rint(stretched).astype(np.int8)


def _nearest(queries: Vectors, vectors: Vectors, count: int) -> tuple[Vectors, NDArray[np.int64]]:
    """The largest cosines of each query with vectors, largest first, and their rows: shape (queries, count) at most."""
    found: tuple[Vectors, NDArray[np.int64]] = faiss.knn(
        queries, vectors, min(count, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT
    )
    return found


def _ranked(rows: NDArray[np.int64], cosines: Vectors) -> list[tuple[int, float]]:
    """Rows with their cosines, nearest first, ties by row; those of no cosine left out."""
    best = np.lexsort((rows, -cosines))
    pairs = zip(rows[best].tolist(), cosines[best].tolist(), strict=True)
    return [(row, cosine) for row, cosine in pairs if cosine]


class Quantiser:
    """Turns vectors into codes: which of 16 points of a codebook is nearest to each four of their components."""

    def __init__(self, dimension: int) -> None:
        generator = np.random.RandomState(_SEED)  # whose numbers stay the same in all versions
        padded = -(-dimension // _TOGETHER) * _TOGETHER
        turned, _ = np.linalg.qr(generator.normal(size=(padded, padded)))
        self._rotation = turned[:dimension].astype(np.float32)
        points = _points(generator) / np.sqrt(padded)
        self._codec = faiss.IndexPQ(padded, padded // _TOGETHER, _BITS, faiss.METRIC_INNER_PRODUCT)
        centroids = np.tile(points.astype(np.float32), (padded // _TOGETHER, 1))
        faiss.copy_array_to_vector(centroids.ravel(), self._codec.pq.centroids)
        self._codec.is_trained = True

    def turned(self, vectors: Vectors) -> Vectors:
        """Vectors as they are coded, shape (vectors, padded dimension)."""
        turned: Vectors = np.ascontiguousarray(vectors @ self._rotation)
        return turned

    def codes(self, vectors: Vectors) -> Codes:
        """The codes of vectors, shape (vectors, bytes)."""
        codes: Codes = self._codec.sa_encode(self.turned(vectors))
        return codes

    def index(self, codes: Codes) -> Any:
        """FAISS's own index of codes."""
        plain: Any = faiss.IndexPQ(self._codec.d, self._codec.pq.M, _BITS, faiss.METRIC_INNER_PRODUCT)
        plain.pq, plain.is_trained = self._codec.pq, True
        plain.add_sa_codes(np.ascontiguousarray(codes))
        return faiss.IndexPQFastScan(plain)


@lru_cache(maxsize=4)
def quantiser(dimension: int) -> Quantiser:
    """That of vectors of a dimension, made once."""
    return Quantiser(dimension)


def _points(generator: np.random.RandomState) -> NDArray[np.float64]:
    """Sixteen points near which four independent normal numbers lie: k-means (Lloyd 1982) of a sample."""
    sample = generator.normal(size=(_SAMPLES, _TOGETHER))
    points = sample[: 2**_BITS]
    for _ in range(_ROUNDS):
        nearest = ((sample[:, None] - points[None]) ** 2).sum(axis=2).argmin(axis=1)
        points = np.stack([sample[nearest == point].mean(axis=0) for point in range(2**_BITS)])
    return points


def nearest_rows(queries: Vectors, parts: Iterable[tuple[Vectors, NDArray[np.int64]]], count: int) -> list[set[int]]:
    """The rows nearest to each query, shape (queries, dimension), found by comparing all; given as to `ExactIndex`."""
    cosines, rows, start = [], [], 0
    for vectors, chosen in parts:
        if len(chosen):
            searched = vectors if len(chosen) == len(vectors) else vectors[chosen]
            found = _nearest(queries, searched, count)
            cosines.append(found[0])
            rows.append(start + chosen[found[1]])
        start += len(vectors)
    together = zip(np.concatenate(cosines, axis=1), np.concatenate(rows, axis=1), strict=True)
    return [{row for row, _ in _ranked(each, near)[:count]} for near, each in together]


def largest_products(queries: Vectors, vectors: Vectors) -> NDArray[np.float32]:
    """The largest inner product of each query, shape (queries, dimension), with any of the vectors, which stay as they
    are: a mapped file is read, not copied.
    """
    products: NDArray[np.float32] = _nearest(queries, vectors, 1)[0][:, 0]
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
