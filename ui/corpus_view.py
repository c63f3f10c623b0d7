"""What stands beside the list of articles, as HTML: an article to read, or what would be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import quote

from qa.datatypes import Document
from qa.files import PLAIN, suffix_of
from qa.generations import Generation, number_of
from qa.inventory import ArticleFile
from qa.lint import Finding
from qa.text import Language
from ui.corpus_list import size_text, standing_html
from ui.interface import sends, table_html
from ui.markdown import markdown_html
from ui.texts import say

SHOWN_CHARACTERS = 200_000  # of an article; its whole text is a click away once it is indexed

Kind = Literal["", "article", "delete", "rename", "report", "generations", "lint"]


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor looks at: an article by its id, its text or a preview, with the line a finding is about."""

    kind: Kind = ""
    name: str = ""
    as_text: bool = False
    line: int = 0
    findings: tuple[Finding, ...] = ()


def button(event: str, key: str, language: Language, look: str = "", **values: int | str) -> str:
    """A button with the text of a key, which triggers an event."""
    return f'<button type="button" class="{look}" {sends(event, **values)}>{say(key, language)}</button>'


def back_html(language: Language) -> str:
    """The button that goes back to the list, on a phone."""
    return f'<button type="button" class="step back" aria-label="{say("back", language)}">‹</button>'


def welcome_html(may_edit: bool, language: Language) -> str:
    """What the panel is for, before anything is chosen."""
    how = say("corpus_how" if may_edit else "corpus_how_read_only", language)
    return f'<div class="nothing"><h2>{say("corpus_welcome", language)}</h2><p>{how}</p></div>'


def article_html(
    document: Document, file: ArticleFile, file_hash: str, view: View, edit: bool, language: Language
) -> str:
    """An article: what it is, what can be done with it, and its text rendered or letter by letter."""
    facts = [file.id, file.date, say(document.language, language), size_text(file.size)]
    line = " · ".join(map(escape, filter(None, facts)))
    as_text = view.as_text or bool(view.line) or suffix_of(file.id) != ".md"
    body = _text_html(document.text, view.line) if as_text else preview_html(document, document.title)
    cut = f'<p class="caution">{say("cut", language, count=f"{SHOWN_CHARACTERS:,}")}</p>'
    return (
        f'<article aria-label="{escape(document.title)}"><header>{back_html(language)}'
        f'<h2 lang="{document.language}">{escape(document.title)}</h2>'
        f'<p class="facts">{line} {standing_html(file, language)}</p>'
        f"{_actions(file, as_text, edit, language)}"
        f"{_asked_html(file, file_hash, view, edit, language)}"
        f"</header>{cut if len(document.text) > SHOWN_CHARACTERS else ''}"
        f'<div class="{"text" if as_text else "prose"}" lang="{document.language}">{body}</div></article>'
    )


def unreadable_html(file: ArticleFile, reason: str, file_hash: str, view: View, edit: bool, language: Language) -> str:
    """An article that is not there any more, or cannot be read, and why."""
    actions = _changes(file, language) if edit and file_hash else ""
    return (
        f'<article aria-label="{escape(file.title)}"><header>{back_html(language)}<h2>{escape(file.title)}</h2>'
        f'<p class="facts">{escape(file.id)} {standing_html(file, language)}</p><p class="actions">{actions}</p>'
        f"{_asked_html(file, file_hash, view, edit, language)}"
        f'</header><p class="caution">{escape(reason)}</p></article>'
    )


def preview_html(document: Document, title: str = "") -> str:
    """The body of an article, its Markdown rendered; but for its title, where that stands above."""
    return markdown_html(document.text[document.body_start : document.body_start + SHOWN_CHARACTERS], title)


def _text_html(text: str, line: int) -> str:
    """The text of an article letter by letter, one line of it marked."""
    lines = [escape(each) for each in text[:SHOWN_CHARACTERS].split("\n")]
    if 0 < line <= len(lines):
        lines[line - 1] = f'<mark class="current">{lines[line - 1]}</mark>'
    return "\n".join(lines)


