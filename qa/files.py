"""One file of the corpus to its text, the same each time: what is indexed, cited, shown and rechecked comes from here.

Markdown and text are decoded. Other formats are converted by `qa.converters` in a process of their own, and the text is
kept for as long as the same bytes are read by the same converter.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Final

from qa import converters
from qa.config import FileLimits
from qa.encodings import UnknownEncodingError, decode
from qa.errors import ArticleError
from qa.messages import Message, of_system

PLAIN: Final = (".md", ".txt")
SUFFIXES: Final = (*PLAIN, *converters.CONVERTERS)
INSTALL: Final = 'pip install -e ".[files]"'

_LIBRARIES: Mapping[str, str] = {".docx": "mammoth", ".pdf": "pypdfium2"}
_IN_CHARACTERS = (".html", ".htm", ".xhtml", ".csv", ".tsv")  # their encoding is told before they are converted
_DECLARED = re.compile(rb"(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?([\w-]{1,40})")
_DECLARED_WITHIN = 2048  # bytes
_KEPT_CHARACTERS = 50_000_000  # of converted texts, in memory
_READ_BEYOND = 4096  # bytes that a file may have gained since its size was asked
_REFUSES_LINKS = hasattr(os, "O_NOFOLLOW")
# A pipe nobody writes to would be waited for, and a link put in a file's place followed; Windows wants `O_BINARY`.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))


@dataclass(frozen=True, slots=True)
class FileText:
    """What a file says.

    Attributes:
        text: the file decoded; of a converted one, what its converter made of it.
        content_hash: stands for the text: SHA-256 of the file's bytes, of a converted one with the converter's name.
        encoding: the bytes were read as, by its Python name; empty for a format that says it itself.
    """

    text: str
    content_hash: str
    encoding: str


class Folder:
    """The files of a folder, read by their paths in it; where the folders in it lead is looked up once."""

    def __init__(self, folder: Path, limits: FileLimits) -> None:
        self._root = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 - a third of the time of Paths
        self._limits = limits
        self._folders: dict[str, str] = {}

    def read(self, identity: str) -> bytes:
        """The bytes of a file inside the folder, through links that stay inside too.

        Raises:
            ArticleError: if it is no visible regular file inside the folder, too large, or cannot be read.
        """
        try:
            path = self._path(identity)
            if not path.startswith(self._root) or not is_visible(path[len(self._root) :]):
                raise ArticleError(Message("leads_out"))
            descriptor = os.open(path, _FLAGS)
            try:
                return self._contents(descriptor)
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:  # ValueError: a NUL in its name, or another drive of Windows
            raise ArticleError(of_system(error, "cannot_be_read")) from error

    def _path(self, identity: str) -> str:
        """Where the file is, without a link on the way."""
        folder, name = os.path.split(identity)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(os.path.join(self._root, folder))  # noqa: PTH118
        path = os.path.join(self._folders[folder], name)  # noqa: PTH118
        is_direct = _REFUSES_LINKS and not os.path.islink(path)  # noqa: PTH114
        return path if is_direct else os.path.realpath(path)

    def _contents(self, descriptor: int) -> bytes:
        status, limit = os.fstat(descriptor), self._limits.file_bytes
        if not stat.S_ISREG(status.st_mode):
            raise ArticleError(Message("no_file"))
        if status.st_size > limit:
            raise _over("large_file", "file_bytes", self._limits, status.st_size)
        parts: list[bytes] = []
        left = limit + 1  # one byte more tells a file that has grown meanwhile
        while left and (part := os.read(descriptor, min(left, status.st_size + _READ_BEYOND))):
            parts.append(part)
            left -= len(part)
        if not left:
            raise _over("grown_file", "file_bytes", self._limits)
        return b"".join(parts)


def is_visible(relative: str) -> bool:
    """Whether a path relative to a folder stays inside it and has no part that begins with a dot."""
    return not os.path.isabs(relative) and "/." not in f"/{relative}".replace(os.sep, "/")  # noqa: PTH117


def _over(kind: str, name: str, limits: FileLimits, size: int = 0) -> ArticleError:
    return ArticleError(Message(kind, {"name": name, "limit": getattr(limits, name), "size": size}))


def suffix_of(name: str) -> str:
    """The suffix of a file's name or a document's id, as it tells the format."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - over thousands of files, in a third of the time of Paths


