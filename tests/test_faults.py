"""Faults as they happen: a killed build, a full disk, damaged bytes, a folder that cannot be written, long use."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import SMALL_ARTICLES, write_articles

from qa import generations
from qa.chat import Chat, LiveChat
from qa.config import AnswerSettings, IndexSettings, Settings
from qa.errors import SearchIndexError
from qa.lexical import LexicalIndex
from qa.lock import LOCK
from qa.manifest import MANIFEST, read_manifest

SETTINGS = IndexSettings()
ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0, citation_share=0.0))
QUESTIONS = 2_000
DEPTH = "How deep can a leatherback turtle dive?"
ASKED_WITH = {
    metres: {**SMALL_ARTICLES, "turtles.en.md": SMALL_ARTICLES["turtles.en.md"].replace("1,200", metres)}
    for metres in ("1,200", "1,300")
}
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


class Builder:
    """A process whose builds can be killed."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("killed_builds.py")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TOKENIZERS_PARALLELISM": "false"}
        self.process = subprocess.Popen(
            [sys.executable, str(script)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def build(self, moment: str, value: float, corpus: Path, root: Path) -> str:
        """How a build ended that was to be killed at that moment."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{moment}\t{value}\t{corpus}\t{root}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def builder() -> Iterator[Builder]:
    made = Builder()
    with made.process:
        yield made
        assert made.process.stdin
        made.process.stdin.close()


@pytest.fixture
def corpora(tmp_path: Path) -> dict[str, Path]:
    """Two corpora that differ in the depth to which a turtle dives."""
    return {metres: write_articles(tmp_path / metres, articles) for metres, articles in ASKED_WITH.items()}


def told(root: Path) -> str:
    """The depth that the live generation's own passages tell, found by a question."""
    chat = Chat.open(root, ALWAYS)
    _, hits = chat._retriever.search(DEPTH)
    return next(metres for metres in ASKED_WITH if metres in hits[0].passage.text)


def killed_builds(
    builder: Builder, corpora: dict[str, Path], root: Path, moments: Iterator[tuple[str, float]]
) -> list[str]:
    """Builds the other corpus than the live one until a build ends unharmed, or all moments have passed.

    Checks after each that one generation is whole and live: the old one, or the new one where it was switched to.
    """
    ended: list[str] = []
    for moment, value in moments:
        live, before = generations.live_folder(root).name, told(root)
        other = next(metres for metres in corpora if metres != before)
        ended.append(builder.build(moment, value, corpora[other], root))
        assert told(root) == (before if generations.live_folder(root).name == live else other), (moment, value)
        if ended[-1] != "killed":
            break
    return ended


@needs_fork
def test_a_build_killed_at_any_file_operation_loses_nothing(
    builder: Builder, corpora: dict[str, Path], tmp_path: Path
) -> None:
    """Killed at any operation on a file, a build leaves a whole generation that answers, and the next one goes on."""
    root = tmp_path / "index"
    generations.build(corpora["1,200"], root, SETTINGS)
    ended = killed_builds(builder, corpora, root, (("operation", number) for number in range(1, 1000)))
    assert len(ended) > 50
    assert set(ended[:-1]) == {"killed"}
    assert ended[-1] == "ended 0"
    assert len(generations.listed(root)) == 2
    assert {path.name for path in root.iterdir() if path.is_file()} <= {generations.POINTER, LOCK}


@needs_fork
def test_a_build_killed_at_any_time_loses_nothing(builder: Builder, corpora: dict[str, Path], tmp_path: Path) -> None:
    """Killed after any time, between or within operations, a build leaves a whole generation that answers."""
    root = tmp_path / "index"
    generations.build(corpora["1,200"], root, SETTINGS)
    for milliseconds in range(0, 300, 10):
        killed_builds(builder, corpora, root, iter([("seconds", milliseconds / 1000)]))
    generations.build(corpora["1,300"], root, SETTINGS)
    assert told(root) == "1,300"


def damages(raw: bytes) -> Iterator[bytes]:
    """A file with a bit changed at its start, middle and end; cut by all, half and one byte; and with one byte more."""
    for place in (0, len(raw) // 2, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        yield bytes(changed)
    yield from (b"", raw[: len(raw) // 2], raw[:-1], raw + b"\0")


def test_every_damage_to_every_file_is_found_and_named(small_index: Path) -> None:
    """However a file of a generation is damaged, loading it is one line that names the file and what to do."""
    folder = generations.live_folder(small_index)
    names = [*read_manifest(folder).files, MANIFEST]
    assert sorted(names) == sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    )
    for name in names:
        raw = (folder / name).read_bytes()
        for damaged in damages(raw):
            (folder / name).write_bytes(damaged)
            with pytest.raises(SearchIndexError, match="qa build") as caught:
                Chat.open(small_index)
            assert "\n" not in str(caught.value)
            assert str(folder / name) in str(caught.value) or name == MANIFEST
            assert str(folder) in str(caught.value)
        (folder / name).write_bytes(raw)
    assert Chat.open(small_index).ask(DEPTH).citations


def mounted(folder: Path, *options: str) -> None:
    """A small file system of its own in a folder; skips where this system or its user cannot mount one."""
    if sys.platform != "linux" or not shutil.which("mount"):
        pytest.skip("no tmpfs can be mounted here")
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting takes rights that whoever runs this has not")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small file system, away again in the end."""
    folder = tmp_path / "mounted"

    def made(*options: str) -> Path:
        mounted(folder, *options)
        return folder

    yield made
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def fill(path: Path, left: int) -> None:
    """Writes a file that leaves so many bytes free on its disk."""
    path.unlink(missing_ok=True)
    status = os.statvfs(path.parent)
    path.write_bytes(bytes(max(status.f_bavail * status.f_frsize - left, 0)))


def test_a_full_disk_leaves_the_old_generation(corpora: dict[str, Path], mount: Callable[..., Path]) -> None:
    """Wherever the disk fills up, the build fails in one line, clears up, and the old generation answers."""
    disk = mount("-o", "size=4m")
    root = disk / "index"
    generations.build(corpora["1,200"], root, SETTINGS)
    needed = sum(path.stat().st_size for path in generations.live_folder(root).rglob("*") if path.is_file())
    failed = 0
    for left in range(0, needed + 200_000, 8_192):
        live = generations.live_folder(root).name
        fill(disk / "filler", left)
        try:
            generations.build(corpora["1,300"], root, SETTINGS)
        except SearchIndexError as error:
            failed += 1
            assert os.strerror(errno.ENOSPC) in str(error)
            assert "\n" not in str(error)
            assert generations.live_folder(root).name == live
            assert told(root) == "1,200"
            assert [each.state for each in generations.listed(root)] == ["live"]
        else:
            break
    assert failed >= 5
    assert told(root) == "1,300"


def test_a_folder_that_cannot_be_written_still_answers(corpora: dict[str, Path], mount: Callable[..., Path]) -> None:
    """From a file system that is read only a question is answered; building or switching there is one line."""
    disk = mount("-o", "size=4m")
    root = disk / "index"
    generations.build(corpora["1,200"], root, SETTINGS)
    generations.build(corpora["1,300"], root, SETTINGS)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert told(root) == "1,300"
    assert [each.state for each in generations.listed(root)] == ["kept", "live"]
    for change in (
        lambda: generations.build(corpora["1,200"], root, SETTINGS),
        lambda: generations.switch(root, "1"),
        lambda: generations.rollback(root),
        lambda: generations.prune(root),
    ):
        with pytest.raises(SearchIndexError, match="cannot be written") as caught:
            change()
        assert str(root) in str(caught.value)
    assert told(root) == "1,300"


def test_an_index_that_cannot_be_opened_leaves_no_copy(
    corpora: dict[str, Path], mount: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of terms on a file system that is read only a copy is opened, and removed where that fails."""
    disk = mount("-o", "size=4m")
    generations.build(corpora["1,200"], disk / "index", SETTINGS)
    lexical = generations.live_folder(disk / "index") / "lexical"
    (lexical / "meta.json").write_bytes(b"{")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    (tmp_path / "copies").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "copies"))
    with pytest.raises(ValueError, match="meta"):
        LexicalIndex.load(lexical)
    assert list((tmp_path / "copies").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="it opens no folder to write it through")
def test_power_lost_at_the_switch_loses_nothing(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the pointer is replaced, all it leads to is on the disk, and when the build ends, so is its new name."""
    fsync, replace, synced, at_switch = os.fsync, os.replace, [], []
    root = tmp_path / "index"

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    def noted_replace(source: str, target: str) -> None:
        replace(source, target)
        if Path(target).name == generations.POINTER:
            at_switch.append(len(synced))

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    for number in range(2):  # the second shares files with the first
        folder = root / generations.build(small_corpus, root, SETTINGS).generation
        before = at_switch[number]
        needed = {path.stat().st_ino for path in (*folder.rglob("*"), folder, root, root / generations.POINTER)}
        assert needed <= set(synced[:before])
        assert root.stat().st_ino in synced[before:]


def test_a_disk_that_does_not_take_what_is_written_leaves_the_old_generation(
    corpora: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk fails to take the new generation, the build fails in one line and the old one answers."""
    root = tmp_path / "index"
    live = generations.build(corpora["1,200"], root, SETTINGS).generation

    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(SearchIndexError, match=os.strerror(errno.EIO)):
        generations.build(corpora["1,300"], root, SETTINGS)
    assert [(each.name, each.state) for each in generations.listed(root)] == [(live, "live")]
    assert told(root) == "1,200"


def resident_kilobytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_memory_stays_flat_over_thousands_of_questions(small_corpus: Path, small_index: Path) -> None:
    """Thousands of questions, the index switched now and then, take no more memory than the first thousand did."""
    (small_corpus / "clocks.txt").write_text("The clock strikes the hours.\n", encoding="utf-8")
    generations.build(small_corpus, small_index, SETTINGS)
    live = LiveChat(small_index, ALWAYS)
    taken = []
    for number in range(QUESTIONS):
        if number % (QUESTIONS // 20) == 0:
            generations.switch(small_index, "12"[number // (QUESTIONS // 20) % 2])
        live.current().ask(
            f"How deep can turtle {number % 100} dive?" if number % 2 else f"泡茶的水要多少度？{number % 100}"
        )
        if number % (QUESTIONS // 10) == 0:
            taken.append(resident_kilobytes())
    assert max(taken[5:]) < max(taken[:5]) + 16_384
