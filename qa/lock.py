"""One writer at a time in an index folder, who is named to whoever comes second, or of a file.

The lock is the operating system's, on an open file: it ends with its process, however that ends. On a file system that
has no such locks (no `flock`), a file that is there is the lock: one that a dead process of this machine left is taken
over; whether one of another machine lives cannot be told, and a person has to remove its file.
"""

import contextlib
import errno
import json
import os
import platform
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from qa.errors import IndexBusyError
from qa.messages import Message

LOCK = "build.lock"
SOFT_LOCK = "build.soft.lock"  # apart, since the other stays where it is when it is let go
HOLDER = "build.json"


@contextlib.contextmanager
def write_lock(
    root: Path, wait_seconds: float = 0.0, waiting: Callable[[str], None] = lambda line: None
) -> Iterator[None]:
    """Keeps every other writer from an index folder, which must exist.

    Args:
        root: the folder.
        wait_seconds: for at most so long another writer is waited for.
        waiting: told once, in a line, whom it waits for.

    Raises:
        IndexBusyError: if another process still writes there after `wait_seconds`.
        OSError: if the folder cannot be written.
    """
    holder = root / HOLDER

    def acquired(lock: BaseFileLock) -> BaseFileLock:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait_seconds <= 0:
                raise
            waiting(f"{_held_by(holder)} is writing the index in {root}; waiting for it.")
            lock.acquire(timeout=wait_seconds)
        return lock

    try:
        try:
            lock = acquired(FileLock(root / LOCK, fallback_to_soft=False))
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
            lock = acquired(SoftFileLock(root / SOFT_LOCK))
    except Timeout as error:
        kind = "busy_or_dead" if (root / SOFT_LOCK).exists() else "busy"
        said = Message(kind, {"holder": _held_by(holder), "folder": root, "lock": SOFT_LOCK})
        raise IndexBusyError(said, root) from error
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        holder.write_text(
            json.dumps({"process": os.getpid(), "host": platform.node(), "since": since}) + "\n", encoding="utf-8"
        )
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def file_lock(path: Path, wait_seconds: float) -> Iterator[None]:
    """Keeps every other writer that asks for it from one file; the lock is a file beside it.

    Raises:
        TimeoutError: if another holds it after `wait_seconds`.
        OSError: if the lock cannot be made.
    """
    with FileLock(path.with_name(f"{path.name}.lock"), timeout=wait_seconds):
        yield


def _held_by(holder: Path) -> Message:
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        kind = "process" if said["host"] == platform.node() else "process_elsewhere"
        since = datetime.fromisoformat(said["since"])
        return Message(kind, {"number": int(said["process"]), "host": said["host"], "since": since})
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return Message("process_unknown")
