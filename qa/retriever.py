"""A question to Hits: each passage language searched apart by three sides and fused, the best read and ranked."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qa import alignment
from qa.calibration import calibration
from qa.config import SearchSettings
from qa.datatypes import Hit, Ranks
from qa.fusion import convex, min_max
from qa.index import SearchIndex
from qa.query import Query, encode
from qa.ranking import PASSAGE_FEATURES, Features, Sides, linear, passage_features
from qa.reading import best_in_passages, read
from qa.text import Language

Scores = NDArray[np.float32]
_MUCH = 200_000  # passages, from which on it is worth several threads to search them
_Chosen = dict[int, float | None]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Found:
    """Candidates of one passage language with what each side says of them, their fusion and their ranks."""

    rows: NDArray[np.int64]
    lexical: Sequence[float | None]
    sides: Sides
    fused: Scores
    ranks: NDArray[np.int64]  # dense, lexical, alignment

    def best(self, count: int | None) -> "_Found":
        """The best of them by fusion, best first, ties by row; all where no count is given."""
        order = np.lexsort((self.rows, -self.fused))[:count]
        sides = Sides(*(getattr(self.sides, name)[order] for name in Sides.__slots__))
        return _Found(
            self.rows[order], [self.lexical[i] for i in order], sides, self.fused[order], self.ranks[:, order]
        )


class Retriever:
    """Finds passages in one index."""

    def __init__(self, index: SearchIndex, settings: SearchSettings, fitted: Mapping[str, Any] | None = None) -> None:
        """Takes the shipped calibration where no `fitted` numbers are given."""
        self.index = index
        self.settings = settings
        self.fitted = calibration() if fitted is None else fitted
        apart = bool(index.store) or len(index.passages) >= _MUCH
        self._aside = ThreadPoolExecutor(thread_name_prefix="search") if apart else None

    def retrieve(self, question: str) -> list[Hit]:
        """The best passages, best first, ties by passage id."""
        return self.search(question)[1]

    def search(self, question: str) -> tuple[Query, list[Hit]]:
        """The question, its words weighed by how rare they are among the candidates, and the best passages."""
        query, hits, features = self.candidates(question)
        scores = [hit.score for hit in hits]
        if len(features):
            scores = linear(features, self.fitted["passage"], PASSAGE_FEATURES).tolist()
        best = sorted(zip(scores, hits, strict=True), key=lambda pair: (-pair[0], pair[1].passage.id))
        return query, [replace(hit, score=score) for score, hit in best[: self.settings.hits]]

    def candidates(self, question: str) -> tuple[Query, list[Hit], Features]:
        """The question weighed, the best of each language by fusion, and a row of features for each of these.

        No features where the settings have no passages ranked by them; the hits then are all the candidates.

        Raises:
            StoreError: if the generation, one of a store, has gone meanwhile.
        """
        query = encode(self.index, question)
        languages = list(self.index.nearest)
        chosen = self._searched(query, languages)
        best = self._best(query, chosen)
        query = replace(query, weights=query.weights * alignment.rarity(np.concatenate(best)))
        found = [self._fused(query, *each) for each in zip(languages, chosen, best, strict=True)]
        ranked = self.settings.ranked
        count = max(ranked, self.settings.hits) if ranked else None
        top = [each.best(count) for each in found]
        hits = [hit for each in top for hit in self._hits(each)]
        self.index.confirm()  # what is read from here on is of these rows
        if not ranked:
            return query, hits, np.zeros((0, len(PASSAGE_FEATURES)))
        sides = Sides(*(np.concatenate([getattr(each.sides, name) for each in top]) for name in Sides.__slots__))
        reading = read(self.index, query, [hit.passage.id for hit in hits])
        texts = [hit.passage.text for hit in hits]
        return query, hits, passage_features(query, sides, reading, texts, self.fitted["kinds"])

    def _hits(self, found: _Found) -> list[Hit]:
        """The candidates as hits, their score the fusion."""
        columns = (found.rows, found.fused, found.sides.dense, found.sides.aligned)
        places = zip(*(column.tolist() for column in columns), found.lexical, found.ranks.T.tolist(), strict=True)
        return [
            Hit(
                self.index.passages[row],
                fused,
                dense,
                lexical,
                aligned,
                Ranks(near, None if lexical is None else shared, met),
            )
            for row, fused, dense, aligned, lexical, (near, shared, met) in places
        ]

    def _searched(self, query: Query, languages: Sequence[Language]) -> list[_Chosen]:
        """Of each passage language the rows a side found, in order, with the BM25 score where they share a term."""
        index, count = self.index, self.settings.candidates
        lexical = [partial(index.lexical.search, query.terms, count, language) for language in languages]
        nearest = [partial(index.nearest[language].search, query.vector, count) for language in languages]
        found = list(map(dict, self._all([*lexical, *nearest])))
        return [
            {row: shared.get(row) for row in sorted(shared.keys() | near.keys())}
            for shared, near in zip(found[: len(languages)], found[len(languages) :], strict=True)
        ]

    def _best(self, query: Query, chosen: Sequence[_Chosen]) -> list[Scores]:
        """What of the question the chosen rows of each language meet."""
        apart = [query.apart() if self._aside else query for _ in chosen]
        best = self._all(
            [partial(best_in_passages, self.index, *each) for each in zip(apart, map(list, chosen), strict=True)]
        )
        for each in apart if self._aside else ():
            query.likeness.join(each.likeness)
        return best

    def _all(self, tasks: Sequence[Callable[[], _Result]]) -> list[_Result]:
        """What each task gives; they are done at once where there is much to search, or a server is waited for."""
        if self._aside is None:
            return [task() for task in tasks]
        return [future.result() for future in [self._aside.submit(task) for task in tasks]]

    def _fused(self, query: Query, language: Language, lexical: Mapping[int, float | None], best: Scores) -> _Found:
        settings, rows = self.settings, list(lexical)
        crossing = language != query.language
        aligned = alignment.scores(best, query.weights)
        dense = self.index.vectors[rows] @ query.vector
        matched = np.array([(score or 0.0) / query.ideal for score in lexical.values()], dtype=np.float32)
        relative_dense, relative_aligned = min_max(dense), min_max(aligned)
        lexical_weight = settings.crossing_lexical_weight if crossing else settings.lexical_weight
        weights = (settings.dense_weight, settings.alignment_weight, lexical_weight)
        fused = convex(list(zip((relative_dense, relative_aligned, matched), weights, strict=True)))
        flags = np.full(len(rows), float(crossing), dtype=np.float32)
        sides = Sides(dense, relative_dense, aligned, relative_aligned, matched, flags)
        ranks = np.stack([_ranks(side) for side in (dense, matched, aligned)])
        return _Found(np.array(rows, dtype=np.int64), list(lexical.values()), sides, fused, ranks)


def _ranks(scores: Scores) -> NDArray[np.int64]:
    """The place of each score, from 1; equal scores in their order."""
    places = np.empty(len(scores), dtype=np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return places
