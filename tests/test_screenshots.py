"""The pictures of the README: made of the page as it is, and written into `docs/` with `--refresh-screenshots`."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages import CHINESE, PHONE, REFUSED, Visit, article, ask, exchanges, expect_marked, expect_said
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from views import CONFLICT, CROSSING, EDITED, exhibition, open_tab

from qa.chat import Chat
from qa.text import dominant_language

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = {name: words for words, name in re.findall(r"!\[([^\]]+)\]\(docs/([^)]+)\)", README)}
SHOWN |= dict(re.findall(r'<img src="docs/([^"]+)" [^>]*alt="([^"]+)"', README))
DESKTOP, LARGEST = (1280, 800), 150_000  # pixels; bytes of a picture
COLOURS = 96

Take = Callable[[Page, str], None]


@pytest.fixture
def take(request: pytest.FixtureRequest, tmp_path: Path) -> Take:
    """Takes a picture of the page as it is; the README has one of that name and size."""

    def taken(page: Page, name: str) -> None:
        page.wait_for_timeout(400)  # milliseconds, until the page has come to rest
        raw = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        path = (DOCS if request.config.getoption("--refresh-screenshots") else tmp_path) / name
        path.parent.mkdir(exist_ok=True)
        raw.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        window = page.viewport_size
        assert window
        for picture in (path, DOCS / name):
            with Image.open(picture) as image:
                assert image.size == (window["width"], window["height"])
            assert picture.stat().st_size < LARGEST

    return taken


def test_the_readme_shows_every_picture() -> None:
    """Each picture in `docs/` is shown by the README with words for who does not see it, and no other."""
    assert sorted(SHOWN) == sorted(path.name for path in DOCS.glob("*.png"))
    assert all(len(words) > 30 for words in SHOWN.values())
    assert [each for each in (CHINESE, CROSSING, REFUSED[0], CONFLICT) if each not in README] == []


def test_an_answer_in_chinese(visit: Visit, chat: Chat, take: Take) -> None:
    """A Chinese question has its short answer, its sentence, and beside it the article with that marked."""
    page = visit(locale="zh-CN", size=DESKTOP)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = chat.ask(CHINESE)
    expect_said(ask(page, CHINESE), chat, answer)
    expect_marked(page, answer)
    expect(page.locator("#article mark.current")).to_be_in_viewport()
    take(page, "answer.png")


def test_an_english_question_and_a_chinese_article(visit: Visit, chat: Chat, take: Take) -> None:
    """An English question is answered from a Chinese article, and it is told which words of the two met."""
    page = visit(size=DESKTOP)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    answer = chat.ask(CROSSING)
    assert {dominant_language(each.quote) for each in answer.citations} == {"zh"}
    expect_said(ask(page, CROSSING), chat, answer)
    article(page).get_by_text("Why this passage?").click()
    page.locator("#beside").evaluate("pane => { pane.scrollTop = 0 }")
    expect(article(page).get_by_role("definition").locator("b").first).to_be_in_viewport()
    take(page, "why.png")


def test_a_conflict_on_a_phone(visit: Visit, chat: Chat, take: Take) -> None:
    """A question on which articles disagree has both values, on a phone one below the other."""
    page = visit(locale="zh-CN", size=PHONE)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = chat.ask(CONFLICT)
    assert len(answer.conflict) == 2
    expect_said(ask(page, CONFLICT), chat, answer)
    expect(exchanges(page).locator(".conflict li").last).to_be_in_viewport(ratio=1)
    page.locator("#question textarea").blur()
    take(page, "phone.png")


def test_a_refusal_names_what_is_missing(chat: Chat) -> None:
    """The question of the tour that no article answers is refused, with what no passage mentions."""
    answer = chat.ask(REFUSED[0])
    assert not answer.answered
    assert "没有段落提到“火星”" in answer.text


@pytest.fixture(scope="module")
def edited(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the shipped articles are served after an edit was built."""
    with exhibition(browser, tmp_path_factory.mktemp("edited")) as address:
        yield address


def test_what_an_edit_did(visit: Visit, edited: str, take: Take) -> None:
    """After an edit the report tells which passages changed and which answers moved, with before and now."""
    page = visit(edited, size=DESKTOP)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    open_tab(page, "corpus")
    page.locator("#corpus-build [data-event=report]").click()
    report = page.locator("#corpus-view section")
    expect(report).to_contain_text(f"{EDITED} added 0, changed 1, removed 0")
    expect(report.locator(".moved li").first).to_contain_text("Before")
    take(page, "edit.png")
