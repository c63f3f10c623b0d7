import errno
import json
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qa import generations
from qa.config import IndexSettings
from qa.errors import IndexBusyError
from qa.lock import HOLDER, LOCK, SOFT_LOCK, write_lock

HOLD = """
import sys
from pathlib import Path
from qa.lock import write_lock
with write_lock(Path(sys.argv[1])):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.readline()
"""


NO_FLOCK = """
import errno, fcntl
def flock(descriptor, operation):
    raise OSError(errno.ENOSYS, "no such locks here")
fcntl.flock = flock
"""


def holding(root: Path, before: str = "") -> "subprocess.Popen[str]":
    """Another process that holds the lock until it is told something, or killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", before + HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_who_comes_second_is_told_who_is_writing(small_corpus: Path, small_index: Path) -> None:
    """While another process writes the index, building, switching and pruning are one line that names the process."""
    with holding(small_index) as other:
        for change in (
            lambda: generations.build(small_corpus, small_index, IndexSettings()),
            lambda: generations.switch(small_index, "1"),
            lambda: generations.prune(small_index),
        ):
            with pytest.raises(IndexBusyError, match=f"Process {other.pid} ") as caught:
                change()
            assert "\n" not in str(caught.value)
        other.communicate("done\n")
    assert generations.build(small_corpus, small_index, IndexSettings()).changes.kept


def test_who_waits_goes_on_when_the_other_has_ended(small_corpus: Path, small_index: Path) -> None:
    """A build that may wait says for whom, once, and starts when the other process is done."""
    said: list[str] = []
    with holding(small_index) as other:
        ended = threading.Timer(0.3, other.communicate, ["done\n"])
        ended.start()
        summary = generations.build(small_corpus, small_index, IndexSettings(), wait_seconds=60, waiting=said.append)
        assert summary.changes.kept
        ended.join()
        (line,) = said
        assert line.startswith(f"Process {other.pid} (since ")
    generations.build(small_corpus, small_index, IndexSettings(), wait_seconds=60, waiting=said.append)
    assert len(said) == 1
    with write_lock(small_index):  # which was let go whole
        pass


def test_a_dead_process_holds_nothing(small_corpus: Path, small_index: Path) -> None:
    """A lock whose process was killed blocks no one, though the files it left are there."""
    with holding(small_index) as other:
        other.kill()
        other.wait()
        assert json.loads((small_index / HOLDER).read_text(encoding="utf-8"))["process"] == other.pid
        assert generations.build(small_corpus, small_index, IndexSettings()).changes.kept
    assert not (small_index / HOLDER).exists()


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> str:
    """A system whose files cannot be locked, here and, by the code returned, in another process."""

    def flock(*_: int) -> None:
        raise OSError(errno.ENOSYS, "no such locks here")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", flock)
    return NO_FLOCK


def test_without_locks_of_the_system_a_dead_process_holds_nothing_either(without_flock: str, tmp_path: Path) -> None:
    """Where files cannot be locked, who comes second is told so, and is first once the other was killed."""
    (tmp_path / LOCK).touch()  # of a build before the folder was moved here
    with holding(tmp_path, without_flock) as other:
        with pytest.raises(IndexBusyError, match=f"Process {other.pid} .*{SOFT_LOCK}"), write_lock(tmp_path):
            pass
        other.kill()
        other.wait()
        with write_lock(tmp_path, wait_seconds=60):
            pass
    with write_lock(tmp_path):  # which was let go whole
        pass
    assert not (tmp_path / SOFT_LOCK).exists()


def test_a_holder_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    """The number of a process says little where the process runs elsewhere, so its machine is named too."""
    with write_lock(tmp_path):
        said = json.loads((tmp_path / HOLDER).read_text(encoding="utf-8"))
        assert said["host"] == platform.node()
        (tmp_path / HOLDER).write_text(json.dumps({**said, "host": "elsewhere"}), encoding="utf-8")
        with pytest.raises(IndexBusyError, match="on 'elsewhere' "), write_lock(tmp_path):
            pass


@pytest.mark.parametrize("said", ["", "{", "[]", '{"process": "x"}'])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path: Path, said: str) -> None:
    """Where the holder's file is unreadable the message does without its number."""
    with write_lock(tmp_path):
        (tmp_path / HOLDER).write_text(said, encoding="utf-8")
        with pytest.raises(IndexBusyError, match="Another process is writing"), write_lock(tmp_path):
            pass
