"""A PostgreSQL server with pgvector: connections to it that outlive it, the tables of a store, and what can go wrong.

Only this module imports psycopg. A URL may name several hosts, as `postgresql://first,second/wenju`: where one has
gone, the next that answers is asked, for as long as `PATIENCE`.
"""

import contextlib
import logging
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import conninfo
from psycopg.types.json import Json

from qa.errors import IndexMissingError, StoreError
from qa.messages import Message
from qa.text import LANGUAGES

SCHEMA = 1  # of the tables, counted up whenever they change
EVER = 2**63 - 1  # the generation until which a row stands that nothing has replaced
ROWS = 1 << 24  # of an article at most: the number of a row is that of its article and its place in it
PATIENCE = 15.0  # seconds in which a server that has gone, or one that takes its place, is to answer again
_PAUSE = 0.1  # seconds between tries
_KEPT = 16  # connections that wait for their next use
_ARRAY, _INT8 = struct.Struct(">5i"), 20  # what is sent before the numbers of an array, and the type of these
_ELEMENT = np.dtype([("length", ">i4"), ("number", ">i8")])
_NO_SCHEMA, _NO_TABLE = "3F000", "42P01"
# The server goes, is gone, or has no room for now; on a standby, what a question read is removed; writers met.
_PASSING = ("57P01", "57P02", "57P03", "53300", "40001", "40P01")
_BUSY = ("recovery mode", "not yet accepting", "too many clients", "too many connections", "connection slots")

# A host that is gone, network and all, is given up after seconds; the settings of the system would take minutes.
_CONNECTION: dict[str, str | int] = {
    "connect_timeout": 2,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4_000,
    "application_name": "wenju",
}
_SESSION = ("SET search_path = wenju, public", "SET client_min_messages = warning")
_BUILDING = ("SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0", "SET work_mem = '256MB'")
# What a question wants has an index, which costs less than the planner believes: a scan reads each long value apart.
_ASKING = (
    "SET statement_timeout = '60s'",
    "SET enable_seqscan = off",
    "SET hnsw.ef_search = 200",
    "SET hnsw.iterative_scan = relaxed_order",
    "SET plan_cache_mode = force_custom_plan",
)

ADD_ARTICLE = f"INSERT INTO articles VALUES ({', '.join(['%s'] * 11)})"

# The tables; `article` is the column by which Citus may distribute the two large ones. Rows of a generation are those
# with since <= generation < until. An index on `until` would make each row that goes a new one in all indexes.
_TABLES = (
    "CREATE SCHEMA wenju",
    "CREATE TABLE wenju.store (schema int NOT NULL, dimension int NOT NULL, live bigint)",
    """CREATE TABLE wenju.generations (
        number bigint PRIMARY KEY, name text NOT NULL, whole boolean NOT NULL, manifest json NOT NULL,
        articles bigint NOT NULL DEFAULT 0, passages bigint NOT NULL DEFAULT 0, terms bigint NOT NULL DEFAULT 0,
        before bigint)""",
    """CREATE TABLE wenju.files (
        generation bigint NOT NULL, identity text NOT NULL, article bigint NOT NULL, name bytea NOT NULL,
        state bigint[], done boolean NOT NULL DEFAULT false, hash text, reason json,
        PRIMARY KEY (generation, identity))""",
    "CREATE INDEX files_to_do ON wenju.files (generation, article) WHERE NOT done",
    "CREATE SEQUENCE wenju.numbers",
    """CREATE TABLE wenju.articles (
        article bigint PRIMARY KEY, identity text NOT NULL, hash text NOT NULL, since bigint NOT NULL,
        until bigint NOT NULL, passages int NOT NULL, terms bigint NOT NULL, encoding text NOT NULL, state bigint[],
        line bytea NOT NULL, converted bytea NOT NULL)""",
    "CREATE INDEX articles_identity ON wenju.articles (identity)",
    "CREATE INDEX articles_hash ON wenju.articles (hash)",
    "CREATE INDEX articles_since ON wenju.articles (since)",
    f"CREATE INDEX articles_until ON wenju.articles (until) WHERE until < {EVER}",
    """CREATE TABLE wenju.passages (
        article bigint NOT NULL, row bigint NOT NULL, since bigint NOT NULL, until bigint NOT NULL,
        language smallint NOT NULL, length int NOT NULL, date date, path text NOT NULL, terms bigint[] NOT NULL,
        embedding halfvec({dimension}) NOT NULL, content bytea NOT NULL,
        PRIMARY KEY (article, row)) WITH (toast_tuple_target = {target})""",
    "ALTER TABLE wenju.passages ALTER terms SET STORAGE external, ALTER embedding SET STORAGE external,"
    " ALTER content SET STORAGE external",
    """CREATE TABLE wenju.frequencies (
        id bigint, generation bigint, rows bigint NOT NULL, PRIMARY KEY (id, generation))""",
    "CREATE INDEX frequencies_generation ON wenju.frequencies (generation)",
)
# Those of the passages are made once there are rows, which is many times faster.
INDEXES = (
    *(
        f"CREATE INDEX IF NOT EXISTS passages_near_{language} ON wenju.passages USING hnsw (embedding halfvec_ip_ops)"
        f" WHERE language = {number}"
        for number, language in enumerate(LANGUAGES)
    ),
    "CREATE INDEX IF NOT EXISTS passages_terms ON wenju.passages USING gin (terms) WITH (fastupdate = off)",
)
_TUPLE_BYTES = 256  # of a passage beside its vector, terms and text, which a search for rows need not read

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # its errors say all that is to be said

