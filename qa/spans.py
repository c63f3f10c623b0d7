"""Which words of a sentence answer a question: every run of words is a candidate, a row of features and two vectors.

After the feature-based span ranking of Rajpurkar et al. 2016 ("SQuAD: 100,000+ Questions for Machine Comprehension of
Text"), without a parser: what a run is like, what of the question stands around it and how near, and what its first,
last and neighbouring words mean; a small network reads the sentence's words and weighs all of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
SENTENCES = 4  # that are looked into
MOST_WORDS = 10  # of a candidate, unless it runs from one punctuation mark to another
_NEARNESS = (0.85, 0.5)  # what a met word still counts for a word further away
_COMPARED = 60  # likeliest candidates
SET_APART = 6  # places between sentences that the convolutions do not see across
_SHARPNESS = 8.0  # of the attention of a word on the question's tokens
_SCALE, _FAR = 1.5, 5.0  # of projected unit vectors; where a feature is cut off, in deviations
_HAN = re.compile("[\u4e00-\u9fff]")
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
        runs: its first word and the one after its last, counted through all sentences, shape (candidates, 2).
        features: shape (candidates, features).
        around: the word before, the first, the last, the word after, shape (candidates, 4); -1 is no word.
        vectors: unit vectors of the words, shape (words, dimension).
        likes: for each word the mean of the question's vectors, each by how like it is, same shape.
        words: what each word is like by itself, shape (words, word features).
        lengths: words of each sentence, shape (sentences,).
        asked: unit vectors of the words before the question word, of it, and after it, shape (3, dimension).
    """

    sentence: Rows
    spans: Rows
    runs: Rows
    features: Features
    around: Rows
    vectors: Features
    likes: Features
    words: Features
    lengths: Rows
    asked: Features


@dataclass(frozen=True, slots=True)
class _Sentence:
    """The words of one sentence and what each is like.

    `gaps` are what stands before, between and after the words; arrays have one row a word unless said otherwise.
    """

    text: str
    spans: Rows
    gaps: list[str]
    vectors: Features  # unit
    weights: Features  # length of the sum of its token vectors
    matches: Features  # cosine with each question token, negative ones as 0, (words, question tokens)
    asked: Features  # 1 where the question holds the word itself
    numeral: Features
    capital: Features
    apart: Features  # of the gaps: 1 where punctuation parts what is said, and at both ends
    listing: Features  # of the gaps
    opening: Features  # of the gaps
    closing: Features  # of the gaps
    offered: Features  # 1 where the word is of the kind that is asked for

    @property
    def likeness(self) -> Features:
        """How like any word of the question each word is."""
        highest: Features = self.matches.max(axis=1, initial=0.0)
        return highest


def candidates(aligner: StaticEmbedder, query: Query, sentences: Sequence[str], scores: Sequence[float]) -> Candidates:
    """Every candidate of some sentences, given with the scores that the sentence model has for them."""
    likely = np.asarray(scores, dtype=np.float32)
    likely = likely - np.logaddexp.reduce(likely) if len(likely) else likely
    asked, kind = _asked(aligner, query), asks_for(query.text)
    kinds = np.array([each == kind for each in KINDS] + [kind is None], dtype=np.float32)
    read = [_read(aligner, query, text) for text in sentences]
    parts: list[tuple[Rows, Rows, Rows, Features, Rows]] = []
    first = 0
    for number, sentence in enumerate(read):
        count = len(sentence.spans)
        if not count:
            continue
        starts, ends = _runs(sentence)
        columns = [
            np.full(len(starts), likely[number]),
            np.full(len(starts), float(number == 0)),
            *_alike(sentence, starts, ends),
            *_near(sentence, query.shares, starts, ends),
            *_shape(sentence, starts, ends),
            *_likeness(sentence, asked, starts, ends),
            _offering(sentence, query, starts, ends),
        ]
        table = np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)
        spans = np.stack([sentence.spans[starts, 0], sentence.spans[ends - 1, 1]], axis=1)
        before, after = np.where(starts > 0, first + starts - 1, -1), np.where(ends < count, first + ends, -1)
        parts.append(
            (
                np.full(len(starts), number, dtype=np.int64),
                spans,
                np.stack([first + starts, first + ends], axis=1),
                np.hstack([table, np.repeat(kinds[None], len(table), axis=0)]),
                np.stack([before, first + starts, first + ends - 1, after], axis=1),
            )
        )
        first += count
    if not parts:
        nothing, empty = np.zeros((0, 2), dtype=np.int64), np.zeros((0, aligner.dimension), dtype=np.float32)
        return Candidates(
            nothing[:, 0], nothing, nothing, empty, nothing, empty, empty, empty, np.zeros(0, np.int64), asked
        )
    sentence_of, spans, runs, table, around = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Candidates(
        sentence=sentence_of,
        spans=spans,
        runs=runs,
        features=table,
        around=around,
        vectors=np.concatenate([sentence.vectors for sentence in read]),
        likes=np.concatenate([_likes(sentence, query) for sentence in read]),
        words=np.concatenate([_word_features(sentence, query.shares) for sentence in read]),
        lengths=np.array([len(sentence.spans) for sentence in read], dtype=np.int64),
        asked=asked,
    )


