import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from postgres_server import PASSWORD, PostgresServer, running

from qa.chat import Chat
from qa.config import IndexSettings
from qa.errors import StoreError
from qa.postgres import Server, array_of, numbers_of
from qa.store import Store
from qa.storing import build


def test_a_wrong_password_is_named_at_once(postgres: PostgresServer) -> None:
    """Who may not log in is told so, with the name of the store and never the password."""
    with pytest.raises(StoreError, match="lets nobody in") as caught:
        Store(postgres.url("postgres", password="wrong secret")).live()
    assert f"127.0.0.1:{postgres.port}/postgres" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" not in caught.value.for_visitors("en")


def test_a_missing_database_is_named(postgres: PostgresServer) -> None:
    """A database that is not there is said not to be, without waiting for it."""
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        Store(postgres.url("nowhere")).live()


def test_no_address(postgres: PostgresServer) -> None:
    """What is no address of a database is said to be none."""
    with pytest.raises(StoreError, match="no address of PostgreSQL"):
        Store("postgresql://host/name?unheard=of")
    for password in ("pa/ss", "12/ss", "p@ss", "p%ss"):
        with pytest.raises(StoreError, match="no address of PostgreSQL") as caught:
            Store(f"postgresql://wenju:{password}@db1/wenju")
        assert "ss" not in str(caught.value).replace("address", "").replace("password", "")
    assert str(Store(postgres.url("x"))) == f"127.0.0.1:{postgres.port}/x"
    assert str(Store("postgresql://one,two:5433/x")) == "one,two:5433/x"


def test_a_server_that_is_not_there_is_given_up() -> None:
    """Where no server answers it is said after the time in which one might come back."""
    server = Server("postgresql://127.0.0.1:1/wenju")
    with pytest.raises(StoreError, match=r"No PostgreSQL server answers at 127\.0\.0\.1:1/wenju: .*refused"):
        server.ask(lambda connection: connection.execute("SELECT 1"), patience=0.2)
    with pytest.raises(StoreError) as caught:
        server.ask(lambda connection: connection.execute("SELECT 1"), patience=0.0)
    assert "127.0.0.1" not in caught.value.for_visitors("zh")


def test_numbers_are_sent_as_the_server_sends_them(postgres: PostgresServer) -> None:
    """An array of numbers is, byte for byte, what the server makes of it, and comes back."""
    for numbers in ([1, 2**62, -3], [7]):
        ((sent,),) = postgres.execute("postgres", f"SELECT array_send(ARRAY{numbers}::bigint[])")
        assert array_of(numbers) == sent
        assert numbers_of(array_of(numbers)).tolist() == numbers
    ((none,),) = postgres.execute("postgres", "SELECT array_send('{}'::bigint[])")
    assert isinstance(none, bytes)
    assert numbers_of(none).tolist() == []


def test_a_full_server_is_waited_for(postgres: PostgresServer) -> None:
    """Where the server has no connection left, whoever asks gets its answer once there is one."""
    name = postgres.database()
    postgres.execute(name, f"CREATE ROLE {name}_one LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1")
    url = postgres.url(name, user=f"{name}_one")
    with psycopg.connect(url) as held:
        waiting = ThreadPoolExecutor(1).submit(Server(url).ask, lambda other: other.execute("SELECT 1").fetchone())
        time.sleep(0.3)
        assert not waiting.done()
        held.close()
        assert waiting.result(timeout=30) == (1,)


def test_the_extension_is_missing(small_corpus: Path, postgres: PostgresServer) -> None:
    """Without pgvector, or the right to create it, a build says what an administrator has to do."""
    name = postgres.database()
    postgres.execute(name, f"ALTER DATABASE {name} SET extension_control_path = '/nowhere'")
    with pytest.raises(StoreError, match=r"lacks the extension pgvector: .*CREATE EXTENSION vector"):
        build(small_corpus, Store(postgres.url(name)), IndexSettings())


