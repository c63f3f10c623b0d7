"""What an English teacher says about likeness, as an aim for the mean vectors of both languages.

Each unit is an English text with the teacher's vector of it and, where the data has one, its Chinese translation.
The student's vector of either is trained to be as near to every teacher vector of the batch as the English text's
own is (after Reimers, Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual", with the soft targets
of Hinton, Vinyals, Dean 2015).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from training.sources import Source

UNITS_OF_A_SOURCE = 20_000
_SHORTEST, _LONGEST = 12, 600  # characters of an English text


@dataclass(frozen=True, slots=True)
class Lessons:
    """English texts, their translations (empty where there is none), and the teacher's unit vectors of them."""

    english: list[str]
    chinese: list[str]
    vectors: NDArray[np.float32]


def lessons(sources: Sequence[Source], teacher: SentenceTransformer, seed: int) -> Lessons:
    """Up to `UNITS_OF_A_SOURCE` texts of every source with English sentences, embedded by the teacher."""
    generator = random.Random(seed)
    units: list[tuple[str, str]] = []
    for source in sources:
        if source.kind == "parallel":
            found = list(dict.fromkeys(source.pairs))
        elif source.name == "English passages":
            found = [(sentence, "") for sentence, _ in dict.fromkeys(source.pairs)]
        elif source.name == "WordNet":
            found = [(definition, "") for _, definition in dict.fromkeys(source.pairs)]
        else:
            continue
        units += generator.sample(found, min(UNITS_OF_A_SOURCE, len(found)))
    units = [(english[:_LONGEST], chinese) for english, chinese in units if len(english) >= _SHORTEST]
    english, chinese = map(list, zip(*units, strict=True))
    vectors = teacher.encode(english, batch_size=64, normalize_embeddings=True, show_progress_bar=True)
    return Lessons(english, chinese, np.asarray(vectors, dtype=np.float32))
