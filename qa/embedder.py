"""Texts to unit vectors: the bundled static model, or any sentence-transformers model by name or path.

The bundled model is read with `tokenizers` and numpy alone; torch is imported only for another model, and
only by `load_embedder`.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from qa.errors import EmbedderError
from qa.messages import Message

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).with_name("model")
MODEL_FILES = ("model.safetensors", "tokenizer.json")  # on which the vectors rest
CHECKSUMS = "SHA256SUMS"  # of these, as published; beside them

_TEXTS_AT_ONCE = 4096
_FEW_TEXTS = 64  # that are summed one by one, with the same result to the last bit
_TOKENS_AT_ONCE = 256  # whose vectors the processor keeps at hand

CUTS = (r"\s+", r"\p{Han}+|\p{N}+|[\p{L}\p{M}&&[^\p{Han}]]+|[^\p{L}\p{M}\p{N}]")  # between, and into, words
_ASCII_WORDS = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9 \t\n\v\f\r]")
_WORDS_KEPT = 200_000  # with their tokens

Vectors = NDArray[np.float32]
Tokens = NDArray[np.int32]


class Embedder(Protocol):
    """Turns texts into unit vectors; a text of which the model knows nothing becomes a zero vector."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def token_limit(self) -> int | None:
        """Tokens beyond which the model stops reading; None where it reads everything."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, the model's own marks included."""

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (texts, dimension)."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (texts, dimension)."""


