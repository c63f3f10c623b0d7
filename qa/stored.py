"""What a generation in PostgreSQL offers a search: passages, vectors, segments, terms, read when they are asked for.

Rows of a generation never change, so what was read stays in memory for a while. PostgreSQL finds candidates: by the
HNSW graph of a language (Malkov, Yashunin 2018), and by the terms under GIN. How good they are is reckoned here.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, pairwise
from struct import Struct
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from qa import bm25
from qa.config import Where
from qa.datatypes import Document, Passage
from qa.parts import Part, document_of_line, passage_of
from qa.postgres import ROWS, Connection, Server, half
from qa.segments import Segments
from qa.text import LANGUAGES, Language
from qa.vectors import Vectors

_KEPT = 8_192  # rows that were read last, of some 4 kB each
_MOST = 4_000  # rows that a search by terms reads, rarest terms first; beyond, the commoner only add to their scores
_BATCH = 1_000  # of these, that are read together
_FINALISTS = 2  # times as many rows as are wanted are looked at with all their terms
_AT_ONCE = 2_000  # rows, of all that are read in order
_ARRAY_HEADER = 20  # bytes, before the numbers of an array that PostgreSQL sends
_LOOKED_AT = 64  # passages that were looked at last, whose articles are read together

_TERMS, _SEARCHES = 50_000, 256  # that were met, and made, last
_THREADS = 8  # in which languages are searched at the same time

Found = list[tuple[int, float]]  # rows with what a search says of each, best first

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Kept(Generic[_Key, _Value]):
    """The values that were read last, by their keys; many threads may share them."""

    def __init__(self, most: int) -> None:
        self._values: OrderedDict[_Key, _Value] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def one(self, key: _Key, read: Callable[[list[_Key]], Mapping[_Key, _Value]]) -> _Value:
        """The value of a key; raises KeyError where it has none."""
        value = self._values.get(key)
        return self.of([key], read)[key] if value is None else value

    def of(self, keys: Iterable[_Key], read: Callable[[list[_Key]], Mapping[_Key, _Value]]) -> dict[_Key, _Value]:
        """The values of keys; those that are not kept are read, all at once. Keys without a value are left out."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            found = {key: self._values[key] for key in wanted if key in self._values}
            for key in found:
                self._values.move_to_end(key)
        if missing := [key for key in wanted if key not in found]:
            fresh = read(missing)
            found |= fresh
            with self._lock:
                self._values.update(fresh)
                while len(self._values) > self._most:
                    self._values.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Reader:
    """One generation of a store.

    Attributes:
        server: that holds it.
        generation: its number.
        passages: how many rows.
        terms: how many terms, of all rows together.
        where: which passages are searched.
    """

    server: Server
    generation: int
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
    own = part.segments.select([row])
    lengths = np.diff(own.token_bounds).astype("<i4")
    segments = lengths.tobytes() + own.spans.astype("<i4").tobytes() + own.norms.astype("<f4").tobytes()
    values = [part.vectors[row].astype("<f4").tobytes(), own.tokens.astype("<i4").tobytes(), segments]
    ends = accumulate(map(len, values), initial=_HEADER.size)
    return b"".join([_HEADER.pack(*list(ends)[1:]), *values, part.passages[row]])


