"""A Document to Passages: slices between headings, cut at paragraph and sentence ends."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qa.datatypes import Document, Passage
from qa.text import headings

if TYPE_CHECKING:
    from langchain_text_splitters import TextSplitter

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
    start = document.body_start
    for heading in headings(document.text, document.body_start):
        found.append(Section(_heading_path(document, path), start, heading.start))
        path = [entry for entry in path if entry[0] < heading.level]
        path.append((heading.level, heading.text))
        start = heading.end
    found.append(Section(_heading_path(document, path), start, len(document.text)))
    return [section for section in found if section.start < section.end]


def _heading_path(document: Document, path: list[tuple[int, str]]) -> tuple[str, ...]:
    texts = [text for _, text in path if text]
    if not document.title or texts[:1] == [document.title]:
        return tuple(texts)
    return (document.title, *texts)


def context(passage: Passage) -> str:
    """What is searched of a passage: its headings, then its text."""
    return "\n".join((*passage.headings, passage.text))


def token_fitting_length(
    limit_bytes: int, token_limit: int | None, count_tokens: Callable[[str], int]
) -> Callable[[str], int]:
    """A length in UTF-8 bytes that exceeds `limit_bytes` also where a text exceeds the embedder's tokens."""
    if token_limit is None:
        return utf8_length

    def length(text: str) -> int:
        return max(utf8_length(text), -(-count_tokens(text) * limit_bytes // token_limit))

    return length


def utf8_length(text: str) -> int:
    """Bytes of a text as UTF-8: a Han character counts three, so both languages get passages alike."""
    return len(text.encode("utf-8", "surrogatepass"))


class Chunker:
    """Cuts documents into passages of at most `limit` by `length`.

    A length that counts tokens leaves room for the headings a passage is embedded with, at most three quarters.
    """

    def __init__(self, limit: int, length: Callable[[str], int] = utf8_length) -> None:
        self._limit = limit
        self._length = length
        self._splitters: dict[int, TextSplitter] = {}

    def _splitter(self, headings: tuple[str, ...]) -> "TextSplitter":
        taken = 0 if self._length is utf8_length else self._length("\n".join((*headings, "")))
        size = max(self._limit // 4, self._limit - taken)
        if size not in self._splitters:
            # Imported here because it takes a while, and only what is too long for one passage is cut.
            from langchain_text_splitters import RecursiveCharacterTextSplitter

            self._splitters[size] = RecursiveCharacterTextSplitter(
                separators=_SEPARATORS,
                is_separator_regex=True,
                keep_separator="end",
                strip_whitespace=False,
                chunk_size=size,
                chunk_overlap=0,
                length_function=self._length,
            )
        return self._splitters[size]

    def _pieces(self, text: str, headings: tuple[str, ...]) -> list[str]:
        if self._length is utf8_length and utf8_length(text) < self._limit:
            return [text]  # as the splitter would, whose lengths add up
        return self._splitter(headings).split_text(text)

    def passages(self, document: Document, first_id: int) -> Iterator[Passage]:
        """The passages in order, numbered from `first_id`; each is a slice and holds a letter or digit."""
        number = first_id
        for section in sections(document):
            for start, end in self._spans(document.text, section):
                yield Passage(number, document.id, section.headings, start, end, document.text[start:end])
                number += 1

    def _spans(self, text: str, section: Section) -> Iterator[tuple[int, int]]:
        position = section.start
        for piece in self._pieces(text[section.start : section.end], section.headings):
            stripped = piece.strip()
            piece_start = position + len(piece) - len(piece.lstrip())
            position += len(piece)
            if _LETTER_OR_DIGIT.search(stripped):
                yield piece_start, piece_start + len(stripped)
