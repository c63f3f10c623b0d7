"""Receipts: an answer as a record to keep, rechecked later against the articles as they are by then.

A receipt's hashes show damage and careless edits. It is not signed: who computes them anew can forge one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from qa.config import FileLimits
from qa.corpus import article_names, document_id
from qa.datatypes import Answer, Citation, Document
from qa.disk import write_whole
from qa.errors import ArticleError, ReceiptError
from qa.files import SUFFIXES, Folder, content_hash, read_text, suffix_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT: Final = 1
State = Literal["valid", "moved", "stale"]

_CONTEXT = 80  # characters kept on each side of a quote, to tell repeats of it apart
_LARGEST = 64 * 2**20  # bytes of a file of receipts
_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True)
class CitedSpan:
    """A citation as it was: `text[start:end] == quote` in the file whose bytes had `content_hash`.

    `before` and `after` are the characters around the quote, `quote_hash` is the SHA-256 of its UTF-8 bytes.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    number: int
    document_id: str
    title: str
    headings: tuple[str, ...]
    start: int
    end: int
    quote: str
    quote_hash: str
    content_hash: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ShortSpan:
    """The shortest span that answers, inside the citation with its number; counted in the file, as there."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    number: int
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """An answer, or a refusal (no citations), and what it rests on.

    Attributes:
        format: the version of this record.
        question: as it was asked; a lone surrogate, which no file can hold, is a question mark.
        searched_as: the question that was searched, empty where that is `question`.
        saved: when, in UTC, as ISO 8601.
        generation: the name of the index generation that answered.
        corpus_digest: SHA-256 over the content hashes of all articles of that generation.
        confidence: probability in [0, 1] that the articles hold an answer.
        text: what was said.
        short: the shortest span that answers, None where none was sure.
        citations: best first.
        conflict: where passages disagreed, the span of each.
        checksum: SHA-256 over all of the above.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    format: Literal[1]
    question: str
    searched_as: str
    saved: str
    generation: str
    corpus_digest: str
    confidence: float
    text: str
    short: ShortSpan | None
    citations: tuple[CitedSpan, ...]
    conflict: tuple[CitedSpan, ...]
    checksum: str

    @property
    def spans(self) -> tuple[CitedSpan, ...]:
        """All that can be rechecked: the citations, then the spans in conflict."""
        return (*self.citations, *self.conflict)


def issue(
    answer: Answer, documents: Mapping[str, Document], generation: str, content_hashes: Mapping[str, str]
) -> Receipt:
    """The receipt of an answer.

    Args:
        documents: the cited articles by their id, as their files are now.
        generation: the name of the index generation that answered.
        content_hashes: of every article of that generation, by its id.

    Raises:
        ReceiptError: if a citation does not stand in its article.
    """
    short = answer.short
    receipt = Receipt(
        format=FORMAT,
        question=_writable(answer.question),
        searched_as=_writable(answer.searched_as),
        saved=datetime.now(UTC).isoformat(timespec="seconds"),
        generation=generation,
        corpus_digest=_digest(content_hashes),
        confidence=round(answer.confidence, 4),
        text=answer.text,
        short=ShortSpan(short.number, short.start, short.end, short.quote) if short else None,
        citations=tuple(_cited(citation, documents) for citation in answer.citations),
        conflict=tuple(_cited(citation, documents) for citation in answer.conflict),
        checksum="",
    )
    return replace(receipt, checksum=_checksum(receipt))


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _cited(citation: Citation, documents: Mapping[str, Document]) -> CitedSpan:
    document = documents[citation.passage.document_id]
    if document.text[citation.start : citation.end] != citation.quote:
        raise ReceiptError(f"{document.id} has changed since it was cited; ask again.", document.id)
    return _span_in(document.text, 0, citation, document)


def as_indexed(citation: Citation, document: Document) -> CitedSpan:
    """A citation as its index knows it, whatever its file holds by now; its neighbours are those in its passage."""
    return _span_in(citation.passage.text, citation.passage.start, citation, document)


def _span_in(text: str, offset: int, citation: Citation, document: Document) -> CitedSpan:
    """A citation with its neighbours in a part of its article, which begins at `offset`."""
    start, end = citation.start - offset, citation.end - offset
    return CitedSpan(
        number=citation.number,
        document_id=document.id,
        title=document.title,
        headings=citation.passage.headings,
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
        quote_hash=content_hash(citation.quote.encode("utf-8")),
        content_hash=document.content_hash,
        before=text[max(0, start - _CONTEXT) : start],
        after=text[end : end + _CONTEXT],
    )


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()


