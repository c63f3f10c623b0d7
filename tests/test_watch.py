"""`qa build --watch` as a person runs it: in a process of its own, over a folder that is edited."""

import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import SMALL_ARTICLES, write_articles
from test_lock import holding

from qa import generations
from qa.chat import Chat
from qa.watch import QUIET

PATIENCE = 60  # seconds for a line that has to come
RUN = "import sys; from qa.cli import main; sys.exit(main(['build', '--watch', *sys.argv[1:]]))"


class Watching:
    """The process, and its lines as they come, but for what became of the passages."""

    def __init__(self, corpus: Path, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-c", RUN, "--corpus", str(corpus), "--index", str(root)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if not line.startswith(("passages: ", "  ")):
                self._lines.put(line)

    def line(self, seconds: float = PATIENCE) -> str:
        """The next line it says."""
        return self._lines.get(timeout=seconds).strip()

    def built(self, articles: int) -> None:
        """Waits for a build of so many articles; whatever else is said meanwhile fails."""
        assert re.match(rf"{articles} articles, \d+ passages, ", line := self.line()), line

    def is_silent(self) -> bool:
        """Whether it says nothing for as long as an edit takes to be told, and more."""
        try:
            self.line(2.5 * QUIET)
        except queue.Empty:
            return True
        return False

    def end(self) -> None:
        self.process.kill()
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def watching() -> Iterator[Callable[[Path, Path], Watching]]:
    """Starts to watch a corpus folder for an index folder; has built once."""
    started: list[Watching] = []

    def start(corpus: Path, root: Path) -> Watching:
        started.append(Watching(corpus, root))
        assert started[-1].line().startswith("Watching ")
        started[-1].built(len(SMALL_ARTICLES))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.mark.parametrize("place", ["inside", "beside", "same"])
def test_an_edit_is_built_and_the_build_itself_is_none(
    small_corpus: Path, watching: Callable[[Path, Path], Watching], place: str
) -> None:
    """Edits close together are built once, and no build follows from the index, inside the articles or beside them."""
    root = {"inside": small_corpus / "index", "beside": small_corpus.parent / "index", "same": small_corpus}[place]
    watched = watching(small_corpus, root)
    write_articles(small_corpus, {"new/bees.en.md": "# Bees\n\nThe hive on the roof holds 40,000 bees.\n"})
    write_articles(small_corpus, {"new/wasps.en.md": "# Wasps\n\nThe nest under the roof holds 300 wasps.\n"})
    watched.built(len(SMALL_ARTICLES) + 2)
    assert watched.is_silent()
    short = Chat.open(root).ask("How many bees does the hive on the roof hold?").short
    assert short is not None
    assert "40,000" in short.quote
    (small_corpus / "clocks.txt").touch()
    (small_corpus / ".draft.md").write_text("# Not yet\n\nHidden.\n", encoding="utf-8")
    assert watched.is_silent()
    assert len([path for path in root.iterdir() if path.name.startswith("generation-")]) == 2


def test_a_failed_build_says_why_and_watching_goes_on(
    small_corpus: Path, tmp_path: Path, watching: Callable[[Path, Path], Watching]
) -> None:
    """A folder emptied, or removed whole, is said in one line, the old index stays, and what comes back is built."""
    root = tmp_path / "index"
    watched = watching(small_corpus, root)
    live = generations.live_folder(root)
    for path in small_corpus.rglob("*.*"):
        path.unlink()
    assert watched.line().startswith(f"qa: {small_corpus} holds no ")
    write_articles(small_corpus, {"clocks.txt": "The clock of the old mill has stood still for 90 years.\n"})
    watched.built(1)
    shutil.rmtree(small_corpus)
    assert watched.line().startswith(f"qa: There is no folder {small_corpus}; ")
    write_articles(small_corpus, SMALL_ARTICLES)
    watched.built(len(SMALL_ARTICLES))
    assert generations.live_folder(root) != live
    write_articles(small_corpus, {"bees.en.md": "# Bees\n\nThe hive on the roof holds 40,000 bees.\n"})
    watched.built(len(SMALL_ARTICLES) + 1)


def test_another_s_build_is_waited_for(
    small_corpus: Path, tmp_path: Path, watching: Callable[[Path, Path], Watching]
) -> None:
    """While another process writes the index an edit waits, the line says for whom, and it is built afterwards."""
    root = tmp_path / "index"
    watched = watching(small_corpus, root)
    with holding(root) as other:
        write_articles(small_corpus, {"bees.en.md": "# Bees\n\nThe hive on the roof holds 40,000 bees.\n"})
        assert re.match(
            rf"qa: Process {other.pid} \(since .+\) is writing the index .+; waiting for it\.", watched.line()
        )
        assert watched.is_silent()
        other.communicate("done\n")
    watched.built(len(SMALL_ARTICLES) + 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and is of one system's allocator")
def test_memory_does_not_grow_from_build_to_build(
    small_corpus: Path, tmp_path: Path, watching: Callable[[Path, Path], Watching]
) -> None:
    """Twelve builds in one process, each of 1,500 passages' terms, take no more memory than the first three took."""
    watched = watching(small_corpus, tmp_path / "index")
    sentence = "The {} clock of mill {} struck {} times. 第{}座磨坊的钟敲了很多下。"
    generator = random.Random(1)
    parts = ["\n".join(sentence.format(*generator.choices(range(9999), k=4)) for _ in range(6)) for _ in range(1_500)]
    bulk = {f"mills {i}.md": "\n\n## Part\n\n".join(parts[i::50]) for i in range(50)}
    write_articles(small_corpus, bulk)
    watched.built(len(SMALL_ARTICLES) + len(bulk))
    taken: list[int] = []
    for number in range(12):
        write_articles(small_corpus, {"mills 0.md": f"{bulk['mills 0.md']}\n\nNo. {number}.\n"})
        watched.built(len(SMALL_ARTICLES) + len(bulk))
        status = Path(f"/proc/{watched.process.pid}/statm").read_text(encoding="ascii")
        taken.append(int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    assert max(taken[3:]) < max(taken[:3]) + 15_000_000, taken


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_ends_it_well(small_corpus: Path, tmp_path: Path, watching: Callable[[Path, Path], Watching]) -> None:
    """Ctrl-C while nothing is edited ends the watch with exit code 0 and one line."""
    watched = watching(small_corpus, tmp_path / "index")
    watched.process.send_signal(signal.SIGINT)
    assert watched.line() == "No longer watching."
    assert watched.process.wait(PATIENCE) == 0
