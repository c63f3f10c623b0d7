"""The article pane as HTML: the whole article with one answer's citations marked. What articles say is text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import quote

from qa.chat import Chat
from qa.datatypes import Answer, Document, Passage
from qa.errors import WenjuError
from qa.text import Language
from ui.conversation import NEAREST
from ui.interface import sends
from ui.texts import say
from ui.why import why_html

_HEADING = re.compile(r"^(#{1,6} )(.*)((?:\r?\n)*)", re.MULTILINE)
_ROW = re.compile(r"(?<=\n)\|(.*)\|( *\r?\n)")  # whole: no part of one beside a mark
_RULE = re.compile(r"[ :|-]+")


def nothing_html(key: str, language: Language) -> str:
    """What stands in the pane where there is no article."""
    return f'<p class="nothing">{say(key, language)}</p>'


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a conversation the pane shows: a citation of an exchange, or one of the passages near a refused one."""

    exchange: int = -1
    number: int = 1
    event: Literal["open", "passage"] = "open"


def article_html(chat: Chat, answers: Sequence[Answer], shown: Shown, language: Language) -> str:
    """The pane.

    Args:
        chat: of the live generation; the article is shown as its file is now.
        answers: the conversation, oldest first.
        shown: what of it; where there is no such thing, the pane says so.
        language: of the page.
    """
    if shown.exchange not in range(len(answers)):
        return nothing_html("nothing_shown", language)
    answer = answers[shown.exchange]
    spans = cited_spans(answer) if shown.event == "open" else nearest_spans(answer)
    if shown.number not in spans:
        return nothing_html("nothing_cited", language)
    wanted = spans[shown.number]
    try:
        document = chat.document(wanted.passage.document_id)
    except WenjuError:
        return f'<p class="nothing" role="alert">{say("gone", language)}</p>'
    marks = {
        number: (span.start, span.end)
        for number, span in spans.items()
        if span.passage.document_id == document.id and document.text[span.start : span.end] == span.text
    }
    stale = "" if shown.number in marks else f'<p role="alert">{say("gone", language)}</p>'
    title = f'<h2 lang="{document.language}">{escape(document.title)}</h2>{facts_html(document, language)}'
    head = f"{stale}{title}{_why(chat, answer, wanted, language)}"
    return (
        f'<article aria-label="{escape(document.title)}" data-of="{shown.event}" data-exchange="{shown.exchange}" '
        f'data-number="{shown.number}">{places_html(shown, list(spans), document, language)}<header>{head}</header>'
        f'<div class="text" lang="{document.language}">{marked(document, marks, shown.number)}</div></article>'
    )


@dataclass(frozen=True, slots=True)
class Span:
    """A span of an article, with the passage it is of."""

    passage: Passage
    start: int
    end: int
    text: str


def cited_spans(answer: Answer) -> dict[int, Span]:
    """What an answer cites, by number; what was written for it included."""
    return {each.number: Span(each.passage, each.start, each.end, each.quote) for each in answer.sources}


def nearest_spans(answer: Answer) -> dict[int, Span]:
    """The passages that are shown beside a refusal, from 1."""
    passages = [hit.passage for hit in answer.hits[:NEAREST]]
    return {number: Span(each, each.start, each.end, each.text) for number, each in enumerate(passages, 1)}


def _why(chat: Chat, answer: Answer, span: Span, language: Language) -> str:
    """Why its passage was found; nothing where another generation found it."""
    hit = next((hit for hit in answer.hits if hit.passage == span.passage), None)
    if hit is None or answer.generation != chat.generation:
        return ""
    return why_html(answer.searched, hit, chat.explain(answer.searched, hit), language)


def places_html(shown: Shown, all_numbers: Sequence[int], document: Document, language: Language) -> str:
    """Which of the citations or passages is shown, the buttons to the ones before and after it, and to close.

    It stays in view while one reads, with the title.
    """
    position = all_numbers.index(shown.number)
    key = "citation_place" if shown.event == "open" else "passage_place"
    place = say(key, language, number=position + 1, count=len(all_numbers))
    title = f'<b lang="{document.language}" aria-hidden="true">{escape(document.title)}</b>'

    def step(label: str, sign: str, to: int) -> str:
        there = to in range(len(all_numbers))
        sent = sends(shown.event, exchange=shown.exchange, number=all_numbers[to]) if there else "disabled"
        return f'<button type="button" class="step" {sent} aria-label="{say(label, language)}">{sign}</button>'

    return (
        f'<p class="places"><span>{place}{title}</span>'
        f"{step('previous', '‹', position - 1)}{step('next', '›', position + 1)}"
        f'<button type="button" class="step close" aria-label="{say("close", language)}">×</button></p>'
    )


def facts_html(document: Document, language: Language) -> str:
    """Where an article is, of when, in which language, and a link to its text."""
    date = str(document.metadata.get("date", ""))
    link = f'<a href="/articles/{quote(document.id)}" target="_blank" rel="noopener">{say("file", language)}</a>'
    facts = [*map(escape, filter(None, (document.path, date))), say(document.language, language), link]
    return f'<p class="facts">{" · ".join(facts)}</p>'


def marked(document: Document, marks: Mapping[int, tuple[int, int]], current: int) -> str:
    """The body of an article, its text as it is in the file, with spans marked and headings set apart.

    Where spans overlap, the earlier one keeps the shared text. All of the text is there, but for the eye not the signs
    of headings and tables, nor a heading that is the title, which stands above.
    """
    pieces: list[str] = []
    position = document.body_start
    for number, (start, end) in sorted(marks.items(), key=lambda mark: mark[1]):
        start = max(start, position)
        if start >= end:
            continue
        pieces.append(_plain(document.text[position:start], document.title))
        shown = ' class="current"' if number == current else ""
        quoted = escape(document.text[start:end])
        pieces.append(f'<mark id="source-{number}"{shown}>{quoted}<sup aria-hidden="true">{number}</sup></mark>')
        position = end
    pieces.append(_plain(document.text[position:], document.title))
    return "".join(pieces).strip()


def _plain(text: str, title: str) -> str:
    def heading(found: re.Match[str]) -> str:
        signs, words, lines = found.groups()
        kind = "title" if signs == "# " and words.strip() == escape(title) else f"level-{len(signs) - 1}"
        return f'<span class="heading {kind}"><i>{signs}</i>{words}<i>{lines}</i></span>'

    return _HEADING.sub(heading, _ROW.sub(_row, escape(text)))


def _row(found: re.Match[str]) -> str:
    cells, end = found.groups()
    if _RULE.fullmatch(cells):
        return f"<i>{found.group()}</i>"
    texts = "<i>|</i>".join(f"<b>{cell}</b>" for cell in cells.split("|"))
    return f'<span class="row"><i>|</i>{texts}<i>|{end}</i></span>'
