"""The records passed between stages: frozen, slotted, and without behaviour beyond what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qa.text import Language


@dataclass(frozen=True, slots=True)
class Document:
    """One article. `text` is the whole file as it is on disk (front matter, line ends, byte order mark)."""

    id: str
    title: str
    text: str
    path: str
    language: Language
    metadata: Mapping[str, Any] = field(default_factory=dict)
    body_start: int = 0
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of a document: `document.text[start:end] == text`; `headings` run from the title inwards."""

    id: int
    document_id: str
    headings: tuple[str, ...]
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Ranks:
    """A passage's place on each side among the candidates of its language, from 1; None where a side missed it."""

    dense: int | None = None
    lexical: int | None = None
    alignment: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question. `score` orders hits; a side that did not find it is None.

    `dense` is a cosine, `lexical` a BM25 score, `alignment` the share of the question's weight that meets a
    like word in the passage.
    """

    passage: Passage
    score: float
    dense: float | None
    lexical: float | None
    alignment: float | None
    ranks: Ranks = Ranks()


@dataclass(frozen=True, slots=True)
class WordPair:
    """A word of the question and the word of a passage it met.

    `asked` is its span in the question: in the query's text, and once `Chat` has explained, as it was typed; `found` is
    the other's in the document's text (None for a word of the headings). `likeness` is their cosine in [-1, 1],
    `weight` the word's share of the question, in [0, 1].
    """

    asked: tuple[int, int]
    word: str
    found: tuple[int, int] | None
    met: str
    likeness: float
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a passage was found: the words that met, weightiest first, the terms in common, its place on each side."""

    pairs: tuple[WordPair, ...]
    terms: tuple[str, ...]
    ranks: Ranks


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered quotation: `document.text[start:end] == quote` in the document with that content hash."""

    number: int
    passage: Passage
    start: int
    end: int
    quote: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a question: cited sentences, or a refusal (no citations) with the nearest passages.

    Attributes:
        question: as it was asked.
        text: the cited sentences, or why there are none, in the question's language.
        citations: best first, numbered from 1.
        hits: the passages found, best first.
        confidence: probability in [0, 1] that the hits hold an answer.
        short: the shortest span that answers, a slice of the citation with its number; None where none is sure.
        conflict: where passages disagree on what was asked, the span of each; else empty.
        searched_as: the question that was searched, where that is not `question` as asked.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    confidence: float
    short: Citation | None = None
    conflict: tuple[Citation, ...] = ()
    searched_as: str = ""

    @property
    def searched(self) -> str:
        """The question that was searched."""
        return self.searched_as or self.question

    @property
    def answered(self) -> bool:
        """Whether anything is cited."""
        return bool(self.citations)
