from pathlib import Path

import pytest

from qa import generations, index
from qa.config import IndexSettings
from qa.index import SearchIndex
from qa.inventory import Inventory, count_pending


@pytest.fixture
def loaded(small_index: Path) -> SearchIndex:
    """The short articles, which the test may edit."""
    return index.load(generations.live_folder(small_index))


@pytest.fixture
def inventory(small_corpus: Path) -> Inventory:
    """What is in their folder."""
    return Inventory(small_corpus, IndexSettings())


def standings(inventory: Inventory, loaded: SearchIndex) -> dict[str, str]:
    """Where each article stands, looked up anew."""
    inventory.forget()
    return {file.id: file.standing for file in inventory.files(loaded)}


def test_articles_as_indexed_are_told_from_the_index(
    inventory: Inventory, loaded: SearchIndex, small_corpus: Path
) -> None:
    """Each article has the title, language and date of its document and the size of its file, and none is pending."""
    files = inventory.files(loaded)
    assert [file.id for file in files] == sorted(loaded.documents)
    for file in files:
        document = loaded.documents[file.id]
        assert (file.title, file.language, file.standing) == (document.title, document.language, "indexed")
        assert file.size == (small_corpus / file.id).stat().st_size
    assert count_pending(files) == 0


def test_what_differs_from_the_index_is_what_a_build_would_do(
    inventory: Inventory, loaded: SearchIndex, small_corpus: Path, small_index: Path
) -> None:
    """Edited, new, removed and unreadable articles are told as such, and as many are pending as a build finds."""
    assert set(standings(inventory, loaded).values()) == {"indexed"}
    (small_corpus / "clocks.txt").write_text("Now something else.", encoding="utf-8")
    (small_corpus / "tea.zh.md").unlink()
    (small_corpus / "new.md").write_text("---\ntitle: A new one\ndate: 2026-01-02\n---\nText.", encoding="utf-8")
    (small_corpus / "noise.md").write_bytes(b"\x00\xff\x81" * 100)
    found = standings(inventory, loaded)
    assert found.pop("turtles.en.md") == found.pop("图书馆/读者.zh.md") == "indexed"
    assert found == {"clocks.txt": "newer", "new.md": "new", "noise.md": "new", "tea.zh.md": "removed"}
    files = {file.id: file for file in inventory.files(loaded)}
    assert (files["new.md"].title, files["new.md"].date) == ("A new one", "2026-01-02")
    assert files["noise.md"].reason
    reason = generations.reason_to_build(small_corpus, small_index, IndexSettings()) or ""
    assert reason.startswith("3 article(s) added or changed and 1 removed")
    assert count_pending(list(files.values())) == 4
    generations.build(small_corpus, small_index, IndexSettings())
    built = index.load(generations.live_folder(small_index))
    assert standings(inventory, built)["noise.md"] == "left out"
    assert count_pending(inventory.files(built)) == 0


def test_an_edit_of_the_same_size_is_seen(inventory: Inventory, loaded: SearchIndex, small_corpus: Path) -> None:
    """A file with one letter replaced is newer, and as indexed once the letter is back."""
    path = small_corpus / "clocks.txt"
    before = path.read_bytes()
    standings(inventory, loaded)
    path.write_bytes(before.replace(b"oldest", b"eldest"))
    assert standings(inventory, loaded)["clocks.txt"] == "newer"
    path.write_bytes(before)
    assert standings(inventory, loaded)["clocks.txt"] == "indexed"


def test_a_folder_that_is_gone_holds_removed_articles(loaded: SearchIndex, tmp_path: Path) -> None:
    """Without its folder every article is removed; that is no error."""
    assert set(standings(Inventory(tmp_path / "nowhere", IndexSettings()), loaded).values()) == {"removed"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [("LEATHERBACK", ["turtles.en.md"]), ("白茶的泡法", ["tea.zh.md"]), ("圖書館", ["图书馆/读者.zh.md"]),
     (" 80度 ", ["tea.zh.md"]), ("clocks.TXT", ["clocks.txt"]), ("nowhere at all", [])],
)  # fmt: skip
def test_articles_are_found_by_name_title_and_text(
    words: str, expected: list[str], inventory: Inventory, loaded: SearchIndex
) -> None:
    """What stands in a name, a title or a text finds its article, in any case, width or script."""
    assert [file.id for file in inventory.matching(loaded, words)] == expected


def test_edited_articles_are_found_as_they_are(inventory: Inventory, loaded: SearchIndex, small_corpus: Path) -> None:
    """A new text finds its article before it is indexed, the one it replaced no longer does."""
    (small_corpus / "clocks.txt").write_text("A sundial in Wells.", encoding="utf-8")
    assert [file.id for file in inventory.matching(loaded, "sundial")] == ["clocks.txt"]
    assert inventory.matching(loaded, "Salisbury") == []
