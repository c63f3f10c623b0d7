import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import reliability

from qa.drawing import LEFT, SIDE, TOP

SVG = "{http://www.w3.org/2000/svg}"
CONFIDENCE = {
    "reliability": {
        "expected calibration error": 0.125,
        "Brier score": 0.25,
        "bins": [
            {"low": 0.0, "high": 0.1, "count": 3, "confidence": 0.05, "held": 0.0},
            {"low": 0.5, "high": 0.6, "count": 12, "confidence": 0.55, "held": 0.75},
        ],
    },
    "risk and coverage": {
        "area": 0.375,
        "points": [
            {"confidence": 0.55, "coverage": 0.8, "risk": 0.25},
            {"confidence": 0.05, "coverage": 1.0, "risk": 0.5},
        ],
    },
    "answered": {"coverage": 0.8, "risk": 0.25},
}


def drawn(confidence: object, folder: Path) -> ElementTree.Element:
    """The drawing that the command makes of a report."""
    report, output = folder / "report.json", folder / "drawing.svg"
    report.write_text(json.dumps({"confidence": confidence}), encoding="utf-8")
    assert reliability.main([str(report), "--output", str(output)]) == 0
    return ElementTree.fromstring(output.read_text(encoding="utf-8"))


def test_every_bin_and_point_stands_where_its_numbers_say(tmp_path: Path) -> None:
    """A bar spans its bin and is as high as its share; the curve goes through its points; a dot marks the refusals."""
    drawing = drawn(CONFIDENCE, tmp_path)
    bars = [shape for shape in drawing.iter(f"{SVG}rect") if shape.get("class") == "bar"]
    assert [[float(bar.get(key, "")) for key in ("x", "width", "height")] for bar in bars] == [
        [LEFT, pytest.approx(SIDE / 10), 0],
        [LEFT + SIDE / 2, pytest.approx(SIDE / 10), SIDE * 0.75],
    ]
    assert float(bars[1].get("y", "")) == TOP + SIDE / 4
    curve = next(drawing.iter(f"{SVG}polyline")).get("points", "")
    points = [tuple(map(float, point.split(","))) for point in curve.split()]
    assert points[1][0] - points[0][0] == pytest.approx(SIDE / 5)
    assert [height for _, height in points] == [TOP + SIDE * 0.75, TOP + SIDE * 0.5]
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in drawing.iter(f"{SVG}circle")]
    assert points[0] in dots
    words = " ".join(text.text or "" for text in drawing.iter(f"{SVG}text"))
    assert all(number in words.split() for number in ("3", "12"))
    assert all(figure in words for figure in ("0.125", "0.250", "0.375", "answered 0.80", "wrong 0.25"))


def test_where_nothing_is_answered_there_is_no_dot(tmp_path: Path) -> None:
    """A system that refuses everything has a curve, and no point on it where it stands."""
    drawing = drawn({**CONFIDENCE, "answered": {"coverage": 0.0, "risk": None}}, tmp_path)
    assert len(list(drawing.iter(f"{SVG}circle"))) == len(CONFIDENCE["reliability"]["bins"])


def test_a_file_without_confidence_is_said_to_be_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report that says nothing of confidence ends the command with the file's name, and nothing is drawn."""
    report = tmp_path / "other.json"
    report.write_text('{"questions": []}', encoding="utf-8")
    with pytest.raises(SystemExit):
        reliability.main([str(report), "--output", str(tmp_path / "drawing.svg")])
    assert "other.json" in capsys.readouterr().err
    assert not (tmp_path / "drawing.svg").exists()
