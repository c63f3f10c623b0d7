"""Where articles disagree on what was asked: another number or date for the same thing."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from qa.claims import numbers_held
from qa.embedder import StaticEmbedder
from qa.evidence import Evidence, ScoredSentence, look_at
from qa.quantities import Quantity, differ, quantity
from qa.query import Query
from qa.question import asks_for, numbers_in_words, numbers_named, offered
from qa.reading import names_met
from qa.spans import SENTENCES, Rows, Span, best_span, holding
from qa.text import dominant_language

_QUANTITIES = {"date", "money", "share", "number"}
_BESIDE = SENTENCES - 1  # that are looked into together with the likeliest
_EACH = 2  # of one article
_SCORED_LESS, _SCORED_LESS_ACROSS = 6.0, 12.0  # log odds that another sentence may be ranked behind the likeliest
_LEAST_SURE = 0.25  # share of words in common with the answer expected of the likeliest value
_LEAST_SHARE = 0.002  # probability of a sentence holding the answer, below which it answers something else
_LEAST_OF_SENTENCE = 0.2  # of it, that of the values of the kind that is asked for
_MET_LESS = 0.2  # share of the question that the other sentence may meet less …
_MET_LESS_ACROSS = 0.35  # … where it is in another language than the likeliest …
_MET_LESS_NAMED = 0.65  # … and its passage holds a name of the question by its sound


@dataclass(frozen=True, slots=True)
class _Value:
    """What the `number`-th sentence of an evidence states for what was asked."""

    number: int
    sentence: ScoredSentence
    span: Span
    stated: Quantity


def disagreeing(aligner: StaticEmbedder, query: Query, evidence: Evidence) -> list[tuple[ScoredSentence, Span]]:
    """A value from each of two articles that differ on the number or date asked for; else nothing."""
    kind = asks_for(query.text)
    if kind not in _QUANTITIES or (first := _likeliest(query, evidence)) is None:
        return []
    places = _others(query, evidence, first, dates=kind == "date")
    beside, rows = evidence, places
    if max(places, default=0) >= SENTENCES:
        beside, rows = look_at(aligner, query, evidence, [first.number, *places]), list(range(1, len(places) + 1))
    for value in filter(None, (_value(query, beside, row) for row in rows)):
        if differ(first.stated, value.stated, dates=kind == "date"):
            return [(first.sentence, first.span), (value.sentence, value.span)]
    return []


def _likeliest(query: Query, evidence: Evidence) -> _Value | None:
    """The value that is the likeliest answer."""
    rows = [_of_the_kind(query, evidence, number) for number in range(len(evidence.ranked[:SENTENCES]))]
    if not rows or not len(every := np.concatenate(rows)):
        return None
    span = best_span(evidence.found, evidence.likely, every)
    return _stated(evidence, span) if span and span.confidence >= _LEAST_SURE else None


def _others(query: Query, evidence: Evidence, first: _Value, *, dates: bool) -> list[int]:
    """Sentences of other articles that may say something else of the same thing, by place; the best of each article.

    An article one of whose sentences states the likeliest value agrees with it.
    """
    less = (evidence.context[first.number] - evidence.context) @ query.shares
    named = (numbers_named(query.text) & numbers_held(first.sentence.in_context)) - {"1"}  # 哪一年
    taken = Counter({first.sentence.passage.document_id: _EACH})
    found: list[int] = []
    for number, sentence in enumerate(evidence.ranked):
        article = sentence.passage.document_id
        if taken[article] >= _EACH or not _alike(query, first.sentence, sentence, float(less[number]), named):
            continue
        taken[article] += 1
        if first.stated.values <= numbers_held(sentence.text):
            taken[article] = _EACH
            found = [place for place in found if evidence.ranked[place].passage.document_id != article]
        elif differ(first.stated, quantity(sentence.text, 0, len(sentence.text)), dates=dates):
            found.append(number)
    return found[:_BESIDE]


def _alike(query: Query, first: ScoredSentence, other: ScoredSentence, less: float, named: frozenset[str]) -> bool:
    """Whether a sentence that meets so much less of the question, in [0, 1], may answer it as the likeliest does."""
    across = dominant_language(other.text) != dominant_language(first.text)
    if other.score < first.score - (_SCORED_LESS_ACROSS if across else _SCORED_LESS):
        return False
    if less > (_MET_LESS_NAMED if across else _MET_LESS) or not offered(other.text, query.text):
        return False
    if across and less > _MET_LESS_ACROSS and not _heard(query, other):
        return False
    return named <= numbers_held(other.in_context)


def _heard(query: Query, sentence: ScoredSentence) -> bool:
    """Whether the passage holds a name of the question by its sound."""
    text = "\n".join((*sentence.passage.headings, sentence.passage.text))
    return bool(names_met(query, query.names, text))


def _value(query: Query, evidence: Evidence, row: int) -> _Value | None:
    """The likeliest value in a sentence that may well hold the answer, the `row`-th of that evidence."""
    share = float(evidence.shares[row])
    rows = _of_the_kind(query, evidence, row)
    if share < _LEAST_SHARE or evidence.likely[rows].sum() < _LEAST_OF_SENTENCE * share:
        return None
    span = best_span(evidence.found, evidence.likely, rows)
    return _stated(evidence, span) if span else None


def _stated(evidence: Evidence, span: Span) -> _Value:
    sentence = evidence.ranked[span.sentence]
    return _Value(span.sentence, sentence, span, quantity(sentence.text, span.start, span.end))


def _of_the_kind(query: Query, evidence: Evidence, number: int) -> Rows:
    """The candidates in a sentence that hold something of the kind asked for, by row."""
    text, found = evidence.ranked[number].text, evidence.found
    in_words = numbers_in_words(text) if asks_for(query.text) == "number" else []
    mine = np.flatnonzero(found.sentence == number)
    places = [*offered(text, query.text), *in_words]
    held = holding(np.zeros(len(mine), dtype=np.int64), found.spans[mine], [places])
    return mine[held]
