"""What a report shows better than its figures say: recall@k, reliability, the risk of answering, as plain SVG.

A plot names its parts by class alone; `STYLE` gives them the colours of a plain document, a page gives them its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10
from typing import Any

SIDE = 260  # pixels of a panel
LEFT, TOP, RIGHT, BOTTOM = 60, 62, 20, 56  # pixels around it
WIDTH, HEIGHT = LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
RANKS = (1, 3, 5, 10)  # of recall@k
STYLE = (
    "text{fill:#222}.frame{fill:none;stroke:#ccc}.bar{fill:#2a6f97;fill-opacity:.45;stroke:#fff}"
    ".dot{fill:#2a6f97}.here{fill:#2a6f97;stroke:#fff}.curve{fill:none;stroke:#2a6f97;stroke-width:2}"
    ".interval{stroke:#2a6f97;stroke-opacity:.6}.ideal{stroke:#222;stroke-dasharray:4 3}.title{font-weight:bold}"
)
_INSET = 0.07  # of recall's first and last rank from the frame
_APART = 0.018  # between the points of two groups at one rank, so that their intervals do not cover each other
_SHARES = {tick: f"{tick:g}" for tick in TICKS}
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 5", "12 4")  # lines are told apart without colours too


@dataclass(frozen=True, slots=True)
class Words:
    """What stands beside a plot: its title, its axes, a line of figures below the title."""

    title: str
    across: str
    up: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: its words, its shapes as SVG, and the labels of its ticks, across and up, by their place in [0, 1]."""

    words: Words
    shapes: tuple[str, ...]
    ticks: Mapping[float, str] = field(default_factory=lambda: _SHARES)
    ticks_up: Mapping[float, str] = field(default_factory=lambda: _SHARES)


def reliability_plot(reliability: Mapping[str, Any], words: Words) -> Plot:
    """A bar a bin, as high as the share that held, its number of questions above it; the diagonal is perfect."""
    return Plot(words, tuple(_reliability(reliability)))


def risk_plot(confidence: Mapping[str, Any], words: Words) -> Plot:
    """The share wrong of what is answered, against the share answered, and a dot where the refusals are now."""
    return Plot(words, tuple(_risk(confidence)))


def recall_plot(recalls: Mapping[str, Sequence[Mapping[str, float]]], words: Words) -> Plot:
    """A line for each group: the share of questions with a passage that answers among the first k, with its interval.

    Args:
        recalls: by the label of the group, the `mean`, `low` and `high` for each of `RANKS`.
        words: beside the plot.
    """
    places = {rank: _INSET + (1 - 2 * _INSET) * (rank - 1) / (RANKS[-1] - 1) for rank in RANKS}
    return Plot(words, tuple(_lines(recalls, list(places.values()))), {at: str(rank) for rank, at in places.items()})


def curves_plot(curves: Mapping[str, Sequence[tuple[float, float]]], words: Words) -> Plot:
    """A line for each label, both axes by powers of ten.

    Args:
        curves: by label points (across, up), all above zero, from left to right.
        words: beside the plot.
    """
    across, up = (_decades([point[axis] for points in curves.values() for point in points]) for axis in (0, 1))
    placed = {label: [(across.place(x), up.place(y)) for x, y in points] for label, points in curves.items()}
    return Plot(words, tuple(_curves(placed)), across.ticks(), up.ticks())


@dataclass(frozen=True, slots=True)
class _Decades:
    """An axis from one power of ten to another."""

    first: int
    last: int

    def place(self, value: float) -> float:
        """Where a value stands, in [0, 1]."""
        return (log10(value) - self.first) / (self.last - self.first)

    def ticks(self) -> dict[float, str]:
        """A label for each power of ten, by its place."""
        return {self.place(10.0**power): f"{10.0**power:g}" for power in range(self.first, self.last + 1)}


def _decades(values: Sequence[float]) -> _Decades:
    first = floor(log10(min(values)))
    return _Decades(first, max(first + 1, ceil(log10(max(values)))))


def svg(plots: Sequence[Plot], name: str, title: str, description: str = "", style: str = STYLE) -> str:
    """One drawing of plots side by side, with what a screen reader says of it.

    Args:
        plots: from left to right.
        name: of its own in the document it is put into.
        title: what it is.
        description: what is to be seen in it.
        style: CSS to go with it; empty where the document has its own.
    """
    width = WIDTH * len(plots)
    said = f'<title id="{name}-title">{escape(title)}</title>'
    labels = f"{name}-title"
    if description:
        said += f'<desc id="{name}-description">{escape(description)}</desc>'
        labels += f" {name}-description"
    styled = [f'<style>{style}</style><rect width="{width}" height="{HEIGHT}" fill="#fff"/>'] if style else []
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-labelledby="{labels}">{said}'
    )
    panels = [
        line
        for number, plot in enumerate(plots)
        for line in (f'<g transform="translate({WIDTH * number} 0)">', *_frame(plot), *plot.shapes, "</g>")
    ]
    return "\n".join([head, *styled, *panels, "</svg>", ""])


