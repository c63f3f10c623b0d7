import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qa import corpus
from qa.corpus import Unreadable, article_files, article_names, corpus_digest, parse_document, read_corpus
from qa.datatypes import Document
from qa.errors import CorpusError


def written(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_front_matter_is_read_and_left_out_of_the_body(tmp_path: Path, mark: str, line_end: str) -> None:
    """Title, language and metadata come from front matter, and the text stays the file's own, byte for byte."""
    raw = (mark + line_end.join(["---", "title: 标题: no", "---", ""])).encode()
    raw = raw.replace("标题: no".encode(), '"标题: yes"'.encode() + f"{line_end}date: 2025-03-01".encode())
    raw += f"{line_end}Body 正文{line_end}".encode()
    (document,) = read_corpus(written(tmp_path, a_md=raw))
    assert isinstance(document, Document)
    assert document.text.encode() == raw
    assert document.text[document.body_start :].strip() == "Body 正文"
    assert (document.title, document.metadata["date"]) == ("标题: yes", "2025-03-01")
    assert document.content_hash == hashlib.sha256(raw).hexdigest()


def test_malformed_front_matter_costs_no_article() -> None:
    """An article whose front matter is no YAML is read without metadata, its title taken from its heading."""
    document = parse_document("a.md", "---\ntitle: [unclosed\n---\n# Heading\n\nBody\n", "")
    assert (document.title, dict(document.metadata)) == ("Heading", {})
    assert document.text[document.body_start :].startswith("# Heading")


def test_deeply_nested_front_matter_costs_no_article() -> None:
    """Front matter nested past what a parser can follow counts as malformed and stops no build."""
    document = parse_document("a.md", "---\ntitle: " + "[" * 2000 + "\n---\nBody\n", "")
    assert (document.title, dict(document.metadata)) == ("a", {})


def test_prose_between_two_rules_is_no_front_matter() -> None:
    """An article that opens with a horizontal rule keeps the prose before its next rule."""
    document = parse_document("a.md", "---\nThe first paragraph.\n\n---\nThe second.\n", "")
    assert "The first paragraph." in document.text[document.body_start :]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: Named\n---\n# Heading\n", "Named"),
        ("---\ntitle: ' '\n---\nx\n\n# Heading  \n", "Heading"),
        ("\ufeff# Heading\r\nBody", "Heading"),
        ("# Heading #\r\nBody", "Heading"),
        ("```\n# comment in code\n```\n\n# Heading\n", "Heading"),
        ("# C#\n", "C#"),
        ("## Only a second level\n#no-space\n", "report.final"),
    ],
)
def test_title_falls_back_to_the_first_heading_then_the_file_name(text: str, title: str) -> None:
    """An article is called by its front matter, else its first heading, else its file's name."""
    assert parse_document("folder/report.final.md", text, "").title == title


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("---\nlanguage: zh-Hant\n---\nEnglish words only here", "zh"),
        ("---\nlanguage: EN\n---\n全是中文的正文", "en"),
        ("---\nlanguage: klingon\n---\n全是中文的正文", "zh"),
        ("---\ntitle: 中文标题中文标题中文标题\n---\nPlain English body text", "en"),
    ],
)
def test_language_is_the_named_one_else_the_body_s(text: str, language: str) -> None:
    """Front matter names the language; without a known name the body decides, not the title."""
    assert parse_document("a.md", text, "").language == language


def test_file_that_is_not_utf8_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    """An article in two encodings is left out by name and reason, and the others are still read."""
    folder = written(tmp_path, a_md="# Good\n", b_txt="好的 then ".encode() + "标题".encode("gb18030"))
    good, bad = read_corpus(folder)
    assert isinstance(good, Document)
    assert isinstance(bad, Unreadable)
    assert good.id == "a.md"
    assert bad.path == "b.txt"
    assert str(bad.reason) == "not UTF-8 (byte 12), UTF-16, GB18030 or Big5; save it as UTF-8"