def chosen(found: Candidates, kept: Rows) -> Candidates:
    """Some of the candidates, by row, of the same sentences."""
    return replace(
        found,
        sentence=found.sentence[kept],
        spans=found.spans[kept],
        runs=found.runs[kept],
        features=found.features[kept],
        around=found.around[kept],
    )


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


def _read(aligner: StaticEmbedder, query: Query, text: str) -> _Sentence:
    placed = aligner.token_spans(text)
    spans = np.array(words(text, [(start, end) for _, start, end in placed]), dtype=np.int64).reshape(-1, 2)
    sums = np.zeros((len(spans), aligner.dimension), dtype=np.float32)
    matches = np.zeros((len(spans), len(query.tokens)), dtype=np.float32)
    if len(spans) and placed:
        vectors = aligner.token_vectors(np.array([token for token, _, _ in placed], dtype=np.int32))
        word = np.searchsorted(spans[:, 0], [start for _, start, _ in placed], side="right") - 1
        inside = word >= 0
        np.add.at(sums, word[inside], vectors[inside])
        np.maximum.at(matches, word[inside], (unit(vectors) @ query.token_vectors.T)[inside])  # below 0 as 0
    edges, pieces, folded = [0, *spans.ravel().tolist(), len(text)], [text[a:b] for a, b in spans], fold(query.text)
    gaps = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    apart = _flags(_STRONG, gaps)
    apart[[0, -1]] = 1.0
    of_kind = np.zeros(len(spans), dtype=bool)
    for start, end in offered(text, query.text):
        of_kind |= (spans[:, 0] <= start) & (spans[:, 1] >= end)
    return _Sentence(
        text=text,
        spans=spans,
        gaps=gaps,
        vectors=unit(sums),
        weights=np.linalg.norm(sums, axis=1).astype(np.float32),
        matches=matches,
        asked=np.array([fold(piece) in folded for piece in pieces], dtype=np.float32),
        numeral=_flags(_NUMERAL, pieces),
        capital=np.array([piece[0].isupper() for piece in pieces], dtype=np.float32),
        apart=apart,
        listing=_flags(_LISTING, gaps),
        opening=_flags(_OPENING, gaps),
        closing=_flags(_CLOSING, gaps),
        offered=of_kind.astype(np.float32),
    )


def _flags(pattern: re.Pattern[str], pieces: Sequence[str]) -> Features:
    return np.array([bool(pattern.search(piece)) for piece in pieces], dtype=np.float32)


def _likes(sentence: _Sentence, query: Query) -> Features:
    """For each word the mean of the question's token vectors, those like it counting most; (words, dimension)."""
    weights = np.exp(_SHARPNESS * sentence.matches)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    likes: Features = weights @ query.token_vectors
    return likes


