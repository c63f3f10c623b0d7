"""The page in a real browser, against a real server."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)  # fmt: skip
from test_llm import Server, endless, event, fails, language_server, writes

from app import EXAMPLES, create_app, serve
from qa import generations, offline, receipts
from qa.chat import Chat, LiveChat
from qa.config import AnswerSettings, IndexSettings, LanguageModelSettings, Settings
from qa.datatypes import Answer, Document
from qa.errors import WenjuError
from qa.render import conflict_note
from qa.text import dominant_language

ROOT = Path(__file__).resolve().parents[1]

Visit = Callable[..., Page]

CHINESE = "京津冀创业投资引导基金的总规模是多少？"
ENGLISH = "How many chips does FlagOS 2.0 support?"
REFUSED = ["火星上的基地什么时候建成？", "Who won the 1998 football world cup?"]
LAPTOP, PHONE = (1280, 900), (390, 844)

BROWSER_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
BROWSERS = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]


def browser_path() -> str:
    """A Chromium of this machine; without one the test is skipped, or fails where CI is set."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)
    if found is None:
        reason = "the tests of the page need Chromium (apt-get install chromium, or set CHROMIUM)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


# Browser and server last as long as this file's tests: Playwright keeps an event loop running in the main thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        expect.set_options(timeout=15_000)  # milliseconds: a busy machine takes its time
        yield browser
        browser.close()


