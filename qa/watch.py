"""A folder of articles under watch: its edits, told once they have settled."""

import contextlib
import ctypes
import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import watch

QUIET = 1.0  # seconds without an edit after which a burst of them is over

_TRIM_THRESHOLD, _TRIM_BYTES = -1, 128 * 1024  # glibc's number for the parameter, and its value at the start
_ARENA_MAX = -8  # glibc's number for how many arenas there may be
_STEP = 50  # milliseconds in which what is reported together has to come


def edits(folder: Path, index_folder: Path, quiet: float = QUIET) -> Iterator[None]:
    """Yields as soon as the folder is watched, then each time something in it was edited and nothing has been since.

    It never ends. What was edited while the caller did its work is told afterwards. A folder that is removed, or
    exchanged for another of its name, counts as edited, and is watched again as soon as it is there.

    Args:
        folder: of the articles; what is hidden in it does not count.
        index_folder: if it lies in `folder`, what is written there does not count either.
        quiet: seconds without an edit.
    """
    while True:
        watched = _identity(folder)
        if watched is None:
            yield
            while _identity(folder) is None:
                time.sleep(quiet)
        else:
            with contextlib.suppress(FileNotFoundError):  # it went before it was watched
                yield from _edits_of_one(folder, watched, index_folder.resolve(), quiet)


def return_freed_memory() -> None:
    """From here on the memory that a build frees goes back to the system, so that it does not grow from build to build.

    glibc raises the amount it keeps with the largest block that was ever freed, unless its trim threshold is set, and
    keeps so much in each arena, of which every thread may get one of its own, unless there is to be one for all
    (mallopt(3)). On other systems this does nothing.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)
        library.mallopt(_ARENA_MAX, 1)


def _edits_of_one(folder: Path, watched: tuple[int, int], index_folder: Path, quiet: float) -> Iterator[None]:
    """As `edits`, until the folder is another one or gone."""
    root, milliseconds = folder.resolve(), max(1, round(1000 * quiet))
    last: float | None = -quiet  # a first look is due at once: nothing tells what was edited before
    for changes in watch(
        root, watch_filter=None, debounce=milliseconds, step=_STEP, rust_timeout=milliseconds, yield_on_timeout=True,
        ignore_permission_denied=True,
    ):  # fmt: skip
        paths = [Path(path) for _, path in changes]
        if root in paths or _identity(folder) != watched:  # a new folder may get the number of the old one
            return
        if any(_counts(path, root, index_folder) for path in paths):
            last = time.monotonic()
        elif last is not None and time.monotonic() - last >= quiet:
            last = None
            yield


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another of the same name; None where there is none."""
    try:
        state = folder.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _counts(path: Path, root: Path, index_folder: Path) -> bool:
    """Whether an edit of that file or folder may be one of the articles."""
    if not path.is_relative_to(root) or any(part.startswith(".") for part in path.relative_to(root).parts):
        return False
    inside = index_folder != root and index_folder.is_relative_to(root)
    return not (inside and path.is_relative_to(index_folder))
