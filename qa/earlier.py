"""What a build takes over from the generation before: rows of unchanged articles, and of passages it has met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from qa.config import FileLimits, IndexSettings
from qa.converted import ConvertedTexts
from qa.embedder import Embedder, StaticEmbedder, bundled_embedder, load_embedder
from qa.errors import SearchIndexError
from qa.files import conversion
from qa.manifest import Manifest, check_files, read_manifest, recipe
from qa.segments import Segments
from qa.vectors import Vectors, load_array

DOCUMENTS, BOUNDS = "documents.jsonl", "document_bounds.bin"
PASSAGES, HASHES = "passages.jsonl", "passage_hashes.bin"
VECTORS, LEXICAL = "vectors.npy", "lexical"

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Earlier:
    """The rows of a generation that was made as the next one will be; of nothing where there is none.

    Attributes:
        converted: the texts of its files that were converted, where they still would be converted so.
        files: checksum of each of its files by name.
        documents: content hash of each article by its id.
        document_lines: its line in the file of documents, by id.
        document_rows: the rows of its passages, by id.
        passage_lines: each row's line in the file of passages.
        hashes: what identifies the content of each row, one after the other, `HASH_BYTES` each.
        vectors: shape (rows, dimension).
        segments: of each row.
        lexical: the folder of its terms; None where there is none.
        embedder: the model of the vectors, its and those to come.
        aligner: the model of the tokens.
    """

    converted: Mapping[str, str]
    files: Mapping[str, str]
    documents: Mapping[str, str]
    document_lines: Mapping[str, bytes]
    document_rows: Mapping[str, range]
    passage_lines: Sequence[bytes]
    hashes: Sequence[bytes]
    vectors: Vectors
    segments: Segments
    lexical: Path | None
    embedder: Embedder
    aligner: StaticEmbedder

    @classmethod
    def nothing(
        cls,
        embedder: Embedder,
        aligner: StaticEmbedder,
        converted: Mapping[str, str] = {},
    ) -> "Earlier":
        """No rows at all, for a build from nothing."""
        vectors = np.zeros((0, embedder.dimension), dtype=np.float32)
        return cls(converted, {}, {}, {}, {}, [], [], vectors, Segments.build([], aligner), None, embedder, aligner)

    @classmethod
    def open(cls, folder: Path | None, settings: IndexSettings) -> "Earlier":
        """The rows of a generation; none where it is missing, damaged, or was made in another way.

        Raises:
            EmbedderError: if the embedding model of the settings cannot be loaded.
        """
        embedder, aligner = load_embedder(settings.embedder), bundled_embedder()
        try:
            return cls._read(folder, settings, embedder, aligner) if folder else cls.nothing(embedder, aligner)
        except (SearchIndexError, OSError):
            return cls.nothing(embedder, aligner)

    @classmethod
    def _read(cls, folder: Path, settings: IndexSettings, embedder: Embedder, aligner: StaticEmbedder) -> "Earlier":
        manifest = read_manifest(folder)
        check_files(folder, manifest)
        converted = ConvertedTexts.load(folder) if _converts_alike(manifest, settings) else {}
        made = (manifest.settings, manifest.recipe, manifest.embedder_fingerprint, manifest.aligner_fingerprint)
        if made != (settings, recipe(), embedder.fingerprint, aligner.fingerprint):
            return cls.nothing(embedder, aligner, converted)
        bounds = document_bounds(folder)
        hashes = (folder / HASHES).read_bytes()
        return cls(
            converted=converted,
            files=manifest.files,
            documents=manifest.documents,
            document_lines=dict(zip(manifest.documents, lines(folder / DOCUMENTS), strict=True)),
            document_rows=dict(zip(manifest.documents, map(range, bounds, bounds[1:]), strict=True)),
            passage_lines=lines(folder / PASSAGES),
            hashes=[hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)],
            vectors=load_array(folder / VECTORS, mapped=True),
            segments=Segments.load(folder),
            lexical=folder / LEXICAL,
            embedder=embedder,
            aligner=aligner,
        )


def _converts_alike(manifest: Manifest, settings: IndexSettings) -> bool:
    limits = [[getattr(each, field.name) for field in fields(FileLimits)] for each in (manifest.settings, settings)]
    return manifest.conversion == conversion() and limits[0] == limits[1]


def lines(path: Path) -> list[bytes]:
    """The lines of a file, line ends kept."""
    return path.read_bytes().splitlines(keepends=True)


def document_bounds(folder: Path) -> list[int]:
    """The first row of each article of a generation, and the last row's end."""
    bounds: list[int] = np.fromfile(folder / BOUNDS, dtype="<i8").tolist()
    return bounds
