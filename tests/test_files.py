import io
import os
import posixpath
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from documents import docx, epub, pdf, zipped

from qa import converters, files, generations
from qa.chat import Chat
from qa.cli import main
from qa.config import FileLimits, IndexSettings
from qa.corpus import Unreadable, article_names, parse_document, read_corpus
from qa.errors import ArticleError
from qa.files import Folder, read_text
from qa.passages import sections
from qa.text import headings, sentences

LIMITS = FileLimits()
BOOK = pdf(
    [
        ["城北图书馆每周一闭馆。每位读者一次最多可以借阅十", "二本书。", "读者要带证件。"],
        ["The reading room seats 340 people."],
    ],
    title="城北图书馆",
)


def text_of(raw: bytes, suffix: str, limits: FileLimits = LIMITS) -> str:
    return read_text(raw, suffix, limits).text


def test_pdf_is_cited_by_page_in_lines_made_whole(tmp_path: Path) -> None:
    """A PDF's passages stand under its title and page, its broken lines whole, and each citation is a slice."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "library.pdf").write_bytes(BOOK)
    generations.build(folder, tmp_path / "index", IndexSettings())
    chat = Chat.open(tmp_path / "index")
    answer = chat.ask("每位读者一次最多可以借阅多少本书？")
    assert "每位读者一次最多可以借阅十二本书。" in answer.text
    for citation in answer.citations:
        assert chat.document("library.pdf").text[citation.start : citation.end] == citation.quote
    assert answer.citations[0].passage.headings == ("城北图书馆", "p. 1")
    (folder / "library.pdf").write_bytes(BOOK + b"\n")
    assert generations.reason_to_build(folder, tmp_path / "index", IndexSettings()) is not None


def test_citation_into_a_pdf_has_a_receipt_that_is_rechecked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receipt of an answer from a PDF is valid while the file is as it was, and stale once its text is gone."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "library.pdf").write_bytes(BOOK)
    options = ["--corpus", str(folder)]
    assert main(["build", *options, "--index", str(tmp_path / "index")]) == 0
    receipt = str(tmp_path / "receipt.json")
    ask = [
        "ask",
        "How many people does the reading room seat?",
        "--receipt",
        receipt,
        "--index",
        str(tmp_path / "index"),
    ]
    assert main(ask) == 0
    assert main(["verify", receipt, *options]) == 0
    (folder / "library.pdf").write_bytes(pdf([["Nothing of the sort."]]))
    assert main(["verify", receipt, *options]) == 1
    assert "0 valid" in capsys.readouterr().out


def test_word_file_keeps_its_headings() -> None:
    """A Word file's headings become headings, and text that looks like one does not."""
    text = text_of(
        docx([("Heading1", "白茶"), ("", "用八十度的水。"), ("Heading2", "储存 & more"), ("", "# 不是标题")]), ".docx"
    )
    assert [(heading.level, heading.text) for heading in headings(text)] == [(1, "白茶"), (2, "储存 & more")]
    assert "\n\n用八十度的水。\n\n" in text
    assert "# 不是标题" in text


def test_book_is_read_in_its_order_under_its_title() -> None:
    """An EPUB's chapters follow its spine, not its archive, and stand under the book's title and their own."""
    chapters = {"c1.xhtml": "<h1>One</h1><p>First text.</p>", "c%202.xhtml": "<h2>Two</h2><p>Second text.</p>"}
    raw = epub("The Book", {name.replace("%20", " "): chapter for name, chapter in chapters.items()})
    document = parse_document("book.epub", text_of(raw, ".epub"), "")
    found = {section.headings: document.text[section.start : section.end].strip() for section in sections(document)}
    assert document.title == "The Book"
    assert found[("The Book", "One")] == "First text."
    assert found[("The Book", "One", "Two")] == "Second text."