def _checksum(receipt: Receipt) -> str:
    return _digest({name: value for name, value in asdict(receipt).items() if name != "checksum"})


def to_json(receipt: Receipt, indent: int | None = None) -> str:
    """A receipt as JSON, on one line where there is no indent."""
    return json.dumps(asdict(receipt), ensure_ascii=False, indent=indent)


def save(path: Path, receipts: Sequence[Receipt]) -> None:
    """Writes one receipt as JSON to be read, or several as JSON Lines; a file there before is replaced whole.

    Raises:
        ReceiptError: if the file cannot be written.
    """
    text = "\n".join(to_json(receipt, indent=1 if len(receipts) == 1 else None) for receipt in receipts)
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise ReceiptError(f"{path} is no file; name one for the receipt.", str(path))
        write_whole(target, f"{text}\n".encode() if text else b"")
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle, before Python 3.13
        reason = getattr(error, "strerror", None) or error
        raise ReceiptError(
            f"The receipt cannot be written to {path}: {reason}; name another file.", str(path)
        ) from error


def read(path: Path) -> Iterator[tuple[str, Receipt | ReceiptError]]:
    """The receipts of a file, one in any layout or one a line: each with its name for a message, or what ails it."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; name a file that `qa ask --receipt` wrote."
        yield str(path), ReceiptError(message, str(path))
        return
    if len(raw) > _LARGEST:
        message = f"{path} has more than {_LARGEST:,} bytes; name a receipt, or split it by lines."
        yield str(path), ReceiptError(message, str(path))
        return
    for name, entry in _entries(str(path), raw.removeprefix(b"\xef\xbb\xbf")):
        try:
            yield name, parse(entry, name)
        except ReceiptError as error:
            yield name, error


def _entries(name: str, raw: bytes) -> list[tuple[str, bytes]]:
    """The receipts in a file's bytes: a line each where any line is an object, else all of it, laid out for reading."""
    lines = [(number, line.strip()) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and any(line.startswith(b'{"') and line.endswith(b"}") for _, line in lines):
        return [(f"{name}, line {number}", line) for number, line in lines]
    return [(name, raw)]


def parse(raw: bytes, name: str) -> Receipt:
    """The receipt in some JSON.

    Args:
        raw: JSON in UTF-8.
        name: what to call it in a message.

    Raises:
        ReceiptError: if it is none, of another version, or altered since it was saved.
    """
    from pydantic import ValidationError  # takes 50 ms, which no question needs

    try:
        receipt = _form().validate_json(raw)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        for problem in problems:
            if problem["loc"] == ("format",) and problem["type"] != "missing":
                written = f"has format {problem['input']!r:.20}, this version reads {FORMAT}"
                raise ReceiptError(f"{name} {written}; verify it with the version that wrote it.", name) from error
        place = ".".join(map(str, problems[0]["loc"]))
        raise _no_receipt(name, (f"{place!r:.60}: " if place else "") + problems[0]["msg"]) from error
    for span in receipt.spans:
        _check_span(span, name)
    _check_short(receipt, name)
    if receipt.checksum != _checksum(receipt):
        raise ReceiptError(f"{name} was altered after it was saved: its checksum does not match; ask again.", name)
    return receipt


@cache
def _form() -> "TypeAdapter[Receipt]":
    from pydantic import TypeAdapter

    return TypeAdapter(Receipt)


def _no_receipt(name: str, reason: str) -> ReceiptError:
    return ReceiptError(f"{name} is no receipt ({reason}); name a file that `qa ask --receipt` wrote.", name)


def _check_span(span: CitedSpan, name: str) -> None:
    if span.quote_hash != content_hash(span.quote.encode("utf-8")):
        told = f"the quote of citation {span.number} does not match its hash"
        raise ReceiptError(f"{name} was altered after it was saved: {told}; ask again.", name)
    if not span.quote or span.start < 0 or span.end - span.start != len(span.quote):
        raise _no_receipt(name, f"citation {span.number} is not as long as its quote")
    if not _may_be_an_article(span.document_id):
        raise _no_receipt(name, f"{span.document_id!r:.60} can be no article of a corpus folder")


def _may_be_an_article(identity: str) -> bool:
    """Whether a document id is one that `qa.corpus` may give: visible files of text below the folder."""
    visible = all(part and not part.startswith(".") for part in identity.split("/"))
    inside = visible and "\0" not in identity and not PureWindowsPath(identity).is_absolute()
    return inside and identity.lower().endswith(SUFFIXES)


def _check_short(receipt: Receipt, name: str) -> None:
    short = receipt.short
    if short is None:
        return
    slices = [
        span.quote[short.start - span.start : short.end - span.start]
        for span in receipt.citations
        if span.number == short.number and span.start <= short.start <= short.end <= span.end
    ]
    if short.quote not in slices:
        raise _no_receipt(name, "its short answer is no part of what it cites")


@dataclass(frozen=True, slots=True)
class Place:
    """A span of an article: `text[start:end]`, in characters of the file's text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a cited span.

    Attributes:
        state: valid where the same file holds the same text at the same place, moved where that text stands
            elsewhere, stale where it stands nowhere.
        place: where the text stands now; None where it is stale.
        note: what else a person should know, for a reader; may be empty.
    """

    state: State
    place: Place | None
    note: str


@dataclass(frozen=True, slots=True)
class _Article:
    """A file as it is; one that cannot be read has no text and says why."""

    text: str
    content_hash: str
    trouble: str = ""


class Articles:
    """The articles of a folder, each as its file is when it is first needed; no other file is ever opened."""

    def __init__(self, folder: Path, limits: FileLimits = FileLimits()) -> None:  # noqa: B008 - frozen
        """Lists the articles of the folder; one beyond the limits cannot be read.

        Raises:
            CorpusError: if the folder does not exist or holds no article.
        """
        self._folder, self._limits = Folder(folder, limits), limits
        self._names = {document_id(name): name for name in article_names(folder)}
        self._known: dict[str, _Article] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __getitem__(self, identity: str) -> _Article:
        if identity not in self._known:
            self._known[identity] = self._read(identity)
        return self._known[identity]

    def _read(self, identity: str) -> _Article:
        if identity not in self._names:
            return _Article("", "", "there is no such article")
        name = self._names[identity]
        try:
            read = read_text(self._folder.read(name), suffix_of(name), self._limits)
            return _Article(read.text, read.content_hash)
        except ArticleError as error:
            return _Article("", "", f"the article cannot be read: {error}")


def verify(receipt: Receipt, articles: Articles) -> tuple[Verdict, ...]:
    """What became of each of `receipt.spans`, in their order; none for a refusal."""
    return tuple(recheck(span, articles) for span in receipt.spans)


def recheck(span: CitedSpan, articles: Articles) -> Verdict:
    """What became of a cited span."""
    article = articles[span.document_id]
    unchanged = article.content_hash == span.content_hash
    if article.text[span.start : span.end] == span.quote:
        note = "" if unchanged else "the article was edited elsewhere"
        return Verdict("valid", Place(span.document_id, span.start, span.end), note)
    note = article.trouble or ("the article is as it was, so the receipt was altered" if unchanged else "")
    others = (identity for identity in articles if identity != span.document_id)
    place = _best_place(span, [span.document_id], articles) or _best_place(span, others, articles)
    if place:
        return Verdict("moved", place, note)
    return Verdict("stale", None, note or "no article says this any more")


def _best_place(span: CitedSpan, identities: Iterable[str], articles: Articles) -> Place | None:
    """Where the quote stands in most of its context, then nearest to where it stood, then first."""
    found = (
        (_agreement(span, articles[identity].text, start), -abs(start - span.start), identity, start)
        for identity in identities
        for start in _occurrences(span.quote, articles[identity].text)
    )
    best = max(found, key=lambda candidate: candidate[:2], default=None)
    return Place(best[2], best[3], best[3] + len(span.quote)) if best else None


def _occurrences(quote: str, text: str) -> Iterator[int]:
    start = text.find(quote)
    while start >= 0:
        yield start
        start = text.find(quote, start + 1)


def _agreement(span: CitedSpan, text: str, start: int) -> int:
    """How many characters around a repeat of the quote are those that stood around the quote, counted outwards."""
    end = start + len(span.quote)
    before = text[max(0, start - len(span.before)) : start]
    after = text[end : end + len(span.after)]
    return _shared(reversed(before), reversed(span.before)) + _shared(after, span.after)


def _shared(text: Iterable[str], other: Iterable[str]) -> int:
    """How many first characters two texts have in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))
