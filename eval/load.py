"""What a server does that is asked far more than it can answer: `qa serve --workers N` at several times its capacity.

    python eval/load.py [--workers 2] [--seconds 120] [--times 4] [--index DIR] [--output REPORT.json]

A server of its own on this machine is first asked as fast as it answers, then so many times as often, whether it
answers or not. What it says is compared with what `qa ask --json` prints. Exits with 1 where something broke: a process
that died, a call that failed, a refusal that does not say when to come again, another answer than when asked alone.
Needs `pip install -e ".[files]"`, for psutil.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from arguments import write

from qa import generations, render
from qa.chat import Chat
from qa.config import IndexSettings, PageLimits
from qa.question_files import read

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = 8  # that share the calls: httpx takes long over one with many
CONNECTIONS = 25  # of each; what would need more is not sent, and counted
LONGEST = 60  # seconds that a call may take
REFUSALS = (429, 503)


@dataclass(frozen=True, slots=True)
class Call:
    """What became of a call.

    Attributes:
        said: its status, or the name of what failed.
        seconds: until it was answered.
        late: seconds after it was due that it was sent.
        right: whether it is what is said to who asks alone, or a refusal that says when to come again.
    """

    said: int | str
    seconds: float
    late: float
    right: bool


def alone(index: Path, count: int, questions: Path) -> dict[str, str]:
    """Some questions of a file, each with the line that `qa ask --json` prints."""
    chat, asked = Chat.open(index), [each.question for each in read(questions)]
    chosen = random.Random(1).sample(asked, min(count, len(asked)))
    return {each: render.terminal_json(render.answer_record(chat.ask(each), chat.index.documents)) for each in chosen}


@contextmanager
def served(index: Path, workers: int, limits: Mapping[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server over an index and its process; it logs to standard error."""
    chat = Chat.open(index)
    settings = chat.index.manifest.settings
    command = [
        sys.executable, str(ROOT / "app.py"), "--port", "0", "--workers", str(workers), "--read-only",
        "--corpus", str(chat.corpus), "--index", str(index), "--embedder", settings.embedder,
        "--passage-bytes", str(settings.passage_bytes),
    ]  # fmt: skip
    for name, value in {"calls_per_minute": 10**9, **limits}.items():
        command += ["--limit", f"{name}={value}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_LLM_")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            yield (
                next(word for line in server.stdout for word in line.split() if "://" in word),
                psutil.Process(server.pid),
            )
        finally:
            server.terminate()


class Crowd:
    """Who asks, each question with the line that `qa ask --json` prints for it; has to be closed."""

    def __init__(self, address: str, asked: Mapping[str, str]) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=2)
        self.all = [
            httpx.AsyncClient(base_url=address, timeout=LONGEST, limits=limits, trust_env=False) for _ in range(CLIENTS)
        ]
        self._clients, self._asked = cycle(self.all), cycle(asked.items())

    async def call(self, due: float | None = None) -> Call:
        """The next question, asked by the next client."""
        (question, expected), client = next(self._asked), next(self._clients)
        sent = time.perf_counter()
        late = sent - (sent if due is None else due)
        try:
            answer = await client.post("/api/ask", json={"question": question})
        except httpx.HTTPError as error:
            return Call(type(error).__name__, time.perf_counter() - sent, late, right=False)
        seconds = time.perf_counter() - sent
        if answer.status_code in REFUSALS:
            right = answer.headers.get("retry-after", "").isdecimal()
        else:
            right = answer.status_code == 200 and answer.text == f"{expected}\n"
        return Call(answer.status_code, seconds, late, right)


async def as_it_answers(crowd: Crowd, at_once: int, seconds: float) -> dict[str, Any]:
    """Of so many who ask their next question once they have an answer."""
    began = time.perf_counter()

    async def one() -> list[Call]:
        calls = [await crowd.call()]
        while time.perf_counter() < began + seconds:
            calls.append(await crowd.call())
        return calls

    calls = chain.from_iterable(await asyncio.gather(*(one() for _ in range(at_once))))
    return summary(list(calls), time.perf_counter() - began)


