"""The list of articles as HTML: which of them, in what order, and where each stands to the index."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from qa.inventory import ArticleFile, Standing
from qa.text import LANGUAGES, Language
from ui.interface import sends
from ui.texts import say

STANDINGS: tuple[Standing, ...] = ("indexed", "newer", "new", "left out", "removed")
SORTS = ("name", "title", "date", "size")
PAGE = 100  # articles that are listed at once


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the articles a visitor has chosen to see."""

    words: str = ""
    standing: str = ""
    language: str = ""
    sort: str = "title"
    shown: int = PAGE


def standing_name(standing: str, language: Language) -> str:
    """Where an article stands, in words."""
    return say(f"standing_{standing.replace(' ', '_')}", language)


def size_text(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 1e6:.1f}\u00a0MB" if size >= 1e6 else f"{max(size, 100) / 1e3:.1f}\u00a0kB"


def list_html(
    files: Sequence[ArticleFile], matching: Sequence[ArticleFile], choice: Choice, current: str, language: Language
) -> str:
    """The list.

    Args:
        files: all there are.
        matching: those with the words that are looked for.
        choice: of the visitor.
        current: the id of the article that is shown.
        language: of the page.
    """
    spoken = [file for file in matching if choice.language in ("", file.language)]
    standing = [file for file in matching if choice.standing in ("", file.standing)]
    chosen = [file for file in spoken if choice.standing in ("", file.standing)]
    rows = "".join(_row(file, current, language) for file in sorted(chosen, key=_order(choice.sort))[: choice.shown])
    more = len(chosen) - choice.shown
    rest = f'<button type="button" class="quiet" {sends("more")}>{say("list_more", language, count=more)}</button>'
    nothing = f'<p class="nothing">{say("list_nothing" if files else "list_empty", language)}</p>'
    return (
        f"{_standings(Counter(file.standing for file in spoken), choice, language)}"
        f"{_languages(files, Counter(file.language for file in standing), choice, language)}{_sorts(choice, language)}"
        f'<ul class="articles" aria-label="{say("articles", language)}">{rows}</ul>'
        f"{rest if more > 0 else ''}{'' if chosen else nothing}"
        f'<p class="unseen" role="status">{say("list_count", language, count=len(chosen))}</p>'
    )


def _order(sort: str) -> Callable[[ArticleFile], tuple[object, ...]]:
    match sort:
        case "date":  # the latest first, those without one last
            return lambda file: (not file.date, [-ord(character) for character in file.date[:10]], file.id)
        case "size":
            return lambda file: (-file.size, file.id)
        case "title":
            return lambda file: (file.title.casefold(), file.id)
    return lambda file: (file.id,)


def _standings(counts: Counter[Standing], choice: Choice, language: Language) -> str:
    choices = [("", say("standing_any", language), counts.total())]
    choices += [
        (each, standing_name(each, language), counts[each])
        for each in STANDINGS
        if counts[each] or each == choice.standing
    ]
    buttons = "".join(
        _choice("filter", value == choice.standing, f"{name} <small>{count:,}</small>", standing=value)
        for value, name, count in choices
    )
    return f'<p class="choices" role="group" aria-label="{say("standing", language)}">{buttons}</p>'


def _languages(
    files: Sequence[ArticleFile], counts: Counter[Language | None], choice: Choice, language: Language
) -> str:
    """The choice of a language, where there are articles in more than one."""
    if len({file.language for file in files if file.language}) < 2:
        return ""
    buttons = _choice("filter", not choice.language, say("standing_any", language), spoken="")
    for each in LANGUAGES:
        name = f"{say(each, language)} <small>{counts[each]:,}</small>"
        buttons += _choice("filter", each == choice.language, name, spoken=each)
    return _named_choices(say("language_of_article", language), buttons)


def _sorts(choice: Choice, language: Language) -> str:
    buttons = "".join(_choice("sort", each == choice.sort, say(f"sort_{each}", language), sort=each) for each in SORTS)
    return _named_choices(say("sort", language), buttons)


def _named_choices(label: str, buttons: str) -> str:
    return f'<p class="choices" role="group" aria-label="{label}"><span aria-hidden="true">{label}</span>{buttons}</p>'


def _choice(event: str, pressed: bool, label: str, **values: str) -> str:
    return f'<button type="button" aria-pressed="{str(pressed).lower()}" {sends(event, **values)}>{label}</button>'


def _row(file: ArticleFile, current: str, language: Language) -> str:
    facts = [file.id, file.date, say(file.language, language) if file.language else ""]
    facts += [size_text(file.size)] if file.size else []
    spoken = f' lang="{file.language}"' if file.language else ""
    shown = ' aria-current="true"' if file.id == current else ""
    stands = "" if file.standing == "indexed" else standing_html(file, language)
    title = f"<cite{spoken}>{escape(file.title)}</cite>"
    return (
        f'<li><button type="button" class="entry" {sends("read", name=file.id)}{shown}>{title}{stands}'
        f'<span class="facts">{" · ".join(map(escape, filter(None, facts)))}</span></button></li>'
    )


def standing_html(file: ArticleFile, language: Language) -> str:
    """Where an article stands, and why it cannot be read."""
    reason = f' title="{escape(file.reason.text(language))}"' if file.reason else ""
    name = standing_name(file.standing, language)
    return f'<span class="standing" data-standing="{file.standing}"{reason}>{name}</span>'
