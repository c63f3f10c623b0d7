"""The articles of a corpus folder as they are now, and where each stands to an index."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from qa.config import FileLimits
from qa.corpus import article_names, document_id, document_of, state_of
from qa.datatypes import Document
from qa.errors import ArticleError, CorpusError
from qa.files import PLAIN, Folder, hash_of, read_text, suffix_of
from qa.index import SearchIndex
from qa.messages import Message, of_system
from qa.text import Language, fold

SETTLED_SECONDS = 3.0  # for which what was seen of the folder holds

Standing = Literal["indexed", "newer", "new", "left out", "removed"]


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """An article file, as it is now, or as it was indexed where it is removed.

    Attributes:
        id: as its document's.
        standing: "indexed" and "left out" as it is now; "newer" than the index has it; "new" to the index; "removed".
        title: its own, or its file's name where that takes converting it.
        language: None where that is not known.
        date: as it says it; empty where it says none.
        size: bytes of the file.
        reason: why it cannot be read; None where it can, or that is not known.
    """

    id: str
    standing: Standing
    title: str
    language: Language | None
    date: str
    size: int
    reason: Message | None = None

    @property
    def pending(self) -> bool:
        """Whether a build would do anything about it."""
        return self.standing in ("newer", "new", "removed")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file said when it was last read; `state` changes with every edit of it."""

    state: tuple[int, ...]
    content_hash: str
    document: Document | None
    reason: Message | None


class Inventory:
    """What is in a folder, read again only where a file has changed; many threads may share one."""

    def __init__(self, folder: Path, limits: FileLimits) -> None:
        """Takes the folder of a corpus, which may be missing, and what reading an article may take."""
        self._folder, self._limits = folder, limits
        self._seen: dict[str, _Seen] = {}
        self._listed: tuple[float, str, tuple[ArticleFile, ...]] = (0.0, "", ())
        self._looking = threading.Lock()

    def forget(self) -> None:
        """Makes the next look at the folder a new one, after an edit."""
        self._listed = (0.0, "", ())

    def files(self, loaded: SearchIndex) -> tuple[ArticleFile, ...]:
        """Every article in the order of the ids, as of `SETTLED_SECONDS` ago at most; none where there is no folder."""
        with self._looking:
            seen_at, generation, files = self._listed
            if generation != loaded.folder.name or time.monotonic() - seen_at > SETTLED_SECONDS:
                files = self._look(loaded)
                self._listed = (time.monotonic(), loaded.folder.name, files)
        return files

    def _look(self, loaded: SearchIndex) -> tuple[ArticleFile, ...]:
        try:
            names = list(article_names(self._folder))
        except CorpusError:
            names = []
        files = Folder(self._folder, self._limits)
        seen = {identity: self._read(files, name, identity) for name in names for identity in [document_id(name)]}
        self._seen = {identity: each for identity, (each, _) in seen.items()}
        indexed, left_out = dict(loaded.documents.items()), loaded.manifest.left_out
        standing = [_standing(name, each, size, indexed, left_out) for name, (each, size) in seen.items()]
        standing += [_described(indexed[identity], "removed", 0) for identity in indexed.keys() - seen.keys()]
        return tuple(sorted(standing, key=lambda file: file.id))

    def _read(self, files: Folder, name: str, identity: str) -> tuple[_Seen, int]:
        """What a file says, read only where its state is not as it was; with its size."""
        try:
            status = (self._folder / name).stat()
            state = state_of(status)
        except OSError as error:  # it went meanwhile
            return _Seen((), "", None, of_system(error, "cannot_be_read")), 0
        known = self._seen.get(identity)
        seen = known if known and known.state == state else self._look_into(files, name, identity, state)
        return seen, status.st_size

    def _look_into(self, files: Folder, name: str, identity: str, state: tuple[int, ...]) -> _Seen:
        """Reads a file; one to convert, which may take a minute, only so far as to tell whether it is the same."""
        suffix, digest = suffix_of(identity), ""
        try:
            raw = files.read(name)
            digest = hash_of(raw, suffix)
            document = document_of(identity, read_text(raw, suffix, self._limits)) if suffix in PLAIN else None
        except ArticleError as error:
            return _Seen(state, digest, None, error.reason)
        return _Seen(state, digest, document and replace(document, text=""), None)

    def article(self, identity: str) -> Document:
        """An article as its file is now, indexed or not; one of another format is converted.

        Raises:
            ArticleError: if it cannot be read.
        """
        suffix = suffix_of(identity)
        raw = Folder(self._folder, self._limits).read(identity)
        return document_of(identity, read_text(raw, suffix, self._limits))

    def matching(self, loaded: SearchIndex, words: str) -> list[ArticleFile]:
        """The articles in whose name, title or text that stands, in whatever width, case or script of Chinese.

        What is indexed is searched as it was indexed; of other formats than text only what is indexed.
        """
        wanted, files = fold(words.strip()), self.files(loaded)
        named = {file.id for file in files if wanted in fold(f"{file.id}\n{file.title}")}
        indexed = {file.id for file in files if file.standing == "indexed"}
        said = {
            passage.document_id
            for passage in loaded.passages
            if passage.document_id in indexed and wanted in fold(passage.text)
        }
        fresh = {file.id for file in files if file.standing in ("newer", "new") and self._says(file, wanted)}
        return [file for file in files if file.id in named | said | fresh]

    def _says(self, file: ArticleFile, wanted: str) -> bool:
        if suffix_of(file.id) not in PLAIN:
            return False
        try:
            return wanted in fold(self.article(file.id).text)
        except ArticleError:
            return False


def count_pending(files: Sequence[ArticleFile]) -> int:
    """How many articles a build would do something about."""
    return sum(file.pending for file in files)


def _standing(
    identity: str, seen: _Seen, size: int, indexed: Mapping[str, Document], left_out: Mapping[str, str]
) -> ArticleFile:
    known = indexed.get(identity)
    if known and known.content_hash == seen.content_hash:
        return _described(known, "indexed", size)
    if left_out.get(identity) == seen.content_hash:
        standing: Standing = "left out"
    else:
        standing = "newer" if known or identity in left_out else "new"
    if seen.document:
        return _described(seen.document, standing, size)
    title = known.title if known else PurePosixPath(identity).stem
    return ArticleFile(identity, standing, title, known.language if known else None, "", size, seen.reason)


def _described(document: Document, standing: Standing, size: int) -> ArticleFile:
    date = str(document.metadata.get("date", ""))
    return ArticleFile(document.id, standing, document.title, document.language, date, size)
