"""From a thousand passages to a million on one machine: what a build, a question and an edit cost, and what is found.

    python eval/scale.py [--sizes 1000 10000 100000 1000000] [--folder DIR] [--output scale.json] [--plot scale.svg]
    python eval/scale.py --keep [--folder DIR]

Each size is built, asked and edited in processes of their own, over articles that `eval/synthetic.py` makes. Memory is
that of all processes of a build together, and what they have mapped of files counts. `--keep` writes `eval/scale.json`,
and from it the plot and the table of `docs/scale.md`. Needs `pip install -e ".[test]"`.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from arguments import filled, write
from edits import SETTLED_SECONDS, edit
from speed import measure as stages_of_a_question
from synthetic import Planted, write_articles
from threadpoolctl import threadpool_limits

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings, SearchSettings, Settings
from qa.corpus import article_names
from qa.drawing import Words, curves_plot, svg
from qa.manifest import read_manifest
from qa.retriever import Retriever

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PLANTED, EDITS = 200, 3
CLIENTS = (1, 8)
EVERY = 0.1  # seconds, in which memory is looked at
ALL = 10**9  # rows of which a search may compare every one
RESULTS = Path(__file__).with_name("scale.json")
DOCUMENT = RESULTS.parents[1] / "docs" / "scale.md"


@contextmanager
def peak_megabytes() -> Iterator[Callable[[], float]]:
    """The most memory that this process and those it started have had together, as looked at now and then."""
    own, most, over = psutil.Process(), [0.0], threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            taken = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    taken += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            most[0] = max(most[0], taken / 1e6)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield lambda: round(most[0], 1)
    finally:
        over.set()
        watcher.join()


def build(corpus: Path, root: Path) -> dict[str, Any]:
    """Builds, and says what that took."""
    began = last = time.perf_counter()
    taken: dict[str, float] = {}

    def note(stage: str, *_: int) -> None:
        nonlocal last
        now = time.perf_counter()
        taken[stage] = taken.get(stage, 0.0) + now - last
        last = now

    with peak_megabytes() as peak:
        summary = generations.build(corpus, root, IndexSettings(), note)
        memory = peak()
    seconds = time.perf_counter() - began
    manifest = read_manifest(root / summary.generation)
    return {
        "articles": summary.documents,
        "passages": summary.passages,
        "seconds": round(seconds, 2),
        "passages per second": round(summary.passages / seconds),
        "seconds by stage": {stage: round(each, 2) for stage, each in taken.items()},
        "megabytes on disk": round(summary.size / 1e6, 1),
        "parts": len(manifest.parts),
        "peak megabytes": memory,
        "recall@10 of the vectors": {language: each.at_10 for language, each in manifest.recall.items()},
    }


def found(chat: Chat, planted: Sequence[Planted]) -> dict[str, float]:
    """The share of planted answers that stand in the first passage, and in the first ten."""
    retriever, first, ten = Retriever(chat.index, chat.settings.search), 0, 0
    for fact in planted:
        holds = [
            hit.passage.document_id == fact.article and fact.answer in hit.passage.text.lower()
            for hit in retriever.search(fact.question)[1]
        ]
        first, ten = first + holds[0], ten + any(holds)
    return {"R@1": round(first / len(planted), 4), "R@10": round(ten / len(planted), 4)}


def ask(root: Path, planted: Sequence[Planted]) -> dict[str, Any]:
    """Asks what is planted: how long that takes, and what is found, beside a search that compares all vectors."""
    threadpool_limits(1)  # as `qa serve` does
    began = time.perf_counter()
    chat = Chat.open(root)
    report: dict[str, Any] = {"seconds to open": round(time.perf_counter() - began, 2)}
    questions = [fact.question for fact in planted]
    chat.warm_up()
    report["milliseconds"] = stages_of_a_question(chat, questions)
    report["questions per second"] = {}
    for clients in CLIENTS:
        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(chat.ask, questions))
        report["questions per second"][str(clients)] = round(len(questions) / (time.perf_counter() - began), 1)
    report["resident megabytes"] = round(psutil.Process().memory_info().rss / 1e6, 1)
    report["found"] = found(chat, planted)
    exact = Settings(search=SearchSettings(exact_rows=ALL))
    report["found, all vectors compared"] = found(Chat.open(root, exact), planted)
    return report


def edited(corpus: Path, root: Path, numbers: Sequence[int]) -> list[dict[str, float]]:
    """Edits one article after the other and builds; the first time in a process that has just begun."""
    paths = [corpus / name for name in article_names(corpus)]
    reports = []
    for number in numbers:
        edit(paths[number * 7919 % len(paths)], number)
        began = time.perf_counter()
        summary = generations.build(corpus, root, IndexSettings())
        seconds = time.perf_counter() - began
        reports.append({"seconds": round(seconds, 3), "kept": summary.changes.kept})
    return reports


def apart(function: Callable[..., Any], *arguments: object) -> Any:
    """Calls a function in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def measure(size: int, folder: Path) -> dict[str, Any]:
    """All figures of a corpus of about so many passages, which is made in a folder."""
    corpus, root = folder / "corpus", folder / "index"
    planted = write_articles(corpus, size, PLANTED)
    time.sleep(SETTLED_SECONDS)
    return {
        "build": apart(build, corpus, root),
        "ask": apart(ask, root, planted),
        "edits": apart(edited, corpus, root, range(EDITS)),
    }


