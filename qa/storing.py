"""Articles to a generation in PostgreSQL, made by one writer or by several; what was made before a kill is taken up.

What is to be made stands in a queue, from which a writer claims files, and whose rows it adds in the same transaction:
a writer that dies, or whose server does, leaves no half of an article, and what it has claimed to the others. Nobody
sees any of it before the switch. Articles are the unit: one that has not changed keeps its rows from build to build.
"""

import json
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from qa.config import IndexSettings
from qa.corpus import ArticleFile, Unchanged, Unreadable, article_files, read_article
from qa.datatypes import Document
from qa.earlier import Earlier
from qa.errors import CorpusError, IndexBusyError, IndexDamagedError
from qa.files import Folder, conversion
from qa.generations import BuildSummary
from qa.making import Maker
from qa.manifest import recipe
from qa.messages import Message, as_record
from qa.parts import Part, passage_of
from qa.plan import Progress
from qa.postgres import (
    ADD_ARTICLE,
    EVER,
    INDEXES,
    ROWS,
    Connection,
    Server,
    alone,
    array_of,
    as_json,
    copy_passages,
    create,
    half_rows,
)
from qa.store import Store
from qa.stored import TIMES, Reader, packed, term_number
from qa.stored_articles import StoredTexts
from qa.stored_generations import (
    InMaking,
    check_whole,
    close,
    count_terms,
    drop,
    left,
    prune,
    queue,
    seal,
    summary,
    unreadable,
)

_CLAIMED_BYTES, _CLAIMED = 600_000, 64  # of articles that are made together
_PAUSE = 0.5  # seconds between looks at how much is left
_ROW_BYTES, _LEAST_MEMORY, _MOST_MEMORY = 2_500, 64, 2_048  # of a vector in a graph; megabytes for making one
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_WRITERS = "hashtext('wenju writers')"  # a lock that each writer shares while it is at work
_MADE = ("settings", "recipe", "conversion", "embedder_fingerprint", "aligner_fingerprint", "corpus")

_Result = TypeVar("_Result")


def build(
    corpus: Path,
    store: Store,
    settings: IndexSettings,
    progress: Progress = lambda stage, done, total: None,
    *,
    strict: bool = False,
) -> BuildSummary:
    """Builds a new generation from a corpus folder and makes it the live one; others may take part, and help.

    Raises:
        CorpusError: if the folder is missing or no article in it has text; where it is `strict`, if any cannot be read.
        IndexBusyError: if others build it from another folder, or in another way.
        StoreError: if the server cannot be asked, or refuses.
        EmbedderError: if the embedding model cannot be loaded.
    """
    started = time.monotonic()
    writer = Writer(corpus, store, settings, strict=strict)
    try:
        generation = writer.plan(progress)
        writer.make_all(generation, progress)
        progress("index", 0, 1)
        writer.index()
        progress("index", 1, 1)
        while not writer.finish(generation):  # another writer has found an article changed meanwhile
            writer.make_all(generation, progress)
        return writer.summary(generation, time.monotonic() - started)
    finally:
        writer.leave()


