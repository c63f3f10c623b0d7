"""Builds as HTML: how far the running one is, how the last one ended, and what it did to passages and answers."""

from html import escape

from qa.building import BuildState, Built
from qa.changes import ArticleChanges, PassageChanges
from qa.datatypes import Answer
from qa.errors import BuildCancelledError, WenjuError
from qa.generations import BuildSummary, number_of
from qa.impact import Impact, MovedAnswer
from qa.text import Language
from ui.corpus_view import back_html, button
from ui.figures import measure_label
from ui.interface import sends, table_html
from ui.texts import say

ARTICLES_SHOWN, ANSWERS_SHOWN = 50, 100


def strip_html(state: BuildState, pending: int, edit: bool, language: Language) -> str:
    """One line above the list: a bar while a build runs, else how it ended, and what there is to build."""
    if state.step:
        label = say("stopping" if state.stopping else f"stage_{state.step.stage}", language)
        stop = button("stop", "stop", language) if edit and not state.stopping else ""
        done = f'value="{state.step.done}" max="{max(state.step.total, 1)}"' if state.step.total else ""
        return (
            f'<div class="strip running" role="group" aria-label="{say("building", language)}"><p><b>'
            f'{say("building", language)}</b> <span class="stage">{label}</span></p>'
            f'<progress {done} aria-label="{say("building", language)}"></progress>{stop}</div>'
        )
    told = _ended_html(state.ended, language) if state.ended else ""
    newer = say("strip_pending", language, count=pending) if pending else say("strip_fresh", language)
    build = (
        button("build", "build_now" if pending else "build_anyway", language, "act" if pending else "") if edit else ""
    )
    return f'<div class="strip">{told}<p class="actions">{newer} {build}</p></div>'


def _ended_html(ended: Built | WenjuError, language: Language) -> str:
    match ended:
        case BuildCancelledError():
            return f'<p role="status">{say("build_stopped", language)}</p>'
        case WenjuError():
            return f'<p role="alert">{escape(say("build_failed", language, problem=ended.for_visitors(language)))}</p>'
    number, changes = number_of(ended.summary.generation), ended.summary.changes
    told = say("build_ended", language, number=number, **_counts(changes))
    moved = ""
    if ended.impact:
        moved = say("answers_moved", language, moved=len(ended.impact.moved), asked=ended.impact.asked)
    return f'<p role="status">{told} {moved} {button("report", "report_open", language, "quiet")}</p>'


def _counts(changes: PassageChanges | ArticleChanges) -> dict[str, int]:
    return {name: getattr(changes, name) for name in ("added", "changed", "removed")}


def report_html(built: Built, language: Language) -> str:
    """What a build did: to the passages by article, what it left out, and which answers moved."""
    number = number_of(built.summary.generation)
    return (
        f"<section><header>{back_html(language)}<h2>{say('report', language, number=number)}</h2>"
        f'<p class="facts">{_summary_text(built.summary, language)}</p></header>'
        f"{_changes_html(built.summary, language)}{_left_out_html(built.summary, language)}"
        f"{_impact_html(built.impact, language) if built.impact else _no_impact_html(language)}</section>"
    )


def _no_impact_html(language: Language) -> str:
    return f'<h3>{say("answers", language)}</h3><p class="facts">{say("no_questions", language)}</p>'


def _summary_text(summary: BuildSummary, language: Language) -> str:
    return say(
        "report_summary", language, documents=f"{summary.documents:,}", passages=f"{summary.passages:,}",
        seconds=f"{summary.seconds:.1f}",
    )  # fmt: skip


def _changes_html(summary: BuildSummary, language: Language) -> str:
    changes = summary.changes
    told = say("changes", language, kept=f"{changes.kept:,}", **_counts(changes))
    rows = "".join(
        _article_html(each.document_id, say("changes_of", language, **_counts(each)))
        for each in changes.articles[:ARTICLES_SHOWN]
    )
    more = len(changes.articles) - ARTICLES_SHOWN
    rest = f'<p class="facts">{say("and_more", language, count=more)}</p>' if more > 0 else ""
    return f'<h3>{say("passages", language)}</h3><p>{told}</p><ul class="plain">{rows}</ul>{rest}'


def _article_html(identity: str, facts: str) -> str:
    """An item with the button that opens an article, and what there is to say of it."""
    name = escape(identity)
    button = f'<button type="button" class="link" {sends("read", name=identity)}>{name}</button>'
    return f'<li>{button} <span class="facts">{escape(facts)}</span></li>'


def _left_out_html(summary: BuildSummary, language: Language) -> str:
    if not summary.unreadable:
        return ""
    rows = "".join(_article_html(each.path, each.reason.text(language)) for each in summary.unreadable)
    return f'<h3>{say("standing_left_out", language)}</h3><ul class="plain">{rows}</ul>'


def _impact_html(impact: Impact, language: Language) -> str:
    moved = say("answers_moved", language, moved=len(impact.moved), asked=impact.asked)
    cited = say("cited_before", language, **impact.citations)
    rows = "".join(_moved_html(each, language) for each in impact.moved[:ANSWERS_SHOWN])
    more = len(impact.moved) - ANSWERS_SHOWN
    rest = f'<p class="facts">{say("and_more", language, count=more)}</p>' if more > 0 else ""
    return (
        f'<h3>{say("answers", language)}</h3><p>{moved}</p><p class="facts">{cited}</p>'
        f'{_measures_html(impact, language)}<ol class="moved">{rows}</ol>{rest}'
    )


def _measures_html(impact: Impact, language: Language) -> str:
    """The measures that moved, where the right answers are known."""
    changes = [each for each in impact.comparison.changes if each.difference] if impact.comparison else []
    rows = [
        f'<tr><th scope="row">{escape(measure_label(each.measure, language))}</th><td>{each.old:.3f}</td>'
        f"<td>{each.new:.3f}</td><td>{each.difference:+.3f}</td></tr>"
        for each in changes
    ]
    heads = [say(key, language) for key in ("measure", "before", "after", "difference")]
    return table_html(heads, rows, label=say("measures", language)) if rows else ""


def _moved_html(moved: MovedAnswer, language: Language) -> str:
    what = "、".join if language == "zh" else ", ".join
    kinds = what(say(f"moved_{each.replace(' ', '_')}", language) for each in moved.what)
    question, hint = escape(moved.question.question), say("ask_it", language)
    asks = f'<button type="button" class="link" data-ask="{question}" title="{hint}">{question}</button>'
    said = "".join(
        f"<dt>{say(when, language)}</dt><dd>{_said(answer, language)}</dd>"
        for when, answer in (("before", moved.before), ("after", moved.after))
    )
    return f'<li>{asks} <span class="facts">{kinds}</span><dl>{said}</dl></li>'


def _said(answer: Answer, language: Language) -> str:
    """The short answer, or the sides of a conflict, or what is cited; of a refusal that it is one."""
    if not answer.answered:
        return say("refusal", language)
    sides = answer.conflict or ((answer.short,) if answer.short else ())
    short = " / ".join(f"<b>{escape(side.quote)}</b>" for side in sides)
    cited = "".join(f"<q>{escape(' '.join(each.quote.split()))}</q>" for each in answer.citations)
    return f"{short} {cited}"
