import gzip
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import pytest
import run
import table

from qa.evaluation import Case

SVG = "{http://www.w3.org/2000/svg}"
LIBRARY, TEA = "library", "tea"
PARAGRAPHS = {
    LIBRARY: "The city library is closed on Mondays. Every reader may borrow twelve books.",
    TEA: "白茶要用80度的水冲泡。水太烫，茶会发苦。",
    "sun": "The Sun is a star. Its light takes about eight minutes to reach the Earth.",
}
CASES = [
    Case("1", "When is the city library closed?", (LIBRARY,), ("Mondays",)),
    Case("2", "泡白茶的水要多热？", (TEA,), ("80度",)),
]
ROW = {
    "recall@1": 0.9, "recall@5": 1.0, "right sentence": 0.5, "index seconds": 2.0, "p50": 4.0, "p95": 8.0,
    "cold start": 1.0, "memory building": 3e8, "memory asking": 2e8, "disk": 1e6,
}  # fmt: skip
QUICK = {**ROW, "recall@1": 0.8, "index seconds": 1.0, "p50": 1.0, "p95": 80.0, "memory asking": 4e8}
SETS = {
    "XQuAD zh → zh": {
        "passages": 240,
        "questions": 1190,
        "figures": {
            "rank_bm25, jieba": QUICK,
            "langchain, teacher": {"failed": "MemoryError"},
            "wenju, bundled": ROW,
        },
    },
    "synthetic": {"passages": 100_000, "questions": 200, "figures": {"wenju, bundled": ROW, "rank_bm25": QUICK}},
}


def squad(path: Path, texts: list[tuple[str, str]]) -> None:
    """A compressed SQuAD-format file of one question and one answer for each paragraph."""
    paragraphs = [
        {"context": context, "qas": [{"id": str(number), "question": question, "answers": [{"text": context[:3]}]}]}
        for number, (context, question) in enumerate(texts)
    ]
    path.write_bytes(gzip.compress(json.dumps({"data": [{"paragraphs": paragraphs}]}).encode("utf-8")))


def test_recall_counts_a_right_passage_among_the_first() -> None:
    """A question counts where a right passage is first, or among five; one for which nothing was found does not."""
    found = [["a", "b", LIBRARY], [TEA], []]
    cases = [*CASES, CASES[0]]
    assert run.recalls(cases, found) == {"recall@1": pytest.approx(1 / 3), "recall@5": pytest.approx(2 / 3)}
    late = [["1", "2", "3", "4", "5", LIBRARY]]
    assert run.recalls(CASES[:1], late)["recall@5"] == 0


def test_a_right_sentence_stands_in_a_right_passage_and_answers() -> None:
    """A sentence that holds the answer counts in a right passage alone, whatever its case and width of letters."""
    answered = ["closed on MONDAYS", "用８０度的水"]
    assert run.right_sentences(CASES, [[LIBRARY], [TEA]], answered) == 1
    assert run.right_sentences(CASES, [["sun"], [TEA]], answered) == 0.5
    assert run.right_sentences(CASES, [[LIBRARY], [TEA]], ["Every reader", ""]) == 0


def test_lines_are_those_that_a_user_writes() -> None:
    """Counted are the lines of code between the marks, and no comment, blank line or import of the measuring."""
    script = (
        '"""Peer."""\n# what a user writes\nimport peer\nfrom protocol import run\n\n# why\nx = 1\n# so far\nrun()\n'
    )
    assert run.lines_written(script) == 2


@pytest.mark.parametrize("peer", run.PEERS)
def test_every_peer_has_its_requirements_and_marks(peer: str) -> None:
    """A peer's script has both marks, with code between, and its requirements are named, pinned but for torch."""
    assert run.lines_written((run.HERE / f"{peer}_peer.py").read_text(encoding="utf-8")) > 5
    wanted = (run.HERE / f"requirements-{peer}.txt").read_text(encoding="utf-8").splitlines()
    assert peer == "wenju" or [line for line in wanted if "==" not in line and not line.startswith("torch")] == []


def test_wenju_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Wenju's script builds and asks: each question finds its passage and sentence, and every figure is there."""
    run.write_set(tmp_path, PARAGRAPHS, CASES)
    figures = run.measured(run.Setup("wenju", "bundled"), Path(sys.executable), tmp_path, CASES, 300, True)
    assert figures.keys() == table.COLUMNS.keys()
    assert [figures[name] for name in table.QUALITY] == [1, 1, 1]
    assert min(figures.values()) > 0


