"""Two runs side by side as HTML: how each measure changed, and the questions that moved. What files say is text."""

from html import escape

from qa.comparison import LOWER_IS_BETTER, Change, Comparison, Moved, compare
from qa.render import shortened
from qa.text import Language, dominant_language
from ui.failures import MOST_LISTED
from ui.figures import measure_label, measure_name
from ui.interface import sends, table_html
from ui.runs import Run
from ui.texts import say


def run_name(run: Run, language: Language) -> str:
    """What a run is called: its number, its questions, and what was set otherwise."""
    settings = ", ".join(setting_name(name, value, language) for name, value in run.settings.items())
    return " · ".join(filter(None, (str(run.number), run.name, settings)))


def setting_name(name: str, value: float, language: Language) -> str:
    """A setting in words."""
    if name == "ranked" and not value:
        return say("unranked", language)
    return f"{say(f'setting_{name}', language)} {value:g}" if name in SETTINGS else f"{name} {value:g}"


SETTINGS = (
    "ranked",
    "dense_weight",
    "alignment_weight",
    "lexical_weight",
    "crossing_lexical_weight",
    "minimum_confidence",
)


def comparison_html(old: Run, new: Run, language: Language) -> str:
    """What moved between two runs over the questions that both have, then over the follow-ups."""
    pairs = (("compared", old.outcomes, new.outcomes), ("follow_ups", old.follow_ups, new.follow_ups))
    found = [(key, compare(before, after)) for key, before, after in pairs if before and after]
    shared = [(key, each) for key, each in found if each.matched]
    if not shared:
        return f"<p role='alert'>{say('nothing_shared', language)}</p>"
    names = " → ".join(" · ".join(filter(None, (run_name(run, language), run.generation))) for run in (old, new))
    return f"<p>{escape(names)}</p>" + "".join(_compared(key, each, language) for key, each in shared)


def _compared(key: str, found: Comparison, language: Language) -> str:
    """Each measure, then each question that moved."""
    heads = [say(each, language) for each in ("measure", "old", "new", "difference_interval", "chance")]
    moved = "".join(_moved(each, language) for each in found.moved[:MOST_LISTED])
    more = (
        say("listed", language, shown=MOST_LISTED, count=f"{len(found.moved):,}")
        if len(found.moved) > MOST_LISTED
        else ""
    )
    apart = [
        say(each, language, count=len(names))
        for each, names in (("added", found.added), ("removed", found.removed), ("altered", found.altered))
        if names
    ]
    said = say("moved_count", language, moved=f"{len(found.moved):,}", matched=f"{found.matched:,}")
    title = f"<h4>{say(key, language)}</h4>" if key != "compared" else ""
    changes = (_change(each, language) for each in found.changes)
    label = " · ".join(dict.fromkeys((say("compared", language), say(key, language))))
    return (
        f"{title}{table_html(heads, changes, 'figures', label)}"
        f"<p>{' '.join([said, *apart, more])}</p><ul class='moved'>{moved}</ul>"
    )


def _change(change: Change, language: Language) -> str:
    better = (change.difference > 0) != (change.measure in LOWER_IS_BETTER)
    sure = change.low > 0 or change.high < 0
    sign = "" if not sure else say("better" if better else "worse", language)
    return (
        f'<tr><th scope="row">{escape(measure_label(change.measure, language))} <small>{change.count:,}</small></th>'
        f"<td>{change.old:.3f}</td><td>{change.new:.3f}</td><td>{change.difference:+.3f} "
        f"<small>{change.low:+.3f} … {change.high:+.3f}</small> {sign}</td>"
        f"<td>{'&lt; 0.001' if change.p < 0.001 else format(change.p, '.3f')} <small>{change.test}</small></td></tr>"
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
