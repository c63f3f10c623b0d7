"""The page in a real browser, against a real server: what the tests of its panels share."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import browsers
import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)  # fmt: skip

from qa.chat import Chat, LiveChat
from qa.datatypes import Answer, Document

Visit = Callable[..., Page]

CHINESE = "京津冀创业投资引导基金的总规模是多少？"
ENGLISH = "How many chips does FlagOS 2.0 support?"
REFUSED = ["火星上的基地什么时候建成？", "Who won the 1998 football world cup?"]
LAPTOP, PHONE = (1280, 900), (390, 844)


def browser_path() -> str:
    """A Chromium of this machine; without one the test is skipped, or fails where CI is set."""
    found = browsers.find_chromium()
    if found is None:
        pytest.fail(browsers.MISSING) if os.environ.get("CI") else pytest.skip(browsers.MISSING)
    return found


# Browser and server last as long as this file's tests: Playwright keeps an event loop running in the main thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=browsers.ARGUMENTS)
        expect.set_options(timeout=15_000)  # milliseconds: a busy machine takes its time
        yield browser
        browser.close()


ONE_AT_A_TIME = threading.Lock()  # gradio puts what is made into the page begun last, in whichever thread


@contextmanager
def served(chat: Chat, **options: Any) -> Iterator[str]:
    """The page over a chat, with those options, once its server is up.

    FastAPI silences a warning while the page is made, for all threads: pytest must not reset that in between.
    """
    import uvicorn  # these take seconds, which other tests need not wait for

    from qa.store import Store
    from ui.server import Options, create_app, listen

    listening = listen("127.0.0.1", 0)
    home = Store(chat.index.store) if chat.index.store else chat.index.folder.parent
    live = LiveChat(home, chat.settings)

    def made() -> object:
        with ONE_AT_A_TIME:
            return create_app(live, "127.0.0.1", Options(**options))

    # gradio wants a running event loop while the page is made: the server makes it in its own.
    settings = uvicorn.Config(
        made, factory=True, log_level="error", timeout_graceful_shutdown=1, proxy_headers=False
    )  # fmt: skip
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.05)
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
    """A list that fills with each request beyond this machine, page error and console error or warning.

    That a page still looks every few seconds for a server which the test has stopped is none.
    """
    troubles: list[str] = []

    def note_request(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):  # data: and blob: addresses have no host
            troubles.append(f"request: {request.url}")

    def note_message(message: ConsoleMessage) -> None:
        looks = "ERR_CONNECTION_REFUSED" in message.text and re.search("/standing|/heartbeat", message.location["url"])
        if message.type in ("error", "warning") and not looks:
            troubles.append(f"console: {message.text}")

    context.on("request", note_request)
    context.on("console", note_message)
    context.on("weberror", lambda error: troubles.append(f"page: {error.error}"))
    return troubles


class Seats:
    """Where visitors sit: whoever takes a seat that another has left finds the scripts compiled, half of the work of
    opening the page, and nothing else of the other.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._troubles: dict[BrowserContext, list[str]] = {}
        self._kinds: dict[BrowserContext, tuple[str, tuple[int, int]]] = {}
        self._free: list[BrowserContext] = []

    def take(self, locale: str, size: tuple[int, int]) -> BrowserContext:
        """A seat with that language and size of window."""
        for seat in self._free:
            if self._kinds[seat] == (locale, size):
                self._free.remove(seat)
                return seat
        seat = self._browser.new_context(locale=locale, viewport={"width": size[0], "height": size[1]})
        self._kinds[seat], self._troubles[seat] = (locale, size), watch(seat)
        return seat

    def leave(self, seat: BrowserContext) -> list[str]:
        """Closes what is open there and forgets who it was, or is no seat again; what `watch` has seen."""
        try:
            for page in seat.pages:
                page.evaluate("localStorage.clear()")
            seat.clear_cookies()
            forgotten = bool(seat.pages)  # of a page that the test has closed something may stay
        except Error:  # the page has crashed, shows none of ours, or may keep nothing
            forgotten = False
        if forgotten:
            for page in seat.pages:
                page.close()
            self._free.append(seat)
        else:
            seat.close()
        met = self._troubles[seat].copy()
        self._troubles[seat].clear()
        return met


@pytest.fixture(scope="module")
def seats(browser: Browser) -> Seats:
    """The seats of this file's tests, which go with the browser."""
    return Seats(browser)


