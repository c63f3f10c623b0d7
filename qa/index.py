"""One generation of the index: the parts of its articles, joined, saved, and loaded whole.

Only this module knows which row is which passage. The manifest is written last: a folder without one is no
index. Everything in it is JSON, arrays, or a search engine's own files; nothing is unpickled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from qa.config import EXACT_ROWS, IndexSettings
from qa.converted import converted_texts
from qa.corpus import State
from qa.datatypes import Document, Passage
from qa.disk import remove_folder, share
from qa.earlier import Earlier
from qa.embedder import Embedder, StaticEmbedder, bundled_embedder, load_embedder
from qa.errors import IndexDamagedError, IndexMismatchError
from qa.files import conversion
from qa.inspection import check_whole
from qa.lexical import LexicalIndex, Shard, TermIndex
from qa.making import Maker
from qa.manifest import (
    FORMAT,
    LEXICAL,
    STATES,
    Manifest,
    check_files,
    read_manifest,
    recipe,
    sealed,
    write_manifest,
)
from qa.messages import Message
from qa.nearest import Recall, measured_recall, nearest, rows_of
from qa.parts import PARTS, Part, PartRecord, document_of_line, passage_of
from qa.passages import utf8_length
from qa.plan import runs
from qa.rows import NamedRows, RowsOfParts, VectorsOfParts
from qa.segments import SegmentRows, SegmentsOfParts
from qa.text import LANGUAGES, Language
from qa.vectors import ArrayRows, VectorIndex, Vectors, save_array

_NO_STATE = (0, 0, 0, 0)  # of a file of which it is not certain


def _whole() -> None:
    """What is open of a folder stays whole, whatever is removed."""


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """A loaded generation, of a folder or of a store.

    Rows of `vectors`, `nearest`, `lexical`, `segments` and `languages` are positions in `passages`; `nearest` searches
    the passages of each language apart. Passages, articles, vectors and segments are read when they are asked for. The
    name of `folder` is that of the generation.
    """

    folder: Path
    manifest: Manifest
    documents: Mapping[str, Document]
    passages: Sequence[Passage]
    vectors: ArrayRows[Vectors]
    nearest: Mapping[Language, VectorIndex]
    lexical: TermIndex
    segments: SegmentRows
    languages: Sequence[Language]
    converted: Mapping[str, str]
    embedder: Embedder
    aligner: StaticEmbedder
    confirm: Callable[[], None] = _whole  # raises StoreError where rows may have gone before they were read
    store: str = field(default="", repr=False)  # the address of the store, where it is of one


@dataclass(frozen=True, slots=True)
class Content:
    """What a generation is to hold.

    Attributes:
        parts: in order, each made in its folder, or one of the earlier generation.
        documents: content hash of each article by its id, in the order of the parts.
        left_out: content hashes of articles that could not be read, by their path.
        states: of the articles' files by id, as they were read, where that is certain.
    """

    parts: Sequence[PartRecord]
    documents: Mapping[str, str]
    left_out: Mapping[str, str]
    states: Mapping[str, State]


def build(folder: Path, documents: Sequence[Document], settings: IndexSettings, *, corpus: Path, created: str) -> None:
    """Writes an index of articles into an empty folder.

    Args:
        folder: where to write; it must exist and be empty.
        documents: what to index, in the order of the rows.
        settings: baked into the index.
        corpus: the folder the articles came from, read again when they are cited.
        created: when, as ISO 8601.

    Raises:
        EmbedderError: if the embedding model cannot be loaded.
    """
    earlier = Earlier(settings)
    maker, sizes = Maker(settings, earlier), [(document.id, utf8_length(document.text)) for document in documents]
    (folder / PARTS).mkdir()
    parts = [maker.make(folder, documents[run.start : run.stop]) for run in runs(sizes)]
    contents = {document.id: document.content_hash for document in documents}
    finish(folder, Content(parts, contents, {}, {}), settings, earlier, corpus=corpus, created=created)


def finish(
    folder: Path, content: Content, settings: IndexSettings, earlier: Earlier, *, corpus: Path, created: str
) -> Manifest:
    """Joins the parts of a generation, those that stand in its folder and those of the earlier one; the manifest last.

    Raises:
        IndexDamagedError: if what was written is not what it should be.
    """
    taken: dict[str, bool] = {}  # by the names of files, whether they are those of the earlier generation themselves

    def take(path: Path, target: Path) -> None:
        taken[target.relative_to(folder).as_posix()] = share(path, target)

    shards = []
    for part in content.parts:
        if earlier.folder and part.name in earlier.parts:
            take(earlier.folder / part.file, folder / part.file)
            shards.append(Shard(part.name, earlier.folder / LEXICAL))
        else:
            shards.append(Shard(part.name, folder / part.terms))
    LexicalIndex.join(folder / LEXICAL, shards, take)
    for path in (folder / PARTS).glob("*.terms"):
        remove_folder(path)
    states = [content.states.get(identity, _NO_STATE) for identity in content.documents]
    save_array(folder / STATES, np.array(states, dtype=np.int64).reshape(-1, len(_NO_STATE)))
    files, seen = sealed(folder, {name: earlier.files[name] for name in taken.keys() & earlier.files if taken[name]})
    for name in taken.keys() & earlier.files:
        if files[name] != earlier.files[name]:
            raise IndexDamagedError(Message("no_true_copy", {"path": folder / name}), folder)
    manifest = Manifest(
        format=FORMAT,
        settings=settings,
        recipe=recipe(),
        conversion=conversion(),
        embedder_fingerprint=earlier.embedder.fingerprint,
        aligner_fingerprint=earlier.aligner.fingerprint,
        corpus=str(corpus.resolve()),
        documents=content.documents,
        left_out=content.left_out,
        passages=sum(part.passages for part in content.parts),
        created=created,
        parts=content.parts,
        files=files,
        seen=seen,
        recall=_recall(folder, content.parts, earlier),
    )
    check_whole(folder, manifest)
    write_manifest(folder, manifest)
    return manifest


def _recall(folder: Path, records: Sequence[PartRecord], earlier: Earlier) -> Mapping[Language, Recall]:
    """Of each language that is quantised how many of the nearest rows are found; known already, where few are new."""
    if sum(part.passages for part in records) <= EXACT_ROWS:
        return {}
    recall: dict[Language, Recall] = {}
    parts = [Part.open(folder / part.file) for part in records]
    for language in LANGUAGES:
        count = sum(map(len, rows_of(parts, language)))
        known = earlier.recall.get(language)
        if count > EXACT_ROWS:
            recall[language] = known if known and known.holds(count) else measured_recall(parts, language)
    return recall


def check(folder: Path) -> Manifest:
    """The manifest of a generation, every file of which is as it was written.

    Raises:
        IndexMissingError, IndexDamagedError, IndexMismatchError: as their messages say.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return manifest