def test_a_peer_that_fails_is_said_to(tmp_path: Path) -> None:
    """The reason of a failure is the last line that the process said, or what ended it."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run.measured(run.Setup("wenju", "bundled"), Path(sys.executable), tmp_path, CASES, 300, True)
    assert "FileNotFoundError" in run.failure(caught.value)
    assert run.failure(subprocess.CalledProcessError(-9, "peer", stderr="50%")) == "ended by signal 9"
    assert run.failure(subprocess.TimeoutExpired("peer", 60)) == "stopped after 60 s"


def test_the_synthetic_set_holds_both_languages(tmp_path: Path) -> None:
    """It has as many passages as asked for, no two alike, questions in both languages, and either parallel counts."""
    squad(tmp_path / "xquad.zh.json.gz", [("白茶要用80度的水。", "水要多热？"), ("图书馆周一闭馆。", "何时闭馆？")])
    squad(tmp_path / "xquad.en.json.gz", [("White tea, 80 degrees.", "How hot?"), ("Closed on Mondays.", "When?")])
    paragraphs, cases = run.of_set(run.SYNTHETIC, tmp_path, 50)
    assert (len(paragraphs), len(set(paragraphs.values()))) == (50, 50)
    assert sorted(case.question.isascii() for case in cases) == [False, True]
    assert all(len(case.documents) == 2 and set(case.documents) <= paragraphs.keys() for case in cases)
    assert run.of_set(run.SYNTHETIC, tmp_path, 50) == (paragraphs, cases)


def test_the_best_is_bold_and_a_failure_shown() -> None:
    """Wenju is first, the best quality of a set is in bold, and a setup that failed stands with the reason."""
    lines = table.set_tables(SETS).splitlines()
    assert lines[0] == "### XQuAD zh → zh: 1,190 questions, 240 passages"
    assert lines[4].startswith("| Wenju | **0.900** | **1.000** | **0.500** | 2 | 4 | 8 | 1 | 300 | 200 | 1.0 |")
    assert lines[5].startswith("| LangChain, MiniLM | failed: MemoryError |")
    assert lines[6].startswith("| rank_bm25, jieba | 0.800 | **1.000** |")


def test_rounds_are_told_by_their_median() -> None:
    """A figure is the median of the rounds; one that the first round alone has is that one."""
    rounds = [{"p50": 3.0, "right sentence": 0.5}, {"p50": 1.0}, {"p50": 2.0}]
    assert run.combined(rounds) == {"p50": 2.0, "right sentence": 0.5}


def test_times_have_three_digits() -> None:
    """A time has three digits, and none that stands for thousands is written with a power of ten."""
    assert [table.rounded(value) for value in (0.05912, 85.84, 1480.4)] == ["0.0591", "85.8", "1,480"]


def test_every_loss_is_listed() -> None:
    """Each figure in which a peer does better stands with both values; one in which Wenju is as good does not."""
    lost = [line.split(" | ")[1:4] for line in table.behind(SETS).splitlines() if line.startswith("| XQuAD zh →")]
    assert lost == [["index, s", "2", "1"], ["p50, ms", "4", "1"]]


def test_speed_is_told_against_the_fastest() -> None:
    """A peer that takes half as long is at 0.5 ×; where none finds as much, that is said."""
    rows = [line for line in table.speed(SETS).splitlines() if line.startswith("| XQuAD zh →")]
    assert rows[0] == "| XQuAD zh → zh | index | 0.5 × (rank_bm25, jieba) | there is none |"
    assert rows[2] == "| XQuAD zh → zh | question, p95 | 10 × (rank_bm25, jieba) | there is none |"


def test_bars_and_dots_stand_for_the_figures() -> None:
    """A set has a bar for each setup that did not fail, as high as its recall; the synthetic one a dot for each."""
    drawing = ElementTree.fromstring(table.drawing(SETS))
    bars = [shape for shape in drawing.iter(f"{SVG}rect") if shape.get("class") in ("bar", "here")]
    heights = [float(bar.get("height", "")) for bar in bars]
    assert heights[0] / heights[1] == pytest.approx(0.9 / 0.8)
    ours, other = drawing.iter(f"{SVG}circle")  # best first
    assert (ours.get("class"), other.get("class")) == ("here", "dot")
    assert float(ours.get("cx", "")) > float(other.get("cx", ""))
    assert float(ours.get("cy", "")) < float(other.get("cy", ""))


def test_labels_can_be_read() -> None:
    """Where setups find about as much in about the same time, no label stands on another."""
    figures = {"wenju, bundled": ROW, "rank_bm25": ROW, "rank_bm25, jieba": ROW, "txtai, bundled": ROW}
    drawing = ElementTree.fromstring(table.drawing({"synthetic": {**SETS["synthetic"], "figures": figures}}))
    labels = [each for each in drawing.iter(f"{SVG}text") if each.text in map(table.label, figures)]
    places = [(each.get("text-anchor"), float(each.get("y", ""))) for each in labels]
    assert len(places) == 4
    assert all(one[0] != other[0] or abs(one[1] - other[1]) >= 10 for one, other in combinations(places, 2))


def test_the_document_is_that_of_the_results() -> None:
    """The tables and the drawing of the peers are those that the kept figures give."""
    report = json.loads(table.RESULTS.read_text(encoding="utf-8"))
    text = table.DOCUMENT.read_text(encoding="utf-8")
    assert table.with_tables(text, report) == text
    assert table.DRAWING.read_text(encoding="utf-8") == table.drawing(report["sets"])
