"""What a build takes over from the generation before: parts whose articles stay, and rows of those it has met."""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cached_property
from pathlib import Path

from qa.config import FileLimits, IndexSettings
from qa.converted import converted_texts
from qa.corpus import ArticleFile, State
from qa.datatypes import Document
from qa.embedder import Embedder, StaticEmbedder, bundled_embedder, load_embedder
from qa.errors import SearchIndexError
from qa.files import conversion
from qa.lexical import whole_shards
from qa.manifest import CATALOGUE, LEXICAL, STATES, Manifest, damaged_files, places, read_manifest, recipe
from qa.nearest import Recall
from qa.parts import Part, PartRecord
from qa.text import Language
from qa.vectors import load_array

Source = tuple[Part | None, int]  # a row of a part; None stands for the one that is being made


class Earlier:
    """The parts of a generation that was made as the next one will be; of nothing where there is none.

    Attributes:
        embedder: the model of the vectors, its and those to come.
        aligner: the model of the tokens.
        folder: where it stands; None where there is none.
        damaged: those of its files that are not what was written.
        parts: those that are whole and made alike, by their names.
        documents: content hash of each of their articles by its id.
        files: checksum of each of its files by its name.
        recall: of its languages whose vectors are quantised.
        converted: the texts of its files that were converted, where they still would be converted so.
    """

    def __init__(
        self,
        settings: IndexSettings,
        folder: Path | None = None,
        *,
        damaged: Collection[str] | None = None,
    ) -> None:
        """Opens a generation; where it is missing, damaged, or was made in another way, there is that much less of it.

        Args:
            settings: of the index to come.
            folder: of the generation.
            damaged: those of its files that are not what was written, where it has been looked at.

        Raises:
            EmbedderError: if the embedding model of the settings cannot be loaded.
        """
        self.folder = folder
        self.damaged: Collection[str] = damaged or ()
        self.parts: dict[str, PartRecord] = {}
        self.documents: dict[str, str] = {}
        self.converted: Mapping[str, str] = {}
        self.files: Mapping[str, str] = {}
        self.recall: Mapping[Language, Recall] = {}
        self._opened: dict[str, Part] = {}
        self._places: dict[str, tuple[PartRecord, int]] = {}
        self._states: dict[str, State] = {}
        manifest: Manifest | None = None
        with contextlib.suppress(SearchIndexError):
            manifest = read_manifest(folder) if folder else None
        self._manifest = manifest
        if folder and manifest and damaged is None:
            self.damaged = damaged_files(folder, manifest, thorough=False)
        self.embedder: Embedder = load_embedder(settings.embedder)
        self.aligner: StaticEmbedder = bundled_embedder()
        try:
            if folder and manifest:
                self._read(folder, manifest, settings)
        except (OSError, ValueError):  # someone removes it, say
            self.parts, self.documents, self._places = {}, {}, {}

    def _read(self, folder: Path, manifest: Manifest, settings: IndexSettings) -> None:
        place_of = dict(places(manifest))
        if _converts_alike(manifest, settings):
            self.converted = converted_texts(manifest, self.open, self.damaged)
        made = (manifest.settings, manifest.recipe, manifest.embedder_fingerprint, manifest.aligner_fingerprint)
        if made != (settings, recipe(), self.embedder.fingerprint, self.aligner.fingerprint):
            return
        if CATALOGUE in self.damaged:  # without it the terms of no part can be used
            return
        terms = whole_shards(folder / LEXICAL, (name.removeprefix(f"{LEXICAL}/") for name in self.damaged))
        self.parts = {
            part.name: part for part in manifest.parts if part.file not in self.damaged and part.name in terms
        }
        self._places = {each: place for each, place in place_of.items() if place[0].name in self.parts}
        self.documents = {each: manifest.documents[each] for each in self._places}
        self.files, self.recall = manifest.files, manifest.recall
        if STATES not in self.damaged:
            states = load_array(folder / STATES, mapped=False).tolist()
            self._states = {each: tuple(state) for each, state in zip(manifest.documents, states, strict=True)}

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(size for size, _ in self._manifest.seen.values()) if self._manifest else 0

    def rotten(self) -> set[str]:
        """Those of its files that are not what was written, every byte looked at."""
        if not (self.folder and self._manifest):
            return set()
        return damaged_files(self.folder, self._manifest, thorough=True)

    def open(self, record: PartRecord) -> Part:
        """The rows of one of its parts."""
        if record.name not in self._opened:
            self._opened[record.name] = Part.open((self.folder or Path()) / record.file)
        return self._opened[record.name]

    def known(self, file: ArticleFile) -> str | None:
        """The content hash of an article whose file has not been touched since it was read; None where it may be."""
        return self.documents.get(file.id) if file.state and file.state == self._states.get(file.id) else None

    def place(self, identity: str) -> tuple[PartRecord, Part, int]:
        """The part that has an article, and which of its articles that is."""
        record, number = self._places[identity]
        return record, self.open(record), number

    def contents(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """What identifies the content of each row of the articles of some parts, by their ids."""
        found = {each: self.place(each) for each, (record, _) in self._places.items() if record.name in names}
        return {identity: part.contents(number) for identity, (_, part, number) in found.items()}

    def rows_like(self, document: Document) -> dict[bytes, Source]:
        """Rows that the article, or one of the same content, had, by what identifies their content."""
        found: dict[bytes, Source] = {}
        for identity in {self._by_content.get(document.content_hash, document.id), document.id} & self._places.keys():
            _, part, number = self.place(identity)
            start = int(part.bounds[number])
            found |= {content: (part, row) for row, content in enumerate(part.contents(number), start)}
        return found

    @cached_property
    def _by_content(self) -> dict[str, str]:
        return {digest: identity for identity, digest in self.documents.items()}


def _converts_alike(manifest: Manifest, settings: IndexSettings) -> bool:
    limits = [[getattr(each, field.name) for field in fields(FileLimits)] for each in (manifest.settings, settings)]
    return manifest.conversion == conversion() and limits[0] == limits[1]
