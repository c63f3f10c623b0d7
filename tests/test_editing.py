import os
import threading
from pathlib import Path

import pytest

from qa.config import FileLimits
from qa.corpus import article_names
from qa.editing import Opened, checked_name, create, create_text, file_hash, open_text, remove, replace_text
from qa.errors import EditError
from qa.files import SUFFIXES

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
