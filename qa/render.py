"""Answers as JSON records, as text for a terminal, and as the HTML of a page. Corpus text is escaped."""

import html
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from qa.datatypes import Answer, Citation, Document, Explanation, Hit, WrittenSentence
from qa.receipts import Receipt, Verdict
from qa.text import Language, dominant_language

_PAIRS_SHOWN = 8
_COMMANDS = {"Cc", "Zl", "Zp"}  # categories of what may command a terminal, or break a line unseen
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

WRITTEN_BY: dict[Language, str] = {
    "zh": "语言模型根据文章写成，逐句核对过：",
    "en": "Written by a language model from the articles, each sentence checked:",
}
_UNSUPPORTED: dict[Language, str] = {"zh": "（文章未支持此句：{}）", "en": " (not supported by the articles: {})"}

# Emphasis, code, links, tables, formulas; what begins a heading, list or rule; what makes an address a link.
_MARKDOWN = re.compile(r"[\\`*_\[\]!|~$<>@]|^[#+\-=]|(?<=\d)[.)](?=\s|$)|:(?=//)|(?<=www)\.", re.IGNORECASE)


def answer_record(answer: Answer, documents: Mapping[str, Document]) -> dict[str, Any]:
    """The answer as plain JSON values; this form is stable. Where a language model was asked, it tells what came."""
    record: dict[str, Any] = {
        "question": answer.question,
        "searched_as": answer.searched_as,
        "answered": answer.answered,
        "text": answer.text,
        "confidence": round(answer.confidence, 4),
        "short": None if answer.short is None else _span_record(answer.short),
        "conflict": [_span_record(span) for span in answer.conflict],
        "citations": [_citation_record(citation, documents) for citation in answer.sources],
        "passages": [_hit_record(hit, documents) for hit in answer.hits[:10]],
    }
    if answer.written or answer.notice:
        sentences = answer.written.sentences if answer.written else ()
        record |= {"written": [_sentence_record(sentence) for sentence in sentences], "notice": answer.notice}
    return record


def _sentence_record(sentence: WrittenSentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "supported": sentence.supported,
        "citations": [citation.number for citation in sentence.citations],
        "reason": sentence.reason,
    }


def _span_record(span: Citation) -> dict[str, Any]:
    """A part of the citation with that number; its place is in the article, as the citation's."""
    return {"number": span.number, "start": span.start, "end": span.end, "quote": span.quote}


def _citation_record(citation: Citation, documents: Mapping[str, Document]) -> dict[str, Any]:
    document = documents[citation.passage.document_id]
    return {
        "number": citation.number,
        "document_id": document.id,
        "title": document.title,
        "path": document.path,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "headings": list(citation.passage.headings),
    }


def _hit_record(hit: Hit, documents: Mapping[str, Document]) -> dict[str, Any]:
    passage = hit.passage
    return {
        "document_id": passage.document_id,
        "path": documents[passage.document_id].path,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": _rounded(hit.score),
        "dense": _rounded(hit.dense),
        "lexical": _rounded(hit.lexical),
        "alignment": _rounded(hit.alignment),
    }


def explanation_record(explanation: Explanation) -> dict[str, Any]:
    """Why a passage was found, as plain JSON values; spans are in the question and in the article's text."""
    pairs = [
        {
            "asked": list(pair.asked),
            "word": pair.word,
            "found": None if pair.found is None else list(pair.found),
            "met": pair.met,
            "likeness": _rounded(pair.likeness),
            "weight": _rounded(pair.weight),
        }
        for pair in explanation.pairs
    ]
    return {"pairs": pairs, "terms": list(explanation.terms), "ranks": asdict(explanation.ranks)}


