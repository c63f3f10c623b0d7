"""The searches of a generation in PostgreSQL: by the vectors of a language, and by terms.

PostgreSQL finds candidates: by the HNSW graph of a language (Malkov, Yashunin 2018), and by the terms under GIN. How
good they are is reckoned here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qa import bm25
from qa.kept import Kept
from qa.postgres import half, numbers_of
from qa.stored import TIMES, Reader, Rows, term_number
from qa.text import LANGUAGES, Language
from qa.vectors import Vectors

_MOST = 4_000  # rows that a search by terms reads, rarest terms first; beyond, the commoner only add to their scores
_BATCH = 1_000  # of these, that are read together
_FINALISTS = 2  # times as many rows as are wanted are looked at with all their terms
_TERMS = 50_000  # that were met last

Found = list[tuple[int, float]]  # rows with what a search says of each, best first


class StoredNearest:
    """The vectors of one language, as a `VectorIndex`."""

    def __init__(self, rows: Rows, language: Language) -> None:
        self._rows, self._reader, self._language = rows, rows.reader, LANGUAGES.index(language)

    def __len__(self) -> int:
        query = f"SELECT count(*) FROM passages WHERE {self._reader.live} AND language = {self._language}"
        return int(self._reader.all(query)[0][0])

    def search(self, query: Vectors, count: int) -> Found:
        """At most `count` (row, cosine), nearest first, ties by row."""
        if not query.any() or count <= 0:
            return []
        condition, values = self._reader.searched()
        nearest = f"WHERE language = {self._language} AND {condition} ORDER BY embedding <#> %(vector)s LIMIT %(count)s"
        read = self._rows.search(nearest, {**values, "vector": half(query), "count": count})
        cosines = (self._rows.vectors_of(read, read) @ query).tolist()
        found = [(row, cosine) for row, cosine in zip(read, cosines, strict=True) if cosine]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


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

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: Kept[str, list[Term]] = Kept(_TERMS)

    def __len__(self) -> int:
        return self._reader.passages

    def _terms(self, terms: Iterable[str]) -> dict[str, list[Term]]:
        """Terms in each language."""
        return self._kept.of(terms, self._read)

    def _read(self, terms: list[str]) -> dict[str, list[Term]]:
        places = {term_number(language, term): (term, language) for term in terms for language in range(len(LANGUAGES))}
        query = (
            f"SELECT DISTINCT ON (id) base, id, rows FROM unnest(%(bases)s::bigint[]) AS wanted (base) JOIN frequencies"
            f" ON id BETWEEN base AND base + {TIMES} AND generation <= {self._reader.generation}"
            " ORDER BY id, generation DESC"
        )
        found: dict[str, list[dict[int, tuple[int, int]]]] = {term: [{} for _ in LANGUAGES] for term in terms}
        for base, number, rows in self._reader.all(query, {"bases": list(places)}):
            term, language = places[base]
            if rows:
                found[term][language][number - base] = (number, rows)
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
        if not terms or count <= 0 or group not in LANGUAGES:
            return []
        known, number = self._terms(terms), LANGUAGES.index(group)
        weights = {term: times * self._rarity(known[term]) for term, times in Counter(terms).items()}
        wanted = [(known[term][number], weight) for term, weight in weights.items() if known[term][number].rows]
        wanted.sort(key=lambda pair: pair[0].rows)
        likely, whole = self._likely(wanted, count)
        scores = likely.values() if whole else self._scores(list(likely), wanted)
        return sorted(zip(likely, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))[:count]

    def _likely(self, wanted: Sequence[tuple[Term, float]], count: int) -> tuple[dict[int, float], bool]:
        """Rows among which the best are, with their scores by the terms that were looked for, and whether all were:
        those that hold a term which is rare enough to matter, rarest terms first.

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
        whole = place == len(wanted) and read <= _MOST
        return {row: partial[row] for row in likely if partial[row] + left >= least}, whole

    def _add(self, wanted: Sequence[tuple[Term, float]], partial: dict[int, float]) -> None:
        """Adds to the scores of rows what they have of terms."""
        condition, values = self._reader.searched()
        weight_of = {number: (weight, count) for term, weight in wanted for count, (number, _) in term.variants.items()}
        query = (
            "SELECT id, array_send(rows), array_send(lengths) FROM unnest(%(ids)s::bigint[]) AS wanted (id) CROSS JOIN"
            " LATERAL (SELECT array_agg(row) AS rows, array_agg(length::bigint) AS lengths FROM (SELECT row, length"
            f" FROM passages WHERE terms @> ARRAY[wanted.id] AND {condition} LIMIT {_MOST}) AS found) AS held"
            " WHERE rows IS NOT NULL"
        )
        for number, rows, lengths in self._reader.all(query, {**values, "ids": list(weight_of)}):
            weight, count = weight_of[number]
            given = weight * bm25.shares(count, numbers_of(lengths), self._mean_length)
            for row, score in zip(numbers_of(rows).tolist(), given.tolist(), strict=True):
                partial[row] = partial.get(row, 0.0) + score

    @property
    def _mean_length(self) -> float:
        return self._reader.terms / max(self._reader.passages, 1)

    def _scores(self, numbers: Sequence[int], wanted: Sequence[tuple[Term, float]]) -> list[float]:
        """The whole score of each row."""
        found = self._reader.of_rows("length, array_send(terms)", numbers)
        held = [numbers_of(found[number][1]) for number in numbers]
        ids = np.concatenate([np.zeros(0, dtype=np.int64), *held])
        owners = np.repeat(np.arange(len(held)), [len(each) for each in held])
        variants = sorted((number, weight, n) for term, weight in wanted for n, (number, _) in term.variants.items())
        numbered = np.array([number for number, _, _ in variants], dtype=np.int64)
        met = np.isin(ids, numbered)
        places, owners = np.searchsorted(numbered, ids[met]), owners[met]
        weights, counts = np.array([rest for _, *rest in variants], dtype=np.float64).reshape(-1, 2)[places].T
        lengths = np.array([found[number][0] for number in numbers], dtype=np.int64)
        given = weights * bm25.shares(counts, lengths[owners], self._mean_length)
        scores: list[float] = np.bincount(owners, weights=given, minlength=len(held)).tolist()
        return scores
