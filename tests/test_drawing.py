import xml.etree.ElementTree as ElementTree

import pytest

from qa.drawing import LEFT, RANKS, SIDE, TOP, WIDTH, Words, recall_plot, svg

SVG = "{http://www.w3.org/2000/svg}"
WORDS = Words("Title <1>", "k", "share")


def test_recall_stands_where_its_numbers_say() -> None:
    """Each group has its line, whose points lie at its ranks as high as its recalls, and its name in the legend."""
    recalls = {"all": [0.25, 0.5, 0.75, 1.0], "zh & en": [0.0, 0.0, 0.5, 0.5]}
    root = ElementTree.fromstring(svg([recall_plot(recalls, WORDS)], "plot", "Title"))
    lines = [line.get("points", "") for line in root.iter(f"{SVG}polyline")]
    for points, values in zip(lines, recalls.values(), strict=True):
        placed = [tuple(map(float, point.split(","))) for point in points.split()]
        expected = [
            (LEFT + SIDE * (rank - 1) / (RANKS[-1] - 1), TOP + SIDE * (1 - value))
            for rank, value in zip(RANKS, values, strict=True)
        ]
        assert placed == [pytest.approx(point, abs=0.05) for point in expected]
    assert {"all", "zh & en", "Title <1>"} <= {text.text for text in root.iter(f"{SVG}text")}
    assert len({line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")}) == len(recalls)


def test_a_screen_reader_is_told_what_is_drawn() -> None:
    """A drawing is an image whose title and description are its own, also where several stand in one document."""
    for name in ("one", "two"):
        root = ElementTree.fromstring(
            svg([recall_plot({}, WORDS)] * 2, name, "What <it> is", "What it shows", style="")
        )
        said = {element.get("id"): element.text for tag in ("title", "desc") for element in root.iter(f"{SVG}{tag}")}
        assert said == {f"{name}-title": "What <it> is", f"{name}-description": "What it shows"}
        assert (root.get("role"), root.get("aria-labelledby")) == ("img", " ".join(said))
        assert root.get("width") == str(2 * WIDTH)
        assert root.find(f"{SVG}style") is None
