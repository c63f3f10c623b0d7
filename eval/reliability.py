"""Draws what confidence is worth: the reliability diagram, and the risk of answering against its coverage.

    python eval/reliability.py RESULTS.json --output eval/reliability.svg

RESULTS.json is what `qa eval --output` wrote, or `eval/results.json`. The drawing is plain SVG.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SIDE = 260  # pixels of a panel
LEFT, TOP, GAP, BOTTOM = 60, 50, 90, 56  # pixels around and between them
WIDTH, HEIGHT = LEFT + 2 * SIDE + GAP + 20, TOP + SIDE + BOTTOM
INK, FAINT, COLOUR = "#222", "#ccc", "#2a6f97"
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def drawing(confidence: Mapping[str, Any]) -> str:
    """The SVG of both panels.

    Args:
        confidence: the part of that name of a report of `qa eval`.
    """
    right = LEFT + SIDE + GAP
    shapes = [
        *_frame(LEFT, "Reliability", "confidence", "share whose passages hold an answer"),
        *_reliability(LEFT, confidence["reliability"]),
        *_frame(right, "Risk and coverage", "share of questions answered", "share of the answers that is wrong"),
        *_risk(right, confidence),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}" role="img">'
    )
    title = "<title>Reliability of the confidence, and the risk of answering against its coverage</title>"
    return "\n".join([head, title, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *shapes, "</svg>", ""])


def _place(left: int, across: float, up: float) -> tuple[str, str]:
    """Where a point of the unit square stands in a panel."""
    return f"{left + SIDE * across:.1f}", f"{TOP + SIDE * (1 - up):.1f}"


def _text(x: float, y: float, text: str, more: str = 'text-anchor="middle"') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>'


def _frame(left: int, title: str, across: str, up: str) -> Iterator[str]:
    middle, height = left + SIDE / 2, TOP + SIDE / 2
    yield _text(middle, 20, title, 'text-anchor="middle" font-weight="bold"')
    yield _text(middle, HEIGHT - 14, across)
    yield _text(left - 40, height, up, f'text-anchor="middle" transform="rotate(-90 {left - 40} {height:.0f})"')
    yield f'<rect x="{left}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{FAINT}"/>'
    for tick in TICKS:
        yield _text(left + SIDE * tick, TOP + SIDE + 18, f"{tick:g}")
        yield _text(left - 6, TOP + SIDE * (1 - tick) + 4, f"{tick:g}", 'text-anchor="end"')


def _reliability(left: int, reliability: Mapping[str, Any]) -> Iterator[str]:
    """A bar a bin, as high as the share that held, its number of questions above it; the diagonal is perfect."""
    for each in reliability["bins"]:
        x, y = _place(left, each["low"], each["held"])
        width, height = SIDE * (each["high"] - each["low"]), SIDE * each["held"]
        yield (
            f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height:.1f}" fill="{COLOUR}" fill-opacity="0.45" '
            f'stroke="#fff"/>'
        )
        yield _text(float(x) + width / 2, float(y) - 3, str(each["count"]), 'text-anchor="middle" font-size="10"')
        x, y = _place(left, each["confidence"], each["held"])
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{COLOUR}"/>'
    (x1, y1), (x2, y2) = _place(left, 0, 0), _place(left, 1, 1)
    yield f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-dasharray="4 3"/>'
    error, brier = reliability["expected calibration error"], reliability["Brier score"]
    yield _text(left + SIDE / 2, TOP - 8, f"calibration error {error:.3f}, Brier score {brier:.3f}")


def _risk(left: int, confidence: Mapping[str, Any]) -> Iterator[str]:
    """The curve, and a dot where the refusals are now."""
    curve, answered = confidence["risk and coverage"], confidence["answered"]
    points = " ".join(",".join(_place(left, point["coverage"], point["risk"])) for point in curve["points"])
    yield f'<polyline points="{points}" fill="none" stroke="{COLOUR}" stroke-width="2"/>'
    caption = f"area {curve['area']:.3f}"
    if answered["risk"] is not None:
        x, y = _place(left, answered["coverage"], answered["risk"])
        yield f'<circle cx="{x}" cy="{y}" r="5" fill="{COLOUR}" stroke="#fff"/>'
        caption += f"; answered {answered['coverage']:.2f}, of these wrong {answered['risk']:.2f}"
    yield _text(left + SIDE / 2, TOP - 8, caption)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, help="what `qa eval --output` wrote")
    parser.add_argument("--output", type=Path, required=True, help="the SVG to write")
    options = parser.parse_args(arguments)
    report = json.loads(options.results.read_text(encoding="utf-8"))
    if "confidence" not in report:
        parser.error(f"{options.results} says nothing of confidence; name what `qa eval --output` wrote.")
    options.output.write_text(drawing(report["confidence"]), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
