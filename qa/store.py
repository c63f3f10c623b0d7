"""An index kept in PostgreSQL: its generations are rows, and which of them is live is one of them."""

from pathlib import Path
from typing import Any

from qa.config import IndexSettings, SearchSettings
from qa.errors import IndexMismatchError, IndexMissingError
from qa.generations import Generation, number_of
from qa.index import SearchIndex, difference, models
from qa.manifest import FORMAT, Manifest
from qa.messages import Message
from qa.postgres import PATIENCE, Connection, Server, alone, check
from qa.stored import Reader, Rows, StoredLanguages, StoredPassages, StoredSegments, StoredVectors
from qa.stored_articles import StoredDocuments, StoredHashes, StoredTexts
from qa.stored_search import StoredNearest, StoredTerms
from qa.text import LANGUAGES

_GENERATIONS = "SELECT number, name, whole, manifest, articles, passages, terms FROM generations"
_SWITCH = "UPDATE store SET live = number FROM generations WHERE name = %s AND whole"
_MOMENT = 0.5  # seconds, in which connections to a server that has been replaced are made anew
_LIVE = f"{_GENERATIONS} WHERE number = (SELECT live FROM store)"


class Store:
    """The index in a database; many threads may share one."""

    def __init__(self, url: str) -> None:
        """Takes the URL of the database; nothing is asked yet.

        Raises:
            StoreError: if it is none.
        """
        self.server = Server(url)

    def __str__(self) -> str:
        return self.server.name

    def live(self) -> str:
        """The name of the live generation. Whoever asks has one meanwhile, so a server that has gone is not waited for.

        Raises:
            IndexMissingError: if nothing has been built there.
            StoreError: if the server cannot be asked.
        """
        return str(self._live(_MOMENT)[1])

    def _live(self, patience: float = PATIENCE) -> tuple[Any, ...]:
        found = self.server.ask(lambda connection: connection.execute(_LIVE).fetchone(), patience=patience)
        if not found:
            raise IndexMissingError(Message("no_store", {"store": self}))
        return found

    def load(self, expected: IndexSettings | None, search: SearchSettings) -> SearchIndex:
        """Opens the live generation.

        Args:
            expected: settings it must have been built with; None takes it as it is.
            search: says which passages are searched.

        Raises:
            IndexMissingError, IndexMismatchError, StoreError: as their messages say.
            EmbedderError: if its embedding model cannot be loaded.
        """
        self.server.ask(lambda connection: check(connection, str(self)))
        number, name, _, record, articles, passages, terms = self._live()
        reader = Reader(self.server, number, name, passages, terms, search.where)
        manifest = manifest_of(record, reader, articles)
        if expected is not None and manifest.settings != expected:
            values = {"folder": self, "difference": difference(manifest.settings, expected)}
            raise IndexMismatchError(Message("other_settings", values))
        embedder, aligner = models(str(self), manifest)
        languages = [language for language in LANGUAGES if search.where.language in (None, language)]
        rows = Rows(reader, embedder.dimension)
        stored_passages = StoredPassages(rows)
        return SearchIndex(
            folder=Path(name),
            manifest=manifest,
            documents=StoredDocuments(reader, articles, stored_passages),
            passages=stored_passages,
            vectors=StoredVectors(rows),
            nearest={language: StoredNearest(rows, language) for language in languages},
            lexical=StoredTerms(reader),
            segments=StoredSegments(rows),
            languages=StoredLanguages(rows),
            converted=StoredTexts(reader),
            embedder=embedder,
            aligner=aligner,
            confirm=reader.confirm,
            store=self.server.url,
        )

    def listed(self) -> list[Generation]:
        """Every generation, oldest first; their size is not known apart.

        Raises:
            IndexMissingError: if there is none.
            StoreError: if the server cannot be asked.
        """

        def asked(connection: Connection) -> list[Generation]:
            live = connection.execute("SELECT live FROM store").fetchone()
            return [
                Generation(
                    name,
                    "unfinished" if not whole else "live" if live == (number,) else "kept",
                    record["created"],
                    articles,
                    passages,
                    0,
                )
                for number, name, whole, record, articles, passages, _ in connection.execute(
                    f"{_GENERATIONS} ORDER BY number"
                )
            ]

        found = self.server.ask(asked)
        if not found:
            raise IndexMissingError(Message("no_store", {"store": self}))
        return found

    def switch(self, name: str) -> str:
        """Makes another whole generation, given by its name or number, the live one; returns its name.

        Raises:
            IndexMissingError: if there is no such generation.
            StoreError: if the server cannot be asked, or only read.
        """
        named = [each for each in self.listed() if name in (each.name, str(number_of(each.name)))]
        if len(named) != 1 or named[0].state == "unfinished":
            raise IndexMissingError(Message("no_generation", {"folder": self, "name": name}))

        def switched(connection: Connection) -> int:
            with connection.transaction():
                alone(connection)
                return connection.execute(_SWITCH, (named[0].name,)).rowcount

        if not self.server.ask(switched):
            raise IndexMissingError(Message("no_generation", {"folder": self, "name": name}))  # a build removed it
        return named[0].name

    def rollback(self) -> str:
        """Makes the newest whole generation older than the live one the live one; returns its name.

        Raises:
            IndexMissingError: if there is no older one.
            StoreError: if the server cannot be asked, or only read.
        """
        live = str(self._live()[1])
        older = [each for each in self.listed() if number_of(each.name) < number_of(live) and each.state == "kept"]
        if not older:
            raise IndexMissingError(Message("no_older", {"folder": self, "live": live}))
        return self.switch(older[-1].name)


def manifest_of(record: dict[str, Any], reader: Reader, articles: int) -> Manifest:
    """What a generation is made of."""
    kept = ("recipe", "conversion", "embedder_fingerprint", "aligner_fingerprint", "corpus", "created")
    return Manifest(
        format=FORMAT,
        settings=IndexSettings(**record["settings"]),
        documents=StoredHashes(reader, articles),
        left_out=record.get("left_out", {}),
        passages=reader.passages,
        parts=(),
        files={},
        seen={},
        recall={},
        **{name: record[name] for name in kept},
    )
