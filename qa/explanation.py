"""Why a passage was found: which word of the question met which word of the passage, across languages too."""

from collections.abc import Sequence

import numpy as np

from qa.datatypes import Explanation, Hit, WordPair
from qa.embedder import unit
from qa.passages import context
from qa.query import Query
from qa.reading import SOUND_MATCH
from qa.retriever import Retriever
from qa.sounds import Name, han_names, latin_names
from qa.text import terms

LEAST_LIKENESS = 0.35  # below it two words have not met


def explain(retriever: Retriever, query: Query, hit: Hit) -> Explanation:
    """The word pairs of a question and a hit, with the spans of both; a name met by its sound is one pair.

    Args:
        retriever: what found the hit.
        query: the question as `Retriever.search` gives it, its words weighed.
        hit: one of the passages found.
    """
    met = _pairs_by_word(retriever, query, hit)
    exact = [pair.asked for pair in met if pair.likeness >= SOUND_MATCH]
    by_sound = [pair for pair in _pairs_by_sound(query, hit) if not any(_within(asked, pair.asked) for asked in exact)]
    by_word = [pair for pair in met if not any(_within(pair.asked, name.asked) for name in by_sound)]
    pairs = sorted((*by_sound, *by_word), key=lambda pair: (-pair.weight * pair.likeness, pair.asked))
    shared = set(terms(context(hit.passage)))
    return Explanation(tuple(pairs), tuple(dict.fromkeys(term for term in query.terms if term in shared)), hit.ranks)


def _pairs_by_word(retriever: Retriever, query: Query, hit: Hit) -> list[WordPair]:
    aligner, text = retriever.index.aligner, context(hit.passage)
    placed = aligner.token_spans(text)
    if not placed or not len(query.tokens):
        return []
    vectors = unit(aligner.token_vectors(np.array([token for token, _, _ in placed], dtype=np.int32)))
    cosines = query.token_vectors @ vectors.T
    total = max(float(query.weights.sum()), 1e-9)
    before = len(text) - len(hit.passage.text)  # the headings
    pairs: list[WordPair] = []
    for row, nearest in enumerate(cosines.argmax(axis=1)):
        likeness, (_, start, end) = float(cosines[row, nearest]), placed[int(nearest)]
        if likeness >= LEAST_LIKENESS:
            asked = query.spans[row]
            offset = hit.passage.start - before
            found = (start + offset, end + offset) if start >= before else None
            weight = float(query.weights[row]) / total
            pairs.append(WordPair(asked, query.text[slice(*asked)], found, text[start:end], likeness, weight))
    return pairs


def _pairs_by_sound(query: Query, hit: Hit) -> list[WordPair]:
    """Names that the passage holds in the other script, the longest first where they overlap."""
    total = max(float(query.weights.sum()), 1e-9)
    text = hit.passage.text
    spelt = han_names(text) if query.language == "en" else latin_names(text)
    places = {name.sounds: (name.start, name.end) for name in reversed(spelt)}
    pairs: list[WordPair] = []
    for name in _longest([name for name in query.names if name.sounds in places]):
        start, end = places[name.sounds]
        weight = float(query.weights[query.columns(name)].sum()) / total
        found = (hit.passage.start + start, hit.passage.start + end)
        asked = (name.start, name.end)
        pairs.append(WordPair(asked, query.text[slice(*asked)], found, text[start:end], SOUND_MATCH, weight))
    return pairs


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _longest(names: Sequence[Name]) -> list[Name]:
    chosen: list[Name] = []
    for name in sorted(names, key=lambda name: (name.start - name.end, name.start)):
        if all(name.end <= other.start or name.start >= other.end for other in chosen):
            chosen.append(name)
    return chosen
