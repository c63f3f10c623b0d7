"""What of a question each passage, heading and sentence meets: late interaction over the index's own tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa import alignment
from qa.datatypes import Passage
from qa.index import SearchIndex
from qa.query import Query
from qa.sounds import Name, met_in_han, met_in_latin
from qa.translations import held

Scores = NDArray[np.float32]

SOUND_MATCH = 0.9  # counts as the cosine of a name with its like-sounding spelling in the other script
_COUNTED = 16  # passages by which the rarity of a translation is told, the first in the other language
_KNOWN = 0.45  # cosine above which a passage's word says nothing that the question does not


@dataclass(frozen=True, slots=True)
class Reading:
    """Passages read for a question. Sentences stand in order, those of one passage together.

    Attributes:
        heads: best cosine of each question token in each passage's headings, shape (passages, question tokens).
        matches: the same for each sentence, shape (sentences, question tokens).
        sums: for each sentence the sum of its token vectors' products with the question's unit vectors, same shape.
        passage: the passage of each sentence, shape (sentences,).
        starts: each passage's first sentence, shape (passages,).
        spans: each sentence's place in its passage's text, shape (sentences, 2).
        norms: as in `Segments`, shape (sentences, 2).
        lengths: tokens of each sentence, shape (sentences,).
        new: how many of them are like no word of the question, shape (sentences,).
        crossing: whether each passage is in the other language than the question, shape (passages,).
        translated_heads: which meanings of the question each passage's headings hold, shape (passages, meanings);
            none in a passage of the question's language.
        translated: the same for each sentence, shape (sentences, meanings).
    """

    heads: Scores
    matches: Scores
    sums: Scores
    passage: NDArray[np.int64]
    starts: NDArray[np.int64]
    spans: NDArray[np.int32]
    norms: Scores
    lengths: NDArray[np.int64]
    new: Scores
    crossing: NDArray[np.bool_]
    translated_heads: Scores
    translated: Scores

    @property
    def passages(self) -> Scores:
        """Best cosine of each question token in each passage with its headings, shape (passages, question tokens)."""
        return np.maximum(self.heads, self.best_sentence(self.matches))

    def best_sentence(self, values: Scores) -> Scores:
        """The highest of the sentences' values in each passage, along the first axis."""
        if not len(self.starts):
            return values[:0]
        best: Scores = np.maximum.reduceat(values, self.starts, axis=0)
        return best

    def of_passage(self, number: int) -> slice:
        """The sentences of one passage."""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.passage)
        return slice(int(self.starts[number]), int(end))

    def previous(self, values: Scores) -> Scores:
        """For each sentence the value of the one before it in its passage; its own where it is the first."""
        moved = np.arange(len(values)) - 1
        moved[self.starts] = self.starts
        return values[moved]

    def following(self, values: Scores) -> Scores:
        """For each sentence the value of the one after it in its passage; its own where it is the last."""
        moved = np.arange(len(values)) + 1
        if len(moved):
            moved[np.append(self.starts[1:], len(values)) - 1] -= 1
        return values[moved]

    @property
    def places(self) -> list[tuple[int, int, int]]:
        """The number of each sentence's passage, and where it stands in its text."""
        starts, ends = self.spans.T.tolist()
        return list(zip(self.passage.tolist(), starts, ends, strict=True))

    @property
    def topics(self) -> Scores:
        """Each passage's headings and first sentence, which often hold the subject: (passages, question tokens)."""
        return np.maximum(self.heads, self.matches[self.starts])

    def within(self, query: Query) -> Scores:
        """Each sentence's alignment with the question's words weighed by how few of its passage's sentences hold one.

        Shape (sentences,).
        """
        if not len(self.starts):
            return np.zeros(0, dtype=np.float32)
        counts = np.diff(np.append(self.starts, len(self.passage)))
        holding = np.add.reduceat((self.matches > alignment.LIKE).astype(np.float32), self.starts, axis=0)
        weights = query.shares * np.log((counts[:, None] + 1.0) / (0.5 + holding))
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        aligned: Scores = (self.matches * weights[self.passage]).sum(axis=1).astype(np.float32)
        return aligned

    def in_translation(self, query: Query) -> Scores:
        """How much of the question each sentence holds in translation, seen with what its passage is about.

        Shares in [0, 1], shape (sentences,); 0 in the question's language. A meaning counts by how few of the passages
        in the other language hold it, and less where the question gives it little weight.
        """
        topics = np.maximum(self.translated_heads, self.translated[self.starts])
        counted = np.flatnonzero(self.crossing)[:_COUNTED]
        holding = np.maximum(self.translated_heads, self.best_sentence(self.translated))[counted].sum(axis=0)
        shares = np.array([query.shares[query.columns(meaning)].sum() for meaning in query.meanings])
        rarity = np.maximum(np.log((len(counted) + 1.0) / (0.5 + holding)), 0.0)
        weights = np.minimum(1.0, shares * len(shares)) * rarity
        in_topic = np.maximum(self.translated, topics[self.passage])
        met: Scores = (in_topic @ weights / max(float(weights.sum()), 1e-9)).astype(np.float32)
        return met

    def cosines(self, query: Query, weights: Scores) -> Scores:
        """Cosine of the question's mean vector, its tokens so weighed, with each sentence's, shape (sentences,)."""
        asked = float(np.linalg.norm(weights @ query.token_vectors))
        cosines: Scores = (self.sums @ weights) / np.maximum(self.norms[:, 0] * asked, 1e-9)
        return cosines

    def cosines_near(self, query: Query, weights: Scores) -> Scores:
        """The same with each sentence's neighbours in its vector."""
        asked = float(np.linalg.norm(weights @ query.token_vectors))
        alone = self.sums @ weights
        before, after = self.previous(alone), self.following(alone)
        before[self.starts] = 0.0
        after[np.append(self.starts[1:], len(alone))[: len(self.starts)] - 1] = 0.0
        cosines: Scores = (alone + before + after) / np.maximum(self.norms[:, 1] * asked, 1e-9)
        return cosines


