import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import scale
from synthetic import write_articles


def test_a_small_corpus_is_built_asked_and_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a small corpus counts what there is, and finds what was planted, as does the search of all."""
    monkeypatch.setattr(scale, "PLANTED", 8)
    output, plot = tmp_path / "report.json", tmp_path / "plot.svg"
    assert scale.main(["--sizes", "100", "--folder", str(tmp_path), "--output", str(output), "--plot", str(plot)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))["100"]
    assert (report["build"]["articles"], report["build"]["passages"]) == (5, 100)
    assert report["ask"]["found"] == report["ask"]["found, all vectors compared"]
    assert report["ask"]["found"]["R@10"] == 1.0
    assert [each["kept"] for each in report["edits"]] == [99, 99, 99]
    assert set(report["ask"]["questions per second"]) == {"1", "8"}
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    assert not list(tmp_path.glob("tmp*"))


def test_the_document_shows_what_was_measured() -> None:
    """The table and the plot of docs/scale.md are those of the figures that are kept."""
    reports = json.loads(scale.RESULTS.read_text(encoding="utf-8"))
    text = scale.DOCUMENT.read_text(encoding="utf-8")
    assert scale.document(text, reports) == text
    assert f"{reports['1000000']['build']['passages per second']:,}" in text
    assert scale.DOCUMENT.with_suffix(".svg").read_text(encoding="utf-8") == scale.drawing(reports)


def test_what_is_planted_stands_where_it_is_said_to(tmp_path: Path) -> None:
    """Each planted answer stands in its article, in one sentence of its own, and all is the same the next time."""
    planted = write_articles(tmp_path / "one", 200, 12)
    assert planted == write_articles(tmp_path / "two", 200, 12)
    texts = [
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.md")}
        for folder in (tmp_path / "one", tmp_path / "two")
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 10
    assert {fact.language for fact in planted} == {"zh", "en"}
    for fact in planted:
        statement = f"{fact.answer}创立。" if fact.language == "zh" else f"founded by {fact.answer}."
        assert texts[0][fact.article].decode().count(statement) == 1


def test_words_are_spread_as_those_of_a_language(tmp_path: Path) -> None:
    """A few words are frequent, and many of an article's words stand in no other of its language."""
    write_articles(tmp_path / "articles", 200, 0)
    texts = [path.read_text(encoding="utf-8").lower() for path in sorted((tmp_path / "articles").rglob("*.en.md"))]
    words = [set(text.replace(".", " ").split()) for text in texts]
    everywhere = set.intersection(*words)
    alone = words[0] - set.union(*words[1:])
    assert len(everywhere) > 20
    assert len(alone) > len(words[0]) / 10
