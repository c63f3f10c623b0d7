"""One writer at a time in an index folder; whoever holds the lock is named to who comes second.

The lock is the operating system's, on an open file: it ends with its process, however that ends.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import IndexBusyError

LOCK = "build.lock"
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
    lock, holder = FileLock(root / LOCK), root / HOLDER
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait_seconds <= 0:
                raise
            waiting(f"{_held_by(holder)} is writing the index in {root}; waiting for it.")
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


def _held_by(holder: Path) -> str:
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        return f"Process {int(said['process'])} (since {datetime.fromisoformat(said['since'])})"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return "Another process"
