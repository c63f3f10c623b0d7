"""Which words of a sentence answer a question: every run of words is a candidate, a row of features and two vectors.

After the feature-based span ranking of Rajpurkar et al. 2016 ("SQuAD: 100,000+ Questions for Machine Comprehension of
Text"), without a parser: what a run is like, what of the question stands around it and how near, and what its first,
last and neighbouring words mean; a small network reads the sentence's words and weighs all of it.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from qa.embedder import StaticEmbedder, unit
from qa.query import Query
from qa.question import KINDS, asks_for, offered, question_word
from qa.text import MONTHS, fold, words

_FILE = Path(__file__).with_name("spans.safetensors")
SENTENCES = 4  # that are looked into
MOST_WORDS = 10  # of a candidate, unless it runs from one punctuation mark to another …
MOST_WORDS_BETWEEN_MARKS = 40  # … where it may have so many
_NEARNESS = (0.85, 0.5)  # what a met word still counts for a word further away
_COMPARED = 60  # likeliest candidates
SET_APART = 6  # places between sentences that the convolutions do not see across
_SHARPNESS = 8.0  # of the attention of a word on the question's tokens
SCALE, FAR = 1.5, 5.0  # of projected unit vectors; where a feature is cut off, in deviations
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
_MONTH = f"(?:{'|'.join(MONTHS)})"
_DATE = re.compile(
    r"(?:\d{1,4}|[〇零一二三四五六七八九十]+)\s*年(?:\s*\d{1,2}\s*月)?(?:\s*\d{1,2}\s*[日号])?|\d{1,2}\s*月(?:\s*\d{1,2}\s*[日号])?|\d{1,2}\s*世纪"
    rf"|\b{_MONTH}\b(?:\s+\d{{1,2}}(?:st|nd|rd|th)?\b,?)?(?:\s+\d{{4}}\b)?|\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\b(?:\s+\d{{4}}\b)?"
    r"|\b[12]\d{3}s?\b|\b(?:\d{1,2}(?:st|nd|rd|th)|\w+th|first|second|third)[ -]centur(?:y|ies)\b",
    re.IGNORECASE,
)

Features = NDArray[np.float32]
Rows = NDArray[np.int64]
Column = NDArray[Any]  # a value a word, or a candidate


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
class _Words:
    """The words of all sentences, one after the other, and what each is like; arrays have a row a word.

    `before` and `after` are of the gap there: 1 where it has such a mark.
    """

    texts: Sequence[str]  # of the sentences
    sentence: Rows
    place: Rows  # in its sentence
    counts: Rows  # words of its sentence
    spans: Rows
    vectors: Features  # unit
    weights: Features  # length of the sum of its token vectors
    matches: Features  # cosine with each question token, negative ones as 0, (words, question tokens)
    asked: Features  # 1 where the question holds the word itself
    numeral: Features
    capital: Features
    apart_before: Features  # punctuation parts what is said, or the sentence begins
    apart_after: Features
    listing_before: Features
    opening_before: Features
    closing_after: Features
    spaced_before: Features
    spaced_after: Features
    places: Sequence[Sequence[tuple[int, int]]]  # of what is of the kind that is asked for, in each sentence
    offered: Features  # 1 where the word holds one of these

    @property
    def likeness(self) -> Features:
        """How like any word of the question each word is."""
        highest: Features = self.matches.max(axis=1, initial=0.0)
        return highest


@dataclass(frozen=True, slots=True)
class _Runs:
    """Candidates as runs of words `[starts, ends)`, with what the values of words become for each."""

    words: _Words
    starts: Rows
    ends: Rows

    def within(self, values: Column) -> Column:
        """The mean over the run."""
        sums = np.concatenate([[0.0], np.cumsum(values)])
        means: Column = (sums[self.ends] - sums[self.starts]) / (self.ends - self.starts)
        return means

    def highest(self, values: Column) -> Column:
        """The highest in the run."""
        edges = np.stack([self.starts, self.ends], axis=1).ravel()
        highest: Column = np.maximum.reduceat(np.append(values, -np.inf), edges)[::2]
        return highest

    def first(self, values: Column) -> Column:
        """That of the first word."""
        return values[self.starts]

    def last(self, values: Column) -> Column:
        """That of the last word."""
        return values[self.ends - 1]

    def before(self, values: Column) -> Column:
        """That of the word before the run; 0 where there is none."""
        chosen: Column = values[self.starts - 1] * _shaped(self.words.place[self.starts] > 0, values)
        return chosen

    def after(self, values: Column) -> Column:
        """That of the word after the run; 0 where there is none."""
        more = self.words.place[self.ends - 1] + 1 < self.words.counts[self.ends - 1]
        chosen: Column = values[np.minimum(self.ends, len(values) - 1)] * _shaped(more, values)
        return chosen

    def inside(self, before: Column) -> Column:
        """How many of the gaps between the words of the run are marked."""
        sums = np.cumsum(before)
        counts: Column = sums[self.ends - 1] - sums[self.starts]
        return counts


def _shaped(flags: NDArray[np.bool_], values: Column) -> NDArray[np.bool_]:
    return flags if values.ndim == 1 else flags[:, None]


def candidates(aligner: StaticEmbedder, query: Query, sentences: Sequence[str], scores: Sequence[float]) -> Candidates:
    """Every candidate of some sentences, given with the scores that the sentence model has for them."""
    words, asked = _read(aligner, query, sentences), _asked(aligner, query)
    runs = _Runs(words, *_bounds(words))
    lengths = np.bincount(words.sentence, minlength=len(sentences)).astype(np.int64)
    if not len(runs.starts):
        nothing, empty = np.zeros((0, 2), dtype=np.int64), np.zeros((0, aligner.dimension), dtype=np.float32)
        return Candidates(nothing[:, 0], nothing, nothing, empty, nothing, empty, empty, empty, lengths, asked)
    likely = np.asarray(scores, dtype=np.float32)
    kind = asks_for(query.text)
    sentence = words.sentence[runs.starts]
    spans = np.stack([words.spans[runs.starts, 0], words.spans[runs.ends - 1, 1]], axis=1)
    columns = [
        (likely - np.logaddexp.reduce(likely))[sentence],
        sentence == 0,
        *_alike(runs),
        *_near(runs, query.shares),
        *_shape(runs),
        *_likeness(runs, asked),
        holding(sentence, spans, words.places),
        *(np.full(len(sentence), each == kind) for each in (*KINDS, None)),
    ]
    numbers = np.arange(len(words.spans), dtype=np.float32) + 1.0  # so that 0 is no word
    around = [side(numbers) - 1.0 for side in (runs.before, runs.first, runs.last, runs.after)]
    return Candidates(
        sentence=sentence,
        spans=spans,
        runs=np.stack([runs.starts, runs.ends], axis=1),
        features=np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1),
        around=np.stack(around, axis=1).astype(np.int64),
        vectors=words.vectors,
        likes=_likes(words, query),
        words=_word_features(words, query.shares),
        lengths=lengths,
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


def _read(aligner: StaticEmbedder, query: Query, sentences: Sequence[str]) -> _Words:
    placed = [aligner.token_spans(text) for text in sentences]
    spans = [
        words(text, [(start, end) for _, start, end in found]) for text, found in zip(sentences, placed, strict=True)
    ]
    counts = np.array([len(each) for each in spans], dtype=np.int64)
    firsts = np.cumsum(counts) - counts
    sums = np.zeros((int(counts.sum()), aligner.dimension), dtype=np.float32)
    matches = np.zeros((len(sums), len(query.tokens)), dtype=np.float32)
    held = [
        (token, firsts[number] + word)
        for number, found in enumerate(placed)
        for token, start, _ in found
        if (word := bisect_right(spans[number], start, key=itemgetter(0)) - 1) >= 0
    ]
    if held:
        tokens, holders = np.array(held, dtype=np.int64).T
        vectors = aligner.token_vectors(tokens.astype(np.int32))
        np.add.at(sums, holders, vectors)
        np.maximum.at(matches, holders, unit(vectors) @ query.token_vectors.T)  # below 0 as 0
    pieces = [text[start:end] for text, each in zip(sentences, spans, strict=True) for start, end in each]
    gaps = [_gaps(text, each) for text, each in zip(sentences, spans, strict=True)]
    before, after = [gap for each in gaps for gap in each[:-1]], [gap for each in gaps for gap in each[1:]]
    folded, sentence = fold(query.text), np.repeat(np.arange(len(sentences)), counts)
    place = np.arange(len(sums)) - firsts[sentence]
    flat = np.array([span for each in spans for span in each], dtype=np.int64).reshape(-1, 2)
    places = [offered(text, query.text) for text in sentences]
    return _Words(
        texts=sentences,
        sentence=sentence,
        place=place,
        counts=counts[sentence],
        spans=flat,
        vectors=unit(sums),
        weights=np.linalg.norm(sums, axis=1).astype(np.float32),
        matches=matches,
        asked=np.array([fold(piece) in folded for piece in pieces], dtype=np.float32),
        numeral=_flags(_NUMERAL, pieces),
        capital=np.array([piece[0].isupper() for piece in pieces], dtype=np.float32),
        apart_before=np.maximum(_flags(_STRONG, before), place == 0),
        apart_after=np.maximum(_flags(_STRONG, after), place + 1 == counts[sentence]),
        listing_before=_flags(_LISTING, before),
        opening_before=_flags(_OPENING, before),
        closing_after=_flags(_CLOSING, after),
        spaced_before=np.array([" " in gap for gap in before], dtype=np.float32),
        spaced_after=np.array([" " in gap for gap in after], dtype=np.float32),
        places=places,
        offered=holding(sentence, flat, places).astype(np.float32),
    )


def _gaps(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """What stands before, between and after the words."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)] if spans else []


