"""How long a warm question takes over many passages, by stage, on one thread.

    python eval/speed.py --data DIR [--passages 10000] [--questions 300] [--output REPORT.json]

The passages are those of `question_passage/` in DIR, half of them Chinese, half English, ten to an article; asked are
the questions (in English, the headings) that go with them. Every stage is that of a question asked of `qa.chat`.
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from arguments import write
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings, SearchSettings
from qa.evidence import rank_sentences
from qa.query import encode
from qa.reading import best_in_passages
from qa.retriever import Retriever

SOURCES = {
    "zh": ("drcd_dev.zh-hant", "cmrc2018_trial.zh", "csl_title-abstract.zh", "kdconv_info.zh"),
    "en": ("openstax_heading-para.en",),
}
IN_AN_ARTICLE = 10
CANDIDATES = 100  # passages that alignment alone is timed on


def rows(data: Path, language: str) -> Iterator[dict[str, Any]]:
    """Questions with their passages, each passage once."""
    seen: set[str] = set()
    for name in SOURCES[language]:
        with gzip.open(data / "question_passage" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["p"] not in seen and 60 <= len(row["p"]) <= 900 and row["q"].strip():
                    seen.add(row["p"])
                    yield row


def write_corpus(folder: Path, passages: Sequence[str]) -> None:
    """The passages as articles of ten."""
    folder.mkdir()
    for number, start in enumerate(range(0, len(passages), IN_AN_ARTICLE)):
        text = "\n\n".join(passages[start : start + IN_AN_ARTICLE])
        (folder / f"{number:05d}.md").write_text(text, encoding="utf-8", newline="\n")


def timed(function: Callable[[str], object], questions: Sequence[str]) -> dict[str, float]:
    """Median, 95th and 99th percentile, in milliseconds."""
    taken: list[float] = []
    for question in tqdm(questions, disable=None, leave=False):
        started = time.perf_counter()
        function(question)
        taken.append(1000 * (time.perf_counter() - started))
    return {f"p{share}": round(float(np.percentile(taken, share)), 2) for share in (50, 95, 99)}


def measure(chat: Chat, questions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Every stage apart, and the whole."""
    index, retriever = chat.index, Retriever(chat.index, SearchSettings())
    whole = timed(chat.ask, questions)  # first, so that everything after it is warm
    found = {question: retriever.search(question) for question in questions}
    rows = random.Random(1).sample(range(len(index.passages)), min(CANDIDATES, len(index.passages)))
    encoded = {question: encode(index, question) for question in questions}
    stages: dict[str, Callable[[str], object]] = {
        "the whole, again": chat.ask,
        "encoding": lambda question: encode(index, question),
        "BM25": lambda question: [index.lexical.search(encoded[question].terms, 100, each) for each in ("zh", "en")],
        "vectors": lambda question: [each.search(encoded[question].vector, 100) for each in index.nearest.values()],
        f"alignment over {CANDIDATES}": lambda question: best_in_passages(index, encoded[question], rows),
        "search, ranking included": retriever.search,
        "sentences of ten passages": lambda question: rank_sentences(retriever, *found[question]),
    }
    return {"the whole": whole, **{name: timed(function, questions) for name, function in stages.items()}}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds question_passage/")
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--output", type=Path, help="write the report as JSON")
    options = parser.parse_args(arguments)
    read = {language: list(rows(options.data, language)) for language in SOURCES}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, threadpool_limits(1):
        generator = random.Random(1)
        passages = [row["p"] for found in read.values() for row in found[: options.passages // 2]]
        generator.shuffle(passages)
        write_corpus(Path(folder) / "corpus", passages)
        started = time.perf_counter()
        generations.build(Path(folder) / "corpus", Path(folder) / "index", IndexSettings())
        built = time.perf_counter() - started
        chat = Chat.open(Path(folder) / "index")
        indexed = [found[: options.passages // 2] for found in read.values()]
        asked = [row["q"] for found in indexed for row in generator.sample(found, options.questions // 2)]
        stages = measure(chat, asked)
    report = {"passages": len(chat.index.passages), "seconds to build": round(built, 1), "milliseconds": stages}
    print(json.dumps(report, indent=1))
    write(report, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
