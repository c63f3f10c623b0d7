"""One generation of the index: passages with their vectors, terms and tokens, built, saved and loaded whole.

Only this module knows which row is which passage. The manifest is written last: a folder without one is no
index. Everything in it is JSON, arrays, or a search engine's own files; nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.config import IndexSettings
from qa.datatypes import Document, Passage
from qa.embedder import Embedder, StaticEmbedder, bundled_embedder, load_embedder
from qa.errors import IndexDamagedError, IndexMismatchError, IndexMissingError, SettingsError
from qa.lexical import LexicalIndex
from qa.passages import Chunker, token_fitting_length
from qa.segments import Segments
from qa.text import LANGUAGES, Language, dominant_language, terms
from qa.vectors import Rows, VectorIndex

FORMAT = 2
MANIFEST = "manifest.json"

_PASSAGES_AT_ONCE = 2048

Progress = Callable[[str, int, int], None]  # stage, done, total


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index is made of; two indexes with equal manifests (but for `created`) answer alike."""

    format: int
    settings: IndexSettings
    embedder_fingerprint: str
    aligner_fingerprint: str
    corpus: str
    documents: Mapping[str, str]
    left_out: Mapping[str, str]
    passages: int
    created: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """A loaded generation. Rows of `vectors`, `lexical`, `segments` and `languages` are positions in `passages`."""

    folder: Path
    manifest: Manifest
    documents: Mapping[str, Document]
    passages: Sequence[Passage]
    vectors: VectorIndex
    lexical: LexicalIndex
    segments: Segments
    languages: Sequence[Language]
    rows_by_language: Mapping[Language, Rows]
    embedder: Embedder
    aligner: StaticEmbedder


def context(passage: Passage) -> str:
    """What is searched of a passage: its headings, then its text."""
    return "\n".join((*passage.headings, passage.text))