def explanation_text(hit: Hit, explanation: Explanation, documents: Mapping[str, Document]) -> str:
    """Why a passage was found, for a terminal: where it stands, its ranks, and the words that met."""
    places = explanation.ranks
    sides = (("meaning", places.dense), ("words", places.alignment), ("terms", places.lexical))
    ranks = ", ".join(f"{name} {'–' if rank is None else rank}" for name, rank in sides)
    headings = " › ".join(hit.passage.headings)
    lines = [f"{documents[hit.passage.document_id].path} · {headings} (rank by {ranks})"]
    lines += [
        f"  {pair.word} ~ {pair.met}{'' if pair.found else ' (heading)'}  {pair.likeness:.2f} × {pair.weight:.0%}"
        for pair in explanation.pairs[:_PAIRS_SHOWN]
    ]
    return "\n".join(lines)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def place(citation: Citation, documents: Mapping[str, Document]) -> str:
    """Where a citation stands, for a reader: file, headings, characters."""
    headings = " › ".join(citation.passage.headings)
    return f"{documents[citation.passage.document_id].path} · {headings} · {citation.start}–{citation.end}"


def answer_text(answer: Answer, documents: Mapping[str, Document]) -> str:
    """The answer for a terminal: how it was searched, the shortest answer, the cited sentences, their places.

    For a refusal the nearest passages.
    """
    short = "" if answer.short is None else f"▸ {' '.join(answer.short.quote.split())} [{answer.short.number}]\n"
    lines = [*filter(None, [searched_note(answer), conflict_note(answer) or short]), answer.text, ""]
    lines += [f"[{citation.number}] {place(citation, documents)}" for citation in answer.citations]
    if not answer.answered:
        for hit in answer.hits[:3]:
            headings = " › ".join(hit.passage.headings)
            lines.append(f"- {documents[hit.passage.document_id].path} · {headings}: {shortened(hit.passage.text)}")
    if answer.written:
        sentences = [sentence_text(sentence, answer.written.language) for sentence in answer.written.sentences]
        lines += ["", WRITTEN_BY[answer.written.language], *sentences]
    lines += ["", *after_written(answer, documents)]
    return "\n".join(lines).rstrip()


def conflict_note(answer: Answer, quote: Callable[[Citation], str] | None = None) -> str:
    """What the articles say differently, each with its source, in the question's language; nothing if they agree.

    Args:
        answer: whose conflict it is.
        quote: writes one of its spans; plainly where it is not given.
    """
    if not answer.conflict:
        return ""
    said = [(quote or _quoted)(span) for span in answer.conflict]
    in_chinese = dominant_language(answer.question) == "zh"
    return f"文章的说法不一致：{'；'.join(said)}。" if in_chinese else f"The articles disagree: {'; '.join(said)}."


def _quoted(span: Citation) -> str:
    return f"“{' '.join(span.quote.split())}” [{span.number}]"


def searched_note(answer: Answer) -> str:
    """The question that was searched, in the language of the question as asked; nothing where they are the same."""
    if not answer.searched_as:
        return ""
    asked_in_chinese = dominant_language(answer.question) == "zh"
    return f"（按“{answer.searched_as}”检索）" if asked_in_chinese else f"(searched as “{answer.searched_as}”)"


def sentence_text(sentence: WrittenSentence, language: Language) -> str:
    """A written sentence with the numbers of its citations, or with words that say it is not supported."""
    if not sentence.supported:
        return sentence.text + _UNSUPPORTED[language].format(sentence.reason)
    return f"{sentence.text} {''.join(f'[{citation.number}]' for citation in sentence.citations)}"


def after_written(answer: Answer, documents: Mapping[str, Document]) -> list[str]:
    """Lines for a terminal: the places of what only the written sentences cite, or why there are none."""
    added = answer.sources[len(answer.citations) :]
    places = [f"[{citation.number}] {place(citation, documents)}" for citation in added]
    return [*places, *([answer.notice] if answer.notice else [])]