class Writer:
    """Makes rows of articles, as every writer of a build does."""

    def __init__(self, corpus: Path, store: Store, settings: IndexSettings, *, strict: bool = False) -> None:
        self._corpus, self._store, self._settings, self._strict = corpus, store, settings, strict
        self._earlier = Earlier(settings)
        self._maker = Maker(settings, self._earlier)
        self._files = Folder(corpus, settings)
        self._claims = 1
        self._server = Server(store.server.url, building=True)
        self._at: Connection | None = None  # that by which others see that this writer is at work

    def _ask(self, step: Callable[[Connection], _Result]) -> _Result:
        """What a step of the build gives, which is taken again where the server goes away meanwhile."""
        return self._server.ask(lambda connection: step(self._present(connection)))

    def _present(self, connection: Connection) -> Connection:
        """Makes it known that the writer is at work, also to another server than the last one."""
        if connection is not self._at:
            connection.execute(f"SELECT pg_advisory_lock_shared({_WRITERS})")
            self._at = connection
        return connection

    def leave(self) -> None:
        """Is at work no more."""
        self._server.close()

    # planning

    def plan(self, progress: Progress) -> InMaking:
        """Joins the generation that is being made, or begins one, and queues the files that may have changed."""
        files = article_files(self._corpus)
        progress("articles", len(files), len(files))
        mean = max(1, sum(file.size for file in files) // len(files))
        self._claims = max(1, min(_CLAIMED, _CLAIMED_BYTES // mean))
        dimension, name = self._earlier.embedder.dimension, str(self._store)
        self._server.ask(lambda connection: create(connection, dimension, name))
        return self._server.ask(lambda connection: self._planned(connection, files))

    def _planned(self, connection: Connection, files: Sequence[ArticleFile]) -> InMaking:
        with connection.transaction():
            alone(connection)
            generation = self._generation(connection)
            standing = connection.execute(
                "SELECT identity, article, since, state FROM articles WHERE since <= %(g)s AND until > %(g)s",
                {"g": generation.number},
            ).fetchall()
            known = {
                identity: state
                for identity, _, since, state in standing
                if since == generation.number or generation.alike
            }
            queued = [file for file in files if not file.state or known.get(file.id) != list(file.state)]
            queue(connection, generation.number, queued)
            here = {file.id for file in files}
            close(
                connection, [article for identity, article, *_ in standing if identity not in here], generation.number
            )
            connection.execute(
                "DELETE FROM files WHERE generation = %s AND NOT identity = ANY (%s)", (generation.number, list(here))
            )
            self._present(connection)
        return generation

    def _generation(self, connection: Connection) -> InMaking:
        """That which is being made as this writer makes it, or a new one; one made otherwise, or abandoned, goes."""
        ((live,),) = connection.execute("SELECT live FROM store").fetchall()
        found = connection.execute(
            "SELECT number, name, whole, manifest, before FROM generations ORDER BY number"
        ).fetchall()
        made = {number: _made(record) for number, _, _, record, _ in found}
        ours = _made(self._manifest())
        newer = [row for row in found if live is None or row[0] > live]
        for number, name, whole, _, before in newer:
            if not whole and made[number] == ours and before == live:
                return InMaking(number, name, live, made.get(live) == ours)
        if any(not whole for _, _, whole, *_ in newer) and _is_made(connection):
            raise IndexBusyError(Message("store_busy", {"store": self._store}))
        for number, *_ in newer:
            drop(connection, number)
        number = max((number for number, *_ in found if live is not None and number <= live), default=0) + 1
        name = f"generation-{number:06d}-{secrets.token_hex(4)}"
        connection.execute(
            "INSERT INTO generations (number, name, whole, manifest, before) VALUES (%s, %s, false, %s, %s)",
            (number, name, as_json(self._manifest()), live),
        )
        return InMaking(number, name, live, made.get(live) == ours)

    def _manifest(self) -> dict[str, Any]:
        return {
            "settings": asdict(self._settings),
            "recipe": recipe(),
            "conversion": conversion(),
            "embedder_fingerprint": self._earlier.embedder.fingerprint,
            "aligner_fingerprint": self._earlier.aligner.fingerprint,
            "corpus": str(self._corpus.resolve()),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    # making

    def make_all(self, generation: InMaking, progress: Progress) -> None:
        """Makes what can be claimed, until neither this writer nor another has anything left to make."""
        while not self.make(generation, progress):
            time.sleep(_PAUSE)

    def make(self, generation: InMaking, progress: Progress) -> bool:
        """Makes what can be claimed; whether nothing is left, or others are still at it."""
        told = 0.0
        while (claimed := self._ask(lambda connection: self._made_some(connection, generation))) is not None:
            if claimed and time.monotonic() < told + _PAUSE:
                continue
            to_do, total = self._ask(lambda connection: left(connection, generation.number))
            progress("passages", total - to_do, total)
            told = time.monotonic()
            if not claimed:
                return to_do == 0
        return True

    def _made_some(self, connection: Connection, generation: InMaking) -> int | None:
        """Claims some files and adds the rows of their articles; how many files, None where the generation is whole."""
        with connection.transaction():
            ((whole,),) = connection.execute(
                "SELECT coalesce((SELECT whole FROM generations WHERE number = %s AND name = %s FOR KEY SHARE), true)",
                (generation.number, generation.name),
            ).fetchall()
            if whole:
                return None
            claimed = connection.execute(
                "SELECT identity, article, name, state FROM files WHERE generation = %s AND NOT done"
                " ORDER BY article LIMIT %s FOR UPDATE SKIP LOCKED",
                (generation.number, self._claims),
            ).fetchall()
            if claimed:
                self._add(connection, generation, claimed)
        return len(claimed)

    def _add(self, connection: Connection, generation: InMaking, claimed: Sequence[tuple[Any, ...]]) -> None:
        number = generation.number
        standing = {
            identity: (article, digest, since)
            for identity, article, digest, since in connection.execute(
                "SELECT identity, article, hash, since FROM articles"
                " WHERE identity = ANY (%s) AND since <= %s AND until > %s",
                ([identity for identity, *_ in claimed], number, number),
            )
        }
        converted = self._converted(generation)
        documents: list[tuple[int, Document]] = []
        states = {identity: state for identity, _, _, state in claimed}
        for identity, article, name, _ in claimed:
            before, digest, since = standing.get(identity, (None, "", 0))
            known = digest if since == number or generation.alike else None
            found = read_article(self._files, os.fsdecode(bytes(name)), self._settings, known or None, converted)
            if isinstance(found, Unchanged):
                connection.execute("UPDATE articles SET state = %s WHERE article = %s", (states[identity], before))
                continue
            close(connection, [before] if before is not None else [], number)
            if isinstance(found, Document):
                documents.append((article, found))
            else:
                self._leave_out(connection, number, identity, found)
        if documents:
            self._add_documents(connection, number, documents, states)
        connection.execute(
            "UPDATE files SET done = true WHERE generation = %s AND identity = ANY (%s)", (number, list(states))
        )

    def _converted(self, generation: InMaking) -> Mapping[str, str]:
        """The texts of files that were converted, where they still would be converted so."""
        if generation.live is None or not generation.alike:
            return {}
        return StoredTexts(Reader(self._server, generation.live, "", 0, 0))

    def _leave_out(self, connection: Connection, generation: int, identity: str, found: Unreadable) -> None:
        if self._strict:
            told = Message("article_unreadable", {"path": self._corpus / found.path, "reason": found.reason})
            raise CorpusError(told, self._corpus)
        reason = json.loads(json.dumps({"path": found.path, "reason": as_record(found.reason)}, default=str))
        connection.execute(
            "UPDATE files SET hash = %s, reason = %s WHERE generation = %s AND identity = %s",
            (found.content_hash, as_json(reason), generation, identity),
        )

    def _add_documents(
        self,
        connection: Connection,
        generation: int,
        documents: Sequence[tuple[int, Document]],
        states: Mapping[str, Sequence[int] | None],
    ) -> None:
        made = self._maker.part([document for _, document in documents])
        part, languages = made.part, made.part.languages.tolist()
        held = [Counter(terms) for _, terms in made.terms]
        embeddings = half_rows(part.vectors)
        articles: list[Sequence[Any]] = []
        passages: list[Sequence[Any]] = []
        for n, (article, document) in enumerate(documents):
            rows, on = range(*part.bounds[n : n + 2].tolist()), _date(document)
            _check(part, rows, document, str(self._store))
            for place, row in enumerate(rows):
                language, counted = languages[row], held[row].items()
                terms = [term_number(language, term) + min(times, TIMES) for term, times in counted]
                passages.append(
                    (
                        *(article, article * ROWS + place, generation, EVER, language, held[row].total()),
                        *(on, document.id, array_of(terms), embeddings[row], packed(part, row)),
                    )
                )
            articles.append(
                (
                    *(article, document.id, document.content_hash, generation, EVER, len(rows)),
                    *(sum(held[row].total() for row in rows), made.encodings.get(document.id, "")),
                    *(states[document.id], part.documents[n], part.converted[n]),
                )
            )
        connection.cursor().executemany(ADD_ARTICLE, articles)
        copy_passages(connection, passages)

    # finishing

    def index(self) -> None:
        """Makes the indexes of the passages, where they are not there yet."""

        def made(index: str, connection: Connection) -> None:
            with connection.transaction():
                alone(connection)
                ((rows,),) = connection.execute("SELECT coalesce(sum(passages), 0) FROM articles").fetchall()
                memory = min(max(int(rows) * _ROW_BYTES // 1_000_000, _LEAST_MEMORY), _MOST_MEMORY)
                connection.execute(f"SET LOCAL maintenance_work_mem = '{memory}MB'")
                connection.execute(index)

        for each in INDEXES:
            self._ask(partial(made, each))

    def finish(self, generation: InMaking) -> bool:
        """Checks what was made and makes it the live generation; false where there is still something to make."""
        return self._ask(lambda connection: self._finished(connection, generation))

    def _finished(self, connection: Connection, generation: InMaking) -> bool:
        number, live = generation.number, generation.live
        with connection.transaction():
            alone(connection)
            found = connection.execute(
                "SELECT whole, manifest FROM generations WHERE number = %s AND name = %s", (number, generation.name)
            ).fetchone()
            if found is None:
                raise IndexBusyError(Message("store_busy", {"store": self._store}))
            if found[0]:
                return True
            if left(connection, number)[0]:
                return False
            left_out = unreadable(connection, number)
            check_whole(connection, number, left_out, self._corpus, str(self._store))
            count_terms(connection, number, live)
            seal(connection, number, found[1], left_out)
            prune(connection, number if live is None else live)
            connection.execute("ANALYZE passages, articles, frequencies")
        return True

    def summary(self, generation: InMaking, seconds: float) -> BuildSummary:
        """What the build did."""
        return self._ask(lambda connection: summary(connection, generation, seconds))


def _made(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in _MADE}


def _is_made(connection: Connection) -> bool:
    """Whether another writer is at work."""
    return connection.execute(f"SELECT pg_try_advisory_xact_lock({_WRITERS})").fetchone() == (False,)


def _check(part: Part, rows: range, document: Document, store: str) -> None:
    """Checks that the passages of an article are slices of it."""
    for row in rows:
        passage = passage_of(part.passages[row], row)
        if document.text[passage.start : passage.end] != passage.text:
            reason = Message("no_slice", {"row": row, "name": document.id})
            raise IndexDamagedError(Message("written_wrong", {"folder": store, "reason": reason}))


def _date(document: Document) -> date | None:
    """The date that an article says of itself, where it is one."""
    found = _DATE.match(str(document.metadata.get("date", "")))
    try:
        return date.fromisoformat(found.group()) if found else None
    except ValueError:
        return None
