"""Runs of article files to parts of an index, in this process or, where there is much to do, in several.

A process of its own is told what it needs on its standard input, then a line of JSON for each run; it answers with a
line each, and ends when its input does. Nothing is pickled, and the caller's main module is not run again.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from qa import processes
from qa.config import IndexSettings
from qa.corpus import Unchanged, Unreadable, document_id, read_article
from qa.datatypes import Document, shallow
from qa.earlier import Earlier
from qa.embedder import BUNDLED
from qa.errors import SearchIndexError
from qa.files import Folder
from qa.making import Maker
from qa.messages import as_record, of_record
from qa.parts import PartRecord, part_name

_MUCH = 4_000_000  # bytes of articles to read, from which on further processes are worth their start
_MOST = 8  # processes, each of some 300 MB
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")

Run = Sequence[tuple[str, str | None]]  # paths of articles in the folder, each with its content hash where that is sure


@dataclass(frozen=True, slots=True)
class Task:
    """What all runs of a build have in common.

    Attributes:
        corpus: the folder of the articles.
        folder: of the generation.
        settings: of the index.
        earlier: the folder of the generation before, if there is one.
        damaged: the files of that which are not what was written.
    """

    corpus: Path
    folder: Path
    settings: IndexSettings
    earlier: Path | None
    damaged: Collection[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    Attributes:
        part: that holds its articles; None where none could be read.
        documents: the content hash of each of these by its id.
        unreadable: the others.
    """

    part: PartRecord | None
    documents: Mapping[str, str]
    unreadable: Sequence[Unreadable]


class RunMaker:
    """Makes the parts of runs in this process."""

    def __init__(self, task: Task, earlier: Earlier) -> None:
        self._task, self._earlier = task, earlier
        self._files = Folder(task.corpus, task.settings)
        self._maker = Maker(task.settings, earlier)

    def make(self, run: Run) -> Outcome:
        """Reads the articles of a run that are not known, and makes their part where the earlier generation has none.

        Raises:
            OSError: if it cannot be written.
            IndexDamagedError: if what was written is not what it should be.
        """
        found = [Unchanged(document_id(name), known) if known else self._read(name) for name, known in run]
        unreadable = [article for article in found if isinstance(article, Unreadable)]
        articles = [article for article in found if not isinstance(article, Unreadable)]
        documents = {article.id: article.content_hash for article in articles}
        part = self._earlier.parts.get(part_name(documents.items()))
        if articles and not part:
            part = self._maker.make(self._task.folder, articles)
        return Outcome(part, documents, unreadable)

    def _read(self, name: str) -> Document | Unchanged | Unreadable:
        known = self._earlier.documents.get(document_id(name))
        return read_article(self._files, name, self._task.settings, known, self._earlier.converted)


def made(task: Task, earlier: Earlier, runs: Sequence[Run], bytes_to_read: int) -> Iterator[tuple[int, Outcome]]:
    """The number of each run as it is done, and what became of it.

    Where there is much to read, several processes share the runs, if there is more than one processor and the embedder
    is the small one.

    Raises:
        OSError: if one cannot be written.
        SearchIndexError: if what was written is not what it should be.
    """
    count = min(os.cpu_count() or 1, _MOST, len(runs))
    if bytes_to_read > _MUCH and count > 1 and task.settings.embedder == BUNDLED:
        yield from _shared(task, earlier, runs, count)
    else:
        maker = RunMaker(task, earlier)
        for number, run in enumerate(runs):
            yield number, maker.make(run)


def _shared(task: Task, earlier: Earlier, runs: Sequence[Run], count: int) -> Iterator[tuple[int, Outcome]]:
    free: SimpleQueue[_Process] = SimpleQueue()

    def make(run: Run) -> Outcome | None:
        process = free.get()
        try:
            return process.make(run)
        finally:
            free.put(process)

    with contextlib.ExitStack() as ending:  # in turn, from the last; also where whoever asked wants no more of it
        pool = ending.enter_context(ThreadPoolExecutor(count))
        for _ in range(count):
            process = _Process(task)
            ending.callback(process.end)
            free.put(process)
        ending.callback(pool.shutdown, wait=False, cancel_futures=True)
        numbers = {pool.submit(make, run): number for number, run in enumerate(runs)}
        for future in as_completed(numbers):
            number = numbers[future]
            yield number, future.result() or RunMaker(task, earlier).make(runs[number])


class _Process:
    """A process that makes parts, begun with its first run; where it dies, its next run begins another."""

    def __init__(self, task: Task) -> None:
        self._first = {**shallow(task), "settings": asdict(task.settings), "damaged": sorted(task.damaged)}
        self._running: subprocess.Popen[bytes] | None = None

    def make(self, run: Run) -> Outcome | None:
        """What became of a run; None where the process has died, as where the system had no memory for it."""
        try:
            if self._running is None:
                self._running = _begun()
                _say(self._running, self._first)
            line = _answer(self._running, run)
        except (OSError, ValueError):  # it died, or could not begin
            line = b""
        if not line.endswith(b"\n"):
            self.end()
            self._running = None
            return None
        return _outcome(json.loads(line))

    def end(self) -> None:
        """Ends the process, whatever it does."""
        if process := self._running:
            process.kill()
            process.wait()
            for stream in filter(None, (process.stdin, process.stdout)):
                with contextlib.suppress(OSError):  # what was not taken from it goes with it
                    stream.close()


def _begun() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        processes.command("makers"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **_ONE_THREAD},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _say(process: "subprocess.Popen[bytes]", record: object) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(record, default=str).encode() + b"\n")
    process.stdin.flush()


def _answer(process: "subprocess.Popen[bytes]", run: Run) -> bytes:
    assert process.stdout
    _say(process, run)
    return process.stdout.readline()


def _outcome(record: Mapping[str, Any]) -> Outcome:
    if "errno" in record:
        raise OSError(record["errno"], record["strerror"])
    if "damaged" in record:
        raise SearchIndexError(of_record(record["damaged"]), Path(record["folder"]))
    unreadable = [Unreadable(each["path"], of_record(each["reason"]), each["hash"]) for each in record["unreadable"]]
    return Outcome(record["part"] and PartRecord(**record["part"]), record["documents"], unreadable)


def _record(make: Callable[[Run], Outcome], run: Run) -> dict[str, object]:
    try:
        outcome = make(run)
    except SearchIndexError as error:
        return {"damaged": as_record(error.said), "folder": str(error.folder)}
    except OSError as error:
        return {"errno": error.errno, "strerror": error.strerror or str(error)}
    unreadable = [
        {"path": each.path, "reason": as_record(each.reason), "hash": each.content_hash} for each in outcome.unreadable
    ]
    part = outcome.part and shallow(outcome.part)
    return {"part": part, "documents": outcome.documents, "unreadable": unreadable}


def main() -> None:
    """Makes parts as it is told on the standard input, until that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    answers = processes.answers()
    first = json.loads(sys.stdin.readline())
    paths = {name: Path(first[name]) for name in ("corpus", "folder")}
    earlier_folder = Path(first["earlier"]) if first["earlier"] else None
    task = Task(**paths, settings=IndexSettings(**first["settings"]), earlier=earlier_folder, damaged=first["damaged"])
    maker = RunMaker(task, Earlier(task.settings, task.earlier, damaged=task.damaged))
    for line in sys.stdin:
        answers.write(json.dumps(_record(maker.make, json.loads(line)), default=str).encode() + b"\n")
        answers.flush()
