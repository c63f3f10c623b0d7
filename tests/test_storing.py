import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings
from qa.errors import CorpusError, IndexBusyError
from qa.store import Store
from qa.storing import Writer, build

BUILD = (
    "import sys; from pathlib import Path; from qa.config import IndexSettings; from qa.store import Store;"
    " from qa.storing import build;"
    " build(Path(sys.argv[1]), Store(sys.argv[2]), IndexSettings(passage_bytes=int(sys.argv[3])))"
)
MANY = 600  # articles, of which a writer makes 64 at once


def rows(store: Store) -> dict[str, list[int]]:
    """The numbers of the rows of each article."""
    index = Chat.open(store).index
    found: dict[str, list[int]] = {identity: [] for identity in index.documents}
    for passage in index.passages:
        found[passage.document_id].append(passage.id)
    return found


def write_many(folder: Path) -> Path:
    """A folder of many articles, each with a number of its own."""
    folder.mkdir()
    for number in range(MANY):
        text = f"# Lift {number}\n\nLift {number} carries {number + 20} people.\n\n## Speed\n\nIt is slow.\n"
        (folder / f"{number:04d}.md").write_text(text, encoding="utf-8")
    return folder


def started(corpus: Path, url: str, passage_bytes: int = 900) -> "subprocess.Popen[bytes]":
    """A process that builds."""
    return subprocess.Popen([sys.executable, "-c", BUILD, corpus, url, str(passage_bytes)], stderr=subprocess.PIPE)