Connection = psycopg.Connection[tuple[Any, ...]]
_Result = TypeVar("_Result")


class Server:
    """Connections to a store; many threads may share one."""

    def __init__(self, url: str, *, building: bool = False) -> None:
        """Takes the URL, or another connection string of PostgreSQL; nothing is asked yet. What is asked for a build
        may take as long as it takes.

        Raises:
            StoreError: if it is none.
        """
        try:
            self._parameters: dict[str, Any] = {**_CONNECTION, **conninfo.conninfo_to_dict(url)}
        except psycopg.ProgrammingError as error:
            raise StoreError(Message("store_url")) from error
        if not _is_address(self._parameters):
            raise StoreError(Message("store_url"))
        self.url, self._settings = url, (*_SESSION, *(_BUILDING if building else _ASKING))
        self.name = _named(self._parameters)
        self._free: list[Connection] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._free)

    def ask(self, question: Callable[[Connection], _Result], *, patience: float = PATIENCE) -> _Result:
        """What a question to the server gives, asked anew where the server goes away meanwhile, once at least.

        A question reads, or writes all that it does in one transaction which may have been done already.

        Raises:
            StoreError: if no server answers for so many seconds, or it says that something is wrong.
        """
        until = None
        while True:
            try:
                with self._connection() as connection:
                    return question(connection)
            except psycopg.Error as error:
                if not _is_gone(error) or (until and time.monotonic() > until):
                    raise _told(error, self.name) from error
                until = until or time.monotonic() + patience
                self.close()
                time.sleep(_PAUSE)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._lock:
            connection = self._free.pop() if self._free else None
        connection = connection or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()  # whatever state it is in
            raise
        with self._lock:
            if len(self._free) < _KEPT and not connection.closed:
                self._free.append(connection)
                return
        connection.close()

    def _connect(self) -> Connection:
        connection: Connection = psycopg.connect(**self._parameters, autocommit=True)
        try:
            connection.execute(_plain(";".join(self._settings)))
            if psycopg.types.TypeInfo.fetch(connection, "vector"):
                register_vector(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Closes the connections that wait for their next use, which may be to a server that has gone."""
        with self._lock:
            _close_all(self._free)


def _is_address(parameters: Mapping[str, Any]) -> bool:
    """Whether hosts and ports are such; a password with a sign that is not escaped ends up among them."""
    hosts, ports = str(parameters.get("host") or ""), str(parameters.get("port") or "")
    plain = "@" not in f"{hosts}{parameters.get('dbname') or ''}"
    return plain and all(port.isdigit() for port in filter(None, ports.split(",")))


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


def _named(parameters: Mapping[str, Any]) -> str:
    """Where a store is, without the password."""
    hosts, ports = str(parameters.get("host") or "localhost").split(","), str(parameters.get("port") or "").split(",")
    ports += ports[-1:] * (len(hosts) - len(ports))
    places = ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))
    return f"{places}/{parameters.get('dbname') or ''}"


def _is_gone(error: psycopg.Error) -> bool:
    """Whether the server has gone, or what hinders it passes, so that it, or another, may answer soon."""
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return True  # a standby that has taken over is writable at once
    if error.sqlstate:
        return error.sqlstate.startswith("08") or error.sqlstate in _PASSING
    if "FATAL" in str(error) and "starting up" not in str(error) and "shutting down" not in str(error):
        return any(said in str(error) for said in _BUSY)
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _told(error: psycopg.Error, store: str) -> StoreError | IndexMissingError:
    """What to tell a person of an error."""
    reason = _one_line(error)
    if error.sqlstate in (_NO_SCHEMA, _NO_TABLE):
        return IndexMissingError(Message("no_store", {"store": store}))
    if "password" in reason or "authentication" in reason:
        return StoreError(Message("store_password", {"store": store, "reason": reason}))
    unanswered = isinstance(error, psycopg.OperationalError) and not error.sqlstate
    kind = "store_gone" if unanswered or _is_gone(error) else "store_failed"
    if isinstance(error, psycopg.errors.DiskFull):
        kind = "store_full"
    elif isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        kind = "store_read_only"
    elif isinstance(error, psycopg.errors.InsufficientPrivilege):
        kind = "store_denied"
    return StoreError(Message(kind, {"store": store, "reason": reason}))


def _one_line(error: Exception) -> str:
    """What is said last, as the server says it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if "FATAL" in line or "failed:" in line), lines[0] if lines else "")
    return said.rpartition("FATAL:")[2].strip().rstrip(".")


