"""Articles written, renamed and removed in the corpus folder: nothing outside it, and nobody's work by accident.

A change is refused where the file is no longer the one that its author read, so that of two people who edit one
article the second is told; and so is undoing it. Files are written whole or not at all.
"""

import contextlib
import os
import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from qa.config import FileLimits
from qa.disk import move, write_whole
from qa.errors import ArticleError, EditError
from qa.files import PLAIN, SUFFIXES, Folder, content_hash, hash_of, is_visible, read_text, suffix_of
from qa.messages import of_system

NAME_BYTES: Final = 255  # of a file or folder, as UTF-8; no common file system takes more
PATH_BYTES: Final = 1_000  # of all of them

_FORBIDDEN = re.compile(r'[<>:"|?*\\]')  # by Windows
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])(\s*\..*)?", re.IGNORECASE)
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode categories of what nobody sees in a name
_writing = threading.Lock()  # between looking whether a file is the one that was read, and replacing it


@dataclass(frozen=True, slots=True)
class Opened:
    """An article to edit: its text, and the hash of its file, by which a newer change of it is noticed."""

    id: str
    text: str
    file_hash: str


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to an article, as it takes to undo it.

    Attributes:
        id: what it was called before.
        now: what it is called now; empty where it is removed.
        file_hash: of it as it is now; empty where it is removed.
        raw: its file before; None where that is only called otherwise.
        mode: the permissions of its file before.
    """

    id: str
    now: str
    file_hash: str
    raw: bytes | None = None
    mode: int = 0o644


def checked_name(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """The id of a new article by that name: a path inside the corpus folder that every common system can have.

    Args:
        name: with forward slashes between folders; taken in Unicode's composed form (NFC).
        suffixes: which of them it may end with.

    Raises:
        EditError: "name" or "suffix".
    """
    identity = unicodedata.normalize("NFC", name).strip()
    parts = identity.split("/")
    if len(identity.encode("utf-8", "replace")) > PATH_BYTES or not all(map(_is_portable, parts)):
        raise EditError("name", name)
    if suffix_of(identity) not in suffixes:
        raise EditError("suffix", name)
    return identity


def _is_portable(part: str) -> bool:
    """Whether every common system takes a part of a path, and as the part it is."""
    return (
        0 < len(part.encode("utf-8", "replace")) <= NAME_BYTES
        and not part.startswith((".", " "))
        and not part.endswith((".", " "))
        and not _FORBIDDEN.search(part)
        and not _DEVICE.fullmatch(part)
        and not any(unicodedata.category(character) in _UNSEEN for character in part)
    )


def open_text(folder: Path, identity: str, limits: FileLimits) -> Opened:
    """An article as it is to be edited.

    Raises:
        EditError: "suffix" if it is no Markdown or text, "gone" if there is no such article.
        ArticleError: if its text cannot be read.
    """
    suffix = suffix_of(identity)
    if suffix not in PLAIN:
        raise EditError("suffix", identity)
    raw = _present(folder, identity, limits)
    return Opened(identity, read_text(raw, suffix, limits).text, hash_of(raw, suffix))


def create(folder: Path, name: str, raw: bytes, limits: FileLimits, *, replace: bool = False) -> str:
    """Writes a new article; returns its id.

    Args:
        folder: of the corpus.
        name: inside it; folders that are not there are made.
        raw: the whole file.
        limits: `file_bytes` is the most it may have.
        replace: whether it may take the place of an article of this very name.

    Raises:
        EditError: "name", "suffix", "large", "exists", "outside" or "failed".
    """
    identity = checked_name(name)
    _require_size(identity, raw, limits)
    with _writing:
        identity = _housed(folder, identity)
        path = _path(folder, identity)
        _require_free(folder, identity, identity if replace else "")
        with _told(identity):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, raw, new=not replace)
    return identity


def create_text(folder: Path, name: str, text: str, limits: FileLimits) -> str:
    """Writes a new article of Markdown or plain text, as UTF-8; returns its id; takes and raises what `create` does."""
    return create(folder, checked_name(name, PLAIN), _encoded(text), limits)


def replace_text(folder: Path, opened: Opened, text: str, limits: FileLimits) -> Change:
    """Gives an article another text, as UTF-8 and with the line ends it had; returns what undoes that.

    Args:
        folder: of the corpus.
        opened: the article as its author read it; of it only the id and the hash count.
        text: its new text.
        limits: `file_bytes` is the most it may have.

    Raises:
        EditError: "changed" or "gone" if the file is another by now; "suffix", "large", "outside" or "failed".
    """
    suffix = suffix_of(opened.id)
    if suffix not in PLAIN:
        raise EditError("suffix", opened.id)
    with _writing:
        path, before = _as_read(folder, opened.id, opened.file_hash, limits)
        raw = _encoded(text, crlf=b"\r\n" in before)
        _require_size(opened.id, raw, limits)
        with _told(opened.id):
            write_whole(path, raw)
    return Change(opened.id, opened.id, _hash(raw, opened.id), before)


def rename(folder: Path, identity: str, file_hash: str, name: str, limits: FileLimits) -> Change:
    """Gives an article another name, in another folder too, if it is still the one that was read.

    Args:
        folder: of the corpus.
        identity: of the article.
        file_hash: of it as it was read.
        name: inside the folder; folders that are not there are made.
        limits: of reading it.

    Returns:
        What undoes it, with the name as it is now.

    Raises:
        EditError: "name", "suffix" or "format" of a name it cannot have, "exists" of that of another article;
            "changed" or "gone" if it is another by now; "outside" or "failed".
    """
    new, suffix = checked_name(name), suffix_of(identity)
    if suffix_of(new) not in (PLAIN if suffix in PLAIN else (suffix,)):
        raise EditError("format", name, suffix)
    with _writing:
        path, _ = _as_read(folder, identity, file_hash, limits)
        new = _housed(folder, new)
        target = _path(folder, new)
        _require_free(folder, new, "" if new == identity else identity)
        with _told(new):
            target.parent.mkdir(parents=True, exist_ok=True)
            move(path, target)
    return Change(identity, new, file_hash)


def remove(folder: Path, identity: str, file_hash: str, limits: FileLimits) -> Change:
    """Removes an article, if it is still the one that was read; returns what undoes that.

    Raises:
        EditError: "changed" or "gone" if it is another by now; "suffix", "outside" or "failed".
    """
    with _writing:
        path, raw = _as_read(folder, identity, file_hash, limits)
        with _told(identity):
            mode = path.stat().st_mode & 0o777
            path.unlink()
    return Change(identity, "", "", raw, mode)


def undo(folder: Path, change: Change, limits: FileLimits) -> None:
    """Makes an article what it was before a change, if nobody has changed it since, or taken its name.

    Raises:
        EditError: "changed", "gone" or "exists" if somebody has; "outside" or "failed".
    """
    with _writing:
        target = path = _path(folder, change.id)
        if change.now:
            path, _ = _as_read(folder, change.now, change.file_hash, limits)
        _require_free(folder, change.id, change.now)
        with _told(change.id):
            target.parent.mkdir(parents=True, exist_ok=True)
            if change.raw is None:
                move(path, target)
            else:
                write_whole(target, change.raw, new=not change.now)
            if not change.now:
                target.chmod(change.mode)


def file_hash(folder: Path, identity: str, limits: FileLimits) -> str:
    """What tells whether an article's file is still the same: SHA-256 of its bytes, or of a converted format's source.

    Raises:
        EditError: "gone" if there is no such article.
    """
    return _hash(_present(folder, identity, limits), identity)


def _as_read(folder: Path, identity: str, expected: str, limits: FileLimits) -> tuple[Path, bytes]:
    raw = _present(folder, identity, limits)
    if _hash(raw, identity) != expected:
        raise EditError("changed", identity)
    return _path(folder, identity), raw


def _hash(raw: bytes, identity: str) -> str:
    """As the index has it; where no converter is installed, which reads nothing, of the bytes."""
    try:
        return hash_of(raw, suffix_of(identity))
    except ArticleError:
        return content_hash(raw)


def _present(folder: Path, identity: str, limits: FileLimits) -> bytes:
    if suffix_of(identity) not in SUFFIXES:
        raise EditError("suffix", identity)
    try:
        return Folder(folder, limits).read(identity)
    except ArticleError as error:
        raise EditError("gone", identity) from error


def _path(folder: Path, identity: str) -> Path:
    """Where an article is written: inside the folder, and by no link, which would change another file than is named."""
    root = os.path.realpath(folder)
    path = os.path.join(root, *identity.split("/"))  # noqa: PTH118 - `Path` would drop what tells one from the other
    if os.path.realpath(path) != path or not is_visible(identity):
        raise EditError("outside", identity)
    return Path(path)


def _like(folder: Path, identity: str) -> str:
    """The article in the same folder that some systems take for the one of that name; empty where there is none."""
    parent = PurePosixPath(identity).parent
    key = _key(PurePosixPath(identity).name)
    try:
        names = sorted(os.listdir(folder / parent))  # noqa: PTH208 - names are all that is needed
    except (FileNotFoundError, NotADirectoryError):
        return ""
    found = [name for name in names if _key(name) == key]
    exact = PurePosixPath(identity).name
    return (parent / (exact if exact in found else found[0])).as_posix() if found else ""


def _require_free(folder: Path, identity: str, own: str) -> None:
    """Refuses a name that is taken, but by the article that is called `own`."""
    if (like := _like(folder, identity)) and like != own:
        raise EditError("exists", like)


def _housed(folder: Path, identity: str) -> str:
    """The id with its folders called as those that are there already, which some systems take for the same."""
    *parents, name = PurePosixPath(identity).parts
    place = PurePosixPath()
    for parent in parents:
        place = PurePosixPath(_like(folder, (place / parent).as_posix()) or place / parent)
    return (place / name).as_posix()


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _encoded(text: str, *, crlf: bool = False) -> bytes:
    """UTF-8, half a character as a question mark; a form sends line ends as it likes."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return (lines.replace("\n", "\r\n") if crlf else lines).encode("utf-8", "replace")


def _require_size(identity: str, raw: bytes, limits: FileLimits) -> None:
    if len(raw) > limits.file_bytes:
        raise EditError("large", identity)


@contextlib.contextmanager
def _told(identity: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise EditError("exists", identity) from error
    except OSError as error:
        raise EditError("failed", identity, of_system(error, "cannot_be_written")) from error
