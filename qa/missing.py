"""What of a question the articles lack: the numbers and words that no passage, or none of the nearest, mentions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qa.datatypes import Hit
from qa.query import Query
from qa.question import numbers_named, numbers_stated
from qa.reading import read
from qa.retriever import Retriever
from qa.text import terms

_UNMET = 0.5  # cosine with every word of a passage below which it does not mention a word
_WEIGHTY = 0.5  # share of a word in the question, of an even share, above which its lack is worth a mention
_MOST = 3  # words that are named


@dataclass(frozen=True, slots=True)
class Missing:
    """Words of the question, as written there, that are not mentioned: by no passage at all, or none of the nearest."""

    anywhere: tuple[str, ...] = ()
    nearby: tuple[str, ...] = ()


def missing(retriever: Retriever, query: Query, hits: Sequence[Hit]) -> Missing:
    """What of a question its nearest passages do not mention, and what no passage does."""
    if not hits or not len(query.tokens):
        return Missing()
    met = read(retriever.index, query, [hit.passage.id for hit in hits]).passages.max(axis=0)
    stated = set().union(*(numbers_stated(hit.passage.text) for hit in hits))
    absent_numbers = numbers_named(query.text) - stated
    unmet = (met < _UNMET) & (query.shares * len(query.shares) > _WEIGHTY)
    words: list[str] = []
    for start, end in _joined(query, unmet, absent_numbers):
        words.append(query.text[start:end])
    lacking = {word for word in words if retriever.index.lexical.lacks(terms(word))}
    return Missing(
        tuple(word for word in words if word in lacking)[:_MOST],
        tuple(word for word in words if word not in lacking)[:_MOST],
    )


def _joined(query: Query, unmet: np.ndarray, absent_numbers: set[str]) -> list[tuple[int, int]]:
    """Spans of the words that are not met, those side by side as one."""
    spans: list[tuple[int, int]] = []
    for (start, end), lacking in zip(query.spans, unmet.tolist(), strict=True):
        word = query.text[start:end]
        if not (lacking or (absent_numbers and numbers_named(word) & absent_numbers)):
            continue
        if spans and query.text[spans[-1][1] : start].strip() == "":
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans
