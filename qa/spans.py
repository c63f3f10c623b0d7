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

from qa import alignment
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
    """Candidates as runs of words `[starts, ends)`, with what the values of words become for each.

    `around` is that of `Candidates`.
    """

    words: _Words
    starts: Rows
    ends: Rows
    around: Rows

    def sums(self, values: Column) -> Column:
        """The sum over the run."""
        totals = _sums_before(values)
        summed: Column = totals.take(self.ends, axis=0) - totals.take(self.starts, axis=0)
        return summed

    def within(self, values: Column) -> Column:
        """The mean over the run."""
        means: Column = self.sums(values) / (self.ends - self.starts)
        return means

    def norms(self, vectors: Features) -> Features:
        """The length of the sum of the run's vectors, from the products of its sentence's words with each other."""
        squares = np.empty(len(self.starts))
        ends = np.cumsum(np.bincount(self.words.sentence))
        edges = np.searchsorted(self.starts, ends).tolist()
        for first, last, begin, end in zip([0, *ends.tolist()], ends.tolist(), [0, *edges], edges, strict=False):
            totals = np.zeros((last - first + 1,) * 2)
            products = vectors[first:last] @ vectors[first:last].T
            totals[1:, 1:] = np.cumsum(np.cumsum(products, axis=0, dtype=np.float64), axis=1)
            starts, stops = self.starts[begin:end] - first, self.ends[begin:end] - first
            squares[begin:end] = totals[stops, stops] - 2.0 * totals[starts, stops] + totals[starts, starts]
        lengths: Features = np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)
        return lengths

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
        return _and_nothing(values).take(self.around[:, 0], axis=0)

    def after(self, values: Column) -> Column:
        """That of the word after the run; 0 where there is none."""
        return _and_nothing(values).take(self.around[:, 3], axis=0)

    def inside(self, before: Column) -> Column:
        """How many of the gaps between the words of the run are marked."""
        sums = np.cumsum(before)
        counts: Column = sums[self.ends - 1] - sums[self.starts]
        return counts


def _and_nothing(values: Column) -> Column:
    """The values and, last, zeros for a word that is not there."""
    return np.concatenate([values, np.zeros_like(values, shape=(1, *values.shape[1:]))])


def _sums_before(values: Column) -> Column:
    """The sum of the values before each, and of all, along the first axis, shape (values + 1, …)."""
    sums = np.zeros((len(values) + 1, *values.shape[1:]))
    np.cumsum(values, axis=0, out=sums[1:])
    return sums


def candidates(aligner: StaticEmbedder, query: Query, sentences: Sequence[str], scores: Sequence[float]) -> Candidates:
    """Every candidate of some sentences, given with the scores that the sentence model has for them."""
    words, asked = _read(aligner, query, sentences), _asked(aligner, query)
    runs = _runs(words)
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
    return Candidates(
        sentence=sentence,
        spans=spans,
        runs=np.stack([runs.starts, runs.ends], axis=1),
        features=np.stack([np.asarray(column, dtype=np.float32) for column in columns]).T,
        around=runs.around,
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
    held = [
        (token, firsts[number] + word)
        for number, found in enumerate(placed)
        for token, start, _ in found
        if (word := bisect_right(spans[number], start, key=itemgetter(0)) - 1) >= 0
    ]
    tokens, holders = np.array(held, dtype=np.int32).reshape(-1, 2).T
    bounds = np.searchsorted(holders, np.arange(int(counts.sum()) + 1))  # of each word's tokens, which are in order
    sums = alignment.totals(aligner.token_vectors(tokens), bounds)
    matches = np.maximum(alignment.best_matches(query.likeness.cosines(tokens), bounds), 0.0)
    pieces = [text[start:end] for text, each in zip(sentences, spans, strict=True) for start, end in each]
    gaps = [gap for text, each in zip(sentences, spans, strict=True) for gap in _gaps(text, each)]
    sentence = np.repeat(np.arange(len(sentences)), counts)
    place, before = np.arange(len(sums)) - firsts[sentence], np.arange(len(sums)) + sentence
    apart, opening, closing = (_flags(pattern, gaps) for pattern in (_STRONG, _OPENING, _CLOSING))
    spaced = np.array([" " in gap for gap in gaps], dtype=np.float32)
    question, folded = fold(query.text), fold("\n".join(pieces)).split("\n")[: len(pieces)]
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
        asked=np.array([piece in question for piece in folded], dtype=np.float32),
        numeral=_flags(_NUMERAL, pieces),
        capital=np.array([piece[0].isupper() for piece in pieces], dtype=np.float32),
        apart_before=np.maximum(apart[before], place == 0),
        apart_after=np.maximum(apart[before + 1], place + 1 == counts[sentence]),
        listing_before=_flags(_LISTING, gaps)[before],
        opening_before=opening[before],
        closing_after=closing[before + 1],
        spaced_before=spaced[before],
        spaced_after=spaced[before + 1],
        places=places,
        offered=holding(sentence, flat, places).astype(np.float32),
    )


