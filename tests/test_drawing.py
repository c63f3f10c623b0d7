import xml.etree.ElementTree as ElementTree

import pytest

from qa.drawing import LEFT, RANKS, SIDE, TOP, WIDTH, Words, recall_plot, svg

SVG = "{http://www.w3.org/2000/svg}"
WORDS = Words("Title <1>", "k", "share")


def figure(mean: float) -> dict[str, float]:
    """A figure with an interval around it."""
    return {"mean": mean, "low": mean / 2, "high": (1 + mean) / 2}


def test_recall_stands_where_its_numbers_say() -> None:
    """Each group has its line, points near the ranks as high as the recalls, and its name in the legend."""
    recalls = {"all": [0.25, 0.5, 0.75, 1.0], "zh & en": [0.0, 0.0, 0.5, 0.5]}
    plot = recall_plot({label: list(map(figure, values)) for label, values in recalls.items()}, WORDS)
    root = ElementTree.fromstring(svg([plot], "plot", "Title"))
    ticks = [LEFT + SIDE * place for place in plot.ticks]
    lines = [line.get("points", "") for line in root.iter(f"{SVG}polyline")]
    for points, values in zip(lines, recalls.values(), strict=True):
        across, heights = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
        assert across == pytest.approx(ticks, abs=10)
        assert heights == pytest.approx([TOP + SIDE * (1 - value) for value in values], abs=0.05)
    assert list(plot.ticks.values()) == [str(rank) for rank in RANKS]
    assert {"all", "zh & en", "Title <1>"} <= {text.text for text in root.iter(f"{SVG}text")}
    assert len({line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")}) == len(recalls)


def test_each_recall_has_its_interval() -> None:
    """Through each dot a line goes from the lower to the upper end, and none covers another group's."""
    recalls = {"all": [figure(0.5)] * 4, "zh": [figure(0.5)] * 4, "en": [figure(0.25)] * 4}
    root = ElementTree.fromstring(svg([recall_plot(recalls, WORDS)], "plot", "Title"))
    lines = [line for line in root.iter(f"{SVG}line") if line.get("class") == "interval"]
    dots = [dot for dot in root.iter(f"{SVG}circle") if dot.get("class") == "dot"]
    drawn = [tuple(float(line.get(name, "")) for name in ("x1", "y1", "x2", "y2")) for line in lines]
    expected = [each for figures in recalls.values() for each in figures]
    for (x1, low, x2, high), dot, each in zip(drawn, dots, expected, strict=True):
        assert x1 == x2 == float(dot.get("cx", ""))
        assert (low, high) == pytest.approx([TOP + SIDE * (1 - each[end]) for end in ("low", "high")], abs=0.05)
    assert len({x1 for x1, _, _, _ in drawn}) == len(drawn)


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
