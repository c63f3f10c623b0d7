import os
import threading
import unicodedata
from pathlib import Path

import pytest

from qa.chat import Chat
from qa.config import FileLimits
from qa.corpus import article_names
from qa.editing import (
    Change,
    Opened,
    checked_name,
    create,
    create_text,
    file_hash,
    open_text,
    remove,
    rename,
    replace_text,
    undo,
)
from qa.errors import EditError
from qa.files import SUFFIXES
from qa.receipts import Articles, verify

LIMITS = FileLimits()


def files(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(problem: str) -> "pytest.RaisesExc[EditError]":
    return pytest.raises(EditError, check=lambda error: error.problem == problem)


@pytest.mark.parametrize(
    "name", ["a.md", "图书馆/读者.zh.md", "a b/c-d_e (1).txt", "é.md", "书" * 84 + ".md", "CONTENTS.md"]
)
def test_a_name_every_system_takes_is_taken(name: str, tmp_path: Path) -> None:
    """An article is written under the name given, folders and all, and a build would read it."""
    assert create(tmp_path, name, b"text", LIMITS) == name
    assert list(article_names(tmp_path)) == [name]
    assert (tmp_path / name).read_bytes() == b"text"


@pytest.mark.parametrize(
    "name",
    ["", ".md", "/a.md", "../a.md", "a/../../b.md", "a/./b.md", "a//b.md", ".a/b.md", "a/.b.md", "a\\b.md", "c:a.md",
     "C:\\a.md", "a\n.md", "a\x00.md", "a\u202egpj.md", "a\ud800.md", "con.md", "NUL.txt", "com1.en.md", "LPT\u00b9.md",
     "aux/a.md", "a./b.md", "a /b.md", "a?.md", "a*.md", "<a>.md", '"a".md', "a|b.md", "书" * 85 + ".md",
     "/".join(["folder"] * 200) + "/a.md"],
)  # fmt: skip
def test_a_name_some_system_refuses_is_refused(name: str, tmp_path: Path) -> None:
    """Names that lead out, are hidden, cannot be seen, or mean something else on some system write nothing."""
    with pytest.raises(EditError):
        create(tmp_path / "corpus", name, b"text", LIMITS)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("name", ["a", "a.exe", "a.md.exe", "a.py", "md"])
def test_only_articles_are_written(name: str, tmp_path: Path) -> None:
    """A file that no build would read is not written."""
    with refused("suffix"):
        create(tmp_path, name, b"text", LIMITS)
    assert files(tmp_path) == {}
    assert checked_name(f"a{SUFFIXES[-1]}".upper()) == f"a{SUFFIXES[-1]}".upper()


def test_text_is_written_to_text_files_only(tmp_path: Path) -> None:
    """What is typed becomes Markdown or text, never a file that only looks like a PDF."""
    with refused("suffix"):
        create_text(tmp_path, "a.pdf", "text", LIMITS)
    with refused("suffix"):
        replace_text(tmp_path, Opened("a.pdf", "", ""), "text", LIMITS)
    assert files(tmp_path) == {}


def test_names_are_composed(tmp_path: Path) -> None:
    """A name that a Mac decomposes and one that is composed are one name."""
    assert create(tmp_path, "cafe\u0301.md", b"one", LIMITS) == "caf\u00e9.md"
    with refused("exists"):
        create(tmp_path, "caf\u00e9.md", b"two", LIMITS)


@pytest.mark.parametrize("name", ["tea.zh.md", "TEA.zh.md", "图书馆/读者.ZH.md"])
def test_nothing_is_overwritten_unsaid(name: str, small_corpus: Path) -> None:
    """An article of the name, or of one that Windows takes for the same, stays as it is."""
    before = files(small_corpus)
    with refused("exists"):
        create(small_corpus, name, b"text", LIMITS)
    assert files(small_corpus) == before


def test_an_article_is_replaced_where_it_is_said(small_corpus: Path) -> None:
    """Where it is said, the article of this very name is replaced, no other is, and nothing is left beside it."""
    before = files(small_corpus)
    create(small_corpus, "tea.zh.md", b"text", LIMITS, replace=True)
    assert files(small_corpus) == {**before, "tea.zh.md": b"text"}
    with refused("exists"):
        create(small_corpus, "TEA.zh.md", b"text", LIMITS, replace=True)


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
def test_no_link_is_followed(small_corpus: Path, tmp_path: Path) -> None:
    """Neither a folder that links elsewhere nor an article that is a link is written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_bytes(b"outside")
    (small_corpus / "folder").symlink_to(outside, target_is_directory=True)
    (small_corpus / "link.md").symlink_to(outside / "a.md")
    (small_corpus / "inside.md").symlink_to(small_corpus / "tea.zh.md")
    before = files(tmp_path)
    for name in ("folder/a.md", "folder/b.md", "link.md", "inside.md"):
        with pytest.raises(EditError):
            create(small_corpus, name, b"text", LIMITS, replace=True)
    opened = open_text(small_corpus, "inside.md", LIMITS)
    with refused("outside"):
        replace_text(small_corpus, opened, "text", LIMITS)
    with refused("outside"):
        remove(small_corpus, "inside.md", opened.file_hash, LIMITS)
    assert files(tmp_path) == before


def test_a_file_may_not_be_too_large(small_corpus: Path) -> None:
    """A file above the limit is neither written nor takes the place of another."""
    before = files(small_corpus)
    opened = open_text(small_corpus, "clocks.txt", LIMITS)
    limits = FileLimits(file_bytes=len(before["clocks.txt"]))
    with refused("large"):
        create(small_corpus, "a.md", b"x" * (limits.file_bytes + 1), limits)
    with refused("large"):
        replace_text(small_corpus, opened, "x" * (limits.file_bytes + 1), limits)
    assert files(small_corpus) == before


def test_an_edit_keeps_what_it_does_not_touch(small_corpus: Path) -> None:
    """The line ends, the byte order mark and the permissions of an article stay, though a form sends others."""
    path = small_corpus / "图书馆" / "读者.zh.md"
    path.chmod(0o600)
    mode, before = path.stat().st_mode, path.read_bytes()
    opened = open_text(small_corpus, "图书馆/读者.zh.md", LIMITS)
    replace_text(small_corpus, opened, opened.text.replace("\r\n", "\n").replace("周一", "周二"), LIMITS)
    assert path.read_bytes() == before.replace("周一".encode(), "周二".encode())
    assert path.stat().st_mode == mode


def test_an_edit_of_what_has_changed_is_refused(small_corpus: Path) -> None:
    """Of two who edit an article the second is told, and neither the edit nor a removal undoes the first."""
    opened = open_text(small_corpus, "clocks.txt", LIMITS)
    replace_text(small_corpus, opened, "First.", LIMITS)
    with refused("changed"):
        replace_text(small_corpus, opened, "Second.", LIMITS)
    with refused("changed"):
        remove(small_corpus, "clocks.txt", opened.file_hash, LIMITS)
    assert open_text(small_corpus, "clocks.txt", LIMITS).text == "First."


def test_of_many_edits_at_once_one_is_made(small_corpus: Path) -> None:
    """Edits of one reading that come together: one is made, the others are refused."""
    opened = open_text(small_corpus, "clocks.txt", LIMITS)
    made: list[str] = []

    def edit(text: str) -> None:
        try:
            replace_text(small_corpus, opened, text, LIMITS)
            made.append(text)
        except EditError as error:
            assert error.problem == "changed"

    threads = [threading.Thread(target=edit, args=(f"Edit {number}.",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [open_text(small_corpus, "clocks.txt", LIMITS).text]


def test_an_article_is_removed_once(small_corpus: Path) -> None:
    """What was read can be removed; what is not there, or is no article, cannot."""
    before = files(small_corpus)
    (small_corpus / "notes.py").write_bytes(b"")
    remove(small_corpus, "clocks.txt", file_hash(small_corpus, "clocks.txt", LIMITS), LIMITS)
    assert files(small_corpus) == {**{name: before[name] for name in before if name != "clocks.txt"}, "notes.py": b""}
    with refused("gone"):
        open_text(small_corpus, "clocks.txt", LIMITS)
    for name, problem in (("clocks.txt", "gone"), ("../a.md", "gone"), ("notes.py", "suffix")):
        with refused(problem):
            remove(small_corpus, name, "", LIMITS)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the folder could be written all the same")
def test_what_the_system_refuses_is_told(small_corpus: Path) -> None:
    """Where the folder cannot be written, that is said, and the article stays."""
    opened = open_text(small_corpus, "clocks.txt", LIMITS)
    small_corpus.chmod(0o500)
    try:
        with refused("failed"):
            replace_text(small_corpus, opened, "text", LIMITS)
    finally:
        small_corpus.chmod(0o700)
    assert open_text(small_corpus, "clocks.txt", LIMITS) == opened


RENAMED = ["lift.txt", "clocks.md", "new/folder/clocks.txt", "图书馆/钟.txt", "Clocks.TXT", "cafe\u0301.txt"]


@pytest.mark.parametrize("name", RENAMED)
def test_an_article_is_renamed_and_back(name: str, small_corpus: Path) -> None:
    """An article gets another name, in another folder too, its file as it was; undoing that gives it the old one."""
    before = files(small_corpus)
    change = rename(small_corpus, "clocks.txt", file_hash(small_corpus, "clocks.txt", LIMITS), name, LIMITS)
    assert change.now == unicodedata.normalize("NFC", name)
    rest = {path: raw for path, raw in before.items() if path != "clocks.txt"}
    assert files(small_corpus) == {**rest, change.now: before["clocks.txt"]}
    undo(small_corpus, change, LIMITS)
    assert files(small_corpus) == before


@pytest.mark.parametrize(
    ("name", "problem"),
    [("../clocks.txt", "name"), (".clocks.txt", "name"), ("con.txt", "name"), ("a\\b.txt", "name"), ("a.exe", "suffix"),
     ("clocks.pdf", "format"), ("tea.zh.md", "exists"), ("TEA.zh.md", "exists"), ("图书馆/读者.ZH.md", "exists"),
     ("clocks.txt", "exists")],
)  # fmt: skip
def test_a_name_that_no_article_can_get_is_refused(name: str, problem: str, small_corpus: Path) -> None:
    """Names that lead out, some system refuses, tell another format or another article has change nothing."""
    before = files(small_corpus)
    with refused(problem):
        rename(small_corpus, "clocks.txt", file_hash(small_corpus, "clocks.txt", LIMITS), name, LIMITS)
    assert files(small_corpus) == before


def test_only_what_was_read_is_renamed(small_corpus: Path) -> None:
    """An article that somebody has changed since, or that is not there, keeps its name."""
    read_as = file_hash(small_corpus, "clocks.txt", LIMITS)
    (small_corpus / "clocks.txt").write_text("Another.", encoding="utf-8")
    before = files(small_corpus)
    for name, problem in (("clocks.txt", "changed"), ("nothing.txt", "gone"), ("../a.md", "gone")):
        with refused(problem):
            rename(small_corpus, name, read_as, "lift.txt", LIMITS)
    assert files(small_corpus) == before


def test_a_format_keeps_its_suffix(small_corpus: Path) -> None:
    """An article that is converted keeps the suffix that tells how, and its hash under the new name."""
    (small_corpus / "a.csv").write_bytes(b"name,value\none,two\n")
    read_as = file_hash(small_corpus, "a.csv", LIMITS)
    with refused("format"):
        rename(small_corpus, "a.csv", read_as, "a.md", LIMITS)
    assert file_hash(small_corpus, rename(small_corpus, "a.csv", read_as, "b.csv", LIMITS).now, LIMITS) == read_as


def test_a_folder_has_one_spelling(small_corpus: Path) -> None:
    """What is written to a folder that is there in other letters, one folder to some systems, goes to that one."""
    create(small_corpus, "Folder/Inner/a.md", b"a", LIMITS)
    assert create(small_corpus, "folder/INNER/b.md", b"b", LIMITS) == "Folder/Inner/b.md"
    read_as = file_hash(small_corpus, "clocks.txt", LIMITS)
    assert rename(small_corpus, "clocks.txt", read_as, "FOLDER/clocks.txt", LIMITS).now == "Folder/clocks.txt"


def test_an_edit_and_a_removal_are_undone(small_corpus: Path) -> None:
    """An article is byte for byte what it was, with its permissions, and its folder where that has gone meanwhile."""
    path = small_corpus / "图书馆" / "读者.zh.md"
    path.chmod(0o600)
    mode, before = path.stat().st_mode, files(small_corpus)
    opened = open_text(small_corpus, "图书馆/读者.zh.md", LIMITS)
    undo(small_corpus, replace_text(small_corpus, opened, "另一篇。", LIMITS), LIMITS)
    assert (files(small_corpus), path.stat().st_mode) == (before, mode)
    change = remove(small_corpus, opened.id, opened.file_hash, LIMITS)
    path.parent.rmdir()
    undo(small_corpus, change, LIMITS)
    assert (files(small_corpus), path.stat().st_mode) == (before, mode)


def test_what_somebody_has_changed_since_is_not_undone(small_corpus: Path) -> None:
    """Where the article was edited, renamed, removed or written anew since, undoing is refused and changes nothing."""

    def edited() -> Change:
        return replace_text(small_corpus, open_text(small_corpus, "clocks.txt", LIMITS), "Mine.", LIMITS)

    def removed(name: str) -> Change:
        return remove(small_corpus, name, file_hash(small_corpus, name, LIMITS), LIMITS)

    def renamed(name: str, to: str) -> Change:
        return rename(small_corpus, name, file_hash(small_corpus, name, LIMITS), to, LIMITS)

    def not_undone(change: Change, problem: str) -> None:
        before = files(small_corpus)
        with refused(problem):
            undo(small_corpus, change, LIMITS)
        assert files(small_corpus) == before

    mine = edited()
    replace_text(small_corpus, open_text(small_corpus, "clocks.txt", LIMITS), "Theirs.", LIMITS)
    not_undone(mine, "changed")
    moved = renamed("clocks.txt", "lift.txt")
    not_undone(mine, "gone")
    create_text(small_corpus, "CLOCKS.txt", "Theirs.", LIMITS)
    not_undone(moved, "exists")
    gone = removed("CLOCKS.txt")
    create_text(small_corpus, "clocks.txt", "Theirs.", LIMITS)
    not_undone(gone, "exists")
    removed("lift.txt")
    not_undone(moved, "gone")


def test_what_was_cited_of_a_renamed_article_is_found_as_moved(small_corpus: Path, small_index: Path) -> None:
    """A receipt of an answer tells where its citation stands once the article is called otherwise."""
    chat = Chat.open(small_index)
    receipt = chat.receipt(chat.ask("How deep can a leatherback turtle dive?"))
    read_as = file_hash(small_corpus, "turtles.en.md", LIMITS)
    rename(small_corpus, "turtles.en.md", read_as, "sea/turtles.en.md", LIMITS)
    found = {
        (verdict.state, verdict.place and verdict.place.document_id)
        for span, verdict in zip(receipt.spans, verify(receipt, Articles(small_corpus)), strict=True)
        if span.document_id == "turtles.en.md"
    }
    assert found == {("moved", "sea/turtles.en.md")}