def test_hidden_files_other_files_and_links_out_are_skipped(tmp_path: Path) -> None:
    """Only visible files of known formats inside the folder are articles, in one order whatever the file system's."""
    outside = written(tmp_path / "outside", secret_md="secret") / "secret.md"
    folder = written(
        tmp_path / "corpus", z_md="z", b__y_TXT="y", a__x_md="x", note_png="p", _hidden_md="h", _git__w_md="w"
    )
    (folder / "link.md").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent, target_is_directory=True)
    (folder / "broken.md").symlink_to(folder / "nowhere.md")
    (folder / "folder.md").mkdir()
    assert [Path(name).as_posix() for name in article_names(folder)] == ["a/x.md", "b/y.TXT", "z.md"]
    assert corpus_digest(folder) == {
        "a/x.md": hashlib.sha256(b"x").hexdigest(),
        "b/y.TXT": hashlib.sha256(b"y").hexdigest(),
        "z.md": hashlib.sha256(b"z").hexdigest(),
    }


@pytest.mark.parametrize("exists", [True, False], ids=["empty", "missing"])
def test_folder_without_articles_is_an_error_that_names_it(tmp_path: Path, exists: bool) -> None:
    """An empty or missing folder of articles is one error that names the folder."""
    folder = tmp_path / "文章"
    if exists:
        written(folder, image_png="x")
    with pytest.raises(CorpusError, match="文章") as caught:
        list(read_corpus(folder))
    assert caught.value.folder == folder


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of an article, and a link to it, in which files count as settled at once."""
    monkeypatch.setattr(corpus, "_SETTLED_NANOSECONDS", 0)
    folder = written(tmp_path / "corpus", a_md="first", sub__b_md="second")
    (folder / "link.md").symlink_to("a.md")
    return folder


def replaced(path: Path) -> None:
    other = path.with_name(".other")
    other.write_bytes(b"other")
    shutil.copystat(path, other)
    other.replace(path)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def with_its_times(path: Path, edit: Callable[[Path], object]) -> None:
    """Edits a file and sets its time back."""
    status = path.stat()
    edit(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def retargeted(path: Path) -> None:
    link = path.with_name("link.md")
    link.unlink()
    link.symlink_to("sub/b.md")


EDITS: dict[str, Callable[[Path], object]] = {
    "renamed over": replaced,
    "appended to": lambda path: with_its_times(path, appended),
    "cut": lambda path: with_its_times(path, lambda path: os.truncate(path, 2)),
    "of other bytes": lambda path: with_its_times(path, lambda path: path.write_bytes(b"other")),
    "of other time": lambda path: os.utime(path, ns=(0, 1)),
    "written as it was": lambda path: path.write_bytes(path.read_bytes()),
}


@pytest.mark.skipif(os.name != "posix", reason="a file's last change can be set there")
@pytest.mark.parametrize("edit", [*EDITS, "retargeted"])
def test_the_state_of_a_file_follows_every_edit(settled: Path, edit: str) -> None:
    """An article's state changes with every edit of its file, that of a link to it as well, and no other's does."""
    before = {file.id: file.state for file in article_files(settled)}
    assert all(before.values())
    assert {file.id: file.state for file in article_files(settled)} == before
    time.sleep(0.02)  # so long that the file system's clock has moved on
    EDITS.get(edit, retargeted)(settled / "a.md")
    after = {file.id: file.state for file in article_files(settled)}
    changed = {"link.md"} if edit == "retargeted" else {"a.md", "link.md"}
    assert {each for each in after if after[each] != before[each]} == changed


@pytest.mark.skipif(os.name != "posix", reason="a file's last change can be set there")
def test_the_state_of_a_file_fits_a_database(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state's numbers are such as have a sign and 64 bits, whatever number the file system gives a file."""
    lstat = os.lstat

    def numbered(path: str) -> os.stat_result:
        found = lstat(path)
        return os.stat_result((found.st_mode, 2**64 - 3, *found[2:]), {"st_mtime_ns": 1, "st_ctime_ns": 2})

    monkeypatch.setattr(corpus.os, "lstat", numbered)
    (first, _) = [file.state for file in article_files(settled) if file.id != "link.md"]
    assert first == (2**63 - 3, 5, 1, 2)


def test_a_fresh_file_has_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file changed just now has no state, whatever time it is given, until some seconds have passed."""
    folder = written(tmp_path / "corpus", a_md="first", b_md="second")
    os.utime(folder / "a.md", ns=(0, 0))
    assert [file.state for file in article_files(folder)] == [None, None]
    assert [(file.name, file.size) for file in article_files(folder)] == [("a.md", 5), ("b.md", 6)]
    monkeypatch.setattr(corpus, "_SETTLED_NANOSECONDS", -corpus._SETTLED_NANOSECONDS)  # as that much later
    assert all(file.state for file in article_files(folder)) == (os.name == "posix")