def build(
    folder: Path,
    documents: Sequence[Document],
    settings: IndexSettings,
    *,
    corpus: Path,
    created: str,
    left_out: Mapping[str, str] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Manifest:
    """Writes an index of `documents` into an empty folder, its manifest last.

    Args:
        folder: where to write; it must exist and be empty.
        documents: what to index.
        settings: baked into the index.
        corpus: the folder the documents came from, read again when they are cited.
        created: when, as ISO 8601.
        left_out: content hashes of articles that could not be read, by their path.
        progress: told of every stage.

    Raises:
        EmbedderError: if the embedding model cannot be loaded.
    """
    embedder, aligner = load_embedder(settings.embedder), bundled_embedder()
    passages = _cut(documents, settings, embedder, progress)
    texts = [context(passage) for passage in passages]
    VectorIndex.build(_embed(texts, embedder, progress)).save(folder / "vectors.faiss")
    _segments(passages, aligner, progress).save(folder)
    progress("terms", 0, len(texts))
    rows = ((dominant_language(passage.text), terms(text)) for passage, text in zip(passages, texts, strict=True))
    LexicalIndex.build(folder / "lexical", rows)
    progress("terms", len(texts), len(texts))
    _write_lines(folder / "passages.jsonl", [asdict(passage) for passage in passages])
    _write_lines(folder / "documents.jsonl", [{**asdict(document), "text": ""} for document in documents])
    manifest = Manifest(
        format=FORMAT,
        settings=settings,
        embedder_fingerprint=embedder.fingerprint,
        aligner_fingerprint=aligner.fingerprint,
        corpus=str(corpus.resolve()),
        documents={document.id: document.content_hash for document in documents},
        left_out=left_out or {},
        passages=len(passages),
        created=created,
        files={path.relative_to(folder).as_posix(): _checksum(path) for path in _files(folder)},
    )
    record = asdict(manifest)
    text = json.dumps({**record, "checksum": _record_checksum(record)}, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return manifest


def _record_checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _cut(
    documents: Sequence[Document], settings: IndexSettings, embedder: Embedder, progress: Progress
) -> list[Passage]:
    length = token_fitting_length(settings.passage_bytes, embedder.token_limit, embedder.count_tokens)
    chunker = Chunker(settings.passage_bytes, length)
    passages: list[Passage] = []
    for done, document in enumerate(documents, 1):
        passages.extend(chunker.passages(document, len(passages)))
        progress("passages", done, len(documents))
    return passages


def _embed(texts: Sequence[str], embedder: Embedder, progress: Progress) -> NDArray[np.float32]:
    vectors = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
    for start in range(0, len(texts), _PASSAGES_AT_ONCE):
        end = min(start + _PASSAGES_AT_ONCE, len(texts))
        vectors[start:end] = embedder.encode_documents(texts[start:end])
        progress("vectors", end, len(texts))
    return vectors


def _segments(passages: Sequence[Passage], aligner: StaticEmbedder, progress: Progress) -> Segments:
    parts = [Segments.build([], aligner)]
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        some = passages[start : start + _PASSAGES_AT_ONCE]
        parts.append(Segments.build([("\n".join(passage.headings), passage.text) for passage in some], aligner))
        progress("tokens", start + len(some), len(passages))
    return Segments.joined(parts)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a generation's folder.

    Raises:
        IndexMissingError: if there is none.
        IndexDamagedError: if it cannot be read.
        IndexMismatchError: if it was written by another version of this package.
    """
    path = folder / MANIFEST
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        written = record["format"]
        if written == FORMAT:
            if record.pop("checksum") != _record_checksum(record):
                raise ValueError("checksum")
            return Manifest(**{**record, "settings": IndexSettings(**record["settings"])})
    except FileNotFoundError as error:
        raise IndexMissingError(f"There is no index in {folder}; run `qa build` first.", folder) from error
    except (OSError, ValueError, KeyError, TypeError, SettingsError) as error:
        raise IndexDamagedError(f"{path} is damaged; run `qa build` to write the index anew.", folder) from error
    raise IndexMismatchError(
        f"The index in {folder} has format {written}, this version reads {FORMAT}; run `qa build`.", folder
    )


def load(folder: Path, expected: IndexSettings | None = None) -> SearchIndex:
    """Opens a generation after checking every file against its checksum.

    Args:
        expected: settings it must have been built with; None takes it as it is.

    Raises:
        IndexMissingError, IndexDamagedError, IndexMismatchError: as their messages say.
        EmbedderError: if its embedding model cannot be loaded.
    """
    manifest = read_manifest(folder)
    if expected is not None and manifest.settings != expected:
        raise IndexMismatchError(
            f"The index in {folder} was built with {_difference(manifest.settings, expected)}; "
            "run `qa build` with the settings you want.",
            folder,
        )
    _check_files(folder, manifest)
    embedder, aligner = _models(folder, manifest)
    passages = [
        Passage(**{**row, "headings": tuple(row["headings"])}) for row in _read_lines(folder / "passages.jsonl")
    ]
    documents = {row["id"]: Document(**row) for row in _read_lines(folder / "documents.jsonl")}
    languages = [dominant_language(passage.text) for passage in passages]
    vectors = VectorIndex.load(folder / "vectors.faiss")
    return SearchIndex(
        folder=folder,
        manifest=manifest,
        documents=documents,
        passages=passages,
        vectors=vectors,
        lexical=LexicalIndex.load(folder / "lexical"),
        segments=Segments.load(folder),
        languages=languages,
        rows_by_language={
            language: vectors.only(np.flatnonzero([each == language for each in languages])) for language in LANGUAGES
        },
        embedder=embedder,
        aligner=aligner,
    )


def _models(folder: Path, manifest: Manifest) -> tuple[Embedder, StaticEmbedder]:
    embedder, aligner = load_embedder(manifest.settings.embedder), bundled_embedder()
    built = (manifest.embedder_fingerprint, manifest.aligner_fingerprint)
    present = (embedder.fingerprint, aligner.fingerprint)
    if built != present:
        raise IndexMismatchError(
            f"The index in {folder} was built with model {_short(built)}, here is {_short(present)}; run `qa build`.",
            folder,
        )
    return embedder, aligner


def _short(fingerprints: tuple[str, str]) -> str:
    return "/".join(fingerprint[:8] for fingerprint in fingerprints)


def _difference(built: IndexSettings, expected: IndexSettings) -> str:
    ours, theirs = asdict(built), asdict(expected)
    return ", ".join(
        f"{key} {ours[key]!r} but {theirs[key]!r} was asked for" for key in ours if ours[key] != theirs[key]
    )


def _check_files(folder: Path, manifest: Manifest) -> None:
    for name, checksum in manifest.files.items():
        path = folder / name
        if not path.is_file() or _checksum(path) != checksum:
            raise IndexDamagedError(f"{path} is missing or damaged; run `qa build` to write the index anew.", folder)


def _files(folder: Path) -> list[Path]:
    """The files a search needs; an engine's lock files are not among them."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
