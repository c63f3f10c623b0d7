"""The primary dies, a hot standby takes over: what was committed is there, questions and builds go on."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, running
from test_storing import MANY, started, wait_for, write_many

from qa.chat import Chat, LiveChat
from qa.config import IndexSettings
from qa.errors import StoreError
from qa.store import Store
from qa.storing import build

QUESTION = "How many people does lift 417 carry?"


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary, and the standby that follows it."""
    with running() as primary:
        standby = primary.standby()
        try:
            yield primary, standby
        finally:
            standby.remove()


def both(pair: tuple[PostgresServer, PostgresServer], database: str) -> str:
    """The address of a database on whichever of two servers may be written."""
    return (
        pair[0].url(database).replace(f":{pair[0].port}", f":{pair[0].port},127.0.0.1:{pair[1].port}")
        + "?target_session_attrs=read-write"
    )


def test_questions_resume(small_corpus: Path, pair: tuple[PostgresServer, PostgresServer]) -> None:
    """Killed in the middle of questions, the primary is missed by none: each gets its answer from the standby."""
    primary, standby = pair
    database = primary.database()
    store = Store(both(pair, database))
    build(small_corpus, store, IndexSettings())
    live, over, answers, problems = LiveChat(store), threading.Event(), [], []
    question = "How deep can a leatherback turtle dive?"

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append((time.monotonic(), Chat.open(store).ask(question).text))
            except StoreError as error:
                problems.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    wanted = live.current().ask(question).text
    for thread in asking:
        thread.start()
    try:
        time.sleep(0.5)
        primary.kill()
        standby.promote()
        promoted = time.monotonic()
        assert live.current().ask(question).text == wanted
        assert live.problem is None
        until = time.monotonic() + 60
        while not any(at > promoted for at, _ in answers) and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        over.set()
        for thread in asking:
            thread.join()
    assert problems == []
    assert any(at > promoted for at, _ in answers)
    assert {text for _, text in answers} == {wanted}
    assert build(small_corpus, store, IndexSettings()).changes.kept


def test_a_build_resumes(tmp_path: Path, pair: tuple[PostgresServer, PostgresServer]) -> None:
    """Killed in the middle of a build, the primary is missed by none of its rows: nothing is lost, nothing doubled."""
    primary, standby = pair
    corpus, database = write_many(tmp_path / "many"), primary.database()
    process = started(corpus, both(pair, database))
    wait_for(primary, primary.url(database), "SELECT count(*) FROM wenju.articles")
    primary.kill()
    kept = wait_for(standby, standby.url(database), "SELECT count(*) + 1 FROM wenju.articles") - 1
    assert kept < MANY
    before = set(standby.execute(database, "SELECT row, xmin::text FROM wenju.passages"))
    standby.promote()
    _, said = process.communicate(timeout=300)
    assert (process.returncode, said) == (0, b"")
    counts = "SELECT count(*), count(DISTINCT identity) FROM wenju.articles"
    assert standby.execute(database, counts) == [(MANY, MANY)]
    now = set(standby.execute(database, "SELECT row, xmin::text FROM wenju.passages"))
    assert before <= now
    store = Store(both(pair, database))
    chat = Chat.open(store)
    assert len(chat.index.passages) == len(now)
    answer = chat.ask(QUESTION)
    assert answer.short is not None
    assert "437" in answer.short.quote


def test_a_standby_answers_and_takes_no_build(
    small_corpus: Path, pair: tuple[PostgresServer, PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hot standby that follows answers questions; a build there says that it can only be read."""
    primary, standby = pair
    database = primary.database()
    store = Store(primary.url(database))
    summary = build(small_corpus, store, IndexSettings())
    wait_for(standby, standby.url(database), "SELECT coalesce(live, 0) FROM wenju.store")
    other = Store(standby.url(database))
    question = "How deep can a leatherback turtle dive?"
    assert other.live() == summary.generation
    assert Chat.open(other).ask(question).text == Chat.open(store).ask(question).text
    monkeypatch.setattr("qa.postgres.Server.ask.__kwdefaults__", {"patience": 0.2})
    with pytest.raises(StoreError, match="can only be read, as a standby can"):
        build(small_corpus, other, IndexSettings())