def create(connection: Connection, dimension: int, store: str) -> None:
    """Makes the tables where there are none, for vectors of a dimension.

    Raises:
        StoreError: if pgvector is missing, or there are tables of another version or for other vectors.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('wenju schema'))")
        if connection.execute("SELECT to_regclass('wenju.store')").fetchone() != (None,):
            check(connection, store, dimension)
            register_vector(connection)  # there was none yet, perhaps, when the connection was made
            return
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")
        except psycopg.Error as error:
            if _is_gone(error):
                raise
            raise StoreError(Message("store_no_vector", {"store": store, "reason": _one_line(error)})) from error
        for table in _TABLES:
            connection.execute(
                _plain(table.replace("{dimension}", str(dimension)).replace("{target}", str(_TUPLE_BYTES)))
            )
        connection.execute("INSERT INTO wenju.store VALUES (%s, %s, NULL)", (SCHEMA, dimension))
    register_vector(connection)


def _plain(text: str) -> LiteralString:
    return text


def check(connection: Connection, store: str, dimension: int | None = None) -> None:
    """Checks that the tables are those of this version, and for vectors of a dimension, if one is given.

    Raises:
        StoreError: if they are not.
    """
    found = connection.execute("SELECT schema, dimension FROM wenju.store").fetchone()
    if not found or found[0] != SCHEMA:
        values = {"store": store, "written": found[0] if found else "?", "read": SCHEMA}
        raise StoreError(Message("store_schema", values))
    if dimension is not None and found[1] != dimension:
        raise StoreError(Message("store_dimension", {"store": store, "written": found[1], "read": dimension}))


def alone(connection: Connection) -> None:
    """Waits until nobody else plans, finishes or switches, and keeps them from it until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('wenju build'))")


def half(vector: NDArray[np.float32]) -> HalfVector:
    """A vector in half the precision, as HNSW has it; those found are compared as they are."""
    return HalfVector(vector)


def half_rows(vectors: NDArray[np.float32]) -> list[bytes]:
    """Vectors in half the precision, as PostgreSQL is sent them."""
    header = struct.pack(">hh", vectors.shape[1], 0)
    return [header + row.tobytes() for row in vectors.astype(">f2")]


def array_of(numbers: Sequence[int]) -> bytes:
    """Whole numbers as PostgreSQL is sent an array of them."""
    sent = np.empty(len(numbers), dtype=_ELEMENT)
    sent["length"], sent["number"] = 8, numbers
    return _ARRAY.pack(1, 0, _INT8, len(numbers), 1) + sent.tobytes()


def numbers_of(array: bytes) -> NDArray[np.int64]:
    """The whole numbers of an array that PostgreSQL sent."""
    if len(array) <= _ARRAY.size:
        return np.zeros(0, dtype=np.int64)
    return np.frombuffer(array, dtype=_ELEMENT, offset=_ARRAY.size)["number"].astype(np.int64)


def as_json(value: object) -> Json:
    """A value for a column of JSON."""
    return Json(value)


def copy_passages(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Adds passages, each given by its columns in their order; terms and embedding as they are sent."""
    columns = "article, row, since, until, language, length, date, path, terms, embedding, content"
    with connection.cursor().copy(_plain(f"COPY wenju.passages ({columns}) FROM STDIN (FORMAT binary)")) as copy:
        copy.set_types(["int8", "int8", "int8", "int8", "int2", "int4", "date", "text", "bytea", "bytea", "bytea"])
        for row in rows:
            copy.write_row(row)
