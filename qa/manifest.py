"""What a generation is made of, each file's checksum too; written last: a folder without one is no index."""

import hashlib
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qa.config import IndexSettings
from qa.errors import IndexDamagedError, IndexMismatchError, IndexMissingError, IndexUnreadableError, SettingsError

FORMAT = 4
MANIFEST = "manifest.json"

_CUTTING = ("langchain-text-splitters", "numpy", "PyStemmer", "PyYAML", "tantivy", "tokenizers")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index is made of; two indexes with equal manifests (but for `created` and `files`) answer alike."""

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
    files: Mapping[str, str]


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
    record = {each.name: getattr(manifest, each.name) for each in fields(manifest)}
    record["settings"] = asdict(manifest.settings)
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
            return Manifest(**{**record, "settings": IndexSettings(**record["settings"])})
    except FileNotFoundError as error:
        raise IndexMissingError(f"There is no index in {folder}; run `qa build` first.", folder) from error
    except PermissionError as error:
        raise IndexUnreadableError(path, folder) from error
    except (OSError, ValueError, KeyError, TypeError, SettingsError) as error:
        raise IndexDamagedError(f"{path} is damaged; run `qa build` to write the index anew.", folder) from error
    raise IndexMismatchError(
        f"The index in {folder} has format {written}, this version reads {FORMAT}; run `qa build`.", folder
    )


def _record_checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compares every file of a generation with its checksum.

    Raises:
        IndexUnreadableError: if this user may not read one.
        IndexDamagedError: if one is missing or not what was written.
    """
    with ThreadPoolExecutor() as pool:
        found_of = {name: pool.submit(_checksum, folder / name) for name in manifest.files}
    for name, expected in manifest.files.items():
        path = folder / name
        try:
            found = found_of[name].result()
        except PermissionError as error:
            raise IndexUnreadableError(path, folder) from error
        except OSError:
            found = ""
        if found != expected:
            raise IndexDamagedError(f"{path} is missing or damaged; run `qa build` to write the index anew.", folder)


def checksums(folder: Path) -> dict[str, str]:
    """A checksum of each file that a search needs; an engine's lock files are not among them."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(_checksum, found))
    return {path.relative_to(folder).as_posix(): digest for path, digest in zip(found, digests, strict=True)}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
