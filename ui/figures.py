"""A run as HTML: its figures with intervals, its plots with the same numbers as tables. What files say is text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from qa.comparison import LOWER_IS_BETTER
from qa.drawing import RANKS, Plot, Words, recall_plot, reliability_plot, risk_plot, svg
from qa.evaluation import SUPPORTING
from qa.text import Language
from ui.interface import table_html
from ui.runs import Run
from ui.texts import say

# measure: the key of its name; empty where both languages call it as the report does.
MEASURES = {
    **{f"recall@{rank}": f"recall_{rank}" for rank in RANKS},
    "MRR": "",
    "nDCG@10": "",
    "answer recall": "answer_recall",
    "citation precision": "citation_precision",
    "exact match": "exact_match",
    "F1": "f1",
    "wrongly refused": "wrongly_refused",
    "rightly refused": "rightly_refused",
    "conflict shown": "conflict_shown",
    "false conflict": "false_conflict",
    "Brier score": "brier",
    "document recall@1": "document_recall_1",
    "document recall@5": "document_recall_5",
    "rewritten": "rewritten",
    "wrongly rewritten": "wrongly_rewritten",
    SUPPORTING: "supporting",
    "short where answered": "short_where_answered",
    "exact match where short": "exact_match_where_short",
    "F1 where short": "f1_where_short",
}
COMPARED_ONLY = (SUPPORTING, "short where answered", "exact match where short", "F1 where short")
IN_FULL = " in full"  # a measure of follow-ups, asked so
# group of a report: the key of its name; those of languages in the order they are shown in.
LANGUAGES = {
    "all": "all",
    "language: zh": "zh",
    "language: en": "en",
    "language: zh across": "zh_across",
    "language: en across": "en_across",
    "language: zh unanswerable": "zh_unanswerable",
    "language: en unanswerable": "en_unanswerable",
}
TYPES = ("date", "number", "person", "organisation", "place", "definition", "list", "comparison", "why", "how", "other")
KINDS = {
    "why and how": "why_and_how",
    "conflict": "conflict",
    "type: first": "first",
    **{f"type: {each}": each for each in TYPES},
}
TURNS = {"turns: first": "first", "turns: follow-up": "follow_up", "turns: standalone": "standalone"}
_OF_TURNS = (
    "document recall@1", "document recall@5", "answer recall", "wrongly refused", "rightly refused", "rewritten",
    "wrongly rewritten",
)  # fmt: skip
_BY_TYPE = ("recall@1", "recall@5", "nDCG@10", "answer recall", "citation precision", "F1")

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]


def measure_name(measure: str, language: Language) -> str:
    """The name of a measure in a language; one the page does not know is called as it is."""
    whole = measure.removesuffix(IN_FULL)
    name = say(f"measure_{MEASURES[whole]}", language) if MEASURES.get(whole) else whole
    return name if whole == measure else f"{name} · {say('in_full', language)}"


def measure_label(measure: str, language: Language) -> str:
    """The same, and whether less of it is better, where it stands beside figures."""
    parts = [measure_name(measure, language)]
    if measure in LOWER_IS_BETTER:
        parts.append(say("lower_is_better", language))
    return ("" if language == "zh" else " ").join(parts)


def group_name(group: str, language: Language) -> str:
    """The name of a group of questions, whether by languages or by type."""
    key = (LANGUAGES | KINDS | TURNS).get(group)
    return say(f"group_{key}", language) if key else escape(group.partition(": ")[2] or group)


def figures_html(run: Run, language: Language) -> str:
    """All figures: by languages with every measure, then by type of question with the main ones."""
    figures: Figures = run.report["figures"]
    pairs = _language_groups(figures)
    kinds = [group for group in figures if group not in pairs]
    by_language = [
        (measure_label(measure, language), [figures[group].get(measure) for group in pairs])
        for measure in MEASURES
        if measure not in COMPARED_ONLY
    ]
    by_kind = [(group_name(group, language), [figures[group].get(measure) for measure in _BY_TYPE]) for group in kinds]
    heads = [f"{group_name(group, language)} <small>{_count(figures[group])}</small>" for group in pairs]
    names = [measure_label(measure, language) for measure in _BY_TYPE]
    return (
        f"<h3>{say('by_language', language)}</h3><p class='quiet'>{say('intervals', language)}</p>"
        f"{_table('by_language', 'measure', heads, by_language, language)}"
        f"<h3>{say('by_type', language)}</h3>{_table('by_type', 'type', names, by_kind, language)}"
        f"{_follow_ups_html(run, language)}"
    )


def _follow_ups_html(run: Run, language: Language) -> str:
    """The figures of conversations by kind of turn, a follow-up also as it is found when asked in full."""
    if not run.follow_ups:
        return ""
    figures: Figures = run.report["follow_ups"]["figures"]
    rows = [
        row for group in sorted(figures, key=_place_of_turns) for row in _turn_rows(group, figures[group], language)
    ]
    names = [measure_label(measure, language) for measure in _OF_TURNS]
    return (
        f"<h3>{say('follow_ups', language)}</h3><p class='quiet'>{say('follow_ups_how', language)}</p>"
        f"{_table('follow_ups', 'turn', names, rows, language)}"
    )


def _turn_rows(
    group: str, measures: Mapping[str, Mapping[str, float]], language: Language
) -> Iterator[tuple[str, list[Mapping[str, float] | None]]]:
    """How turns of a kind fare as they are asked, and in full."""
    kind, _, spoken = group.partition(", ")
    name = group_name(kind, language) + (f" · {group_name(f'language: {spoken}', language)}" if spoken else "")
    yield f"{name} <small>{_count(measures)}</small>", [measures.get(measure) for measure in _OF_TURNS]
    in_full = [measures.get(f"{measure}{IN_FULL}") for measure in _OF_TURNS]
    yield f"{name} · {say('in_full', language)}", in_full


def _place_of_turns(group: str) -> tuple[bool, int, str]:
    """All languages together, then each; first turns before follow-ups before later ones that stand alone."""
    kind, _, spoken = group.partition(", ")
    return bool(spoken), [*TURNS, kind].index(kind), group


def _language_groups(figures: Figures) -> list[str]:
    """The groups by language: all, then each pair that is known, then what else a report may have."""
    others = [group for group in figures if group.startswith("language: ") and group not in LANGUAGES]
    return [group for group in LANGUAGES if group in figures] + others


def _count(measures: Mapping[str, Mapping[str, float]]) -> str:
    return f"{max((int(figure['count']) for figure in measures.values()), default=0):,}"


def _table(
    caption: str,
    corner: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Mapping[str, float] | None]]],
    language: Language,
) -> str:
    """A table of figures; rows where nobody has any are left out."""
    body = (_line(name, map(_cell, cells)) for name, cells in rows if any(cells))
    return table_html([say(corner, language), *heads], body, "figures", say(caption, language))


def _line(name: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def _cell(figure: Mapping[str, float] | None) -> str:
    if not figure:
        return "<td>–</td>"
    interval = f"{figure['low']:.2f}–{figure['high']:.2f}"
    return f'<td title="n = {int(figure["count"]):,}">{figure["mean"]:.3f} <small>{interval}</small></td>'


def plots_html(run: Run, language: Language) -> str:
    """Recall@k, the risk of answering, and reliability; each drawn, and as a table."""
    figures, confidence = run.report["figures"], run.report["confidence"]
    drawn = [_recall(figures, language), _risk(confidence, language), _reliability(confidence, language)]
    plots = "".join(
        f"<figure>{svg([plot], f'plot-{number}', plot.words.title, description, style='')}"
        f"<details><summary>{say('numbers', language)}</summary>{table}</details></figure>"
        for number, (plot, description, table) in enumerate(drawn)
    )
    return f'<div class="plots">{plots}</div>'


def _recall(figures: Figures, language: Language) -> tuple[Plot, str, str]:
    needed = {f"recall@{rank}" for rank in RANKS}
    groups = [group for group in _language_groups(figures) if needed <= figures[group].keys()]
    recalls = {group_name(group, language): [figures[group][f"recall@{rank}"] for rank in RANKS] for group in groups}
    words = Words(say("recall_plot", language), "k", say("recall_up", language))
    described = "; ".join(
        f"{name}: {', '.join(format(each['mean'], '.2f') for each in measured)}" for name, measured in recalls.items()
    )
    rows = [_line(name, map(_cell, measured)) for name, measured in recalls.items()]
    heads = [say("group", language), *(f"k = {rank}" for rank in RANKS)]
    return recall_plot(recalls, words), described, table_html(heads, rows)


def _risk(confidence: Mapping[str, Any], language: Language) -> tuple[Plot, str, str]:
    curve, answered = confidence["risk and coverage"], confidence["answered"]
    caption = say("risk_caption", language, area=f"{curve['area']:.3f}")
    described = caption
    if answered["risk"] is not None:
        shares = {name: f"{answered[name]:.2f}" for name in ("coverage", "risk")}
        described = f"{caption} {say('risk_here', language, **shares)}"
    words = Words(say("risk_plot", language), say("risk_across", language), say("risk_up", language), caption)
    heads = [say(key, language) for key in ("confidence_from", "risk_across", "risk_up")]
    rows = [
        _line(f"{point['confidence']:.3f}", (f"<td>{point[name]:.3f}</td>" for name in ("coverage", "risk")))
        for point in _twentieths(curve["points"])
    ]
    return risk_plot(confidence, words), described, table_html(heads, rows)


def _twentieths(points: Sequence[Mapping[str, float]]) -> Iterator[Mapping[str, float]]:
    """Of many points the first beyond each twentieth of coverage: a table is to be read."""
    reached = 0.0
    for point in points:
        if point["coverage"] >= reached:
            yield point
            reached = (int(point["coverage"] * 20) + 1) / 20


def _reliability(confidence: Mapping[str, Any], language: Language) -> tuple[Plot, str, str]:
    measured = confidence["reliability"]
    errors = {"error": f"{measured['expected calibration error']:.3f}", "brier": f"{measured['Brier score']:.3f}"}
    caption = say("reliability_caption", language, **errors)
    words = Words(
        say("reliability_plot", language), say("reliability_across", language), say("reliability_up", language), caption
    )
    heads = [say(key, language) for key in ("confidence_bin", "reliability_across", "reliability_up", "count")]
    rows = [
        _line(
            f"{each['low']:.1f}–{each['high']:.1f}",
            (f"<td>{value}</td>" for value in (f"{each['confidence']:.3f}", f"{each['held']:.3f}", each["count"])),
        )
        for each in measured["bins"]
    ]
    return reliability_plot(measured, words), caption, table_html(heads, rows)
