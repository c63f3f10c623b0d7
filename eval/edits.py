"""How long a build takes after one article of many was edited, beside a build from nothing.

    python eval/edits.py [--articles 10000] [--corpus DIR] [--rounds 3] [--together] [--output REPORT.json]

Without a corpus the articles are made of the sentences of those that ship with the project: five parts each, half of
them Chinese, half English. Each build runs in a process of its own; its time is the one that `qa build` prints, from
the loading of the model until the new generation is live, and beside it the whole life of the process;
with `--together` all run in one, which has the model already when an edit comes.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from arguments import write

from qa import generations
from qa.config import IndexSettings
from qa.corpus import article_names
from qa.text import LANGUAGES, Language, sentences

SHIPPED = Path(__file__).resolve().parents[1] / "corpus"
SETTLED_SECONDS = 4  # after which a file's time tells whether it was edited, as that of a corpus that is kept does
PARTS, SENTENCES = 5, 6  # of an article, of a part


def shipped_sentences(language: Language) -> list[str]:
    """The sentences of the shipped articles of one language."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob(f"*.{language}.md"))]
    return [text[start:end] for text in texts for start, end in sentences(text) if text[start] not in "#-"]


def write_articles(folder: Path, count: int) -> None:
    """Articles of sentences drawn at random, each part with a number that no other has."""
    generator = random.Random(1)
    drawn = {language: shipped_sentences(language) for language in LANGUAGES}
    folder.mkdir()
    for number in range(count):
        language = LANGUAGES[number % 2]
        parts = [
            f"## {part}\n\n{' '.join(generator.choices(drawn[language], k=SENTENCES))} {number * PARTS + part}\n"
            for part in range(PARTS)
        ]
        text = "\n".join([f"# {number}\n", *parts])
        (folder / f"{number:06d}.md").write_text(text, encoding="utf-8", newline="\n")


def build_seconds(corpus: str, root: str) -> tuple[float, int]:
    """Builds, and says how long that took and how many passages were taken over."""
    summary = generations.build(Path(corpus), Path(root), IndexSettings())
    return summary.seconds, summary.changes.kept


def timed_build(corpus: Path, root: Path, apart: bool) -> dict[str, float]:
    """A build in a process of its own, or in this one."""
    started = time.perf_counter()
    if apart:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, kept = pool.apply(build_seconds, (str(corpus), str(root)))
    else:
        seconds, kept = build_seconds(str(corpus), str(root))
    return {"seconds": seconds, "process": time.perf_counter() - started, "kept": kept}


def edit(path: Path, number: int) -> None:
    """Changes one article, by a sentence at its end."""
    text = path.read_bytes().decode("utf-8")
    path.write_bytes(f"{text.rstrip()} This is edit {number}.\n".encode())


def measure(corpus: Path, root: Path, rounds: int, apart: bool) -> dict[str, object]:
    """Builds from nothing, then after each of some edits of one article."""
    whole = timed_build(corpus, root, apart)
    paths = [corpus / name for name in article_names(corpus)]
    edits = []
    for number, path in enumerate(random.Random(2).sample(paths, rounds), 1):
        edit(path, number)
        edits.append(timed_build(corpus, root, apart))
    return {
        "articles": len(paths),
        "from nothing": whole,
        "after an edit": edits,
        "ratio": sum(each["seconds"] for each in edits) / len(edits) / whole["seconds"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--corpus", type=Path, help="a folder of articles, which is copied")
    parser.add_argument("--rounds", type=int, default=3, help="edits, each of another article")
    parser.add_argument(
        "--together", action="store_true", help="all builds in one process, as where one goes on running"
    )
    parser.add_argument("--output", type=Path, help="write the report as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        corpus = Path(name) / "corpus"
        if options.corpus:
            shutil.copytree(options.corpus, corpus)
        else:
            write_articles(corpus, options.articles)
        time.sleep(SETTLED_SECONDS)
        report = measure(corpus, Path(name) / "index", options.rounds, not options.together)
    print(json.dumps(report, indent=1))
    write(report, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
