"""The page as a whole: what it says in which language, how it looks, what it serves, and that it reaches nowhere."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from pages import CHINESE, ENGLISH, LAPTOP, PHONE, Visit, article, ask, exchanges, question_box, watch
from playwright.sync_api import Browser, Error, Locator, Page, expect

from qa import generations, offline
from qa.chat import Chat, LiveChat
from qa.errors import WenjuError
from ui.server import Options, listen, serve

ROOT = Path(__file__).resolve().parents[1]


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


def language_button(page: Page, name: str) -> Locator:
    return page.get_by_role("banner").get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_the_page_speaks_the_browser_s_language(locale: str, visit: Visit) -> None:
    """A visitor finds the page in the language of the browser, and `lang` says which it is."""
    page = visit(locale=locale)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if locale == "zh-CN" else "en")
    expect(page.get_by_role("banner").get_by_role("heading")).to_have_text("问据" if locale == "zh-CN" else "Wenju")


HAN = re.compile(r"[\u4e00-\u9fff]")
OWN_WORDS = """() => {
  const copy = document.querySelector('gradio-app').cloneNode(true);
  const hidden = '[id=language], #history, #saved, #said, #standing, .overflow-menu.hide, script, style';
  const others = '[lang], cite, .source, .chip, .words, .why b, .facts, h2, .search-as, [data-language]';
  copy.querySelectorAll(`${hidden}, ${others}`).forEach(element => element.remove());
  const said = [...copy.querySelectorAll(':not(article)')].flatMap(element =>
    ['placeholder', 'title', 'aria-label', 'value'].map(name => element.getAttribute(name) || ''));
  return [copy.textContent, ...said].join('\\n');
}"""


def test_the_language_is_switched_and_remembered(page: Page) -> None:
    """After a switch no word of the page is left in the other language, an answer shown; the next visit keeps it."""
    ask(page, ENGLISH)
    assert not HAN.search(page.evaluate(OWN_WORDS))
    language_button(page, "中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(exchanges(page).locator(".confidence")).to_have_text("很有把握")
    expect(article(page).get_by_text("为什么是这一段？")).to_be_visible()
    expect(question_box(page)).to_have_attribute("placeholder", re.compile("想知道什么"))
    with contextlib.suppress(Error):  # each part of the page changes by itself
        page.wait_for_function(f"!/[A-Za-z]{{3}}/.test(({OWN_WORDS})().replace('Esc', '').replace({ENGLISH!r}, ''))")
    assert not re.search("[A-Za-z]{3}", page.evaluate(OWN_WORDS).replace("Esc", "").replace(ENGLISH, ""))
    expect(language_button(page, "中文")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("html.ready")).to_have_attribute("lang", "zh-CN")
    language_button(page, "English").click()
    expect(page.get_by_role("tab", name="Ask")).to_be_visible()


def background(page: Page) -> float:
    """The relative luminance of the page's background."""
    return luminance(page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor"))


def test_the_appearance_follows_the_system_until_chosen(page: Page) -> None:
    """It is dark where the system is; a choice of the visitor's counts for more, and is remembered."""
    assert background(page) > 0.8
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(page) < 0.1
    page.get_by_role("button", name="Light").click()
    assert background(page) > 0.8
    page.reload()
    expect(page.locator("html.ready")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="As the system").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


READABLE = {
    "h2", "h3", ".short", ".quote", ".source", ".confidence", ".chip", ".quiet", "summary", "mark", "mark.current",
    ".facts", ".facts a", ".text", ".places", ".refusal p", ".refusal h4", ".nearest", ".nearest span", "[role=tab]",
    "header button", "header p", "#toolbar button", "#question button", ".why p", ".why b", "[role=alert]", ".example",
    ".welcome p", ".hint",
}  # fmt: skip
COLOURS = """element => {
  let behind = element;
  const solid = each => getComputedStyle(each).backgroundColor;
  while (/rgba\\(.*, 0\\)|transparent/.test(solid(behind))) behind = behind.parentElement;
  return [getComputedStyle(element).color, solid(behind)];
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_can_be_read_in_either_theme(theme: str, visit: Visit, address: str) -> None:
    """The contrast of every kind of text is at least 4.5 to 1, as WCAG 2.2 asks (1.4.3), in both themes."""
    page = visit(f"{address}/?__theme={theme}")
    too_weak = weak(page)
    ask(page, CHINESE)
    article(page).get_by_text("Why this passage?").click()
    question_box(page).fill("?")
    question_box(page).press("Enter")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    too_weak |= weak(page)
    question_box(page).fill("")
    ask(page, "火星上的基地什么时候建成？")
    assert too_weak | weak(page) == {}


def weak(page: Page) -> dict[str, tuple[str, str]]:
    """The colours of each kind of text that is there and has too little contrast."""
    found: dict[str, tuple[str, str]] = {}
    for selector in READABLE:
        for element in page.locator(f"gradio-app {selector}:not(:disabled)").filter(visible=True).all()[:8]:
            colours = element.evaluate(COLOURS)
            darker, lighter = sorted(map(luminance, colours))
            if (lighter + 0.05) / (darker + 0.05) < 4.5:
                found[selector] = colours
    return found


def luminance(colour: str) -> float:
    """The relative luminance of an opaque `rgb(…)` colour, as WCAG 2.2 defines it."""
    assert colour.startswith("rgb(")
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_runs_out_of_the_page(size: tuple[int, int], visit: Visit) -> None:
    """Neither a first visit nor an answer makes the page wider or higher than the window: only its panes scroll."""
    page = visit(size=size)
    sizes = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert page.evaluate(sizes) == list(size)
    ask(page, CHINESE)
    assert page.evaluate(sizes) == list(size)


def test_a_server_that_is_away_is_said(browser: Browser, address: str) -> None:
    """Where the server does not answer, the page says so; once it is back, what was typed and asked is still there."""
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.goto(address)
        ask(page, ENGLISH)
        page.route("**/gradio_api/**", lambda route: route.abort())
        question_box(page).fill(CHINESE)
        question_box(page).press("Enter")
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        expect(question_box(page)).to_have_value(CHINESE)
        page.unroute("**/gradio_api/**")
        expect(page.get_by_text("The server does not answer.")).not_to_be_visible()
        expect(question_box(page)).to_have_value(CHINESE)
        expect(exchanges(page)).to_have_count(1)
        question_box(page).press("Enter")
        expect(exchanges(page)).to_have_count(2)


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
                serve(LiveChat(chat.index.folder.parent), "127.0.0.1", port, Options())
            assert "\n" not in str(caught.value)


def test_answers_are_sent_at_once() -> None:
    """A connection does not hold back a part of an answer until the browser has acknowledged the one before."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_article_is_served_as_text(address: str, chat: Chat, corpus_folder: Path) -> None:
    """The text of each article is served as it is in its file, as nothing a browser would run."""
    for document_id in list(chat.index.documents)[:3]:
        answer = httpx.get(f"{address}/articles/{document_id}")
        assert answer.content == (corpus_folder / document_id).read_bytes()
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "%2fetc%2fpasswd", "none.md"]
)
def test_no_other_file_is_served(path: str, address: str) -> None:
    """What is no article of the index is not served, whatever it is called."""
    assert httpx.get(f"{address}/articles/{path}").status_code == 404


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
            page = visit(printed.group())
            expect(ask(page, "众智FlagOS 2.0支持多少款芯片？")).to_contain_text("32 AI chips")
            page.route("**/standing?*", lambda _: None)  # what the page asks of a server that has ended would fail
            assert (tmp_path / "index" / generations.POINTER).is_file()
            assert process.poll() is None
            process.terminate()  # with the page still open
            assert "Traceback" not in process.stdout.read()
        finally:
            too_long.cancel()
            process.terminate()
