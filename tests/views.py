"""Everything there is to see of the page: articles in every standing, and the way to each view, in either language."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pages import CHINESE, REFUSED, ask, exchanges, question_box, served, submit
from playwright.sync_api import Browser, Locator, Page, expect

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings

ROOT = Path(__file__).resolve().parents[1]
SETTLED = 60_000  # milliseconds: a build or a run of few questions

CROSSING = "Why do X-rays show detail that ordinary light cannot?"
CONFLICT = "报名第九届前沿科技大赛的团队分布在几个国家和地区？"
EDITED, READ, REMOVED = "robots-and-assistive-technology.en.md", "jingzhang-railway.en.md", "turboshaft-engines.en.md"
GARBLED = "北京论坛".encode().decode("latin-1")


def question_set() -> str:
    """A few of the shipped questions, and one that the edit below answers otherwise."""
    lines = (ROOT / "eval" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[::38]
    asked = {"id": "edit", "question": "How many robots ran the canteen?", "language": "en", "type": "number"}
    return "\n".join([*lines, json.dumps({**asked, "documents": [EDITED], "answers": ["Eight robots"]})])


@contextmanager
def exhibition(browser: Browser, folder: Path) -> Iterator[str]:
    """Where the shipped articles are served: one edit is built, others are not, and an article is in each standing."""
    corpus, questions = folder / "articles", folder / "questions.jsonl"
    shutil.copytree(ROOT / "corpus", corpus)
    questions.write_text(question_set(), encoding="utf-8")
    generations.build(corpus, folder / "index", IndexSettings())
    with served(Chat.open(folder / "index"), questions=questions, feedback=folder / "feedback.jsonl") as address:
        edit(corpus / EDITED, "Eight robots", "Nine robots")
        (corpus / "damaged.pdf").write_bytes(b"%PDF-1.7 damaged")
        page = browser.new_page()
        page.goto(address)
        open_tab(page, "corpus")
        page.locator("#corpus-build [data-event=build]").click()
        expect(page.locator("#corpus-build [data-event=report]")).to_be_visible(timeout=SETTLED)
        page.close()
        edit(corpus / EDITED, "Nine robots", "Ten robots")
        (corpus / REMOVED).unlink()
        (corpus / "new.md").write_text(f"# {GARBLED}\n\nA [link](https://example.com/) and {GARBLED}.\n", "utf-8")
        yield address


def edit(path: Path, old: str, new: str) -> None:
    """Puts other words into an article."""
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))


def open_tab(page: Page, name: str) -> None:
    """Opens a panel by its own name, which no language changes."""
    page.locator(f"#{name}_tab-button").click()
    expect(page.locator(f"#{name}_tab")).to_be_visible()


def is_phone(page: Page) -> bool:
    """Whether panes lie over each other."""
    return bool(page.evaluate("matchMedia('(max-width: 800px)').matches"))


def asking(page: Page) -> Iterator[str]:
    """The views of asking."""
    expect(page.locator(".welcome")).to_be_visible()
    yield "welcome"
    ask(page, CHINESE)
    yield "answer"
    exchange = ask(page, CROSSING)
    yield from sheet(page, exchange.locator(".quote .chip").first, "why", "#article .why summary")
    exchange.locator(".search-as summary").click()
    yield "searched as"
    yield from sheet(page, ask(page, REFUSED[0]).locator(".nearest").first, "passage")
    yield "refusal"
    ask(page, CONFLICT)
    yield "conflict"
    exchanges(page).last.locator('[data-event=rate][data-up="0"]').click()
    expect(page.locator("#correction form")).to_be_visible()
    yield "correction"
    page.locator("#correction [data-event=dismiss]").click()
    submit(page, "?")
    expect(page.locator("#notice").get_by_role("alert")).to_be_visible()
    yield "notice"
    question_box(page).fill("")


def sheet(page: Page, opener: Locator, name: str, unfolds: str = "") -> Iterator[str]:
    """The article beside, or on a phone over, the conversation."""
    opener.click()
    close = page.locator("#article .close")
    if is_phone(page):
        expect(close).to_be_focused()
    expect(page.locator("#article mark.current")).to_be_visible()
    if unfolds:
        page.locator(unfolds).click()
    yield name
    if is_phone(page):
        close.click()
        expect(page.locator("#beside")).not_to_be_visible()


def corpus(page: Page) -> Iterator[str]:
    """The views of the corpus."""
    open_tab(page, "corpus")
    expect(page.locator("#corpus-list .entry").first).to_be_visible()
    yield "list"
    listed = page.locator(f'#corpus-list .entry[data-name="{READ}"]')
    yield from desk(page, listed, "article", "article .prose")
    listed.click()
    page.locator("#corpus-view [data-look_at=text]").click()
    expect(page.locator("#corpus-view .text")).to_be_visible()
    page.locator("#corpus-view [data-kind=delete]").click()
    yield from desk(page, None, "asked back", ".asked-back")
    listed.click()
    page.locator("#corpus-view [data-event=edit]").click()
    page.locator("#editor-preview-button").click()
    expect(page.locator("#editor-preview .prose")).to_be_visible()
    yield "editor"
    page.locator("#editor-leave").click()
    for name in ("generations", "lint"):
        yield from desk(page, page.locator(f"#corpus-tools [data-event={name}]"), name, "section")
    yield from desk(page, page.locator("#corpus-build [data-event=report]"), "report", "section .moved li")


def desk(page: Page, opener: Locator | None, name: str, shown: str) -> Iterator[str]:
    """What is beside, or on a phone over, the list."""
    if opener:
        opener.click()
    expect(page.locator(f"#corpus-view {shown}").first).to_be_visible()
    expect(page.locator("html.busy")).to_have_count(0)
    yield name
    if is_phone(page):
        page.locator("#corpus-view .back").click()
        expect(page.locator("#desk")).not_to_be_visible()


def measuring(page: Page) -> Iterator[str]:
    """The views of measuring."""
    open_tab(page, "evaluate")
    controls = page.locator("#evaluate-controls")
    controls.locator("summary").click()
    yield "measuring"
    file = {"name": "few.jsonl", "mimeType": "text/plain", "buffer": question_set().encode()}
    controls.locator("input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]
    expect(controls.locator("input[value=uploaded]")).to_be_checked()
    run(page, 1)
    yield "figures"
    page.locator(".plots summary").first.click()
    page.locator("#evaluate-results [data-kind=all]").click()
    page.locator(".failures [data-event=question]").first.click()
    expect(page.locator("#question-view")).to_be_visible()
    yield "question"
    controls.locator("summary").click()
    controls.locator("[name=ranking]").uncheck()
    run(page, 2)
    expect(page.locator("#evaluate .compare")).to_be_visible()
    page.locator("#evaluate .compare").scroll_into_view_if_needed()
    yield "comparison"


def run(page: Page, number: int) -> None:
    """Measures and waits for the figures."""
    page.locator("#evaluate-controls form .primary").click()
    expect(page.locator("#evaluated")).to_contain_text(f"{number} · ", timeout=SETTLED)


def views(page: Page) -> Iterator[str]:
    """Every view of the page one after the other, by name, from a first visit on."""
    for panel in (asking, corpus, measuring):
        yield from panel(page)
