"""Two runs side by side as HTML: how each measure changed, and the questions that moved. What files say is text."""

from html import escape

from qa.comparison import LOWER_IS_BETTER, Change, Moved, compare
from qa.render import shortened
from qa.text import Language, dominant_language
from ui.failures import MOST_LISTED
from ui.figures import measure_name
from ui.interface import sends
from ui.runs import Run
from ui.texts import say


def run_name(run: Run, language: Language) -> str:
    """What a run is called: its number, its questions, and what of the search was set otherwise."""
    settings = ", ".join(setting_name(name, value, language) for name, value in run.settings.items())
    return " · ".join(filter(None, (str(run.number), run.name, settings)))


def setting_name(name: str, value: float, language: Language) -> str:
    """A setting of the search in words."""
    if name == "ranked" and not value:
        return say("unranked", language)
    return f"{say(f'setting_{name}', language)} {value:g}" if name in SETTINGS else f"{name} {value:g}"


SETTINGS = ("ranked", "dense_weight", "alignment_weight", "lexical_weight", "crossing_lexical_weight")


def comparison_html(old: Run, new: Run, language: Language) -> str:
    """What moved between two runs over the questions that both have."""
    found = compare(old.outcomes, new.outcomes)
    if not found.matched:
        return f"<p role='alert'>{say('nothing_shared', language)}</p>"
    changes = "".join(_change(each, language) for each in found.changes)
    heads = "".join(
        f'<th scope="col">{say(key, language)}</th>'
        for key in ("measure", "old", "new", "difference_interval", "chance")
    )
    moved = "".join(_moved(each, language) for each in found.moved[:MOST_LISTED])
    more = (
        say("listed", language, shown=MOST_LISTED, count=f"{len(found.moved):,}")
        if len(found.moved) > MOST_LISTED
        else ""
    )
    apart = [
        say(key, language, count=len(names))
        for key, names in (("added", found.added), ("removed", found.removed), ("altered", found.altered))
        if names
    ]
    said = say("moved_count", language, moved=f"{len(found.moved):,}", matched=f"{found.matched:,}")
    label = say("compared", language)
    return (
        f"<p>{escape(run_name(old, language))} → {escape(run_name(new, language))}</p>"
        f'<div class="wide" role="region" tabindex="0" aria-label="{label}"><table class="figures">'
        f"<thead><tr>{heads}</tr></thead><tbody>{changes}</tbody></table></div>"
        f"<p>{' '.join([said, *apart, more])}</p><ul class='moved'>{moved}</ul>"
    )


def _change(change: Change, language: Language) -> str:
    better = (change.difference > 0) != (change.measure in LOWER_IS_BETTER)
    sure = change.low > 0 or change.high < 0
    sign = "" if not sure else say("better" if better else "worse", language)
    return (
        f'<tr><th scope="row">{escape(measure_name(change.measure, language))} <small>{change.count:,}</small></th>'
        f"<td>{change.old:.3f}</td><td>{change.new:.3f}</td><td>{change.difference:+.3f} "
        f"<small>{change.low:+.3f} … {change.high:+.3f}</small> {sign}</td>"
        f"<td>{change.p:.3f} <small>{change.test}</small></td></tr>"
    )


def _moved(moved: Moved, language: Language) -> str:
    measures = ", ".join(
        f"{'+' if gained else '−'} {escape(measure_name(name, language))} {_value(old)} → {_value(new)}"
        for gained, each in ((True, moved.gained), (False, moved.lost))
        for name, (old, new) in each.items()
    )
    short = ""
    if moved.old_short != moved.new_short:
        short = (
            f"<span>{escape(shortened(moved.old_short or '–'))} → {escape(shortened(moved.new_short or '–'))}</span>"
        )
    return (
        f'<li><button type="button" lang="{dominant_language(moved.question)}" {sends("question", id=moved.id)}>'
        f"{escape(moved.question)}</button><span class='quiet'>{measures}</span>{short}</li>"
    )


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
