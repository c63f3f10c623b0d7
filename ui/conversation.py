"""The conversation as HTML: each question with its answer, or its refusal. What articles and visitors say is text."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from qa.datatypes import Answer, Citation, Document, Written
from qa.render import shortened
from qa.text import Language, dominant_language
from ui.feedback import rating_html
from ui.interface import sends
from ui.texts import say

EXAMPLES = (
    ("example_chinese", "京津冀创业投资引导基金的总规模是多少？"),
    ("example_english", "When was the open source alliance founded?"),
    ("example_refused", "火星上的基地什么时候建成？"),
)
NEAREST = 3  # passages shown beside a refusal
_SURE, _FAIRLY_SURE = 0.9, 0.7  # confidence from which words say so

Documents = Mapping[str, Document]


def conversation_html(
    answers: Sequence[Answer], documents: Documents, language: Language, limit: int, *, rated: bool = False
) -> str:
    """The whole conversation, or what a first visit shows.

    Args:
        answers: oldest first.
        documents: the articles of the index, for their titles.
        language: of the page.
        limit: characters a question may have.
        rated: whether to ask what the visitor thinks of an answer.
    """
    if not answers:
        return welcome_html(language)
    exchanges = [
        exchange_html(number, answer, documents, language, limit, rated) for number, answer in enumerate(answers)
    ]
    label = escape(say("conversation", language))
    status = f'<p id="said" hidden>{escape(status_text(answers[-1], language))}</p>'
    return f'<div class="exchanges" role="log" aria-live="off" aria-label="{label}">{"".join(exchanges)}</div>{status}'


def welcome_html(language: Language) -> str:
    """The page explained by itself, with three questions to try."""
    keys = say("keys", language, slash="<kbd>/</kbd>", numbers="<kbd>1</kbd>–<kbd>9</kbd>", escape="<kbd>Esc</kbd>")
    examples = "".join(
        f'<li><button type="button" class="example" data-ask="{escape(question)}">'
        f'<span class="hint">{say(key, language)}</span><span lang="{dominant_language(question)}">{question}</span>'
        "</button></li>"
        for key, question in EXAMPLES
    )
    return (
        f'<div class="welcome"><h2>{say("welcome", language)}</h2><p>{say("welcome_how", language)}</p>'
        f'<ul class="examples">{examples}</ul><p class="keys">{keys}</p></div>'
    )


def status_text(answer: Answer, language: Language) -> str:
    """What a screen reader is told of a new answer."""
    if not answer.answered:
        return say("refused_status", language)
    short = answer.short.quote if answer.short else answer.citations[0].quote
    return say("answered_status", language, short=short, count=len(answer.citations))


def exchange_html(
    number: int, answer: Answer, documents: Documents, language: Language, limit: int, rated: bool
) -> str:
    """A question and what was said to it."""
    said = answered_html if answer.answered else refused_html
    label = escape(say("exchange", language, number=number + 1))
    asked = f'<h2 class="asked" lang="{dominant_language(answer.question)}">{escape(answer.question)}</h2>'
    body = said(number, answer, documents, language) + written_html(number, answer, documents, language)
    opens = sends("open" if answer.answered else "passage", exchange=number, number=1)
    return (
        f'<section class="exchange" aria-label="{label}" {opens}>{asked}{body}'
        f"{actions_html(number, answer, language, limit, rated)}</section>"
    )


def answered_html(number: int, answer: Answer, documents: Documents, language: Language) -> str:
    """The short answer, or the sides of a conflict; how sure it is; and each cited sentence with its source."""
    quoted = Quoted(number, documents, language)
    cited = "".join(f"<li>{quoted(each, 'quote')}{source_html(each, documents)}</li>" for each in answer.citations)
    short = quoted(answer.short, "short") if answer.short else ""
    first = conflict_html(answer, quoted, documents, language) if answer.conflict else short
    return f'{first}{confidence_html(answer, language)}<ol class="citations">{cited}</ol>'


class Quoted:
    """What the answer of one exchange quotes, as HTML, each with the numbered button that opens its citation."""

    def __init__(self, exchange: int, documents: Documents, language: Language) -> None:
        self._exchange, self._documents, self._language = exchange, documents, language

    def __call__(self, citation: Citation, kind: str) -> str:
        """A quote with its button."""
        spoken = self._documents[citation.passage.document_id].language
        return f'<p class="{kind}" lang="{spoken}">{escape(citation.quote)}&nbsp;{self.chip(citation)}</p>'

    def chip(self, citation: Citation) -> str:
        """The button."""
        title = self._documents[citation.passage.document_id].title
        label = escape(say("citation", self._language, number=citation.number, title=title))
        return (
            f'<button type="button" class="chip" {sends("open", exchange=self._exchange, number=citation.number)} '
            f'aria-label="{label}">{citation.number}</button>'
        )


def source_html(citation: Citation, documents: Documents) -> str:
    """The title of the cited article, the heading the citation stands under, and the article's date."""
    document = documents[citation.passage.document_id]
    facts = dict.fromkeys((document.title, *citation.passage.headings[-1:]))
    parts = [f"<cite>{escape(document.title)}</cite>", *map(escape, list(facts)[1:])]
    date = str(document.metadata.get("date", ""))
    parts += [f"<time>{escape(date)}</time>"] if date else []
    return f'<p class="source">{" · ".join(parts)}</p>'


