"""How long a person waits: from the start of the server until the first answer, and from Enter until each answer.

    python eval/page.py [--starts 5] [--questions FILE] [--count 50] [--output REPORT.json]

A Chromium that nobody sees opens the page of `python app.py`, with an index in place; "answered" is the moment its
first citation is on the screen. Needs `pip install -e ".[test]"`.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import browsers
import numpy as np
from arguments import write
from playwright.sync_api import Page, sync_playwright
from tqdm import tqdm

from qa import generations
from qa.config import IndexSettings
from qa.evaluation import GoldQuestion, read_questions

ROOT = Path(__file__).resolve().parents[1]
TURNS = 10  # of a conversation; then another is begun
LONGEST = 60_000  # milliseconds that anything may take

# What the browser notes: when Enter is pressed, when the call for the answer leaves and is answered, and when the
# answer's first citation, or its refusal, has been drawn. All by one clock, in milliseconds.
_WATCH = """count => { window.noted = new Promise(resolve => {
    let entered;
    addEventListener('keydown', event => { if (event.key === 'Enter') entered = performance.now(); }, true);
    performance.clearResourceTimings();
    const look = () => {
        const exchange = document.querySelectorAll('#conversation .exchange')[count];
        const shown = exchange?.querySelector('.chip, .refusal');
        if (!shown?.checkVisibility()) return requestAnimationFrame(look);
        requestAnimationFrame(() => {
            const drawn = performance.now();
            const [call] = performance.getEntriesByType('resource').filter(each => each.startTime >= entered);
            resolve({ entered, sent: call.requestStart, returned: call.responseEnd, drawn,
                      cited: shown.matches('.chip') });
        });
    };
    look();
}) }"""


@contextmanager
def started(index: Path) -> Iterator[str]:
    """The address that a fresh `python app.py` prints, which serves for as long as this lasts."""
    command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--index", str(index)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            yield next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        finally:
            server.terminate()


def until_served(address: str) -> None:
    """Returns once the server answers."""
    with urllib.request.urlopen(f"{address}/healthz", timeout=LONGEST / 1000) as answer:
        answer.read()


def ask(page: Page, question: str) -> dict[str, float]:
    """Types a question and presses Enter; seconds until its answer, by stage, and whether it is cited."""
    box = page.locator("#question").get_by_role("textbox")
    box.press_sequentially(question)
    page.evaluate(_WATCH, page.locator("#conversation .exchange").count())
    box.press("Enter")
    noted = page.evaluate("noted")
    return {
        "answered": (noted["drawn"] - noted["entered"]) / 1000,
        "browser before": (noted["sent"] - noted["entered"]) / 1000,
        "server": (noted["returned"] - noted["sent"]) / 1000,
        "browser after": (noted["drawn"] - noted["returned"]) / 1000,
        "cited": noted["cited"],
    }


def opened(page: Page, address: str) -> None:
    """Opens the page and waits until one can ask."""
    page.set_default_timeout(LONGEST)
    page.goto(address)
    page.locator("html.ready").wait_for(state="attached")


def first_answer(chromium: Any, index: Path, question: str) -> dict[str, float]:
    """Seconds from the start of the server to the first citation, by stage; the browser runs already."""
    began = time.perf_counter()
    with started(index) as address:
        until_served(address)
        served = time.perf_counter()
        with chromium.new_page() as page:
            opened(page, address)
            ready = time.perf_counter()
            took = ask(page, question)
            whole = time.perf_counter() - began
    assert took["cited"], f"{question!r} is refused; name one that is answered."
    return {
        "whole": whole,
        "until the server answers": served - began,
        "until one can ask": ready - served,
        "typing": whole - (ready - began) - took["answered"],
        "from Enter to the answer": took["answered"],
    }


def answers(chromium: Any, index: Path, questions: Sequence[GoldQuestion], count: int) -> list[dict[str, float]]:
    """What `ask` says of each question, until so many are cited, in conversations of `TURNS`."""
    took: list[dict[str, float]] = []
    with started(index) as address, chromium.new_page() as page, tqdm(total=count, disable=None, leave=False) as bar:
        opened(page, address)
        for number, each in enumerate(questions):
            if number % TURNS == 0:
                page.locator("#anew").click()
                page.locator("#conversation .exchange").first.wait_for(state="detached")
            took.append(ask(page, each.question))
            bar.update(int(took[-1]["cited"]))
            if sum(each["cited"] for each in took) == count:
                break
    return took


def mixed(questions: Sequence[GoldQuestion]) -> list[GoldQuestion]:
    """The answerable questions in an order drawn once for all, Chinese and English by turns."""
    generator = random.Random(1)
    by_language = [[each for each in questions if each.answerable and each.language == name] for name in ("zh", "en")]
    for inside in by_language:
        generator.shuffle(inside)
    return list(chain.from_iterable(zip(*by_language, strict=False)))


def summary(values: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Median, 95th percentile and highest of each stage, in seconds."""
    return {
        name: {
            label: round(float(np.quantile([each[name] for each in values], share)), 3)
            for label, share in (("median", 0.5), ("p95", 0.95), ("highest", 1.0))
        }
        for name in values[0]
        if name != "cited"
    }


def measure(path: str, questions: Sequence[GoldQuestion], starts: int, count: int) -> dict[str, Any]:
    """The report: the first answer over several starts, then each answer over many questions, in that browser."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        index = Path(folder) / "index"
        generations.build(ROOT / "corpus", index, IndexSettings())
        chromium = playwright.chromium.launch(executable_path=path, args=browsers.ARGUMENTS)
        asked = mixed(questions)
        took = answers(chromium, index, asked, count)
        cited = [each for each in took if each["cited"]]
        simple = next(each.question for each, said in zip(asked, took, strict=False) if said["cited"])
        begun = [first_answer(chromium, index, simple) for _ in tqdm(range(starts), disable=None, leave=False)]
        chromium.close()
    return {
        "first answer": {"starts": starts, "seconds": summary(begun)},
        "answer": {"cited": len(cited), "refused": len(took) - len(cited), "seconds": summary(cited)},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=Path, default=ROOT / "eval" / "questions.jsonl")
    parser.add_argument("--count", type=int, default=50, help="questions that are cited")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the report as JSON")
    options = parser.parse_args(arguments)
    path = browsers.find_chromium()
    if path is None:
        parser.error(browsers.MISSING)
    report = measure(path, read_questions(options.questions), options.starts, options.count)
    print(json.dumps(report, indent=1))
    write(report, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
