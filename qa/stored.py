"""The rows of a generation in PostgreSQL: passages, vectors, segments, read when they are asked for.

Rows of a generation never change, so what was read stays in memory for a while.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.config import Where
from qa.datatypes import Passage
from qa.errors import StoreError
from qa.kept import Kept
from qa.messages import Message
from qa.parts import Part, passage_of
from qa.postgres import ROWS, Connection, Server
from qa.segments import Segments
from qa.text import LANGUAGES, Language
from qa.vectors import Vectors

TIMES = 255  # that a row holds a term, at most, as far as they are counted
_TERMS = 200_000  # whose numbers were wanted last
_KEPT = 8_192  # rows that were read last, of some 4 kB each
_AT_ONCE = 2_000  # rows, of all that are read in order
_LOOKED_AT = 64  # passages that were looked at last, whose articles are read together


@dataclass(frozen=True, slots=True)
class Reader:
    """One generation of a store.

    Attributes:
        server: that holds it.
        generation: its number.
        name: its name, by which nothing else goes.
        passages: how many rows.
        terms: how many terms, of all rows together.
        where: which passages are searched.
    """

    server: Server
    generation: int
    name: str
    passages: int
    terms: int
    where: Where = field(default_factory=Where)

    @property
    def live(self) -> str:
        """The condition, in SQL, that a row belongs to the generation."""
        return f"since <= {self.generation} AND until > {self.generation}"

    def searched(self) -> tuple[str, dict[str, Any]]:
        """The condition that a row may be found, with what it takes."""
        where, conditions = self.where, [self.live]
        values = {"after": where.after, "before": where.before, "path": where.path}
        if where.after:
            conditions.append("date >= %(after)s::date")
        if where.before:
            conditions.append("date <= %(before)s::date")
        if where.path:
            conditions.append("starts_with(path, %(path)s)")
        return " AND ".join(conditions), {name: value for name, value in values.items() if value}

    def all(self, query: str, values: Mapping[str, Any] | None = None, *, binary: bool = True) -> list[tuple[Any, ...]]:
        """All rows that a query gives.

        Raises:
            StoreError: if the server does not answer.
        """

        def asked(connection: Connection) -> list[tuple[Any, ...]]:
            return connection.cursor(binary=binary).execute(query, values).fetchall()

        return self.server.ask(asked)

    def confirm(self) -> None:
        """Checks that the generation is still there, so that all that was read of it until now was whole.

        Raises:
            StoreError: if it has gone, as two builds later, or the server does not answer.
        """
        values = {"number": self.generation, "name": self.name}
        if not self.all("SELECT 1 FROM generations WHERE number = %(number)s AND name = %(name)s", values):
            raise StoreError(Message("generation_gone", {"store": self.server.name}))

    def whole(self, query: str) -> list[tuple[Any, ...]]:
        """All rows that a query of the whole generation gives.

        Raises:
            StoreError: if some may have gone with the generation, or the server does not answer.
        """
        found = self.all(query)
        self.confirm()
        return found

    def of_rows(self, columns: str, numbers: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """Columns of some rows, each once, by their numbers.

        Raises:
            KeyError: if there is no such row.
            StoreError: if it has gone with its generation, or the server does not answer.
        """
        query = (
            f"SELECT row, {columns} FROM unnest(%(articles)s::bigint[], %(rows)s::bigint[])"
            " AS wanted (article, row) JOIN passages USING (article, row)"
        )
        read = self.all(query, {"articles": [number // ROWS for number in numbers], "rows": numbers})
        if len(read) < len(numbers):
            self.confirm()
            raise KeyError(next(iter(set(numbers) - {number for number, *_ in read})))
        return {number: tuple(rest) for number, *rest in read}


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it was read.

    Attributes:
        language: of the passage.
        vector: of the passage, in single precision.
        tokens: of all segments.
        segments: the length of each segment, its span, its norms.
        line: the passage, as a part has it.
    """

    language: int
    vector: bytes
    tokens: bytes
    segments: bytes
    line: bytes

    @classmethod
    def of(cls, language: int, content: bytes) -> "StoredRow":
        """What `packed` packed."""
        ends = [*_HEADER.unpack_from(content), len(content)]
        return cls(language, *(content[start:end] for start, end in pairwise([_HEADER.size, *ends])))


_HEADER = Struct("<3I")  # where vector, tokens and segments end
_SEGMENT_BYTES = 4 + 8 + 8  # of its length, its span, its norms


def packed(part: Part, row: int) -> bytes:
    """A row of a part, all that is read of it when it is found."""
    own = part.segments.run(row, row + 1)
    lengths = np.diff(own.token_bounds).astype("<i4")
    segments = lengths.tobytes() + own.spans.astype("<i4").tobytes() + own.norms.astype("<f4").tobytes()
    values = [part.vectors[row].astype("<f4").tobytes(), own.tokens.astype("<i4").tobytes(), segments]
    ends = accumulate(map(len, values), initial=_HEADER.size)
    return b"".join([_HEADER.pack(*list(ends)[1:]), *values, part.passages[row]])