async def as_it_comes(crowd: Crowd, rate: float, seconds: float) -> dict[str, Any]:
    """Of a crowd that asks at a rate, whatever the server does."""
    calls, waiting = list[Call](), set[asyncio.Task[Call]]()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(waiting) == CLIENTS * CONNECTIONS:
            calls.append(Call("not sent", 0.0, 0.0, right=True))
            continue
        task = asyncio.create_task(crowd.call(due))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        task.add_done_callback(lambda done: calls.append(done.result()))
    await asyncio.gather(*waiting)
    return summary(calls, time.perf_counter() - began)


def summary(calls: Sequence[Call], seconds: float) -> dict[str, Any]:
    """Counts by what was said, calls and answers a second, and how long these took."""
    counts = Counter(str(each.said) for each in calls)
    return {
        "seconds": round(seconds, 1),
        "said": dict(sorted(counts.items())),
        "calls a second": round(len(calls) / seconds, 1),
        "answers a second": round(counts["200"] / seconds, 1),
        "milliseconds": milliseconds([each.seconds for each in calls if each.said == 200]),
        "sent late by": milliseconds([each.late for each in calls]),
        "not right": sum(not each.right for each in calls),
    }


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Their percentiles."""
    return {f"p{share}": round(1000 * float(np.percentile(seconds or [0], share)), 1) for share in (50, 95, 99)}


def memory(server: psutil.Process) -> dict[str, Any]:
    """Megabytes of each process, and of all what no two have in common."""
    processes = [server, *server.children()]
    own = sum(each.memory_full_info().uss for each in processes)
    first, *others = (round(each.memory_info().rss / 1e6, 1) for each in processes)
    return {"server": first, "workers": others, "not shared": round(own / 1e6, 1)}


async def watched(
    server: psutil.Process, load: Awaitable[dict[str, Any]], seconds: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What became of a load, and the memory before it, in its middle and after it."""
    loop, start = asyncio.get_running_loop(), memory(server)
    middle = loop.create_future()
    loop.call_later(seconds / 2, lambda: middle.set_result(memory(server)))
    summed = await load
    return summed, {"start": start, "middle": await middle, "end": memory(server)}


async def loaded(
    address: str, server: psutil.Process, asked: Mapping[str, str], workers: int, seconds: float, times: float
) -> dict[str, Any]:
    """The report on a server that is up."""
    crowd, at_once, warm = Crowd(address, asked), 2 * workers, min(10.0, seconds)
    await as_it_answers(crowd, at_once, 0)  # every process is up, and has all read
    first = {each.pid for each in server.children()}
    before = await as_it_answers(crowd, at_once, warm)
    load, taken = await watched(server, as_it_comes(crowd, times * before["answers a second"], seconds), seconds)
    after = await as_it_answers(crowd, at_once, warm)
    died = len(first - {each.pid for each in server.children()})
    for client in crowd.all:
        await client.aclose()
    wrong = sum(each["not right"] for each in (before, load, after))
    return {
        "as it answers": before, f"{times:g} times as often": load, "as it answers, after that": after,
        "megabytes": taken, "died": died, "holds": not died and not wrong,
    }  # fmt: skip


def measure(
    index: Path, asked: Mapping[str, str], workers: int, seconds: float, times: float, **limits: int
) -> dict[str, Any]:
    """The report on a server of an index, with those limits of `qa serve --limit`."""
    with served(index, workers, limits) as (address, server):
        report = asyncio.run(loaded(address, server, asked, workers, seconds, times))
    waiting = limits.get("questions_waiting", PageLimits().questions_waiting)
    return {"workers": workers, "waiting at most": waiting, **report}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--times", type=float, default=4, help="of the capacity that is offered")
    parser.add_argument("--index", type=Path, metavar="DIR", help="default: one of the shipped articles, built anew")
    parser.add_argument("--questions", type=Path, default=ROOT / "eval" / "questions.jsonl", metavar="FILE")
    parser.add_argument("--count", type=int, default=100, help="questions that are asked again and again")
    parser.add_argument("--output", type=Path, help="write the report as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        index = options.index or Path(folder) / "index"
        if options.index is None:
            generations.build(ROOT / "corpus", index, IndexSettings())
        asked = alone(index, options.count, options.questions)
        report = measure(index, asked, options.workers, options.seconds, options.times)
    print(json.dumps(report, indent=1))
    write(report, options.output)
    return 0 if report["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
