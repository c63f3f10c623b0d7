"""A question to Hits: each passage language searched apart by three sides, fused, then merged."""

from dataclasses import dataclass

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
        """The best passages, best first, ties by passage id."""
        query = self.query(question)
        found = [hit for language in self.index.rows_by_language for hit in self._retrieve_language(query, language)]
        found.sort(key=lambda hit: (-hit.score, hit.passage.id))
        return found[: self.settings.hits]

    def _retrieve_language(self, query: Query, language: Language) -> list[Hit]:
        rows_of_language = self.index.rows_by_language[language]
        lexical = dict(self.index.lexical.search(query.terms, self.settings.candidates, language))
        nearest = self.index.vectors.search(query.vector, self.settings.candidates, rows_of_language)
        rows = sorted(lexical.keys() | {row for row, _ in nearest})
        if not rows:
            return []
        dense = self.index.vectors.cosines(query.vector, rows)
        aligned = self.align(query, [self.index.tokens_of(row) for row in rows])
        matched = np.array([lexical.get(row, np.nan) for row in rows], dtype=np.float32)
        settings = self.settings
        same = language == query.language
        lexical_weight = settings.lexical_weight if same else settings.crossing_lexical_weight
        fused = convex(
            [
                (dense, settings.dense_weight),
                (aligned, settings.alignment_weight),
                (np.nan_to_num(matched), lexical_weight),
            ]
        )
        return [
            Hit(self.index.passages[row], float(fused[i]), float(dense[i]), lexical.get(row), float(aligned[i]))
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
