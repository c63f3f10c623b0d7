"""Articles to a part of an index: cut, read, embedded, indexed and read back; what is known of them is taken over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qa.config import IndexSettings
from qa.corpus import Unchanged
from qa.datatypes import Document, Passage
from qa.disk import remove_folder
from qa.earlier import Earlier, Source
from qa.embedder import Embedder, StaticEmbedder
from qa.files import PLAIN, suffix_of
from qa.inspection import check_part
from qa.lexical import write_shard
from qa.parts import (
    HASH_BYTES,
    Part,
    PartRecord,
    content_hash,
    document_line,
    language_number,
    part_name,
    passage_line,
    passage_of,
)
from qa.passages import Chunker, context, token_fitting_length
from qa.rows import Lines, VectorsOfParts
from qa.segments import Segments, SegmentsOfParts
from qa.text import LANGUAGES, terms
from qa.vectors import Vectors, quantiser, require_units, rounded

_PASSAGES_AT_ONCE = 2048
_UTF_8 = "utf-8"


@dataclass(slots=True)
class _Rows:
    """The rows of a part while they are gathered: each is like a row of an earlier part, or like one to be made."""

    documents: list[bytes] = field(default_factory=list)
    converted: list[bytes] = field(default_factory=list)
    bounds: list[int] = field(default_factory=lambda: [0])
    passages: list[Passage] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    languages: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    fresh: list[Passage] = field(default_factory=list)
    known: dict[bytes, Source] = field(default_factory=dict)  # a row for each of the contents

    def add(self, passage: Passage, line: bytes, language: int, content: bytes, source: Source) -> None:
        """Adds a row of the article that is gathered."""
        self.passages.append(passage)
        self.lines.append(line)
        self.languages.append(language)
        self.contents.append(content)
        self.sources.append(source)
        self.known[content] = source

    def close(self, document: bytes, converted: bytes) -> None:
        """Ends an article."""
        self.documents.append(document)
        self.converted.append(converted)
        self.bounds.append(len(self.lines))


@dataclass(frozen=True, slots=True)
class Made:
    """What became of some articles.

    Attributes:
        part: their rows.
        terms: the language and the terms of each row.
        encodings: what those articles by their ids were read as that are not in UTF-8.
    """

    part: Part
    terms: Iterator[tuple[str, list[str]]]
    encodings: dict[str, str]


class Maker:
    """Makes parts of an index whose embedder, passages and earlier generation are given."""

    def __init__(self, settings: IndexSettings, earlier: Earlier) -> None:
        self._earlier = earlier
        self._embedder: Embedder = earlier.embedder
        self._aligner: StaticEmbedder = earlier.aligner
        length = token_fitting_length(settings.passage_bytes, self._embedder.token_limit, self._embedder.count_tokens)
        self._chunker = Chunker(settings.passage_bytes, length)

    def make(self, folder: Path, articles: Sequence[Document | Unchanged]) -> PartRecord:
        """Writes the part of some articles, and its terms apart, into a generation's folder, and reads them back.

        Raises:
            IndexDamagedError: if what was written is not what it should be.
        """
        made = self.part(articles)
        name = part_name((article.id, article.content_hash) for article in articles)
        record = PartRecord(name, len(articles), len(made.part), made.encodings)
        remove_folder(folder / record.terms)  # of a process that was killed at it
        made.part.save(folder / record.file)
        write_shard(folder / record.terms, name, made.terms)
        check_part(folder, record, {each.id: each.text for each in articles if isinstance(each, Document)})
        return record

    def part(self, articles: Sequence[Document | Unchanged]) -> Made:
        """The part of some articles, written nowhere."""
        rows = _Rows()
        encodings: dict[str, str] = {}
        for article in articles:
            if isinstance(article, Document):
                self._cut(article, rows)
                encoding = article.encoding
            else:
                encoding = self._keep(article, rows)
            if encoding not in ("", _UTF_8):
                encodings[article.id] = encoding
        return Made(self._part(rows), _terms(rows), encodings)

    def _keep(self, article: Unchanged, rows: _Rows) -> str:
        """Adds an article as an earlier part has it; what it was read as."""
        record, part, number = self._earlier.place(article.id)
        start = int(part.bounds[number])
        for row, content in enumerate(part.contents(number), start):
            line = part.passages[row]
            rows.add(passage_of(line, row), line, int(part.languages[row]), content, (part, row))
        rows.close(part.documents[number], part.converted[number])
        return record.encodings.get(article.id, _UTF_8)

    def _cut(self, document: Document, rows: _Rows) -> None:
        """Adds an article cut anew; passages that it has had before, or that stand in this part, are made once."""
        earlier = self._earlier.rows_like(document)
        for passage in self._chunker.passages(document, len(rows.lines)):
            content = content_hash(passage)
            source = rows.known.get(content) or earlier.get(content) or (None, len(rows.fresh))
            if source == (None, len(rows.fresh)):
                rows.fresh.append(passage)
            rows.add(passage, passage_line(passage), language_number(passage), content, source)
        text = "" if suffix_of(document.id) in PLAIN else document.text
        rows.close(document_line(document), text.encode("utf-8", "surrogatepass"))

    def _part(self, rows: _Rows) -> Part:
        made = self._segments(rows.fresh)
        earlier = list({id(part): part for part, _ in rows.sources if part is not None}.values())
        starts = np.cumsum([0, *map(len, earlier)]).tolist()
        start_of = dict(zip([*map(id, earlier), id(None)], starts, strict=True))
        order = [start_of[id(part)] + row for part, row in rows.sources]
        vectors = self._vectors(rows.fresh, made)
        codes = quantiser(self._embedder.dimension).codes(vectors)
        return Part(
            documents=Lines.of(rows.documents),
            converted=Lines.of(rows.converted),
            bounds=np.array(rows.bounds, dtype=np.int64),
            passages=Lines.of(rows.lines),
            languages=np.array(rows.languages, dtype=np.uint8),
            hashes=np.frombuffer(b"".join(rows.contents), dtype=np.uint8).reshape(-1, HASH_BYTES),
            vectors=VectorsOfParts([*(part.vectors for part in earlier), vectors])[order],
            rounded=VectorsOfParts([*(part.rounded for part in earlier), rounded(vectors)])[order],
            codes=VectorsOfParts([*(part.codes for part in earlier), codes])[order],
            segments=SegmentsOfParts([*(part.segments for part in earlier), made]).select(order),
        )

    def _segments(self, passages: Sequence[Passage]) -> Segments:
        parts = [Segments.build([], self._aligner)]
        for start in range(0, len(passages), _PASSAGES_AT_ONCE):
            some = passages[start : start + _PASSAGES_AT_ONCE]
            parts.append(
                Segments.build([("\n".join(passage.headings), passage.text) for passage in some], self._aligner)
            )
        return Segments.joined(parts)

    def _vectors(self, passages: Sequence[Passage], segments: Segments) -> Vectors:
        """Unit vectors of passages; the bundled model has read their tokens already."""
        vectors = np.zeros((len(passages), self._embedder.dimension), dtype=np.float32)
        for start in range(0, len(passages), _PASSAGES_AT_ONCE):
            end = min(start + _PASSAGES_AT_ONCE, len(passages))
            if isinstance(self._embedder, StaticEmbedder):
                tokens, bounds = segments.tokens_of_each(range(start, end))
                vectors[start:end] = self._embedder.encode_tokens(np.split(tokens, bounds[1:-1]))
            else:
                vectors[start:end] = self._embedder.encode_documents([context(each) for each in passages[start:end]])
        require_units(vectors)
        return vectors


def _terms(rows: _Rows) -> Iterator[tuple[str, list[str]]]:
    """The language and the terms of each row."""
    for language, passage in zip(rows.languages, rows.passages, strict=True):
        yield LANGUAGES[language], terms(context(passage))
