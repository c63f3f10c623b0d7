"""BM25 over terms, through tantivy: the rows that share a question's words.

Rows stand in shards, each a run of rows that is indexed apart, so that a shard whose rows are unchanged is taken over
from an earlier index. Statistics are those of all shards together: scores do not depend on what was taken over.

Each group of rows has a field of its own, in which the others are of the same length, but of nothing that is asked for:
so its rows are searched alone, as fast as if there were no others, and the mean length of all is that of each field.
What a term weighs by how many rows of all groups hold it, a factor makes of what it weighs in its field.
"""

import contextlib
import json
import math
import os
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import tantivy

GROUPS = ("zh", "en")

_K1 = 1.2  # tantivy's own
_NOTHING = "\x1f"  # stands in a field for each term of a row of another group
_WRITER_BYTES = 64_000_000
_TERMS_KEPT = 4096  # those asked for last, of which is known how many rows hold them
_PROBE_BYTES = 1 << 18  # a disk that has no room for so many is full
SHARDS = "shards.json"
_META = "meta.json"  # tantivy's own list of its segments, in order
_MANAGED = ".managed.json"  # and of its files

Row = tuple[str, Sequence[str]]  # its group, its terms


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of rows whose terms are indexed together: its name, and where it stands.

    That is the folder `write_shard` made, or one of an index that has it.
    """

    name: str
    folder: Path


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=True, fast=True)
    for group in GROUPS:
        builder.add_text_field(group, tokenizer_name="whitespace", index_option="freq")
    schema: tantivy.Schema = builder.build()
    return schema


class TermIndex(Protocol):
    """Rows by their terms, as a search needs them; see `LexicalIndex`."""

    def ideal(self, terms: Sequence[str]) -> float: ...
    def lacks(self, terms: Sequence[str]) -> bool: ...
    def search(self, terms: Sequence[str], count: int, group: str) -> list[tuple[int, float]]: ...


class LexicalIndex:
    """Rows by their terms; each row belongs to one group (its language), searched apart."""

    def __init__(self, index: tantivy.Index, starts: Sequence[int]) -> None:
        """Takes the first row of each of tantivy's segments."""
        self._index = index
        self._starts = starts
        self._schema = index.schema
        self._searcher = index.searcher()
        self._frequencies = _frequencies(self._searcher)

    @classmethod
    def join(cls, folder: Path, shards: Sequence[Shard], share: Callable[[Path, Path], None]) -> "LexicalIndex":
        """Makes an index of shards, one after the other; `share` gives a file, the first path, a second place.

        Raises:
            OSError: if it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        places = {shard.folder for shard in shards}
        catalogues, files = {each: _catalogue(each) for each in places}, {each: _files(each) for each in places}
        catalogue: list[dict[str, Any]] = []
        for shard in shards:
            catalogue.append(catalogues[shard.folder][shard.name])
            for segment in catalogue[-1]["segments"]:
                for path in files[shard.folder][_stem(segment)]:
                    share(path, folder / path.name)
        with _said_as_os_error(folder):
            _write_meta(folder, [segment for each in catalogue for segment in each["segments"]])
        _write_catalogue(folder, catalogue)
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """Opens what `join` or `write_shard` wrote, by memory map."""
        starts: list[int] = []
        start = 0
        for shard in _catalogue(folder).values():
            starts += [start] * len(shard["segments"])
            start += shard["count"]
        if os.access(folder, os.W_OK):
            return cls(tantivy.Index.open(str(folder)), starts)
        copy = Path(tempfile.mkdtemp())  # the engine locks a file beside the others, also to read
        try:
            shutil.copytree(folder, copy, copy_function=shutil.copyfile, dirs_exist_ok=True)
            index = cls(tantivy.Index.open(str(copy)), starts)
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        weakref.finalize(index, shutil.rmtree, copy, ignore_errors=True)
        return index

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def ideal(self, terms: Sequence[str]) -> float:
        """The BM25 score no passage can exceed: every term as often as may be, in a passage of no length.

        A score divided by it says how much of the question, by rarity, a passage holds in so many words.
        """
        rarity = {term: self._rarity(sum(self._frequencies(term))) for term in set(terms)}
        return sum(rarity[term] for term in terms) * (_K1 + 1.0)

    def _rarity(self, frequency: int) -> float:
        """What a term weighs that so many rows hold."""
        return math.log1p((self._searcher.num_docs - frequency + 0.5) / (frequency + 0.5))

    def lacks(self, terms: Sequence[str]) -> bool:
        """Whether no row holds one of these terms, so that none holds all of them."""
        return not all(any(self._frequencies(term)) for term in terms)

    def search(self, terms: Sequence[str], count: int, group: str) -> list[tuple[int, float]]:
        """At most `count` (row, BM25 score) of the group that share a term, best first, ties by row."""
        if group not in GROUPS or count <= 0:
            return []
        wanted = []
        for term, times in Counter(terms).items():
            frequencies = self._frequencies(term)
            if own := frequencies[GROUPS.index(group)]:
                factor = times * self._rarity(sum(frequencies)) / self._rarity(own)
                query = tantivy.Query.term_query(self._schema, group, term)
                wanted.append((tantivy.Occur.Should, tantivy.Query.boost_query(query, factor)))
        if not wanted:
            return []
        found = self._searcher.search(tantivy.Query.boolean_query(wanted), limit=count).hits
        pairs = [(self._row(address), float(score)) for score, address in found]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def _row(self, address: tantivy.DocAddress) -> int:
        return self._starts[address.segment_ord] + int(self._searcher.doc(address)["row"][0])


def _frequencies(searcher: Any) -> Callable[[str], Sequence[int]]:
    """Tells how many rows of each group hold a term, once each segment was asked; a cached method were never freed."""

    @lru_cache(_TERMS_KEPT)
    def counted(term: str) -> Sequence[int]:
        return [searcher.doc_freq(group, term) for group in GROUPS]

    return counted


@contextlib.contextmanager
def _said_as_os_error(folder: Path) -> Iterator[None]:
    """The engine says as a ValueError that it could not write there, and not always why; then the system is asked."""
    try:
        yield
    except ValueError as error:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
        raise OSError(str(error)) from error


def _catalogue(folder: Path) -> dict[str, dict[str, Any]]:
    """The shards of an index in order, by their names."""
    shards: list[dict[str, Any]] = json.loads((folder / SHARDS).read_text(encoding="utf-8"))
    return {shard["name"]: shard for shard in shards}


def _write_catalogue(folder: Path, shards: Sequence[Mapping[str, Any]]) -> None:
    (folder / SHARDS).write_text(json.dumps(shards, indent=1), encoding="utf-8", newline="\n")


def whole_shards(folder: Path, damaged: Iterable[str]) -> set[str]:
    """The names of the shards of an index of which no file is among the damaged or missing, given by their names."""
    harmed = {name.partition(".")[0] for name in damaged}
    return {name for name, shard in _catalogue(folder).items() if harmed.isdisjoint(map(_stem, shard["segments"]))}


def write_shard(folder: Path, name: str, rows: Iterable[Row]) -> None:
    """Indexes some rows apart, in a folder of its own that is made: in one segment, but for a vast shard.

    Raises:
        OSError: if it cannot be written.
    """
    folder.mkdir()
    with _said_as_os_error(folder):
        count = _index(folder, rows)
    segments = json.loads((folder / _META).read_text(encoding="utf-8"))["segments"]
    _write_catalogue(folder, [{"name": name, "count": count, "segments": segments}])


def _index(folder: Path, rows: Iterable[Row]) -> int:
    """Indexes rows, and counts them."""
    schema, row = _schema(), -1
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(heap_size=_WRITER_BYTES, num_threads=1)
    for row, (group, terms) in enumerate(rows):
        others = dict.fromkeys(GROUPS, " ".join([_NOTHING] * len(terms)))
        writer.add_document(tantivy.Document.from_dict({**others, "row": row, group: " ".join(terms)}, schema))
    writer.commit()
    writer.wait_merging_threads()
    return row + 1


def _stem(segment: Mapping[str, Any]) -> str:
    """How the names of a segment's files begin."""
    return str(segment["segment_id"]).replace("-", "")


def _files(folder: Path) -> dict[str, list[Path]]:
    """The files of an index, by how their names begin."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        files.setdefault(path.name.partition(".")[0], []).append(path)
    return files


def _write_meta(folder: Path, segments: Sequence[Mapping[str, Any]]) -> None:
    """Lists the segments where tantivy looks for them, in the words of an empty index of its own."""
    tantivy.Index(_schema(), path=str(folder))
    meta = json.loads((folder / _META).read_text(encoding="utf-8"))
    meta["segments"] = segments
    _write_anew(folder / _META, json.dumps(meta).encode())
    _write_anew(folder / _MANAGED, (folder / _MANAGED).read_bytes())


def _write_anew(path: Path, content: bytes) -> None:
    """Writes a file that the engine lets its owner alone read, so that the umask says who may."""
    path.unlink()
    path.write_bytes(content)