def test_chapters_beside_the_folder_of_the_book_are_read() -> None:
    """A chapter may stand anywhere in the archive: its place is told from where the book's contents stand."""
    raw = epub("The Book", {"../Text/one.xhtml": "<p>First text.</p>", "./two.xhtml": "<p>Second text.</p>"})
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {posixpath.normpath(name): archive.read(name) for name in archive.namelist()}
    text = text_of(zipped(parts), ".epub")
    assert text.index("First text.") < text.index("Second text.")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<title>A &amp; B</title><p>x<p>y", "# A & B\n\nx\n\ny\n"),
        ("<title>T</title><h1>H</h1>text<br>more", "# H\n\ntext\nmore\n"),
        ("<ul><li>one<li><p>two</p></ul><p>end", "- one\n- two\n\nend\n"),
        ("<script>bad()</script><style>p{}</style><nav><a>Menu</nav><p>good<noscript>bad</noscript></p>", "good\n"),
        ("<table><tr><th>a<th>b<tr><td><p>1</p></td><td><p>2</p></td></table>", "a | b\n\n1 | 2\n"),
        ("<p>中国\n  人民 and\nothers", "中国人民 and others\n"),
        ("<pre>  a\n    b</pre>", "  a\n    b\n"),
        ("<p># no heading</p><p>```</p><h2>Yes</h2>", "    # no heading\n\n    ```\n\n## Yes\n"),
        ("<p>&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>\n"),
        ("<p>---</p><p>title: forged</p><p>---</p>", "    ---\n\ntitle: forged\n\n    ---\n"),
    ],
    ids=["title", "heading", "list", "left out", "table", "line break", "as it stands", "marks", "entities", "rules"],
)
def test_page_becomes_its_text(page: str, text: str) -> None:
    """A page's blocks become lines, its headings headings; scripts, styles and menus are left out."""
    assert text_of(page.encode(), ".html") == text


def test_page_is_read_in_the_encoding_it_declares() -> None:
    """A page in another encoding is read as it declares, or as its bytes show."""
    page = "<meta charset='gb2312'><p>茶</p>"
    assert read_text(page.encode("gbk"), ".html", LIMITS).encoding == "gb18030"
    assert text_of(page.encode("gbk"), ".html") == "茶\n"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("城市,人口\n北京,2185万\n天津,1364万\n", "城市: 北京; 人口: 2185万\n城市: 天津; 人口: 1364万"),
        ('name;note\nA;"x\ny"\n', "name: A; note: x y"),
        ("1,2\n3,4\n", "1; 2\n3; 4"),
        ("a\tb\n1\n", "a: 1"),
        ("a,b\n1,2,3\n", "a: 1; b: 2; 3"),
    ],
    ids=["names", "semicolons", "no names", "tabs", "too many cells"],
)
def test_table_becomes_a_line_a_row(table: str, text: str) -> None:
    """A row becomes a line in which each cell has the name of its column, where the first row holds names."""
    assert text_of(table.encode(), ".csv") == text
    assert text_of(table.encode("utf-16"), ".csv") == text


def test_table_with_tabs_may_hold_commas() -> None:
    """Cells of a `.tsv` file end at tabs alone, whatever else its names and numbers hold."""
    table = "Name, first and last\tBorn, died\nLu Xun, writer\t1881, 1936\n"
    assert text_of(table.encode(), ".tsv") == "Name, first and last: Lu Xun, writer; Born, died: 1881, 1936"


