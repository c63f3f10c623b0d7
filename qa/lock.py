"""One writer at a time in an index folder, who is named to whoever comes second, or of a file.

The lock is the operating system's, on an open file: it ends with its process, however that ends.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import IndexBusyError

LOCK = "build.lock"
HOLDER = "build.json"


@contextlib.contextmanager
def write_lock(root: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Keeps every other writer from an index folder, which must exist.

    Raises:
        IndexBusyError: if another process still writes there after `wait_seconds`.
        OSError: if the folder cannot be written.
    """
    lock, holder = FileLock(root / LOCK), root / HOLDER
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout as error:
        raise IndexBusyError(f"{_held_by(holder)} is writing the index in {root}; try again later.", root) from error
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        holder.write_text(json.dumps({"process": os.getpid(), "since": since}) + "\n", encoding="utf-8")
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


def _held_by(holder: Path) -> str:
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        return f"Process {int(said['process'])} (since {datetime.fromisoformat(said['since'])})"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return "Another process"
