"""One generation of the index: passages with their vectors, terms and tokens, built, saved and loaded whole.

Only this module knows which row is which passage. The manifest is written last: a folder without one is no
index. Everything in it is JSON, arrays, or a search engine's own files; nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.changes import PassageChanges
from qa.config import IndexSettings
from qa.converted import ConvertedTexts, write_converted
from qa.corpus import Unchanged
from qa.datatypes import Document, Passage
from qa.earlier import BOUNDS, DOCUMENTS, HASHES, LEXICAL, PASSAGES, VECTORS, Earlier, lines
from qa.embedder import Embedder, StaticEmbedder, bundled_embedder, load_embedder
from qa.errors import IndexDamagedError, IndexMismatchError
from qa.files import PLAIN, conversion, suffix_of
from qa.lexical import LexicalIndex, Shard
from qa.manifest import FORMAT, Manifest, check_files, checksums, read_manifest, recipe, write_manifest
from qa.messages import Message
from qa.passages import Chunker, token_fitting_length
from qa.plan import Plan, Progress, parsed, plan
from qa.segments import Segments
from qa.text import LANGUAGES, Language, terms
from qa.vectors import VectorIndex, Vectors, load_array, require_units, save_array

_PASSAGES_AT_ONCE = 2048
_SHARD_PASSAGES = 1_500  # from which on a run of passages may end whose terms are indexed together
_SHARD_ENDS = 32  # articles, of which one may end such a run


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """A loaded generation.

    Rows of `vectors`, `nearest`, `lexical`, `segments` and `languages` are positions in `passages`; `nearest` searches
    the passages of each language apart.
    """

    folder: Path
    manifest: Manifest
    documents: Mapping[str, Document]
    passages: Sequence[Passage]
    vectors: Vectors
    nearest: Mapping[Language, VectorIndex]
    lexical: LexicalIndex
    segments: Segments
    languages: Sequence[Language]
    converted: Mapping[str, str]
    embedder: Embedder
    aligner: StaticEmbedder


def context(passage: Passage) -> str:
    """What is searched of a passage: its headings, then its text."""
    return "\n".join((*passage.headings, passage.text))


@dataclass(frozen=True, slots=True)
class Built:
    """What a build wrote, and what became of the passages of the generation before."""

    manifest: Manifest
    changes: PassageChanges


def build(
    folder: Path,
    articles: Sequence[Document | Unchanged],
    settings: IndexSettings,
    *,
    corpus: Path,
    created: str,
    left_out: Mapping[str, str] | None = None,
    earlier: Earlier | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Built:
    """Writes an index of articles into an empty folder, its manifest last.

    Args:
        folder: where to write; it must exist and be empty.
        articles: what to index; those that `earlier` has may be unchanged.
        settings: baked into the index.
        corpus: the folder the articles came from, read again when they are cited.
        created: when, as ISO 8601.
        left_out: content hashes of articles that could not be read, by their path.
        earlier: what need not be made again. Whatever it is, the rows are those of a build without it.
        progress: told of every stage.

    Raises:
        EmbedderError: if the embedding model cannot be loaded.
    """
    earlier = earlier or Earlier.open(None, settings)
    embedder = earlier.embedder
    length = token_fitting_length(settings.passage_bytes, embedder.token_limit, embedder.count_tokens)
    planned = plan(articles, earlier, Chunker(settings.passage_bytes, length), progress)
    order = np.array(planned.sources, dtype=np.int64)
    made = _segments(planned.fresh, earlier.aligner, progress)
    Segments.joined([earlier.segments, made]).select(order).save(folder)
    vectors = _vectors(planned.fresh, made, embedder, progress)
    save_array(folder / VECTORS, _taken(earlier.vectors, vectors, order))
    LexicalIndex.build_shards(folder / LEXICAL, _shards(planned, progress), earlier.lexical)
    _write_rows(folder, planned)
    write_converted(folder, _converted(articles, earlier))
    files = checksums(folder)
    _require_true_copies(folder, files, earlier)
    manifest = Manifest(
        format=FORMAT,
        settings=settings,
        recipe=recipe(),
        conversion=conversion(),
        embedder_fingerprint=embedder.fingerprint,
        aligner_fingerprint=earlier.aligner.fingerprint,
        corpus=str(corpus.resolve()),
        documents=planned.documents,
        left_out=left_out or {},
        passages=len(planned.lines),
        created=created,
        files=files,
    )
    write_manifest(folder, manifest)
    return Built(manifest, planned.changes(earlier))


def _vectors(passages: Sequence[Passage], segments: Segments, embedder: Embedder, progress: Progress) -> Vectors:
    """Unit vectors of passages; the bundled model has read their tokens already."""
    vectors = np.zeros((len(passages), embedder.dimension), dtype=np.float32)
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        end = min(start + _PASSAGES_AT_ONCE, len(passages))
        if isinstance(embedder, StaticEmbedder):
            tokens, bounds = segments.tokens_of_each(range(start, end))
            vectors[start:end] = embedder.encode_tokens(np.split(tokens, bounds[1:-1]))
        else:
            vectors[start:end] = embedder.encode_documents([context(passage) for passage in passages[start:end]])
        progress("vectors", end, len(passages))
    require_units(vectors)
    return vectors


def _taken(old: Vectors, new: Vectors, order: NDArray[np.int64]) -> Vectors:
    """Rows of `old` and, counting on, of `new`, in an order; as if both were one array, without making it."""
    vectors = np.empty((len(order), new.shape[1]), dtype=np.float32)
    is_new = order >= len(old)
    if len(old):
        np.take(old, order, axis=0, out=vectors, mode="clip")
    vectors[is_new] = new[order[is_new] - len(old)]
    return vectors


def _segments(passages: Sequence[Passage], aligner: StaticEmbedder, progress: Progress) -> Segments:
    parts = [Segments.build([], aligner)]
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        some = passages[start : start + _PASSAGES_AT_ONCE]
        parts.append(Segments.build([("\n".join(passage.headings), passage.text) for passage in some], aligner))
        progress("tokens", start + len(some), len(passages))
    return Segments.joined(parts)


def _shards(planned: Plan, progress: Progress) -> Iterator[Shard]:
    """The runs of rows whose terms are indexed together; where they end follows from the articles alone.

    A run ends with an article whose id hashes so (content-defined chunking, Muthitacharoen et al. 2001), so that an
    edit moves the ends of few.
    """
    start, total = 0, len(planned.lines)
    ends = zip(planned.documents, planned.bounds[1:], strict=True)
    for identity, end in ends:
        if end < total and (end - start < _SHARD_PASSAGES or not _may_end(identity)):
            continue
        if end > start:
            digest = hashlib.sha256(b"".join(planned.hashes[start:end])).hexdigest()
            yield Shard(digest, end - start, partial(_terms, planned.lines[start:end]))
            progress("terms", end, total)
        start = end


def _may_end(identity: str) -> bool:
    return hashlib.sha256(identity.encode()).digest()[0] % _SHARD_ENDS == 0


def _terms(lines: Sequence[bytes]) -> Iterator[tuple[str, list[str]]]:
    for passage, language in map(parsed, lines, range(len(lines))):
        yield language, terms(context(passage))


def _write_rows(folder: Path, planned: Plan) -> None:
    (folder / DOCUMENTS).write_bytes(b"".join(planned.document_lines))
    (folder / PASSAGES).write_bytes(b"".join(planned.lines))
    (folder / HASHES).write_bytes(b"".join(planned.hashes))
    (folder / BOUNDS).write_bytes(np.array(planned.bounds, dtype="<i8").tobytes())


def _converted(articles: Sequence[Document | Unchanged], earlier: Earlier) -> Iterator[tuple[str, str]]:
    """The texts of the articles whose files were converted, with the files' content hashes."""
    for article in articles:
        if suffix_of(article.id) not in PLAIN:
            known = earlier.converted.get(article.content_hash, "")
            yield article.content_hash, article.text if isinstance(article, Document) else known


