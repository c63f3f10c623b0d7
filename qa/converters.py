"""HTML, CSV, EPUB, Word and PDF files to text with Markdown headings; run as a script, a process for each file.

The files are untrusted: whatever one of them does to a parser, its process has a deadline, and what it unpacks and says
is counted. Its memory is bounded wherever psutil is installed, as it is with the `files` extra; elsewhere its address
space is on Linux, and nothing on macOS and Windows. It imports nothing of this package, so it starts in some 30 ms.
"""

import contextlib
import csv
import io
import json
import os
import posixpath
import re
import sys
import threading
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any, Final
from xml.parsers import expat

VERSION: Final = 2  # raised when the same file gives another text
OUT_OF_MEMORY: Final = 97  # exit code

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset({
    *_HEADINGS, "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "legend", "li", "main", "ol", "p", "pre",
    "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
})  # fmt: skip
_LEFT_OUT = frozenset({
    "audio", "canvas", "iframe", "math", "nav", "noscript", "object", "script", "select", "style", "svg", "template",
    "video",
})  # fmt: skip
_SPACE = re.compile(r"\s+")
_LOOKS_LIKE_MARKDOWN = re.compile(r"#{1,6}(?=\s|$)|```|~~~|---")
_BREAKS_IN_LINE = re.compile(r"[\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]")
_FILE_NAME = re.compile(r"\.\w{2,5}$|^Microsoft Word")  # what programs write for a title
_DELIMITERS = ",;\t|"
_WATCHED_SECONDS = 0.02
_FULL = 0.88  # of a page's width in characters, from which a line with the next word is taken for broken


class Refused(Exception):  # noqa: N818 - said to a person, as it is
    """The file cannot be read; why, as a kind of `qa.messages` and its values."""

    def __init__(self, kind: str, **values: object) -> None:
        super().__init__(kind, values)


