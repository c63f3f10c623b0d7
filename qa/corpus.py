"""A folder of articles to Documents: UTF-8 Markdown and text, front matter or not."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qa.datatypes import Document
from qa.errors import CorpusError
from qa.text import Language, dominant_language, headings

SUFFIXES = (".md", ".txt")

_KEY = re.compile(r"\s*[A-Za-z_][\w-]*:(?:\s|$)", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that was left out, and why."""

    path: str
    reason: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An article whose content is known already."""

    id: str
    content_hash: str


def article_paths(folder: Path) -> list[Path]:
    """The article files of a folder and its subfolders, sorted; hidden ones and links out of it left out.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    if not folder.is_dir():
        raise CorpusError(f"There is no folder {folder}; name the folder of your articles with --corpus.", folder)
    root = folder.resolve()
    found = [path for path in _files(folder, root) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise CorpusError(f"{folder} holds no {' or '.join(SUFFIXES)} file; put articles there, then build.", folder)
    return sorted(found)


def _files(folder: Path, root: Path) -> Iterator[Path]:
    """Every file in a folder and its subfolders but hidden ones, and those that links lead to out of the root."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(place).resolve().is_relative_to(root)  # also where a folder is a junction, as Windows has them
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 - over thousands of files, in a third of the time of Paths
            is_link = os.path.islink(path)  # noqa: PTH114
            if name.startswith(".") or not os.path.isfile(path):  # noqa: PTH113
                continue
            if Path(path).resolve().is_relative_to(root) if is_link else inside:
                yield Path(path)


def document_id(path: Path, folder: Path) -> str:
    """How a document is known: its path inside the corpus folder, with forward slashes, always valid UTF-8."""
    return _valid_unicode(path.relative_to(folder).as_posix())


def _valid_unicode(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def content_hash(raw: bytes) -> str:
    """The identity of a file's content."""
    return hashlib.sha256(raw).hexdigest()


def corpus_digest(folder: Path) -> dict[str, str]:
    """Content hash of every article file by document id, empty where it cannot be read.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    digest: dict[str, str] = {}
    for path in article_paths(folder):
        try:
            digest[document_id(path, folder)] = content_hash(path.read_bytes())
        except OSError:
            digest[document_id(path, folder)] = ""
    return digest


def read_corpus(folder: Path, known: Mapping[str, str] | None = None) -> Iterator[Document | Unchanged | Unreadable]:
    """Each article as a Document, as unchanged where its content hash is the one `known` by its id, or why it is out.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    for path in article_paths(folder):
        name = path.relative_to(folder).as_posix()
        identity, digest = _valid_unicode(name), ""
        try:
            raw = path.read_bytes()
            digest = content_hash(raw)
            if identity != name:
                yield Unreadable(identity, "its name is not UTF-8; rename it", digest)
            elif known and known.get(identity) == digest:
                yield Unchanged(identity, digest)
            else:
                yield parse_document(identity, raw.decode("utf-8"), digest)
        except UnicodeDecodeError as error:
            yield Unreadable(identity, f"not UTF-8 (byte {error.start}); save it as UTF-8", digest)
        except OSError as error:
            yield Unreadable(identity, error.strerror or "cannot be read", digest)


def parse_document(identity: str, text: str, digest: str) -> Document:
    """A Document of a file's whole text; title, language and metadata come from its front matter or the text."""
    matched = _FRONT_MATTER.match(text)
    metadata = _metadata(matched.group(1)) if matched else None
    body_start = matched.end() if matched and metadata is not None else len(text) - len(text.removeprefix("\ufeff"))
    metadata = metadata or {}
    return Document(
        id=identity,
        title=_title(metadata, text, body_start, identity),
        text=text,
        path=identity,
        language=_language(metadata, text[body_start:]),
        metadata=metadata,
        body_start=body_start,
        content_hash=digest,
    )


def _metadata(block: str) -> dict[str, Any] | None:
    """The front matter as strings, lists and mappings; None where the block is plain text.

    A block that begins like front matter but is no YAML counts as front matter that says nothing.
    """
    try:
        loaded = yaml.load(block, Loader=yaml.BaseLoader)
        plain = json.loads(json.dumps(loaded, ensure_ascii=False).encode("utf-8", "replace"))
    except (yaml.YAMLError, RecursionError, TypeError, ValueError):
        return {} if _KEY.match(block) else None
    return plain if isinstance(plain, dict) else None


def _title(metadata: dict[str, Any], text: str, body_start: int, identity: str) -> str:
    title = metadata.get("title")
    if isinstance(title, str) and title.strip():
        return " ".join(title.split())
    top = (heading.text for heading in headings(text, body_start) if heading.level == 1 and heading.text)
    return next(top, Path(identity).stem)


def _language(metadata: dict[str, Any], body: str) -> Language:
    named = str(metadata.get("language", "")).lower()
    if named.startswith(("zh", "cn")):
        return "zh"
    return "en" if named.startswith("en") else dominant_language(body)