def _place(across: float, up: float) -> tuple[str, str]:
    """Where a point of the unit square stands in a panel."""
    return f"{LEFT + SIDE * across:.1f}", f"{TOP + SIDE * (1 - up):.1f}"


def _text(x: float, y: float, text: str, more: str = 'text-anchor="middle"') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _frame(plot: Plot) -> Iterator[str]:
    middle, height, words = LEFT + SIDE / 2, TOP + SIDE / 2, plot.words
    yield _text(middle, 20, words.title, 'text-anchor="middle" class="title"')
    yield _text(middle, 40, words.caption)
    yield _text(middle, HEIGHT - 14, words.across)
    yield _text(LEFT - 40, height, words.up, f'text-anchor="middle" transform="rotate(-90 {LEFT - 40} {height:.0f})"')
    yield f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" class="frame"/>'
    for across, label in plot.ticks.items():
        yield _text(LEFT + SIDE * across, TOP + SIDE + 18, label)
    for up, label in plot.ticks_up.items():
        yield _text(LEFT - 6, TOP + SIDE * (1 - up) + 4, label, 'text-anchor="end"')


def _reliability(reliability: Mapping[str, Any]) -> Iterator[str]:
    for each in reliability["bins"]:
        x, y = _place(each["low"], each["held"])
        width, height = SIDE * (each["high"] - each["low"]), SIDE * each["held"]
        yield f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height:.1f}" class="bar"/>'
        yield _text(float(x) + width / 2, float(y) - 3, str(each["count"]), 'text-anchor="middle" font-size="10"')
        x, y = _place(each["confidence"], each["held"])
        yield f'<circle cx="{x}" cy="{y}" r="3" class="dot"/>'
    (x1, y1), (x2, y2) = _place(0, 0), _place(1, 1)
    yield f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="ideal"/>'


def _risk(confidence: Mapping[str, Any]) -> Iterator[str]:
    points = [(point["coverage"], point["risk"]) for point in confidence["risk and coverage"]["points"]]
    yield _polyline(points, 'class="curve"')
    answered = confidence["answered"]
    if answered["risk"] is not None:
        x, y = _place(answered["coverage"], answered["risk"])
        yield f'<circle cx="{x}" cy="{y}" r="5" class="here"/>'


def _lines(recalls: Mapping[str, Sequence[Mapping[str, float]]], places: Sequence[float]) -> Iterator[str]:
    """Each line with its label in a legend, which stands where recall is lowest and no line runs."""
    for number, (label, figures) in enumerate(recalls.items()):
        dash = f'class="curve" stroke-dasharray="{_DASHES[number % len(_DASHES)]}"'
        beside = [place + _APART * (number - (len(recalls) - 1) / 2) for place in places]
        yield _polyline([(place, each["mean"]) for place, each in zip(beside, figures, strict=True)], dash)
        for place, each in zip(beside, figures, strict=True):
            yield _interval(place, each)
        height = TOP + SIDE - 14 - 18 * (len(recalls) - 1 - number)
        yield f'<line x1="{LEFT + 48}" y1="{height - 4}" x2="{LEFT + 82}" y2="{height - 4}" {dash}/>'
        yield _text(LEFT + 88, height, label, "")


def _curves(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[str]:
    """Each line, its points, and its label in a legend above them."""
    for number, (label, points) in enumerate(curves.items()):
        dash = f'class="curve" stroke-dasharray="{_DASHES[number % len(_DASHES)]}"'
        yield _polyline(points, dash)
        for x, y in (_place(*point) for point in points):
            yield f'<circle cx="{x}" cy="{y}" r="3" class="dot"/>'
        height = TOP + 16 + 18 * number
        yield f'<line x1="{LEFT + 10}" y1="{height - 4}" x2="{LEFT + 44}" y2="{height - 4}" {dash}/>'
        yield _text(LEFT + 50, height, label, "")


def _interval(place: float, figure: Mapping[str, float]) -> str:
    """A dot at the mean, and a line from the lower to the upper end of its interval."""
    x, y = _place(place, figure["mean"])
    low, high = (_place(place, figure[end])[1] for end in ("low", "high"))
    line = f'<line x1="{x}" y1="{low}" x2="{x}" y2="{high}" class="interval"/>'
    return f'{line}<circle cx="{x}" cy="{y}" r="3" class="dot"/>'


def _polyline(points: Sequence[tuple[float, float]], more: str) -> str:
    return f'<polyline points="{" ".join(",".join(_place(*point)) for point in points)}" {more}/>'
