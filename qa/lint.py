"""What of a corpus will answer badly: files that say nothing, say it twice, or cannot be read as they were meant."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qa.config import IndexSettings
from qa.corpus import Unreadable, read_corpus
from qa.datatypes import Document, Hit, Passage
from qa.embedder import load_embedder
from qa.encodings import UTF8
from qa.files import PLAIN, content_hash, suffix_of
from qa.messages import Message
from qa.passages import Chunker, context, token_fitting_length
from qa.text import fold, terms

Severity = Literal["error", "warning"]

_FEW_TERMS = 20  # of an article that is nearly empty
_ALIKE = 0.8  # Jaccard similarity of two articles' shingles from which they are near-duplicates
_SHINGLE = 8  # characters
_BANDS, _ROWS = 32, 4  # of 20 million pairs at `_ALIKE` one is missed; at 0.3 one of four is compared in vain
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_LATIN_RUN = re.compile(r"[\x80-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{2,200}")
_HAN_RUN = re.compile(r"[^\x00-\u02ff]{0,3}[\u3400-\u9fff][^\x00-\u02ff]{5,200}")
_REPLACEMENT = re.compile("\ufffd|锟斤拷")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend in one file.

    Attributes:
        severity: an error is certain to cost answers, a warning may be meant so.
        kind: its name, stable.
        path: the file, inside the corpus folder.
        line: where in its text, from 1; 0 for all of it.
        message: what is wrong and what to do.
    """

    severity: Severity
    kind: str
    path: str
    line: int
    message: Message


def lint(folder: Path, settings: IndexSettings) -> list[Finding]:
    """Every finding about the articles of a folder, in the order of their paths.

    Raises:
        CorpusError: if the folder does not exist or holds no article.
        EmbedderError: if the embedding model cannot be loaded.
    """
    articles = list(read_corpus(folder, settings))
    documents = [article for article in articles if isinstance(article, Document)]
    findings = [
        Finding("error", "unreadable", article.path, 0, Message("left_out", {"reason": article.reason}))
        for article in articles
        if isinstance(article, Unreadable)
    ]
    for document in documents:
        findings += [*_too_short(document), *_undated(document), *_mojibake(document)]
    findings += [*_encodings(documents), *_repeats(documents), *_passages(documents, settings)]
    return sorted(findings, key=lambda finding: (finding.path, finding.line, finding.kind))


def dark_passages(
    passages: Sequence[Passage], documents: Mapping[str, Document], hits_of: Iterable[Sequence[Hit]]
) -> list[Finding]:
    """The passages that are among the hits of no question.

    Args:
        passages: all of an index.
        documents: its articles with their texts.
        hits_of: what each question finds.
    """
    found = {hit.passage.id for hits in hits_of for hit in hits}
    told = Message("dark")
    return [
        Finding("warning", "dark", passage.document_id, _line(documents[passage.document_id].text, passage.start), told)
        for passage in passages
        if passage.id not in found
    ]


def _line(text: str, start: int) -> int:
    return text.count("\n", 0, start) + 1


def _body(document: Document) -> str:
    return document.text[document.body_start :]


def _too_short(document: Document) -> Iterator[Finding]:
    count = len(terms(_body(document)))
    if not count:
        yield Finding("error", "empty", document.path, 0, Message("no_word"))
    elif count < _FEW_TERMS:
        told = Message("few_terms", {"count": count})
        yield Finding("warning", "nearly empty", document.path, 0, told)


def _undated(document: Document) -> Iterator[Finding]:
    """Only Markdown and text have front matter in which a date can stand."""
    if suffix_of(document.path) not in PLAIN:
        return
    told = str(document.metadata.get("date", ""))
    try:
        date.fromisoformat(told[:10])
    except ValueError:
        wrong = Message("false_date", {"told": told}) if told else Message("no_date")
        yield Finding("warning", "undated", document.path, 0, wrong)


def _encodings(documents: Sequence[Document]) -> Iterator[Finding]:
    for document in documents:
        if document.encoding not in ("", UTF8):
            told = Message("assumed_encoding", {"encoding": document.encoding})
            yield Finding("warning", "encoding", document.path, 0, told)


