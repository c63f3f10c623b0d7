"""Rows that stand in files, one part after the other: read when they are asked for, not before."""

import json
import mmap
import os
import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

_HEADER_BYTES = 8  # that say how long the header is
_TYPES = {"I8": np.int8, "U8": np.uint8, "I32": np.int32, "I64": np.int64, "F32": np.float32}
_MANY = 1_000  # rows of a part that are not read one by one
_KEPT = 4096  # rows that were read last

_Record = TypeVar("_Record")
_Number = TypeVar("_Number", np.float32, np.int8, np.uint8)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays by their names into one file, in the format of safetensors."""
    path.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that `write_arrays` wrote, by memory map: what is read of them comes from the disk.

    safetensors itself copies them for numpy.

    Raises:
        OSError, ValueError: if it cannot be read, or is none.
    """
    with path.open("rb") as file:
        raw = _MappedFile(file.fileno(), 0, access=mmap.ACCESS_READ)
        raw.stays_open(file.fileno())
    start = _HEADER_BYTES + int.from_bytes(raw[:_HEADER_BYTES], "little")
    header: dict[str, dict[str, Any]] = json.loads(raw[_HEADER_BYTES:start])
    return {name: _mapped(raw, start, each) for name, each in header.items() if name != "__metadata__"}


def _mapped(raw: mmap.mmap, start: int, described: Mapping[str, Any]) -> NDArray[Any]:
    first, end = described["data_offsets"]
    kind = np.dtype(_TYPES[described["dtype"]])
    array = np.frombuffer(raw, dtype=kind, count=(end - first) // kind.itemsize, offset=start + first)
    return array.reshape(described["shape"])


class _MappedFile(mmap.mmap):
    """A mapped file that can also be read."""

    descriptor = -1

    def stays_open(self, descriptor: int) -> None:
        """Keeps an open file for as long as it is mapped, where that can be read at any place."""
        if hasattr(os, "pread"):
            self.descriptor = os.dup(descriptor)
            weakref.finalize(self, os.close, self.descriptor)


class Scattered:
    """Rows of an array that are asked for here and there.

    Those of a mapped file are read from it: whoever touches a mapped page has many around it in memory, so that all of
    the file soon were.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        """Takes an array whose rows stand one after the other."""
        self._array, self._size = array, array.strides[0]
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        base = base.obj if isinstance(base, memoryview) else base
        self._file = base if isinstance(base, _MappedFile) and base.descriptor >= 0 else None
        if self._file:
            start_of_file = np.frombuffer(self._file, dtype=np.uint8, count=1).ctypes.data
            self._first = array.ctypes.data - start_of_file

    def bytes_of(self, start: int, end: int) -> bytes:
        """The bytes of rows `[start, end)`."""
        if self._file is None:
            return self._array[start:end].tobytes()
        return os.pread(self._file.descriptor, (end - start) * self._size, self._first + start * self._size)


class Lines(Sequence[bytes]):
    """Byte strings that stand one after the other."""

    def __init__(self, raw: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        """Takes all their bytes and where each ends."""
        self.raw, self.ends = raw, ends
        self._scattered = Scattered(raw)

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> "Lines":
        """Those byte strings."""
        return cls(
            np.frombuffer(b"".join(lines), dtype=np.uint8), np.cumsum([len(line) for line in lines], dtype=np.int64)
        )

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, row: int) -> bytes: ...
    @overload
    def __getitem__(self, row: slice) -> list[bytes]: ...
    def __getitem__(self, row: int | slice) -> bytes | list[bytes]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        return self._scattered.bytes_of(self._start(row), int(self.ends[row]))

    def _start(self, row: int) -> int:
        return int(self.ends[row - 1]) if row else 0

    def length(self, row: int) -> int:
        """How many bytes one has."""
        return int(self.ends[row]) - self._start(row)


class RowsOfParts(Sequence[_Record]):
    """Records of the lines of several parts, one part after the other; each is parsed when it is asked for."""

    def __init__(self, parts: Sequence[Lines], parse: Callable[[bytes, int], _Record]) -> None:
        """Takes what makes a record of a line and its row."""
        self._parts, self._parse = parts, parse
        self._starts = starts = list(accumulate(map(len, parts), initial=0))

        def read(row: int) -> _Record:
            part = bisect_right(starts, row) - 1
            return parse(parts[part][row - starts[part]], row)

        self._read = lru_cache(_KEPT)(read)

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, row: int) -> _Record: ...
    @overload
    def __getitem__(self, row: slice) -> list[_Record]: ...
    def __getitem__(self, row: int | slice) -> _Record | list[_Record]:
        if isinstance(row, slice):
            return [self._read(each) for each in range(*row.indices(len(self)))]
        return self._read(range(len(self))[row])

    def __iter__(self) -> Iterator[_Record]:
        """Every record in order, without those that were read last being forgotten for it."""
        for start, part in zip(self._starts, self._parts, strict=False):
            for row, line in enumerate(part, start):
                yield self._parse(line, row)


class NamedRows(Mapping[str, _Record], Generic[_Record]):
    """Rows by their names."""

    def __init__(self, names: Sequence[str], rows: Sequence[_Record]) -> None:
        self._places, self._rows = {name: row for row, name in enumerate(names)}, rows

    def __getitem__(self, name: str) -> _Record:
        return self._rows[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class VectorsOfParts(Generic[_Number]):
    """The vectors of several parts, one part after the other."""

    def __init__(self, parts: Sequence[NDArray[_Number]], *, in_memory: bool = False) -> None:
        """Takes arrays of shape (rows, dimension), of equal dimension, and whether all that is read stays in memory."""
        self._parts: Sequence[NDArray[Any]] = parts
        self._starts = np.cumsum([0, *map(len, parts)])
        self._scattered = [] if in_memory else [Scattered(part) for part in parts]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[_Number]:
        """The vectors of some rows, shape (rows, dimension)."""
        chosen = np.asarray(rows, dtype=np.int64)
        taken = np.empty((len(chosen), self._parts[0].shape[1]), dtype=self._parts[0].dtype)
        order = np.argsort(chosen, kind="stable")
        edges = np.searchsorted(chosen, self._starts, sorter=order)
        if edges[0] or edges[-1] < len(chosen):
            raise IndexError(f"There are {len(self)} rows.")
        for part in np.flatnonzero(np.diff(edges)).tolist():
            of_part = order[edges[part] : edges[part + 1]]
            taken[of_part] = self._rows(part, chosen[of_part] - self._starts[part])
        return taken

    def _rows(self, part: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        array = self._parts[part]
        if not self._scattered or len(rows) > _MANY:
            return array[rows]
        read = b"".join([self._scattered[part].bytes_of(row, row + 1) for row in rows.tolist()])
        return np.frombuffer(read, dtype=array.dtype).reshape(len(rows), -1)
