"""Builds that take over what is unchanged, against builds from nothing."""

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SMALL_ARTICLES, write_articles

from qa import files, generations, index, manifest, plan
from qa.chat import Chat
from qa.config import AnswerSettings, FileLimits, IndexSettings, Settings
from qa.datatypes import Answer
from qa.generations import BuildSummary
from qa.manifest import read_manifest
from qa.text import terms

SETTINGS = IndexSettings(passage_bytes=200)
ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0, citation_share=0.0))
SENTENCES = [
    "A leatherback turtle can dive to a depth of 1,200 metres.",
    "泡白毫银针要用摄氏80度的水。",
    "The walking robot carries parcels up the stairs of old houses.",
    "北京将建设三个人工智能产业园区。",
    "Solar panels on school roofs paid for themselves within six years.",
    "城北图书馆每周一闭馆。",
    "The oldest working clock stands in Salisbury Cathedral.",
    "地铁新增两条线路，全长42公里。",
]
QUESTIONS = [
    "How deep can a leatherback turtle dive?",
    "泡白毫银针的水要多热？",
    "北京要建几个产业园区？",
    "What carries parcels up the stairs?",
    "How long is the new metro line?",
    "Where does the oldest clock stand?",
]


def random_article(generator: random.Random) -> str:
    """Headings, or none, and sentences of the few there are, so that passages often recur."""
    title = generator.choice(["", "# Of Many Things\n\n", "# 杂记\n\n", "---\ntitle: Notes\ndate: 2024-05-01\n---\n"])
    parts = ["".join(generator.choices(SENTENCES, k=generator.randint(1, 4))) for _ in range(generator.randint(1, 4))]
    return title + "\n\n## Part\n\n".join(parts) + f"\n\nNo. {generator.randint(1, 9)}.\n"


def edit(corpus: Path, generator: random.Random) -> None:
    """Edits, renames, deletes or adds a random article; one always stays."""
    paths = sorted(path for path in corpus.rglob("*") if path.is_file())
    path = generator.choice(paths)
    new = corpus / generator.choice(["", "sub", "子"]) / f"{generator.randint(0, 99)}.md"
    kind = generator.choice(["edit", "edit", "rename", "delete", "add", "touch"])
    if kind == "edit":
        path.write_bytes(random_article(generator).encode())
    elif kind == "touch":
        path.write_bytes(path.read_bytes().replace(b"No.", b"Nr."))
    elif kind == "delete" and len(paths) > 1:
        path.unlink()
    elif not new.exists():
        new.parent.mkdir(exist_ok=True)
        if kind == "rename":
            path.rename(new)
        else:
            new.write_bytes(random_article(generator).encode())


def answers(root: Path) -> list[Answer]:
    chat = Chat.open(root, ALWAYS)
    return [chat.ask(question) for question in QUESTIONS]


def counts(summary: BuildSummary) -> tuple[int, int, int, int]:
    changes = summary.changes
    return changes.added, changes.changed, changes.removed, changes.kept


def engine_free(root: Path) -> dict[str, str]:
    """Checksums of the live generation's parts, all but the terms, whose files carry random names."""
    files = read_manifest(generations.live_folder(root)).files
    return {name: checksum for name, checksum in files.items() if name.startswith("parts/")}


