"""A question to Hits: each passage language searched apart by three sides, fused, then merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qa import alignment
from qa.config import SearchSettings
from qa.datatypes import Hit, Ranks
from qa.embedder import unit
from qa.fusion import convex, min_max
from qa.index import SearchIndex
from qa.sounds import Name, han_names, latin_names, met_in_han, met_in_latin
from qa.text import Language, dominant_language, terms

Scores = NDArray[np.float32]

SOUND_MATCH = 0.9  # counts as the cosine of a name with its like-sounding spelling in the other script


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the three sides see it.

    `spans` are its tokens' places in `text`, `ideal` the BM25 score that no passage can exceed.
    """

    text: str
    language: Language
    vector: Scores
    terms: tuple[str, ...]
    tokens: NDArray[np.int32]
    spans: tuple[tuple[int, int], ...]
    token_vectors: Scores
    weights: Scores
    names: tuple[Name, ...]
    ideal: float

    def columns(self, name: Name) -> list[int]:
        """Which tokens lie in a name."""
        return [i for i, (start, end) in enumerate(self.spans) if start < name.end and end > name.start]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Rows of one passage language that a side found, and the BM25 scores of those that share a term."""

    language: Language
    rows: Sequence[int]
    lexical: Mapping[int, float]


class Retriever:
    """Finds passages in one index."""

    def __init__(self, index: SearchIndex, settings: SearchSettings) -> None:
        self.index = index
        self.settings = settings

    def query(self, question: str) -> Query:
        """The question encoded once for all that follows."""
        aligner = self.index.aligner
        placed = aligner.token_spans(question)
        tokens = np.array([token for token, _, _ in placed], dtype=np.int32)
        language, words = dominant_language(question), tuple(terms(question))
        return Query(
            text=question,
            language=language,
            vector=self.index.embedder.encode_queries([question])[0],
            terms=words,
            tokens=tokens,
            spans=tuple((start, end) for _, start, end in placed),
            token_vectors=unit(aligner.token_vectors(tokens)),
            weights=aligner.question_weights(tokens),
            names=tuple(latin_names(question) if language == "en" else han_names(question)),
            ideal=max(self.index.lexical.ideal(words), 1e-9),
        )

    def retrieve(self, question: str) -> list[Hit]:
        """The best passages, best first, ties by passage id."""
        return self.search(question)[1]

    def search(self, question: str) -> tuple[Query, list[Hit]]:
        """The question, its words weighed by how rare they are among the candidates, and the best passages.

        A passage's score is how well its language's best passage stands in absolute terms, less how far it is behind
        that passage in the fusion, so that neither language crowds the other out.
        """
        query = self.query(question)
        candidates = [self._candidates(query, language) for language in self.index.rows_by_language]
        best = [self._best_in_passages(query, each.rows) for each in candidates]
        query = replace(query, weights=query.weights * alignment.rarity(np.concatenate(best)))
        found: list[Hit] = []
        for each, matches in zip(candidates, best, strict=True):
            hits = self._ranked(query, each, alignment.scores(matches, query.weights))
            ahead = self._ahead(hits, crossing=each.language != query.language)
            found.extend(replace(hit, score=hit.score + ahead) for hit in hits)
        found.sort(key=lambda hit: (-hit.score, hit.passage.id))
        return query, found[: self.settings.hits]

    def _ahead(self, hits: Sequence[Hit], *, crossing: bool) -> float:
        """What turns the best hit's fusion into its dense and alignment score; across languages both run lower."""
        if not hits:
            return 0.0
        best = max(hits, key=lambda hit: (hit.score, -hit.passage.id))
        bonus = self.settings.crossing_bonus if crossing else 0.0
        return (best.dense or 0.0) + (best.alignment or 0.0) + bonus - best.score

    def _candidates(self, query: Query, language: Language) -> _Candidates:
        settings, index = self.settings, self.index
        lexical = dict(index.lexical.search(query.terms, settings.candidates, language))
        nearest = index.vectors.search(query.vector, settings.candidates, index.rows_by_language[language])
        return _Candidates(language, sorted(lexical.keys() | {row for row, _ in nearest}), lexical)

    def _best_in_passages(self, query: Query, rows: Sequence[int]) -> Scores:
        tokens = [self.index.tokens_of(row) for row in rows]
        return self.best_matches(query, tokens, [self.index.passages[row].text for row in rows])

    def _ranked(self, query: Query, candidates: _Candidates, aligned: Scores) -> list[Hit]:
        """The candidates of one passage language, their score the fusion alone."""
        settings, rows = self.settings, candidates.rows
        if not rows:
            return []
        dense = self.index.vectors.cosines(query.vector, rows)
        matched = np.array([candidates.lexical.get(row, 0.0) / query.ideal for row in rows], dtype=np.float32)
        same = candidates.language == query.language
        lexical_weight = settings.lexical_weight if same else settings.crossing_lexical_weight
        weights = (settings.dense_weight, settings.alignment_weight, lexical_weight)
        fused = convex(list(zip((min_max(dense), min_max(aligned), matched), weights, strict=True)))
        ranks = zip(_ranks(dense), _ranks(matched), _ranks(aligned), strict=True)
        hits: list[Hit] = []
        for i, (row, (near, shared, met)) in enumerate(zip(rows, ranks, strict=True)):
            score = candidates.lexical.get(row)
            places = Ranks(near, None if score is None else shared, met)
            hits.append(
                Hit(self.index.passages[row], float(fused[i]), float(dense[i]), score, float(aligned[i]), places)
            )
        return hits

    def best_matches(self, query: Query, tokens: Sequence[NDArray[np.int32]], texts: Sequence[str]) -> Scores:
        """Best cosine of each question token in each text, shape (texts, question tokens).

        A name that a text holds by its sound, in the other script, counts as met.

        Args:
            query: the question.
            tokens: the aligner's tokens of each text.
            texts: the texts themselves.
        """
        if not len(query.tokens) or not sum(map(len, tokens)):
            return np.zeros((len(tokens), len(query.tokens)), dtype=np.float32)
        distinct, positions = np.unique(np.concatenate(tokens), return_inverse=True)
        vectors = unit(self.index.aligner.token_vectors(distinct))
        bounds = np.cumsum([len(text) for text in tokens])[:-1]
        best = alignment.best_matches(query.token_vectors, vectors, np.split(positions, bounds))
        met = met_in_han if query.language == "en" else met_in_latin
        for row, text in enumerate(texts if query.names else ()):
            for name in met(query.names, text):
                columns = query.columns(name)
                best[row, columns] = np.maximum(best[row, columns], SOUND_MATCH)
        return best


def _ranks(scores: Scores) -> list[int]:
    """The place of each score, from 1; equal scores in their order."""
    places = np.empty(len(scores), dtype=np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return [int(place) for place in places]
