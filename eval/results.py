"""Measures everything the documents claim, keeps it in `results.json`, and writes the tables and drawing made of it.

    python eval/results.py --data DIR     measures anew (DIR holds the SQuAD-format sets), then writes them
    python eval/results.py                only writes them, from the figures kept

A test compares tables and drawing with the figures, so that neither changes alone.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark import SIDES, WHOLE, measure
from reliability import drawing

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings
from qa.embedder import BUNDLED
from qa.evaluation import evaluate, mixed_cases, never_refusing, paired_cases, read_questions

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results.json")
DRAWING = Path(__file__).with_name("reliability.svg")
DOCUMENTS = (ROOT / "README.md", ROOT / "qa" / "model" / "README.md")
SETS = {
    "XQuAD zh → zh": ("xquad.zh.json.gz", "xquad.zh.json.gz"),
    "XQuAD en → en": ("xquad.en.json.gz", "xquad.en.json.gz"),
    "XQuAD en → zh": ("xquad.en.json.gz", "xquad.zh.json.gz"),
    "XQuAD zh → en": ("xquad.zh.json.gz", "xquad.en.json.gz"),
    "CMRC 2018 dev": ("cmrc2018_dev.json.gz", "cmrc2018_dev.json.gz"),
}
MIXED = {  # both parallels in one index, and either counts
    "XQuAD zh → zh + en": ("xquad.zh.json.gz", "xquad.en.json.gz"),
    "XQuAD en → en + zh": ("xquad.en.json.gz", "xquad.zh.json.gz"),
}
GROUPS = {
    "all": "all",
    "Chinese": "language: zh",
    "English": "language: en",
    "Chinese, answer in English": "language: zh across",
    "English, answer in Chinese": "language: en across",
}
MEASURES = ("recall@1", "recall@5", "MRR", "nDCG@10", "answer recall", "citation precision", "wrongly refused")


def measure_all(data: Path) -> dict[str, Any]:
    """The project's own questions over its own articles, and every set of `data`."""
    report = measure_questions()
    benchmark = {}
    for name, (questions, passages) in {**SETS, **MIXED}.items():
        cases_of = mixed_cases if name in MIXED else paired_cases
        benchmark[name] = measure(*cases_of(data / questions, data / passages), BUNDLED)
        print(f"{name}: measured", flush=True)
    return {"questions": report["figures"], "confidence": report["confidence"], "benchmark": benchmark}


def measure_questions() -> dict[str, Any]:
    """The report on the project's own questions over its own articles."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        generations.build(ROOT / "corpus", Path(folder), IndexSettings())
        chat = Chat.open(Path(folder))
        questions = read_questions(ROOT / "eval" / "questions.jsonl")
        return evaluate(questions, chat.index.passages, chat.ask, never_refusing(chat).ask)


def question_table(figures: Mapping[str, Any]) -> str:
    """The figures of the project's own questions, with their intervals."""
    rows = ["| questions | " + " | ".join(MEASURES) + " |", "|---" * (len(MEASURES) + 1) + "|"]
    for label, group in GROUPS.items():
        measured = figures[group]
        count = measured["answer recall"]["count"]
        rows.append(
            f"| {label} ({count:.0f}) | " + " | ".join(_with_interval(measured[name]) for name in MEASURES) + " |"
        )
    refused = figures["all"]["rightly refused"]
    rows += ["", f"Of {refused['count']:.0f} questions that the articles cannot answer, mostly near misses, "
             f"{_with_interval(refused)} are refused."]  # fmt: skip
    return "\n".join(rows)


def _with_interval(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:.2f} ({figure['low']:.2f}–{figure['high']:.2f})"


def benchmark_table(benchmark: Mapping[str, Any]) -> str:
    """Recall@1 of every side and of the whole; then the right sentence, also where question and text share least."""
    head = ["set", *SIDES, "recall@10", "right sentence first", "the same, lowest overlap quartile"]
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, report in benchmark.items():
        whole = report[WHOLE]
        quartile = whole["right sentence first by overlap quartile"][0]
        figures = [*(report[side]["recall@1"] for side in SIDES), whole["recall@10"], whole["right sentence first"]]
        rows.append(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in [*figures, quartile]) + " |")
    return "\n".join(rows)


def model_table(benchmark: Mapping[str, Any]) -> str:
    """What the model gives by itself, without the lexical index."""
    sides = ("dense", "alignment", "dense + alignment")
    rows = ["| recall@1 of the right paragraph | " + " | ".join(sides) + " |", "|---" * (len(sides) + 1) + "|"]
    for name, report in benchmark.items():
        rows.append(f"| {name} | " + " | ".join(f"{report[side]['recall@1']:.3f}" for side in sides) + " |")
    return "\n".join(rows)


def with_tables(text: str, results: Mapping[str, Any]) -> str:
    """The document with what stands between its `<!-- table: NAME -->` and `<!-- end -->` marks written anew."""
    tables = {
        "questions": question_table(results["questions"]),
        "benchmark": benchmark_table(results["benchmark"]),
        "model": model_table(results["benchmark"]),
    }
    marked = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}\n{tables[match[2]]}\n\n{match[3]}", text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the SQuAD-format sets; measures anew")
    options = parser.parse_args(arguments)
    if options.data:
        text = json.dumps(measure_all(options.data), ensure_ascii=False, indent=1)
        RESULTS.write_text(text + "\n", encoding="utf-8", newline="\n")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for path in DOCUMENTS:
        path.write_text(with_tables(path.read_text(encoding="utf-8"), results), encoding="utf-8", newline="\n")
    DRAWING.write_text(drawing(results["confidence"]), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
