"""Where articles disagree on what was asked: another number or date for the same thing."""

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from qa.claims import numbers_claimed
from qa.evidence import Evidence, ScoredSentence
from qa.query import Query
from qa.question import asks_for, offered
from qa.spans import SENTENCES, Span, best_span

_QUANTITIES = {"date", "money", "share", "number"}
_LEAST_SHARE = 0.12  # probability of a sentence holding the answer, below which it answers something else
_LEAST_OF_BEST = 0.25  # the same, of the likeliest sentence's
_MEASURE = re.compile(r"(?<=\d)\s*[万亿]?\s*([\u4e00-\u9fff])")


def disagreeing(query: Query, evidence: Evidence) -> list[tuple[ScoredSentence, Span]]:
    """A value from each of two or more articles that differ on the number or date asked for; else nothing."""
    if asks_for(query.text) not in _QUANTITIES:
        return []
    found = list(_values(query, evidence))
    for one, other in combinations(found, 2):
        if _differ(*one, *other):
            return [one, other]
    return []


def _values(query: Query, evidence: Evidence) -> Iterator[tuple[ScoredSentence, Span]]:
    """The likeliest value in each sentence that may well hold the answer, the likeliest sentence first."""
    shares = evidence.shares
    for number in np.argsort(-shares, kind="stable").tolist():
        if shares[number] < max(_LEAST_SHARE, _LEAST_OF_BEST * float(shares.max())):
            return
        sentence = evidence.ranked[:SENTENCES][number]
        places = offered(sentence.text, query.text)
        first, last = evidence.found.spans.T
        holds = np.zeros(len(first), dtype=bool)
        for start, end in places:
            holds |= (first <= start) & (last >= end)
        rows = np.flatnonzero(holds & (evidence.found.sentence == number))
        span = best_span(evidence.found, evidence.likely, rows)
        if span is not None:
            yield sentence, span


def _differ(one: ScoredSentence, here: Span, other: ScoredSentence, there: Span) -> bool:
    """Whether two articles state values neither of which may be a part of the other, counted in the same measure."""
    mine, others = one.text[here.start : here.end], other.text[there.start : there.end]
    values, differing = set(numbers_claimed(mine)), set(numbers_claimed(others))
    apart = one.passage.document_id != other.passage.document_id
    return (
        apart
        and bool(values and differing)
        and not (values <= differing or differing <= values)
        and _alike(mine, others)
    )


def _alike(one: str, other: str) -> bool:
    """Whether two values may be counted in the same measure, as far as their wording tells."""
    measures = [set(_MEASURE.findall(text)) for text in (one, other)]
    return not all(measures) or bool(measures[0] & measures[1])
