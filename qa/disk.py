"""Files on the disk: written whole or not at all, given another name, and still there after the power was lost."""

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_INSIST_SECONDS = 2.0
_WRITING = ".writing-"  # how a name begins while its file is written
_IS_WINDOWS = os.name == "nt"

_Result = TypeVar("_Result")


def write_whole(path: Path, raw: bytes, *, new: bool = False, mode: int | None = None) -> None:
    """Writes a file whole, beside its place first, under a hidden name that no reader takes for an article.

    It is on the disk, under its name, once this returns.

    Args:
        path: of the file.
        raw: all of it.
        new: whether nothing may be replaced, even if it has come since.
        mode: who may read and write it, less what the umask forbids; those of the file it replaces where None.

    Raises:
        FileExistsError: if it is to be new, and is there.
        OSError: if it cannot be written.
    """
    written = path.with_name(f"{_WRITING}{secrets.token_hex(8)}")
    try:
        written.touch(0o666 if mode is None else mode, exist_ok=False)
        with written.open("r+b") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if new:
            _link(written, path)
        else:
            if mode is None:
                with contextlib.suppress(FileNotFoundError):
                    written.chmod(path.stat().st_mode & 0o777)
            insist(lambda: written.replace(path))
        write_folder_through(path.parent)
    finally:
        written.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Removes what `write_whole` left in a folder where it was killed; nobody may be writing there."""
    for path in folder.glob(f"{_WRITING}*"):
        path.unlink(missing_ok=True)


def move(path: Path, target: Path) -> None:
    """Gives a file another name, which must be free; it may be the same in other letters, where the system takes both.

    Raises:
        FileExistsError: if another file has that name.
        OSError: if it cannot be moved.
    """
    try:
        _link(path, target)
    except FileExistsError:
        if not target.samefile(path):
            raise
        path.rename(target)
    else:
        _unlink(path, target)
    for folder in {path.parent, target.parent}:
        write_folder_through(folder)


def _unlink(path: Path, target: Path) -> None:
    """Takes the old name from a file with two; where that cannot be done, the new one."""
    try:
        insist(lambda: path.unlink(missing_ok=True))
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _link(written: Path, path: Path) -> None:
    """Gives a file a name, which must be free; where the file system has no links, as a plain rename."""
    try:
        os.link(written, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        written.rename(path)


def share(path: Path, target: Path) -> bool:
    """Gives a file that is never changed a second name; where it can have none, a copy. Whether it is the same file.

    Raises:
        OSError: if it cannot be written.
    """
    try:
        os.link(path, target)
    except OSError:  # no file system for it, another's file, too many names
        shutil.copyfile(path, target)
        return False
    return True


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it, also what comes while it goes.

    An index of terms makes its lock file once more soon after it was opened, in a thread of its own.

    Raises:
        OSError: if something in it cannot be removed; the rest is gone.
    """
    given_up = time.monotonic() + _INSIST_SECONDS
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or time.monotonic() > given_up:
                shutil.rmtree(folder, ignore_errors=True)
                raise


def write_file_through(path: Path) -> None:
    """Waits until what a file holds is on the disk."""
    with path.open("r+b") as file:  # Windows takes only a file that may be written
        os.fsync(file.fileno())


def write_folder_through(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    if _IS_WINDOWS:  # it opens no folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some file systems know no such thing for a folder
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def insist(action: Callable[[], _Result]) -> _Result:
    """Does what Windows refuses while another process reads or replaces the same file."""
    given_up = time.monotonic() + _INSIST_SECONDS
    while True:
        try:
            return action()
        except PermissionError:
            if not _IS_WINDOWS or time.monotonic() > given_up:
                raise
            time.sleep(0.01)