def conflict_html(answer: Answer, quoted: Quoted, documents: Documents, language: Language) -> str:
    """What the articles say differently, side by side, each with its source."""
    sides = "".join(f"<li>{quoted(span, 'short')}{source_html(span, documents)}</li>" for span in answer.conflict)
    return f'<div class="conflict"><h3>{say("conflict", language)}</h3><ul>{sides}</ul></div>'


def confidence_html(answer: Answer, language: Language) -> str:
    """How sure the answer is, in words; the probability in its title."""
    sure, fairly = answer.confidence >= _SURE, answer.confidence >= _FAIRLY_SURE
    level = "high" if sure else "middle" if fairly else "low"
    title = say("confidence_title", language, percent=round(100 * answer.confidence))
    return f'<p class="confidence {level}" title="{title}">{say(f"confidence_{level}", language)}</p>'


def refused_html(number: int, answer: Answer, documents: Documents, language: Language) -> str:
    """That the articles do not say, what is missing, and the nearest passages, each of which can be opened."""
    nearest = "".join(_nearest(number, answer, documents, language))
    passages = f"<h4>{say('nearest', language)}</h4><ol>{nearest}</ol>" if nearest else ""
    lacks = f'<p lang="{dominant_language(answer.text)}">{escape(answer.text)}</p>'
    return f'<div class="refusal"><h3>{say("refusal", language)}</h3>{lacks}{passages}</div>'


def _nearest(number: int, answer: Answer, documents: Documents, language: Language) -> Iterator[str]:
    for place, hit in enumerate(answer.hits[:NEAREST], 1):
        document = documents[hit.passage.document_id]
        label = escape(say("open_passage", language, title=document.title))
        yield (
            f'<li><button type="button" class="nearest" {sends("passage", exchange=number, number=place)} '
            f'aria-label="{label}"><cite>{escape(document.title)}</cite>'
            f'<span lang="{document.language}">{escape(shortened(hit.passage.text))}</span></button></li>'
        )


def written_html(number: int, answer: Answer, documents: Documents, language: Language) -> str:
    """What a language model wrote, or why nothing of it stands; nothing where none was asked."""
    if answer.written is None:
        return f'<p class="notice">{escape(answer.notice)}</p>' if answer.notice else ""
    sentences = draft_html(answer.written, Quoted(number, documents, language), language)
    return f'<div class="written"><h3>{say("written", language)}</h3>{sentences}</div>'


def draft_html(written: Written, quoted: Quoted, language: Language) -> str:
    """The written sentences, also while they are written: with their citations, or words that say they have none."""
    said: list[str] = []
    for sentence in written.sentences:
        doubt = f'<span class="doubt">({escape(say("unsupported", language, reason=sentence.reason))})</span>'
        said.append(f"{escape(sentence.text)} {' '.join(map(quoted.chip, sentence.citations)) or doubt}")
    unfinished = [f"{escape(written.draft)} …"] if written.draft else []
    return f'<p lang="{written.language}">{" ".join((*said, *unfinished))}</p>'


def actions_html(number: int, answer: Answer, language: Language, limit: int, rated: bool) -> str:
    """What was searched, to be edited; the place of a visitor's verdict; the receipt."""
    completed = bool(answer.searched_as)
    summary = (
        f'{say("searched_as", language)}<span class="searched">{escape(answer.searched_as)}</span>'
        if completed
        else say("edit_searched", language)
    )
    field = (
        f'<input name="searched" value="{escape(answer.searched)}" maxlength="{limit}" '
        f'aria-label="{say("searched_as", language)}"><button type="submit">{say("search_again", language)}</button>'
    )
    return (
        f'<div class="actions"><details class="search-as"><summary>{summary}</summary>'
        f"<form {sends('search', exchange=number)}>{field}</form></details>"
        f"{rating_html(number, language) if rated else ''}"
        f'<button type="button" class="quiet" {sends("receipt", exchange=number)}>'
        f"{say('save_receipt', language)}</button></div>"
    )
