"""Why a passage was found, as HTML: words before numbers. What articles and visitors say is text."""

import re
from collections.abc import Sequence
from html import escape

from qa.datatypes import Explanation, Hit, Ranks, WordPair
from qa.text import Language, dominant_language
from ui.texts import say

_COLOURS = 6  # pairs shown, each in its own colour

Coloured = tuple[int, int, int]  # a span and the number of its colour


def why_html(question: str, hit: Hit, explanation: Explanation, language: Language) -> str:
    """What unfolds to tell why a passage was found.

    Args:
        question: as it was searched, which the spans of the explanation are of.
        hit: the passage.
        explanation: of that hit.
        language: of the page.
    """
    pairs = explanation.pairs[:_COLOURS]
    words = _pairs(question, hit, pairs, language) if pairs else f"<p>{say('why_nothing', language)}</p>"
    shared = (", " if language == "en" else "、").join(_shared(question, hit, explanation.terms))
    terms = say("why_terms", language, terms=f'<span class="words">{escape(shared)}</span>') if shared else ""
    ranks = say("why_ranks", language, ranks=_ranks(explanation.ranks, language))
    return (
        f'<details class="why"><summary>{say("why", language)}</summary>{words}'
        f"{f'<p>{terms}</p>' if terms else ''}<p>{ranks}</p></details>"
    )


def _pairs(question: str, hit: Hit, pairs: Sequence[WordPair], language: Language) -> str:
    """The question above the passage, the words of a pair in one colour."""
    passage = hit.passage
    asked = [(*pair.asked, colour) for colour, pair in enumerate(pairs, 1)]
    found = [
        (pair.found[0] - passage.start, pair.found[1] - passage.start, colour)
        for colour, pair in enumerate(pairs, 1)
        if pair.found
    ]
    elsewhere = [
        f'<b class="pair-{colour}">{escape(pair.met)}</b>' for colour, pair in enumerate(pairs, 1) if not pair.found
    ]
    headings = say("why_headings", language, words=" ".join(elsewhere)) if elsewhere else ""
    return (
        f"<p>{say('why_words', language)}</p><dl>"
        f"<dt>{say('why_asked', language)}</dt>{_side(question, asked)}"
        f"<dt>{say('why_passage', language)}</dt>{_side(passage.text, found)}"
        f"</dl>{f'<p>{headings}</p>' if headings else ''}"
    )


def _side(text: str, spans: Sequence[Coloured]) -> str:
    return f'<dd lang="{dominant_language(text)}">{coloured(text, spans)}</dd>'


def coloured(text: str, spans: Sequence[Coloured]) -> str:
    """A text with spans in the colours of their numbers; where two overlap, the earlier one keeps the shared text."""
    pieces: list[str] = []
    position = 0
    for start, end, colour in sorted(spans):
        start = max(start, position)
        if start < end:
            pieces += [escape(text[position:start]), f'<b class="pair-{colour}">{escape(text[start:end])}</b>']
            position = end
    return "".join((*pieces, escape(text[position:])))


def _shared(question: str, hit: Hit, terms: Sequence[str]) -> list[str]:
    """The terms in common as words of the question: Chinese ones, of one or two characters each, put together again.

    A single character says little and is left out.
    """
    text = " ".join((*hit.passage.headings, hit.passage.text))
    words: list[str] = []
    for term in terms:
        if term.isascii():
            found = re.search(rf"\b{re.escape(term)}\w*", question, re.IGNORECASE | re.ASCII)
            words.append(found.group() if found else term)
        elif words and words[-1][-1] == term[0] and words[-1] + term[1:] in text:
            words[-1] += term[1:]
        elif len(term) > 1:
            words.append(term)
    return list(dict.fromkeys(words))


def _ranks(ranks: Ranks, language: Language) -> str:
    """Its place on each side that found it."""
    sides = (("by_meaning", ranks.dense), ("by_words", ranks.alignment), ("by_terms", ranks.lexical))
    return ("，" if language == "zh" else ", ").join(
        say(key, language, rank=_ordinal(rank, language)) for key, rank in sides if rank
    )


def _ordinal(rank: int, language: Language) -> str:
    if language == "zh":
        return str(rank)
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"
