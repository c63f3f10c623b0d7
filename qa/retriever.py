"""A question to Hits: each passage language searched apart by three sides, fused, then merged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qa import alignment
from qa.config import SearchSettings
from qa.datatypes import Hit
from qa.embedder import unit
from qa.fusion import convex
from qa.index import SearchIndex
from qa.text import Language, dominant_language, terms

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the three sides see it."""

    text: str
    language: Language
    vector: Scores
    terms: tuple[str, ...]
    tokens: NDArray[np.int32]
    token_vectors: Scores
    weights: Scores


class Retriever:
    """Finds passages in one index."""

    def __init__(self, index: SearchIndex, settings: SearchSettings) -> None:
        self.index = index
        self.settings = settings

    def query(self, question: str) -> Query:
        """The question encoded once for all that follows."""
        aligner = self.index.aligner
        tokens = aligner.tokens([question])[0]
        vectors = aligner.token_vectors(tokens)
        return Query(
            text=question,
            language=dominant_language(question),
            vector=self.index.embedder.encode_queries([question])[0],
            terms=tuple(terms(question)),
            tokens=tokens,
            token_vectors=unit(vectors),
            weights=np.square(vectors).sum(axis=1),
        )

    def retrieve(self, question: str) -> list[Hit]:
        """The best passages, best first, ties by passage id.

        A passage's score is its place within its language (a fusion in [0, 1]) plus how well that language's best
        passage stands in absolute terms, so that neither language crowds the other out.
        """
        query = self.query(question)
        found: list[Hit] = []
        for language in self.index.rows_by_language:
            hits = self._retrieve_language(query, language)
            standing = self._standing(hits, crossing=language != query.language)
            found.extend(replace(hit, score=hit.score + standing) for hit in hits)
        found.sort(key=lambda hit: (-hit.score, hit.passage.id))
        return found[: self.settings.hits]

    def _standing(self, hits: Sequence[Hit], *, crossing: bool) -> float:
        """Dense and alignment score of the best hit; across languages both run lower, hence the bonus."""
        if not hits:
            return 0.0
        best = max(hits, key=lambda hit: (hit.score, -hit.passage.id))
        bonus = self.settings.crossing_bonus if crossing else 0.0
        return (best.dense or 0.0) + (best.alignment or 0.0) + bonus

    def _retrieve_language(self, query: Query, language: Language) -> list[Hit]:
        """The candidates of one passage language, their score the fusion alone."""
        settings, index = self.settings, self.index
        lexical = dict(index.lexical.search(query.terms, settings.candidates, language))
        nearest = index.vectors.search(query.vector, settings.candidates, index.rows_by_language[language])
        rows = sorted(lexical.keys() | {row for row, _ in nearest})
        if not rows:
            return []
        dense = index.vectors.cosines(query.vector, rows)
        aligned = self.align(query, [index.tokens_of(row) for row in rows])
        matched = np.array([lexical.get(row, 0.0) for row in rows], dtype=np.float32)
        lexical_weight = settings.lexical_weight if language == query.language else settings.crossing_lexical_weight
        weights = (settings.dense_weight, settings.alignment_weight, lexical_weight)
        fused = convex(list(zip((dense, aligned, matched), weights, strict=True)))
        return [
            Hit(index.passages[row], float(fused[i]), float(dense[i]), lexical.get(row), float(aligned[i]))
            for i, row in enumerate(rows)
        ]

    def align(self, query: Query, texts: list[NDArray[np.int32]]) -> Scores:
        """Alignment score of each text, given as the aligner's tokens."""
        return alignment.scores(self.best_matches(query, texts), query.weights)

    def best_matches(self, query: Query, texts: list[NDArray[np.int32]]) -> Scores:
        """Best cosine of each question token in each text, shape (texts, question tokens)."""
        if not texts or not sum(map(len, texts)):
            return np.zeros((len(texts), len(query.tokens)), dtype=np.float32)
        distinct, positions = np.unique(np.concatenate(texts), return_inverse=True)
        vectors = unit(self.index.aligner.token_vectors(distinct))
        bounds = np.cumsum([len(text) for text in texts])[:-1]
        return alignment.best_matches(query.token_vectors, vectors, np.split(positions, bounds))
