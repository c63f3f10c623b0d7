import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from qa.disk import move, remove_folder, write_whole

WINDOWS_OR_ROOT = os.name == "nt" or os.geteuid() == 0


def files(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the file system one that has no links, as exFAT is."""

    def refuses(*_: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuses)


def test_a_file_is_written_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    """What is written stands there byte for byte, with the permissions of what it replaced and nothing beside it."""
    path = tmp_path / f"{'书' * 84}.md"  # as long as a name may be
    write_whole(path, b"one\r\n")
    path.chmod(0o600)
    mode = path.stat().st_mode
    write_whole(path, b"two\n")
    assert files(tmp_path) == {path.name: b"two\n"}
    assert path.stat().st_mode == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_mode_that_is_asked_for_holds_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only its owner may read is never readable by others, whatever the file before allowed."""
    path, modes, fsync = tmp_path / "secret", [], os.fsync
    path.touch(0o644)

    def looks(descriptor: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", looks)
    write_whole(path, b"secret", mode=0o600)
    assert modes[0] == stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk does not take what is written, the file before stays, and nothing is left beside it."""
    write_whole(tmp_path / "a.md", b"before")

    def fails(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        write_whole(tmp_path / "a.md", b"after")
    assert files(tmp_path) == {"a.md": b"before"}


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_overwritten(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a new file nor one that is moved takes the place of another, on file systems without links too."""
    if not links:
        without_links(monkeypatch)
    write_whole(tmp_path / "a.md", b"a", new=True)
    write_whole(tmp_path / "b.md", b"b", new=True)
    for act in (
        lambda: write_whole(tmp_path / "b.md", b"c", new=True),
        lambda: move(tmp_path / "a.md", tmp_path / "b.md"),
    ):
        with pytest.raises(FileExistsError):
            act()
    assert files(tmp_path) == {"a.md": b"a", "b.md": b"b"}
    move(tmp_path / "a.md", tmp_path / "c.md")
    assert files(tmp_path) == {"b.md": b"b", "c.md": b"a"}


def test_a_name_is_spelled_otherwise_where_that_is_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a system takes both spellings for one file, as Windows and macOS do, it gets the new one all the same."""
    write_whole(tmp_path / "a.md", b"a")
    exists, samefile, link = Path.exists, Path.samefile, os.link

    def folded(path: Path) -> Path:
        return path.with_name(path.name.casefold())

    def refuses(source: Path, target: Path) -> None:
        if exists(folded(target)):
            raise FileExistsError(target)
        link(source, target)

    monkeypatch.setattr(os, "link", refuses)
    monkeypatch.setattr(Path, "samefile", lambda path, other: samefile(folded(path), folded(other)))
    move(tmp_path / "a.md", tmp_path / "A.md")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["A.md"]


@pytest.mark.skipif(WINDOWS_OR_ROOT, reason="the folder could be written all the same")
def test_a_file_that_cannot_leave_its_folder_stays_there_alone(tmp_path: Path) -> None:
    """Where the old name cannot be taken away, the new one is, so that no article is there twice."""
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    write_whole(tmp_path / "from" / "a.md", b"a")
    (tmp_path / "from").chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            move(tmp_path / "from" / "a.md", tmp_path / "to" / "a.md")
    finally:
        (tmp_path / "from").chmod(0o700)
    assert (files(tmp_path / "from"), files(tmp_path / "to")) == ({"a.md": b"a"}, {})


def test_a_folder_goes_though_a_file_comes_to_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is removed with what is made in it at the very moment when it was empty."""
    folder, rmdir, made = tmp_path / "index" / "terms", os.rmdir, []
    folder.mkdir(parents=True)

    def first_makes_a_file(*arguments: Any, **named: Any) -> None:
        if not made:
            made.append((folder / ".lock").write_bytes(b""))
        rmdir(*arguments, **named)

    monkeypatch.setattr(os, "rmdir", first_makes_a_file)
    remove_folder(folder.parent)
    assert made
    assert not folder.parent.exists()


@pytest.mark.skipif(WINDOWS_OR_ROOT, reason="the folder could be written all the same")
def test_what_cannot_be_removed_is_told_once_the_rest_is_gone(tmp_path: Path) -> None:
    """Where a file in a folder cannot be removed, that is raised, and all others are removed."""
    closed = tmp_path / "index" / "closed"
    closed.mkdir(parents=True)
    (closed / "stays").touch()
    (tmp_path / "index" / "goes").touch()
    closed.chmod(0o500)
    with pytest.raises(PermissionError):
        remove_folder(tmp_path / "index")
    closed.chmod(0o700)
    assert [path.name for path in (tmp_path / "index").rglob("*") if path.is_file()] == ["stays"]
