import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from qa import generations, index
from qa.config import IndexSettings
from qa.errors import (
    CorpusError,
    EmbedderError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    SearchIndexError,
)
from qa.manifest import FORMAT, MANIFEST

SETTINGS = IndexSettings()
ARTICLES = {
    "robots.en.md": "# Robots\n\nThe walking robot carries parcels up the stairs of old houses.\n",
    "城市.zh.md": "---\ntitle: 城市计划\n---\n\n北京将建设三个人工智能产业园区。\n\n## 交通\n\n地铁新增两条线路。\n",
    "notes/energy.en.txt": "Solar panels on school roofs paid for themselves within six years.\n",
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for name, text in ARTICLES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole generation, to be copied before it is harmed."""
    folder = tmp_path_factory.mktemp("whole")
    corpus, root = folder / "corpus", folder / "index"
    corpus.mkdir()
    for name, text in ARTICLES.items():
        (corpus / Path(name).name).write_bytes(text.encode())
    return root / generations.build(corpus, root, SETTINGS).generation


def everything_under(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def folders_of(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_build_makes_the_new_generation_the_live_one(corpus: Path, root: Path) -> None:
    """A build counts what it read, switches the pointer to a whole generation, and a rebuild switches again."""
    first = generations.build(corpus, root, SETTINGS)
    assert (first.documents, first.passages, first.unreadable) == (3, 4, ())
    assert generations.live_folder(root) == root / first.generation
    loaded = index.load(generations.live_folder(root), SETTINGS)
    assert {passage.document_id for passage in loaded.passages} == set(ARTICLES)
    for passage in loaded.passages:
        assert ARTICLES[passage.document_id][passage.start : passage.end] == passage.text
    second = generations.build(corpus, root, SETTINGS)
    assert generations.live_folder(root) == root / second.generation != root / first.generation


@pytest.mark.parametrize("stage", ["articles", "passages", "vectors", "tokens", "terms"])
def test_build_that_dies_changes_nothing(corpus: Path, root: Path, stage: str) -> None:
    """Whichever stage a build dies in, also by Ctrl-C, the folder of the index is as it was, byte for byte."""
    generations.build(corpus, root, SETTINGS)
    before = everything_under(root)
    (corpus / "robots.en.md").write_text("# Other\n\nSomething else.\n", encoding="utf-8")

    def stop(reached: str, done: int, total: int) -> None:
        if reached == stage and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generations.build(corpus, root, SETTINGS, stop)
    assert everything_under(root) == before
    assert len(folders_of(root)) == 1


def test_build_that_cannot_start_leaves_the_old_generation(corpus: Path, root: Path, tmp_path: Path) -> None:
    """A model that does not exist and a corpus without text are errors that leave the old generation live and alone."""
    generations.build(corpus, root, SETTINGS)
    before = everything_under(root)
    with pytest.raises(EmbedderError, match="no-such-model"):
        generations.build(corpus, root, IndexSettings(embedder=str(tmp_path / "no-such-model")))
    blank = tmp_path / "blank"
    blank.mkdir()
    (blank / "a.md").write_text("…\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="blank"):
        generations.build(blank, root, SETTINGS)
    assert everything_under(root) == before
    assert len(folders_of(root)) == 1
    assert generations.reason_to_build(corpus, root, SETTINGS) is None


def test_one_older_generation_is_kept_and_the_killed_are_cleared(corpus: Path, root: Path) -> None:
    """The live generation and the one before it stay; older ones and what a killed build left behind go."""
    built = [generations.build(corpus, root, SETTINGS).generation for _ in range(2)]
    half_built = root / "generation-000003-killed"
    half_built.mkdir()
    (half_built / "vectors.npy").write_bytes(b"half")
    built += [generations.build(corpus, root, SETTINGS).generation for _ in range(2)]
    assert folders_of(root) == sorted(built[-2:])


def test_build_leaves_folders_that_are_not_its_own(corpus: Path, root: Path) -> None:
    """A copy someone set aside in the index folder under a name of their own stops no build and is not removed."""
    (root / "generation-backup").mkdir(parents=True)
    built = generations.build(corpus, root, SETTINGS).generation
    assert folders_of(root) == sorted([built, "generation-backup"])


def test_damaged_byte_in_any_file_is_found_and_named(generation: Path, tmp_path: Path) -> None:
    """One changed bit in any file, or its absence, is found on loading, and the message names the file."""
    names = [name for name in everything_under(generation) if not name.endswith(".lock") and name != MANIFEST]
    assert {
        "vectors.npy",
        "tokens.npy",
        "token_bounds.npy",
        "spans.npy",
        "norms.npy",
        "passages.jsonl",
        "documents.jsonl",
    } < set(names)
    assert any(name.startswith("lexical") for name in names)
    for name in names:
        damaged = tmp_path / "damaged"
        shutil.copytree(generation, damaged)
        raw = bytearray((damaged / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (damaged / name).write_bytes(raw)
        with pytest.raises(IndexDamagedError) as changed:
            index.load(damaged)
        (damaged / name).unlink()
        with pytest.raises(IndexDamagedError) as missing:
            index.load(damaged)
        assert Path(name).name in str(changed.value)
        assert Path(name).name in str(missing.value)
        shutil.rmtree(damaged)


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        (b'"passages": 4', b'"passages": 5'),
        (b'"passage_bytes": 900', b'"passage_bytes": 901'),
        (b'"passage_bytes": 900', b'"passage_bytes": 9'),
        ("城市".encode(), "城布".encode()),
        (b'"vectors.npy"', b'"vectors.faits"'),
        (b"{", b"["),
        ("市".encode(), b"\xff\xff\xff"),
    ],
    ids=["count", "setting", "setting out of range", "document", "file", "not JSON", "not UTF-8"],
)
def test_damaged_manifest_is_found(generation: Path, tmp_path: Path, written: bytes, changed: bytes) -> None:
    """A change in the manifest itself is found when the index is loaded."""
    damaged = tmp_path / "damaged"
    shutil.copytree(generation, damaged)
    raw = (damaged / MANIFEST).read_bytes()
    assert written in raw
    (damaged / MANIFEST).write_bytes(raw.replace(written, changed, 1))
    with pytest.raises(IndexDamagedError):
        index.load(damaged)


def test_index_of_other_settings_or_format_is_a_mismatch(generation: Path, tmp_path: Path) -> None:
    """An index built with other settings, or by another version, is refused with both values in the message."""
    with pytest.raises(IndexMismatchError, match=r"900.*500"):
        index.load(generation, IndexSettings(passage_bytes=500))
    other = tmp_path / "other"
    shutil.copytree(generation, other)
    manifest = json.loads((other / MANIFEST).read_text(encoding="utf-8"))
    (other / MANIFEST).write_text(json.dumps({**manifest, "format": 999}), encoding="utf-8")
    with pytest.raises(IndexMismatchError, match=f"999.*{FORMAT}"):
        index.load(other)


@pytest.mark.parametrize(
    "pointer",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"generation": 3}',
        '{"generation": "../elsewhere"}',
        '{"generation": "generation-/x"}',
    ],
)
def test_damaged_pointer_is_an_error_and_the_next_build_mends_it(corpus: Path, root: Path, pointer: str) -> None:
    """A pointer that names no generation is one kind of error, a reason to build, and mended by building."""
    root.mkdir()
    (root / generations.POINTER).write_text(pointer, encoding="utf-8")
    with pytest.raises(IndexDamagedError) as caught:
        generations.live_folder(root)
    assert generations.POINTER in str(caught.value)
    assert generations.POINTER in str(generations.reason_to_build(corpus, root, SETTINGS))
    generations.build(corpus, root, SETTINGS)
    assert generations.reason_to_build(corpus, root, SETTINGS) is None


def test_missing_index_is_an_error_that_says_what_to_do(corpus: Path, root: Path) -> None:
    """Without an index the error names the folder and the command, and there is a reason to build."""
    with pytest.raises(IndexMissingError, match="qa build") as caught:
        generations.live_folder(root)
    assert str(root) in str(caught.value)
    assert generations.reason_to_build(corpus, root, SETTINGS) == "there is no index yet"


def test_index_folder_that_is_a_file_is_one_error(corpus: Path, root: Path) -> None:
    """An index folder that cannot be written is an error that names it."""
    root.write_text("in the way", encoding="utf-8")
    with pytest.raises(SearchIndexError, match="index"):
        generations.build(corpus, root, SETTINGS)


def test_reason_to_build_counts_what_changed(corpus: Path, root: Path) -> None:
    """There is no reason to build right after a build, and each edit, addition and deletion is counted."""
    generations.build(corpus, root, SETTINGS)
    assert generations.reason_to_build(corpus, root, SETTINGS) is None
    robots, added = corpus / "robots.en.md", corpus / "new.md"
    robots.write_text(ARTICLES["robots.en.md"] + " ", encoding="utf-8")
    assert "1 article(s) added or changed and 0 removed" in str(generations.reason_to_build(corpus, root, SETTINGS))
    added.write_text("# New\n\nText.\n", encoding="utf-8")
    assert "2 article(s) added or changed and 0 removed" in str(generations.reason_to_build(corpus, root, SETTINGS))
    (corpus / "notes" / "energy.en.txt").unlink()
    assert "2 article(s) added or changed and 1 removed" in str(generations.reason_to_build(corpus, root, SETTINGS))
    assert "passage_bytes" in str(generations.reason_to_build(corpus, root, IndexSettings(passage_bytes=500)))
    generations.build(corpus, root, SETTINGS)
    assert generations.reason_to_build(corpus, root, SETTINGS) is None
    added.unlink()
    assert "0 article(s) added or changed and 1 removed" in str(generations.reason_to_build(corpus, root, SETTINGS))


def test_unreadable_article_is_no_reason_to_build_for_ever(corpus: Path, root: Path) -> None:
    """An article left out for its encoding is named by the build and is no reason to build again until it changes."""
    (corpus / "old.txt").write_bytes(b"caf\xe9")
    assert [article.path for article in generations.build(corpus, root, SETTINGS).unreadable] == ["old.txt"]
    assert generations.reason_to_build(corpus, root, SETTINGS) is None
    (corpus / "old.txt").write_text("新编码", encoding="utf-8")
    assert generations.reason_to_build(corpus, root, SETTINGS) is not None


def test_moved_corpus_is_a_reason_to_build(corpus: Path, root: Path) -> None:
    """An index that reads its articles from where they no longer are does not stand for the folder they moved to."""
    generations.build(corpus, root, SETTINGS)
    moved = corpus.rename(corpus.with_name("moved"))
    assert generations.reason_to_build(moved, root, SETTINGS) is not None


@pytest.mark.parametrize("title", ['"\\ud800"', "&a [x, x]"], ids=["half a surrogate pair", "a list"])
def test_strange_front_matter_stops_no_build(corpus: Path, root: Path, title: str) -> None:
    """One article with a strange title does not keep the others from being indexed."""
    (corpus / "strange.md").write_text(f"---\ntitle: {title}\n---\nBody.\n", encoding="utf-8")
    assert generations.build(corpus, root, SETTINGS).documents == 4


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a file name be any bytes")
def test_file_name_that_is_not_utf8_stops_no_build(corpus: Path, root: Path) -> None:
    """One file whose name is not UTF-8 does not keep the others from being indexed."""
    Path(os.fsdecode(os.fsencode(corpus) + b"/\xce\xc4.md")).write_bytes(b"# Named in another encoding\n")
    generations.build(corpus, root, SETTINGS)
    assert set(ARTICLES) <= index.load(generations.live_folder(root)).documents.keys()
