"""A part of an index: all rows of a run of articles, in one file made of these articles alone.

Such a file is never changed, so that generations share it for as long as its articles stay as they are. A part without
an article, or an article without a row, may be.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.datatypes import Document, Passage, shallow
from qa.rows import Lines, map_arrays, write_arrays
from qa.segments import Segments
from qa.text import LANGUAGES, dominant_language
from qa.vectors import Codes, Rounded, Vectors

PARTS = "parts"  # the folder of a generation in which they stand
HASH_BYTES = 32
_NAME_LETTERS = 32
_LINES, _ARRAYS = (
    ("documents", "converted", "passages"),
    ("bounds", "languages", "hashes", "vectors", "rounded", "codes"),
)


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What a manifest says of a part.

    Attributes:
        name: follows from its articles and their contents.
        articles: how many there are.
        passages: how many rows.
        encodings: what articles by their ids were read as, where that was not UTF-8.
    """

    name: str
    articles: int
    passages: int
    encodings: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Where it stands in a generation's folder."""
        return f"{PARTS}/{self.name}.rows"

    @property
    def terms(self) -> str:
        """Where its terms stand there, before those of all parts are joined."""
        return f"{PARTS}/{self.name}.terms"


@dataclass(frozen=True, slots=True)
class Part:
    """A part's rows, by memory map.

    Attributes:
        documents: a line of JSON for each article.
        converted: of each article the text that was made of its file; nothing where the file is text.
        bounds: the first row of each article, and the last row's end.
        passages: a line of JSON for each row.
        languages: of each row, its place in `LANGUAGES`.
        hashes: what identifies the content of each row, shape (rows, `HASH_BYTES`).
        vectors: shape (rows, dimension).
        rounded: the vectors as `rounded` makes them, same shape.
        codes: of the vectors, as a quantised index takes them, shape (rows, bytes).
        segments: of each row.
    """

    documents: Lines
    converted: Lines
    bounds: NDArray[np.int64]
    passages: Lines
    languages: NDArray[np.uint8]
    hashes: NDArray[np.uint8]
    vectors: Vectors
    rounded: Rounded
    codes: Codes
    segments: Segments

    @classmethod
    def open(cls, path: Path) -> "Part":
        """Opens what `save` wrote.

        Raises:
            OSError, ValueError: if it cannot be read, or is none.
        """
        arrays = map_arrays(path)
        return cls(
            **dict[str, Any]({name: Lines(arrays[name], arrays[f"{name}.ends"]) for name in _LINES}),
            **dict[str, Any]({name: arrays[name] for name in _ARRAYS}),
            segments=Segments(**{name: arrays[f"segments.{name}"] for name in Segments.__slots__}),
        )

    def contents(self, article: int) -> list[bytes]:
        """What identifies the content of each row of an article."""
        return [row.tobytes() for row in self.hashes[self.bounds[article] : self.bounds[article + 1]]]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.passages)

    def save(self, path: Path) -> None:
        """Writes it into one file."""
        lines = {name: getattr(self, name) for name in _LINES}
        write_arrays(
            path,
            {
                **{name: each.raw for name, each in lines.items()},
                **{f"{name}.ends": each.ends for name, each in lines.items()},
                **{name: getattr(self, name) for name in _ARRAYS},
                **{f"segments.{name}": getattr(self.segments, name) for name in Segments.__slots__},
            },
        )


def part_name(articles: Iterable[tuple[str, str]]) -> str:
    """The name of the part that articles, given as ids and content hashes, make."""
    return hashlib.sha256(json.dumps(list(articles)).encode()).hexdigest()[:_NAME_LETTERS]


def content_hash(passage: Passage) -> bytes:
    """What identifies the content of a row: headings and text."""
    return hashlib.sha256(json.dumps([passage.headings, passage.text]).encode()).digest()


def language_number(passage: Passage) -> int:
    """The language of a passage, as its place in `LANGUAGES`."""
    return LANGUAGES.index(dominant_language(passage.text))


def passage_line(passage: Passage) -> bytes:
    """A row as JSON, without its number."""
    record = shallow(passage)
    del record["id"]
    return json.dumps(record, ensure_ascii=False).encode()


def passage_of(line: bytes, row: int) -> Passage:
    """The passage of a row's line."""
    record = json.loads(line)
    return Passage(**{**record, "id": row, "headings": tuple(record["headings"])})


def document_line(document: Document) -> bytes:
    """An article as JSON, without its text."""
    return json.dumps({**shallow(document), "text": ""}, ensure_ascii=False).encode()


def document_of_line(line: bytes, _: int) -> Document:
    """The article of a line, whichever it is."""
    return Document(**json.loads(line))
