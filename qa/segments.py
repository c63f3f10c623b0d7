"""The tokens of every passage, cut into its headings and its sentences: what is read when a question is asked.

Cut and tokenised at the build, so that asking does neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qa.embedder import StaticEmbedder
from qa.rows import Scattered
from qa.text import sentences

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of passages, in order: of each its headings (perhaps empty), then its sentences, at least one.

    Attributes:
        tokens: the aligner's tokens, shape (tokens,).
        token_bounds: where each segment's tokens start, and the last end, shape (segments + 1,).
        spans: each segment's place in its passage's text, (0, 0) for headings, shape (segments, 2).
        norms: length of the sum of a segment's token vectors, and of that with the sentences beside it,
            shape (segments, 2).
        passage_bounds: where each passage's segments start, and the last end, shape (passages + 1,).
    """

    tokens: NDArray[np.int32]
    token_bounds: NDArray[np.int64]
    spans: NDArray[np.int32]
    norms: NDArray[np.float32]
    passage_bounds: NDArray[np.int64]

    @classmethod
    def build(cls, passages: Sequence[tuple[str, str]], aligner: StaticEmbedder) -> "Segments":
        """The segments of passages given as (headings, text)."""
        texts: list[str] = []
        spans: Spans = []
        counts: list[int] = []
        for headings, text in passages:
            found = sentences(text) or [(0, len(text))]
            texts.extend([headings, *(text[start:end] for start, end in found)])
            spans.extend([(0, 0), *found])
            counts.append(1 + len(found))
        tokens = aligner.tokens(texts)
        passage_bounds = np.cumsum([0, *counts], dtype=np.int64)
        return cls(
            tokens=np.concatenate(tokens) if tokens else np.zeros(0, dtype=np.int32),
            token_bounds=np.cumsum([0, *map(len, tokens)], dtype=np.int64),
            spans=np.array(spans, dtype=np.int32).reshape(-1, 2),
            norms=_norms(aligner.sum_tokens(tokens), passage_bounds),
            passage_bounds=passage_bounds,
        )

    @classmethod
    def joined(cls, parts: Sequence["Segments"]) -> "Segments":
        """The segments of all parts, one after the other."""
        return cls(
            tokens=np.concatenate([part.tokens for part in parts]),
            token_bounds=_joined_bounds([part.token_bounds for part in parts]),
            spans=np.concatenate([part.spans for part in parts]),
            norms=np.concatenate([part.norms for part in parts]),
            passage_bounds=_joined_bounds([part.passage_bounds for part in parts]),
        )

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self.passage_bounds) - 1

    def tokens_of_each(self, rows: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The tokens of some passages, one after the other, and where each starts, with the last end."""
        chosen = np.asarray(rows, dtype=np.int64)
        starts = self.token_bounds[self.passage_bounds[chosen]]
        ends = self.token_bounds[self.passage_bounds[chosen + 1]]
        return self._joined(starts, ends), _bounds(ends - starts)

    def _joined(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int32]:
        runs = [self.tokens[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.concatenate(runs) if runs else np.zeros(0, dtype=np.int32)

    def run(self, start: int, end: int) -> "Segments":
        """The segments of passages `[start, end)`, at least one, which are not copied."""
        first, last = self.passage_bounds[start], self.passage_bounds[end]
        bounds = self.token_bounds[first : last + 1]
        return Segments(
            tokens=self.tokens[bounds[0] : bounds[-1]],
            token_bounds=bounds - bounds[0],
            spans=self.spans[first:last],
            norms=self.norms[first:last],
            passage_bounds=self.passage_bounds[start : end + 1] - first,
        )

    def select(self, rows: Sequence[int] | NDArray[np.int64]) -> "Segments":
        """The segments of some passages."""
        chosen = np.asarray(rows, dtype=np.int64)
        starts, ends = self.passage_bounds[chosen], self.passage_bounds[chosen + 1]
        segments = _ranges(starts, ends)
        return Segments(
            tokens=self._joined(self.token_bounds[starts], self.token_bounds[ends]),
            token_bounds=_bounds(self.token_bounds[segments + 1] - self.token_bounds[segments]),
            spans=self.spans[segments],
            norms=self.norms[segments],
            passage_bounds=_bounds(ends - starts),
        )


class SegmentRows(Protocol):
    """The segments of passages by their rows, as reading needs them; see `Segments`."""

    def tokens_of_each(self, rows: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...
    def select(self, rows: Sequence[int]) -> Segments: ...


class SegmentsOfParts:
    """The segments of passages that stand in several parts, one part after the other."""

    def __init__(self, parts: Sequence[Segments]) -> None:
        self._parts = parts
        self._rows = _bounds(np.array([len(part) for part in parts], dtype=np.int64))
        self._bounds = [part.token_bounds[part.passage_bounds] for part in parts]  # of each passage's tokens
        self._tokens = [Scattered(part.tokens) for part in parts]

    def __len__(self) -> int:
        """How many passages there are."""
        return int(self._rows[-1])

    def _places(self, rows: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The part of each row, and the row in it."""
        chosen = np.asarray(rows, dtype=np.int64)
        part = np.searchsorted(self._rows, chosen, side="right") - 1
        return part, chosen - self._rows[part]

    def tokens_of_each(self, rows: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """As `Segments.tokens_of_each`."""
        runs, lengths = [], []
        for part, row in zip(*(column.tolist() for column in self._places(rows)), strict=True):
            start, end = self._bounds[part][row : row + 2].tolist()
            runs.append(self._tokens[part].bytes_of(start, end))
            lengths.append(end - start)
        return np.frombuffer(b"".join(runs), dtype=np.int32), _bounds(np.array(lengths, dtype=np.int64))

    def select(self, rows: Sequence[int]) -> Segments:
        """As `Segments.select`."""
        part, row = self._places(rows)
        if len(set(part.tolist())) <= 1:
            return self._parts[part[0] if len(part) else 0].select(row)
        starts = np.flatnonzero(np.append(True, (np.diff(part) != 0) | (np.diff(row) != 1)))  # of rows in a row
        ends = np.append(starts[1:], len(row)) - 1
        runs = zip(part[starts].tolist(), row[starts].tolist(), (row[ends] + 1).tolist(), strict=True)
        return Segments.joined([self._run(*each) for each in runs])

    def _run(self, part: int, start: int, end: int) -> Segments:
        first, last = self._bounds[part][[start, end]].tolist()
        tokens = np.frombuffer(self._tokens[part].bytes_of(first, last), dtype=np.int32)
        return replace(self._parts[part].run(start, end), tokens=tokens)


def _joined_bounds(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return _bounds(np.concatenate([np.diff(part) for part in parts]))


def _bounds(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of several runs starts, and the last ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """All whole numbers of the half-open ranges, one range after the other."""
    lengths = ends - starts
    offsets = np.repeat(starts - _bounds(lengths)[:-1], lengths)
    numbers: NDArray[np.int64] = np.arange(int(lengths.sum()), dtype=np.int64) + offsets
    return numbers


def _norms(sums: NDArray[np.float32], passage_bounds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Lengths of each segment's vector sum, alone and with its neighbours; headings are no neighbours."""
    if not len(sums):
        return np.zeros((0, 2), dtype=np.float32)
    near = sums.copy()
    follows = np.ones(len(sums), dtype=bool)  # a sentence after a sentence of the same passage
    follows[passage_bounds[:-1]] = False
    follows[np.minimum(passage_bounds[:-1] + 1, len(sums) - 1)] = False
    later = np.flatnonzero(follows)
    near[later] += sums[later - 1]
    near[later - 1] += sums[later]
    return np.stack([np.linalg.norm(sums, axis=1), np.linalg.norm(near, axis=1)], axis=1).astype(np.float32)
