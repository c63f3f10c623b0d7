"""A question as the searches see it."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qa.embedder import StaticEmbedder, unit
from qa.index import SearchIndex
from qa.sounds import Name, han_names, latin_names
from qa.text import Language, dominant_language, terms
from qa.translations import Meaning, meanings

Scores = NDArray[np.float32]


class Likeness:
    """How like a question's tokens others are, reckoned once for each token, when it is first met; for one thread."""

    def __init__(self, aligner: StaticEmbedder, units: Scores) -> None:
        """Takes the unit vectors of the question's tokens, shape (question tokens, dimension)."""
        self._aligner = aligner
        self._units = units
        self._rows = np.full(aligner.vocabulary_size, -1, dtype=np.int32)  # of each token that was met
        self._tokens = np.zeros(0, dtype=np.int32)  # of each row
        self._cosines: Scores = np.zeros((0, len(units)), dtype=np.float32)

    def cosines(self, tokens: NDArray[np.int32]) -> Scores:
        """Cosines of tokens with the question's, shape (tokens, question tokens)."""
        unmet = tokens[self._rows[tokens] < 0]
        if len(unmet):
            is_new = np.zeros(len(self._rows), dtype=bool)
            is_new[unmet] = True
            new = np.flatnonzero(is_new).astype(np.int32)
            self._add(new, self._aligner.cosines(new, self._units))
        return self._cosines.take(self._rows[tokens], axis=0)

    def apart(self) -> "Likeness":
        """One of the same question for another thread, which has met no token."""
        return Likeness(self._aligner, self._units)

    def join(self, other: "Likeness") -> None:
        """Takes over what another of the same question has met."""
        new = self._rows[other._tokens] < 0
        self._add(other._tokens[new], other._cosines[new])

    def _add(self, tokens: NDArray[np.int32], cosines: Scores) -> None:
        self._rows[tokens] = np.arange(len(self._tokens), len(self._tokens) + len(tokens))
        self._tokens = np.concatenate([self._tokens, tokens])
        self._cosines = np.concatenate([self._cosines, cosines])


@dataclass(frozen=True, slots=True)
class Query:
    """A question encoded once for all that follows.

    `spans` are its tokens' places in `text`, `token_vectors` unit vectors with their `norms` apart, `weights` what
    each token counts in late interaction, `ideal` the BM25 score that no passage can exceed. `likeness` remembers what
    was compared with its tokens, for all that is read; one question is asked in one thread, but for `apart`.
    """

    text: str
    language: Language
    vector: Scores
    terms: tuple[str, ...]
    tokens: NDArray[np.int32]
    spans: tuple[tuple[int, int], ...]
    token_vectors: Scores
    norms: Scores
    weights: Scores
    names: tuple[Name, ...]
    meanings: tuple[Meaning, ...]
    ideal: float
    likeness: Likeness

    def apart(self) -> "Query":
        """The same question for another thread, to be read there; `likeness` may then `join` that one's."""
        return replace(self, likeness=self.likeness.apart())

    @property
    def shares(self) -> Scores:
        """The weights as shares of their sum; all zero where that is zero."""
        shared: Scores = self.weights / max(float(self.weights.sum()), 1e-9)
        return shared

    def columns(self, part: Name | Meaning) -> list[int]:
        """Which tokens lie in a part of the question."""
        return self.tokens_within(part.start, part.end)

    def tokens_within(self, start: int, end: int) -> list[int]:
        """Which tokens lie, at least in part, in characters `[start, end)` of the question."""
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        return list(range(first, bisect_left(self.spans, end, lo=first, key=lambda span: span[0])))


def encode(index: SearchIndex, question: str) -> Query:
    """The question for one index; its weights are those of its words alone, not yet of what was found."""
    aligner = index.aligner
    placed = aligner.token_spans(question)
    tokens = np.array([token for token, _, _ in placed], dtype=np.int32)
    vectors = aligner.token_vectors(tokens)
    units = unit(vectors)
    own, language, words = index.embedder is aligner, dominant_language(question), tuple(terms(question))
    return Query(
        text=question,
        language=language,
        vector=(aligner.encode_tokens([tokens]) if own else index.embedder.encode_queries([question]))[0],
        terms=words,
        tokens=tokens,
        spans=tuple((start, end) for _, start, end in placed),
        token_vectors=units,
        norms=np.linalg.norm(vectors, axis=1).astype(np.float32),
        weights=aligner.question_weights(tokens),
        names=tuple(latin_names(question) if language == "en" else han_names(question)),
        meanings=meanings(question, language) if index.nearest.keys() - {language} else (),
        ideal=max(index.lexical.ideal(words), 1e-9),
        likeness=Likeness(aligner, units),
    )
