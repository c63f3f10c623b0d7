"""The articles of a generation in PostgreSQL, read when they are asked for."""

from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any

from qa.datatypes import Document
from qa.kept import Kept
from qa.parts import document_of_line
from qa.postgres import ROWS
from qa.stored import Reader, StoredPassages

_KEPT = 8_192  # articles that were read last


class StoredDocuments(Mapping[str, Document]):
    """The articles by their ids; those of passages that were looked at are read together."""

    def __init__(self, reader: Reader, articles: int, passages: StoredPassages) -> None:
        self._reader, self._articles, self._passages = reader, articles, passages
        self._kept: Kept[str, Document] = Kept(_KEPT)

    def __getitem__(self, identity: str) -> Document:
        try:
            return self._kept.one(identity, self._read)
        except KeyError:
            self._reader.confirm()
            raise

    def _read(self, identities: list[str]) -> dict[str, Document]:
        query = (
            "SELECT identity, line FROM articles WHERE (identity = ANY (%(ids)s) OR article = ANY (%(articles)s))"
            f" AND {self._reader.live}"
        )
        articles = [row // ROWS for row in self._passages.looked_at.copy()]  # others add to it meanwhile
        return _documents(self._reader.all(query, {"ids": identities, "articles": articles}))

    def __iter__(self) -> Iterator[str]:
        return iter(StoredHashes(self._reader, self._articles))

    def items(self) -> ItemsView[str, Document]:
        """All of them, in order, read at once."""
        query = f"SELECT identity, line FROM articles WHERE {self._reader.live} ORDER BY article"
        return _documents(self._reader.whole(query)).items()

    def __len__(self) -> int:
        return self._articles


def _documents(rows: Iterable[tuple[Any, ...]]) -> dict[str, Document]:
    return {identity: document_of_line(line, 0) for identity, line in rows}


class StoredHashes(Mapping[str, str]):
    """The content hash of each article by its id, in the order of the articles."""

    def __init__(self, reader: Reader, articles: int) -> None:
        self._reader, self._articles = reader, articles
        self._all: dict[str, str] | None = None

    def __getitem__(self, identity: str) -> str:
        return self._read()[identity]

    def _read(self) -> dict[str, str]:
        """All of them, read the first time: whoever asks for one goes through a folder."""
        if self._all is None:
            query = f"SELECT identity, hash FROM articles WHERE {self._reader.live} ORDER BY article"
            self._all = dict(self._reader.whole(query))
        return self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return self._articles


class StoredTexts(Mapping[str, str]):
    """The texts of converted files by the content hash of the file."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getitem__(self, content_hash: str) -> str:
        query = (
            f"SELECT converted FROM articles WHERE hash = %(hash)s AND length(converted) > 0 AND {self._reader.live}"
        )
        found = self._reader.all(query, {"hash": content_hash})
        if not found:
            raise KeyError(content_hash)
        return bytes(found[0][0]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        query = f"SELECT hash FROM articles WHERE length(converted) > 0 AND {self._reader.live}"
        return iter([content_hash for (content_hash,) in self._reader.all(query)])

    def __len__(self) -> int:
        return len(list(iter(self)))
