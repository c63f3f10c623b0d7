"""What a build does to the tables of a store as a whole: files are queued, articles end, a generation is counted."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.changes import PassageChanges, passage_changes
from qa.corpus import ArticleFile, Unreadable
from qa.errors import CorpusError, IndexDamagedError
from qa.generations import BuildSummary
from qa.messages import Message, of_record
from qa.parts import content_hash, passage_of
from qa.postgres import EVER, Connection, as_json
from qa.stored import line_of


@dataclass(frozen=True, slots=True)
class InMaking:
    """One that is being made: its number, its name, the live one, and whether that was made as this one is."""

    number: int
    name: str
    live: int | None
    alike: bool


def check_whole(
    connection: Connection, generation: int, left_out: Mapping[str, tuple[str, Any]], corpus: Path, store: str
) -> None:
    """Checks that there is something, and of each new article as many rows as were made.

    Raises:
        CorpusError, IndexDamagedError: if not.
    """
    ((articles, passages),) = connection.execute(
        "SELECT count(*), coalesce(sum(passages), 0) FROM articles WHERE since <= %(g)s AND until > %(g)s",
        {"g": generation},
    ).fetchall()
    if not articles:
        path, (_, reason) = next(iter(left_out.items()))
        values = {"folder": corpus, "first": path, "reason": of_record(reason)}
        raise CorpusError(Message("none_readable", values), corpus)
    if not passages:
        raise CorpusError(Message("no_text", {"folder": corpus}), corpus)
    wrong = connection.execute(
        "SELECT article FROM articles WHERE since = %(g)s AND passages <> (SELECT count(*) FROM passages"
        " WHERE passages.article = articles.article AND passages.since = %(g)s) LIMIT 1",
        {"g": generation},
    ).fetchone()
    if wrong:
        values = {"folder": store, "reason": Message("other_articles")}
        raise IndexDamagedError(Message("written_wrong", values))


def unreadable(connection: Connection, generation: int) -> dict[str, tuple[str, Any]]:
    """The files of a generation that could not be read, by their paths: content hash, and the record of the reason."""
    found = connection.execute(
        "SELECT hash, reason FROM files WHERE generation = %s AND reason IS NOT NULL", (generation,)
    )
    return {reason["path"]: (digest, reason["reason"]) for digest, reason in found}


def seal(
    connection: Connection, generation: int, manifest: Mapping[str, Any], left_out: Mapping[str, tuple[str, Any]]
) -> None:
    """Makes a generation whole, and the live one."""
    hashes = {path: digest for path, (digest, _) in left_out.items()}
    reasons = {path: reason for path, (_, reason) in left_out.items()}
    connection.execute(
        "UPDATE generations SET whole = true, manifest = %(manifest)s, articles = total.articles,"
        " passages = total.passages, terms = total.terms FROM (SELECT count(*) AS articles,"
        " sum(passages) AS passages, sum(terms) AS terms FROM articles WHERE since <= %(g)s AND until > %(g)s)"
        " AS total WHERE number = %(g)s",
        {"g": generation, "manifest": as_json({**manifest, "left_out": hashes, "reasons": reasons})},
    )
    connection.execute("UPDATE store SET live = %s", (generation,))
    connection.execute("DELETE FROM files WHERE generation = %s", (generation,))


def left(connection: Connection, generation: int) -> tuple[int, int]:
    """How many files of a generation are to be done, and how many there are."""
    ((to_do, total),) = connection.execute(
        "SELECT count(*) FILTER (WHERE NOT done), count(*) FROM files WHERE generation = %s", (generation,)
    ).fetchall()
    return to_do, total


def queue(connection: Connection, generation: int, files: Sequence[ArticleFile]) -> None:
    """Queues files; one that was done is done again, as it may have changed since."""
    connection.cursor().executemany(
        "INSERT INTO files (generation, identity, article, name, state) VALUES (%s, %s, nextval('numbers'), %s, %s)"
        " ON CONFLICT (generation, identity) DO UPDATE SET state = excluded.state, name = excluded.name, done = false,"
        " reason = NULL WHERE files.done",
        [(generation, file.id, os.fsencode(file.name), list(file.state) if file.state else None) for file in files],
    )


def close(connection: Connection, articles: Sequence[int], generation: int) -> None:
    """Ends articles with a generation: the one before still has them. What was made for this one itself goes."""
    for table in ("passages", "articles") if articles else ():
        connection.execute(
            f"DELETE FROM {table} WHERE article = ANY (%s) AND since = %s",
            (articles, generation),
        )
        connection.execute(
            f"UPDATE {table} SET until = %s WHERE article = ANY (%s)",
            (generation, articles),
        )


def drop(connection: Connection, generation: int) -> None:
    """Removes the newest generation, and all that was made for it."""
    for table in ("passages", "articles"):
        of_it = "article = ANY (ARRAY(SELECT article FROM articles WHERE {} = %s)) AND {} = %s"
        connection.execute(
            f"DELETE FROM {table} WHERE " + of_it.format("since", "since"),
            (generation, generation),
        )
        connection.execute(
            f"UPDATE {table} SET until = {EVER} WHERE " + of_it.format("until", "until"),
            (generation, generation),
        )
    for table, column in (("frequencies", "generation"), ("files", "generation"), ("generations", "number")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = %s", (generation,))


def prune(connection: Connection, oldest: int) -> None:
    """Removes what only generations before one need."""
    connection.execute("DELETE FROM generations WHERE number < %s", (oldest,))
    for table in ("passages", "articles"):
        connection.execute(
            f"DELETE FROM {table} WHERE until <= %(g)s AND article = ANY (ARRAY(SELECT article FROM articles"
            " WHERE until <= %(g)s))",
            {"g": oldest},
        )
    connection.execute(
        "DELETE FROM frequencies AS old USING frequencies AS new WHERE new.id = old.id"
        " AND old.generation < new.generation AND new.generation <= %s",
        (oldest,),
    )


def count_terms(connection: Connection, generation: int, live: int | None) -> None:
    """Counts in how many rows of a generation each term stands, where that is not as it was."""
    connection.execute("DELETE FROM frequencies WHERE generation = %s", (generation,))
    of = (
        "SELECT unnest(terms) AS id, {} AS sign FROM passages WHERE {} = %(g)s AND article = ANY (ARRAY("
        "SELECT article FROM articles WHERE {} = %(g)s))"
    )
    connection.execute(
        "INSERT INTO frequencies SELECT id, %(g)s, change + coalesce((SELECT rows FROM frequencies WHERE"
        " frequencies.id = changed.id AND generation <= %(live)s ORDER BY generation DESC LIMIT 1), 0)"
        f" FROM (SELECT id, sum(sign) AS change FROM ({of.format('1', 'since', 'since')} UNION ALL"
        f" {of.format('-1', 'until', 'until')}) AS changes GROUP BY id) AS changed WHERE change <> 0",
        {"g": generation, "live": live if live is not None else -1},
    )


def summary(connection: Connection, generation: InMaking, seconds: float) -> BuildSummary:
    ((articles, passages, record),) = connection.execute(
        "SELECT articles, passages, manifest FROM generations WHERE number = %s", (generation.number,)
    ).fetchall()
    ((size,),) = connection.execute(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'wenju'::regnamespace"
        " AND relkind IN ('r', 'p')"
    ).fetchall()
    encodings = connection.execute(
        "SELECT identity, encoding FROM articles WHERE encoding <> '' AND since <= %(g)s AND until > %(g)s",
        {"g": generation.number},
    )
    return BuildSummary(
        generation=generation.name,
        documents=articles,
        passages=passages,
        unreadable=tuple(
            Unreadable(path, of_record(record["reasons"][path]), digest) for path, digest in record["left_out"].items()
        ),
        seconds=seconds,
        size=int(size),
        changes=_changes(connection, generation, passages),
        encodings=dict(encodings.fetchall()),
    )


def _changes(connection: Connection, generation: InMaking, passages: int) -> PassageChanges:
    """What became of the passages of the live generation; all are added where it was made otherwise."""
    if not generation.alike:
        return PassageChanges(passages, 0, 0, 0, ())
    new = _contents(connection, "since", generation.number)
    old = _contents(connection, "until", generation.number)
    changes = passage_changes(old, new)
    stayed = passages - sum(map(len, new.values()))
    return PassageChanges(changes.added, changes.changed, changes.removed, changes.kept + stayed, changes.articles)


def _contents(connection: Connection, column: str, generation: int) -> dict[str, list[bytes]]:
    """What identifies the content of each passage of the articles that came with a generation, or went."""
    found: dict[str, list[bytes]] = {}
    articles = f"SELECT article FROM articles WHERE {column} = %(g)s"
    query = f"SELECT content FROM passages WHERE article = ANY (ARRAY({articles})) AND {column} = %(g)s ORDER BY row"
    for (content,) in connection.execute(query, {"g": generation}):
        passage = passage_of(line_of(bytes(content)), 0)
        found.setdefault(passage.document_id, []).append(content_hash(passage))
    return found
