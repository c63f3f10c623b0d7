"""Where articles disagree on what was asked: another number or date for the same thing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from qa.claims import numbers_held
from qa.embedder import StaticEmbedder
from qa.evidence import Evidence, ScoredSentence, look_at
from qa.quantities import Quantity, comparable, differ, quantity
from qa.query import Query
from qa.question import asks_for, numbers_in_words, numbers_named, offered
from qa.spans import SENTENCES, Rows, Span, best_span, holding
from qa.text import dominant_language

_QUANTITIES = {"date", "money", "share", "number"}
_FURTHER = 3  # sentences that are looked into beside the likeliest, of articles that are not among the first
_EACH = 2  # of one article
_SCORED_LESS, _SCORED_LESS_ACROSS = 5.0, 12.0  # log odds that another sentence may be ranked behind the likeliest
_LEAST_SHARE = 0.002  # probability of a sentence holding the answer, below which it answers something else
_LEAST_OF_SENTENCE = 0.35  # of it, that of the values of the kind that is asked for
_MET_LESS = 0.2  # share of the question that the other sentence may meet less …
_MET_LESS_ACROSS = 0.35  # … and where it is in another language than the likeliest


@dataclass(frozen=True, slots=True)
class _Value:
    """What a sentence, the `number`-th ranked, states for what was asked."""

    number: int
    sentence: ScoredSentence
    span: Span
    stated: Quantity


def disagreeing(aligner: StaticEmbedder, query: Query, evidence: Evidence) -> list[tuple[ScoredSentence, Span]]:
    """A value from each of two articles that differ on the number or date asked for; else nothing."""
    kind = asks_for(query.text)
    if kind not in _QUANTITIES or (first := _likeliest(query, evidence)) is None:
        return []
    others = _others(query, evidence, first)
    near = [number for number in others if number < SENTENCES]
    far = [number for number in others if number >= SENTENCES][:_FURTHER]
    seen: list[_Value] = [value for number in near if (value := _value(query, evidence, number, number))]
    if far:
        beside = look_at(aligner, query, evidence, [first.number, *far])
        seen += [value for row, number in enumerate(far, 1) if (value := _value(query, beside, row, number))]
    agreeing = {
        value.sentence.passage.document_id for value in seen if value.stated.values & first.stated.values
    }
    for value in seen:
        if value.sentence.passage.document_id not in agreeing and differ(first.stated, value.stated, dates=kind == "date"):
            return [(first.sentence, first.span), (value.sentence, value.span)]
    return []


def _likeliest(query: Query, evidence: Evidence) -> _Value | None:
    """The value that is the likeliest answer."""
    rows = [_of_the_kind(query, evidence, number) for number in range(len(evidence.ranked[:SENTENCES]))]
    if not rows or not len(every := np.concatenate(rows)):
        return None
    span = best_span(evidence.found, evidence.likely, every)
    return _stated(evidence, span, span.sentence) if span else None


def _others(query: Query, evidence: Evidence, first: _Value) -> list[int]:
    """The ranked sentences of other articles that may speak of the same thing, by place, the best of each article."""
    met, language = evidence.context @ query.shares, dominant_language(first.sentence.text)
    taken: dict[str, int] = {first.sentence.passage.document_id: _EACH}
    named = numbers_named(query.text) & numbers_held(first.sentence.in_context)
    found = []
    for number, sentence in enumerate(evidence.ranked):
        article = sentence.passage.document_id
        if taken.get(article, 0) >= _EACH:
            continue
        across = dominant_language(sentence.text) != language
        if sentence.score < first.sentence.score - (_SCORED_LESS_ACROSS if across else _SCORED_LESS):
            continue
        if met[number] < met[first.number] - (_MET_LESS_ACROSS if across else _MET_LESS):
            continue
        if not offered(sentence.text, query.text) or named - numbers_held(sentence.in_context):
            continue
        taken[article] = taken.get(article, 0) + 1
        found.append(number)
    return found


def _value(query: Query, evidence: Evidence, row: int, number: int) -> _Value | None:
    """The likeliest value in a sentence that may well hold the answer, the `row`-th of that evidence."""
    share = float(evidence.shares[row])
    rows = _of_the_kind(query, evidence, row)
    if share < _LEAST_SHARE or evidence.likely[rows].sum() < _LEAST_OF_SENTENCE * share:
        return None
    span = best_span(evidence.found, evidence.likely, rows)
    return _stated(evidence, span, number) if span else None


def _stated(evidence: Evidence, span: Span, number: int) -> _Value:
    sentence = evidence.ranked[span.sentence]
    return _Value(number, sentence, span, quantity(sentence.text, span.start, span.end))


def _of_the_kind(query: Query, evidence: Evidence, number: int) -> Rows:
    """The candidates in a sentence that hold something of the kind asked for, by row."""
    text, found = evidence.ranked[number].text, evidence.found
    in_words = numbers_in_words(text) if asks_for(query.text) == "number" else []
    mine = np.flatnonzero(found.sentence == number)
    places = [*offered(text, query.text), *in_words]
    held = holding(np.zeros(len(mine), dtype=np.int64), found.spans[mine], [places])
    return mine[held]
