"""A generation is read back before it goes live: counts, offsets, and a search for passages it must know."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from qa.earlier import DOCUMENTS, LEXICAL, PASSAGES, VECTORS, document_bounds, lines
from qa.errors import IndexDamagedError
from qa.index import Built, context
from qa.lexical import LexicalIndex
from qa.plan import parsed
from qa.segments import Segments
from qa.text import terms
from qa.vectors import Vectors, largest_products, load_array

_KNOWN = 4  # passages that are searched for, spread over the index
_FOUND = 100  # among which a passage must be by its own terms, where no more hold them
_ROUNDING = 1e-3  # of a cosine


def read_back(folder: Path, built: Built, texts: Mapping[str, str]) -> None:
    """Reads a generation back and checks it.

    Args:
        folder: of the generation.
        built: what is said to be in it.
        texts: whole texts by document id, of those whose offsets are to be checked.

    Raises:
        IndexDamagedError: if anything in it is not what it should be.
    """
    vectors, lexical = load_array(folder / VECTORS, mapped=True), LexicalIndex.load(folder / LEXICAL)
    rows, bounds = lines(folder / PASSAGES), document_bounds(folder)
    counts = [built.manifest.passages, len(rows), len(vectors), len(lexical), len(Segments.load(folder)), bounds[-1]]
    if len(set(counts)) > 1:
        raise _failed(folder, f"its parts have {', '.join(map(str, counts))} rows")
    if not len(lines(folder / DOCUMENTS)) == len(bounds) - 1 == len(built.manifest.documents):
        raise _failed(folder, "its articles are not those of its manifest")
    for identity, start, end in zip(built.manifest.documents, bounds, bounds[1:], strict=False):
        for row in range(start, end) if identity in texts else ():
            passage, _ = parsed(rows[row], row)
            if passage.document_id != identity or texts[identity][passage.start : passage.end] != passage.text:
                raise _failed(folder, f"passage {row} is no slice of {identity}")
    _look_for_known(folder, rows, vectors, lexical)


def _look_for_known(folder: Path, rows: Sequence[bytes], vectors: Vectors, lexical: LexicalIndex) -> None:
    """Asks both searches for some passages by their own vector and their own terms."""
    known = np.unique(np.linspace(0, len(rows) - 1, min(_KNOWN, len(rows)), dtype=np.int64))
    own = vectors[known]
    is_found = largest_products(own, vectors) >= np.einsum("ij,ij->i", own, own) - _ROUNDING
    for row, found_by_vector in zip(known.tolist(), is_found.tolist(), strict=True):
        passage, language = parsed(rows[row], row)
        words = terms(context(passage))
        by_terms = [found for found, _ in lexical.search(words, _FOUND, language)]
        if words and row not in by_terms and len(by_terms) < _FOUND:
            raise _failed(folder, f"passage {row} is not found by its own terms")
        if not found_by_vector:
            raise _failed(folder, f"passage {row} is not found by its own vector")


def _failed(folder: Path, reason: str) -> IndexDamagedError:
    return IndexDamagedError(f"What was written to {folder} is not right: {reason}; run `qa build` again.", folder)