class Limits:
    """Counts what a file unpacks to and says, and stops it at its limits."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._unpacked = 0

    def unpack(self, archive: zipfile.ZipFile, name: str) -> bytes:
        """One file of an archive; never more bytes than it declares, which count before any is unpacked."""
        try:
            self._unpacked += archive.getinfo(name).file_size
            if self._unpacked > self._limits["unpacked_bytes"]:
                raise self._over("unpacks_large", "unpacked_bytes")
            return archive.read(name)
        except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise Refused("no_part", part=name) from error

    def _over(self, kind: str, name: str) -> Refused:
        return Refused(kind, name=name, limit=self._limits[name])

    def said(self, parts: Iterator[str], between: str) -> str:
        """The parts as one text."""
        kept: list[str] = []
        length = 0
        for part in parts:
            length += len(part) + len(between)
            if length > self._limits["text_characters"]:
                raise self._over("longer_text", "text_characters")
            kept.append(part)
        return between.join(kept)


def convert(kind: str, raw: bytes, limits: Mapping[str, int]) -> str:
    """The text of a file.

    Args:
        kind: its suffix, as in `CONVERTERS`.
        raw: its bytes; of HTML and tables, its text as UTF-8.
        limits: the numbers of `qa.config.FileLimits` by their names.

    Raises:
        Refused: if it is damaged, encrypted, empty or beyond a limit.
    """
    return CONVERTERS[kind](raw, Limits(limits))


def html_text(raw: bytes, limits: Limits) -> str:
    """The text of a page; its title is the first heading where it has none of that level."""
    page = _Page()
    page.feed(raw.decode("utf-8-sig", "replace"))
    page.close()
    return limits.said(page.lines(), "\n")


class _Page(HTMLParser):
    """Collects a page's blocks: each a line of text, headings marked as in Markdown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[str] = []
        self._words: list[str] = []
        self._title: list[str] = []
        self._left_out: list[str] = []  # names of the elements that are open and left out
        self._mark = ""
        self._in_title = self._as_it_stands = False
        self._cell_begins = self._cell_paragraph = False  # the first paragraph of a cell stands in its row

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _LEFT_OUT:
            self._left_out.append(tag)
        elif self._left_out:
            return
        elif tag == "title":
            self._in_title = True
        elif tag == "br":
            self._words.append("\n" if self._as_it_stands else "\0")
        elif tag in ("td", "th"):
            self._words.append(" | " if any(map(str.strip, self._words)) else "")
            self._cell_begins = True
        elif tag == "p" and self._cell_begins:
            self._cell_begins, self._cell_paragraph = False, True
        elif tag in _BLOCKS:
            self._begin_block(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._left_out:
            del self._left_out[self._left_out.index(tag) :]
        elif self._left_out:
            return
        elif tag == "title":
            self._in_title = False
        elif tag == "p" and self._cell_paragraph:
            self._cell_paragraph = False
        elif tag in _BLOCKS:
            self._end_block()
            self._mark, self._as_it_stands = "", False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self._title.append(data)
        elif not self._left_out:
            self._words.append(data)
            self._cell_begins = self._cell_begins and not data.strip()

    def _begin_block(self, tag: str) -> None:
        self._end_block()
        if tag == "li":
            self._mark = "- "
        elif tag in _HEADINGS:
            self._mark = "#" * _HEADINGS[tag] + " "
        self._as_it_stands = tag == "pre"

    def _end_block(self) -> None:
        text, self._words = "".join(self._words), []
        parts = [text.strip("\n")] if self._as_it_stands else [_spaced(part) for part in text.split("\0")]
        block = "\n".join(_plain_line(line) for part in parts if part.strip() for line in part.split("\n"))
        if block:
            self._blocks.append(self._mark + _spaced(block) if self._mark else block)
            self._mark, self._as_it_stands = "", False

    def lines(self) -> Iterator[str]:
        """The text, a block after another, a blank line between those that are no items of one list."""
        self._end_block()
        title = _spaced("".join(self._title))
        if title and not any(block.startswith("# ") for block in self._blocks):
            yield f"# {title}\n"
        for block, following in zip(self._blocks, [*self._blocks[1:], ""], strict=True):
            yield block if block.startswith("- ") and following.startswith("- ") else f"{block}\n"


def _plain_line(line: str) -> str:
    """A line of text that is not taken for a heading, a fence or front matter."""
    return f"    {line}" if _LOOKS_LIKE_MARKDOWN.match(line.lstrip()) else line


def _spaced(text: str) -> str:
    """Text with single spaces; none for a line break between two Han characters, as a browser of Chinese shows it."""

    def space(match: re.Match[str]) -> str:
        around = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
        return "" if "\n" in match.group() and all(map(_is_wide, around)) else " "

    return _SPACE.sub(space, text).strip()


def _is_wide(text: str) -> bool:
    return bool(text) and unicodedata.east_asian_width(text[0]) in "WF"


def csv_text(raw: bytes, limits: Limits) -> str:
    """A line a row, each cell with the name of its column where the first row holds names."""
    return _table_text(raw, limits, _DELIMITERS)


def tsv_text(raw: bytes, limits: Limits) -> str:
    """As `csv_text`, of cells between tabs, which may hold other delimiters."""
    return _table_text(raw, limits, "\t")


def _table_text(raw: bytes, limits: Limits, delimiters: str) -> str:
    text = raw.decode("utf-8-sig", "replace")
    first = text[: text.find("\n") + 1 or len(text)]
    delimiter = max(delimiters, key=first.count)
    csv.field_size_limit(2**31 - 1)
    try:
        return limits.said(_rows(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), "\n")
    except csv.Error as error:
        raise Refused("no_table", said=str(error)) from error


def _rows(rows: Iterator[list[str]]) -> Iterator[str]:
    first = [_spaced(cell) for cell in next(rows, [])]
    names = first if all(first) and len(set(first)) == len(first) > 1 and not any(map(_is_number, first)) else []
    if not names:
        yield _plain_line("; ".join(filter(None, first)))
    for row in rows:
        cells = [_spaced(cell) for cell in row]
        named = [*names, *[""] * (len(cells) - len(names))]
        pairs = zip(named[: len(cells)], cells, strict=True)
        line = "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
        if line:
            yield _plain_line(line)


def _is_number(text: str) -> bool:
    return text.strip("%$€£¥￥+-").replace(",", "").replace(".", "", 1).isdigit()


@contextlib.contextmanager
def _opened(raw: bytes, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise Refused("no_archive", format=name) from error


class _Tags(HTMLParser):
    """Every tag of some XML with its attributes, and the first book title; no entity but those of HTML is expanded."""

    def __init__(self, xml: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.title = ""
        self._inside = ""
        self.feed(xml.decode("utf-16" if xml[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.found.append((tag.rpartition(":")[2], {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "dc:title" and not self.title:
            self.title = _spaced(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each tag of that name."""
        return [attributes for name, attributes in self.found if name == tag]


def epub_text(raw: bytes, limits: Limits) -> str:
    """The book's title, then its chapters in reading order."""
    with _opened(raw, "EPUB") as archive:
        names = set(archive.namelist())
        roots = _Tags(limits.unpack(archive, "META-INF/container.xml")).of("rootfile")
        package = next((root.get("full-path", "") for root in roots), "")
        contents = _Tags(limits.unpack(archive, package))
        files = {item.get("id", ""): item.get("href", "") for item in contents.of("item")}
        order = [files.get(item.get("idref", ""), "") for item in contents.of("itemref")]
        folder = PurePosixPath(package).parent
        places = [posixpath.normpath(folder / _unquoted(href.partition("#")[0])) for href in order]
        chapters = [place for place in places if place in names]
        if not chapters:
            raise Refused("no_chapters")
        texts = (html_text(_utf8(limits.unpack(archive, name)), limits) for name in dict.fromkeys(chapters))
        title = f"# {contents.title}\n\n" if contents.title else ""
        return title + limits.said(texts, "\n")


def _unquoted(href: str) -> str:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes.fromhex(match[1].decode()), href.encode()).decode(
        "utf-8", "replace"
    )


def _utf8(xml: bytes) -> bytes:
    """A chapter as UTF-8; EPUB allows UTF-16 besides."""
    return xml.decode("utf-16", "replace").encode() if xml[:2] in (b"\xff\xfe", b"\xfe\xff") else xml


def docx_text(raw: bytes, limits: Limits) -> str:
    """A Word document, its headings by their styles; pictures are left out."""
    import mammoth

    with _opened(raw, "Word") as archive:
        for name in archive.namelist():  # all: a part of any name may be the one that holds the text
            _refuse_entities(limits.unpack(archive, name))
    try:
        page = mammoth.convert_to_html(
            io.BytesIO(raw),
            style_map="p[style-name='Title'] => h1:fresh",
            convert_image=mammoth.images.img_element(lambda image: {}),
            include_embedded_style_map=False,
            external_file_access=False,
        ).value
    except Exception as error:  # a damaged file fails anywhere in it
        raise Refused("no_archive", format="Word") from error
    return html_text(page.encode("utf-8", "replace"), limits)


def _refuse_entities(xml: bytes) -> None:
    """Refuses XML that defines entities, which can unfold to any size; no Word file needs them."""

    def refuse(*_: Any) -> None:
        raise Refused("document_type")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    with contextlib.suppress(expat.ExpatError):  # a picture, or damaged, which comes out when it is converted
        parser.Parse(xml, True)


def pdf_text(raw: bytes, limits: Limits) -> str:
    """The pages, each under a heading with its number; lines that were broken for the page's width are whole."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Refused("password") from error
        raise Refused("no_pdf") from error
    pages = limits.said((_page(document, number) for number in range(len(document))), "\n")
    if not any(character.isalnum() for line in pages.split("\n") if line[:2] != "##" for character in line):
        raise Refused("only_pictures")
    title = _spaced(document.get_metadata_dict().get("Title", ""))
    return pages if not title or _FILE_NAME.search(title) else f"# {title}\n\n{pages}"


def _page(document: Any, number: int) -> str:
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
        text = page.get_textpage().get_text_range()
        page.close()
    except PdfiumError:
        text = ""  # a damaged page does not cost the others
    lines = [_BREAKS_IN_LINE.sub(" ", line).strip() for line in text.replace("\r\n", "\n").split("\n")]
    return f"## p. {number + 1}\n\n" + "".join(f"{line}\n" for line in _unbroken([line for line in lines if line]))


def _unbroken(lines: Sequence[str]) -> Iterator[str]:
    """The lines of a page as they were before they were broken where the next word did not fit."""
    if not lines:
        return
    widths = sorted(map(_width, lines), reverse=True)
    full = _FULL * widths[len(widths) // 10]  # without the odd line that runs over
    whole, last = "", ""
    for line in lines:
        if last and _width(last) + _width(_first_word(line)) + (not _is_wide(line)) >= full:
            whole = _joined(whole, line)
        else:
            if whole:
                yield _plain_line(whole)
            whole = line
        last = line
    yield _plain_line(whole)


def _joined(text: str, line: str) -> str:
    if text.endswith(("\x02", "\ufffe")):  # a hyphen that stands only for the break
        return text[:-1] + line
    return text + ("" if _is_wide(text[-1]) or _is_wide(line) else " ") + line


def _first_word(line: str) -> str:
    end = next((place for place, character in enumerate(line) if character == " " or _is_wide(character)), len(line))
    return line[: end or 1]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


CONVERTERS: Mapping[str, Callable[[bytes, Limits], str]] = {
    ".html": html_text, ".htm": html_text, ".xhtml": html_text, ".csv": csv_text, ".tsv": tsv_text,
    ".epub": epub_text, ".docx": docx_text, ".pdf": pdf_text,
}  # fmt: skip


def _bound_memory(limit: int) -> None:
    """Ends this process where it takes more memory than it may; without psutil, bounds its address space on Linux."""
    try:
        import psutil
    except ImportError:
        if sys.platform == "linux":
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
        return
    threading.Thread(target=_watch_memory, args=(psutil.Process(), limit), daemon=True).start()


def _watch_memory(process: Any, limit: int) -> None:
    while True:
        if process.memory_info().rss > limit:
            os._exit(OUT_OF_MEMORY)
        time.sleep(_WATCHED_SECONDS)


def main() -> None:
    """A file on standard input to `{"text"}` or `{"refused"}` on standard output; arguments: its kind, the limits.

    Whatever a library prints goes to standard error.
    """
    kind, limits = sys.argv[1], json.loads(sys.argv[2])
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _bound_memory(limits["conversion_bytes"])
    try:
        answer: dict[str, object] = {"text": convert(kind, sys.stdin.buffer.read(), limits)}
    except Refused as refused:
        answer = {"refused": refused.args}
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    with os.fdopen(answers, "wb") as file:
        file.write(json.dumps(answer).encode())
    os._exit(0)  # without tearing down what the watching thread still uses


if __name__ == "__main__":
    main()