def _flags(pattern: re.Pattern[str], pieces: Sequence[str]) -> Features:
    return np.array([bool(pattern.search(piece)) for piece in pieces], dtype=np.float32)


def _likes(read: _Words, query: Query) -> Features:
    """For each word the mean of the question's token vectors, those like it counting most; (words, dimension)."""
    weights = np.exp(_SHARPNESS * read.matches)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    likes: Features = weights @ query.token_vectors
    return likes


def _word_features(read: _Words, shares: Features) -> Features:
    """What each word is like by itself, shape (words, word features)."""
    weightiest = np.zeros(len(read.texts), dtype=np.float32)
    np.maximum.at(weightiest, read.sentence, read.weights)
    columns = (
        read.likeness,
        _SHARPNESS * (read.matches * shares).max(axis=1, initial=0.0),
        read.asked,
        read.weights / np.maximum(weightiest, 1e-6)[read.sentence],
        read.numeral,
        read.capital,
        read.apart_before,
        read.apart_after,
        read.listing_before,
        read.opening_before,
        read.closing_after,
        np.log1p(read.spans[:, 1] - read.spans[:, 0]),
        read.place / read.counts,
        read.place == 0,
        read.offered,
    )
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


def _bounds(read: _Words) -> tuple[Rows, Rows]:
    """First word and the one after the last of every candidate, sentence by sentence."""
    runs: list[tuple[int, int]] = []
    for number in range(len(read.texts)):
        mine = np.flatnonzero(read.sentence == number)
        if not len(mine):
            continue
        first, end = int(mine[0]), int(mine[-1]) + 1
        marks = [*mine[read.apart_before[mine] > 0].tolist(), end]
        short = {
            (start, stop) for start in range(first, end) for stop in range(start + 1, min(start + MOST_WORDS, end) + 1)
        }
        long = {(start, stop) for start in marks for stop in marks if 0 < stop - start <= MOST_WORDS_BETWEEN_MARKS}
        runs += sorted(short | long)
    bounds = np.array(runs, dtype=np.int64).reshape(-1, 2)
    return bounds[:, 0], bounds[:, 1]


