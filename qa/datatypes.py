"""The records passed between stages: frozen, slotted, and without behaviour beyond what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from qa.text import Language


def shallow(record: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are: `dataclasses.asdict` copies them, taking ten times as long."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


@dataclass(frozen=True, slots=True)
class Document:
    """One article. `text` is the whole file as it is on disk (front matter, line ends, byte order mark).

    Of a converted format it is what the converter made of the file. `encoding` is what the bytes were read as, empty
    for a format that says it itself.
    """

    id: str
    title: str
    text: str
    path: str
    language: Language
    metadata: Mapping[str, Any] = field(default_factory=dict)
    body_start: int = 0
    content_hash: str = ""
    encoding: str = "utf-8"


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
class WrittenSentence:
    """A sentence that a language model wrote, its `[n]` left out.

    Attributes:
        text: as it was written.
        citations: for each passage that supports it the sentence there that is nearest; none where it is unsupported.
        reason: why it is unsupported, in words; empty where it is not.
    """

    text: str
    citations: tuple[Citation, ...]
    reason: str = ""

    @property
    def supported(self) -> bool:
        """Whether it passed the check against what it cites."""
        return bool(self.citations)


@dataclass(frozen=True, slots=True)
class Written:
    """What a language model wrote: checked sentences, and while it writes, what is not yet a whole sentence."""

    language: Language
    sentences: tuple[WrittenSentence, ...]
    draft: str = ""

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What its sentences cite, each once, by number."""
        cited = {citation.number: citation for sentence in self.sentences for citation in sentence.citations}
        return tuple(cited[number] for number in sorted(cited))


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
        written: the same answer in the words of a language model, where one was asked and the check lets it stand; its
            citations go on counting where `citations` ends, and keep the number of one that is there.
        notice: why `written` is missing though a language model was asked, in the question's language.
        generation: the name of the index generation that answered; answers of two may be equal.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    confidence: float
    short: Citation | None = None
    conflict: tuple[Citation, ...] = ()
    searched_as: str = ""
    written: Written | None = None
    notice: str = ""
    generation: str = field(default="", compare=False)

    @property
    def searched(self) -> str:
        """The question that was searched."""
        return self.searched_as or self.question

    @property
    def answered(self) -> bool:
        """Whether anything is cited."""
        return bool(self.citations)

    @property
    def sources(self) -> tuple[Citation, ...]:
        """The citations, and those of what was written that are not among them, by number."""
        return self.citations + tuple(
            citation for citation in (self.written.citations if self.written else ()) if citation not in self.citations
        )
