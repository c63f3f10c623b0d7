"""Measures everything the documents claim, keeps it in `results.json`, and writes the tables and drawing made of it.

    python eval/results.py --data DIR     measures anew (DIR holds the SQuAD-format sets), then writes them
    python eval/results.py                only writes them, from the figures kept

A test compares tables and drawing with the figures, so that neither changes alone.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import refusals
import short_answers
from arguments import filled
from benchmark import SIDES, WHOLE, measure
from reliability import drawing

from qa import generations
from qa.chains import evaluate_chains
from qa.chat import Chat
from qa.config import IndexSettings
from qa.embedder import BUNDLED
from qa.evaluation import (
    evaluate,
    mixed_cases,
    never_refusing,
    paired_cases,
    paragraph_index,
    read_chains,
    read_questions,
)

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
MEASURES = ("recall@1", "recall@5", "answer recall", "citation precision", "exact match", "F1", "wrongly refused")


def measure_all(data: Path) -> dict[str, Any]:
    """The project's own questions over its own articles, and every set of `data`."""
    report = measure_questions()
    benchmark = {}
    for name, (questions, passages) in {**SETS, **MIXED}.items():
        cases_of = mixed_cases if name in MIXED else paired_cases
        benchmark[name] = measure(*cases_of(data / questions, data / passages), BUNDLED)
        print(f"{name}: measured", flush=True)
    answers = {}
    for name, (questions, passages) in SETS.items():
        answers[name] = measure_answers(data / questions, data / passages)
        print(f"{name}: answered", flush=True)
    return {
        "questions": report["figures"],
        "follow-ups": report["follow-ups"],
        "confidence": report["confidence"],
        "benchmark": benchmark,
        "answers": answers,
    }


def measure_answers(questions: Path, passages: Path) -> dict[str, Any]:
    """Short answers and refusals on one set."""
    paragraphs, cases = paired_cases(questions, passages)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ask = short_answers.asking(paragraph_index(Path(folder), paragraphs, BUNDLED))
        values = [short_answers.measured(case, ask(case)) for case in cases]
    refused = refusals.figures(refusals.answers(questions, passages, BUNDLED))
    return {"short": short_answers.figures(cases, values)["all"], "refusals": refused}


def measure_questions() -> dict[str, Any]:
    """The report on the project's own questions over its own articles."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        generations.build(ROOT / "corpus", Path(folder), IndexSettings())
        chat = Chat.open(Path(folder))
        questions = read_questions(ROOT / "eval" / "questions.jsonl")
        report = evaluate(questions, chat.index.passages, chat.ask, never_refusing(chat).ask)
        turns = read_chains(ROOT / "eval" / "follow_ups.jsonl")
        chains = evaluate_chains(turns, lambda question, history: chat.ask(question, history=history))
    return {**report, "follow-ups": chains["figures"]}


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
    shown, false = (_with_interval(figures["all"][name]) for name in ("conflict shown", "false conflict"))
    rows += ["", f"Of {refused['count']:.0f} questions that the articles cannot answer, mostly near misses, "
             f"{_with_interval(refused)} are refused. Where articles disagree on what is asked, {shown} of the answers "
             f"say so; of the others {false} say so wrongly."]  # fmt: skip
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


def follow_up_table(figures: Mapping[str, Any]) -> str:
    """What follow-ups find, as they are asked and in full, and how often whole questions are changed."""
    measures = ("document recall@1", "document recall@5", "answer recall")
    rows = ["| turns | " + " | ".join(measures) + " |", "|---" * (len(measures) + 1) + "|"]
    for label, group, suffix in (
        ("first", "turns: first", ""),
        ("follow-up", "turns: follow-up", ""),
        ("follow-up, asked in full", "turns: follow-up", " in full"),
    ):
        found = [figures[group][f"{name}{suffix}"] for name in measures]
        rows.append(f"| {label} ({found[0]['count']:.0f}) | " + " | ".join(map(_with_interval, found)) + " |")
    return "\n".join(rows)


def answer_table(answers: Mapping[str, Any]) -> str:
    """Exact match and F1 of the short answer; then what is refused with the article there, and with it left out."""
    head = ["set", "exact match", "F1", "F1, never refusing", "F1, right paragraph given",
            "answerable refused", "article left out: refused"]  # fmt: skip
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, report in answers.items():
        as_it_is, unrefused, given = (report["short"][way] for way in short_answers.WAYS)
        figures = [as_it_is["exact match"], as_it_is["F1"], unrefused["F1"], given["F1"]]
        figures += [report["refusals"][side] for side in ("answerable refused", "unanswerable refused")]
        rows.append(f"| {name} | " + " | ".join(f"{figure['mean']:.3f}" for figure in figures) + " |")
    return "\n".join(rows)


def model_table(benchmark: Mapping[str, Any]) -> str:
    """What the model gives by itself, without the lexical index."""
    sides = ("dense", "alignment", "dense + alignment")
    rows = ["| recall@1 of the right paragraph | " + " | ".join(sides) + " |", "|---" * (len(sides) + 1) + "|"]
    for name, report in benchmark.items():
        rows.append(f"| {name} | " + " | ".join(f"{report[side]['recall@1']:.3f}" for side in sides) + " |")
    return "\n".join(rows)


def with_tables(text: str, results: Mapping[str, Any]) -> str:
    """The document with its tables written anew."""
    tables = {
        "questions": question_table(results["questions"]),
        "benchmark": benchmark_table(results["benchmark"]),
        "follow_ups": follow_up_table(results["follow-ups"]),
        "answers": answer_table(results["answers"]),
        "model": model_table(results["benchmark"]),
    }
    return filled(text, tables)


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
