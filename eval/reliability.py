"""Draws what confidence is worth: the reliability diagram, and the risk of answering against its coverage.

    python eval/reliability.py RESULTS.json --output eval/reliability.svg

RESULTS.json is what `qa eval --output` wrote, or `eval/results.json`. The drawing is plain SVG.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qa.drawing import Words, reliability_plot, risk_plot, svg


def drawing(confidence: Mapping[str, Any]) -> str:
    """The SVG of both plots.

    Args:
        confidence: the part of that name of a report of `qa eval`.
    """
    measured, curve, answered = (confidence[part] for part in ("reliability", "risk and coverage", "answered"))
    error, brier = measured["expected calibration error"], measured["Brier score"]
    figures = f"calibration error {error:.3f}, Brier score {brier:.3f}"
    area = f"area {curve['area']:.3f}"
    if answered["risk"] is not None:
        area += f"; answered {answered['coverage']:.2f}, of these wrong {answered['risk']:.2f}"
    share, wrong = "share of questions answered", "share of the answers that is wrong"
    reliability = Words("Reliability", "confidence", "share whose passages hold an answer", figures)
    plots = [
        reliability_plot(measured, reliability),
        risk_plot(confidence, Words("Risk and coverage", share, wrong, area)),
    ]
    title = "Reliability of the confidence, and the risk of answering against its coverage"
    return svg(plots, "confidence", title, f"{figures}; {area}.")


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