def _require_true_copies(folder: Path, files: Mapping[str, str], earlier: Earlier) -> None:
    """Checks the engine's files, which keep their names where they are copied, against those they are copies of."""
    for name in files.keys() & earlier.files.keys():
        is_copy = Path(name).suffix != ".json" and name.startswith(f"{LEXICAL}/")
        if is_copy and files[name] != earlier.files[name]:
            raise IndexDamagedError(Message("no_true_copy", {"path": folder / name}), folder)


def check(folder: Path) -> Manifest:
    """The manifest of a generation, every file of which is as it was written.

    Raises:
        IndexMissingError, IndexDamagedError, IndexMismatchError: as their messages say.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return manifest


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
        difference = _difference(manifest.settings, expected)
        raise IndexMismatchError(Message("other_settings", {"folder": folder, "difference": difference}), folder)
    check_files(folder, manifest)
    try:
        return _opened(folder, manifest, *_models(folder, manifest))
    except (OSError, ValueError) as error:  # all was whole a moment ago: someone removes it
        raise IndexDamagedError(Message("read_while_changed", {"folder": folder}), folder) from error


def _opened(folder: Path, manifest: Manifest, embedder: Embedder, aligner: StaticEmbedder) -> SearchIndex:
    parsed_rows = [parsed(line, row) for row, line in enumerate(lines(folder / PASSAGES))]
    languages = [language for _, language in parsed_rows]
    documents = {record["id"]: Document(**record) for record in map(json.loads, lines(folder / DOCUMENTS))}
    vectors = load_array(folder / VECTORS, mapped=True)
    rows = {language: np.flatnonzero([each == language for each in languages]) for language in LANGUAGES}
    return SearchIndex(
        folder=folder,
        manifest=manifest,
        documents=documents,
        passages=[passage for passage, _ in parsed_rows],
        vectors=vectors,
        nearest={language: VectorIndex(vectors, of_language) for language, of_language in rows.items()},
        lexical=LexicalIndex.load(folder / LEXICAL),
        segments=Segments.load(folder),
        languages=languages,
        converted=ConvertedTexts.load(folder),
        embedder=embedder,
        aligner=aligner,
    )


def _models(folder: Path, manifest: Manifest) -> tuple[Embedder, StaticEmbedder]:
    embedder, aligner = load_embedder(manifest.settings.embedder), bundled_embedder()
    built = (manifest.embedder_fingerprint, manifest.aligner_fingerprint)
    present = (embedder.fingerprint, aligner.fingerprint)
    if built != present:
        told = Message("other_model", {"folder": folder, "built": _short(built), "present": _short(present)})
        raise IndexMismatchError(told, folder)
    return embedder, aligner


def _short(fingerprints: tuple[str, str]) -> str:
    return "/".join(fingerprint[:8] for fingerprint in fingerprints)


def _difference(built: IndexSettings, expected: IndexSettings) -> str:
    ours, theirs = asdict(built), asdict(expected)
    return ", ".join(
        f"{key} {ours[key]!r} but {theirs[key]!r} was asked for" for key in ours if ours[key] != theirs[key]
    )
