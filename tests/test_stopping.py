"""How a server ends: with everything answered that it has accepted."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from pages import CHINESE, ENGLISH

from qa.chat import TURNS, Chat
from qa.render import answer_record

ROOT = Path(__file__).resolve().parents[1]
MANY = 40  # questions, which take longer than open pages are waited for
LONG_TALK = [CHINESE, ENGLISH] * (TURNS // 2)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@contextmanager
def started(index: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server of the shipped articles in a process of its own, and its host and port."""
    command = [sys.executable, str(ROOT / "app.py"), "--index", str(index), "--port", "0", *options]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as process:
        too_long = threading.Timer(180, process.kill)
        too_long.start()
        try:
            assert process.stdout
            line = process.stdout.readline()
            printed = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert printed, line
            yield process, urlsplit(printed.group()).netloc
        finally:
            too_long.cancel()
            process.kill()


def sent(netloc: str) -> http.client.HTTPConnection:
    """A question on its way, after a long conversation."""
    connection = http.client.HTTPConnection(netloc, timeout=120)
    connection.request("POST", "/api/ask", json.dumps({"question": ENGLISH, "history": LONG_TALK}))
    return connection


def answer(connection: http.client.HTTPConnection) -> tuple[int, dict[str, object]]:
    with closing(connection), connection.getresponse() as response:
        return response.status, json.loads(response.read())


@pytest.mark.parametrize(
    ("workers", "sign", "code"),
    [(1, signal.SIGTERM, -signal.SIGTERM), (2, signal.SIGTERM, -signal.SIGTERM), (2, signal.SIGINT, 130)],
    ids=["one process", "two processes", "Ctrl-C"],
)
def test_what_was_accepted_is_answered(workers: int, sign: int, code: int, index_folder: Path, chat: Chat) -> None:
    """A server told to stop answers every question it has; then it ends, and with it all its processes.

    An open page does not keep it; whether its processes are told to stop too makes no difference.
    """
    with started(index_folder, "--workers", str(workers)) as (process, netloc), ExitStack() as opened:
        answer(sent(netloc))
        children = psutil.Process(process.pid).children()
        page = opened.enter_context(httpx.stream("GET", f"http://{netloc}/gradio_api/heartbeat/visitor", timeout=120))
        assert page.status_code == 200
        asked = [sent(netloc) for _ in range(MANY)]
        answers = [answer(asked[0])]
        for each in (process.pid, *(child.pid for child in children if sign == signal.SIGTERM)):
            os.kill(each, sign)
        answers += [answer(connection) for connection in asked[1:]]
        expected = answer_record(chat.ask(ENGLISH), chat.index.documents)
        assert answers == [(200, expected)] * MANY
        said = process.communicate()[0]
        assert process.returncode == code
        assert len(children) == (workers if workers > 1 else 0)
        assert not any(child.is_running() for child in children)
        assert "Traceback" not in said


def test_processes_end_with_a_server_that_is_killed(index_folder: Path) -> None:
    """No process that answers is left where the server had no time to tell them."""
    with started(index_folder, "--workers", "2") as (process, netloc):
        answer(sent(netloc))
        children = psutil.Process(process.pid).children()
        process.kill()
        assert psutil.wait_procs(children, timeout=60)[1] == []