@pytest.fixture
def visit(address: str, seats: Seats) -> Iterator[Visit]:
    """Opens the page as a new visitor; anything `watch` sees fails the test."""
    taken: list[BrowserContext] = []

    def opened(at: str = address, *, locale: str = "en-US", size: tuple[int, int] = LAPTOP) -> Page:
        taken.append(seats.take(locale, size))
        page = taken[-1].new_page()
        page.goto(at)
        expect(page.locator("html.ready")).to_be_attached()
        return page

    yield opened
    met = [trouble for seat in taken for trouble in seats.leave(seat)]
    assert met == [], met


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page over the shipped articles, in English, on a laptop."""
    return visit()


def question_box(page: Page) -> Locator:
    return page.locator("#question").get_by_role("textbox")


def exchanges(page: Page) -> Locator:
    return page.locator("#conversation .exchange")


def questions(page: Page) -> Locator:
    return exchanges(page).get_by_role("heading", level=2)


def article(page: Page) -> Locator:
    return page.locator("#article").get_by_role("article")


def marks(page: Page) -> Locator:
    return page.locator("#article mark")


def chip(exchange: Locator, number: int) -> Locator:
    """The button of a citation beside its sentence."""
    return exchange.locator(".quote").get_by_role("button").filter(has_text=re.compile(f"^{number}$"))


def submit(page: Page, question: str) -> None:
    question_box(page).fill(question)
    question_box(page).press("Enter")


def ask(page: Page, question: str) -> Locator:
    """Asks and waits; the exchange."""
    before = exchanges(page).count()
    submit(page, question)
    expect(exchanges(page)).to_have_count(before + 1)
    expect(question_box(page)).to_have_value("")
    return exchanges(page).nth(before)


def without_numbers(element: Locator) -> str:
    """The text of an element as it stands in the document, but for the small numbers of its marks."""
    return element.evaluate(
        "element => { const copy = element.cloneNode(true);"
        " copy.querySelectorAll('sup').forEach(number => number.remove()); return copy.textContent; }"
    )


def expect_said(exchange: Locator, chat: Chat, answer: Answer) -> None:
    """Expects the short answer or the sides of the conflict, and each quote with its number and title.

    Of a refusal its words, and the titles and beginnings of the nearest passages.
    """
    titles = {document.id: document.title for document in chat.index.documents.values()}
    if answer.answered:
        spans = answer.conflict or ((answer.short,) if answer.short else ())
        expect(exchange.locator(".short")).to_have_text([f"{span.quote} {span.number}" for span in spans])
        expect(exchange.locator(".quote")).to_have_text([f"{each.quote} {each.number}" for each in answer.citations])
        cited = [titles[each.passage.document_id] for each in (*answer.conflict, *answer.citations)]
        expect(exchange.get_by_role("paragraph").locator("cite")).to_have_text(cited)
        expect(exchange.locator(".refusal")).to_have_count(0)
    else:
        expect(exchange.locator(".refusal")).to_contain_text(answer.text)
        expect(exchange.locator(".quote, .short, .chip, .confidence")).to_have_count(0)
        expect(exchange.get_by_role("listitem")).to_have_count(min(3, len(answer.hits)))
        for item, hit in zip(exchange.get_by_role("listitem").all(), answer.hits, strict=False):
            beginning = " ".join(hit.passage.text.split())[:60]
            expect(item.locator("cite")).to_have_text(titles[hit.passage.document_id])
            expect(item).to_contain_text(beginning)


def expect_marked(page: Page, answer: Answer, number: int = 1) -> None:
    """Expects the article of a citation, all the answer's spans in it marked under their numbers, nothing else."""
    shown = next(each for each in answer.sources if each.number == number).passage.document_id
    inside = [each for each in answer.sources if each.passage.document_id == shown]
    expect(page.locator("#article mark.current")).to_have_id(f"source-{number}")
    expect(marks(page)).to_have_count(len(inside))
    for citation in inside:
        mark = page.locator(f"#source-{citation.number}")
        expect(mark).to_have_text(f"{citation.quote}{citation.number}")
        assert without_numbers(mark) == citation.quote


def body(document: Document) -> str:
    """What an article says after its front matter, which is YAML between two lines of dashes."""
    return re.sub(r"\A---\n.*?^---\n", "", document.text, flags=re.DOTALL | re.MULTILINE).strip()


def some_refused(answers: Sequence[httpx.Response]) -> list[httpx.Response]:
    """Those of answers to many questions at once that were refused for want of a place, each saying when to ask again.

    There are some, and all others were answered.
    """
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) >= 1
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(answer.headers["retry-after"] == "5" for answer in refused)
    return refused
