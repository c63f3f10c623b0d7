"""Which words of a sentence answer a question: every run of words is a candidate, a row of features and two vectors.

After the feature-based span ranking of Rajpurkar et al. 2016 ("SQuAD: 100,000+ Questions for Machine Comprehension of
Text"), without a parser: what a run is like, what of the question stands around it and how near, and what its first,
last and neighbouring words mean, as seen by a small network with one hidden layer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from qa.embedder import StaticEmbedder, unit
from qa.query import Query
from qa.question import KINDS, asks_for, offered, question_word
from qa.text import fold, words

_FILE = Path(__file__).with_name("spans.safetensors")
MOST_WORDS = 10  # of a candidate, unless it runs from one punctuation mark to another
_NEARNESS = (0.85, 0.5)  # what a met word still counts for a word further away
_MET, _NEW = 0.6, 0.45  # cosine with a question's word above which a word is met, below which it is new
_STRONG = re.compile(r"[，。；：！？,;:!?()（）—…\n]|\.(?=\s|$)|--")
_LISTING = re.compile(r"[、,，]")
_OPENING, _CLOSING = re.compile('[“‘《「『【"〈(（]'), re.compile('[”’》」』】"〉)）]')
_NUMERAL = re.compile(
    r"[\d〇零一二三四五六七八九十百千万亿两几]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|hundred|thousand|million|billion|dozen|half|third|quarter)\b",
    re.IGNORECASE,
)
_MONTH = "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_DATE = re.compile(
    r"(?:\d{1,4}|[〇零一二三四五六七八九十]+)\s*年(?:\s*\d{1,2}\s*月)?(?:\s*\d{1,2}\s*[日号])?|\d{1,2}\s*月(?:\s*\d{1,2}\s*[日号])?|\d{1,2}\s*世纪"
    rf"|\b{_MONTH}\b(?:\s+\d{{1,2}}(?:st|nd|rd|th)?\b,?)?(?:\s+\d{{4}}\b)?|\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\b(?:\s+\d{{4}}\b)?"
    r"|\b[12]\d{3}s?\b|\b(?:\d{1,2}(?:st|nd|rd|th)|\w+th|first|second|third)[ -]centur(?:y|ies)\b",
    re.IGNORECASE,
)

Features = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Runs of words of some sentences.

    Attributes:
        sentence: which sentence each stands in, shape (candidates,).
        spans: its place in the sentence's text, shape (candidates, 2).
        features: shape (candidates, features).
        around: rows of `vectors`: the word before, the first, the last, the word after, shape (candidates, 4);
            row 0 is no word.
        vectors: unit vectors of the sentences' words, shape (1 + words, dimension).
        asked: unit vectors of the words before the question word, of it, and after it, shape (3, dimension).
    """

    sentence: Rows
    spans: Rows
    features: Features
    around: Rows
    vectors: Features
    asked: Features


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one sentence and what each is like; `gaps` are what stands before, between and after them."""

    text: str
    spans: Rows
    vectors: Features  # unit, (words, dimension)
    weights: Features  # length of the sum of its token vectors, (words,)
    matches: Features  # cosine with each question token, negative ones as 0, (words, question tokens)
    asked: Features  # 1 where the question holds the word itself, (words,)

    @property
    def gaps(self) -> list[str]:
        edges = [0, *self.spans.ravel().tolist(), len(self.text)]
        return [self.text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def candidates(aligner: StaticEmbedder, query: Query, sentences: Sequence[str], scores: Sequence[float]) -> Candidates:
    """Every candidate of some sentences, given with the scores that the sentence model has for them."""
    likely = np.asarray(scores, dtype=np.float32)
    likely = likely - np.logaddexp.reduce(likely) if len(likely) else likely
    asked, kind = _asked(aligner, query), asks_for(query.text)
    kinds = np.array([each == kind for each in KINDS] + [kind is None], dtype=np.float32)
    parts: list[tuple[Rows, Rows, Features, Rows]] = []
    vectors = [np.zeros((1, aligner.dimension), dtype=np.float32)]
    for number, text in enumerate(sentences):
        read = _read(aligner, query, text)
        if not len(read.spans):
            continue
        starts, ends = _runs(read)
        columns = [
            np.full(len(starts), likely[number]),
            np.full(len(starts), float(number == 0)),
            *_alike(read, starts, ends),
            *_near(read, query.shares, starts, ends),
            *_shape(read, starts, ends),
            *_likeness(read, asked, starts, ends),
            _offering(read, query, starts, ends),
        ]
        table = np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)
        table = np.hstack([table, np.repeat(kinds[None], len(table), axis=0)])
        first = sum(map(len, vectors))
        before = np.where(starts > 0, first + starts - 1, 0)
        after = np.where(ends < len(read.spans), first + ends, 0)
        spans = np.stack([read.spans[starts, 0], read.spans[ends - 1, 1]], axis=1)
        around = np.stack([before, first + starts, first + ends - 1, after], axis=1)
        parts.append((np.full(len(starts), number), spans, table, around))
        vectors.append(read.vectors)
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Candidates(
            nothing, nothing.reshape(0, 2), np.zeros((0, 0), np.float32), nothing.reshape(0, 4), vectors[0], asked
        )
    sentence, spans, table, around = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Candidates(sentence, spans, table, around, np.concatenate(vectors), asked)


def _asked(aligner: StaticEmbedder, query: Query) -> Features:
    """Unit vectors of the two words before the question word, of itself, and of the two after it."""
    place = question_word(query.text)
    vectors = aligner.token_vectors(query.tokens)
    if place is None:
        return np.zeros((3, aligner.dimension), dtype=np.float32)
    before = [i for i, (_, end) in enumerate(query.spans) if end <= place[0]][-2:]
    inside = [i for i, (start, end) in enumerate(query.spans) if start < place[1] and end > place[0]]
    after = [i for i, (start, _) in enumerate(query.spans) if start >= place[1]][:2]
    return unit(np.stack([vectors[rows].sum(axis=0) for rows in (before, inside, after)]))


def _read(aligner: StaticEmbedder, query: Query, text: str) -> _Words:
    placed = aligner.token_spans(text)
    spans = np.array(words(text, [(start, end) for _, start, end in placed]), dtype=np.int64).reshape(-1, 2)
    tokens = np.array([token for token, _, _ in placed], dtype=np.int32)
    held = np.searchsorted(spans[:, 0], [start for _, start, _ in placed], side="right") - 1
    vectors = aligner.token_vectors(tokens)
    sums = np.zeros((len(spans), aligner.dimension), dtype=np.float32)
    matches = np.zeros((len(spans), len(query.tokens)), dtype=np.float32)
    if len(spans) and len(tokens):
        inside = held >= 0
        np.add.at(sums, held[inside], vectors[inside])
        np.maximum.at(matches, held[inside], (unit(vectors) @ query.token_vectors.T)[inside])
    folded = fold(query.text)
    asked = np.array([fold(text[start:end]) in folded for start, end in spans], dtype=np.float32)
    return _Words(text, spans, unit(sums), np.linalg.norm(sums, axis=1).astype(np.float32), matches, asked)


def _runs(read: _Words) -> tuple[Rows, Rows]:
    """First word and the one after the last of every candidate."""
    count = len(read.spans)
    bounds = [place for place, gap in enumerate(read.gaps) if place in (0, count) or _STRONG.search(gap)]
    short = {(start, end) for start in range(count) for end in range(start + 1, min(start + MOST_WORDS, count) + 1)}
    long = {(start, end) for start in bounds for end in bounds if end > start}
    runs = np.array(sorted(short | long), dtype=np.int64)
    return runs[:, 0], runs[:, 1]


def _within(values: Features, starts: Rows, ends: Rows) -> Features:
    """The mean of the words' values in each run."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means: Features = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def _highest(values: Features, starts: Rows, ends: Rows) -> Features:
    """The highest of the words' values in each run."""
    edges = np.stack([starts, ends], axis=1).ravel()
    highest: Features = np.maximum.reduceat(np.append(values, -np.inf), edges)[::2]
    return highest


