from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import write_articles

from qa import generations, index, plan
from qa.config import IndexSettings
from qa.corpus import Unchanged, parse_document
from qa.earlier import Earlier
from qa.embedder import StaticEmbedder
from qa.making import Maker
from qa.manifest import read_manifest
from qa.parts import PARTS, Part
from qa.segments import Segments

SETTINGS = IndexSettings(passage_bytes=200)
COUNT = 12


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Articles of two passages each, so many that they make several parts."""
    return write_articles(
        tmp_path / "articles",
        {
            f"{number:02d}.md": f"# Title {number}\n\n## One\n\nThis is what number {number} says.\n\n"
            f"## Two\n\n这是第{number}篇文章的第二段。\n"
            for number in range(COUNT)
        },
    )


@pytest.fixture
def root(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of them."""
    monkeypatch.setattr(plan, "_PART_BYTES", 200)
    monkeypatch.setattr(plan, "_ENDS", 2)
    generations.build(corpus, tmp_path / "index", SETTINGS)
    return tmp_path / "index"


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:  # noqa: ARG001 - counts what follows it
    """Texts of the passages that are tokenised, each once for its segments, and how many vectors are made of them."""
    found: list[str] = []
    encode, build = StaticEmbedder.encode_tokens, Segments.build

    def encode_tokens(self: StaticEmbedder, tokens: Sequence[np.ndarray]) -> np.ndarray:
        found.extend("vector" for _ in tokens)
        return encode(self, tokens)

    def build_segments(passages: Sequence[tuple[str, str]], aligner: StaticEmbedder) -> Segments:
        found.extend(text for _, text in passages)
        return build(passages, aligner)

    monkeypatch.setattr(StaticEmbedder, "encode_tokens", encode_tokens)
    monkeypatch.setattr(Segments, "build", build_segments)
    return found


def parts_of(root: Path) -> dict[str, tuple[int, int]]:
    """The file of each part of the live generation, by its name, as the file system knows it.

    A new file may get the number of one that is gone, but not its time.
    """
    folder = generations.live_folder(root)
    states = {part.name: (folder / part.file).stat() for part in read_manifest(folder).parts}
    return {name: (state.st_ino, state.st_mtime_ns) for name, state in states.items()}


def rows_of(root: Path) -> dict[tuple[tuple[str, ...], str], tuple[bytes, bytes]]:
    """Vector and tokens of each passage of the live generation, by its headings and text."""
    loaded = index.load(generations.live_folder(root))
    return {
        (passage.headings, passage.text): (
            loaded.vectors[[row]].tobytes(),
            loaded.segments.tokens_of_each([row])[0].tobytes(),
        )
        for row, passage in enumerate(loaded.passages)
    }


def test_unchanged_articles_are_not_embedded_again(corpus: Path, root: Path, embedded: list[str]) -> None:
    """A build of articles that are as they were, or one of which is gone, makes no vector and no tokens."""
    before = parts_of(root)
    assert len(before) > 2
    generations.build(corpus, root, SETTINGS)
    assert (parts_of(root), embedded) == (before, [])
    (corpus / "05.md").unlink()
    generations.build(corpus, root, SETTINGS)
    assert embedded == []
    assert len(parts_of(root).items() & before.items()) >= len(before) - 3


def test_an_edit_makes_only_what_it_changed(corpus: Path, root: Path, embedded: list[str]) -> None:
    """Of an edited article the changed passage alone is made, and of the parts the one it falls in."""
    before, rows = parts_of(root), rows_of(root)
    article = corpus / "05.md"
    article.write_text(article.read_text(encoding="utf-8").replace("says", "says now"), encoding="utf-8")
    generations.build(corpus, root, SETTINGS)
    assert embedded == ["This is what number 5 says now.", "vector"]
    assert len(parts_of(root).items() & before.items()) >= len(before) - 3
    after = rows_of(root)
    assert len(after.keys() - rows.keys()) == len(rows.keys() - after.keys()) == 1
    assert all(after[each] == rows[each] for each in after.keys() & rows.keys())