def _alike(runs: _Runs) -> list[Features]:
    """How like the question's words the run's own words are, and those beside it; how weighty they are."""
    read, best = runs.words, runs.words.likeness
    return [
        runs.within(best),
        runs.highest(best),
        -runs.highest(-best),
        runs.within((best > _MET).astype(np.float32)),
        runs.within((best < _NEW).astype(np.float32)),
        runs.within(read.asked),
        -runs.highest(-read.asked),
        runs.before(best),
        runs.after(best),
        runs.before(read.asked),
        runs.after(read.asked),
        runs.within(read.weights),
        runs.first(read.weights),
        runs.last(read.weights),
        runs.before(read.weights),
        runs.after(read.weights),
    ]


def _near(runs: _Runs, shares: Features) -> list[Features]:
    """How much of the question is met outside the run: anywhere, in its clause, and near it on either side."""
    read = runs.words
    seen = [np.zeros_like(read.matches) for _ in range(2 * (2 + len(_NEARNESS)))]
    for number in range(len(read.texts)):
        mine = read.sentence == number
        distance = np.abs(read.place[mine][:, None] - read.place[mine])
        clause = np.cumsum(read.apart_before[mine])
        kept = [np.ones_like(distance), clause[:, None] == clause, *(nearness**distance for nearness in _NEARNESS)]
        for kind, weights in enumerate(kept):
            seen[2 * kind][mine] = _seen(np.tril(weights), read.matches[mine])
            seen[2 * kind + 1][mine] = _seen(np.triu(weights), read.matches[mine])
    outside = np.maximum(runs.before(seen[0]), runs.after(seen[1])) @ shares
    everywhere = np.zeros((len(read.texts), read.matches.shape[1]), dtype=np.float32)
    np.maximum.at(everywhere, read.sentence, read.matches)
    columns = [outside, (everywhere @ shares)[read.sentence[runs.starts]] - outside]
    for left, right in zip(seen[2::2], seen[3::2], strict=True):
        columns += [
            runs.before(left @ shares),
            runs.after(right @ shares),
            np.maximum(runs.before(left), runs.after(right)) @ shares,
        ]
    return columns


