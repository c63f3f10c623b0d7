"""How a process of this package is started, and what it writes its answers to."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

_HOME = Path(__file__).resolve().parents[1]


def command(module: str) -> tuple[str, ...]:
    """What runs the `main` of a module of this package, from wherever; nothing of the working folder is imported."""
    code = f"import sys; sys.path.insert(0, {str(_HOME)!r}); from qa.{module} import main; main()"
    return sys.executable, "-P", "-c", code


def answers() -> BinaryIO:
    """The standard output, for answers alone: what a library prints from now on goes to standard error."""
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return kept
