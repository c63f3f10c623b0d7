"""Which generation of the index is live: builds go beside it, are checked, and are switched to in one step.

`index/current.json` names the live generation's folder. It is replaced atomically once the new generation is whole, has
passed its checks and is on the disk, so a build that dies, or loses its power, changes nothing; the generation that was
live before is kept.
"""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from qa import index
from qa.changes import PassageChanges, passage_changes
from qa.config import EXACT_ROWS, IndexSettings, SearchSettings, Where
from qa.corpus import ArticleFile, Unreadable, article_files, corpus_digest
from qa.disk import insist, remove_folder, remove_unfinished, write_file_through, write_folder_through, write_whole
from qa.earlier import Earlier
from qa.errors import (
    CorpusError,
    IndexDamagedError,
    IndexMissingError,
    IndexUnreadableError,
    SearchIndexError,
    SettingsError,
    WenjuError,
)
from qa.lock import write_lock
from qa.makers import Outcome, Task, made
from qa.manifest import MANIFEST, Manifest, places, read_manifest
from qa.messages import Message, of_system
from qa.parts import PARTS, Part
from qa.plan import Progress, runs

POINTER = "current.json"
_READ_AT_EACH_BUILD = 400_000_000  # bytes of the generation before, up to which every one is looked at meanwhile
KEPT = 2  # generations that stay after a build: the new one and the one that was live before
_PREFIX = "generation-"
_NAME = re.compile(rf"{_PREFIX}(\d{{6,}})-[a-z0-9_]+")

State = Literal["live", "kept", "damaged", "unfinished", "unreadable"]
_STATES: dict[type[SearchIndexError], State] = {IndexMissingError: "unfinished", IndexUnreadableError: "unreadable"}


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build did. `seconds` is wall time until the generation was live, `size` the bytes of it.

    `changes` is since the generation before; where nothing of that could be taken over, all passages are added.
    `encodings` is what articles by their ids were read as, where that was not UTF-8.
    """

    generation: str
    documents: int
    passages: int
    unreadable: tuple[Unreadable, ...]
    seconds: float
    size: int
    changes: PassageChanges
    encodings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation in the index folder. `created` is ISO 8601; it and the counts are empty where they are not known."""

    name: str
    state: State
    created: str
    documents: int
    passages: int
    size: int


class Home(Protocol):
    """Where the generations of an index are: a folder, or a store."""

    def live(self) -> str:
        """The name of the live generation."""

    def load(self, expected: IndexSettings | None, search: SearchSettings) -> index.SearchIndex:
        """Opens the live generation, which must have been built with `expected` settings where these are given."""

    def listed(self) -> Sequence[Generation]:
        """Every generation, oldest first."""

    def switch(self, name: str) -> str:
        """Makes another generation the live one."""

    def rollback(self) -> str:
        """Makes the newest older generation the live one."""


@dataclass(frozen=True, slots=True)
class FolderHome:
    """The generations in a folder; each method raises what the function of its name does."""

    root: Path

    def live(self) -> str:
        return live_folder(self.root).name

    def load(self, expected: IndexSettings | None, search: SearchSettings) -> index.SearchIndex:
        if search.where != Where():
            raise SettingsError("Only an index in a store can be searched in part; build one with --store.")
        return load_live(self.root, expected, exact_rows=search.exact_rows)

    def listed(self) -> Sequence[Generation]:
        return listed(self.root)

    def switch(self, name: str) -> str:
        return switch(self.root, name)

    def rollback(self) -> str:
        return rollback(self.root)


def home_of(root: Path | Home) -> Home:
    """The generations in a folder, or those given."""
    return FolderHome(root) if isinstance(root, Path) else root


def live_folder(root: Path) -> Path:
    """The folder of the live generation.

    Raises:
        IndexMissingError: if nothing has been built there.
        IndexUnreadableError: if this user may not read the pointer.
        IndexDamagedError: if it says nothing that can be read.
    """
    pointer = root / POINTER
    try:
        name = json.loads(insist(lambda: pointer.read_text(encoding="utf-8")))["generation"]
    except FileNotFoundError as error:
        raise IndexMissingError(Message("no_index", {"folder": root}), root) from error
    except PermissionError as error:
        raise IndexUnreadableError(pointer, root) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexDamagedError(Message("file_damaged", {"path": pointer}), root) from error
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise IndexDamagedError(Message("pointer_empty", {"path": pointer}), root)
    return root / name


