from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_ARTICLES

from qa.config import IndexSettings
from qa.corpus import parse_document
from qa.earlier import Earlier
from qa.errors import IndexDamagedError
from qa.index import check, load
from qa.inspection import check_part, check_whole
from qa.lexical import write_shard
from qa.making import Maker
from qa.manifest import Manifest
from qa.parts import PARTS, Part, PartRecord


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A generation's folder in which a part is to be made."""
    (tmp_path / "generation" / PARTS).mkdir(parents=True)
    return tmp_path / "generation"


@pytest.fixture
def record(folder: Path) -> PartRecord:
    """The part of the short articles, made there."""
    documents = [parse_document(identity, text, identity) for identity, text in SMALL_ARTICLES.items()]
    settings = IndexSettings()
    return Maker(settings, Earlier(settings)).make(folder, documents)


def rewrite(path: Path, **changed: object) -> Part:
    """Writes a part anew with other rows; what it was."""
    part = Part.open(path)
    path.unlink()
    replace(part, **changed).save(path)
    return part


def test_a_good_part_passes(folder: Path, record: PartRecord) -> None:
    """What was made passes, whichever of its articles are looked at."""
    check_part(folder, record, SMALL_ARTICLES)
    check_part(folder, record, {"clocks.txt": SMALL_ARTICLES["clocks.txt"]})
    check_part(folder, record, {})


@pytest.mark.parametrize(
    "column", ["passages", "languages", "hashes", "vectors", "rounded", "codes", "segments", "bounds", "terms"]
)
def test_counts_of_rows_must_agree(folder: Path, record: PartRecord, column: str) -> None:
    """A part does not pass where any of its columns, its terms or its record has another number of rows."""
    with pytest.raises(IndexDamagedError, match="rows"):
        check_part(folder, replace(record, passages=record.passages + 1), {})
    part = Part.open(folder / record.file)
    if column == "terms":
        write_shard(folder / "other", record.name, [("en", ["word"])] * (len(part) - 1))
        (folder / record.terms).rename(folder / "old")
        (folder / "other").rename(folder / record.terms)
    else:
        rows = {
            "passages": lambda: type(part.passages).of(part.passages[:-1]),
            "segments": lambda: part.segments.select(range(len(part) - 1)),
            "bounds": lambda: np.append(part.bounds[:-1], len(part) - 1),
        }
        rewrite(folder / record.file, **{column: rows.get(column, lambda: getattr(part, column)[:-1])()})
    with pytest.raises(IndexDamagedError, match="rows"):
        check_part(folder, record, {})


@pytest.mark.parametrize("column", ["documents", "converted", "bounds"])
def test_counts_of_articles_must_agree(folder: Path, record: PartRecord, column: str) -> None:
    """A part does not pass where any of its columns, or its record, has another number of articles."""
    with pytest.raises(IndexDamagedError, match="articles"):
        check_part(folder, replace(record, articles=record.articles - 1), {})
    part = Part.open(folder / record.file)
    other = part.bounds[1:] if column == "bounds" else type(part.documents).of(getattr(part, column)[1:])
    rewrite(folder / record.file, **{column: other})
    with pytest.raises(IndexDamagedError, match="articles"):
        check_part(folder, record, {})


def test_passages_must_be_slices(folder: Path, record: PartRecord) -> None:
    """A passage that does not stand where it is said to in its article does not pass."""
    moved = {identity: f"x{text}" for identity, text in SMALL_ARTICLES.items()}
    with pytest.raises(IndexDamagedError, match="no slice"):
        check_part(folder, record, moved)


def test_known_passages_must_be_found(folder: Path, record: PartRecord) -> None:
    """A part whose terms or vectors are of something else does not pass."""
    part = rewrite(folder / record.file, vectors=np.full_like(Part.open(folder / record.file).vectors, np.nan))
    with pytest.raises(IndexDamagedError, match="own vector"):
        check_part(folder, record, {})
    (folder / record.file).unlink()
    part.save(folder / record.file)
    (folder / record.terms).rename(folder / "old")
    write_shard(folder / record.terms, record.name, [("en", ["other"])] * len(part))
    with pytest.raises(IndexDamagedError, match="own terms"):
        check_part(folder, record, {})


@pytest.fixture
def manifest(small_index: Path) -> tuple[Path, Manifest]:
    """A whole generation and its manifest."""
    (folder,) = (path for path in small_index.iterdir() if path.is_dir())
    return folder, check(folder)


def test_a_good_generation_passes(manifest: tuple[Path, Manifest]) -> None:
    """What a build wrote passes, and is what is loaded."""
    check_whole(*manifest)
    assert len(load(manifest[0]).lexical) == manifest[1].passages


def test_a_generation_must_have_the_rows_and_articles_it_tells_of(manifest: tuple[Path, Manifest]) -> None:
    """A generation whose rows, terms or articles are more or fewer than its manifest tells of does not pass."""
    folder, told = manifest
    with pytest.raises(IndexDamagedError, match="rows"):
        check_whole(folder, replace(told, passages=told.passages + 1))
    with pytest.raises(IndexDamagedError, match="rows"):
        check_whole(folder, replace(told, parts=[*told.parts, *told.parts], passages=2 * told.passages))
    with pytest.raises(IndexDamagedError, match="articles"):
        check_whole(folder, replace(told, documents={}))
