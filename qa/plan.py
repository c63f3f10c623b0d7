"""Which rows a new generation has: those of the earlier one that stay, and those to be made."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qa.changes import PassageChanges, passage_changes
from qa.corpus import Unchanged
from qa.datatypes import Document, Passage, shallow
from qa.earlier import Earlier
from qa.passages import Chunker
from qa.text import Language, dominant_language

Progress = Callable[[str, int, int], None]  # stage, done, total


@dataclass(slots=True)
class Plan:
    """The rows of a generation, in order.

    Attributes:
        documents: content hash of each article by its id.
        document_lines: a line of JSON for each article.
        bounds: the first row of each article, and the last row's end.
        lines: a line of JSON for each row.
        hashes: what identifies the content of each row.
        sources: of each row the earlier one that it is like, or the count of these and its place in `fresh`.
        fresh: the passages that the earlier generation does not have.
    """

    documents: dict[str, str] = field(default_factory=dict)
    document_lines: list[bytes] = field(default_factory=list)
    bounds: list[int] = field(default_factory=lambda: [0])
    lines: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    fresh: list[Passage] = field(default_factory=list)

    def keep(self, article: Unchanged, earlier: Earlier) -> None:
        """Adds an article as it was."""
        rows = earlier.document_rows[article.id]
        self.lines += earlier.passage_lines[rows.start : rows.stop]
        self.hashes += earlier.hashes[rows.start : rows.stop]
        self.sources += rows
        self._close(article.id, article.content_hash, earlier.document_lines[article.id])

    def add(self, document: Document, passages: Sequence[Passage], known: dict[bytes, int], rows: int) -> None:
        """Adds an article cut anew; `known` has the row of each content, `rows` how many there were, then gets more."""
        for passage in passages:
            content = content_hash(passage)
            if content not in known:
                known[content] = rows + len(self.fresh)
                self.fresh.append(passage)
            self.lines.append(_line(_record(passage)))
            self.hashes.append(content)
            self.sources.append(known[content])
        self._close(document.id, document.content_hash, _line({**shallow(document), "text": ""}))

    def _close(self, identity: str, content_hash: str, line: bytes) -> None:
        self.documents[identity] = content_hash
        self.document_lines.append(line)
        self.bounds.append(len(self.lines))

    def changes(self, earlier: Earlier) -> PassageChanges:
        """What became of the passages of the earlier generation."""
        old = {identity: earlier.hashes[rows.start : rows.stop] for identity, rows in earlier.document_rows.items()}
        bounds = zip(self.documents, self.bounds, self.bounds[1:], strict=False)
        return passage_changes(old, {identity: self.hashes[start:end] for identity, start, end in bounds})


def plan(articles: Sequence[Document | Unchanged], earlier: Earlier, chunker: Chunker, progress: Progress) -> Plan:
    """The rows of articles: unchanged ones as the earlier generation has them, the others cut."""
    planned, rows = Plan(), len(earlier.hashes)
    known = {content: row for row, content in enumerate(earlier.hashes)}
    for done, article in enumerate(articles, 1):
        if isinstance(article, Unchanged):
            planned.keep(article, earlier)
        else:
            planned.add(article, list(chunker.passages(article, len(planned.lines))), known, rows)
        progress("passages", done, len(articles))
    return planned


def content_hash(passage: Passage) -> bytes:
    """What identifies the content of a row: headings and text."""
    return hashlib.sha256(json.dumps([passage.headings, passage.text]).encode()).digest()


def parsed(line: bytes, row: int) -> tuple[Passage, Language]:
    """The passage of a row, and its language, as its line has them."""
    record = json.loads(line)
    language: Language = record.pop("language")
    return Passage(**{**record, "id": row, "headings": tuple(record["headings"])}), language


def _record(passage: Passage) -> dict[str, object]:
    record: dict[str, object] = {**shallow(passage), "language": dominant_language(passage.text)}
    del record["id"]  # which is the row
    return record


def _line(record: dict[str, object]) -> bytes:
    return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8")
