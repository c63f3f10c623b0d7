import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa import disk, generations, index
from qa.config import IndexSettings
from qa.errors import (
    CorpusError,
    EmbedderError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    IndexUnreadableError,
    SearchIndexError,
)
from qa.manifest import FORMAT, MANIFEST

SETTINGS = IndexSettings()
NOBODY = 65534  # a user who owns nothing
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


@pytest.mark.parametrize("stage", ["articles", "passages", "check"])
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
    assert {Path(name).suffix for name in names} >= {".rows", ".npy", ".json", ".idx", ".term"}
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
        (b'"states.npy"', b'"status.npy"'),
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


@pytest.mark.parametrize("harmed", ["states.npy", MANIFEST])
def test_damaged_generation_is_not_replaced_in_silence(corpus: Path, root: Path, harmed: str) -> None:
    """An older generation does not answer for a damaged one: the error says since when it is, and how to go back."""
    first = generations.build(corpus, root, SETTINGS).generation
    (generations.live_folder(root) / harmed).unlink()
    with pytest.raises(SearchIndexError, match="qa build") as caught:
        generations.load_live(root)
    assert "rollback" not in str(caught.value)  # there is nothing to go back to
    shutil.rmtree(root)
    first = generations.build(corpus, root, SETTINGS).generation
    second = generations.build(corpus, root, SETTINGS).generation
    (root / second / harmed).unlink()
    with pytest.raises(IndexDamagedError, match=r"qa build.*qa index rollback") as caught:
        generations.load_live(root)
    assert generations.listed(root)[0].created in str(caught.value)
    assert "\n" not in str(caught.value)
    assert generations.rollback(root) == first
    assert generations.load_live(root).folder.name == first


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027])
@pytest.mark.skipif(sys.platform == "win32", reason="it has no umask")
def test_umask_says_who_may_read_an_index(corpus: Path, root: Path, mask: int) -> None:
    """Every file and folder of an index is for those that the umask lets read it, and for no one else."""
    before = os.umask(mask)
    try:
        generations.build(corpus, root, SETTINGS)
    finally:
        os.umask(before)
    for path in root.rglob("*"):
        full = 0o777 if path.is_dir() else 0o666
        if path.suffix != ".lock":
            assert stat.S_IMODE(path.stat().st_mode) == full & ~mask, path


@pytest.fixture
def unprivileged(corpus: Path) -> Iterator[Path]:
    """An index of two generations, whose permissions hold for whoever runs this: root is another user meanwhile."""
    if sys.platform == "win32":
        pytest.skip("it has other permissions")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = Path(folder) / "index"
        for _ in range(2):
            generations.build(corpus, root, SETTINGS)
        user = os.geteuid()
        if user == 0:
            for path in (root, *root.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield root
        finally:
            os.seteuid(user)
            subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)


@pytest.mark.parametrize("closed", ["states.npy", MANIFEST, ".", f"../{generations.POINTER}"])
def test_index_that_may_not_be_read_is_not_called_damaged(unprivileged: Path, closed: str) -> None:
    """A file or folder that this user may not read is said to be that, by its name, and nothing else is advised."""
    live = generations.live_folder(unprivileged)
    (live / closed).chmod(0)
    with pytest.raises(IndexUnreadableError, match="permission") as caught:
        generations.load_live(unprivileged)
    assert "damaged" not in str(caught.value)
    assert "qa build" not in str(caught.value)
    assert (MANIFEST if closed == "." else Path(closed).name) in str(caught.value)
    if closed != f"../{generations.POINTER}":
        assert [each.state for each in generations.listed(unprivileged)] == ["kept", "unreadable"]


def test_what_could_not_be_removed_is_not_said_to_be_gone(unprivileged: Path) -> None:
    """Pruning names the generations that are gone, and not one whose files the system keeps."""
    first = unprivileged / generations.listed(unprivileged)[0].name
    first.chmod(0o500)
    assert generations.prune(unprivileged, keep=1) == []
    assert first.is_dir()
    first.chmod(0o700)
    assert generations.prune(unprivileged, keep=1) == [first.name]


def test_pointer_that_is_being_replaced_is_read_again(
    corpus: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Windows lets no one read the pointer while it is replaced, whoever reads it tries again for a while."""
    built, read_text, refused = generations.build(corpus, root, SETTINGS).generation, Path.read_text, [1, 2, 3]

    def refusing(path: Path, *arguments: str, **named: str) -> str:
        if path.name == generations.POINTER and refused:
            refused.pop()
            raise PermissionError
        return read_text(path, *arguments, **named)

    monkeypatch.setattr(disk, "_IS_WINDOWS", True)
    monkeypatch.setattr(Path, "read_text", refusing)
    assert generations.live_folder(root).name == built
    assert not refused


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
@pytest.mark.parametrize("odd", [b"\xff", b"\x07", b"\xc2\x85", "\u2028".encode()])
def test_file_whose_name_says_what_another_is_written_as_has_an_id_of_its_own(
    corpus: Path, root: Path, odd: bytes
) -> None:
    """A name that is written out and the name it is written as are two, and after a build nothing is left to build."""
    Path(os.fsdecode(os.fsencode(corpus) + b"/" + odd + b".md")).write_text("# Odd\n", encoding="utf-8")
    (written_out,) = (article.path for article in generations.build(corpus, root, SETTINGS).unreadable)
    for number, name in enumerate([written_out.removeprefix("./"), f"\\x{odd[-1]:02x}.md", f"\\udc{odd[0]:02x}.md"]):
        (corpus / name).write_text(f"# Even\n\nNumber {number}.\n", encoding="utf-8")
    for name in (b"\\x07", b"\\udcff", b"\\xdcff"):  # odd names with backslashes of their own
        Path(os.fsdecode(os.fsencode(corpus) + b"/" + name + odd + b".md")).write_text("# Odd\n", encoding="utf-8")
    built = generations.build(corpus, root, SETTINGS)
    assert generations.reason_to_build(corpus, root, SETTINGS) is None
    names = {*index.load(generations.live_folder(root)).documents, *(article.path for article in built.unreadable)}
    assert len(names) == sum(path.is_file() for path in corpus.rglob("*"))


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a file name be any bytes")
def test_file_name_that_is_not_utf8_stops_no_build(corpus: Path, root: Path) -> None:
    """One file whose name is not UTF-8 does not keep the others from being indexed."""
    Path(os.fsdecode(os.fsencode(corpus) + b"/\xce\xc4.md")).write_bytes(b"# Named in another encoding\n")
    generations.build(corpus, root, SETTINGS)
    assert set(ARTICLES) <= index.load(generations.live_folder(root)).documents.keys()