def rows_files(root: Path) -> list[Path]:
    return sorted((generations.live_folder(root) / "parts").iterdir())


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_answer_as_a_build_from_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any edits, renames, deletions and additions, files and answers are, byte for byte, those of a new index."""
    monkeypatch.setattr(plan, "_PART_BYTES", 600)  # so that few articles make many parts
    monkeypatch.setattr(plan, "_ENDS", 2)
    generator = random.Random(seed)
    corpus = write_articles(tmp_path / "corpus", {f"{i}.md": random_article(generator) for i in range(20)})
    generations.build(corpus, tmp_path / "kept", SETTINGS)
    for round_number in range(4):
        for _ in range(generator.randint(1, 4)):
            edit(corpus, generator)
        before = index.load(generations.live_folder(tmp_path / "kept"))
        summary = generations.build(corpus, tmp_path / "kept", SETTINGS)
        changes = summary.changes
        assert changes.kept + changes.changed + changes.added == summary.passages
        assert changes.kept + changes.changed + changes.removed == len(before.passages)
        assert changes.kept > 0
        fresh = tmp_path / f"fresh {round_number}"
        whole = generations.build(corpus, fresh, SETTINGS)
        assert counts(whole) == (whole.passages, 0, 0, 0)
        assert engine_free(tmp_path / "kept") == engine_free(fresh)
        assert answers(tmp_path / "kept") == answers(fresh)
        assert any(answer.citations for answer in answers(fresh))


def test_counts_say_what_became_of_passages(small_corpus: Path, small_index: Path) -> None:
    """An edited passage counts as changed, a new one as added, one gone as removed, and a renamed article's as kept."""
    settings = IndexSettings()
    total = read_manifest(generations.live_folder(small_index)).passages
    turtles = small_corpus / "turtles.en.md"
    turtles.write_bytes(turtles.read_bytes().replace(b"1,200", b"1,300"))
    summary = generations.build(small_corpus, small_index, settings)
    assert counts(summary) == (0, 1, 0, total - 1)
    turtles.write_bytes(turtles.read_bytes() + b"\n## Food\n\nThey eat jellyfish.\n")
    summary = generations.build(small_corpus, small_index, settings)
    assert counts(summary) == (1, 0, 0, total)
    turtles.rename(small_corpus / "sea.md")
    summary = generations.build(small_corpus, small_index, settings)
    assert counts(summary) == (0, 0, 0, total + 1)
    (small_corpus / "sea.md").unlink()
    summary = generations.build(small_corpus, small_index, settings)
    assert counts(summary) == (0, 0, 3, total - 2)