def test_missing_converter_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a PDF is left out with the command that installs it, and installing it is a reason to build."""
    (tmp_path / "a.pdf").write_bytes(BOOK)
    (tmp_path / "b.md").write_text("Text.", encoding="utf-8")
    monkeypatch.setattr(files, "_LIBRARIES", {".pdf": "wenju-no-such-library"})
    files._converter.cache_clear()
    left_out = next(iter(read_corpus(tmp_path)))
    generations.build(tmp_path, tmp_path / "index", IndexSettings())
    assert generations.reason_to_build(tmp_path, tmp_path / "index", IndexSettings()) is None
    monkeypatch.undo()
    files._converter.cache_clear()
    assert isinstance(left_out, Unreadable)
    assert str(left_out.reason) == 'reading .pdf files takes wenju-no-such-library; pip install -e ".[files]"'
    assert generations.reason_to_build(tmp_path, tmp_path / "index", IndexSettings()) is not None


@cache
def bomb(suffix: str) -> bytes:
    if suffix == ".pdf":
        return pdf([["x"]], content=b"BT /F1 12 Tf (aaaa) Tj ET " * 2_000_000)
    parts = dict.fromkeys(["word/document.xml", "META-INF/container.xml"], b" " * 30_000_000)
    return zipped(parts)


@pytest.mark.parametrize(
    ("raw", "suffix", "limits", "reason"),
    [
        (bomb(".docx"), ".docx", replace(LIMITS, unpacked_bytes=10_000_000), "unpacked_bytes"),
        (bomb(".epub"), ".epub", replace(LIMITS, unpacked_bytes=10_000_000), "unpacked_bytes"),
        (bomb(".pdf"), ".pdf", replace(LIMITS, conversion_bytes=100_000_000, conversion_seconds=20), "conversion_"),
        (b"<p>" + b"x" * 5000, ".html", replace(LIMITS, text_characters=4000), "text_characters"),
        (bomb(".pdf"), ".pdf", replace(LIMITS, conversion_seconds=1), "conversion_seconds"),
        (
            docx([("", "&lol;")], '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY lol "&a;&a;&a;&a;">]>'),
            ".docx",
            LIMITS,
            "document type",
        ),
        (b"no archive", ".docx", LIMITS, "damaged"),
        (zipped({"a": b""}), ".docx", LIMITS, "damaged"),
        (zipped({"a": b""}), ".epub", LIMITS, "cannot be unpacked"),
        (b"%PDF-1.7 nothing", ".pdf", LIMITS, "damaged"),
        (pdf([[""]]), ".pdf", LIMITS, "no text"),
    ],
    ids=[
        "Word bomb", "EPUB bomb", "PDF bomb", "long text", "slow PDF", "entities", "no Word file", "empty Word file",
        "empty EPUB", "no PDF", "only pictures",
    ],
)  # fmt: skip
def test_hostile_file_is_refused_with_the_limit_it_met(
    raw: bytes, suffix: str, limits: FileLimits, reason: str
) -> None:
    """A file that unfolds, takes too long or is damaged is refused in a line that names the limit to raise, if any."""
    with pytest.raises(ArticleError, match=reason) as caught:
        read_text(raw, suffix, limits)
    assert "\n" not in str(caught.value)
    assert ("--limit" in str(caught.value)) == any(name in reason for name in ("_bytes", "_characters", "conversion_"))


def test_part_of_another_name_is_looked_into_too() -> None:
    """A Word file whose text stands in a part that is not called XML is held to the same limits and rules."""
    with zipfile.ZipFile(io.BytesIO(docx([("", "&a;")], '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'))) as archive:
        parts = {name.replace("document.xml", "document.png"): archive.read(name) for name in archive.namelist()}
    parts["_rels/.rels"] = parts["_rels/.rels"].replace(b"document.xml", b"document.png")
    with pytest.raises(ArticleError, match="document type"):
        read_text(zipped(parts), ".docx", LIMITS)
    with pytest.raises(ArticleError, match="unpacked_bytes"):
        read_text(
            zipped({**parts, "word/document.png": b" " * 10_000_000}), ".docx", replace(LIMITS, unpacked_bytes=10**6)
        )


def test_converted_article_is_shown_as_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of an unchanged PDF comes from the index, at once, whatever its converter would make of it by now."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "library.pdf").write_bytes(BOOK)
    generations.build(folder, folder / "index", IndexSettings())
    assert generations.reason_to_build(folder, folder / "index", IndexSettings()) is None
    monkeypatch.setattr(files, "_converted", lambda raw, suffix, limits: "Something else.")
    monkeypatch.setattr(files._TEXTS, "get", lambda digest: "")  # as in a process of its own
    chat = Chat.open(folder / "index")
    answer = chat.ask("How many people does the reading room seat?")
    document = chat.document("library.pdf")
    assert answer.citations
    for citation in answer.citations:
        assert document.text[citation.start : citation.end] == citation.quote
    (folder / "library.pdf").write_bytes(BOOK.replace(b"340", b"350") + b"\n")
    assert chat.document("library.pdf").text == "Something else."


def test_edit_of_a_converted_file_is_not_cited(tmp_path: Path) -> None:
    """Once a PDF changes, nothing is cited from it until the next build, and its text is read anew."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "library.pdf").write_bytes(BOOK)
    (folder / "b.md").write_text("# Tea\n\nWhite tea is dried in the sun.\n", encoding="utf-8")
    generations.build(folder, tmp_path / "index", IndexSettings())
    chat = Chat.open(tmp_path / "index")
    question = "How many people does the reading room seat?"
    assert chat.ask(question).citations[0].passage.document_id == "library.pdf"
    (folder / "library.pdf").write_bytes(pdf([["The reading room seats 350 people."]]))
    assert {hit.passage.document_id for hit in chat.ask(question).hits} == {"b.md"}
    assert "350" in chat.document("library.pdf").text