def content_hash(raw: bytes) -> str:
    """SHA-256 of some bytes."""
    return hashlib.sha256(raw).hexdigest()


def hash_of(raw: bytes, suffix: str) -> str:
    """The content hash of a file's text, which for a converted one is not taken from the text.

    Raises:
        ArticleError: if its converter is not installed.
    """
    return content_hash(raw if suffix in PLAIN else _converter(suffix).encode() + b"\n" + raw)


@cache
def _converter(suffix: str) -> str:
    library = _LIBRARIES.get(suffix, "")
    try:
        return f"converters {converters.VERSION} {library} {version(library) if library else ''}"
    except PackageNotFoundError as error:
        missing = Message("no_library", {"suffix": suffix, "library": library, "install": INSTALL})
        raise ArticleError(missing) from error


@cache
def conversion() -> str:
    """A digest of what decides which text is made of a file, beside its bytes and the library in its content hash."""
    digest = hashlib.sha256(sys.version.encode())  # its HTML and XML parsers, its tables of characters
    for name in ("converters.py", "encodings.py", "files.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def read_text(
    raw: bytes,
    suffix: str,
    limits: FileLimits,
    kept: Mapping[str, str] = {},
) -> FileText:
    """The text of a file's bytes.

    Args:
        raw: the whole file.
        suffix: one of `SUFFIXES`.
        limits: what converting it may take.
        kept: texts that were converted before, by content hash.

    Raises:
        ArticleError: if no encoding fits, it is damaged, its converter is missing, or it is beyond a limit.
    """
    text, encoding = _decoded(raw, suffix) if suffix in PLAIN or suffix in _IN_CHARACTERS else ("", "")
    digest = hash_of(raw, suffix)
    if suffix not in PLAIN:
        source = text.encode("utf-8", "replace") if encoding else raw
        text = kept.get(digest) or _TEXTS.get(digest) or _converted(source, suffix, limits)
        if digest not in kept:
            _TEXTS.put(digest, text)
    if len(text) > limits.text_characters:
        raise _over("long_text", "text_characters", limits, len(text))
    return FileText(text, digest, encoding)


def _decoded(raw: bytes, suffix: str) -> tuple[str, str]:
    named = None if suffix in PLAIN else _DECLARED.search(raw[:_DECLARED_WITHIN].lower())
    try:
        return decode(raw, named.group(1).decode() if named else "")
    except UnknownEncodingError as error:
        raise ArticleError(Message("no_encoding", {"start": error.start})) from error


def _converted(raw: bytes, suffix: str, limits: FileLimits) -> str:
    numbers = {name: getattr(limits, name) for name in FileLimits.__dataclass_fields__}
    command = [sys.executable, "-P", converters.__file__, suffix, json.dumps(numbers)]
    try:
        ended = subprocess.run(
            command,
            input=raw,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.conversion_seconds,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired as error:
        raise _over("converts_slowly", "conversion_seconds", limits) from error
    except OSError as error:
        failed = Message("no_converter", {"reason": of_system(error, "cannot_be_read")})
        raise ArticleError(failed) from error
    if ended.returncode == converters.OUT_OF_MEMORY:
        raise _over("converts_large", "conversion_bytes", limits)
    if ended.returncode:
        raise ArticleError(Message("converter_failed", {"code": ended.returncode}))
    answer = json.loads(ended.stdout)
    if "refused" in answer:
        raise ArticleError(Message(*answer["refused"]))
    text: str = answer["text"]
    return text


class _Texts:
    """Converted texts by content hash; those not asked for the longest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    def get(self, digest: str) -> str:
        """The text, empty where it is not kept."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
            return self._kept.get(digest, "")

    def put(self, digest: str, text: str) -> None:
        """Keeps a text, and lets go of others where there are too many."""
        with self._lock:
            if digest not in self._kept:
                self._kept[digest] = text
                self._characters += len(text)
            while self._characters > _KEPT_CHARACTERS:
                self._characters -= len(self._kept.popitem(last=False)[1])


_TEXTS = _Texts()
