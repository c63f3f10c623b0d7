"""Processes that answer beside the one that serves the page."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from pages import CHINESE, ENGLISH, REFUSED, served

from qa import generations, render, worker
from qa.chat import TURNS, Chat
from qa.cli import CANNOT, main
from qa.config import IndexSettings

LONG_TALK = [CHINESE, ENGLISH] * (TURNS // 2)  # which is answered again, and takes a while


def processes() -> list[psutil.Process]:
    """Those that answer for a server of this process."""
    children = psutil.Process().children()
    return [each for each in children if each.is_running() and "qa.worker" in " ".join(each.cmdline())]


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds, and fails where it does not come."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it does not come")


def ask(client: httpx.Client, question: str, history: list[str] | None = None) -> httpx.Response:
    return client.post("/api/ask", json={"question": question, "history": history or []})


def at_once(
    client: httpx.Client, count: int, question: str = ENGLISH
) -> tuple[list[threading.Thread], list[httpx.Response]]:
    """So many who ask at the same time, after a long conversation, and their answers as they come."""
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(client, question, LONG_TALK))) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def line(chat: Chat, question: str) -> str:
    return f"{render.terminal_json(render.answer_record(chat.ask(question), chat.index.documents))}\n"


def test_processes_answer_as_one_does(chat: Chat) -> None:
    """Each of several processes answers with what is answered alone, a refusal and an error too; none stays behind."""
    with served(chat, workers=2) as address, httpx.Client(base_url=address, timeout=60) as client:
        for question in (CHINESE, ENGLISH, *REFUSED) * 2:
            answer = ask(client, question)
            assert (answer.status_code, answer.text) == (200, line(chat, question))
        assert ask(client, "?").status_code == 400
        until(lambda: len(processes()) == 2)
    assert processes() == []


def test_a_process_takes_one_thread(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process does its arithmetic in one thread, unless whoever serves wishes otherwise."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with served(chat, workers=3) as address:
        assert httpx.post(f"{address}/api/ask", json={"question": ENGLISH}, timeout=60).status_code == 200
        assert [each.environ()["OMP_NUM_THREADS"] for each in processes()] == ["1"] * 3
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert worker.environment()["OMP_NUM_THREADS"] == "3"


def test_a_question_outlives_the_process_that_answers_it(chat: Chat) -> None:
    """Where processes are killed over questions these are answered by others, and as many processes are there again."""
    with served(chat, workers=2) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert ask(client, ENGLISH).status_code == 200
        until(lambda: len(processes()) == 2)
        first = {each.pid for each in processes()}
        threads, answers = at_once(client, 6)
        until(lambda: len(answers) >= 1)
        for each in processes():
            each.kill()
        for thread in threads:
            thread.join()
        assert [answer.json()["answered"] for answer in answers] == [True] * 6
        until(lambda: len({each.pid for each in processes()} - first) == 2)
        idle = processes()
        for each in idle:
            each.kill()
        until(lambda: not any(each.is_running() for each in idle))
        assert ask(client, ENGLISH).text == line(chat, ENGLISH)


def test_a_question_that_none_answers_is_refused(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process takes too long it is killed, and where none comes up, it is said with when to ask again."""
    monkeypatch.setattr("ui.workers.ANSWER_SECONDS", 1e-6)
    with served(chat, workers=2) as address, httpx.Client(base_url=address, timeout=60) as client:
        answer = ask(client, ENGLISH, LONG_TALK)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["error"].startswith("Too many questions are waiting.")
    monkeypatch.setattr("ui.workers.FREE_SECONDS", 0.2)
    monkeypatch.setattr("qa.worker.COMMAND", (str(Path(sys.executable).with_name("no such program")),))
    with served(chat, workers=2) as address, httpx.Client(base_url=address, timeout=60) as client:
        answer = ask(client, ENGLISH)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert client.get("/healthz").status_code == 200


def test_processes_take_up_a_new_index(small_corpus: Path, small_index: Path) -> None:
    """After a build every process answers from the new generation, without a start."""
    with served(Chat.open(small_index), workers=2) as address, httpx.Client(base_url=address, timeout=60) as client:
        question = "How many people does the new lift carry?"
        assert not ask(client, question).json()["answered"]
        (small_corpus / "new.md").write_text("# Lifts\n\nThe new lift carries 21 people.\n", encoding="utf-8")
        generations.build(small_corpus, small_index, IndexSettings())
        threads, answers = at_once(client, 8, question)
        for thread in threads:
            thread.join()
        assert ["21 people" in answer.text for answer in answers] == [True] * 8


def run(told: bytes) -> "subprocess.CompletedProcess[bytes]":
    """A process that is told something, and then nothing more."""
    return subprocess.run(worker.COMMAND, input=told, env=worker.environment(), capture_output=True, check=False)


def test_a_process_ends_with_its_input(small_index: Path) -> None:
    """A process whose server is gone ends, whatever that had told it; one that cannot open the index says why."""
    chat = Chat.open(small_index)
    assert run(b"").returncode == 0
    told = run(worker.opening(chat))
    assert (told.returncode, told.stderr) == (0, b"")
    assert chat.generation in told.stdout.decode()
    (small_index / generations.POINTER).write_bytes(b"{")
    refused = run(worker.opening(chat))
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert refused.stderr.startswith(b"qa: ")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("count", ["0", "-1", "x", "257", ""])
def test_an_odd_number_of_processes_is_said(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`qa serve --workers` takes a number that can be."""
    with pytest.raises(SystemExit) as ended:
        main(["serve", f"--workers={count}"])
    assert ended.value.code == CANNOT
    assert "no number of processes from 1 to 256" in capsys.readouterr().err
