"""What a generation is made of, each file's checksum too; written last: a folder without one is no index."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qa.config import IndexSettings
from qa.datatypes import shallow
from qa.errors import IndexDamagedError, IndexMismatchError, IndexMissingError, IndexUnreadableError, SettingsError
from qa.lexical import SHARDS
from qa.messages import Message
from qa.nearest import Recall
from qa.parts import PartRecord
from qa.text import Language

FORMAT = 6
MANIFEST = "manifest.json"
LEXICAL = "lexical"  # the folder of the terms of all parts
CATALOGUE = f"{LEXICAL}/{SHARDS}"
STATES = "states.npy"  # of the articles' files when they were read

_FOLLOWED = (CATALOGUE, STATES)  # small, and a build goes by what they say
_CUTTING = ("langchain-text-splitters", "numpy", "PyStemmer", "PyYAML", "tantivy", "tokenizers")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index is made of; two with equal manifests (but for `created`, `files` and `seen`) answer alike.

    Attributes:
        documents: content hash of each article by its id, those of each part one after the other.
        left_out: content hashes of articles that could not be read, by their path.
        parts: in the order of their rows.
        files: checksum of each file by its name.
        seen: size and time of each file when its checksum was taken.
        recall: of the languages whose vectors are quantised.
    """

    format: int
    settings: IndexSettings
    recipe: str
    conversion: str
    embedder_fingerprint: str
    aligner_fingerprint: str
    corpus: str
    documents: Mapping[str, str]
    left_out: Mapping[str, str]
    passages: int
    created: str
    parts: Sequence[PartRecord]
    files: Mapping[str, str]
    seen: Mapping[str, Sequence[int]]
    recall: Mapping[Language, Recall]


def places(manifest: Manifest) -> Iterator[tuple[str, tuple[PartRecord, int]]]:
    """Of each article by its id the part it stands in, and its number there."""
    identities = iter(manifest.documents)
    for part in manifest.parts:
        for number in range(part.articles):
            yield next(identities), (part, number)


@cache
def recipe() -> str:
    """A digest of the code that makes rows of articles: what another code made is not taken over by a build."""
    package = Path(__file__).parent
    digest = hashlib.sha256(json.dumps([sys.version, *((name, version(name)) for name in _CUTTING)]).encode())
    for path in (*sorted(package.glob("*.py")), package / "han_variants.txt"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest of a generation whose other files are all there."""
    parts = [shallow(part) for part in manifest.parts]
    recall = {language: shallow(each) for language, each in manifest.recall.items()}
    record = {**shallow(manifest), "settings": asdict(manifest.settings), "parts": parts, "recall": recall}
    text = json.dumps({**record, "checksum": _record_checksum(record)}, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a generation's folder.

    Raises:
        IndexMissingError: if there is none.
        IndexUnreadableError: if this user may not read it.
        IndexDamagedError: if it is not what was written.
        IndexMismatchError: if it was written by another version of this package.
    """
    path = folder / MANIFEST
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        written = record["format"]
        if written == FORMAT:
            if record.pop("checksum") != _record_checksum(record):
                raise ValueError("checksum")
            parts = [PartRecord(**part) for part in record["parts"]]
            recall = {language: Recall(**each) for language, each in record["recall"].items()}
            settings = IndexSettings(**record["settings"])
            return Manifest(**{**record, "settings": settings, "parts": parts, "recall": recall})
    except FileNotFoundError as error:
        raise IndexMissingError(Message("no_index", {"folder": folder}), folder) from error
    except PermissionError as error:
        raise IndexUnreadableError(path, folder) from error
    except (OSError, ValueError, KeyError, TypeError, SettingsError) as error:
        raise IndexDamagedError(Message("file_damaged", {"path": path}), folder) from error
    told = Message("other_format", {"folder": folder, "written": written, "read": FORMAT})
    raise IndexMismatchError(told, folder)


def _record_checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compares every file of a generation with its checksum.

    Raises:
        IndexUnreadableError: if this user may not read one.
        IndexDamagedError: if one is missing or not what was written.
    """
    for name, found in _checksums(folder, manifest.files).items():
        if isinstance(found, PermissionError):
            raise IndexUnreadableError(folder / name, folder) from found
        if found != manifest.files[name]:
            raise IndexDamagedError(Message("file_missing", {"path": folder / name}), folder)


def damaged_files(folder: Path, manifest: Manifest, *, thorough: bool) -> set[str]:
    """The files of a generation that are not what was written.

    One of the size and time it had when its checksum was taken is taken to be whole, unless this is to be thorough, or
    it says what stands in the others.
    """
    looked_at = [
        name
        for name in manifest.files
        if thorough or name in _FOLLOWED or _seen(folder / name) != manifest.seen.get(name)
    ]
    return {name for name, found in _checksums(folder, looked_at).items() if found != manifest.files[name]}


def sealed(folder: Path, known: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Sequence[int]]]:
    """A checksum of each file that a search needs, and its size and time; an engine's lock files are not among them.

    Args:
        folder: of a generation whose files are all there.
        known: checksums, by name, of those that an earlier generation has too.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    names = [path.relative_to(folder).as_posix() for path in found]
    fresh = _checksums(folder, [name for name in names if name not in known])
    for problem in fresh.values():
        if isinstance(problem, OSError):
            raise problem
    files = {name: known.get(name) or str(fresh[name]) for name in names}
    return files, {name: _seen(folder / name) for name in names}


def _seen(path: Path) -> list[int]:
    """The size and time of a file; nothing where there is none."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _checksums(folder: Path, names: Iterable[str]) -> dict[str, str | OSError]:
    """The checksum of each file, or why it cannot be read."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(_checksum, [folder / name for name in names]), strict=True))


def _checksum(path: Path) -> str | OSError:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error