def test_a_user_without_rights_is_told(small_corpus: Path, store_url: str, postgres: PostgresServer) -> None:
    """Who may not create tables, or not read them, is told that the server does not let them."""
    database = store_url.rpartition("/")[2]
    postgres.execute(database, f"CREATE ROLE {database}_guest LOGIN PASSWORD '{PASSWORD}'")
    guest = Store(postgres.url(database, user=f"{database}_guest"))
    with pytest.raises(StoreError, match="permission denied"):
        build(small_corpus, guest, IndexSettings())
    build(small_corpus, Store(store_url), IndexSettings())
    with pytest.raises(StoreError, match="does not let this user"):
        Chat.open(guest)


def test_who_only_asks_needs_only_to_read(small_corpus: Path, store_url: str, postgres: PostgresServer) -> None:
    """A user who may read the tables gets answers, and cannot build."""
    build(small_corpus, Store(store_url), IndexSettings())
    database = store_url.rpartition("/")[2]
    reader = f"{database}_reader"
    postgres.execute(database, f"CREATE ROLE {reader} LOGIN PASSWORD '{PASSWORD}'")
    postgres.execute(database, f"GRANT USAGE ON SCHEMA wenju TO {reader}")
    postgres.execute(database, f"GRANT SELECT ON ALL TABLES IN SCHEMA wenju TO {reader}")
    store = Store(postgres.url(database, user=reader))
    assert Chat.open(store).ask("How deep can a leatherback turtle dive?").answered
    with pytest.raises(StoreError, match="permission denied"):
        build(small_corpus, store, IndexSettings())


def test_an_older_schema_is_neither_read_nor_written(
    small_corpus: Path, store_url: str, postgres: PostgresServer
) -> None:
    """Tables of another version are an error that names both versions and the way on."""
    store = Store(store_url)
    build(small_corpus, store, IndexSettings())
    postgres.execute(store_url.rpartition("/")[2], "UPDATE wenju.store SET schema = 0")
    for use in (lambda: Chat.open(store), lambda: build(small_corpus, store, IndexSettings())):
        with pytest.raises(StoreError, match=r"have version 0, this one reads 1: .*DROP SCHEMA wenju CASCADE"):
            use()


def test_other_vectors_need_another_database(small_corpus: Path, store_url: str, postgres: PostgresServer) -> None:
    """A model whose vectors have another dimension than those of the store is refused."""
    store = Store(store_url)
    build(small_corpus, store, IndexSettings())
    postgres.execute(store_url.rpartition("/")[2], "UPDATE wenju.store SET dimension = 384")
    with pytest.raises(StoreError, match="have 384 numbers, those of this model 256"):
        build(small_corpus, store, IndexSettings())


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = Path(tempfile.mkdtemp())
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def test_a_full_disk_stops_a_build_and_no_answer(small_corpus: Path, small_disk: Path) -> None:
    """A build that finds the disk full says so; the live generation answers, and once there is room it goes on."""
    with running() as server:
        (small_disk / "space").mkdir()
        server.owned(small_disk / "space")
        server.execute("postgres", f"CREATE TABLESPACE small LOCATION '{small_disk / 'space'}'")
        server.execute("postgres", "CREATE DATABASE filled TABLESPACE small")
        store = Store(server.url("filled"))
        build(small_corpus, store, IndexSettings())
        live = store.live()
        filling = small_disk / "filling"
        with filling.open("wb") as file, pytest.raises(OSError, match="space"):
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        for number in range(40):
            text = "\n\n".join(f"Lift {number} of house {house} is {house * 7} years old." for house in range(400))
            (small_corpus / f"{number}.md").write_text(text, encoding="utf-8")
        with pytest.raises(StoreError, match=r"disk .* is full: .*No space left on device"):
            build(small_corpus, store, IndexSettings())
        assert store.live() == live
        assert Chat.open(store).ask("How deep can a leatherback turtle dive?").answered
        filling.unlink()
        assert build(small_corpus, store, IndexSettings()).documents == 44
        assert Chat.open(store).ask("How old is lift 7 of house 33?").hits[0].passage.document_id == "7.md"
