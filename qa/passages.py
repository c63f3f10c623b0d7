"""A Document to Passages: slices between headings, cut at paragraph and sentence ends."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from langchain_text_splitters import RecursiveCharacterTextSplitter

from qa.datatypes import Document, Passage

_HEADING = re.compile(r"[ ]{0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_LETTER_OR_DIGIT = re.compile(r"\w")

# Coarse to fine. The closing quote stays with the sentence it closes.
_SEPARATORS = [
    r"(?:\r?\n[ \t]*){2,}",
    r"\r?\n",
    r"[。！？!?…]+[”’」』）)》\"']*",
    r"\.[”’)\"']*\s+",
    r"[；;]",
    r"[，,：:]\s*",
    r"、",
    r"\s+",
    "",
]


@dataclass(frozen=True, slots=True)
class Section:
    """Text under one heading path, heading lines left out: `[start, end)` of the document's text."""

    headings: tuple[str, ...]
    start: int
    end: int


def sections(document: Document) -> list[Section]:
    """The sections of a document in order; `#` lines inside code fences are text, not headings."""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    fence = ""
    position = start = document.body_start
    for line in document.text[document.body_start :].splitlines(keepends=True):
        fence = _fence_after(line, fence)
        heading = None if fence else _HEADING.match(line.rstrip("\r\n"))
        if heading:
            found.append(Section(_heading_path(document, path), start, position))
            level = len(heading.group(1))
            path = [entry for entry in path if entry[0] < level]
            path.append((level, (heading.group(2) or "").strip()))
            start = position + len(line)
        position += len(line)
    found.append(Section(_heading_path(document, path), start, position))
    return [section for section in found if section.start < section.end]


def _fence_after(line: str, fence: str) -> str:
    """The open code fence after this line, or nothing."""
    mark = _FENCE.match(line)
    if not mark:
        return fence
    if not fence:
        return mark.group(1)
    closes = mark.group(1).startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence


def _heading_path(document: Document, path: list[tuple[int, str]]) -> tuple[str, ...]:
    headings = [text for _, text in path if text]
    if not document.title or headings[:1] == [document.title]:
        return tuple(headings)
    return (document.title, *headings)


def token_fitting_length(
    limit_bytes: int, token_limit: int | None, count_tokens: Callable[[str], int]
) -> Callable[[str], int]:
    """A length in UTF-8 bytes that also exceeds `limit_bytes` wherever a text exceeds the embedder's tokens."""
    if token_limit is None:
        return utf8_length
    limit = token_limit

    def length(text: str) -> int:
        size = utf8_length(text)
        if size > limit_bytes or size <= limit // 4:
            return size
        return max(size, -(-count_tokens(text) * limit_bytes // limit))

    return length


def utf8_length(text: str) -> int:
    """Bytes of a text as UTF-8: a Han character counts three, so both languages get passages alike."""
    return len(text.encode("utf-8", "surrogatepass"))


class Chunker:
    """Cuts documents into passages of at most `limit` by `length`."""

    def __init__(self, limit: int, length: Callable[[str], int] = utf8_length) -> None:
        self._splitter = RecursiveCharacterTextSplitter(
            separators=_SEPARATORS,
            is_separator_regex=True,
            keep_separator="end",
            strip_whitespace=False,
            chunk_size=limit,
            chunk_overlap=0,
            length_function=length,
        )

    def passages(self, document: Document, first_id: int) -> Iterator[Passage]:
        """The passages in order, numbered from `first_id`; each is a slice and holds a letter or digit."""
        number = first_id
        for section in sections(document):
            for start, end in self._spans(document.text, section.start, section.end):
                yield Passage(number, document.id, section.headings, start, end, document.text[start:end])
                number += 1

    def _spans(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        position = start
        for piece in self._splitter.split_text(text[start:end]):
            stripped = piece.strip()
            piece_start = position + len(piece) - len(piece.lstrip())
            position += len(piece)
            if _LETTER_OR_DIGIT.search(stripped):
                yield piece_start, piece_start + len(stripped)