def test_archive_that_understates_its_size_unpacks_no_more() -> None:
    """A part that declares fewer bytes than it holds cannot be unpacked."""
    raw = bytearray(epub("T", {"c.xhtml": "<p>" + "x" * 100_000}))
    archive = zipfile.ZipFile(io.BytesIO(raw))
    size = archive.getinfo("OEBPS/c.xhtml").file_size.to_bytes(4, "little")
    with pytest.raises(ArticleError, match="cannot be unpacked"):
        read_text(bytes(raw.replace(size, (5).to_bytes(4, "little"))), ".epub", LIMITS)


@pytest.mark.parametrize(
    "identity",
    ["../secret.md", "a/../../secret.md", "{root}/secret.md", "link.md", ".hidden.md", "hidden link.md", "a\0.md",
     "n" * 256 + ".md", "folder.md", "missing.md", "", "."],
)  # fmt: skip
def test_nothing_but_a_visible_file_of_the_folder_is_opened(tmp_path: Path, identity: str) -> None:
    """No id, however made, reads a file outside the corpus folder, a hidden one or what is no file."""
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    folder = tmp_path / "articles"
    (folder / "folder.md").mkdir(parents=True)
    (folder / "a").mkdir()
    (folder / ".hidden.md").write_text("secret", encoding="utf-8")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "hidden link.md").symlink_to(folder / ".hidden.md")
    with pytest.raises(ArticleError):
        Folder(folder, LIMITS).read(identity.replace("{root}", str(tmp_path)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_no_articles(tmp_path: Path) -> None:
    """A named pipe or a link to a device is not listed, and one that takes an article's place is not waited for."""
    (tmp_path / "a.md").write_text("Text.", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "device.md").symlink_to("/dev/zero")
    assert article_names(tmp_path) == ["a.md"]
    for name in ("pipe.md", "device.md"):
        with pytest.raises(ArticleError):
            Folder(tmp_path, LIMITS).read(name)


def test_name_of_255_bytes_is_read_and_control_characters_are_not(tmp_path: Path) -> None:
    """A name as long as a file system takes is an article's; one with control characters is left out."""
    (tmp_path / ("茶" * 84 + ".md")).write_text("茶。", encoding="utf-8")
    if os.name != "nt":
        (tmp_path / "a\n\x1b[31m.md").write_text("Text.", encoding="utf-8")
    found = list(read_corpus(tmp_path))
    left_out = [(article.path, str(article.reason)) for article in found if isinstance(article, Unreadable)]
    expected = [("./a\\x0a\\x1b[31m.md", "its name is not UTF-8, or holds a control character; rename it")]
    assert left_out == ([] if os.name == "nt" else expected)
    assert sum(not isinstance(article, Unreadable) for article in found) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="its /proc has files that are larger than they say")
def test_file_that_grows_while_it_is_read_is_refused_not_cut() -> None:
    """A file that turns out longer than its limit is refused, and one of just that length is read."""
    with pytest.raises(ArticleError, match=r"more than 100 bytes.*file_bytes"):
        Folder(Path("/proc/self"), replace(LIMITS, file_bytes=100)).read("status")
    name = Path("/proc/self/comm").read_bytes()
    assert Folder(Path("/proc/self"), replace(LIMITS, file_bytes=len(name))).read("comm") == name


NOISY = """
import os, sys
print("stray")
os.write(1, b"stray")
os.write(2, b"stray" * 100_000)
sys.path = [folder for folder in sys.path if folder != os.path.dirname(__file__)]
del sys.modules[__name__]
import mammoth
"""


def test_what_a_library_prints_is_no_part_of_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter's library may print, by Python or past it, as much as it likes: the text is the same."""
    raw = docx([("", f"White tea, {tmp_path.name}.")])
    (tmp_path / "mammoth.py").write_text(NOISY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert text_of(raw, ".docx") == f"White tea, {tmp_path.name}.\n"


def test_converter_that_cannot_be_started_costs_its_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started, files to convert are left out, and the others are indexed."""
    (tmp_path / "a.html").write_text(f"<p>{tmp_path}", encoding="utf-8")
    (tmp_path / "b.md").write_text("Text.", encoding="utf-8")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no such program"))
    built = generations.build(tmp_path, tmp_path / "index", IndexSettings())
    (left_out,) = built.unreadable
    assert left_out.path == "a.html"
    assert "cannot be started" in str(left_out.reason)


@pytest.mark.skipif(sys.platform != "linux", reason="no other system bounds an address space without psutil")
def test_memory_is_bounded_without_psutil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where psutil is not installed, a conversion still ends at its limit of memory."""
    (tmp_path / "psutil.py").write_text("raise ImportError", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    limits = replace(LIMITS, conversion_bytes=300_000_000)
    assert text_of(b"<p>x", ".html", limits) == "x\n"
    with pytest.raises(ArticleError, match="conversion_bytes"):
        text_of(b"<p>" + b"x" * 100_000_000, ".html", limits)


def test_large_text_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A text file of 200 MB is left out by its size alone, with the limit and how to raise it."""
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(
        ArticleError, match=r"200,000,000 bytes \(limit 100,000,000\); raise it with --limit file_bytes=N"
    ):
        Folder(tmp_path, LIMITS).read("large.txt")


@pytest.mark.parametrize(
    "line",
    [
        "." * 100_000 + "x", ".)" * 50_000 + "x", "。" * 100_000, "`" * 100_000 + "x`", "# " + "#" * 100_000,
        " " * 100_000, "\n " * 50_000, "1." * 50_000, "a-" * 50_000, "---\n" * 25_000, "| " * 50_000,
        "---\n" + "a: &a x\n" * 5_000, "---\na: " + "[" * 60_000 + "\n---\n",
        "---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\n",
    ],
    ids=["stops", "stops and brackets", "Chinese stops", "ticks", "marks", "spaces", "lines", "numbers", "hyphens",
         "rules", "cells", "anchors", "nested", "aliases"],
)  # fmt: skip
def test_long_lines_made_against_patterns_are_read(line: str) -> None:
    """Text made to make patterns backtrack is parsed and cut into sentences in a process that may take ten seconds."""
    code = (
        "import sys; from qa.corpus import parse_document; from qa.text import sentences, terms;"
        "text = sys.stdin.buffer.read().decode(); document = parse_document('a.md', text, '');"
        "sentences(text); terms(text); assert '*' not in str(document.metadata)"
    )
    subprocess.run([sys.executable, "-c", code], input=line.encode(), timeout=10, check=True)


def test_long_heading_is_text() -> None:
    """A heading too long to be searched with every passage under it counts as text, and a title is cut."""
    text = f"# {'x' * 400}\n\nBody.\n"
    assert list(headings(text)) == []
    assert len(parse_document("a.md", f"---\ntitle: {'y' * 400}\n---\n", "").title) == 300
    assert [text[slice(*span)] for span in sentences(text)][-1] == "Body."


def test_converters_stand_alone() -> None:
    """The script that reads untrusted files starts without this package, so a child process is small and quick."""
    code = (
        "import sys, runpy; runpy.run_path(sys.argv[1]); sys.exit(bool({'qa', 'numpy', 'pickle'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code, converters.__file__], check=False).returncode == 0