def _beside(values: Features, starts: Rows, ends: Rows) -> tuple[Features, Features]:
    """The value of the word before each run and of the one after it; 0 where there is none."""
    padded = np.concatenate([[0.0], values, [0.0]])
    return padded[starts], padded[ends + 1]


def _alike(read: _Words, starts: Rows, ends: Rows) -> list[Features]:
    """How like the question's words the run's own words are, and those beside it; how weighty they are."""
    best = read.matches.max(axis=1, initial=0.0)
    return [
        _within(best, starts, ends),
        _highest(best, starts, ends),
        -_highest(-best, starts, ends),
        _within((best > _MET).astype(np.float32), starts, ends),
        _within((best < _NEW).astype(np.float32), starts, ends),
        _within(read.asked, starts, ends),
        -_highest(-read.asked, starts, ends),
        *_beside(best, starts, ends),
        *_beside(read.asked, starts, ends),
        _within(read.weights, starts, ends),
        read.weights[starts],
        read.weights[ends - 1],
        *_beside(read.weights, starts, ends),
    ]


def _near(read: _Words, shares: Features, starts: Rows, ends: Rows) -> list[Features]:
    """How much of the question is met outside the run: anywhere, in its clause, and near it on either side."""
    met = np.maximum(read.matches, 0.0)
    apart = np.array([bool(_STRONG.search(gap)) for gap in read.gaps])
    anywhere = _reaching(met, 1.0)
    outside = np.maximum(anywhere[0][starts], anywhere[1][ends]) @ shares
    columns = [outside, met.max(axis=0, initial=0.0) @ shares - outside]
    for kept, cut in ((1.0, apart), *((nearness, None) for nearness in _NEARNESS)):
        before, after = _reaching(met, kept, cut)
        columns += [
            before[starts] @ shares,
            after[ends] @ shares,
            np.maximum(before[starts], after[ends]) @ shares,
        ]
    return columns