def test_an_edit_that_keeps_size_and_time_is_built(small_corpus: Path, small_index: Path) -> None:
    """A build sees an edit also where the file keeps its length and its time."""
    turtles = small_corpus / "turtles.en.md"
    status = turtles.stat()
    turtles.write_bytes(turtles.read_bytes().replace(b"1,200", b"9,999"))
    os.utime(turtles, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert generations.build(small_corpus, small_index, IndexSettings()).changes.changed == 1
    assert any("9,999" in passage.text for passage in Chat.open(small_index).index.passages)


def test_unchanged_files_are_not_converted_again(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build converts only the files whose bytes are new, keeps what encoding the others had, and answers alike."""
    page = "<html><head><title>{}</title></head><body><p>{}</p></body></html>"
    (small_corpus / "sea.html").write_bytes(page.format("Sea", SENTENCES[0]).encode())
    (small_corpus / "tea.html").write_bytes(page.format("茶的泡法", SENTENCES[1] * 4).encode("gb18030"))
    converted: list[bytes] = []
    convert = files._converted

    def count(raw: bytes, suffix: str, limits: FileLimits) -> str:
        converted.append(raw)
        return convert(raw, suffix, limits)

    monkeypatch.setattr(files, "_converted", count)
    monkeypatch.setattr(files._TEXTS, "get", lambda digest: "")  # as in a process of its own each time
    first = generations.build(small_corpus, tmp_path / "kept", SETTINGS)
    assert (len(converted), first.encodings) == (2, {"tea.html": "gb18030"})
    (small_corpus / "clocks.txt").write_text("The oldest clock has no face at all.\n", encoding="utf-8")
    second = generations.build(small_corpus, tmp_path / "kept", SETTINGS)
    assert (len(converted), second.encodings) == (2, first.encodings)
    (small_corpus / "sea.html").write_bytes(page.format("Sea", SENTENCES[2]).encode())
    third = generations.build(small_corpus, tmp_path / "kept", SETTINGS)
    assert (len(converted), counts(third)[1]) == (3, 1)
    generations.build(small_corpus, tmp_path / "fresh", SETTINGS)
    assert engine_free(tmp_path / "kept") == engine_free(tmp_path / "fresh")
    assert answers(tmp_path / "kept") == answers(tmp_path / "fresh")
    cited = {citation.passage.document_id for answer in answers(tmp_path / "kept") for citation in answer.citations}
    assert {"sea.html", "tea.html"} <= cited


def test_converted_text_outlives_what_is_cut_of_it(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that makes all rows anew converts no known file again, but where it would be converted otherwise."""
    (small_corpus / "sea.html").write_text(f"<h1>Sea</h1><p>{SENTENCES[0]}", encoding="utf-8")
    (small_corpus / "void.html").write_text("<h1></h1>", encoding="utf-8")
    converted: list[bytes] = []
    convert = files._converted

    def count(raw: bytes, suffix: str, limits: FileLimits) -> str:
        converted.append(raw)
        return convert(raw, suffix, limits)

    def conversions(settings: IndexSettings) -> int:
        converted.clear()
        assert generations.build(small_corpus, tmp_path / "kept", settings).changes.kept == 0
        return len([raw for raw in converted if b"Sea" in raw])

    monkeypatch.setattr(files, "_converted", count)
    monkeypatch.setattr(files._TEXTS, "get", lambda digest: "")  # as in a process of its own each time
    assert conversions(SETTINGS) == 1
    smaller = replace(SETTINGS, passage_bytes=100)
    assert conversions(smaller) == 0
    generations.build(small_corpus, tmp_path / "fresh", smaller)
    assert engine_free(tmp_path / "kept") == engine_free(tmp_path / "fresh")
    assert conversions(replace(smaller, text_characters=1_000)) == 1
    (texts,) = rows_files(tmp_path / "kept")
    texts.write_bytes(texts.read_bytes().replace(b"Sea", b"See"))
    assert conversions(SETTINGS) == 1
    monkeypatch.setattr("qa.earlier.conversion", lambda: "another Python")
    assert conversions(smaller) == 1


def test_deleted_text_is_gone_from_every_file(small_corpus: Path, small_index: Path) -> None:
    """Once its article is deleted and the index built, no file of the generation holds a word of it."""
    assert not Chat.open(small_index).index.lexical.lacks(terms("leatherback"))
    (small_corpus / "turtles.en.md").unlink()
    generations.build(small_corpus, small_index, IndexSettings())
    folder = generations.live_folder(small_index)
    assert not [path for path in folder.rglob("*") if path.is_file() and b"leatherback" in path.read_bytes()]
    chat = Chat.open(small_index, ALWAYS)
    assert chat.index.lexical.lacks(terms("leatherback"))
    assert all(hit.passage.document_id != "turtles.en.md" for hit in chat.ask(QUESTIONS[0]).hits)


def test_what_is_damaged_or_made_otherwise_is_not_taken_over(
    small_corpus: Path, small_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build takes nothing from a generation that is damaged, has other settings, or was made by other code."""
    settings = IndexSettings()
    assert generations.build(small_corpus, small_index, settings).changes.kept
    (vectors,) = rows_files(small_index)
    raw = bytearray(vectors.read_bytes())
    raw[-9] ^= 1
    vectors.write_bytes(raw)
    assert generations.build(small_corpus, small_index, settings).changes.kept == 0
    assert generations.build(small_corpus, small_index, settings).changes.kept
    assert generations.build(small_corpus, small_index, replace(settings, passage_bytes=500)).changes.kept == 0
    monkeypatch.setattr("qa.earlier.recipe", lambda: "other code")
    assert generations.build(small_corpus, small_index, replace(settings, passage_bytes=500)).changes.kept == 0
    assert len(manifest.recipe()) == 64


def test_an_index_of_many_parts_answers_as_one_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where articles are indexed in many parts, scores and answers are, to the last digit, those of a single part."""
    generator = random.Random(7)
    articles = {f"{i}.md": random_article(generator) for i in range(30)} | SMALL_ARTICLES
    corpus = write_articles(tmp_path / "corpus", articles)
    generations.build(corpus, tmp_path / "one", SETTINGS)
    monkeypatch.setattr(plan, "_PART_BYTES", 400)
    monkeypatch.setattr(plan, "_ENDS", 1)
    generations.build(corpus, tmp_path / "many", SETTINGS)
    folders = [generations.live_folder(tmp_path / name) / "lexical" for name in ("one", "many")]
    assert [len(list(folder.glob("*.idx"))) > 10 for folder in folders] == [False, True]
    assert answers(tmp_path / "many") == answers(tmp_path / "one")