def _word_features(sentence: _Sentence, shares: Features) -> Features:
    """What each word is like by itself, shape (words, word features)."""
    count = len(sentence.spans)
    columns = (
        sentence.likeness,
        _SHARPNESS * (sentence.matches * shares).max(axis=1, initial=0.0),
        sentence.asked,
        sentence.weights / max(float(sentence.weights.max(initial=0.0)), 1e-6),
        sentence.numeral,
        sentence.capital,
        sentence.apart[:-1],
        sentence.apart[1:],
        sentence.listing[:-1],
        sentence.opening[:-1],
        sentence.closing[1:],
        np.log1p(sentence.spans[:, 1] - sentence.spans[:, 0]),
        np.arange(count) / max(count, 1),
        np.arange(count) == 0,
        sentence.offered,
    )
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


def _runs(read: _Sentence) -> tuple[Rows, Rows]:
    """First word and the one after the last of every candidate."""
    count = len(read.spans)
    bounds = np.flatnonzero(read.apart).tolist()
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


def _alike(read: _Sentence, starts: Rows, ends: Rows) -> list[Features]:
    """How like the question's words the run's own words are, and those beside it; how weighty they are."""
    best = read.likeness
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


def _near(read: _Sentence, shares: Features, starts: Rows, ends: Rows) -> list[Features]:
    """How much of the question is met outside the run: anywhere, in its clause, and near it on either side."""
    count = len(read.spans)
    distance = np.abs(np.arange(count)[:, None] - np.arange(count))  # between words
    clause = np.cumsum(read.apart[:-1])
    kept = [np.ones((count, count)), clause[:, None] == clause, *(nearness**distance for nearness in _NEARNESS)]
    # Place p lies before word p: what is met before it is as word p - 1 sees it to its left, after it as word p does.
    left, right = (np.zeros((len(kept), count + 1, read.matches.shape[1]), np.float32) for _ in range(2))
    for number, weights in enumerate(kept):
        left[number, 1:] = _seen(np.tril(weights), read.matches)
        right[number, :-1] = _seen(np.triu(weights), read.matches)
    outside = np.maximum(left[0][starts], right[0][ends]) @ shares
    columns = [outside, read.matches.max(axis=0, initial=0.0) @ shares - outside]
    for before, after in zip(left[1:], right[1:], strict=True):
        columns += [
            (before @ shares)[starts],
            (after @ shares)[ends],
            np.maximum(before[starts], after[ends]) @ shares,
        ]
    return columns


def _seen(weights: Features, matches: Features) -> Features:
    """How well each word sees each question token met: the best match, each word counting by its weight."""
    seen: Features = (weights[:, :, None] * matches).max(axis=1, initial=0.0)
    return seen


def _shape(read: _Sentence, starts: Rows, ends: Rows) -> list[Features]:
    """Length, place, punctuation inside and beside it, numbers, capitals, dates: whole, held or cut in two."""
    count, size = len(read.spans), ends - starts
    first, last = read.spans[starts, 0], read.spans[ends - 1, 1]
    spaced = np.array([" " in gap for gap in read.gaps], dtype=np.float32)
    return [
        size,
        np.log(size),
        np.log(last - first),
        size == 1,
        size >= 6,
        size > MOST_WORDS,
        starts / count,
        read.apart[starts],
        read.apart[ends],
        read.apart[starts] * read.apart[ends],
        starts == 0,
        ends == count,
        read.opening[starts] * read.closing[ends],
        read.opening[starts] != read.closing[ends],
        spaced[starts],
        spaced[ends],
        _inside(read.apart, starts, ends),
        _inside(read.listing, starts, ends),
        _within(read.numeral, starts, ends),
        read.numeral[starts],
        read.numeral[ends - 1],
        _within(read.capital, starts, ends),
        read.capital[starts] * (starts > 0),
        *_split(read.capital, read.apart, starts, ends),
        *_split(read.numeral, read.apart, starts, ends),
        *_dates(read.text, first, last),
        np.full(len(starts), float(_HAN.search(read.text) is not None)),
    ]


def _dates(text: str, first: Rows, last: Rows) -> tuple[Features, Features, Features]:
    """Whether characters `[first, last)` are a date as a whole, hold one, or cut one in two."""
    whole, held, cut = (np.zeros(len(first), dtype=bool) for _ in range(3))
    for start, end in (match.span() for match in _DATE.finditer(text)):
        whole |= (first == start) & (last == end)
        held |= (first <= start) & (last >= end)
        cut |= ((first > start) & (first < end)) | ((last > start) & (last < end))
    return whole.astype(np.float32), held.astype(np.float32), cut.astype(np.float32)