def _reaching(met: Features, kept: float, cut: NDArray[np.bool_] | None = None) -> tuple[Features, Features]:
    """For each place between words, how well each question token is met before it, and after it.

    Shapes (words + 1, question tokens). A word further away counts `kept` of one nearer; none beyond a `cut`.
    """
    count, size = met.shape
    before, after = np.zeros((count + 1, size), np.float32), np.zeros((count + 1, size), np.float32)
    for place in range(count):
        carried = 0.0 if cut is not None and cut[place] else kept
        before[place + 1] = np.maximum(before[place] * carried, met[place])
    for place in range(count - 1, -1, -1):
        carried = 0.0 if cut is not None and cut[place + 1] else kept
        after[place] = np.maximum(after[place + 1] * carried, met[place])
    return before, after


def _shape(read: _Words, starts: Rows, ends: Rows) -> list[Features]:
    """Length, place, punctuation inside and beside it, numbers, capitals, dates: whole, held or cut in two."""
    text, count, size = read.text, len(read.spans), ends - starts
    pieces = [text[start:end] for start, end in read.spans]
    gaps = read.gaps
    apart, listing = (_flags(pattern, gaps) for pattern in (_STRONG, _LISTING))
    opening, closing = (_flags(pattern, gaps) for pattern in (_OPENING, _CLOSING))
    apart[0] = apart[count] = 1.0
    numeral, capital = _flags(_NUMERAL, pieces), np.array([piece[0].isupper() for piece in pieces], dtype=np.float32)
    spaced = np.array([" " in gap for gap in gaps], dtype=np.float32)
    first, last = read.spans[starts, 0], read.spans[ends - 1, 1]
    dates = [match.span() for match in _DATE.finditer(text)]
    inner = np.concatenate([apart[1:count], [0.0]])  # the gap after each word but the last
    inner_listing = np.concatenate([listing[1:count], [0.0]])
    return [
        size,
        np.log(size),
        np.log(last - first),
        size == 1,
        size >= 6,
        size > MOST_WORDS,
        starts / count,
        apart[starts],
        apart[ends],
        apart[starts] * apart[ends],
        starts == 0,
        ends == count,
        opening[starts] * closing[ends],
        opening[starts] != closing[ends],
        spaced[starts],
        spaced[ends],
        _inside(inner, starts, ends),
        _inside(inner_listing, starts, ends),
        _within(numeral, starts, ends),
        numeral[starts],
        numeral[ends - 1],
        _within(capital, starts, ends),
        capital[starts] * (starts > 0),
        *_split(capital, apart, starts, ends),
        *_split(numeral, apart, starts, ends),
        sum((first == start) & (last == end) for start, end in dates) + np.zeros(len(starts)),
        sum((first <= start) & (last >= end) for start, end in dates) + np.zeros(len(starts)),
        sum(((first > start) & (first < end)) | ((last > start) & (last < end)) for start, end in dates)
        + np.zeros(len(starts)),
        np.full(
            len(starts), float(not text.isascii() and any("\u4e00" <= character <= "\u9fff" for character in text))
        ),
    ]


