"""A folder of articles to Documents: UTF-8 Markdown and text, front matter or not."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qa.datatypes import Document
from qa.errors import CorpusError
from qa.text import Language, dominant_language

SUFFIXES = (".md", ".txt")

_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_FIRST_HEADING = re.compile(r"^[ \t]{0,3}#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that was left out, and why."""

    path: str
    reason: str


def article_paths(folder: Path) -> list[Path]:
    """The article files of a folder and its subfolders, sorted; hidden ones and links out of it left out.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    if not folder.is_dir():
        raise CorpusError(f"There is no folder {folder}; name the folder of your articles with --corpus.", folder)
    root = folder.resolve()
    found = [
        path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and _is_inside(path, folder, root)
    ]
    if not found:
        raise CorpusError(f"{folder} holds no {' or '.join(SUFFIXES)} file; put articles there, then build.", folder)
    return found


def _is_inside(path: Path, folder: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.is_file() and path.resolve().is_relative_to(root)


def document_id(path: Path, folder: Path) -> str:
    """How a document is known: its path inside the corpus folder, with forward slashes."""
    return path.relative_to(folder).as_posix()


def content_hash(raw: bytes) -> str:
    """The identity of a file's content."""
    return hashlib.sha256(raw).hexdigest()


def corpus_digest(folder: Path) -> dict[str, str]:
    """Content hash of every article by document id.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    return {document_id(path, folder): content_hash(path.read_bytes()) for path in article_paths(folder)}


def read_corpus(folder: Path) -> Iterator[Document | Unreadable]:
    """Each article as a Document, or why it was left out.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    for path in article_paths(folder):
        identity = document_id(path, folder)
        try:
            raw = path.read_bytes()
            yield parse_document(identity, raw.decode("utf-8"), content_hash(raw))
        except UnicodeDecodeError as error:
            yield Unreadable(identity, f"not UTF-8 (byte {error.start}); save it as UTF-8")
        except OSError as error:
            yield Unreadable(identity, error.strerror or "cannot be read")


def parse_document(identity: str, text: str, digest: str) -> Document:
    """A Document of a file's whole text; title, language and metadata come from its front matter or the text."""
    matched = _FRONT_MATTER.match(text)
    metadata = _metadata(matched.group(1)) if matched else {}
    body_start = matched.end() if matched else len(text) - len(text.removeprefix("\ufeff"))
    body = text[body_start:]
    return Document(
        id=identity,
        title=_title(metadata, body, identity),
        text=text,
        path=identity,
        language=_language(metadata, body),
        metadata=metadata,
        body_start=body_start,
        content_hash=digest,
    )


def _metadata(block: str) -> dict[str, Any]:
    """The front matter as plain JSON values; none where it is not a YAML mapping."""
    try:
        loaded = yaml.load(block, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _title(metadata: dict[str, Any], body: str, identity: str) -> str:
    title = metadata.get("title")
    if isinstance(title, str) and title.strip():
        return title.strip()
    heading = _FIRST_HEADING.search(body)
    return heading.group(1).strip() if heading else Path(identity).stem


def _language(metadata: dict[str, Any], body: str) -> Language:
    named = str(metadata.get("language", "")).lower()
    if named.startswith(("zh", "cn")):
        return "zh"
    return "en" if named.startswith("en") else dominant_language(body)