def load(folder: Path, expected: IndexSettings | None = None, *, exact_rows: int = EXACT_ROWS) -> SearchIndex:
    """Opens a generation after checking every file against its checksum.

    Args:
        folder: of the generation.
        expected: settings it must have been built with; None takes it as it is.
        exact_rows: of one language, up to which each row's vector is compared with a question's.

    Raises:
        IndexMissingError, IndexDamagedError, IndexMismatchError: as their messages say.
        EmbedderError: if its embedding model cannot be loaded.
    """
    manifest = read_manifest(folder)
    if expected is not None and manifest.settings != expected:
        differs = difference(manifest.settings, expected)
        raise IndexMismatchError(Message("other_settings", {"folder": folder, "difference": differs}), folder)
    check_files(folder, manifest)
    try:
        return _opened(folder, manifest, *models(folder, manifest), exact_rows)
    except (OSError, ValueError) as error:  # all was whole a moment ago: someone removes it
        raise IndexDamagedError(Message("read_while_changed", {"folder": folder}), folder) from error


def _opened(
    folder: Path, manifest: Manifest, embedder: Embedder, aligner: StaticEmbedder, exact_rows: int
) -> SearchIndex:
    opened = {part.name: Part.open(folder / part.file) for part in manifest.parts}
    parts = list(opened.values())
    numbers = np.concatenate([part.languages for part in parts])
    return SearchIndex(
        folder=folder,
        manifest=manifest,
        documents=NamedRows(
            list(manifest.documents), RowsOfParts([part.documents for part in parts], document_of_line)
        ),
        passages=RowsOfParts([part.passages for part in parts], passage_of),
        vectors=VectorsOfParts([part.vectors for part in parts]),
        nearest={language: nearest(parts, language, exact_rows) for language in LANGUAGES},
        lexical=LexicalIndex.load(folder / LEXICAL),
        segments=SegmentsOfParts([part.segments for part in parts]),
        languages=[LANGUAGES[number] for number in numbers.tolist()],
        converted=converted_texts(manifest, lambda part: opened[part.name]),
        embedder=embedder,
        aligner=aligner,
    )


def models(place: Path | str, manifest: Manifest) -> tuple[Embedder, StaticEmbedder]:
    """The models of an index in a folder or a store.

    Raises:
        IndexMismatchError: if they are others than it was built with.
        EmbedderError: if one cannot be loaded.
    """
    embedder, aligner = load_embedder(manifest.settings.embedder), bundled_embedder()
    built = (manifest.embedder_fingerprint, manifest.aligner_fingerprint)
    present = (embedder.fingerprint, aligner.fingerprint)
    if built != present:
        told = Message("other_model", {"folder": place, "built": _short(built), "present": _short(present)})
        raise IndexMismatchError(told, place if isinstance(place, Path) else None)
    return embedder, aligner


def _short(fingerprints: tuple[str, str]) -> str:
    return "/".join(fingerprint[:8] for fingerprint in fingerprints)


def difference(built: IndexSettings, expected: IndexSettings) -> str:
    """How the settings of an index differ from those it is to have."""
    ours, theirs = asdict(built), asdict(expected)
    return ", ".join(
        f"{key} {ours[key]!r} but {theirs[key]!r} was asked for" for key in ours if ours[key] != theirs[key]
    )