def _inside(gaps: Features, starts: Rows, ends: Rows) -> Features:
    """How many of the gaps between the words of each run are marked."""
    sums = np.cumsum(gaps)
    counts: Features = sums[ends - 1] - sums[starts]
    return counts


def _split(flags: Features, apart: Features, starts: Rows, ends: Rows) -> tuple[Features, Features]:
    """Whether the run begins, or ends, amid words of one sort that no punctuation parts."""
    before, after = _beside(flags, starts, ends)
    return before * flags[starts] * (1.0 - apart[starts]), after * flags[ends - 1] * (1.0 - apart[ends])


def _likeness(read: _Sentence, asked: Features, starts: Rows, ends: Rows) -> list[Features]:
    """Cosines of the run, its last word and the words beside it with the words around the question word."""
    sums = np.concatenate([np.zeros((1, read.vectors.shape[1]), np.float32), np.cumsum(read.vectors, axis=0)])
    runs = unit(sums[ends] - sums[starts]) @ asked[[0, 2]].T
    alone = read.vectors @ asked[[0, 2]].T
    beside = [side for column in alone.T for side in _beside(column, starts, ends)]
    return [*runs.T, *alone[ends - 1].T, *beside]


def _offering(read: _Sentence, query: Query, starts: Rows, ends: Rows) -> Features:
    """Whether the run holds something of the kind that is asked for."""
    first, last = read.spans[starts, 0], read.spans[ends - 1, 1]
    found = np.zeros(len(starts), dtype=bool)
    for start, end in offered(read.text, query.text):
        found |= (first <= start) & (last >= end)
    return found.astype(np.float32)


@dataclass(frozen=True, slots=True)
class SpanModel:
    """The network. Two convolutions over a sentence's words, then a hidden layer over each candidate.

    Attributes:
        mean, deviation: of the features, shape (features,).
        word_mean, word_deviation: of the word features, shape (word features,).
        edge: projects a word's vector for the words at a candidate's edges, shape (dimension, edge size).
        asked: projects the vectors around the question word, shape (dimension, asked size).
        context: projects words and likes for the convolutions, shape (dimension, context size).
        first, first_bias, second, second_bias: the convolutions, shape (5, inputs, channels) and (channels,).
        question, question_bias: what the question adds to the first, shape (3 asked sizes, channels), (channels,).
        hidden, hidden_bias: shape (features + 4 edge sizes + 3 asked sizes + 3 channels, hidden), (hidden,).
        output: shape (hidden,).
        direct: adds the features as they are, shape (features,).
    """

    mean: Features
    deviation: Features
    word_mean: Features
    word_deviation: Features
    edge: Features
    asked: Features
    context: Features
    first: Features
    first_bias: Features
    second: Features
    second_bias: Features
    question: Features
    question_bias: Features
    hidden: Features
    hidden_bias: Features
    output: Features
    direct: Features

    def scores(self, found: Candidates) -> Features:
        """A score for each candidate, shape (candidates,); a softmax over them is their probability."""
        if not len(found.features):
            return np.zeros(0, dtype=np.float32)
        features = np.clip((found.features - self.mean) / self.deviation, -_FAR, _FAR)
        asked = np.asarray((_SCALE * found.asked @ self.asked).ravel(), dtype=np.float32)
        channels, edges = self._read_words(found, asked), _SCALE * found.vectors @ self.edge
        sizes = [features.shape[1], *[edges.shape[1]] * 4, len(asked), *[channels.shape[1]] * 2]
        of_features, *of_edges, of_asked, of_start, of_end, of_mean = np.split(self.hidden, np.cumsum(sizes))
        total = features @ of_features + asked @ of_asked + self.hidden_bias
        for place, weights in enumerate(of_edges):  # each word is weighed once, however many candidates it bounds
            weighed = np.append(edges @ weights, np.zeros((1, weights.shape[1]), np.float32), axis=0)
            total += weighed[found.around[:, place]]
        starts, ends = found.runs.T
        sums = np.concatenate([np.zeros((1, channels.shape[1]), np.float32), np.cumsum(channels, axis=0)])
        total += (channels @ of_start)[starts] + (channels @ of_end)[ends - 1]
        total += ((sums[ends] - sums[starts]) / (ends - starts)[:, None]) @ of_mean
        scored: Features = np.tanh(total) @ self.output + features @ self.direct
        return scored

    def _read_words(self, found: Candidates, asked: Features) -> Features:
        """What the convolutions make of each word among its neighbours, shape (words, channels)."""
        places = padded_places(found.lengths)
        words = np.clip((found.words - self.word_mean) / self.word_deviation, -_FAR, _FAR)
        inputs = [_SCALE * found.vectors @ self.context, _SCALE * found.likes @ self.context, words]
        padded = np.zeros((int(places.max(initial=-1)) + 1, self.first.shape[1]), dtype=np.float32)
        padded[places] = np.concatenate(inputs, axis=1)
        asks = asked @ self.question + self.question_bias
        once = np.maximum(_convolved(padded, self.first, 1) + self.first_bias + asks, 0.0)
        twice = np.maximum(_convolved(once, self.second, 2) + self.second_bias, 0.0)
        read: Features = twice[places]
        return read