def wait_for(postgres: PostgresServer, url: str, statement: str) -> int:
    """Waits until a statement gives a number but 0; returns that."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            ((found,),) = postgres.execute(url.rpartition("/")[2], statement)
        except psycopg.Error:  # there is no such table yet
            found = 0
        if found:
            return int(str(found))
        time.sleep(0.005)
    raise AssertionError(statement)


def test_only_what_was_edited_is_made_anew(small_corpus: Path, small_index: Path, store_url: str) -> None:
    """Articles that stay keep their rows, and a build after edits says and answers what one in a folder does."""
    store, settings = Store(store_url), IndexSettings()
    build(small_corpus, store, settings)
    before = rows(store)
    (small_corpus / "tea.zh.md").write_text("# 白茶\n\n## 水温\n\n泡白毫银针要用摄氏85度的水。\n", encoding="utf-8")
    (small_corpus / "clocks.txt").unlink()
    (small_corpus / "new.md").write_text("# Lifts\n\nThe new lift carries 21 people.\n", encoding="utf-8")
    summary, wanted = build(small_corpus, store, settings), generations.build(small_corpus, small_index, settings)
    assert (summary.documents, summary.passages) == (wanted.documents, wanted.passages)
    assert summary.changes == wanted.changes
    after = rows(store)
    assert {name for name in after if before.get(name) == after[name]} == {"turtles.en.md", "图书馆/读者.zh.md"}
    assert not {*after["tea.zh.md"]} & {*before["tea.zh.md"]}
    chat, other = Chat.open(store), Chat.open(small_index)
    for question in (
        "白毫银针用多少度的水？",
        "How many people does the new lift carry?",
        "Where is the oldest clock?",
    ):
        assert chat.ask(question).text == other.ask(question).text
        assert chat.ask(question).confidence == pytest.approx(other.ask(question).confidence, abs=1e-4)


def test_a_build_after_a_rollback_goes_on_from_there(
    small_corpus: Path, store_url: str, postgres: PostgresServer
) -> None:
    """What only the abandoned generation had is gone, and nothing that it had removed is lost."""
    store, settings = Store(store_url), IndexSettings()
    build(small_corpus, store, settings)
    clocks = (small_corpus / "clocks.txt").read_bytes()
    (small_corpus / "clocks.txt").unlink()
    (small_corpus / "new.md").write_text("# Lifts\n\nThe new lift carries 21 people.\n", encoding="utf-8")
    build(small_corpus, store, settings)
    store.rollback()
    (small_corpus / "clocks.txt").write_bytes(clocks)
    (small_corpus / "new.md").unlink()
    summary = build(small_corpus, store, settings)
    assert (summary.changes.added, summary.changes.changed, summary.changes.removed) == (0, 0, 0)
    assert Chat.open(store).ask("Where is the oldest working clock?").answered
    assert [each.state for each in store.listed()] == ["kept", "live"]
    database = store_url.rpartition("/")[2]
    assert postgres.execute(database, "SELECT count(*) FROM wenju.passages") == [(summary.passages,)]


def test_a_rollback_during_a_build_leaves_nothing_out(small_corpus: Path, store_url: str) -> None:
    """Who would build from the generation gone back to waits for a build from the other; then no article is missing."""
    store, settings = Store(store_url), IndexSettings()
    build(small_corpus, store, settings)
    (small_corpus / "new.md").write_text("# Lifts\n\nThe new lift carries 21 people.\n", encoding="utf-8")
    build(small_corpus, store, settings)
    (small_corpus / "more.md").write_text("# Stairs\n\nThe stairs have 300 steps.\n", encoding="utf-8")
    other = Writer(small_corpus, store, settings)
    other.plan(lambda stage, done, total: None)
    store.rollback()
    with pytest.raises(IndexBusyError):
        build(small_corpus, store, settings)
    other.leave()
    assert build(small_corpus, store, settings).documents == 6
    assert set(rows(store)) == {path.relative_to(small_corpus).as_posix() for path in small_corpus.rglob("*.*")}
    assert Chat.open(store).ask("How many people does the new lift carry?").answered


def test_old_generations_go(small_corpus: Path, store_url: str, postgres: PostgresServer) -> None:
    """After each build the live generation and the one before are there, and no row that neither has."""
    store = Store(store_url)
    for number in range(4):
        (small_corpus / "new.md").write_text(f"# Lifts\n\nThe lift carries {number} people.\n", encoding="utf-8")
        summary = build(small_corpus, store, IndexSettings())
    assert [generations.number_of(each.name) for each in store.listed()] == [3, 4]
    database = store_url.rpartition("/")[2]
    assert postgres.execute(database, "SELECT count(*) FROM wenju.passages") == [(summary.passages + 1,)]
    counted = "SELECT count(*) FROM wenju.frequencies GROUP BY id ORDER BY 1 DESC LIMIT 1"
    assert postgres.execute(database, counted) == [(2,)]


def test_what_cannot_be_read_is_left_out(small_corpus: Path, store_url: str) -> None:
    """An unreadable article is named with its reason at every build; a strict build stops, and the index stays."""
    (small_corpus / "empty.md").write_bytes(b"\xff\xfe\x00")
    store, settings = Store(store_url), IndexSettings()
    for _ in range(2):
        summary = build(small_corpus, store, settings)
        assert [each.path for each in summary.unreadable] == ["empty.md"]
        assert str(summary.unreadable[0].reason)
    assert set(Chat.open(store).index.manifest.left_out) == {"empty.md"}
    with pytest.raises(CorpusError, match=r"empty\.md"):
        build(small_corpus, store, settings, strict=True)
    assert store.live() == summary.generation


def test_several_writers_share_a_build(tmp_path: Path, store_url: str, postgres: PostgresServer) -> None:
    """Two processes that build at once end with one generation that holds each article once; both have made some."""
    corpus, database = write_many(tmp_path / "many"), store_url.rpartition("/")[2]
    processes = [started(corpus, f"{store_url}?application_name=first")]
    wait_for(postgres, store_url, "SELECT count(*) FROM wenju.articles")
    postgres.execute(
        database,
        "ALTER TABLE wenju.articles ADD writer text, ALTER writer SET DEFAULT current_setting('application_name')",
    )
    waiting = (
        "SELECT (count(*) = 2)::int FROM pg_stat_activity"
        " WHERE application_name IN ('first', 'second') AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(store_url) as connection:  # whoever claims files waits for it
        connection.execute("LOCK TABLE wenju.generations IN EXCLUSIVE MODE")
        processes.append(started(corpus, f"{store_url}?application_name=second"))
        wait_for(postgres, store_url, waiting)
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert (process.returncode, said) == (0, b"")
    assert postgres.execute(database, "SELECT count(*), count(DISTINCT identity) FROM wenju.articles") == [(MANY, MANY)]
    assert postgres.execute(database, "SELECT count(*) FROM wenju.passages WHERE until < 100") == [(0,)]
    made = "SELECT count(*) FROM wenju.articles WHERE writer = 'second'"
    assert 0 < wait_for(postgres, store_url, made) < MANY
    answer = Chat.open(Store(store_url)).ask("How many people does lift 417 carry?")
    assert answer.short is not None
    assert "437" in answer.short.quote


def test_a_killed_build_is_taken_up(tmp_path: Path, store_url: str, postgres: PostgresServer) -> None:
    """What a killed build has committed stays as it is, the rest is made; until then the live generation answers."""
    corpus = write_many(tmp_path / "many")
    process = started(corpus, store_url)
    wait_for(postgres, store_url, "SELECT count(*) FROM wenju.articles")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    database = store_url.rpartition("/")[2]
    kept = set(postgres.execute(database, "SELECT row, xmin::text FROM wenju.passages"))
    assert 0 < len(kept) < MANY
    assert postgres.execute(database, "SELECT live FROM wenju.store") == [(None,)]
    store = Store(store_url)
    summary = build(corpus, store, IndexSettings())
    assert summary.documents == MANY
    now = set(postgres.execute(database, "SELECT row, xmin::text FROM wenju.passages"))
    assert kept <= now
    assert len(now) == summary.passages
    assert postgres.execute(database, "SELECT count(*), count(DISTINCT identity) FROM wenju.articles") == [(MANY, MANY)]
    assert [each.state for each in store.listed()] == ["live"]


def test_another_build_is_not_disturbed(tmp_path: Path, store_url: str, postgres: PostgresServer) -> None:
    """Who would build in another way while a build goes on is told so; once that is dead, its unfinished work goes."""
    corpus, store = write_many(tmp_path / "many"), Store(store_url)
    process = started(corpus, store_url, passage_bytes=700)
    wait_for(postgres, store_url, "SELECT count(*) FROM wenju.articles")
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(IndexBusyError, match="Another process builds"):
            build(corpus, store, IndexSettings())
    finally:
        process.kill()
        process.communicate()
    assert build(corpus, store, IndexSettings()).documents == MANY


def test_questions_go_on_during_a_build(small_corpus: Path, store_url: str) -> None:
    """While another generation is made the live one gives the answers that it gave before."""
    store = Store(store_url)
    build(small_corpus, store, IndexSettings())
    chat = Chat.open(store)
    question = "How deep can a leatherback turtle dive?"
    wanted, over, wrong = chat.ask(question).text, threading.Event(), []

    def ask() -> None:
        while not over.is_set():
            wrong.extend([text for text in [Chat.open(store).ask(question).text] if text != wanted])

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(3):
        (small_corpus / "new.md").write_text(f"# Lifts\n\nThe lift carries {number} people.\n", encoding="utf-8")
        build(small_corpus, store, IndexSettings())
    over.set()
    asking.join()
    assert wrong == []