def _mojibake(document: Document) -> Iterator[Finding]:
    """The first place where text was decoded in another encoding than it was written in, or lost in decoding."""
    text = document.text
    places = [match.start() for match in _REPLACEMENT.finditer(text)][:1]
    places += [match.start() for match in _LATIN_RUN.finditer(text) if _was_latin(match.group())][:1]
    places += [match.start() for match in _HAN_RUN.finditer(text) if _was_utf8(match.group(), "gb18030")][:1]
    if places:
        first = min(places)
        shown = " ".join(text[first : first + 12].split())
        told = Message("garbled", {"shown": shown})
        yield Finding("error", "mojibake", document.path, _line(text, first), told)


def _was_latin(text: str) -> bool:
    return _was_utf8(text, "cp1252") or _was_utf8(text, "latin-1")


def _was_utf8(text: str, encoding: str) -> bool:
    """Whether bytes of UTF-8, decoded in that encoding by mistake, give the text; its ends may be cut off."""
    try:
        written = text.encode(encoding).decode("utf-8", "ignore")
        kept = len(written.encode()) / len(text.encode(encoding))
    except UnicodeEncodeError:
        return False
    return bool(written) and not written.isascii() and kept > (0.9 if encoding == "gb18030" else 0.99)


def _repeats(documents: Sequence[Document]) -> Iterator[Finding]:
    """Articles that say what an earlier one says, letter for letter or nearly."""
    folded = {document.path: " ".join(fold(_body(document)).split()) for document in documents}
    first: dict[str, str] = {}
    for path, text in folded.items():
        same = first.setdefault(content_hash(text.encode("utf-8", "surrogatepass")), path)
        if text and same != path:
            yield Finding("error", "duplicate", path, 0, Message("repeated", {"other": same}))
    shingles = {path: _shingles(folded[path]) for path in first.values() if len(folded[path]) >= _SHINGLE}
    for one, other in sorted(_candidates(shingles)):
        shared = len(np.intersect1d(shingles[one], shingles[other], assume_unique=True))
        alike = shared / (len(shingles[one]) + len(shingles[other]) - shared)
        if alike >= _ALIKE:
            told = Message("nearly_repeated", {"alike": alike, "other": one})
            yield Finding("warning", "near-duplicate", other, 0, told)


def _shingles(text: str) -> NDArray[np.uint64]:
    """The hashes of all runs of `_SHINGLE` characters, each once."""
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    hashes = np.zeros(len(characters) - _SHINGLE + 1, dtype=np.uint64)
    for place in range(_SHINGLE):
        hashes = hashes * _PRIME + characters[place : place + len(hashes)]
    return np.unique(hashes ^ (hashes >> np.uint64(31)))


def _candidates(shingles: Mapping[str, NDArray[np.uint64]]) -> set[tuple[str, str]]:
    """Pairs that may be alike: MinHash signatures that agree in all rows of a band.

    MinHash is Broder's (1997, https://doi.org/10.1109/SEQUEN.1997.666900); the bands are those of Leskovec, Rajaraman
    and Ullman, Mining of Massive Datasets, 3.4.
    """
    factors = np.random.default_rng(0).integers(1, 2**63, (2, _BANDS * _ROWS), dtype=np.uint64)
    alike: dict[tuple[int, bytes], list[str]] = defaultdict(list)
    for path, hashes in shingles.items():
        rows = zip(factors[0] | np.uint64(1), factors[1], strict=True)
        signature = np.array([(hashes * factor + term).min() for factor, term in rows], dtype=np.uint64)
        for band, part in enumerate(signature.reshape(_BANDS, _ROWS)):
            alike[band, part.tobytes()].append(path)
    return {pair for paths in alike.values() for pair in combinations(sorted(paths), 2)}


def _passages(documents: Sequence[Document], settings: IndexSettings) -> Iterator[Finding]:
    """Passages that the embedder cuts short, and those that no word can find."""
    embedder = load_embedder(settings.embedder)
    limit = embedder.token_limit
    chunker = Chunker(
        settings.passage_bytes, token_fitting_length(settings.passage_bytes, limit, embedder.count_tokens)
    )
    checks: list[tuple[str, Callable[[Passage], bool], Message]] = [
        ("no terms", lambda passage: not terms(passage.text), Message("no_terms")),
        (
            "too long",
            lambda passage: limit is not None and embedder.count_tokens(context(passage)) > limit,
            Message("long_headings", {"limit": limit}),
        ),
    ]
    for document in documents:
        for passage in chunker.passages(document, 0):
            for kind, holds, told in checks:
                if holds(passage):
                    yield Finding("warning", kind, document.path, _line(document.text, passage.start), told)