def drawing(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Curves over the number of passages: of a question, of a build, of an edit."""
    passages = [report["build"]["passages"] for report in reports.values()]

    def curve(take: Callable[[Mapping[str, Any]], float]) -> list[tuple[float, float]]:
        return list(zip(passages, map(take, reports.values()), strict=True))

    plots = [
        curves_plot(
            {
                share: curve(lambda report, share=share: report["ask"]["milliseconds"]["the whole"][share])
                for share in ("p50", "p95", "p99")
            },
            Words("A question", "passages", "milliseconds"),
        ),
        curves_plot(
            {
                "a build": curve(lambda report: report["build"]["seconds"]),
                "after an edit": curve(lambda report: statistics.median(each["seconds"] for each in report["edits"])),
            },
            Words("A build", "passages", "seconds"),
        ),
        curves_plot(
            {
                "peak of a build": curve(lambda report: report["build"]["peak megabytes"]),
                "asking": curve(lambda report: report["ask"]["resident megabytes"]),
                "on disk": curve(lambda report: report["build"]["megabytes on disk"]),
            },
            Words("Memory and disk", "passages", "megabytes"),
        ),
    ]
    return svg(plots, "scale", "What a question, a build and an edit cost, by the number of passages")


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each figure, a column for each size, as Markdown."""
    titles = [f"{report['build']['passages']:,}" for report in reports.values()]
    lines = [
        _line("", [f"{title} passages" for title in titles]),
        _line("---", ["---:"] * len(titles)),
        *(_line(name, [take(report) for report in reports.values()]) for name, take in _FIGURES.items()),
    ]
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join((name, *cells))} |"


def _shares(report: Mapping[str, Any], stage: str) -> str:
    taken = report["ask"]["milliseconds"][stage]
    return " / ".join(f"{taken[share]:.0f}" if taken[share] >= 10 else f"{taken[share]:.1f}" for share in taken)


def _found(found: Mapping[str, float]) -> str:
    return " / ".join(f"{share:.3f}" for share in found.values())


def _recall(report: Mapping[str, Any]) -> str:
    return (
        " / ".join(f"{share:.3f}" for share in report["build"]["recall@10 of the vectors"].values()) or "all compared"
    )


_FIGURES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "articles": lambda report: f"{report['build']['articles']:,}",
    "a build from nothing, s": lambda report: f"{report['build']['seconds']:.1f}",
    "passages a second": lambda report: f"{report['build']['passages per second']:,}",
    "peak memory of all its processes, MB": lambda report: f"{report['build']['peak megabytes']:,.0f}",
    "on disk, MB": lambda report: f"{report['build']['megabytes on disk']:,.0f}",
    "files of rows": lambda report: f"{report['build']['parts']}",
    "recall@10 of the vectors, zh / en": _recall,
    "opening the index, s": lambda report: f"{report['ask']['seconds to open']:.1f}",
    "a question, p50 / p95 / p99, ms": lambda report: _shares(report, "the whole"),
    "of it BM25, ms": lambda report: _shares(report, "BM25"),
    "of it the vectors, ms": lambda report: _shares(report, "vectors"),
    "questions a second, 1 / 8 clients": lambda report: " / ".join(
        f"{rate:.0f}" for rate in report["ask"]["questions per second"].values()
    ),
    "memory after these questions, MB": lambda report: f"{report['ask']['resident megabytes']:,.0f}",
    "planted answers, R@1 / R@10": lambda report: _found(report["ask"]["found"]),
    "… all vectors compared": lambda report: _found(report["ask"]["found, all vectors compared"]),
    "a build after one edit, s": lambda report: " / ".join(f"{each['seconds']:.2f}" for each in report["edits"]),
}


def document(text: str, reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The document with its table written anew."""
    return filled(text, {"sizes": table(reports)})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="passages")
    parser.add_argument("--folder", type=Path, help="where articles and indexes are made; with room for 6 GB a million")
    parser.add_argument("--output", type=Path, help="write the report as JSON")
    parser.add_argument("--plot", type=Path, help="write the curves as SVG")
    parser.add_argument(
        "--keep", action="store_true", help=f"write {RESULTS.name} and what {DOCUMENT.name} shows of it"
    )
    options = parser.parse_args(arguments)
    if options.keep:
        options.output, options.plot = RESULTS, DOCUMENT.with_suffix(".svg")
    reports: dict[str, Any] = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder, ignore_cleanup_errors=True) as folder:
            reports[str(size)] = measure(size, Path(folder))
        print(json.dumps({size: reports[str(size)]}, indent=1), flush=True)
        write(reports, options.output)
    if options.plot:
        options.plot.write_text(drawing(reports), encoding="utf-8", newline="\n")
    if options.keep:
        written = document(DOCUMENT.read_text(encoding="utf-8"), reports)
        DOCUMENT.write_text(written, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