def _actions(file: ArticleFile, as_text: bool, edit: bool, language: Language) -> str:
    actions = []
    if suffix_of(file.id) == ".md":
        key, other = ("as_preview", "preview") if as_text else ("as_text", "text")
        actions.append(button("read", key, language, name=file.id, look_at=other))
    if edit and suffix_of(file.id) in PLAIN:
        actions.append(button("edit", "edit", language, name=file.id))
    if edit:
        actions.append(_changes(file, language))
    if file.standing == "indexed":
        link = f"/articles/{quote(file.id)}"
        actions.append(f'<a href="{link}" target="_blank" rel="noopener">{say("file", language)}</a>')
    return f'<p class="actions">{"".join(actions)}</p>'


def _changes(file: ArticleFile, language: Language) -> str:
    """The buttons for what can be done with an article of any format."""
    return "".join(button("ask_back", kind, language, name=file.id, kind=kind) for kind in ("rename", "delete"))


def _asked_html(file: ArticleFile, file_hash: str, view: View, edit: bool, language: Language) -> str:
    """What is asked before an article is deleted or renamed; nothing where neither is to be."""
    if not edit or not file_hash or view.kind not in ("delete", "rename"):
        return ""
    asked = _delete_html if view.kind == "delete" else _rename_html
    return asked(file, file_hash, language)


def _rename_html(file: ArticleFile, file_hash: str, language: Language) -> str:
    label = say("new_name", language)
    return (
        f'<form class="asked-back" aria-label="{say("rename", language)}" '
        f"{sends('renamed', name=file.id, read_as=file_hash)}><label>{label}"
        f'<input name="to" value="{escape(file.id)}" maxlength="1000" required autocomplete="off" spellcheck="false">'
        f'</label><p class="actions"><button class="act">{say("rename", language)}</button>'
        f"{button('read', 'cancel', language, name=file.id)}</p></form>"
    )


def _delete_html(file: ArticleFile, file_hash: str, language: Language) -> str:
    return (
        f'<div class="asked-back" role="alertdialog" aria-label="{say("delete", language)}">'
        f'<p>{say("delete_sure", language, title=escape(file.title))}</p><p class="actions">'
        f"{button('really', 'delete_really', language, 'danger', name=file.id, read_as=file_hash)}"
        f"{button('read', 'keep', language, name=file.id)}</p></div>"
    )


def generations_html(found: Sequence[Generation], edit: bool, language: Language) -> str:
    """The generations of the index, the newest first, and the buttons that switch to another."""
    heads = [say(key, language) for key in ("generation", "built", "articles", "passages", "size")]
    heads.append(f'<span class="unseen">{say("switch_to", language)}</span>')
    rows = (_generation(each, edit, language) for each in reversed(found))
    back = button("rollback", "rollback", language) if edit and any(each.state == "kept" for each in found) else ""
    return (
        f"<section><header>{back_html(language)}<h2>{say('generations', language)}</h2>"
        f'<p class="facts">{say("generations_how", language)}</p><p class="actions">{back}</p></header>'
        f"{table_html(heads, rows, label=say('generations', language))}</section>"
    )


def _generation(each: Generation, edit: bool, language: Language) -> str:
    number = number_of(each.name)
    state = say(f"generation_{each.state}", language)
    switch = button("switch", "switch_to", language, number=number) if edit and each.state == "kept" else state
    created = escape(each.created.replace("T", " ").replace("+00:00", " UTC"))
    cells = (created, f"{each.documents:,}", f"{each.passages:,}", size_text(each.size), switch)
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-state="{each.state}"><th scope="row">{number}</th>{row}</tr>'


def lint_html(findings: Sequence[Finding], language: Language) -> str:
    """What is to be mended, each finding a button that opens its article."""
    errors = sum(finding.severity == "error" for finding in findings)
    counts = say("lint_counts", language, errors=errors, warnings=len(findings) - errors)
    rows = "".join(_finding(finding, language) for finding in findings)
    return (
        f"<section><header>{back_html(language)}<h2>{say('lint', language)}</h2>"
        f'<p class="facts">{counts if findings else say("lint_fine", language)}</p></header>'
        f'<ul class="findings">{rows}</ul></section>'
    )


def _finding(finding: Finding, language: Language) -> str:
    kind = say(f"lint_{finding.kind.replace(' ', '_').replace('-', '_')}", language)
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return (
        f'<li><button type="button" class="entry" {sends("read", name=finding.path, line=finding.line)}>'
        f'<cite data-severity="{finding.severity}">{say(f"severity_{finding.severity}", language)} · {kind}</cite>'
        f'<span>{escape(finding.message.text(language))}</span><span class="facts">{escape(place)}</span></button></li>'
    )