def _gaps(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """What stands before, between and after the words."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


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


def _runs(read: _Words) -> _Runs:
    """Every candidate, sentence by sentence, by its first word and then its last."""
    numbers = np.arange(len(read.spans))
    last = numbers - read.place + read.counts  # the end of each word's sentence
    lengths = np.minimum(MOST_WORDS, last - numbers)
    starts = np.repeat(numbers, lengths)
    short = np.stack([starts, starts + 1 + np.arange(len(starts)) - np.repeat(np.cumsum(lengths) - lengths, lengths)])
    marks = np.flatnonzero(read.apart_before)
    ends = np.flatnonzero(np.append(read.apart_before[1:], 1.0)) + 1
    opened, closed = np.repeat(marks, len(ends)), np.tile(ends, len(marks))
    size = closed - opened
    fits = (size > MOST_WORDS) & (size <= MOST_WORDS_BETWEEN_MARKS) & (closed <= last[opened])
    runs = np.concatenate([short, np.stack([opened, closed])[:, fits]], axis=1)
    starts, ends = runs[:, np.lexsort((runs[1], runs[0]))]
    before = np.where(read.place[starts] > 0, starts - 1, -1)
    after = np.where(ends < last[starts], ends, -1)
    return _Runs(read, starts, ends, np.stack([before, starts, ends - 1, after], axis=1))


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
    first, last = read.place == 0, read.place + 1 == read.counts
    left = alignment.carried(read.matches, _lasting(first, read.apart_before > 0))
    right = alignment.carried(read.matches[::-1], _lasting(last, read.apart_after > 0)[:, ::-1])[:, ::-1]
    outside = np.maximum(runs.before(left[0]), runs.after(right[0])) @ shares
    everywhere = np.zeros((len(read.texts), read.matches.shape[1]), dtype=np.float32)
    np.maximum.at(everywhere, read.sentence, read.matches)
    columns = [outside, (everywhere @ shares)[read.sentence[runs.starts]] - outside]
    for before, after in zip(left[1:], right[1:], strict=True):
        columns += [
            runs.before(before @ shares),
            runs.after(after @ shares),
            np.maximum(runs.before(before), runs.after(after)) @ shares,
        ]
    return columns


def _lasting(ends: NDArray[np.bool_], parts: NDArray[np.bool_]) -> Features:
    """What is left, at each word, of what the word before it saw: of all, in one clause, and as it fades.

    Shape (2 + nearnesses, words); nothing where the word is the first of its sentence.
    """
    kept = [np.ones(len(ends)), ~parts, *(np.full(len(ends), nearness) for nearness in _NEARNESS)]
    lasting: Features = np.stack(kept).astype(np.float32) * ~ends
    return lasting


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
    alone = vectors @ asked[[0, 2]].T
    whole = runs.sums(alone) / np.maximum(runs.norms(vectors), 1e-4)[:, None]
    beside = [side(column) for column in alone.T for side in (runs.before, runs.after)]
    return [*whole.T, *(runs.last(column) for column in alone.T), *beside]


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
        asked = np.asarray(SCALE * (found.asked @ self.asked).ravel(), dtype=np.float32)
        channels, edges = self._read_words(found, asked), SCALE * (found.vectors @ self.edge)
        sizes = [features.shape[1], *[edges.shape[1]] * 4, len(asked), *[channels.shape[1]] * 2]
        of_features, *of_edges, of_asked, of_start, of_end, of_mean = np.split(self.hidden, np.cumsum(sizes))
        total = features @ of_features + (asked @ of_asked + self.hidden_bias)
        by_word = [edges @ weights for weights in of_edges]  # once, however many candidates a word bounds
        by_word[1] += channels @ of_start
        by_word[2] += channels @ of_end
        for place, weighed in enumerate(by_word):
            total += _and_nothing(weighed).take(found.around[:, place], axis=0)
        starts, ends = found.runs.T
        sums = _sums_before(channels @ of_mean).astype(np.float32)
        total += (sums.take(ends, axis=0) - sums.take(starts, axis=0)) / (ends - starts)[:, None].astype(np.float32)
        scored: Features = np.tanh(total) @ self.output + features @ self.direct
        return scored

    def _read_words(self, found: Candidates, asked: Features) -> Features:
        """What the convolutions make of each word among its neighbours, shape (words, channels)."""
        places = padded_places(found.lengths)
        words = np.clip((found.words - self.word_mean) / self.word_deviation, -FAR, FAR)
        inputs = [SCALE * (found.vectors @ self.context), SCALE * (found.likes @ self.context), words]
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
