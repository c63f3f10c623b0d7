"""The tables of `docs/peers.md` and their drawing, from the figures that `eval/peers/run.py` kept.

    python eval/peers/table.py

A test compares both with the figures, so that neither changes alone.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the other scripts of eval/

from arguments import filled

from qa.drawing import LEFT, SIDE, TOP, Plot, Words, svg

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
DOCUMENT = HERE.parents[1] / "docs" / "peers.md"
DRAWING = HERE.parents[1] / "docs" / "peers.svg"
OURS = "wenju, bundled"
NAMES = {
    "wenju": "Wenju",
    "langchain": "LangChain",
    "llama_index": "LlamaIndex",
    "haystack": "Haystack",
    "txtai": "txtai",
    "rank_bm25": "rank_bm25",
    "teacher": "MiniLM",
    "bundled": "Wenju's model",
    "jieba": "jieba",
    "characters": "Han characters",
}
QUALITY = ("recall@1", "recall@5", "right sentence")


def rounded(value: float) -> str:
    """Three digits, or as many as a whole number has."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


COLUMNS: dict[str, Callable[[float], str]] = {
    **dict.fromkeys(QUALITY, "{:.3f}".format),
    **dict.fromkeys(("index seconds", "p50", "p95", "cold start"), rounded),
    "memory building": lambda count: f"{count / 1e6:.0f}",
    "memory asking": lambda count: f"{count / 1e6:.0f}",
    "disk": lambda count: f"{count / 1e6:.1f}",
}
HEADS = ("R@1", "R@5", "right sentence", "index, s", "p50, ms", "p95, ms", "cold start, s",
         "memory building, MB", "asking, MB", "disk, MB")  # fmt: skip
DECADES = (-1, 4)  # powers of ten, in milliseconds, that the drawing shows

_LETTER, _LINE = 4.8, 10.0  # width and height of a label's letter in the drawing

Figures = Mapping[str, Mapping[str, Any]]


def label(setup: str) -> str:
    """A setup as a reader knows it."""
    return "Wenju" if setup == OURS else ", ".join(NAMES[part] for part in setup.split(", "))


def in_order(figures: Figures) -> dict[str, Mapping[str, Any]]:
    """By peer, embedder and words; Wenju first."""
    places = list(NAMES)
    return {name: figures[name] for name in sorted(figures, key=lambda name: [*map(places.index, name.split(", "))])}


def measured(figures: Figures) -> dict[str, Mapping[str, Any]]:
    """Those that did not fail."""
    return {name: row for name, row in in_order(figures).items() if "failed" not in row}


def title(name: str, measured_on: Mapping[str, Any]) -> str:
    """A set with its size."""
    shown = "XQuAD zh + en among made passages" if name == "synthetic" else name
    return f"{shown}: {measured_on['questions']:,} questions, {measured_on['passages']:,} passages"


