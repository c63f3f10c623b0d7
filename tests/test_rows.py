import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qa.rows import Lines, NamedRows, RowsOfParts, Scattered, VectorsOfParts, map_arrays, write_arrays

LINES = [b"one", b"", "二".encode(), b"a\nb", b"\xff\x00", b"", b"last"]
CUTS = st.lists(st.integers(0, len(LINES)), max_size=4).map(sorted)


def parts_of(cuts: list[int]) -> list[Lines]:
    """The lines in parts, some of which may be empty."""
    return [Lines.of(LINES[start:end]) for start, end in pairwise([0, *cuts, len(LINES)])]


@pytest.mark.parametrize("length", [0, 1, 7])
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.float32])
def test_arrays_are_mapped_as_they_were_written(tmp_path: Path, length: int, kind: type) -> None:
    """Arrays of every kind and shape, those without a row or a column too, are read as they were written."""
    arrays: dict[str, NDArray[np.generic]] = {
        "odd": np.arange(3, dtype=np.uint8),  # so that what follows does not stand where its kind would have it
        "flat": np.arange(length).astype(kind),
        "rows": np.arange(length * 6).astype(kind).reshape(length, 6)[:, ::2],
        "no column": np.zeros((length, 0), dtype=kind),
        "last": np.array([], dtype=kind),
    }
    write_arrays(tmp_path / "arrays", arrays)
    mapped = map_arrays(tmp_path / "arrays")
    assert mapped.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (mapped[name].dtype, mapped[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(mapped[name], array)
        assert mapped[name].flags.aligned
        assert not mapped[name].flags.writeable


@pytest.mark.parametrize("content", [b"", b"short", b"\x05\0\0\0\0\0\0\0{]}}}", b"\xff" * 64], ids=repr)
def test_what_holds_no_arrays_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A file that is none of arrays, or is cut short, is an error that callers expect."""
    (tmp_path / "arrays").write_bytes(content)
    with pytest.raises(ValueError):
        map_arrays(tmp_path / "arrays")
    write_arrays(tmp_path / "whole", {"rows": np.arange(100)})
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-1])
    with pytest.raises(ValueError):
        map_arrays(tmp_path / "cut")
    with pytest.raises(OSError, match="missing"):
        map_arrays(tmp_path / "missing")


def test_lines_are_a_sequence_of_byte_strings() -> None:
    """Lines are read by row, from the end and by slices, as a list of them would be, and each tells its length."""
    lines = Lines.of(LINES)
    assert list(lines) == LINES
    assert [lines[row] for row in range(-len(LINES), 0)] == LINES
    assert (lines[1:6:2], lines[::-1], lines[9:]) == (LINES[1:6:2], LINES[::-1], [])
    assert [lines.length(row) for row in range(len(lines))] == [len(line) for line in LINES]
    assert (len(Lines.of([])), list(Lines.of([]))) == (0, [])
    for row in (len(LINES), -len(LINES) - 1):
        with pytest.raises(IndexError):
            lines[row]


@given(CUTS, st.slices(len(LINES)))
def test_rows_of_parts_are_one_sequence(cuts: list[int], some: slice) -> None:
    """However lines are cut into parts, records are read by row, from the end, by slices and in turn as of a list."""
    expected = [(line, row) for row, line in enumerate(LINES)]
    rows = RowsOfParts(parts_of(cuts), lambda line, row: (line, row))
    assert len(rows) == len(expected)
    assert list(rows) == list(reversed(list(reversed(rows)))) == expected
    assert [rows[row] for row in range(-len(rows), len(rows))] == expected * 2
    assert rows[some] == expected[some]
    for row in (len(rows), -len(rows) - 1):
        with pytest.raises(IndexError):
            rows[row]


def test_a_row_is_parsed_when_it_is_asked_for() -> None:
    """Nothing is parsed before it is asked for, and what was read last is not parsed again, also after a whole pass."""
    parsed: list[int] = []

    def parse(line: bytes, row: int) -> bytes:
        parsed.append(row)
        return line

    rows = RowsOfParts(parts_of([2, 2, 5]), parse)
    assert parsed == []
    assert (rows[3], rows[-1], rows[3]) == (LINES[3], LINES[-1], LINES[3])
    assert parsed == [3, 6]
    assert next(iter(rows)) == LINES[0]
    assert parsed == [3, 6, 0]
    list(rows)
    del parsed[:]
    assert rows[3:4] == LINES[3:4]
    assert parsed == []


def test_rows_without_a_part_are_none() -> None:
    """No part, or parts without a row, are an empty sequence."""
    for parts in ([], [Lines.of([])], [Lines.of([]), Lines.of([])]):
        rows = RowsOfParts(parts, lambda line, _: line)
        assert (len(rows), list(rows), rows[:]) == (0, [], [])
        with pytest.raises(IndexError):
            rows[0]


def test_named_rows_are_a_mapping() -> None:
    """Rows are found by their names, in their order, and an unknown name is a KeyError."""
    rows = NamedRows(["b", "文", "a"], RowsOfParts([Lines.of([b"1", b"2"]), Lines.of([b"3"])], lambda line, _: line))
    assert dict(rows) == {"b": b"1", "文": b"2", "a": b"3"}
    assert list(rows) == ["b", "文", "a"]
    assert (len(rows), "c" in rows, rows.get("c")) == (3, False, None)
    with pytest.raises(KeyError):
        rows["c"]


@given(CUTS, st.lists(st.integers(0, len(LINES) - 1), max_size=9))
def test_vectors_of_parts_are_those_of_one_array(cuts: list[int], rows: list[int]) -> None:
    """However vectors are cut into parts, any rows in any order, repeated or none, are those of the whole array."""
    whole = np.random.default_rng(1).random((len(LINES), 5), dtype=np.float32)
    vectors = VectorsOfParts(np.split(whole, cuts))
    assert len(vectors) == len(whole)
    for chosen in (rows, np.array(rows, dtype=np.int64)):
        assert vectors[chosen].dtype == np.float32
        assert np.array_equal(vectors[chosen], whole[np.array(rows, dtype=np.int64)])
    with pytest.raises(IndexError):
        vectors[[*rows, len(whole)]]


@pytest.mark.skipif(not hasattr(os, "pread"), reason="the system reads at no place of a file, only on")
def test_rows_here_and_there_stay_out_of_memory(tmp_path: Path) -> None:
    """Of a mapped file whose rows are read here and there next to nothing is in memory, unless it is to stay there."""
    whole = np.random.default_rng(1).random((20_000, 512), dtype=np.float32)
    write_arrays(tmp_path / "rows", {"vectors": whole})
    mapped = map_arrays(tmp_path / "rows")["vectors"]
    scattered, in_memory = VectorsOfParts([mapped]), VectorsOfParts([mapped], in_memory=True)
    before = psutil.Process().memory_info().rss
    for rows in np.split(np.arange(0, len(whole), 5), 8):
        assert np.array_equal(scattered[rows], whole[rows])
    assert psutil.Process().memory_info().rss - before < 0.2 * whole.nbytes
    assert np.array_equal(in_memory[range(0, len(whole), 5)], whole[::5])
    assert psutil.Process().memory_info().rss - before > 0.8 * whole.nbytes


def test_scattered_rows_are_those_of_the_array(tmp_path: Path) -> None:
    """The bytes of any run of rows are the same whether an array stands in memory or in a file, empty runs too."""
    whole = np.arange(24, dtype=np.int32).reshape(8, 3)
    write_arrays(tmp_path / "rows", {"other": np.ones(5, dtype=np.int64), "wanted": whole})
    mapped = map_arrays(tmp_path / "rows")["wanted"]
    for array in (whole, mapped, mapped[2:], whole[2:]):
        for start in range(len(array)):
            for end in range(start, len(array) + 1):
                assert Scattered(array).bytes_of(start, end) == array[start:end].tobytes()
