"""Writes the model folder: int8 vectors, a scale and a question weight a token, the tokenizer, and the settings."""

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from qa.embedder import BUNDLED_FOLDER, CHECKSUMS, MODEL_FILES
from qa.files import content_hash

_STATIC = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"
_NORMALIZE = "sentence_transformers.base.modules.normalize.Normalize"


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Vectors as int8 (vocabulary, dimension) and one scale a token, so that `int8 * scale` is near the vector."""
    scales = np.abs(vectors).max(axis=1) / 127.0
    safe = np.where(scales > 0, scales, 1.0)
    return np.rint(vectors / safe[:, None]).astype(np.int8), scales.astype(np.float32)


def write_model(
    folder: Path, tokenizer: Tokenizer, vectors: NDArray[np.float32], question_weights: NDArray[np.float32]
) -> None:
    """Writes the folder `SentenceTransformer(folder)` loads; the vectors use the keys StaticEmbedding reads.

    Args:
        folder: where to write.
        tokenizer: of the vocabulary.
        vectors: shape (vocabulary, dimension).
        question_weights: of each token in late interaction, shape (vocabulary,); read by this project alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1_Normalize").mkdir(exist_ok=True)
    codes, scales = quantise(vectors)
    weights = np.where(scales > 0, question_weights, 0.0).astype(np.float16)
    save_file({"embeddings": codes, "weights": scales, "question_weights": weights}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=False), encoding="utf-8", newline="\n")
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": _STATIC},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": _NORMALIZE},
    ]
    settings = {
        "model_type": "SentenceTransformer",
        "prompts": {"query": "", "document": ""},
        "similarity_fn_name": "cosine",
    }
    for name in ("README.md", "NOTICE"):  # the model card and the sources' licences hold for every run of the recipe
        if folder.resolve() != BUNDLED_FOLDER.resolve():
            shutil.copyfile(BUNDLED_FOLDER / name, folder / name)
    _write_json(folder / "modules.json", modules)
    _write_json(folder / "config_sentence_transformers.json", settings)
    _write_json(folder / "1_Normalize" / "config.json", {})
    write_checksums(folder)


def write_checksums(folder: Path) -> None:
    """Writes what `sha256sum --check` and `qa doctor` compare the model's files with."""
    lines = [f"{content_hash((folder / name).read_bytes())}  {name}\n" for name in MODEL_FILES]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
