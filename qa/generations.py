"""Which generation of the index is live: builds go beside it and are switched to in one step.

`index/current.json` names the live generation's folder. It is replaced atomically once the new generation is
whole, so a build that dies changes nothing; one generation before the live one is kept.
"""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from qa import index
from qa.config import IndexSettings
from qa.corpus import Unreadable, corpus_digest, read_corpus
from qa.datatypes import Document
from qa.errors import CorpusError, IndexDamagedError, IndexMissingError, SearchIndexError, WenjuError

POINTER = "current.json"
_PREFIX = "generation-"
_NAME = re.compile(rf"{_PREFIX}(\d{{6,}})-[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build did.

    `seconds` is wall time, `size` the bytes of the new generation, `encodings` what articles by their ids were read as,
    where that was not UTF-8.
    """

    generation: str
    documents: int
    passages: int
    unreadable: tuple[Unreadable, ...]
    seconds: float
    size: int
    encodings: Mapping[str, str] = field(default_factory=dict)


def live_folder(root: Path) -> Path:
    """The folder of the live generation.

    Raises:
        IndexMissingError: if nothing has been built there.
        IndexDamagedError: if the pointer cannot be read.
    """
    pointer = root / POINTER
    try:
        name = json.loads(pointer.read_text(encoding="utf-8"))["generation"]
    except FileNotFoundError as error:
        raise IndexMissingError(f"There is no index in {root}; run `qa build` first.", root) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexDamagedError(f"{pointer} is damaged; run `qa build` to write the index anew.", root) from error
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise IndexDamagedError(f"{pointer} names no generation; run `qa build` to write the index anew.", root)
    return root / name


def build(
    corpus: Path,
    root: Path,
    settings: IndexSettings,
    progress: index.Progress = lambda stage, done, total: None,
    *,
    strict: bool = False,
) -> BuildSummary:
    """Builds a new generation from a corpus folder and makes it the live one.

    Raises:
        CorpusError: if the folder is missing or no article in it has text; where it is `strict`, if any cannot be read.
        SearchIndexError: if the index folder cannot be written.
        EmbedderError: if the embedding model cannot be loaded.
    """
    started = time.monotonic()
    documents, unreadable = _read(corpus, settings, progress, strict)
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = _new_folder(root)
        try:
            created = datetime.now(UTC).isoformat(timespec="seconds")
            left_out = {article.path: article.content_hash for article in unreadable}
            manifest = index.build(
                folder, documents, settings, corpus=corpus, left_out=left_out, created=created, progress=progress
            )
            if not manifest.passages:
                raise CorpusError(f"No article in {corpus} holds any text to search; write some, then build.", corpus)
        except BaseException:  # whatever happened, also Ctrl-C: the half-built folder goes, the error goes on
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _publish(root, folder.name)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise SearchIndexError(f"The index cannot be written to {root}: {error.strerror or error}.", root) from error
    seconds = time.monotonic() - started
    encodings = {document.id: document.encoding for document in documents if document.encoding not in ("", "utf-8")}
    return BuildSummary(folder.name, len(documents), manifest.passages, tuple(unreadable), seconds, size, encodings)


def _read(
    corpus: Path, settings: IndexSettings, progress: index.Progress, strict: bool
) -> tuple[list[Document], list[Unreadable]]:
    documents: list[Document] = []
    unreadable: list[Unreadable] = []
    for done, article in enumerate(read_corpus(corpus, settings), 1):
        if isinstance(article, Document):
            documents.append(article)
        elif strict:
            raise CorpusError(f"{corpus / article.path} cannot be read: {article.reason}.", corpus)
        else:
            unreadable.append(article)
        progress("articles", done, done)
    if not documents:
        first = unreadable[0]
        raise CorpusError(f"No article in {corpus} can be read; {first.path}: {first.reason}.", corpus)
    return documents, unreadable


def _generations(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())


def _number(name: str) -> int:
    matched = _NAME.fullmatch(name)
    return int(matched.group(1)) if matched else 0


def _new_folder(root: Path) -> Path:
    last = max((_number(path.name) for path in _generations(root)), default=0)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{last + 1:06d}-", dir=root))


def _publish(root: Path, name: str) -> None:
    """Points at the generation by an atomic replace, then removes all but it and the one before."""
    try:
        previous = live_folder(root).name
    except SearchIndexError:
        previous = name
    written = root / f"{POINTER}.{os.getpid()}"
    written.write_text(json.dumps({"generation": name}) + "\n", encoding="utf-8")
    written.replace(root / POINTER)
    for folder in _generations(root):
        if folder.name not in (name, previous) and _number(folder.name) < _number(name):
            shutil.rmtree(folder, ignore_errors=True)  # still open elsewhere on Windows: the next build gets it


def reason_to_build(corpus: Path, root: Path, settings: IndexSettings) -> str | None:
    """Why the live index does not stand for the corpus as it is now; None where it does.

    Raises:
        CorpusError: if the corpus folder is missing or empty.
    """
    digest = corpus_digest(corpus, settings)
    try:
        loaded = index.load(live_folder(root), settings)
    except IndexMissingError:
        return "there is no index yet"
    except WenjuError as error:
        return str(error)
    if Path(loaded.manifest.corpus) != corpus.resolve():
        return f"the index was built from {loaded.manifest.corpus}"
    known = {**loaded.manifest.documents, **loaded.manifest.left_out}
    changed = [identity for identity in digest if known.get(identity) != digest[identity]]
    removed = [identity for identity in known if identity not in digest]
    if changed or removed:
        return f"{len(changed)} article(s) added or changed and {len(removed)} removed since the last build"
    return None