def padded_places(lengths: Rows) -> Rows:
    """The place of each word where sentences are set apart by as much as the convolutions see."""
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    return np.arange(int(lengths.sum()), dtype=np.int64) + sentence * SET_APART


def _convolved(rows: Features, weights: Features, dilation: int) -> Features:
    """A convolution along the rows, zeros beyond them; weights have shape (width, inputs, outputs)."""
    reach = dilation * (len(weights) // 2)
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    result: Features = np.zeros((len(rows), weights.shape[2]), dtype=np.float32)
    for place, each in enumerate(weights):
        result += padded[place * dilation : place * dilation + len(rows)] @ each
    return result


@cache
def span_models(file: Path = _FILE) -> tuple[SpanModel, ...]:
    """The fitted networks; each array of the file holds those of all, stacked."""
    arrays = {name: stacked.astype(np.float32) for name, stacked in load_file(file).items()}
    count = min(len(stacked) for stacked in arrays.values())
    return tuple(SpanModel(**{name: stacked[i] for name, stacked in arrays.items()}) for i in range(count))


def probabilities(models: Sequence[SpanModel], found: Candidates) -> Features:
    """Each candidate's probability of being the answer, the mean over the models, shape (candidates,)."""
    total = np.zeros(len(found.spans), dtype=np.float32)
    for model in models if len(total) else ():
        scores = model.scores(found)
        likely = np.exp(scores - scores.max())
        total += likely / likely.sum()
    mean: Features = total / np.float32(max(len(models), 1))
    return mean


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `[start, end)` of one of the sentences; `confidence` is the share of words, in [0, 1], that it is
    expected to have in common with the answer.
    """

    sentence: int
    start: int
    end: int
    confidence: float


def best_span(found: Candidates, likely: Features, within: Rows | None = None) -> Span | None:
    """The candidate expected to share the most words (F1) with the answer; None where there is none.

    After minimum Bayes risk decoding (Kumar and Byrne 2004), over the likeliest candidates.

    Args:
        found: the candidates.
        likely: their probabilities.
        within: those that are considered, by row; all where it is not given.
    """
    if within is not None:
        found, likely = chosen(found, within), likely[within]
    if not len(likely):
        return None
    top = np.argsort(-likely, kind="stable")[:_COMPARED]
    starts, ends = found.runs[top].T
    common = np.minimum(ends[:, None], ends) - np.maximum(starts[:, None], starts)
    shares = 2.0 * np.maximum(common, 0) / ((ends - starts)[:, None] + (ends - starts))
    expected = shares @ likely[top]
    best = int(top[int(expected.argmax())])
    start, end = found.spans[best].tolist()
    return Span(int(found.sentence[best]), start, end, min(float(expected.max()), 1.0))