def best_in_passages(index: SearchIndex, query: Query, rows: Sequence[int]) -> Scores:
    """Best cosine of each question token in each passage with its headings, shape (rows, question tokens).

    A name that a passage in the other language holds by its sound counts as met.
    """
    tokens, bounds = index.segments.tokens_of_each(rows)
    best = alignment.best_matches(query.likeness.cosines(tokens), bounds)
    for number, heard in _heard(index, query, rows):
        _hear(query, heard, best[number])
    return best


def read(index: SearchIndex, query: Query, rows: Sequence[int]) -> Reading:
    """The sentences of some passages, each with what of the question it meets."""
    found = index.segments.select(rows)
    cosines = query.likeness.cosines(found.tokens)
    best = alignment.best_matches(cosines, found.token_bounds)
    unlike = (cosines.max(axis=1, initial=-1.0) < _KNOWN).astype(np.float32)[:, None]
    new = alignment.totals(unlike, found.token_bounds)[:, 0]
    sums = alignment.totals(cosines * index.aligner.norms[found.tokens, None], found.token_bounds)
    passage = np.repeat(np.arange(len(rows), dtype=np.int64), np.diff(found.passage_bounds))
    for number, heard in _heard(index, query, rows):
        text = index.passages[rows[number]].text
        for segment in range(int(found.passage_bounds[number]), int(found.passage_bounds[number + 1])):
            start, end = found.spans[segment]
            _hear(query, names_met(query, heard, text[start:end]), best[segment])
    crossing = np.array([index.languages[row] != query.language for row in rows], dtype=bool)
    is_head = np.zeros(len(passage), dtype=bool)
    is_head[found.passage_bounds[:-1]] = True
    translated = np.zeros((len(passage), len(query.meanings)), dtype=np.float32)
    if query.meanings and crossing.any():
        compared = np.flatnonzero(crossing[passage])
        columns = (passage[compared], is_head[compared], found.spans[compared])
        places = zip(*(column.tolist() for column in columns), strict=True)
        texts = [_segment(index.passages[rows[number]], head, *span) for number, head, span in places]
        translated[compared] = held(query.meanings, texts, query.language)
    return Reading(
        heads=best[is_head],
        matches=best[~is_head],
        sums=sums[~is_head],
        passage=passage[~is_head],
        starts=found.passage_bounds[:-1] - np.arange(len(rows)),
        spans=found.spans[~is_head],
        norms=found.norms[~is_head],
        lengths=np.diff(found.token_bounds)[~is_head],
        new=new[~is_head],
        crossing=crossing,
        translated_heads=translated[is_head],
        translated=translated[~is_head],
    )


def _segment(passage: Passage, is_head: bool, start: int, end: int) -> str:
    return "\n".join(passage.headings) if is_head else passage.text[start:end]


def _heard(index: SearchIndex, query: Query, rows: Sequence[int]) -> Iterator[tuple[int, list[Name]]]:
    """The number of each passage in the other language that holds names of the question by their sound, with these."""
    for number, row in enumerate(rows if query.names else ()):
        if index.languages[row] != query.language and (
            heard := names_met(query, query.names, index.passages[row].text)
        ):
            yield number, heard


def names_met(query: Query, names: Sequence[Name], text: str) -> list[Name]:
    """Those of the question's names that a text in the other language holds by their sound."""
    return met_in_han(names, text) if query.language == "en" else met_in_latin(names, text)


def _hear(query: Query, names: Sequence[Name], best: Scores) -> None:
    """Counts the names' tokens as met, in a row of best matches."""
    for name in names:
        columns = query.columns(name)
        best[columns] = np.maximum(best[columns], SOUND_MATCH)