def test_a_renamed_article_keeps_its_rows(corpus: Path, root: Path, embedded: list[str]) -> None:
    """A renamed article, and one that is renamed and whose old name another takes, keep vectors and tokens."""
    rows = rows_of(root)
    (corpus / "05.md").rename(corpus / "zz.md")
    (corpus / "07.md").rename(corpus / "aa.md")
    (corpus / "08.md").rename(corpus / "07.md")
    summary = generations.build(corpus, root, SETTINGS)
    assert embedded == []
    assert rows_of(root) == rows
    assert (summary.changes.added, summary.changes.changed, summary.changes.removed) == (0, 0, 0)


def test_repeated_passages_are_made_once(tmp_path: Path, embedded: list[str]) -> None:
    """Passages of equal content in a part are made once, and each article has its row."""
    (tmp_path / "generation" / PARTS).mkdir(parents=True)
    same = [parse_document(f"{number}.md", "# Same\n\nThe same text.\n", str(number)) for number in range(3)]
    record = Maker(SETTINGS, Earlier(SETTINGS)).make(tmp_path / "generation", same)
    part = Part.open(tmp_path / "generation" / record.file)
    assert embedded == ["The same text.", "vector"]
    assert len(part) == 3
    assert (part.vectors == part.vectors[0]).all()
    assert [part.segments.tokens_of_each([row])[0].tolist() for row in range(3)] == [part.segments.tokens.tolist()[
        : len(part.segments.tokens) // 3
    ]] * 3  # fmt: skip


def test_unchanged_articles_are_taken_from_other_parts(corpus: Path, root: Path, tmp_path: Path) -> None:
    """A part of unchanged articles from several earlier parts, and new ones, is that made of all of them anew."""
    live, earlier = generations.live_folder(root), Earlier(SETTINGS, generations.live_folder(root))
    documents = [
        parse_document(identity, (corpus / identity).read_text(encoding="utf-8"), digest)
        for identity, digest in read_manifest(live).documents.items()
    ]
    new = parse_document("new.md", "# New\n\nA new text.\n", "new")
    mixed = [*(Unchanged(each.id, each.content_hash) for each in documents[::-2]), new]
    for name in ("kept", "fresh"):
        (tmp_path / name / PARTS).mkdir(parents=True)
    kept = Maker(SETTINGS, earlier).make(tmp_path / "kept", mixed)
    fresh = Maker(SETTINGS, Earlier(SETTINGS)).make(tmp_path / "fresh", [*documents[::-2], new])
    assert kept == fresh
    assert (tmp_path / "kept" / kept.file).read_bytes() == (tmp_path / "fresh" / fresh.file).read_bytes()


@pytest.mark.parametrize("how", ["flipped", "gone", "cut"])
def test_a_damaged_part_alone_is_made_anew(corpus: Path, root: Path, embedded: list[str], how: str) -> None:
    """Of several parts the damaged one is made anew, the same again, and all others are kept as they are."""
    before, rows, folder = parts_of(root), rows_of(root), generations.live_folder(root)
    part = read_manifest(folder).parts[1]
    raw = bytearray((folder / part.file).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / part.file).unlink()
    if how != "gone":
        (folder / part.file).write_bytes(raw if how == "flipped" else raw[: len(raw) // 2])
    summary = generations.build(corpus, root, SETTINGS)
    after = parts_of(root)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == [part.name]
    assert embedded.count("vector") == part.passages == len(embedded) // 2
    assert rows_of(root) == rows
    assert summary.changes.kept == sum(each.passages for each in read_manifest(folder).parts) - part.passages


def test_vectors_that_are_no_units_stop_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose vectors are not of unit length makes no part."""
    encode = StaticEmbedder.encode_tokens
    monkeypatch.setattr(StaticEmbedder, "encode_tokens", lambda self, tokens: encode(self, tokens) * np.float32(2))
    (tmp_path / PARTS).mkdir()
    with pytest.raises(ValueError, match="not 1"):
        Maker(SETTINGS, Earlier(SETTINGS)).make(tmp_path, [parse_document("a.md", "# A\n\nSome text.\n", "a")])
    assert list((tmp_path / PARTS).iterdir()) == []