def set_tables(sets: Mapping[str, Any]) -> str:
    """A table for each set, its best figures of quality in bold."""
    parts = []
    for name, of_set in sets.items():
        rows = measured(of_set["figures"])
        best = {column: max(COLUMNS[column](row[column]) for row in rows.values()) for column in QUALITY}
        lines = [f"### {title(name, of_set)}\n", "| | " + " | ".join(HEADS) + " |", "|---" * (1 + len(HEADS)) + "|"]
        for setup, row in in_order(of_set["figures"]).items():
            if "failed" in row:
                cells = [f"failed: {row['failed']}", *[""] * (len(HEADS) - 1)]
            else:
                shown = {column: write(row[column]) for column, write in COLUMNS.items()}
                cells = [f"**{cell}**" if cell == best.get(column) else cell for column, cell in shown.items()]
            lines.append(f"| {label(setup)} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def behind(sets: Mapping[str, Any]) -> str:
    """Every figure in which some peer does better than Wenju, and the peer that does best."""
    lines = ["| set | figure | Wenju | best peer | |", "|---|---|---|---|---|"]
    for name, of_set in sets.items():
        rows = measured(of_set["figures"])
        for (column, write), head in zip(COLUMNS.items(), HEADS, strict=True):
            sign = -1 if column in QUALITY else 1
            first = min(rows, key=lambda setup: (sign * rows[setup][column], setup != OURS))
            ours, theirs = write(rows[OURS][column]), write(rows[first][column])
            if ours != theirs:
                lines.append(f"| {title(name, of_set).split(':')[0]} | {head} | {ours} | {theirs} | {label(first)} |")
    return "\n".join(lines)


def speed(sets: Mapping[str, Any]) -> str:
    """How many times as long the fastest peer takes as Wenju, and the fastest of those that find as much."""
    lines = ["| set | figure | fastest peer | fastest peer with recall@1 no lower than Wenju's |", "|---|---|---|---|"]
    for name, of_set in sets.items():
        rows = measured(of_set["figures"])
        ours = rows.pop(OURS)
        equal = {setup: row for setup, row in rows.items() if row["recall@1"] >= ours["recall@1"]}
        for column, head in (("index seconds", "index"), ("p50", "question, p50"), ("p95", "question, p95")):
            cells = [_times(column, ours, among) for among in (rows, equal)]
            lines.append(f"| {title(name, of_set).split(':')[0]} | {head} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _times(column: str, ours: Mapping[str, Any], rows: Figures) -> str:
    if not rows:
        return "there is none"
    fastest = min(rows, key=lambda setup: rows[setup][column])
    return f"{rows[fastest][column] / ours[column]:.2g} × ({label(fastest)})"


def installations(installed: Mapping[str, Any]) -> str:
    """What each peer takes before anything is indexed, and what its user writes."""
    lines = ["| | installed, MB | lines a user writes | versions |", "|---|---|---|---|"]
    for peer in filter(installed.get, NAMES):
        row = installed[peer]
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        lines.append(f"| {NAMES[peer]} | {row['bytes'] / 1e6:,.0f} | {row['lines']} | {versions} |")
    return "\n".join(lines)


def drawing(sets: Mapping[str, Any]) -> str:
    """The SVG: recall@1 of every setup on each set, and against the time of a question among the most passages."""
    plots = [
        Plot(Words(name, "", "recall@1", f"{of_set['passages']:,} passages"), tuple(_bars(of_set["figures"])), {})
        for name, of_set in sets.items()
        if name != "synthetic"
    ]
    if "synthetic" in sets:
        low, high = DECADES
        ticks = {(power - low) / (high - low): f"{10.0**power:g}" for power in range(low, high + 1)}
        words = Words("A question", "milliseconds, p50", "recall@1", f"{sets['synthetic']['passages']:,} passages")
        plots.append(Plot(words, tuple(_dots(sets["synthetic"]["figures"])), ticks))
    said = "; ".join(
        f"{name}: Wenju {rows[OURS]['recall@1']:.3f}, the best peer {best:.3f}"
        for name, rows in ((name, measured(of_set["figures"])) for name, of_set in sets.items())
        for best in [max((row["recall@1"] for setup, row in rows.items() if setup != OURS), default=0.0)]
    )
    return svg(plots, "peers", "Recall@1 of Wenju and its peers", f"{said}.")


def _bars(figures: Figures) -> Iterator[str]:
    rows = measured(figures)
    width = SIDE / len(rows)
    for number, (setup, row) in enumerate(rows.items()):
        height, x = SIDE * row["recall@1"], LEFT + number * width
        kind, colour = ("here", ' style="fill:#fff"') if setup == OURS else ("bar", "")
        yield (
            f'<rect x="{x:.1f}" y="{TOP + SIDE - height:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'class="{kind}"/>'
        )
        turned = f"translate({x + width / 2 + 3:.1f} {TOP + SIDE - 5}) rotate(-90)"
        yield f'<text transform="{turned}" font-size="9"{colour}>{escape(label(setup))}</text>'


def _dots(figures: Figures) -> Iterator[str]:
    """A dot for each setup, best first, with its label on the side where that stands nearest to it; a line leads to one
    that had to give way.
    """
    low, high = DECADES
    dots = [
        (setup, LEFT + SIDE * (math.log10(row["p50"]) - low) / (high - low), TOP + SIDE * (1 - row["recall@1"]))
        for setup, row in sorted(measured(figures).items(), key=lambda pair: -float(pair[1]["recall@1"]))
    ]
    taken = [(x - 4, x + 4, y + 3) for _, x, y in dots]  # left, right and foot of each dot, and of each label
    for setup, x, y in dots:
        kind, radius = ("here", 6) if setup == OURS else ("dot", 3)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind}"/>'
        width = _LETTER * len(label(setup))
        sides = [(x + 8, x + 8, "start"), (x - 8 - width, x - 8, "end")]
        inside = [side for side in sides if side[0] >= LEFT and side[0] + width <= LEFT + SIDE] or sides[1:]
        foot, left, at, anchor = min((_free(taken, left, left + width, y + 3), left, *rest) for left, *rest in inside)
        taken.append((left, left + width, foot))
        if foot > y + 3:
            yield f'<path d="M{x:.1f} {y:.1f}L{at:.1f} {foot - 3:.1f}" stroke="currentColor" stroke-width="0.5"/>'
        placed = f'x="{at:.1f}" y="{foot:.1f}" font-size="9" text-anchor="{anchor}"'
        yield f"<text {placed}>{escape(label(setup))}</text>"


def _free(taken: Sequence[tuple[float, float, float]], left: float, right: float, foot: float) -> float:
    """Where the foot of a label may stand that meets nothing, there or below."""
    while any(left < end and start < right and abs(foot - other) < _LINE for start, end, other in taken):
        foot += 1
    return foot


def with_tables(text: str, report: Mapping[str, Any]) -> str:
    """The document with its tables written anew."""
    where = report["machine"]
    threads = f", {where['threads']} of them used by the libraries" if where["threads"] else ""
    tables = {
        "machine": f"{where['system']}, {where['cores']} cores{threads}, Python {where['Python']}.",
        "sets": set_tables(report["sets"]),
        "behind": behind(report["sets"]),
        "speed": speed(report["sets"]),
        "installations": installations(report["installations"]),
    }
    return filled(text, tables)


def main() -> int:
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = with_tables(DOCUMENT.read_text(encoding="utf-8"), report)
    DOCUMENT.write_text(text, encoding="utf-8", newline="\n")
    DRAWING.write_text(drawing(report["sets"]), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