def load_live(root: Path, expected: IndexSettings | None = None, *, exact_rows: int = EXACT_ROWS) -> index.SearchIndex:
    """Opens the live generation; another where the pointer moves on, and the first is pruned, meanwhile.

    Raises:
        SearchIndexError: if it is missing, damaged or built with other settings than `expected`. An older one is not
            opened in its stead, since its articles may have been withdrawn; the message names it where it is whole.
        EmbedderError: if its embedding model cannot be loaded.
    """
    while True:
        folder = live_folder(root)
        try:
            return index.load(folder, expected, exact_rows=exact_rows)
        except (IndexMissingError, IndexDamagedError) as error:
            if live_folder(root) != folder:
                continue
            if not (older := _older(root, folder.name)):
                raise
            way = Message("or_roll_back", {"problem": error.said, "created": older[-1].created})
            raise IndexDamagedError(way, folder) from error
        except SearchIndexError:
            if live_folder(root) == folder:
                raise


def build(
    corpus: Path,
    root: Path,
    settings: IndexSettings,
    progress: Progress = lambda stage, done, total: None,
    *,
    strict: bool = False,
    wait_seconds: float = 0.0,
    waiting: Callable[[str], None] = lambda line: None,
) -> BuildSummary:
    """Builds a new generation from a corpus folder, checks it and makes it the live one.

    What the live generation holds of unchanged articles and passages is taken over; the answers are those of a build
    from nothing. While another process writes the folder it waits for at most `wait_seconds`, and says so to `waiting`
    in a line that names the process.

    Raises:
        CorpusError: if the folder is missing or no article in it has text; where it is `strict`, if any cannot be read.
        SearchIndexError: if the index folder cannot be written, or what was written fails its checks.
        IndexBusyError: if another process still writes the folder.
        EmbedderError: if the embedding model cannot be loaded.
    """
    started = time.monotonic()
    with _writing(root, wait_seconds, waiting):
        previous = _live_name(root)
        _remove([path for path in _generations(root) if not (path / MANIFEST).is_file()])  # of builds that were killed
        remove_unfinished(root)
        files = article_files(corpus)
        progress("articles", len(files), len(files))
        earlier = Earlier(settings, root / previous if previous else None)
        folder = _new_folder(root)
        try:
            manifest, found, changes = _built(folder, corpus, files, settings, earlier, progress, strict)
            _write_through(folder)
            _point_at(root, folder.name)
        except BaseException:  # whatever happened, also Ctrl-C: what is not live goes, the error goes on
            if _live_name(root) != folder.name:
                _remove([folder])
            raise
        seconds, size = time.monotonic() - started, _size(folder)
        _remove([path for path in _generations(root) if path.name not in (folder.name, previous)])
    return BuildSummary(
        generation=folder.name,
        documents=len(manifest.documents),
        passages=manifest.passages,
        unreadable=found,
        seconds=seconds,
        size=size,
        changes=changes,
        encodings={identity: encoding for part in manifest.parts for identity, encoding in part.encodings.items()},
    )


def _built(
    folder: Path,
    corpus: Path,
    files: Sequence[ArticleFile],
    settings: IndexSettings,
    earlier: Earlier,
    progress: Progress,
    strict: bool,
) -> tuple[Manifest, tuple[Unreadable, ...], PassageChanges]:
    """Writes a generation; what is in it, what is not, and what became of the passages of the one before."""
    (folder / PARTS).mkdir()
    with ThreadPoolExecutor(1) as aside:
        looked = aside.submit(earlier.rotten) if earlier.size <= _READ_AT_EACH_BUILD else None
        outcomes = _outcomes(folder, corpus, settings, earlier, files, progress, strict)
        if not looked and all(each.part is None or each.part.name in earlier.parts for each in outcomes):
            looked = aside.submit(earlier.rotten)  # nothing to do: a good time to look at every byte
    if looked and (rotten := looked.result()) - set(earlier.damaged):
        earlier = Earlier(settings, earlier.folder, damaged=rotten)
        outcomes = _outcomes(folder, corpus, settings, earlier, files, progress, strict)
    unreadable = tuple(article for each in outcomes for article in each.unreadable)
    documents = {identity: digest for each in outcomes for identity, digest in each.documents.items()}
    if not documents:
        told = Message("none_readable", {"folder": corpus, "first": unreadable[0].path, "reason": unreadable[0].reason})
        raise CorpusError(told, corpus)
    content = index.Content(
        parts=[each.part for each in outcomes if each.part],
        documents=documents,
        left_out={article.path: article.content_hash for article in unreadable},
        states={file.id: file.state for file in files if file.state},
    )
    if not any(part.passages for part in content.parts):
        raise CorpusError(Message("no_text", {"folder": corpus}), corpus)
    progress("check", 0, 1)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = index.finish(folder, content, settings, earlier, corpus=corpus, created=created)
    progress("check", 1, 1)
    return manifest, unreadable, _changes(folder, manifest, earlier)