def shortened(text: str, characters: int = 90) -> str:
    """The beginning of a text on one line, in at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= characters else flat[: characters - 1] + "…"


def verification_text(name: str, receipt: Receipt, verdicts: Sequence[Verdict]) -> str:
    """What became of a receipt, for a terminal: a line for its question, a line for each cited span."""
    lines = [f"{name} · {_printable(shortened(receipt.question))} · {_printable(receipt.saved)}"]
    for span, verdict in zip(receipt.spans, verdicts, strict=True):
        parts = [f"  [{span.number}] {verdict.state}", _printable(span.document_id), f"{span.start}–{span.end}"]
        if verdict.place and verdict.state == "moved":
            parts[-1] += f" → {_printable(verdict.place.document_id)}"
            parts.append(f"{verdict.place.start}–{verdict.place.end}")
        lines.append(" · ".join(filter(None, (*parts, _printable(verdict.note)))))
    if not receipt.spans:
        lines.append("  a refusal: it cites nothing, so there is nothing to recheck")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """Text of a file that may come from anyone, on one line and unable to command a terminal."""
    return terminal_text(" ".join(text.split()))


def terminal_text(text: str) -> str:
    """Text that may come from anyone, as a terminal may have it: its lines and tabs stay, nothing in it commands.

    Control characters, line separators and what turns the direction of writing (Unicode Bidirectional Algorithm, UAX
    #9) become U+FFFD.
    """
    lines = text.replace("\r\n", "\n")
    return "".join("\ufffd" if _commands(character) else character for character in lines)


def terminal_json(record: Any) -> str:
    """Plain JSON values on one line, with nothing lost: what would command a terminal is escaped."""
    line = json.dumps(record, ensure_ascii=False)
    return "".join(f"\\u{ord(character):04x}" if _commands(character) else character for character in line)


def _commands(character: str) -> bool:
    if character in "\n\t":
        return False
    return character in _DIRECTIONS or unicodedata.category(character) in _COMMANDS


def verification_record(name: str, receipt: Receipt, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What became of a receipt, as plain JSON values: where each span stood, and in `now` where it stands."""
    spans = [
        {
            "number": span.number,
            "document_id": span.document_id,
            "start": span.start,
            "end": span.end,
            "quote": span.quote,
            "state": verdict.state,
            "now": asdict(verdict.place) if verdict.place else None,
            "note": verdict.note,
        }
        for span, verdict in zip(receipt.spans, verdicts, strict=True)
    ]
    return {"receipt": name, "question": receipt.question, "answered": bool(receipt.citations), "spans": spans}


def conversation_markdown(answers: Sequence[Answer], documents: Mapping[str, Document]) -> str:
    """A conversation as a Markdown document to keep: each question, what was said, and where it stands."""
    return "\n\n".join(f"## {plain_markdown(each.question)}\n\n{answer_markdown(each, documents)}" for each in answers)


def answer_markdown(answer: Answer, documents: Mapping[str, Document]) -> str:
    """The answer as Markdown, each quote with its number and place; the articles' own markup is shown as text."""
    blocks = [plain_markdown(note) for note in [searched_note(answer), conflict_note(answer)] if note]
    if answer.short is not None and not answer.conflict:
        blocks.append(f"**{plain_markdown(answer.short.quote)}** \\[{answer.short.number}\\]")
    for citation in answer.citations:
        where = f"\\[{citation.number}\\] {plain_markdown(place(citation, documents))}"
        blocks.append(f"> {plain_markdown(citation.quote)}\n>\n> — {where}")
    if not answer.answered:
        blocks.append(plain_markdown(answer.text))
        for hit in answer.hits[:3]:
            title = plain_markdown(documents[hit.passage.document_id].title)
            blocks.append(f"- **{title}**: {plain_markdown(shortened(hit.passage.text))}")
    if answer.written:
        sentences = [sentence_text(sentence, answer.written.language) for sentence in answer.written.sentences]
        blocks += [f"*{WRITTEN_BY[answer.written.language]}*", plain_markdown(" ".join(sentences))]
        blocks += map(plain_markdown, after_written(answer, documents))
    return "\n\n".join(blocks)


def plain_markdown(text: str) -> str:
    """Text on one line whose HTML and Markdown marks are shown, not obeyed; addresses do not become links."""
    line = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return _MARKDOWN.sub(r"\\\g<0>", html.escape(line, quote=False))