def _seen(weights: Features, matches: Features) -> Features:
    """How well each word sees each question token met: the best match, each word counting by its weight."""
    seen: Features = (weights[:, :, None] * matches).max(axis=1, initial=0.0)
    return seen


def _shape(runs: _Runs) -> list[Features]:
    """Length, place, punctuation inside and beside it, numbers, capitals, dates: whole, held or cut in two."""
    read, size = runs.words, runs.ends - runs.starts
    place, apart_before, apart_after = (
        runs.first(read.place),
        runs.first(read.apart_before),
        runs.last(read.apart_after),
    )
    opening, closing = runs.first(read.opening_before), runs.last(read.closing_after)
    first, last = runs.first(read.spans[:, 0]), runs.last(read.spans[:, 1])
    chinese = np.array([_HAN.search(text) is not None for text in read.texts])
    return [
        size,
        np.log(size),
        np.log(last - first),
        size == 1,
        size >= 6,
        size > MOST_WORDS,
        place / runs.first(read.counts),
        apart_before,
        apart_after,
        apart_before * apart_after,
        place == 0,
        runs.last(read.place) + 1 == runs.last(read.counts),
        opening * closing,
        opening != closing,
        runs.first(read.spaced_before),
        runs.last(read.spaced_after),
        runs.inside(read.apart_before),
        runs.inside(read.listing_before),
        runs.within(read.numeral),
        runs.first(read.numeral),
        runs.last(read.numeral),
        runs.within(read.capital),
        runs.first(read.capital) * (place > 0),
        runs.before(read.capital) * runs.first(read.capital) * (1.0 - apart_before),
        runs.after(read.capital) * runs.last(read.capital) * (1.0 - apart_after),
        runs.before(read.numeral) * runs.first(read.numeral) * (1.0 - apart_before),
        runs.after(read.numeral) * runs.last(read.numeral) * (1.0 - apart_after),
        *_dates(runs, first, last),
        runs.first(chinese[read.sentence]),
    ]


def _dates(runs: _Runs, first: Rows, last: Rows) -> tuple[Features, Features, Features]:
    """Whether a run, characters `[first, last)`, is a date as a whole, holds one, or cuts one in two."""
    whole, held, cut = (np.zeros(len(first), dtype=bool) for _ in range(3))
    sentence = runs.first(runs.words.sentence)
    for number, text in enumerate(runs.words.texts):
        for start, end in (match.span() for match in _DATE.finditer(text)):
            mine = sentence == number
            whole |= mine & (first == start) & (last == end)
            held |= mine & (first <= start) & (last >= end)
            cut |= mine & (((first > start) & (first < end)) | ((last > start) & (last < end)))
    return whole.astype(np.float32), held.astype(np.float32), cut.astype(np.float32)


def _likeness(runs: _Runs, asked: Features) -> list[Features]:
    """Cosines of the run, its last word and the words beside it with the words around the question word."""
    vectors = runs.words.vectors
    sums = np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), np.cumsum(vectors, axis=0)])
    whole = unit(sums[runs.ends] - sums[runs.starts]) @ asked[[0, 2]].T
    alone = (vectors @ asked[[0, 2]].T).T
    beside = [side(column) for column in alone for side in (runs.before, runs.after)]
    return [*whole.T, *(runs.last(column) for column in alone), *beside]


def holding(sentence: Rows, spans: Rows, places: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.bool_]:
    """Whether each span, of the sentence with that number, holds one of the places in its sentence."""
    held = np.zeros(len(spans), dtype=bool)
    for number, found in enumerate(places):
        for start, end in found:
            held |= (sentence == number) & (spans[:, 0] <= start) & (spans[:, 1] >= end)
    return held


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
        features = np.clip((found.features - self.mean) / self.deviation, -FAR, FAR)
        asked = np.asarray((SCALE * found.asked @ self.asked).ravel(), dtype=np.float32)
        channels, edges = self._read_words(found, asked), SCALE * found.vectors @ self.edge
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
        words = np.clip((found.words - self.word_mean) / self.word_deviation, -FAR, FAR)
        inputs = [SCALE * found.vectors @ self.context, SCALE * found.likes @ self.context, words]
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