def _flags(pattern: re.Pattern[str], pieces: Sequence[str]) -> Features:
    return np.array([bool(pattern.search(piece)) for piece in pieces], dtype=np.float32)


def _inside(after: Features, starts: Rows, ends: Rows) -> Features:
    """How many of the marks after words stand inside each run."""
    sums = np.concatenate([[0.0], np.cumsum(after)])
    counts: Features = sums[ends - 1] - sums[starts]
    return counts


def _split(flags: Features, apart: Features, starts: Rows, ends: Rows) -> tuple[Features, Features]:
    """Whether the run begins, or ends, amid words of one sort that no punctuation parts."""
    before, after = _beside(flags, starts, ends)
    return before * flags[starts] * (1.0 - apart[starts]), after * flags[ends - 1] * (1.0 - apart[ends])


def _likeness(read: _Words, asked: Features, starts: Rows, ends: Rows) -> list[Features]:
    """Cosines of the run, its last word and the words beside it with the words around the question word."""
    sums = np.concatenate([np.zeros((1, read.vectors.shape[1]), np.float32), np.cumsum(read.vectors, axis=0)])
    runs = unit(sums[ends] - sums[starts]) @ asked[[0, 2]].T
    alone = read.vectors @ asked[[0, 2]].T
    beside = [side for column in alone.T for side in _beside(column, starts, ends)]
    return [*runs.T, *alone[ends - 1].T, *beside]


def _offering(read: _Words, query: Query, starts: Rows, ends: Rows) -> Features:
    """Whether the run holds something of the kind that is asked for."""
    first, last = read.spans[starts, 0], read.spans[ends - 1, 1]
    found = np.zeros(len(starts), dtype=bool)
    for start, end in offered(read.text, query.text):
        found |= (first <= start) & (last >= end)
    return found.astype(np.float32)


@dataclass(frozen=True, slots=True)
class SpanModel:
    """The network: features and projected vectors to a score.

    Attributes:
        mean, deviation: of the features, shape (features,).
        word: projects a word's vector, shape (dimension, word size).
        asked: projects the vectors around the question word, shape (dimension, asked size).
        hidden, hidden_bias: shape (features + 4 word sizes + 3 asked sizes, hidden), (hidden,).
        output: shape (hidden,).
        direct: adds the features as they are, shape (features,).
    """

    mean: Features
    deviation: Features
    word: Features
    asked: Features
    hidden: Features
    hidden_bias: Features
    output: Features
    direct: Features

    @classmethod
    @cache
    def load(cls, file: Path = _FILE) -> "SpanModel":
        """The fitted numbers."""
        return cls(**load_file(file))

    def scores(self, found: Candidates) -> Features:
        """A score for each candidate, shape (candidates,); a softmax over them is their probability."""
        if not len(found.features):
            return np.zeros(0, dtype=np.float32)
        features = np.clip((found.features - self.mean) / self.deviation, -5.0, 5.0)
        sizes = np.cumsum([features.shape[1], *[self.word.shape[1]] * 4])
        of_features, *of_words, of_asked = np.split(self.hidden, sizes)
        total = features @ of_features + (found.asked @ self.asked).ravel() @ of_asked + self.hidden_bias
        projected = found.vectors @ self.word
        for place, weights in enumerate(of_words):  # project each word once, not each candidate
            total += (projected @ weights)[found.around[:, place]]
        scored: Features = np.tanh(total) @ self.output + features @ self.direct
        return scored
