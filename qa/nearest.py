"""How the vectors of parts are searched: all compared where there are few, else the likeliest by their codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from qa.parts import Part
from qa.rows import VectorsOfParts
from qa.text import LANGUAGES, Language
from qa.vectors import ExactIndex, QuantisedIndex, VectorIndex, nearest_rows

_FOUND, _ASKED = 10, 64  # nearest rows of a question, and questions, by which recall is measured
_GROWN = 0.1  # of the rows, up to which recall is taken to be as it was

Chosen = Sequence[NDArray[np.int64]]  # rows of each part


@dataclass(frozen=True, slots=True)
class Recall:
    """The share of the ten nearest rows that a quantised index finds, and of how many rows that was measured."""

    at_10: float
    rows: int

    def holds(self, rows: int) -> bool:
        """Whether it is taken to be so of so many rows."""
        return abs(rows - self.rows) <= _GROWN * self.rows


def rows_of(parts: Sequence[Part], language: Language) -> Chosen:
    """The rows of a language in each part."""
    return [np.flatnonzero(part.languages == LANGUAGES.index(language)) for part in parts]


def nearest(parts: Sequence[Part], language: Language, exact_rows: int) -> VectorIndex:
    """The vectors of a language in parts that stand one after the other; of no more than so many rows, all compared."""
    chosen = rows_of(parts, language)
    if sum(map(len, chosen)) <= exact_rows:
        return ExactIndex((part.vectors, rows) for part, rows in zip(parts, chosen, strict=True))
    return _quantised(parts, chosen)


def _quantised(parts: Sequence[Part], chosen: Chosen) -> QuantisedIndex:
    vectors, rounded = VectorsOfParts([each.vectors for each in parts]), [each.rounded for each in parts]
    codes = np.concatenate([part.codes[rows] for part, rows in zip(parts, chosen, strict=True)])
    kept = VectorsOfParts(rounded, in_memory=True)
    return QuantisedIndex(vectors, kept, codes, _joined(parts, chosen), parts[0].vectors.shape[1])


def _joined(parts: Sequence[Part], chosen: Chosen) -> NDArray[np.int64]:
    """Chosen rows as they are counted over all parts."""
    starts = accumulate(map(len, parts), initial=0)
    return np.concatenate([start + rows for start, rows in zip(starts, chosen, strict=False)])


def measured_recall(parts: Sequence[Part], language: Language) -> Recall:
    """The recall of a quantised index, asked for what is near some of its own rows."""
    chosen = rows_of(parts, language)
    index, rows = _quantised(parts, chosen), _joined(parts, chosen)
    asked = np.linspace(0, len(rows) - 1, min(_ASKED, len(rows)), dtype=np.int64)
    queries = VectorsOfParts([part.vectors for part in parts])[rows[asked]]
    searched = [(part.vectors, rows) for part, rows in zip(parts, chosen, strict=True)]
    shares = [
        len(wanted.intersection(row for row, _ in index.search(query, _FOUND))) / len(wanted)
        for query, wanted in zip(queries, nearest_rows(queries, searched, _FOUND), strict=True)
        if wanted
    ]
    return Recall(float(np.mean(shares)) if shares else 1.0, len(rows))
