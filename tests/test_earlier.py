import os
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SMALL_ARTICLES, write_articles

from qa import corpus, generations, index, plan
from qa.config import IndexSettings
from qa.corpus import article_files, parse_document
from qa.earlier import Earlier
from qa.errors import IndexDamagedError
from qa.files import Folder
from qa.manifest import STATES, read_manifest
from qa.parts import passage_of

SETTINGS = IndexSettings()
NOW = corpus._SETTLED_NANOSECONDS
needs_changes = pytest.mark.skipif(os.name != "posix", reason="files have no time of their last change there")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The articles that were opened."""
    names: list[str] = []
    read = Folder.read

    def counted(self: Folder, name: str) -> bytes:
        names.append(name)
        return read(self, name)

    monkeypatch.setattr(Folder, "read", counted)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just written counts as untouched for long."""
    monkeypatch.setattr(corpus, "_SETTLED_NANOSECONDS", -NOW)


@pytest.fixture
def folder(small_index: Path) -> Path:
    return generations.live_folder(small_index)


def flip(path: Path) -> None:
    """Changes a byte of a file that keeps its size and time."""
    status = path.stat()
    with path.open("r+b") as file:  # never cut short: it is mapped into memory
        file.seek(status.st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@needs_changes
def test_files_touched_just_now_are_read_again(
    small_corpus: Path, small_index: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files changed less than three seconds before they were last read are read again, until they are old enough."""
    generations.build(small_corpus, small_index, SETTINGS)
    assert set(read) == SMALL_ARTICLES.keys()
    monkeypatch.setattr(corpus, "_SETTLED_NANOSECONDS", -NOW)
    read.clear()
    generations.build(small_corpus, small_index, SETTINGS)
    assert set(read) == SMALL_ARTICLES.keys()
    read.clear()
    generations.build(small_corpus, small_index, SETTINGS)
    assert read == []


@needs_changes
@pytest.mark.usefixtures("settled")
def test_untouched_files_are_not_opened(small_corpus: Path, small_index: Path, read: list[str]) -> None:
    """A build opens the files that were touched, renamed or are new, and no other."""
    generations.build(small_corpus, small_index, SETTINGS)
    read.clear()
    assert generations.build(small_corpus, small_index, SETTINGS).changes.changed == 0
    assert read == []
    turtles = small_corpus / "turtles.en.md"
    status = turtles.stat()
    turtles.write_bytes(turtles.read_bytes().replace(b"1,200", b"9,999"))
    os.utime(turtles, ns=(status.st_atime_ns, status.st_mtime_ns))
    (small_corpus / "clocks.txt").rename(small_corpus / "图书馆" / "clocks.txt")
    write_articles(small_corpus, {"new.md": "# New\n\nA new article.\n"})
    summary = generations.build(small_corpus, small_index, SETTINGS)
    assert set(read) == {"turtles.en.md", "图书馆/clocks.txt", "new.md"}
    assert len(read) == 3
    assert (summary.changes.changed, summary.changes.added, summary.changes.removed) == (1, 1, 0)
    passages = index.load(generations.live_folder(small_index)).passages
    assert sum("9,999" in passage.text for passage in passages) == 1


@needs_changes
@pytest.mark.usefixtures("settled")
def test_without_their_states_files_are_read(small_corpus: Path, small_index: Path, read: list[str]) -> None:
    """Where it is not known how files were, or what was made of them, they are read, and what is whole is kept."""
    generations.build(small_corpus, small_index, SETTINGS)
    read.clear()
    (generations.live_folder(small_index) / STATES).unlink()
    assert generations.build(small_corpus, small_index, SETTINGS).changes.kept
    assert set(read) == SMALL_ARTICLES.keys()
    read.clear()
    generations.build(small_corpus, small_index, replace(SETTINGS, passage_bytes=200))
    assert set(read) == SMALL_ARTICLES.keys()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("end", [".rows", ".store", ".term", ".idx", "shards.json", "states.npy", "meta.json"])
@pytest.mark.parametrize("edited", [True, False], ids=["a small index, edited", "a large index, unchanged"])
def test_a_flipped_byte_is_mended(
    small_corpus: Path, small_index: Path, end: str, edited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte that rotted, in any file, is mended by the next build; of a large index, by one that has nothing to do."""
    if not edited:
        monkeypatch.setattr(generations, "_READ_AT_EACH_BUILD", 0)
    monkeypatch.setattr(plan, "_PART_BYTES", 100)
    monkeypatch.setattr(plan, "_ENDS", 1)
    generations.build(small_corpus, small_index, SETTINGS)
    live = generations.live_folder(small_index)
    before = list(index.load(live).passages)
    flip(min(path for path in live.rglob("*") if path.name.endswith(end)))
    with pytest.raises(IndexDamagedError):
        index.check(live)
    if edited:
        write_articles(small_corpus, {"龙.md": "Dragons have wings.\n"})  # after all others
    generations.build(small_corpus, small_index, SETTINGS)
    passages = list(index.load(generations.live_folder(small_index)).passages)
    assert (passages[:-1] if edited else passages) == before


@pytest.mark.parametrize("end", [".rows", ".store", ".term", ".idx", "shards.json", "states.npy", "manifest.json"])
@pytest.mark.parametrize("edited", [True, False], ids=["edited", "unchanged"])
def test_a_file_that_is_gone_is_mended_by_any_build(
    small_corpus: Path, small_index: Path, end: str, edited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file of the generation before is gone, a build makes a whole index."""
    monkeypatch.setattr(plan, "_PART_BYTES", 100)
    monkeypatch.setattr(plan, "_ENDS", 1)
    generations.build(small_corpus, small_index, SETTINGS)
    live = generations.live_folder(small_index)
    min(path for path in live.rglob("*") if path.name.endswith(end)).unlink()
    if edited:
        (small_corpus / "clocks.txt").write_text("No clock is old.\n", encoding="utf-8")
    generations.build(small_corpus, small_index, SETTINGS)
    generations.build(small_corpus, small_index.with_name("fresh"), SETTINGS)
    found, fresh = (index.load(generations.live_folder(each)) for each in (small_index, small_index.with_name("fresh")))
    assert list(found.passages) == list(fresh.passages)
    assert found.manifest.parts == fresh.manifest.parts


def test_nothing_is_taken_over_from_nothing(tmp_path: Path) -> None:
    """Without a generation, or where the folder holds none, there is nothing to take over."""
    for folder in (None, tmp_path, tmp_path / "missing"):
        earlier = Earlier(SETTINGS, folder)
        assert (earlier.damaged, earlier.parts, earlier.documents, earlier.converted) == ((), {}, {}, {})


def test_articles_are_found_where_they_stand(small_corpus: Path, folder: Path) -> None:
    """Every article of the earlier generation has its part and its rows, found by its id and by its content."""
    earlier, manifest = Earlier(SETTINGS, folder), read_manifest(folder)
    assert earlier.documents == manifest.documents
    assert earlier.damaged == set()
    assert set(earlier.parts) == {part.name for part in manifest.parts}
    contents = earlier.contents(earlier.parts)
    for identity, digest in manifest.documents.items():
        record, part, number = earlier.place(identity)
        assert record in manifest.parts
        rows = range(part.bounds[number], part.bounds[number + 1])
        assert {passage_of(part.passages[row], row).document_id for row in rows} == {identity}
        assert contents[identity] == part.contents(number)
        text = (small_corpus / identity).read_bytes().decode()
        for document in (parse_document(identity, text, "edited"), parse_document("renamed.md", text, digest)):
            assert earlier.rows_like(document) == {each: (part, row) for each, row in zip(contents[identity], rows)}  # noqa: B905
    assert earlier.rows_like(parse_document("other.md", "", "other")) == {}
    assert [earlier.known(file) for file in article_files(small_corpus)] == [None] * len(SMALL_ARTICLES)
