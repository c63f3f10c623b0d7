from collections.abc import Callable
from pathlib import Path

import pytest

from qa import generations, index
from qa.index import SearchIndex
from qa.support import Marked, fitted, marked_sentences, meet, why_uncited, why_unsupported

FLOORS = fitted()["floors"]
Rows = Callable[[str], int]


@pytest.fixture
def small(small_index: Path) -> SearchIndex:
    """The short articles, loaded."""
    return index.load(generations.live_folder(small_index))


@pytest.fixture
def row_of(small: SearchIndex) -> Rows:
    """The row of the passage that holds some words."""
    return lambda words: next(passage.id for passage in small.passages if words in passage.text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One [1]. Two [2][3].", [("One.", (1,)), ("Two.", (2, 3))]),
        ("One. [1] Two. [2, 3]", [("One.", (1,)), ("Two.", (2, 3))]),
        ("第一句。[1]第二句［２］。第三句", [("第一句。", (1,)), ("第二句。", (2,)), ("第三句", ())]),
        ("- One [1]\n- Two 【2】\n", [("One", (1,)), ("Two", (2,))]),
        ("One.\n[1]\n\nTwo.", [("One.", (1,)), ("Two.", ())]),
        ("It weighs 3.5 kg [1].", [("It weighs 3.5 kg.", (1,))]),
        ("[1]", []),
        ("", []),
    ],
)
def test_marks_go_with_their_sentence(text: str, found: list[tuple[str, tuple[int, ...]]]) -> None:
    """`[n]` belongs to the sentence it stands in or right after, whatever its brackets, and is no part of its text."""
    assert [(each.text, each.numbers) for each in marked_sentences(text)] == found


@pytest.mark.parametrize(
    ("sentence", "place"),
    [
        ("A leatherback turtle can dive to 1,200 metres.", "1,200"),
        ("Leatherback turtles dive as deep as 1.2 thousand metres.", "1,200"),
        ("海龟可以下潜到1200米的深度。", "1,200"),
        ("白毫银针要用80度的水泡三分钟。", "摄氏80度"),
        ("White tea should be stored in a dry place away from light.", "避光"),
        ("城北图书馆的读者最多可以借12本书。", "12本书"),
        ("Each reader of the library may borrow up to twelve books at once.", "12本书"),
    ],
)
def test_what_a_passage_says_is_supported(sentence: str, place: str, small: SearchIndex, row_of: Rows) -> None:
    """A sentence that retells or translates its passage is supported by it and by no other passage."""
    for row in range(len(small.passages)):
        reason = why_unsupported(meet(small, sentence, [row]), "en", FLOORS)
        assert (reason == "") == (row == row_of(place)), (row, reason)


@pytest.mark.parametrize(
    ("sentence", "place", "missing"),
    [
        ("A leatherback turtle can dive to 1,300 metres.", "1,200", "1,300"),
        ("海龟可以下潜到1300米的深度。", "1,200", "1300"),
        ("The leatherback turtle Gamera can dive to 1,200 metres.", "1,200", "Gamera"),
        ("院长李建国说，白毫银针要用80度的水泡三分钟。", "摄氏80度", "李建国"),
        ("《红楼梦》说，白毫银针要用80度的水泡三分钟。", "摄氏80度", "红楼梦"),
        ("In March each reader of the library may borrow up to twelve books at once.", "12本书", "march"),
    ],
)
def test_what_is_made_up_is_named(sentence: str, place: str, missing: str, small: SearchIndex, row_of: Rows) -> None:
    """A number, date or name that the passage does not have is the reason why a sentence is not supported."""
    meeting = meet(small, sentence, [row_of(place)])
    assert missing in why_unsupported(meeting, "en", FLOORS)
    assert missing in why_unsupported(meeting, "zh", FLOORS)


def test_a_name_is_met_by_its_sound(tmp_path: Path) -> None:
    """A Chinese name spelt in Pinyin stands in a Chinese passage of that name, another does not."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.md").write_text("# 研究院\n\n院长朱松纯介绍了“通通”，它是一个智能人。\n", encoding="utf-8")
    generations.build(folder, tmp_path / "index", index.IndexSettings())
    loaded = index.load(generations.live_folder(tmp_path / "index"))
    for name, like in (("Zhu Songchun", True), ("Wang Jianguo", False)):
        ((found, likeness),) = meet(loaded, f"The director {name} introduced it.", [0]).names
        assert found == name
        assert (likeness >= FLOORS["en to zh"]["name"]) == like


def test_two_passages_may_support_what_neither_does(small: SearchIndex, row_of: Rows) -> None:
    """A sentence that cites two passages may take a number from each, and the nearest sentence of each is told."""
    sentence = "白毫银针要用80度的水，读者最多可以借阅12本书。"
    rows = [row_of("摄氏80度"), row_of("12本书")]
    assert [bool(meet(small, sentence, [row]).missing) for row in rows] == [True, True]
    meeting = meet(small, sentence, rows)
    assert why_unsupported(meeting, "zh", FLOORS) == ""
    nearest = [small.passages[row].text[slice(*span)] for row, (_, span) in zip(rows, meeting.nearest, strict=True)]
    assert ["80度" in nearest[0], "12本书" in nearest[1]] == [True, True]


def test_a_passage_states_its_heading_and_date(tmp_path: Path) -> None:
    """What a sentence claims may stand in the headings or the date of the article it cites."""
    folder = tmp_path / "articles"
    folder.mkdir()
    text = (
        "---\ntitle: The Harbour\ndate: 2024-05-17\n---\n\n# The Harbour\n\n## Opening in Odense\n\nIt has 3 piers.\n"
    )
    (folder / "a.md").write_text(text, encoding="utf-8")
    generations.build(folder, tmp_path / "index", index.IndexSettings())
    loaded = index.load(generations.live_folder(tmp_path / "index"))
    meeting = meet(loaded, "On 17 May 2024 the Harbour in Odense had three piers.", [0])
    assert meeting.missing == ()
    assert {likeness for _, likeness in meeting.names} == {1.0}


def test_a_sentence_must_cite_what_is_there() -> None:
    """A sentence without a number, or with one that no passage has, is told from one that the check can look up."""
    assert why_uncited(Marked("One.", ()), 3, "en") == "it cites nothing"
    assert why_uncited(Marked("One.", (1, 4)), 3, "en") != ""
    assert why_uncited(Marked("One.", (0,)), 3, "zh") != ""
    assert why_uncited(Marked("One.", (1, 3)), 3, "en") == ""


def test_the_floors_are_fitted_for_each_pair_of_languages() -> None:
    """Every pair of languages has floors in (0, 1), fitted to keep most true sentences and to catch most false ones."""
    pairs = {"zh to zh", "en to en", "zh to en", "en to zh"}
    assert FLOORS.keys() == fitted()["report"].keys() == pairs
    for pair in pairs:
        assert all(0.0 < value < 1.0 for value in FLOORS[pair].values())
        figures = fitted()["report"][pair]
        assert figures["true kept"] > 0.75
        assert min(figures["neighbour caught"], figures["number caught"]) > 0.85