def _outcomes(
    folder: Path,
    corpus: Path,
    settings: IndexSettings,
    earlier: Earlier,
    files: Sequence[ArticleFile],
    progress: Progress,
    strict: bool,
) -> list[Outcome]:
    """What became of each run of articles."""
    known = [earlier.known(file) for file in files]
    found = runs([(file.id, file.size) for file in files])
    bytes_to_read = sum(file.size for file, digest in zip(files, known, strict=True) if not digest)
    task = Task(corpus, folder, settings, earlier.folder, earlier.damaged)
    outcomes: dict[int, Outcome] = {}
    done = 0
    inputs = [[(files[number].name, known[number]) for number in run] for run in found]
    for number, outcome in made(task, earlier, inputs, bytes_to_read):
        if strict and outcome.unreadable:
            first = outcome.unreadable[0]
            told = Message("article_unreadable", {"path": corpus / first.path, "reason": first.reason})
            raise CorpusError(told, corpus)
        outcomes[number] = outcome
        done += len(found[number])
        progress("passages", done, len(files))
    return [outcomes[number] for number in range(len(found))]


def _changes(folder: Path, manifest: Manifest, earlier: Earlier) -> PassageChanges:
    """What became of the passages of the earlier generation, of which only the parts that did not stay are read."""
    stayed = earlier.parts.keys() & {part.name for part in manifest.parts}
    opened = {part.name: Part.open(folder / part.file) for part in manifest.parts if part.name not in stayed}
    new = {each: opened[part.name].contents(at) for each, (part, at) in places(manifest) if part.name in opened}
    old = earlier.contents(earlier.parts.keys() - stayed)
    changes = passage_changes(old, new)
    return replace(changes, kept=changes.kept + sum(earlier.parts[name].passages for name in stayed))


def listed(root: Path) -> list[Generation]:
    """Every generation in the folder, oldest first, each file of it checked.

    Raises:
        IndexMissingError: if there is none.
    """
    live = _live_name(root)
    described = (_described(folder, live) for folder in _generations(root)) if root.is_dir() else ()
    found = [each for each in described if (root / each.name).is_dir()]  # another process may remove some
    if not found:
        raise IndexMissingError(Message("no_index", {"folder": root}), root)
    return found


def switch(root: Path, name: str) -> str:
    """Makes a generation that is there the live one, once its files are checked; returns its whole name.

    `name` may be the number in it alone.

    Raises:
        SearchIndexError: if there is no such generation, it is damaged, or the folder cannot be written.
    """
    with _writing(root):
        folder = _named(root, name)
        index.check(folder)
        _point_at(root, folder.name)
    return folder.name


def rollback(root: Path) -> str:
    """Makes the newest whole generation older than the live one the live one; returns its name.

    Raises:
        SearchIndexError: if there is no older one, or the folder cannot be written.
    """
    with _writing(root):
        live = live_folder(root).name
        if not (older := _older(root, live)):
            raise IndexMissingError(Message("no_older", {"folder": root, "live": live}), root)
        _point_at(root, older[-1].name)
    return older[-1].name


def _older(root: Path, live: str) -> list[Generation]:
    """The whole generations older than the live one, oldest first."""
    return [each for each in listed(root) if number_of(each.name) < number_of(live) and each.state == "kept"]