@contextmanager
def served(chat: Chat) -> Iterator[str]:
    """The page over a chat at the address given; calls made before the server is up wait in the socket's queue."""
    listening = socket.create_server(("127.0.0.1", 0))
    live = LiveChat(chat.index.folder.parent, chat.settings)
    # gradio wants a running event loop while the page is made: the server makes it in its own.
    settings = uvicorn.Config(partial(create_app, live), factory=True, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(chat: Chat) -> Iterator[str]:
    """Where the shipped articles are served."""
    with served(chat) as address:
        yield address


def watch(context: BrowserContext) -> list[str]:
    """A list that fills with each request beyond this machine, page error and console error or warning."""
    troubles: list[str] = []

    def note_request(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):  # data: and blob: addresses have no host
            troubles.append(f"request: {request.url}")

    def note_message(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            troubles.append(f"console: {message.text}")

    context.on("request", note_request)
    context.on("console", note_message)
    context.on("weberror", lambda error: troubles.append(f"page: {error.error}"))
    return troubles


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Opens the page as a new visitor; anything `watch` sees fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[list[str]] = []

    def opened(at: str = address, *, locale: str = "en-US", size: tuple[int, int] = LAPTOP) -> Page:
        context = browser.new_context(locale=locale, viewport={"width": size[0], "height": size[1]})
        contexts.append(context)
        troubles.append(watch(context))
        page = context.new_page()
        page.goto(at)
        expect(question_box(page)).to_be_visible()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert list(chain.from_iterable(troubles)) == []


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page over the shipped articles, in English, on a laptop."""
    return visit()


def question_box(page: Page) -> Locator:
    return page.locator("#question").get_by_role("textbox")


def questions(page: Page) -> Locator:
    return page.locator("#conversation").get_by_test_id("user")


def answers(page: Page) -> Locator:
    return page.locator("#conversation").get_by_test_id("bot")


def articles(page: Page) -> Locator:
    return page.locator("#evidence").get_by_role("article")


def marks(page: Page) -> Locator:
    return page.locator("#evidence mark")


def receipt_link(page: Page) -> Locator:
    return page.locator("#evidence").get_by_role("link", name="保存凭据 Save receipt")


def submit(page: Page, question: str) -> None:
    question_box(page).fill(question)
    question_box(page).press("Enter")


def ask(page: Page, question: str) -> Locator:
    """Asks and waits; the bubble of the answer."""
    before = answers(page).count()
    submit(page, question)
    expect(answers(page)).to_have_count(before + 1)
    expect(question_box(page)).to_have_value("")
    return answers(page).nth(before)


def without_numbers(element: Locator) -> str:
    """The text of an element as it stands in the document, but for the small numbers of its marks."""
    return element.evaluate(
        "element => { const copy = element.cloneNode(true);"
        " copy.querySelectorAll('sup').forEach(number => number.remove()); return copy.textContent; }"
    )


def expect_said(bubble: Locator, chat: Chat, answer: Answer) -> None:
    """Expects what was searched, the short answer or the conflict, and each quote with its number and title.

    Of a refusal the titles and beginnings of the nearest passages.
    """
    titles = {document.id: document.title for document in chat.index.documents.values()}
    if answer.answered:
        lines = [f"⚠️ {conflict_note(answer)}"] if answer.conflict else []
        if answer.short and not answer.conflict:
            lines = [f"{answer.short.quote} [{answer.short.number}]"]
        for citation in answer.citations:
            lines += [f"{citation.quote} [{citation.number}]", f"— {titles[citation.passage.document_id]}"]
        expect(bubble.get_by_role("paragraph")).to_have_text(lines)
    else:
        expect(bubble).to_contain_text(answer.text)
        for item, hit in zip(bubble.get_by_role("listitem").all(), answer.hits, strict=False):
            beginning = " ".join(hit.passage.text.split())[:60]
            expect(item).to_contain_text(f"{titles[hit.passage.document_id]}: {beginning}")


def expect_marked(page: Page, answer: Answer) -> None:
    """Expects each cited span to be marked under its number, and nothing else."""
    expect(marks(page)).to_have_count(len(answer.citations))
    for citation in answer.citations:
        mark = page.locator(f"#source-{citation.number}")
        expect(mark).to_have_text(f"{citation.quote}{citation.number}")
        assert without_numbers(mark) == citation.quote


def body(document: Document) -> str:
    """What an article says after its front matter, which is YAML between two lines of dashes."""
    return re.sub(r"\A---\n.*?^---\n", "", document.text, flags=re.DOTALL | re.MULTILINE).strip()


def test_the_watch_sees_what_it_should(browser: Browser, address: str) -> None:
    """The watch of these tests sees a request to another host, a page error and a console error, and no other thing."""
    with browser.new_context() as context:
        troubles = watch(context)
        page = context.new_page()
        page.goto(f"{address}/healthz")
        page.evaluate("fetch('/healthz').then(answer => answer.text())")
        assert troubles == []
        with context.expect_event("weberror"), context.expect_event("request"), context.expect_event("console"):
            page.evaluate("fetch('http://127.0.0.2:9/').catch(() => 0)")  # not 127.0.0.1, yet on this machine
            page.evaluate("console.error('said'); setTimeout(() => { throw new Error('thrown') }, 0)")
    assert {"request: http://127.0.0.2:9/", "console: said", "page: thrown"} <= set(troubles)


@pytest.mark.parametrize("question", [CHINESE, ENGLISH, "众智FlagOS 2.0支持多少款芯片？"], ids=["zh", "en", "crossing"])
def test_an_answer_stands_beside_its_articles(question: str, page: Page, chat: Chat, corpus_folder: Path) -> None:
    """An answer is its numbered quotes; beside it stand the whole articles, marked in the cited spans only."""
    answer = chat.ask(question)
    assert answer.answered
    bubble = ask(page, question)
    expect_said(bubble, chat, answer)
    expect(questions(page)).to_have_text([question])
    expect_marked(page, answer)
    cited = list(dict.fromkeys(citation.passage.document_id for citation in answer.citations))
    expect(articles(page)).to_have_count(len(cited))
    for position, document_id in enumerate(cited):
        article, document = articles(page).nth(position), chat.document(document_id)
        expect(article.get_by_role("heading")).to_have_text(document.title)
        assert document.text == (corpus_folder / document_id).read_bytes().decode("utf-8")
        assert without_numbers(article.locator("div")).strip() == body(document)
    left, right = page.locator("#conversation").bounding_box(), articles(page).first.bounding_box()
    assert left and right
    assert left["x"] + left["width"] <= right["x"]


@pytest.mark.parametrize("question", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_the_first_mark_is_in_view_at_once(question: str, page: Page) -> None:
    """Beside an answer the article is scrolled to its mark, and the page stays where it is."""
    ask(page, question)
    expect(marks(page).first).to_be_in_viewport(ratio=1)
    assert page.evaluate("window.scrollY") == 0


SCROLL_AWAY = """mark => {
  const article = mark.closest('article');
  article.scrollTop = mark.offsetTop > article.scrollHeight / 2 ? 0 : article.scrollHeight;
  window.scrollTo(0, 0);
}"""


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_number_leads_to_its_mark(size: tuple[int, int], visit: Visit, chat: Chat) -> None:
    """A click on a number brings its mark into view, wherever page and article were scrolled to."""
    page, question = visit(size=size), "How many guests gave speeches at the forum?"
    bubble, answer = ask(page, question), chat.ask(question)
    for citation in answer.citations:
        mark = page.locator(f"#source-{citation.number}")
        mark.evaluate(SCROLL_AWAY)
        expect(mark).not_to_be_in_viewport()
        bubble.get_by_role("link", name=f"[{citation.number}]").last.click()
        expect(mark).to_be_in_viewport(ratio=1)


def test_a_number_of_an_earlier_answer_leads_to_its_own_mark(page: Page, chat: Chat) -> None:
    """After another answer, the numbers of an earlier one still lead to the article they cite, not to the newest."""
    first = ask(page, ENGLISH)
    second = ask(page, CHINESE)
    for bubble, question in ((first, ENGLISH), (second, CHINESE), (first, ENGLISH)):
        bubble.get_by_role("link", name="[1]").first.click()
        expect_marked(page, chat.ask(question))
        expect(page.locator("#source-1")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("question", REFUSED, ids=["zh", "en"])
def test_a_refusal_shows_the_nearest_passages(question: str, page: Page, chat: Chat) -> None:
    """A refusal says so, shows the beginnings of the nearest passages under their titles, and marks nothing."""
    ask(page, ENGLISH)
    expect(marks(page)).not_to_have_count(0)
    answer = chat.ask(question)
    assert not answer.answered
    bubble = ask(page, question)
    expect_said(bubble, chat, answer)
    expect(bubble.get_by_role("listitem")).to_have_count(3)
    expect(bubble.get_by_role("link")).to_have_count(0)
    expect(marks(page)).to_have_count(0)
    expect(articles(page)).to_have_count(0)


def test_a_click_on_an_example_asks_it(page: Page, chat: Chat) -> None:
    """Each example, of which there are some in both languages, is asked and answered at a click."""
    assert {"zh", "en"} == {dominant_language(example) for example in EXAMPLES}
    for number, example in enumerate(EXAMPLES):
        page.locator("#examples").get_by_role("button", name=example).click()
        expect(questions(page).nth(number)).to_have_text(example)
        expect_said(answers(page).nth(number), chat, chat.ask(example))


def test_the_button_asks(page: Page, chat: Chat) -> None:
    """The button beside the question asks it, as the Enter key does."""
    question_box(page).fill(ENGLISH)
    page.get_by_role("button", name="提问 Ask").click()
    expect_said(answers(page).first, chat, chat.ask(ENGLISH))


@pytest.mark.parametrize(
    "question",
    ["", "  \t ", "🙂🎉", "\x00\x1b[\x7f", "？！", "x" * 100_000, "问" * 100_000],
    ids=["empty", "blank", "emoji", "control characters", "punctuation", "long English", "long Chinese"],
)
def test_what_cannot_be_asked_is_said_in_both_languages(question: str, page: Page, chat: Chat) -> None:
    """A question that cannot be asked gets a message in both languages, stays to be mended, and harms nothing."""
    ask(page, ENGLISH)
    submit(page, question)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("请用中文或英文提问，不超过2,000字（question_characters，可在设置中调高）")
    expect(alert).to_contain_text("(limit 2,000)" if len(question) > 2_000 else "ask in Chinese or English")
    expect(question_box(page)).to_have_value(question)
    expect(answers(page)).to_have_count(1)
    expect_marked(page, chat.ask(ENGLISH))
    expect_said(ask(page, CHINESE), chat, chat.ask(CHINESE))
    expect(alert).to_have_count(0)


@pytest.mark.parametrize(
    "question",
    [
        "How many chips does FlagOS 2.0 support? 🙂\x1b\x00",
        "<img src='http://127.0.0.2/' onerror='window.reached = 1'> ![i](http://127.0.0.2/) $$x$$ **chips** `FlagOS`",
        "http://127.0.0.2/chips www.chips.example chips@chips.example 1. # FlagOS",
    ],
    ids=["emoji and control characters", "markup", "addresses"],
)
def test_a_question_is_shown_as_typed(question: str, page: Page, chat: Chat) -> None:
    """Emoji, control characters and markup in a question are shown as they are, obeyed by nothing, and answered."""
    bubble = ask(page, question)
    expect(questions(page)).to_have_text(question.replace("\x00", "").strip())
    expect(questions(page).get_by_role("link").or_(questions(page).locator("img, strong, code"))).to_have_count(0)
    expect_said(bubble, chat, chat.ask(question))


def test_half_a_character_is_no_error(page: Page) -> None:
    """A lone surrogate, which no encoding can write, is asked as a question mark."""
    question_box(page).evaluate(
        "box => { box.value = 'FlagOS \\ud83d 2.0'; box.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    question_box(page).press("Enter")
    expect(questions(page)).to_have_text("FlagOS ? 2.0")
    expect(answers(page)).to_have_count(1)


FOLLOW_UP = "它是哪个团队做的？"


def searched_box(page: Page) -> Locator:
    return page.locator("#searched").get_by_role("textbox")


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_follow_up_shows_what_was_searched(size: tuple[int, int], visit: Visit, chat: Chat) -> None:
    """An incomplete question is answered with those before it; bubble and box say how, on a phone too."""
    page = visit(size=size)
    expect(searched_box(page)).to_have_count(0)
    ask(page, "众智FlagOS 2.0支持多少款芯片？")
    expect(searched_box(page)).to_have_value("众智FlagOS 2.0支持多少款芯片？")
    bubble = ask(page, FOLLOW_UP)
    answer = chat.ask(FOLLOW_UP, history=[chat.ask("众智FlagOS 2.0支持多少款芯片？")])
    assert answer.searched_as
    expect(questions(page).last).to_have_text(FOLLOW_UP)
    expect(bubble.get_by_role("paragraph").first).to_have_text(f"（按“{answer.searched_as}”检索）")
    expect(searched_box(page)).to_have_value(answer.searched_as)
    expect_marked(page, answer)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_was_searched_can_be_corrected(page: Page, chat: Chat) -> None:
    """The corrected question is searched as it stands, and the next follow-up builds on it; a wrong one is said."""
    ask(page, "众智FlagOS 2.0支持多少款芯片？")
    ask(page, FOLLOW_UP)
    searched_box(page).fill("？")
    page.get_by_role("button", name="重新检索 Search again").click()
    expect(page.get_by_role("alert")).to_contain_text("请用中文或英文提问")
    searched_box(page).fill("How many robots ran the canteen?")
    page.get_by_role("button", name="重新检索 Search again").click()
    expect(answers(page)).to_have_count(3)
    corrected = chat.ask(FOLLOW_UP, searched_as="How many robots ran the canteen?")
    expect(questions(page).last).to_have_text(FOLLOW_UP)
    expect(answers(page).last).to_contain_text("（按“How many robots ran the canteen?”检索）")
    expect_marked(page, corrected)
    expect(page.get_by_role("alert")).to_have_count(0)
    bubble = ask(page, "Which companies made them?")
    expect(bubble).to_contain_text("(searched as “Which companies made the robots of the canteen?”)")


def test_an_earlier_follow_up_is_recalled_as_searched(page: Page, chat: Chat) -> None:
    """A click on an earlier answer brings back its articles and what was searched, after other questions too."""
    ask(page, "众智FlagOS 2.0支持多少款芯片？")
    bubble = ask(page, FOLLOW_UP)
    ask(page, CHINESE)
    bubble.get_by_role("link", name="[1]").first.click()
    answer = chat.ask(FOLLOW_UP, history=[chat.ask("众智FlagOS 2.0支持多少款芯片？")])
    expect_marked(page, answer)
    expect(searched_box(page)).to_have_value(answer.searched_as)


def test_a_conversation_the_server_has_forgotten_goes_on(page: Page, chat: Chat) -> None:
    """Once the server knows nothing of a conversation any more, its bubbles stay, lead to their articles, and go on."""
    ask(page, ENGLISH)
    bubble = ask(page, CHINESE)

    def as_another(route: Route) -> None:
        route.continue_(post_data=re.sub(r'(?<="session_hash":")\w+', "another", route.request.post_data or ""))

    page.route("**/run/predict", as_another)
    searched_box(page).fill("How many robots ran the canteen?")
    page.get_by_role("button", name="重新检索 Search again").click()
    expect(answers(page)).to_have_count(3)
    expect_said(answers(page).last, chat, chat.ask("How many robots ran the canteen?"))
    bubble.get_by_role("link", name="[1]").first.click()
    expect_marked(page, chat.ask(CHINESE))
    answers(page).last.get_by_role("link", name="[1]").first.click()
    expect_marked(page, chat.ask("How many robots ran the canteen?"))
    expect(answers(page)).to_have_count(3)


def test_a_new_conversation_has_no_history(page: Page, visit: Visit, chat: Chat) -> None:
    """Once cleared, a conversation is forgotten; and no visitor's question is completed with another's."""
    ask(page, "众智FlagOS 2.0支持多少款芯片？")
    other = visit()
    expect_said(ask(other, FOLLOW_UP), chat, chat.ask(FOLLOW_UP))
    page.get_by_role("button", name="Clear").click()
    expect(answers(page)).to_have_count(0)
    expect(searched_box(page)).to_have_count(0)
    expect_said(ask(page, FOLLOW_UP), chat, chat.ask(FOLLOW_UP))


def test_clearing_the_conversation_clears_its_article(page: Page) -> None:
    """Once the conversation is cleared, no article of it is left beside it."""
    ask(page, ENGLISH)
    page.get_by_role("button", name="Clear").click()
    expect(answers(page)).to_have_count(0)
    expect(articles(page)).to_have_count(0)


HOSTILE = """---
title: 'Pandas <img src=x onerror="reached = 1"> **x** ![i](http://127.0.0.2/a.png) ${reached = 2} http://127.0.0.2/'
date: "2026<script>reached = 3</script>"
language: en
---

# Pandas <script>reached = 4</script>

The panda eats 99 bamboo shoots <script>reached = 5</script><img src=x onerror="reached = 6"> every day.

The crane sleeps 14 hours in **blue** `water` at [its nest](http://127.0.0.2/b) by ![a lake](http://127.0.0.2/c.png).

The beaver builds 31 dams with $$x^2$$ ${reached = 7} {{constructor}} &lt;b&gt; </div></article><b>wood</b> & mud <!--.

The stork carries 12 frogs to http://127.0.0.2/d and www.stork.example or stork@stork.example on most days.

3. The otter cracks 45 shells <a href="javascript:reached = 8" onclick="reached = 9">with</a> <iframe src=/> stones.
"""
HOSTILE_QUESTIONS = [
    "How many bamboo shoots does the panda eat every day?",
    "How many hours does the crane sleep?",
    "How many dams does the beaver build?",
    "How many frogs does the stork carry?",
    "How many shells does the otter crack?",
]
DANGERS = [  # what the quotes hold; an image is in the title, as a sentence ends at its exclamation mark
    "<script>", "<img", "[its nest](", "**blue**", "`water`", "$$x^2$$", "${", "{{", "&lt;", "</article>", "http://",
    "www.", "@", "javascript:", "<iframe",
]  # fmt: skip


@pytest.mark.parametrize("least_confidence", [0.0, 1.0], ids=["answered", "refused"])
def test_what_articles_say_is_shown_not_obeyed(least_confidence: float, visit: Visit, tmp_path: Path) -> None:
    """Scripts, tags, links, images, formulas and templates in an article, its title or date are shown as text."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "animals.md").write_bytes(HOSTILE.encode())
    generations.build(tmp_path / "articles", tmp_path / "index", IndexSettings())
    chat = Chat.open(tmp_path / "index", Settings(answer=AnswerSettings(minimum_confidence=least_confidence)))
    quoted = ""
    with served(chat) as address:
        page = visit(address)
        for question in HOSTILE_QUESTIONS:
            answer, bubble = chat.ask(question), ask(page, question)
            expect_said(bubble, chat, answer)
            expect_marked(page, answer)
            assert_inert(page, bubble, answer)
            for article in articles(page).all():
                assert without_numbers(article.locator("div")).strip() == body(chat.document("animals.md"))
            quoted += answer.text if answer.answered else ""
    assert [danger for danger in DANGERS if danger not in quoted] == (DANGERS if least_confidence else [])


def assert_inert(page: Page, bubble: Locator, answer: Answer) -> None:
    """Asserts that nothing ran, and that bubble and evidence hold no element beyond those the page makes."""
    assert page.evaluate("typeof reached") == "undefined"
    tags = "element => [...new Set([...element.querySelectorAll('*')].map(inner => inner.localName))]"
    in_bubble, in_evidence = set(bubble.evaluate(tags)), set(page.locator("#evidence").evaluate(tags))
    assert in_bubble <= {"div", "span", "p", "a", "em", "ul", "li", "strong"}
    assert in_evidence <= {"div", "article", "h2", "p", "mark", "sup", "a"}
    assert page.locator("#evidence a").count() == 1  # the receipt's
    addresses = bubble.get_by_role("link").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert all(re.fullmatch(r"#source-\d", address) for address in addresses)
    styled = bubble.locator("em, strong").all_text_contents()  # by the page itself: titles, and the short answer
    short = "" if answer.short is None else answer.short.quote
    assert all(text.startswith("Pandas <img") or text == short for text in styled)


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_each_answer_can_be_saved(
    size: tuple[int, int], visit: Visit, chat: Chat, corpus_folder: Path, tmp_path: Path
) -> None:
    """The receipt of the answer shown, earlier ones and refusals too, is a file that holds it and that verifies."""
    page = visit(size=size)
    expect(receipt_link(page)).to_have_count(0)
    first = ask(page, ENGLISH)
    expect_saved(page, chat.ask(ENGLISH), corpus_folder, tmp_path)
    ask(page, REFUSED[0])
    expect_saved(page, chat.ask(REFUSED[0]), corpus_folder, tmp_path)
    first.get_by_role("link", name="[1]").first.click()
    expect_marked(page, chat.ask(ENGLISH))
    expect_saved(page, chat.ask(ENGLISH), corpus_folder, tmp_path)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.get_by_role("button", name="Clear").click()
    expect(receipt_link(page)).to_have_count(0)


def expect_saved(page: Page, answer: Answer, corpus: Path, folder: Path) -> None:
    """Expects the file behind the link to be a receipt of this answer alone, valid, without a path of the server."""
    with page.expect_download() as download:
        receipt_link(page).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "receipt.json"
    assert str(Path.cwd()) not in path.read_text(encoding="utf-8")
    ((_, receipt),) = receipts.read(path)
    assert isinstance(receipt, receipts.Receipt)
    assert (receipt.question, receipt.text) == (answer.question, answer.text)
    assert [(span.document_id, span.start, span.quote) for span in receipt.citations] == [
        (citation.passage.document_id, citation.start, citation.quote) for citation in answer.citations
    ]
    verdicts = receipts.verify(receipt, receipts.Articles(corpus))
    assert [verdict.state for verdict in verdicts] == ["valid"] * len(answer.citations)


def test_two_visitors_see_only_their_own(visit: Visit, chat: Chat) -> None:
    """Two visitors at once each see their own questions, answers and articles, and nothing of the other's."""
    one, other = visit(locale="zh-CN"), visit()
    ask(one, CHINESE)
    ask(other, ENGLISH)
    ask(one, REFUSED[0])
    expect(questions(one)).to_have_text([CHINESE, REFUSED[0]])
    expect_marked(one, chat.ask(REFUSED[0]))
    expect(questions(other)).to_have_text([ENGLISH])
    expect(answers(other)).to_have_count(1)
    expect_marked(other, chat.ask(ENGLISH))
    expect(questions(visit())).to_have_count(0)


def test_nothing_on_the_page_leads_away(page: Page) -> None:
    """No link leads off the page but to a file of its own, and no button of the conversation sends it anywhere."""
    ask(page, ENGLISH)
    buttons = page.locator("#conversation").get_by_role("button")
    for position in reversed(range(buttons.count())):
        buttons.nth(position).click()
    ask(page, CHINESE)
    addresses = page.get_by_role("link").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert receipt_link(page).get_attribute("href") in addresses
    assert all(address.startswith(("#source-", "data:application/json;base64,")) for address in addresses)
    assert len(page.context.pages) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_can_be_read_in_either_theme(theme: str, visit: Visit, address: str) -> None:
    """The contrast of a mark's text is at least 4.5 to 1, as WCAG 2.2 asks (1.4.3), in the light and the dark theme."""
    page = visit(f"{address}/?__theme={theme}")
    ask(page, CHINESE)
    colours = marks(page).first.evaluate(
        "mark => [getComputedStyle(mark).color, getComputedStyle(mark).backgroundColor]"
    )
    darker, lighter = sorted(map(luminance, colours))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """The relative luminance of an opaque `rgb(…)` colour, as WCAG 2.2 defines it."""
    assert colour.startswith("rgb(")
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_healthz_answers(address: str, chat: Chat) -> None:
    """`/healthz` says that all is well, how many passages there are, and of which generation."""
    answer = httpx.get(f"{address}/healthz")
    said = {"status": "ok", "passages": len(chat.index.passages), "generation": chat.generation}
    assert (answer.status_code, answer.json()) == (200, said)


def test_no_page_of_the_server_loads_from_elsewhere(address: str) -> None:
    """The interactive documentation, which loads its scripts from another host, is not served."""
    for path in ("docs", "redoc"):
        assert httpx.get(f"{address}/{path}").status_code == 404


def test_an_address_in_use_is_a_person_s_to_mend(chat: Chat) -> None:
    """A port that is taken or does not exist is one line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (taken.getsockname()[1], 65_536):
            with pytest.raises(WenjuError, match=f"port {port}") as caught:
                serve(LiveChat(chat.index.folder.parent), "127.0.0.1", port)
            assert "\n" not in str(caught.value)


def test_one_command_builds_and_serves(visit: Visit, tmp_path: Path) -> None:
    """`python app.py` builds a missing index, says where it is, answers there, reaches nothing beyond, ends quietly."""
    (tmp_path / "sitecustomize.py").write_text(offline.source(), encoding="utf-8")  # run by Python before app.py
    command = [sys.executable, str(ROOT / "app.py"), "--index", str(tmp_path / "index"), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as process:
        too_long = threading.Timer(180, process.kill)
        too_long.start()
        try:
            assert process.stdout
            said = ""
            while not (printed := re.search(r"http://127\.0\.0\.1:\d+", said)):
                line = process.stdout.readline()
                assert line, f"it ended: {said}"
                said += line
            bubble = ask(visit(printed.group()), "众智FlagOS 2.0支持多少款芯片？")
            expect(bubble).to_contain_text("32 AI chips")
            assert (tmp_path / "index" / generations.POINTER).is_file()
            assert process.poll() is None
            process.terminate()  # with the page still open
            assert "Traceback" not in process.stdout.read()
        finally:
            too_long.cancel()
            process.terminate()


# gradio's queue sums up its calls with pandas, in ways that pandas means to change.
gradio_queue = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def writing(chat: Chat, address: str) -> Callable[[Server], Chat]:
    """Gives the chat a language model that may write as long as it likes."""
    httpx.get(f"{address}/healthz")  # two pages cannot be made at the same time

    def with_model(server: Server) -> Chat:
        model = LanguageModelSettings(server.address, "small", answer_characters=100_000_000)
        return Chat(chat.index, replace(chat.settings, language_model=model))

    return with_model


@gradio_queue
def test_what_is_written_is_shown_checked(writing: Callable[[Server], Chat], visit: Visit) -> None:
    """Below the citations come the written sentences, with links where supported, with words where not."""
    text = "FlagOS 2.0 supports 32 AI chips from 18 vendors. [1] It was made by 999 people. [1]"
    with language_server(writes(text)) as server, served(writing(server)) as address:
        page = visit(address)
        bubble = ask(page, ENGLISH)
        expect(bubble).to_contain_text("Written by a language model")
        expect(bubble).to_contain_text("32 AI chips from 18 vendors. [1]")
        expect(bubble).to_contain_text("It was made by 999 people. (not supported by the articles: “999”")
        for _ in range(2):
            expect(marks(page).filter(has_text="32 AI chips")).to_have_count(1)
            bubble.click()


@gradio_queue
def test_a_server_that_is_down_is_said_in_the_bubble(writing: Callable[[Server], Chat], visit: Visit) -> None:
    """Where the language model's server answers with an error the bubble has the citations and a line that says so."""
    with language_server(fails(500)) as server, served(writing(server)) as address:
        bubble = ask(visit(address), CHINESE)
        expect(bubble).to_contain_text("500亿元")
        expect(bubble).to_contain_text("语言模型的服务器报告错误 500")


@gradio_queue
def test_a_new_question_ends_the_writing_of_the_last(writing: Callable[[Server], Chat], visit: Visit) -> None:
    """Asked anew while an answer is being written, the page keeps both answers and the server sees its reader go."""
    with language_server(endless(event(" "), pause=0.02)) as server, served(writing(server)) as address:
        page = visit(address)
        ask(page, ENGLISH)
        expect(page.locator("#draft")).to_contain_text("Written by a language model")
        server.behave = writes("引导基金的总规模是500亿元。[1]")
        expect(ask(page, CHINESE)).to_contain_text("语言模型根据文章写成")
        assert server.left.wait(60)
        expect(questions(page)).to_have_text([ENGLISH, CHINESE])


@gradio_queue
def test_a_visitor_who_leaves_ends_the_writing(writing: Callable[[Server], Chat], visit: Visit) -> None:
    """Once the page is closed, the language model's server sees its reader go."""
    with language_server(endless(event(" "), pause=0.02)) as server, served(writing(server)) as address:
        page = visit(address)
        ask(page, ENGLISH)
        expect(page.locator("#draft")).to_contain_text("Written by a language model")
        page.close()
        assert server.left.wait(60)
