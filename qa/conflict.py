"""Where articles disagree on what was asked: another number or date for the same thing."""

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from qa.claims import numbers_claimed
from qa.evidence import Evidence, ScoredSentence
from qa.query import Query
from qa.question import asks_for, numbers_in_words, offered
from qa.spans import SENTENCES, Rows, Span, best_span, holding
from qa.text import dominant_language

_QUANTITIES = {"date", "money", "share", "number"}
_SCORED_LESS = 6.0  # log odds that the sentence model may rank a sentence behind the likeliest
_LEAST_SHARE = 0.002  # probability of a sentence holding the answer, below which it answers something else
_LEAST_OF_SENTENCE = 0.35  # of it, that of the values of the kind that is asked for
_MET_LESS = 0.2  # share of the question that the other sentence may meet less …
_MET_LESS_ACROSS = 0.35  # … and where it is in another language than the likeliest
_AFTER = 16  # characters after a value in which its measure may stand
_MEASURE = re.compile(
    r"\d\s*(?:[多余%％]|[十百千万亿]|thousand|million|billion|hundred)*\s*([^\W\d_十百千万亿a-z]|[a-z]{3,})",
    re.IGNORECASE,
)


def disagreeing(query: Query, evidence: Evidence) -> list[tuple[ScoredSentence, Span]]:
    """A value from each of two articles that differ on the number or date asked for; else nothing."""
    if asks_for(query.text) not in _QUANTITIES:
        return []
    for one, other in combinations(_values(query, evidence), 2):
        if _differ(*one, *other):
            return [one, other]
    return []


def _values(query: Query, evidence: Evidence) -> Iterator[tuple[ScoredSentence, Span]]:
    """The likeliest value in each sentence that may well hold the answer, the likeliest sentence first."""
    top, shares = evidence.ranked[:SENTENCES], evidence.shares
    if not len(shares):
        return
    met = evidence.context @ query.shares
    order = np.argsort(-shares, kind="stable").tolist()
    language = dominant_language(top[order[0]].text)
    for number in order:
        less = _MET_LESS if dominant_language(top[number].text) == language else _MET_LESS_ACROSS
        likely = shares[number] >= _LEAST_SHARE and top[number].score >= top[order[0]].score - _SCORED_LESS
        if not likely or met[number] < met[order[0]] - less:
            continue
        rows = _of_the_kind(query, evidence, number)
        if evidence.likely[rows].sum() >= _LEAST_OF_SENTENCE * shares[number]:
            span = best_span(evidence.found, evidence.likely, rows)
            if span is not None:
                yield top[number], span


def _of_the_kind(query: Query, evidence: Evidence, number: int) -> Rows:
    """The candidates in a sentence that hold something of the kind asked for, by row."""
    text, found = evidence.ranked[number].text, evidence.found
    in_words = numbers_in_words(text) if asks_for(query.text) == "number" else []
    mine = np.flatnonzero(found.sentence == number)
    places = [*offered(text, query.text), *in_words]
    held = holding(np.zeros(len(mine), dtype=np.int64), found.spans[mine], [places])
    return mine[held]


def _differ(one: ScoredSentence, here: Span, other: ScoredSentence, there: Span) -> bool:
    """Whether two articles state values neither of which may be a part of the other, counted in the same measure."""
    values, differing = (
        set(numbers_claimed(sentence.text[span.start : span.end])) for sentence, span in ((one, here), (other, there))
    )
    apart = one.passage.document_id != other.passage.document_id
    parts = values <= differing or differing <= values
    return apart and bool(values and differing) and not parts and _alike(_measures(one, here), _measures(other, there))


def _measures(sentence: ScoredSentence, span: Span) -> set[str]:
    """What a value's numbers may be counted in, as far as the words after them tell."""
    return {match.casefold() for match in _MEASURE.findall(sentence.text[span.start : span.end + _AFTER])}


def _alike(one: set[str], other: set[str]) -> bool:
    """Whether two values may be counted in the same measure; words of two languages cannot be compared."""
    comparable = bool(one and other) and {word.isascii() for word in one} == {word.isascii() for word in other}
    return not comparable or bool(one & other)