def prune(root: Path, keep: int = KEPT) -> list[str]:
    """Removes all but the live generation and the newest whole others, `keep` in all; returns what is gone.

    Raises:
        SearchIndexError: if no generation is live, or the folder cannot be written.
    """
    with _writing(root):
        live = live_folder(root).name
        whole = [each.name for each in listed(root) if each.state == "kept"]
        kept = {live, *whole[len(whole) - min(max(keep - 1, 0), len(whole)) :]}
        gone = [path for path in _generations(root) if path.name not in kept]
        _remove(gone)
    return [path.name for path in gone if not path.exists()]


@contextlib.contextmanager
def _writing(
    root: Path, wait_seconds: float = 0.0, waiting: Callable[[str], None] = lambda line: None
) -> Iterator[None]:
    try:
        root.mkdir(parents=True, exist_ok=True)
        with write_lock(root, wait_seconds, waiting):
            yield
    except OSError as error:
        told = Message("index_unwritable", {"folder": root, "reason": of_system(error, "cannot_be_written")})
        raise SearchIndexError(told, root) from error


def _generations(root: Path) -> list[Path]:
    found = (path for path in root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())
    return sorted(found, key=lambda path: (number_of(path.name), path.name))


def number_of(name: str) -> int:
    """The number in the name of a generation; they are counted from 1."""
    matched = _NAME.fullmatch(name)
    return int(matched.group(1)) if matched else 0


def _live_name(root: Path) -> str | None:
    try:
        return live_folder(root).name
    except SearchIndexError:
        return None


def _named(root: Path, name: str) -> Path:
    found = [path for path in _generations(root) if name == path.name or name == str(number_of(path.name))]
    if len(found) != 1:
        raise IndexMissingError(Message("no_generation", {"folder": root, "name": name}), root)
    return found[0]


def _described(folder: Path, live: str | None) -> Generation:
    size = _size(folder)
    try:
        manifest = read_manifest(folder)
    except SearchIndexError as error:
        return Generation(folder.name, _STATES.get(type(error), "damaged"), "", 0, 0, size)
    state: State = "live" if folder.name == live else "kept"
    try:
        index.check(folder)
    except SearchIndexError as error:
        state = _STATES.get(type(error), "damaged")
    return Generation(folder.name, state, manifest.created, len(manifest.documents), manifest.passages, size)


def _size(folder: Path) -> int:
    size = 0
    with contextlib.suppress(FileNotFoundError, PermissionError):  # another process may remove it, or own it alone
        for path in folder.rglob("*"):
            size += path.stat().st_size if path.is_file() else 0
    return size


def _new_folder(root: Path) -> Path:
    last = max((number_of(path.name) for path in _generations(root)), default=0)
    folder = root / f"{_PREFIX}{last + 1:06d}-{secrets.token_hex(4)}"
    folder.mkdir()  # read by whom the umask lets read it
    return folder


def _point_at(root: Path, name: str) -> None:
    """Names the live generation, which is on the disk, by an atomic replace that is there too when this returns."""
    write_whole(root / POINTER, json.dumps({"generation": name}).encode() + b"\n")


def _write_through(folder: Path) -> None:
    """Waits until a generation's files, and their names, are on the disk; those of an earlier one are there already."""
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            write_folder_through(path)
        elif path.stat().st_nlink == 1:
            write_file_through(path)
    write_folder_through(folder.parent)


def _remove(folders: Sequence[Path]) -> None:
    """Removes generations, each one's manifest first, so that no half of one is taken for whole.

    Where a file is still open elsewhere, as it may be on Windows, the rest of the folder goes the next time.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            (folder / MANIFEST).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            remove_folder(folder)


def reason_to_build(corpus: Path, root: Path, settings: IndexSettings) -> str | None:
    """Why the live index does not stand for the corpus as it is now; None where it does.

    Raises:
        CorpusError: if the corpus folder is missing or empty.
    """
    digest = corpus_digest(corpus, settings)
    try:
        loaded = index.load(live_folder(root), settings)
    except IndexMissingError:
        return "there is no index yet"
    except WenjuError as error:
        return str(error)
    if Path(loaded.manifest.corpus) != corpus.resolve():
        return f"the index was built from {loaded.manifest.corpus}"
    known = {**loaded.manifest.documents, **loaded.manifest.left_out}
    changed = [identity for identity in digest if known.get(identity) != digest[identity]]
    removed = [identity for identity in known if identity not in digest]
    if changed or removed:
        return f"{len(changed)} article(s) added or changed and {len(removed)} removed since the last build"
    return None
