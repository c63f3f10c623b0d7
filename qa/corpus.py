"""A folder of articles to Documents: which files are articles, and what each says of itself in front matter."""

import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from qa.config import FileLimits
from qa.datatypes import Document
from qa.errors import ArticleError, CorpusError
from qa.files import SUFFIXES, FileText, Folder, hash_of, is_visible, read_text, suffix_of
from qa.messages import Message
from qa.text import Language, dominant_language, headings

_SIGNED = 2**63 - 1  # the bits of a file's number that are kept, so that it fits where numbers have a sign
_SETTLED_NANOSECONDS = 3_000_000_000
_KEEPS_CHANGES = os.name == "posix"  # there nobody can set the time of a file's last change
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # control characters, bytes not UTF-8
_LONGEST_FRONT_MATTER = 65_536  # characters; what is longer is text
_MOST_BRACKETS = 300  # of front matter
_LONGEST_TITLE = 300  # characters; it is searched with every passage
_KEY = re.compile(r"\s*[A-Za-z_][\w-]*:(?:\s|$)", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that was left out, and why."""

    path: str
    reason: Message
    content_hash: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An article whose content is known already."""

    id: str
    content_hash: str


State = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """An article's file as its folder lists it.

    Attributes:
        name: its path in the folder.
        id: how its document is known.
        size: in bytes.
        state: changes with every edit of it; None where that is not certain: soon after an edit, which the next one may
            follow before the clock of the file system moves on, and on Windows, where a file's times can be set.
    """

    name: str
    id: str
    size: int
    state: State | None


def article_files(folder: Path) -> list[ArticleFile]:
    """The article files of a folder and its subfolders, sorted by path; hidden ones and links out left out.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    if not folder.is_dir():
        raise CorpusError(Message("no_folder", {"folder": folder}), folder)
    found = [file for file in _files(folder) if suffix_of(file.name) in SUFFIXES]
    if not found:
        raise CorpusError(Message("no_article", {"folder": folder, "suffixes": ", ".join(SUFFIXES)}), folder)
    return sorted(found, key=lambda file: os.path.normcase(file.name).split(os.sep))  # noqa: PTH206


def article_names(folder: Path) -> list[str]:
    """The paths of `article_files`, in the folder.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    return [file.name for file in article_files(folder)]


def _files(folder: Path) -> Iterator[ArticleFile]:
    """Every visible file in a folder and its subfolders, but those that links lead to out of it."""
    root, settled = folder.resolve(), time.time_ns() - _SETTLED_NANOSECONDS
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        within = "" if place == str(folder) else os.path.join(os.path.relpath(place, folder), "")  # noqa: PTH118
        inside = Path(place).resolve().is_relative_to(root)  # also where a folder is a junction, as Windows has them
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118
            if name.startswith("."):
                continue
            try:
                status = os.lstat(path)
                if is_link := stat.S_ISLNK(status.st_mode):
                    status = os.stat(path)  # noqa: PTH116
            except (OSError, ValueError):
                continue
            if stat.S_ISREG(status.st_mode) and (_leads_inside(path, root) if is_link else inside):
                found = within + name
                yield ArticleFile(found, document_id(found), status.st_size, _state(status, settled))


def _state(status: os.stat_result, settled: int) -> State | None:
    if not _KEEPS_CHANGES or max(status.st_mtime_ns, status.st_ctime_ns) > settled:
        return None
    return state_of(status)


def state_of(status: os.stat_result) -> State:
    """What changes with every edit of a file."""
    return status.st_ino & _SIGNED, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _leads_inside(link: str, root: Path) -> bool:
    target = Path(link).resolve()
    return target.is_relative_to(root) and is_visible(str(target.relative_to(root)))


def document_id(name: str) -> str:
    """How the document at a path in the corpus folder is known: with forward slashes, valid UTF-8 on one line.

    A name that is not such is written out after `./`, with which no other begins, so that no two share an id.
    """
    slashed = name.replace(os.sep, "/")
    if not _UNSPEAKABLE.search(slashed):
        return slashed
    return "./" + _UNSPEAKABLE.sub(lambda match: f"\\x{ord(match.group()):02x}", slashed.replace("\\", "\\\\"))


def corpus_digest(folder: Path, limits: FileLimits = FileLimits()) -> dict[str, str]:  # noqa: B008 - frozen
    """Content hash of every article file by document id, empty where it cannot be read.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    files, digest = Folder(folder, limits), {}
    for name in article_names(folder):
        identity = document_id(name)
        try:
            digest[identity] = hash_of(files.read(name), suffix_of(name))
        except ArticleError:
            digest[identity] = ""
    return digest


def read_corpus(
    folder: Path,
    limits: FileLimits = FileLimits(),  # noqa: B008 - frozen
    known: Mapping[str, str] | None = None,
    kept: Mapping[str, str] = {},
) -> Iterator[Document | Unchanged | Unreadable]:
    """Each article as a Document, as unchanged where its content hash is the one `known` by its id, or why it is out.

    What is unchanged is neither converted nor parsed, and what is `kept` by its content hash is not converted again.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
    """
    files = Folder(folder, limits)
    for name in article_names(folder):
        yield read_article(files, name, limits, (known or {}).get(document_id(name)), kept)


def read_article(
    files: Folder, name: str, limits: FileLimits, known: str | None = None, kept: Mapping[str, str] = {}
) -> Document | Unchanged | Unreadable:
    """One article by its path in the folder, as `read_corpus` has it."""
    identity, suffix, digest = document_id(name), suffix_of(name), ""
    try:
        raw = files.read(name)
        digest = hash_of(raw, suffix)
        if identity != name.replace(os.sep, "/"):
            raise ArticleError(Message("no_name"))
        if known == digest:
            return Unchanged(identity, digest)
        return document_of(identity, read_text(raw, suffix, limits, kept))
    except ArticleError as error:
        return Unreadable(identity, error.reason, digest)


def document_of(identity: str, read: FileText) -> Document:
    """A Document of what a file says."""
    return replace(parse_document(identity, read.text, read.content_hash), encoding=read.encoding)


def parse_document(identity: str, text: str, digest: str) -> Document:
    """A Document of a file's whole text; title, language and metadata come from its front matter or the text."""
    matched = _FRONT_MATTER.match(text, 0, _LONGEST_FRONT_MATTER)
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

    A block that begins like front matter but is no YAML counts as front matter that says nothing, as does one that
    repeats parts of itself by name, which can unfold to any size, or is all brackets, which take for ever to parse.
    """
    try:
        if block.count("[") + block.count("{") > _MOST_BRACKETS:
            raise ValueError("brackets")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(block, Loader=yaml.BaseLoader)):
            return {}
        loaded = yaml.load(block, Loader=yaml.BaseLoader)
        plain = json.loads(json.dumps(loaded, ensure_ascii=False).encode("utf-8", "replace"))
    except (yaml.YAMLError, RecursionError, TypeError, ValueError):
        return {} if _KEY.match(block) else None
    return plain if isinstance(plain, dict) else None


def _title(metadata: dict[str, Any], text: str, body_start: int, identity: str) -> str:
    title = metadata.get("title")
    if isinstance(title, str) and title.strip():
        return " ".join(title.split())[:_LONGEST_TITLE]
    top = (heading.text for heading in headings(text, body_start) if heading.level == 1 and heading.text)
    return next(top, Path(identity).stem)


def _language(metadata: dict[str, Any], body: str) -> Language:
    named = str(metadata.get("language", "")).lower()
    if named.startswith(("zh", "cn")):
        return "zh"
    return "en" if named.startswith("en") else dominant_language(body)
