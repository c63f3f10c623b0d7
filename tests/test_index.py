import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qa import generations, index
from qa.chat import Chat
from qa.config import IndexSettings
from qa.errors import IndexDamagedError, IndexMismatchError, IndexMissingError, WenjuError
from qa.manifest import FORMAT, MANIFEST, read_manifest
from qa.text import sentences

QUESTIONS = ["泡白毫银针的水要多热？", "How deep can a leatherback turtle dive?", "图书馆星期几不开门？"]


def test_every_passage_is_a_slice_of_its_file(chat: Chat, corpus_folder: Path) -> None:
    """Each passage of the shipped articles stands, character for character, where its file has it."""
    texts = {path.name: path.read_bytes().decode("utf-8") for path in corpus_folder.glob("*.md")}
    assert chat.index.passages
    for passage in chat.index.passages:
        assert texts[passage.document_id][passage.start : passage.end] == passage.text
    assert {passage.document_id for passage in chat.index.passages} == set(texts)


def test_byte_order_marks_and_line_ends_are_counted(small_index: Path, small_corpus: Path) -> None:
    """Passages of a file with a byte order mark and Windows line ends are slices of it all the same."""
    passages = Chat.open(small_index).index.passages
    text = (small_corpus / "图书馆" / "读者.zh.md").read_bytes().decode("utf-8")
    found = [passage for passage in passages if passage.document_id == "图书馆/读者.zh.md"]
    assert found
    assert all(text[passage.start : passage.end] == passage.text for passage in found)


def test_what_is_loaded_is_what_was_built(small_index: Path) -> None:
    """The manifest counts what is loaded, and the three sides hold one row a passage."""
    folder = generations.live_folder(small_index)
    loaded = index.load(folder, IndexSettings())
    assert loaded.manifest == read_manifest(folder)
    assert [passage.id for passage in loaded.passages] == list(range(loaded.manifest.passages))
    assert len(loaded.vectors) == len(loaded.segments) == loaded.manifest.passages
    assert loaded.documents.keys() == loaded.manifest.documents.keys()
    for row, passage in enumerate(loaded.passages):
        texts = ["\n".join(passage.headings), *(passage.text[start:end] for start, end in sentences(passage.text))]
        assert (
            loaded.segments.tokens_of_each([row])[0].tolist() == np.concatenate(loaded.aligner.tokens(texts)).tolist()
        )
    assert sum(map(len, loaded.nearest.values())) == len(loaded.languages) == len(loaded.passages)


@pytest.mark.parametrize(
    ("expected", "built_and_asked"),
    [
        (IndexSettings(embedder="other-model"), ("bundled", "other-model")),
        (IndexSettings(passage_bytes=500), ("900", "500")),
    ],
)
def test_other_settings_are_refused(
    expected: IndexSettings, built_and_asked: tuple[str, str], small_index: Path
) -> None:
    """An index built with other settings than asked for is not opened, and the error names both values."""
    with pytest.raises(IndexMismatchError) as caught:
        Chat.open(small_index, expected=expected)
    assert all(value in str(caught.value) for value in built_and_asked)


@pytest.mark.parametrize("damage", ["a flipped bit", "cut short", "gone"])
def test_a_damaged_file_is_named(damage: str, small_index: Path, tmp_path: Path) -> None:
    """Whichever file of the index is damaged, by whatever means, opening it raises an error that names the file."""
    built = generations.live_folder(small_index)
    names = list(read_manifest(built).files)
    assert len(names) > 5
    for number, name in enumerate(names):
        folder = Path(shutil.copytree(built, tmp_path / f"copy {number}"))
        raw = bytearray((folder / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (folder / name).unlink()
        if damage != "gone":
            (folder / name).write_bytes(raw if damage == "a flipped bit" else raw[: len(raw) // 2])
        with pytest.raises(IndexDamagedError) as caught:
            index.load(folder)
        assert str(folder / name) in str(caught.value)


def test_a_damaged_manifest_is_said_in_one_line(small_index: Path) -> None:
    """No manifest is a missing index; one that is not what was written is an error of one line, never a crash."""
    folder = generations.live_folder(small_index)
    manifest = folder / MANIFEST
    raw = manifest.read_bytes()
    broken = [
        *(raw[: len(raw) // 2], b"", b"[]", b"null", f'{{"format": {FORMAT}}}'.encode(), b"\xff" + raw),
        raw.replace(b'"passage_bytes": 900', b'"passage_bytes": "900"'),
        raw.replace(b'"passage_bytes": 900', b'"passage_bytes": 1'),
        raw[: raw.index(b'"files": {')] + b'"files": []}',
    ]
    for content in broken:
        manifest.write_bytes(content)
        with pytest.raises(WenjuError) as caught:
            index.load(folder)
        assert "\n" not in str(caught.value)
    manifest.write_bytes(raw.replace(b'"format": %d' % FORMAT, b'"format": 99'))
    with pytest.raises(IndexMismatchError, match="99"):
        index.load(folder)
    manifest.unlink()
    with pytest.raises(IndexMissingError, match="qa build"):
        index.load(folder)


def test_building_twice_gives_the_same_answers(small_corpus: Path, small_index: Path, tmp_path: Path) -> None:
    """Two builds of the same articles hold the same passages, vectors and tokens, and answer alike."""
    generations.build(small_corpus, tmp_path / "again", IndexSettings())
    first, second = Chat.open(small_index), Chat.open(tmp_path / "again")
    assert list(first.index.passages) == list(second.index.passages)
    one, other = first.index.manifest, second.index.manifest
    assert replace(one, created="", files={}, seen={}) == replace(other, created="", files={}, seen={})
    engine_free = [name for name in one.files if name.startswith("parts/")]
    assert engine_free
    assert [one.files[name] for name in engine_free] == [other.files[name] for name in engine_free]
    assert [first.ask(question) for question in QUESTIONS] == [second.ask(question) for question in QUESTIONS]