def line_of(content: bytes) -> bytes:
    """The passage in what `packed` packed, as a part has it."""
    return content[_HEADER.unpack_from(content)[-1] :]


@lru_cache(maxsize=_TERMS)
def term_number(language: int, term: str) -> int:
    """What a term of a language is known by in a store; how often a row holds it, up to `TIMES`, is added to that.

    Of 55 bits: of ten million terms, the odds that any two have the same are 1 to 700.
    """
    digest = hashlib.blake2b(f"{language} {term}".encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return (int.from_bytes(digest, "big") >> 1) * (TIMES + 1)


class Rows:
    """The rows of a generation by their numbers."""

    def __init__(self, reader: Reader, dimension: int) -> None:
        self.reader, self._dimension = reader, dimension
        self._kept: Kept[int, StoredRow] = Kept(_KEPT)

    def of(self, numbers: Sequence[int]) -> dict[int, StoredRow]:
        """Those of some numbers."""
        return self._kept.of(numbers, self._read)

    def __getitem__(self, number: int) -> StoredRow:
        return self._kept.one(number, self._read)

    def _read(self, numbers: list[int]) -> dict[int, StoredRow]:
        found = self.reader.of_rows("language, content", numbers)
        return {number: StoredRow.of(*columns) for number, columns in found.items()}

    def search(self, rest: str, values: Mapping[str, Any]) -> dict[int, StoredRow]:
        """The rows, in order, that the rest of a query of passages gives; they need not be read again."""
        read = self.reader.all(f"SELECT row, language, content FROM passages {rest}", values)
        found = {number: StoredRow.of(language, content) for number, language, content in read}
        self._kept.add(found)
        return found

    def vectors(self, numbers: Sequence[int]) -> Vectors:
        """The vectors of some rows, shape (rows, dimension)."""
        return self.vectors_of(self.of(numbers), numbers)

    def vectors_of(self, found: Mapping[int, StoredRow], numbers: Iterable[int]) -> Vectors:
        """The vectors of some of the rows that were found, shape (rows, dimension)."""
        raw = b"".join([found[number].vector for number in numbers])
        return np.frombuffer(raw, dtype="<f4").reshape(-1, self._dimension)

    def in_order(self) -> Iterator[tuple[int, StoredRow]]:
        """Every row of the generation, in order."""
        query = (
            f"SELECT row, language, content FROM passages WHERE {self.reader.live}"
            f" AND (article, row) > (%(article)s, %(last)s) ORDER BY article, row LIMIT {_AT_ONCE}"
        )
        last = -1
        while found := self.reader.all(query, {"article": last // ROWS, "last": last}):
            yield from ((number, StoredRow.of(language, content)) for number, language, content in found)
            last = int(found[-1][0])
        self.reader.confirm()


class StoredPassages(Sequence[Passage]):
    """The passages by the numbers of their rows, which are not without gaps."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.looked_at: deque[int] = deque(maxlen=_LOOKED_AT)

    def __len__(self) -> int:
        return self._rows.reader.passages

    def __getitem__(self, row: Any) -> Any:
        self.looked_at.append(row)
        return passage_of(self._rows[row].line, row)

    def __iter__(self) -> Iterator[Passage]:
        return (passage_of(row.line, number) for number, row in self._rows.in_order())


class StoredLanguages(Sequence[Language]):
    """The language of each row."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows.reader.passages

    def __getitem__(self, row: Any) -> Any:
        return LANGUAGES[self._rows[row].language]


class StoredVectors:
    """The vectors of rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __getitem__(self, rows: Sequence[int] | NDArray[np.int64]) -> Vectors:
        """The vectors of some rows, shape (rows, dimension)."""
        return self._rows.vectors(np.asarray(rows, dtype=np.int64).tolist())


class StoredSegments:
    """The segments of rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows.reader.passages

    def tokens_of_each(self, rows: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """As `Segments.tokens_of_each`."""
        found = self._rows.of(rows)
        runs = [found[row].tokens for row in rows]
        bounds = np.cumsum([0, *(len(run) // 4 for run in runs)], dtype=np.int64)
        return np.frombuffer(b"".join(runs), dtype="<i4"), bounds

    def select(self, rows: Sequence[int]) -> Segments:
        """As `Segments.select`."""
        found = self._rows.of(rows)
        chosen = [found[row] for row in rows]
        counts = [len(row.segments) // _SEGMENT_BYTES for row in chosen]

        def column(kind: str, first: int, size: int) -> NDArray[Any]:
            parts = (row.segments[first * n : (first + size) * n] for row, n in zip(chosen, counts, strict=True))
            return np.frombuffer(b"".join(parts), dtype=kind)

        return Segments(
            tokens=np.frombuffer(b"".join([row.tokens for row in chosen]), dtype="<i4"),
            token_bounds=np.concatenate([[0], np.cumsum(column("<i4", 0, 4), dtype=np.int64)]),
            spans=column("<i4", 4, 8).reshape(-1, 2),
            norms=column("<f4", 12, 8).reshape(-1, 2),
            passage_bounds=np.cumsum([0, *counts], dtype=np.int64),
        )
