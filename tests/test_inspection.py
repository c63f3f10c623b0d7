from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qa import generations
from qa.changes import PassageChanges
from qa.earlier import BOUNDS, PASSAGES, VECTORS
from qa.errors import IndexDamagedError
from qa.index import Built
from qa.inspection import read_back
from qa.lexical import LexicalIndex, Shard
from qa.manifest import read_manifest
from qa.vectors import save_array


@pytest.fixture
def folder(small_index: Path) -> Path:
    return generations.live_folder(small_index)


@pytest.fixture
def built(folder: Path) -> Built:
    return Built(read_manifest(folder), PassageChanges(0, 0, 0, 0, ()))


@pytest.fixture
def texts(small_corpus: Path, built: Built) -> dict[str, str]:
    return {identity: (small_corpus / identity).read_bytes().decode() for identity in built.manifest.documents}


def test_a_good_generation_passes(folder: Path, built: Built, texts: dict[str, str]) -> None:
    """What a build wrote passes, whichever of its articles are looked at."""
    read_back(folder, built, texts)
    read_back(folder, built, {})


def test_counts_must_agree(folder: Path, built: Built) -> None:
    """A generation whose parts have different numbers of rows, or other articles than its manifest, does not pass."""
    rows = (folder / PASSAGES).read_bytes()
    (folder / PASSAGES).write_bytes(rows[: rows.rindex(b"\n", 0, -1) + 1])
    with pytest.raises(IndexDamagedError, match="rows"):
        read_back(folder, built, {})
    (folder / PASSAGES).write_bytes(rows)
    with pytest.raises(IndexDamagedError, match="articles"):
        read_back(folder, replace(built, manifest=replace(built.manifest, documents={})), {})
    (folder / BOUNDS).write_bytes((folder / BOUNDS).read_bytes()[:-8])
    with pytest.raises(IndexDamagedError, match="rows"):
        read_back(folder, built, {})


def test_passages_must_be_slices(folder: Path, built: Built, texts: dict[str, str]) -> None:
    """A passage that does not stand where it is said to in its article does not pass."""
    moved = {identity: f"x{text}" for identity, text in texts.items()}
    with pytest.raises(IndexDamagedError, match="no slice"):
        read_back(folder, built, moved)


def test_known_passages_must_be_found(folder: Path, built: Built) -> None:
    """A generation whose terms or vectors are of something else does not pass."""
    vectors = np.load(folder / VECTORS)
    save_array(folder / VECTORS, vectors * np.float32(0.5) + np.float32(np.nan))
    with pytest.raises(IndexDamagedError, match="own vector"):
        read_back(folder, built, {})
    save_array(folder / VECTORS, vectors)
    for path in (folder / "lexical").iterdir():
        path.unlink()
    others = [("en", ["other"])] * len(vectors)
    LexicalIndex.build_shards(folder / "lexical", [Shard("", len(others), lambda: others)])
    with pytest.raises(IndexDamagedError, match="own terms"):
        read_back(folder, built, {})
