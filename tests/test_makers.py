"""Parts made in several processes, against those made in one."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from conftest import SMALL_ARTICLES, write_articles

from qa import generations, makers, plan
from qa.chat import Chat
from qa.config import AnswerSettings, IndexSettings, Settings
from qa.errors import BuildCancelledError, CorpusError, SearchIndexError
from qa.index import check
from qa.manifest import read_manifest
from qa.messages import Message, as_record, of_record
from qa.plan import Progress

SETTINGS = IndexSettings()
ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0, citation_share=0.0))
QUESTIONS = ["How deep can a leatherback turtle dive?", "泡白毫银针的水要多热？", "图书馆星期几不开门？"]
# Python runs this file when it starts, so that a process of a build can be harmed at a chosen moment.
HARM = """
import errno, os, signal, sys
here = {folder!r}
def hook(event, arguments):
    if event == {event!r} and str(arguments[0]).endswith({end!r}) and "qa.makers" in " ".join(sys.orig_argv):
        try:
            os.mkdir(here)
        except FileExistsError:
            return
        {what}
sys.addaudithook(hook)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
FILL = "raise OSError(errno.ENOSPC, 'No space left on device')"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Some dozen articles that make several parts."""
    return write_articles(tmp_path / "文章", articles(12))


def articles(count: int) -> dict[str, str]:
    others = {
        f"{number}.md": f"# Number {number}\n\nThis is what {number} says of {number}.\n" for number in range(count)
    }
    return {**SMALL_ARTICLES, **others}


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_PART_BYTES", 100)
    monkeypatch.setattr(plan, "_ENDS", 2)


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lets builds work in two processes; the ids of those that were started."""
    started: list[int] = []
    begun = makers._begun

    def noted() -> "subprocess.Popen[bytes]":
        process = begun()
        started.append(process.pid)
        return process

    monkeypatch.setattr(makers, "_MUCH", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(makers, "_begun", noted)
    return started


@pytest.fixture
def harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], Path]:
    """Harms the first process that comes to a moment; the folder that is there once it has."""

    def prepare(what: str, event: str, end: str) -> Path:
        folder, done = tmp_path / "at start", tmp_path / "harmed"
        folder.mkdir()
        text = HARM.format(folder=str(done), event=event, end=end, what=what)
        (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        return done

    return prepare


def rows(root: Path) -> dict[str, str]:
    """The checksums of the live generation's parts."""
    files = read_manifest(generations.live_folder(root)).files
    return {name: checksum for name, checksum in files.items() if name.endswith(".rows")}


def assert_same(root: Path, other: Path) -> None:
    """Two indexes hold the same parts, byte for byte, and give the same answers; every file is whole."""
    assert len(rows(root)) > 3
    assert list(rows(root).items()) == list(rows(other).items())
    for each in (root, other):
        check(generations.live_folder(each))
    ours, theirs = Chat.open(root, ALWAYS), Chat.open(other, ALWAYS)
    assert [ours.ask(question) for question in QUESTIONS] == [theirs.ask(question) for question in QUESTIONS]


@pytest.fixture
def alone(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of the articles that was made in this process."""
    with monkeypatch.context() as context:
        context.setattr(makers, "_MUCH", 1 << 60)
        generations.build(corpus, tmp_path / "alone", SETTINGS)
    return tmp_path / "alone"


def test_several_processes_make_what_one_makes(corpus: Path, tmp_path: Path, alone: Path, several: list[int]) -> None:
    """A build in several processes, the first and one after edits, makes the files and answers of one here."""
    generations.build(corpus, tmp_path / "several", SETTINGS)
    assert len(several) == 2
    assert_same(tmp_path / "several", alone)
    (corpus / "3.md").unlink()
    (corpus / "5.md").rename(corpus / "sea.md")
    (corpus / "7.md").write_text("# Seven\n\nAnother text.\n", encoding="utf-8")
    (corpus / "old.html").write_bytes("<title>旧</title><p>旧的文章讲白茶和水。</p>".encode("gb18030") * 9)
    summary = generations.build(corpus, tmp_path / "several", SETTINGS)
    assert len(several) == 4
    makers._MUCH = 1 << 60  # put back by the fixture
    assert generations.build(corpus, alone, SETTINGS).changes == summary.changes
    assert summary.encodings == {"old.html": "gb18030"}
    assert_same(tmp_path / "several", alone)
    assert len(several) == 4
    assert not [each for each in several if psutil.pid_exists(each)]


@pytest.mark.parametrize("end", [".rows", "shards.json", "states.npy", ".term"])
def test_processes_take_over_what_is_whole(
    corpus: Path, alone: Path, tmp_path: Path, several: list[int], end: str
) -> None:
    """Whatever file of the generation before is damaged, a build in several processes makes what one makes."""
    shutil.copytree(alone, tmp_path / "several")
    path = min(path for path in generations.live_folder(tmp_path / "several").rglob("*") if path.name.endswith(end))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    (corpus / "7.md").write_text("# Seven\n\nAnother text.\n", encoding="utf-8")
    generations.build(corpus, tmp_path / "several", SETTINGS)
    assert len(several) >= 2
    makers._MUCH = 1 << 60  # put back by the fixture
    generations.build(corpus, alone, SETTINGS)
    assert rows(tmp_path / "several") == rows(alone)
    check(generations.live_folder(tmp_path / "several"))


def test_an_unreadable_file_is_told_as_in_one_process(
    corpus: Path, tmp_path: Path, several: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why files cannot be read is told, in both languages, as a build in this process tells it."""
    (corpus / "bad.txt").write_bytes(b"not UTF-8: \xff\xfe\x80\xff")
    (corpus / "book.epub").write_bytes(b"no archive")
    (corpus / "line\nend.md").write_bytes(b"# Title\n\nText.\n")
    found = generations.build(corpus, tmp_path / "several", SETTINGS).unreadable
    monkeypatch.setattr(makers, "_MUCH", 1 << 60)
    assert generations.build(corpus, tmp_path / "one", SETTINGS).unreadable == found
    assert len(several) == 2
    assert len(found) == 3
    assert all(isinstance(each.reason, Message) for each in found)
    monkeypatch.setattr(makers, "_MUCH", 0)
    with pytest.raises(CorpusError, match="cannot be read"):
        generations.build(corpus, tmp_path / "strict", SETTINGS, strict=True)
    assert not [each for each in several if psutil.pid_exists(each)]


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise there")
@pytest.mark.parametrize(("event", "end"), [("open", ".md"), ("os.mkdir", ".terms"), ("open", "shards.json")], ids=str)
def test_a_process_that_is_killed_costs_nothing(
    corpus: Path, tmp_path: Path, alone: Path, several: list[int], harm: Callable[[str, str, str], Path], event: str,
    end: str,
) -> None:  # fmt: skip
    """Where a process is killed, even while it writes, another goes on in its place, and the index is that of one."""
    harmed = harm(KILL, event, end)
    generations.build(corpus, tmp_path / "several", SETTINGS)
    assert harmed.is_dir()
    assert len(several) == 3
    assert_same(tmp_path / "several", alone)


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise there")
def test_processes_that_are_all_killed_cost_nothing(
    corpus: Path, tmp_path: Path, alone: Path, several: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every process is killed, at its start or after its first run, the index is that of one all the same."""

    def kill(stage: str, *_: int) -> None:
        for each in several if stage == "passages" else ():
            with contextlib.suppress(ProcessLookupError):  # killed before
                os.kill(each, signal.SIGKILL)

    generations.build(corpus, tmp_path / "later", SETTINGS, kill)
    assert_same(tmp_path / "later", alone)
    (tmp_path / "sitecustomize.py").write_text(f"import os, signal\n{KILL}\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    generations.build(corpus, tmp_path / "at once", SETTINGS)
    assert_same(tmp_path / "at once", alone)


def test_an_error_of_the_disk_comes_through(
    corpus: Path, alone: Path, several: list[int], harm: Callable[[str, str, str], Path]
) -> None:
    """A disk that is full for one process fails the build with that reason, and leaves the live generation."""
    harmed = harm(FILL, "open", ".rows")
    live = generations.live_folder(alone)
    (corpus / "7.md").write_text("# Seven\n\nAnother text.\n", encoding="utf-8")
    with pytest.raises(SearchIndexError, match=r"(?i)no space left") as caught:
        generations.build(corpus, alone, SETTINGS)
    assert isinstance(caught.value.__cause__, OSError)
    assert harmed.is_dir()
    assert generations.live_folder(alone) == live
    assert not [each for each in several if psutil.pid_exists(each)]
    assert [path for path in alone.iterdir() if path.is_dir()] == [live]


def stopping(error: BaseException) -> Progress:
    """Stops a build once a part is made."""

    def progress(stage: str, *_: int) -> None:
        if stage == "passages":
            raise error

    return progress


@pytest.mark.parametrize(
    "error", [BuildCancelledError(Message("build_stopped"), Path()), KeyboardInterrupt()], ids=repr
)
def test_a_build_that_is_stopped_leaves_nothing_behind(
    corpus: Path, tmp_path: Path, several: list[int], error: BaseException
) -> None:
    """However a build in several processes is stopped, no process, thread or folder of it stays."""
    threads = threading.active_count()
    with pytest.raises(type(error)):
        generations.build(corpus, tmp_path / "several", SETTINGS, stopping(error))
    assert len(several) == 2
    assert not [each for each in several if psutil.pid_exists(each)]
    assert threading.active_count() == threads
    assert not [path for path in (tmp_path / "several").iterdir() if path.is_dir()]


def test_processes_end_with_the_one_that_started_them(corpus: Path, tmp_path: Path) -> None:
    """Where a build is killed, its processes end by themselves."""
    script = (
        "import os, signal\nfrom pathlib import Path\nfrom qa import generations, makers, plan\n"
        "from qa.config import IndexSettings\nimport psutil\n"
        "makers._MUCH, plan._PART_BYTES, plan._ENDS, os.cpu_count = 0, 100, 2, lambda: 2\n"
        "def die(stage, done, total):\n    if stage == 'passages':\n"
        "        print(*(each.pid for each in psutil.Process().children()), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"generations.build(Path({str(corpus)!r}), Path({str(tmp_path / 'index')!r}), IndexSettings(), die)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment(), check=False)
    children = [int(each) for each in ended.stdout.split()]
    assert len(children) == 2
    given_up = time.monotonic() + 60
    while any(map(runs, children)) and time.monotonic() < given_up:
        time.sleep(0.05)
    assert not any(map(runs, children))


def runs(process: int) -> bool:
    """Whether a process has not ended; one that nobody has asked how has."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_script_needs_no_guard(tmp_path: Path, alone: Path) -> None:
    """A script that builds in several processes at its top level, from any folder, runs once and makes the index."""
    (tmp_path / "script.py").write_text(
        "import os\nfrom pathlib import Path\nfrom qa import generations, makers, plan\n"
        "from qa.config import IndexSettings\n"
        "makers._MUCH, plan._PART_BYTES, plan._ENDS, os.cpu_count = 0, 100, 2, lambda: 2\n"
        "made = makers._shared\n"
        "def shared(*arguments):\n    print('in several')\n    return made(*arguments)\n"
        "makers._shared = shared\n"
        "generations.build(Path('文章'), Path('script index'), IndexSettings())\nprint('built')\n",
        encoding="utf-8",
    )
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert (ended.stdout.split("\n"), ended.stderr) == (["in several", "built", ""], "")
    assert_same(tmp_path / "script index", alone)


def test_builds_at_the_same_time_do_not_meet(corpus: Path, tmp_path: Path, alone: Path, several: list[int]) -> None:
    """Builds of several indexes at once, each in several processes, make what one makes alone."""
    roots = [tmp_path / f"index {number}" for number in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda root: generations.build(corpus, root, SETTINGS), roots))
    assert len(several) == 6
    for root in roots:
        assert_same(root, alone)
    assert not [each for each in several if psutil.pid_exists(each)]


def test_little_is_made_in_this_process(corpus: Path, tmp_path: Path, several: list[int]) -> None:
    """Where there is little to read, or one part, no process is started."""
    makers._MUCH = sum(path.stat().st_size for path in corpus.rglob("*") if path.is_file())
    generations.build(corpus, tmp_path / "index", SETTINGS)
    makers._MUCH = 0
    write_articles(tmp_path / "one", {"one.md": "# One\n\nAn article.\n"})
    generations.build(tmp_path / "one", tmp_path / "one index", SETTINGS)
    assert several == []


def test_what_is_told_between_processes_is_what_arrives() -> None:
    """A message with others in it, and an outcome, come as they were sent."""
    inner = Message("cannot_be_read", {})
    message = Message("file_damaged", {"path": "a\udce4 文", "number": 3, "reason": inner})
    assert of_record(json.loads(json.dumps(as_record(message)))) == message
    for error in (OSError(28, "No space left on device"), SearchIndexError(message, Path("文"))):

        def fail(_: makers.Run, error: Exception = error) -> makers.Outcome:
            raise error

        with pytest.raises(type(error)) as caught:
            makers._outcome(json.loads(json.dumps(makers._record(fail, []))))
        assert str(caught.value) == str(error)