class StaticEmbedder:
    """A table of token vectors: a text's vector is the normalised sum of its tokens' vectors.

    The same files load as `SentenceTransformer(folder)` and give the same vectors. A token's vector is stored as
    int8 codes and one scale; its norm is its weight, so that frequent words and punctuation count for little.
    """

    token_limit: int | None = None

    def __init__(self, folder: Path = BUNDLED_FOLDER) -> None:
        self.name = BUNDLED if folder == BUNDLED_FOLDER else str(folder)
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            tensors = load_file(folder / "model.safetensors")
            self._codes: NDArray[np.int8] = tensors["embeddings"]
            self._scales: NDArray[np.float32] = tensors["weights"]
            self._question_weights: NDArray[np.float16] = tensors["question_weights"]
        except Exception as error:  # tokenizers raises bare Exception for a missing or unreadable file
            raise EmbedderError(Message("no_bundled_model", {"folder": folder}), self.name) from error
        state = self._tokenizer.pre_tokenizer.__getstate__() if self._tokenizer.pre_tokenizer else b""
        self._cuts_words = all(json.dumps(cut)[1:-1].encode() in state for cut in CUTS)
        self._tokens_of_word: dict[str, list[int]] = {}
        self.fingerprint = _folder_digest(folder, MODEL_FILES)
        self.dimension = int(self._codes.shape[1])

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids of each text, those without weight (punctuation, unknown) left out."""
        found = [self._by_words(text) if self._cuts_words and text.isascii() else None for text in texts]
        others = [text for text, tokens in zip(texts, found, strict=True) if tokens is None]
        rest = iter(self._tokenizer.encode_batch_fast(others, add_special_tokens=False))
        return [self._weighty(next(rest).ids) if tokens is None else tokens for tokens in found]

    def _by_words(self, text: str) -> Tokens:
        """The tokens of an ASCII text: those of its words, each asked for once.

        The tokenizer cuts such a text into the same words, and looks at each of them alone.
        """
        words = _ASCII_WORDS.findall(text)
        unknown = [word for word in dict.fromkeys(words) if word not in self._tokens_of_word]
        if unknown:
            if len(self._tokens_of_word) > _WORDS_KEPT:
                self._tokens_of_word.clear()
                unknown = list(dict.fromkeys(words))
            encodings = self._tokenizer.encode_batch_fast(unknown, add_special_tokens=False)
            tokens = [self._weighty(encoding.ids).tolist() for encoding in encodings]
            self._tokens_of_word.update(zip(unknown, tokens, strict=True))
        return np.array([token for word in words for token in self._tokens_of_word[word]], dtype=np.int32)

    def _weighty(self, ids: Sequence[int]) -> Tokens:
        tokens = np.array(ids, dtype=np.int32)
        return tokens[self._scales[tokens] > 0]

    def token_spans(self, text: str) -> list[tuple[int, int, int]]:
        """The tokens of `tokens([text])` as (id, start, end), each with its place in the text as given."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        placed = zip(encoding.ids, encoding.offsets, strict=True)
        return [(token, start, end) for token, (start, end) in placed if self._scales[token] > 0]

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are."""
        return len(self._codes)

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def token_vectors(self, tokens: Tokens) -> Vectors:
        """Vectors of tokens, shape (tokens, dimension); a vector's norm is the token's weight."""
        return self._codes[tokens] * self._scales[tokens, None]

    @cached_property
    def norms(self) -> Vectors:
        """Length of every token's vector, shape (vocabulary,)."""
        lengths = [
            np.linalg.norm(self._codes[start : start + _TEXTS_AT_ONCE].astype(np.float32), axis=1)
            for start in range(0, len(self._codes), _TEXTS_AT_ONCE)
        ]
        return np.asarray(np.concatenate(lengths) * self._scales, dtype=np.float32)

    def cosines(self, tokens: Tokens, units: Vectors) -> Vectors:
        """Cosines of tokens' vectors with unit vectors, shape (tokens, unit vectors)."""
        cosines = np.empty((len(tokens), len(units)), dtype=np.float32)
        buffer, columns = np.empty((_TOKENS_AT_ONCE, self.dimension), dtype=np.float32), np.ascontiguousarray(units.T)
        for start in range(0, len(tokens), _TOKENS_AT_ONCE):
            some = tokens[start : start + _TOKENS_AT_ONCE]
            vectors = buffer[: len(some)]
            vectors[:] = self._codes.take(some, axis=0)
            np.matmul(vectors, columns, out=cosines[start : start + len(some)])
        cosines *= (self._scales[tokens] / self.norms[tokens])[:, None]
        return cosines

    def question_weights(self, tokens: Tokens) -> Vectors:
        """How much each token counts as a word of a question in late interaction, shape (tokens,), not negative."""
        return self._question_weights[tokens].astype(np.float32)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        found = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            found[start : start + _TEXTS_AT_ONCE] = self.encode_tokens(
                self.tokens(texts[start : start + _TEXTS_AT_ONCE])
            )
        return found

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encode_documents(texts)

    def encode_tokens(self, sequences: Sequence[Tokens]) -> Vectors:
        """Unit vectors of texts given as token ids, shape (texts, dimension)."""
        return unit(self.sum_tokens(sequences))

    def sum_tokens(self, sequences: Sequence[Tokens]) -> Vectors:
        """Sums of the token vectors of texts given as token ids, shape (texts, dimension)."""
        if not sequences:
            return np.zeros((0, self.dimension), dtype=np.float32)
        distinct, positions = np.unique(np.concatenate(sequences), return_inverse=True)
        table = self.token_vectors(distinct)
        bounds = np.cumsum([0, *map(len, sequences)])
        if len(sequences) <= _FEW_TEXTS:
            sums = [table[positions[start:end]].sum(axis=0) for start, end in pairwise(bounds.tolist())]
            return np.asarray(sums, dtype=np.float32)
        from scipy.sparse import csr_array  # a build's need, not a question's: the import takes a while

        ones = np.ones(len(positions), dtype=np.float32)
        counts = csr_array((ones, positions, bounds), shape=(len(sequences), len(distinct)))
        return np.asarray(counts @ table, dtype=np.float32)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, its query and document prompts honoured."""

    def __init__(self, name: str) -> None:
        self.name = name
        _go_offline()
        try:
            from sentence_transformers import SentenceTransformer

            self._model: Any = SentenceTransformer(name, device="cpu", local_files_only=True)
        except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
            raise EmbedderError(Message("no_model", {"name": name}), name) from error
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        limit = self._model.max_seq_length
        self.token_limit = int(limit) if limit is not None and limit < 1_000_000 else None
        self.fingerprint = self._digest()

    def _digest(self) -> str:
        import torch

        digest = hashlib.sha256(json.dumps(self._model.prompts, sort_keys=True).encode())
        for key, value in sorted(self._model.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        return unit(np.asarray(self._model.encode_document(list(texts)), dtype=np.float32))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return unit(np.asarray(self._model.encode_query(list(texts)), dtype=np.float32))


def _go_offline() -> None:
    """Keeps the hub's client from the network; it looks things up even for files it is told to read locally."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = True  # where it was imported before


@lru_cache(maxsize=1)
def bundled_embedder() -> StaticEmbedder:
    """The model shipped inside, read once."""
    return StaticEmbedder()


def load_embedder(name: str) -> Embedder:
    """The bundled model, or the sentence-transformers model of that name or folder.

    Raises:
        EmbedderError: if it cannot be loaded without fetching anything.
    """
    return bundled_embedder() if name == BUNDLED else SentenceTransformerEmbedder(name)


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length one; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)
    return scaled


def _folder_digest(folder: Path, names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()
