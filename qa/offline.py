"""Unplugged: a process that ends at once when it reaches beyond this machine, so that no library can go on in silence.

Every connection and every look-up of a name raises an audit event before it happens (PEP 578). This module needs
nothing but Python, so that its own text can be run before anything else is imported.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

REACHED = 86  # exit code of a process that reached beyond the machine

_WATCHED = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
_HERE = ("localhost", "127.0.0.1", "::1")


def unplug() -> None:
    """From here on this process prints `REACHED` and ends where it reaches beyond this machine; there is no undoing."""
    sys.addaudithook(_guard)


def command(code: str, *arguments: str) -> list[str]:
    """The command that runs Python code, `sys.argv[1:]` its arguments, unplugged before it imports anything."""
    found_here = f"sys.path.append({str(Path(__file__).resolve().parents[1])!r})"
    return [sys.executable, "-X", "utf8", "-P", "-c", f"{source()}\n{found_here}\n{code}", *arguments]


def source() -> str:
    """Python code that unplugs the process that runs it."""
    return f"{Path(__file__).read_text(encoding='utf-8')}\nunplug()\n"


def _guard(event: str, values: tuple[Any, ...]) -> None:
    if event in _WATCHED and not _is_local(event, values):
        sys.stdout.write(f"REACHED {event} {values[-1] if event == 'socket.connect' else values[0]}\n")
        sys.stdout.flush()
        os._exit(REACHED)


def _is_local(event: str, values: tuple[Any, ...]) -> bool:
    if event == "socket.getaddrinfo":
        return values[0] in (None, "", b"", *_HERE, *(name.encode() for name in _HERE))
    if event.startswith("socket.gethostby"):
        return values[0] in _HERE
    kind, address = values[0].family, values[1]
    if kind == getattr(socket, "AF_UNIX", None) or kind not in (socket.AF_INET, socket.AF_INET6):
        return True
    return address is None or str(address[0]).startswith("127.") or address[0] in _HERE
