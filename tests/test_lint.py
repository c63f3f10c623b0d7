import json
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_ARTICLES, write_articles

from qa.cli import main
from qa.config import IndexSettings
from qa.lint import Finding, _candidates, _shingles, lint

DATED = "---\ndate: 2026-01-02\n---\n\n# Clocks\n\n"
BODY = (
    "The oldest working clock stands in a cathedral. It has no face and strikes the hours. Its wheels were cut by hand "
    "from iron, and two stones drive them. Every day a man climbs the tower and winds it.\n"
)
OTHER = "Nothing here is like the rest: rivers freeze in winter, and boats wait for the thaw on their banks. So do we."


def kinds(findings: list[Finding]) -> set[tuple[str, str, str]]:
    return {(finding.path, finding.kind, finding.severity) for finding in findings}


def test_good_articles_have_no_findings(corpus_folder: Path) -> None:
    """The shipped articles, dates and all, give no finding of any kind."""
    assert lint(corpus_folder, IndexSettings()) == []


@pytest.mark.parametrize(
    ("content", "kind", "severity"),
    [
        (b"", "empty", "error"),
        (b"---\ntitle: Only a title\ndate: 2026-01-01\n---\n", "empty", "error"),
        (b"A word.", "nearly empty", "warning"),
        (BODY.encode(), "undated", "warning"),
        (f"---\ndate: soon\n---\n{BODY}".encode(), "undated", "warning"),
        (b"caf\xe9", "unreadable", "error"),
        ("最古老的钟在一座教堂里，没有钟面。".encode("gb18030"), "encoding", "warning"),
        (f"{DATED}{BODY} ____ \n\n# Next\n\n____\n".encode(), "no terms", "warning"),
        ("城北图书馆每周一闭馆，读者要带证件。".encode().decode("gb18030", "ignore").encode(), "mojibake", "error"),
        ("It’s a café, naïvely.".encode().decode("cp1252").encode(), "mojibake", "error"),
        ("Lost: 锟斤拷".encode(), "mojibake", "error"),
        ("Lost: \ufffd".encode(), "mojibake", "error"),
    ],
)
def test_fault_is_found(tmp_path: Path, content: bytes, kind: str, severity: str) -> None:
    """Each fault is found in the file that has it, by its name and weight, and not in the good one beside it."""
    (tmp_path / "bad.txt").write_bytes(content)
    (tmp_path / "good.md").write_text(DATED + OTHER, encoding="utf-8")
    found = kinds(lint(tmp_path, IndexSettings()))
    assert ("bad.txt", kind, severity) in found
    assert {path for path, *_ in found} == {"bad.txt"}


def test_repeats_are_named_with_what_they_repeat(tmp_path: Path) -> None:
    """The same text in other clothes is a duplicate, the same with a word changed a near-duplicate, another neither."""
    articles = {
        "a.md": DATED + BODY * 2,
        "b.md": DATED.replace("02", "03") + (BODY * 2).upper().replace(" ", "  "),
        "c.md": DATED + BODY * 2 + "One more line.\n",
        "d.md": DATED + OTHER,
    }
    findings = lint(write_articles(tmp_path, articles), IndexSettings())
    assert kinds(findings) == {("b.md", "duplicate", "error"), ("c.md", "near-duplicate", "warning")}
    assert all("a.md" in str(finding.message) for finding in findings)


def test_no_near_duplicate_is_missed() -> None:
    """Every pair of texts whose shingles are four fifths the same is among the few that are compared."""
    random = np.random.default_rng(3)
    texts = {str(number): "".join(map(chr, random.integers(0x4E00, 0x9FFF, 400))) for number in range(40)}
    altered = {f"{name} altered": text[:360] + "改" + text[360:] for name, text in texts.items()}
    shingles = {name: _shingles(text) for name, text in (texts | altered).items()}
    truth = {
        (one, other)
        for one in shingles
        for other in shingles
        if one < other
        and len(np.intersect1d(shingles[one], shingles[other])) >= 0.8 * len(np.union1d(shingles[one], shingles[other]))
    }
    assert len(truth) == 40
    assert truth <= _candidates(shingles)
    assert len(_candidates(shingles)) < 60


def test_dark_passages_are_those_no_question_finds(
    small_corpus: Path, small_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With questions, `qa lint` names the passages that are among no question's hits, and their lines."""
    asked = tmp_path / "questions.jsonl"
    asked.write_text('{"question": "How deep can a leatherback turtle dive?"}\n', encoding="utf-8")
    options = ["--corpus", str(small_corpus), "--index", str(small_index), "--questions", str(asked), "--json"]
    assert main(["lint", *options]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    dark = {(finding["path"], finding["line"]) for finding in found if finding["kind"] == "dark"}
    assert not any(path == "turtles.en.md" and line < 14 for path, line in dark)
    asked.write_text("not JSON\n", encoding="utf-8")
    assert main(["lint", *options]) == 2


def test_lint_says_a_line_a_finding_and_fails_on_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`qa lint` prints file, line, kind and cure on one line each, and exits with 1 where one is an error."""
    write_articles(tmp_path, {**SMALL_ARTICLES, "empty.md": "---\ndate: 2026-01-01\n---\n"})
    assert main(["lint", "--corpus", str(tmp_path)]) == 1
    *lines, counts = capsys.readouterr().out.splitlines()
    assert "empty.md: error: empty: it holds no word or number; write it or remove it" in lines
    assert counts.startswith("1 errors, ")
    (tmp_path / "empty.md").unlink()
    assert main(["lint", "--corpus", str(tmp_path)]) == 0
