"""What of a question the articles lack: the numbers and words that no passage, or none of the nearest, mentions."""

from collections.abc import Sequence
from dataclasses import dataclass

from qa.datatypes import Hit
from qa.query import Query, Scores
from qa.question import numbers_named, numbers_stated, question_word
from qa.reading import Reading, read
from qa.retriever import Retriever
from qa.text import terms, words

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
    reading = read(retriever.index, query, [hit.passage.id for hit in hits])
    likest: Scores = reading.passages.max(axis=0)
    stated = set().union(*(numbers_stated(hit.passage.text) for hit in hits))
    asking = question_word(query.text) or (0, 0)
    lacked = [
        query.text[start:end]
        for start, end in words(query.text, query.spans)
        if (end <= asking[0] or start >= asking[1]) and _lacks(query, reading, likest, stated, start, end)
    ]
    lacked = list(dict.fromkeys(lacked))
    nowhere = {word for word in lacked if retriever.index.lexical.lacks(terms(word))}
    return Missing(
        tuple(word for word in lacked if word in nowhere)[:_MOST],
        tuple(word for word in lacked if word not in nowhere)[:_MOST],
    )


def _lacks(query: Query, reading: Reading, likest: Scores, stated: set[str], start: int, end: int) -> bool:
    """Whether no passage mentions the word there: states its number, holds one like it, or its translation.

    `likest` is the best cosine of each question token in any passage, shape (question tokens,).
    """
    if numbers := numbers_named(query.text[start:end]):
        return not numbers & stated
    columns = query.tokens_within(start, end)
    if not columns or query.shares[columns].sum() * len(query.shares) <= _WEIGHTY:
        return False
    translated = [i for i, meaning in enumerate(query.meanings) if meaning.start < end and meaning.end > start]
    held = reading.translated[:, translated].any() or reading.translated_heads[:, translated].any()
    return not held and float(likest[columns].max()) < _UNMET