def line_of(content: bytes) -> bytes:
    """The passage in what `packed` packed, as a part has it."""
    return content[_HEADER.unpack_from(content)[-1] :]


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
        query = (
            "SELECT row, language, content FROM unnest(%(articles)s::bigint[], %(rows)s::bigint[])"
            " AS wanted (article, row) JOIN passages USING (article, row)"
        )
        found = self.reader.all(query, {"articles": [number // ROWS for number in numbers], "rows": numbers})
        return {number: StoredRow.of(language, content) for number, language, content in found}

    def vectors(self, numbers: Sequence[int]) -> Vectors:
        """The vectors of some rows, shape (rows, dimension)."""
        found = self.of(numbers)
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


class Together(Generic[_Key]):
    """The same search in all languages at the same time: who asks for one language asks for the others next."""

    def __init__(self, search: Callable[[_Key, Language], Found], languages: Sequence[Language]) -> None:
        self._search, self._languages = search, languages
        self._pool = ThreadPoolExecutor(_THREADS)
        self._kept: Kept[_Key, dict[Language, Found]] = Kept(_SEARCHES)

    def __call__(self, key: _Key, language: Language) -> Found:
        """What the search gives for a key in a language."""
        return self._kept.one(key, self._read)[language]

    def _read(self, keys: list[_Key]) -> dict[_Key, dict[Language, Found]]:
        found = {key: self._pool.map(partial(self._search, key), self._languages) for key in keys}
        return {key: dict(zip(self._languages, each, strict=True)) for key, each in found.items()}


class Nearest:
    """The vectors of all languages."""

    def __init__(self, rows: Rows, languages: Sequence[Language]) -> None:
        self.reader, self._rows = rows.reader, rows
        self.together = Together(self._search, languages)

    def _search(self, key: tuple[bytes, int], language: Language) -> Found:
        vector, count = np.frombuffer(key[0], dtype=np.float32), key[1]
        condition, values = self.reader.searched()
        query = (
            f"SELECT row FROM passages WHERE language = {LANGUAGES.index(language)} AND {condition}"
            " ORDER BY embedding <#> %(vector)s LIMIT %(count)s"
        )
        rows = [row for (row,) in self.reader.all(query, {**values, "vector": half(vector), "count": count})]
        cosines = (self._rows.vectors(rows) @ vector).tolist()
        found = [(row, cosine) for row, cosine in zip(rows, cosines, strict=True) if cosine]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


class StoredNearest:
    """The vectors of one language, as a `VectorIndex`."""

    def __init__(self, nearest: Nearest, language: Language) -> None:
        self._nearest, self._language = nearest, language

    def __len__(self) -> int:
        reader, number = self._nearest.reader, LANGUAGES.index(self._language)
        return int(reader.all(f"SELECT count(*) FROM passages WHERE {reader.live} AND language = {number}")[0][0])

    def search(self, query: Vectors, count: int) -> Found:
        """At most `count` (row, cosine), nearest first, ties by row."""
        if not query.any() or count <= 0:
            return []
        return self._nearest.together((np.asarray(query, dtype=np.float32).tobytes(), count), self._language)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of one language: of each number of times that a row may hold it, how it is known, and in how many rows."""

    variants: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows hold it."""
        return sum(rows for _, rows in self.variants.values())


class StoredTerms:
    """The rows by their terms: which share some with a question, by the score of BM25 that tantivy gives them."""

    def __init__(self, rows: Rows, languages: Sequence[Language]) -> None:
        self._rows, self._reader = rows, rows.reader
        self._kept: Kept[str, list[Term]] = Kept(_TERMS)
        self._together = Together(self._search, languages)

    def __len__(self) -> int:
        return self._reader.passages

    def _terms(self, terms: Iterable[str]) -> dict[str, list[Term]]:
        """Terms in each language."""
        return self._kept.of(terms, self._read)

    def _read(self, terms: list[str]) -> dict[str, list[Term]]:
        query = (
            "SELECT term, language, count, id, rows FROM terms CROSS JOIN LATERAL (SELECT rows FROM frequencies"
            f" WHERE frequencies.id = terms.id AND generation <= {self._reader.generation} ORDER BY generation DESC"
            " LIMIT 1) AS latest WHERE term = ANY (%(terms)s) AND rows > 0"
        )
        found: dict[str, list[dict[int, tuple[int, int]]]] = {term: [{} for _ in LANGUAGES] for term in terms}
        for term, language, count, number, rows in self._reader.all(query, {"terms": terms}):
            found[term][language][count] = (number, rows)
        return {term: [Term(variants) for variants in languages] for term, languages in found.items()}

    def _rarity(self, languages: Sequence[Term]) -> float:
        return bm25.rarity(self._reader.passages, sum(each.rows for each in languages))

    def ideal(self, terms: Sequence[str]) -> float:
        """The BM25 score no passage can exceed."""
        known = self._terms(terms)
        return bm25.ideal([self._rarity(known[term]) for term in terms])

    def lacks(self, terms: Sequence[str]) -> bool:
        """Whether no row holds one of these terms, so that none holds all of them."""
        return any(not any(each.rows for each in languages) for languages in self._terms(terms).values())

    def search(self, terms: Sequence[str], count: int, group: str) -> Found:
        """At most `count` (row, BM25 score) of the group that share a term, best first, ties by row."""
        language = next((each for each in LANGUAGES if each == group), None)
        if not terms or count <= 0 or language is None:
            return []
        self._terms(terms)
        return self._together((tuple(terms), count), language)

    def _search(self, key: tuple[tuple[str, ...], int], group: Language) -> Found:
        terms, count = key
        known, language = self._terms(terms), LANGUAGES.index(group)
        weights = {term: times * self._rarity(known[term]) for term, times in Counter(terms).items()}
        wanted = [(known[term][language], weight) for term, weight in weights.items() if known[term][language].rows]
        wanted.sort(key=lambda pair: pair[0].rows)
        likely = self._likely(wanted, count)
        scores = self._scores(likely, wanted)
        return sorted(zip(likely, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))[:count]

    def _likely(self, wanted: Sequence[tuple[Term, float]], count: int) -> list[int]:
        """Rows among which the best are: those that hold a term which is rare enough to matter, rarest terms first.

        As MaxScore does (Turtle, Flood 1995): once the terms that are left could not lift a row among the best that
        has none of those before, no row is looked for by them.
        """
        bounds = [weight * bm25.most(max(term.variants)) for term, weight in wanted]
        partial: dict[int, float] = {}
        place, read, least = 0, 0, 0.0
        while place < len(wanted) and sum(bounds[place:]) > least:
            end, rows = place + 1, wanted[place][0].rows
            while end < len(wanted) and rows + wanted[end][0].rows <= _BATCH:
                rows += wanted[end][0].rows
                end += 1
            if partial and read + rows > _MOST:
                break
            self._add(wanted[place:end], partial)
            place, read = end, read + rows
            if len(partial) >= count:
                least = float(np.partition(np.fromiter(partial.values(), float), -count)[-count])
        left = sum(bounds[place:])
        likely = sorted(partial, key=partial.__getitem__, reverse=True)[: _FINALISTS * count]
        return [row for row in likely if partial[row] + left >= least]

    def _add(self, wanted: Sequence[tuple[Term, float]], partial: dict[int, float]) -> None:
        """Adds to the scores of rows what they have of terms."""
        condition, values = self._reader.searched()
        weight_of = {number: (weight, count) for term, weight in wanted for count, (number, _) in term.variants.items()}
        query = (
            "SELECT id, array_send(rows), array_send(lengths) FROM unnest(%(ids)s::int[]) AS wanted (id) CROSS JOIN"
            " LATERAL (SELECT array_agg(row) AS rows, array_agg(length::bigint) AS lengths FROM (SELECT row, length"
            f" FROM passages WHERE terms @> ARRAY[wanted.id] AND {condition} LIMIT {_MOST}) AS found) AS held"
            " WHERE rows IS NOT NULL"
        )
        for number, rows, lengths in self._reader.all(query, {**values, "ids": list(weight_of)}):
            weight, count = weight_of[number]
            given = weight * bm25.shares(count, _numbers(lengths, 8), self._mean_length)
            for row, score in zip(_numbers(rows, 8).tolist(), given.tolist(), strict=True):
                partial[row] = partial.get(row, 0.0) + score

    @property
    def _mean_length(self) -> float:
        return self._reader.terms / max(self._reader.passages, 1)

    def _scores(self, numbers: Sequence[int], wanted: Sequence[tuple[Term, float]]) -> list[float]:
        """The whole score of each row."""
        query = (
            "SELECT row, length, array_send(terms) FROM unnest(%(articles)s::bigint[], %(rows)s::bigint[])"
            " AS wanted (article, row) JOIN passages USING (article, row)"
        )
        values = {"articles": [number // ROWS for number in numbers], "rows": numbers}
        found = {number: rest for number, *rest in self._reader.all(query, values)}
        held = [_numbers(found[number][1], 4) for number in numbers]
        variants = [(number, weight, count) for term, weight in wanted for count, (number, _) in term.variants.items()]
        numbered = np.array(sorted(variants), dtype=np.float64).reshape(-1, 3)
        ids = np.concatenate([np.zeros(0, dtype=np.int64), *held])
        owners = np.repeat(np.arange(len(held)), [len(each) for each in held])
        places = np.minimum(np.searchsorted(numbered[:, 0], ids), len(numbered) - 1) if len(numbered) else ids[:0]
        met = numbered[places, 0] == ids if len(numbered) else ids[:0].astype(bool)
        lengths = np.array([found[number][0] for number in numbers], dtype=np.int64)
        _, weights, counts = numbered[places[met]].T
        given = weights * bm25.shares(counts, lengths[owners[met]], self._mean_length)
        scores: list[float] = np.bincount(owners[met], weights=given, minlength=len(held)).tolist()
        return scores


def _numbers(array: bytes, size: int) -> NDArray[np.int64]:
    """The whole numbers of an array, each of so many bytes, as PostgreSQL sends it: each after its length."""
    if len(array) <= _ARRAY_HEADER:
        return np.zeros(0, dtype=np.int64)
    kind = np.dtype([("length", ">i4"), ("number", f">i{size}")])
    return np.frombuffer(array, dtype=kind, offset=_ARRAY_HEADER)["number"].astype(np.int64)


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


class StoredDocuments(Mapping[str, Document]):
    """The articles by their ids; those of passages that were looked at are read together."""

    def __init__(self, reader: Reader, articles: int, passages: StoredPassages) -> None:
        self._reader, self._articles, self._passages = reader, articles, passages
        self._kept: Kept[str, Document] = Kept(_KEPT)

    def __getitem__(self, identity: str) -> Document:
        return self._kept.one(identity, self._read)

    def _read(self, identities: list[str]) -> dict[str, Document]:
        query = (
            "SELECT identity, line FROM articles WHERE (identity = ANY (%(ids)s) OR article = ANY (%(articles)s))"
            f" AND {self._reader.live}"
        )
        articles = [row // ROWS for row in self._passages.looked_at.copy()]  # others add to it meanwhile
        found = self._reader.all(query, {"ids": identities, "articles": articles})
        return {identity: document_of_line(line, 0) for identity, line in found}

    def __iter__(self) -> Iterator[str]:
        return iter(StoredHashes(self._reader, self._articles))

    def __len__(self) -> int:
        return self._articles


class StoredHashes(Mapping[str, str]):
    """The content hash of each article by its id, in the order of the articles."""

    def __init__(self, reader: Reader, articles: int) -> None:
        self._reader, self._articles = reader, articles
        self._all: dict[str, str] | None = None

    def __getitem__(self, identity: str) -> str:
        return self._read()[identity]

    def _read(self) -> dict[str, str]:
        """All of them, read the first time: whoever asks for one goes through a folder."""
        if self._all is None:
            query = f"SELECT identity, hash FROM articles WHERE {self._reader.live} ORDER BY article"
            self._all = dict(self._reader.all(query))
        return self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return self._articles


class StoredTexts(Mapping[str, str]):
    """The texts of converted files by the content hash of the file."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getitem__(self, content_hash: str) -> str:
        query = (
            f"SELECT converted FROM articles WHERE hash = %(hash)s AND length(converted) > 0 AND {self._reader.live}"
        )
        found = self._reader.all(query, {"hash": content_hash})
        if not found:
            raise KeyError(content_hash)
        return bytes(found[0][0]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        query = f"SELECT hash FROM articles WHERE length(converted) > 0 AND {self._reader.live}"
        return iter([content_hash for (content_hash,) in self._reader.all(query)])

    def __len__(self) -> int:
        return len(list(iter(self)))
