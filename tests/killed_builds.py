"""Builds in a process of its own, to be killed: reads `MOMENT VALUE CORPUS INDEX` a line, answers how the build ended.

`operation N` kills it (SIGKILL) at its Nth operation on a file of the index, `seconds S` after so long.
"""

import itertools
import os
import signal
import sys
import threading
from pathlib import Path

from qa import generations
from qa.config import IndexSettings
from qa.embedder import bundled_embedder

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "os.link")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_operation(wanted: int, root: str) -> None:
    """Dies at that operation on a file of the index, before it is done."""
    numbers = itertools.count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in OPERATIONS and str(arguments[0]).startswith(root) and next(numbers) == wanted:
            die()

    sys.addaudithook(hook)


def child(moment: str, value: str, corpus: str, root: str) -> None:
    if moment == "operation":
        die_at_operation(int(value), root)
    else:
        threading.Timer(float(value), die).start()
    generations.build(Path(corpus), Path(root), IndexSettings())
    os._exit(0)


if __name__ == "__main__":
    bundled_embedder().norms  # noqa: B018 - read once, for all children
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            child(*line.rstrip("\n").split("\t"))
        _, status = os.waitpid(process, 0)
        sys.stdout.write("killed\n" if os.WIFSIGNALED(status) else f"ended {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
