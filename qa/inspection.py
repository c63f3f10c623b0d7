"""What was written is read back before it goes live: counts, offsets, and a search for passages it must know."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qa.errors import IndexDamagedError
from qa.lexical import LexicalIndex
from qa.manifest import LEXICAL, Manifest
from qa.messages import Message
from qa.parts import Part, PartRecord, passage_of
from qa.passages import context
from qa.text import LANGUAGES, terms
from qa.vectors import largest_products

_KNOWN = 4  # passages of a part that are searched for, spread over it
_FOUND = 100  # among which a passage must be by its own terms, where no more hold them
_ROUNDING = 1e-3  # of a cosine


def check_part(folder: Path, record: PartRecord, texts: Mapping[str, str]) -> None:
    """Reads a part back from a generation's folder, its terms still apart, and checks it.

    Args:
        folder: of the generation.
        record: what is said to be in it.
        texts: whole texts by document id, of those whose offsets are to be checked.

    Raises:
        IndexDamagedError: if anything in it is not what it should be.
    """
    part, lexical = Part.open(folder / record.file), LexicalIndex.load(folder / record.terms)
    counts = [
        *(record.passages, len(part), len(part.languages), len(part.hashes), len(part.vectors), len(part.rounded)),
        *(len(part.codes), len(part.segments), len(lexical), int(part.bounds[-1])),
    ]
    if len(set(counts)) > 1:
        raise _failed(folder, Message("other_rows", {"counts": ", ".join(map(str, counts))}))
    if len({record.articles, len(part.documents), len(part.converted), len(part.bounds) - 1}) > 1:
        raise _failed(folder, Message("other_articles"))
    for row, line in enumerate(part.passages if texts else ()):
        passage = passage_of(line, row)
        text = texts.get(passage.document_id)
        if text is not None and text[passage.start : passage.end] != passage.text:
            raise _failed(folder, Message("no_slice", {"row": row, "name": passage.document_id}))
    if len(part):
        _look_for_known(folder, part, lexical)


def _look_for_known(folder: Path, part: Part, lexical: LexicalIndex) -> None:
    """Asks both searches for some passages by their own vector and their own terms."""
    known = np.unique(np.linspace(0, len(part) - 1, min(_KNOWN, len(part)), dtype=np.int64))
    own = part.vectors[known]
    is_found = largest_products(own, part.vectors) >= np.einsum("ij,ij->i", own, own) - _ROUNDING
    for row, found_by_vector in zip(known.tolist(), is_found.tolist(), strict=True):
        words = terms(context(passage_of(part.passages[row], row)))
        by_terms = [found for found, _ in lexical.search(words, _FOUND, LANGUAGES[part.languages[row]])]
        if words and row not in by_terms and len(by_terms) < _FOUND:
            raise _failed(folder, Message("not_by_terms", {"row": row}))
        if not found_by_vector:
            raise _failed(folder, Message("not_by_vector", {"row": row}))


def check_whole(folder: Path, manifest: Manifest) -> None:
    """Checks that the parts of a generation are those its manifest tells of, their terms joined in their order.

    Raises:
        IndexDamagedError: if they are not.
    """
    lexical = LexicalIndex.load(folder / LEXICAL)
    counts = [manifest.passages, sum(part.passages for part in manifest.parts), len(lexical)]
    if len(set(counts)) > 1:
        raise _failed(folder, Message("other_rows", {"counts": ", ".join(map(str, counts))}))
    if sum(part.articles for part in manifest.parts) != len(manifest.documents):
        raise _failed(folder, Message("other_articles"))


def _failed(folder: Path, reason: Message) -> IndexDamagedError:
    return IndexDamagedError(Message("written_wrong", {"folder": folder, "reason": reason}), folder)
