"""Who cannot see, see well, or use a mouse: axe-core on every view of the page, and the page by keyboard alone."""

from collections.abc import Iterator
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pages import PHONE, REFUSED, Visit, exchanges, watch
from playwright.sync_api import Browser, Locator, Page, expect
from views import READ, SETTLED, exhibition, question_set, views

# gradio's queue, in which a run waits for its turn, takes an option of pandas that pandas gives up.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DESKTOP = (1280, 800)
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = {"target-size": {"enabled": True}}  # WCAG 2.2, 2.5.8, which axe-core leaves out by itself
BARRIERS = ("serious", "critical")


@pytest.fixture(scope="module")
def exhibited(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the articles are served that have everything to show."""
    with exhibition(browser, tmp_path_factory.mktemp("exhibition")) as address:
        yield address


def barriers(page: Page, **options: Any) -> list[str]:
    """What axe-core calls serious or critical on the page as it is."""
    asked = {"resultTypes": ["violations"], "preload": False, "rules": RULES, **options}
    found = page.evaluate("options => axe.run(document, options)", asked)["violations"]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in BARRIERS
        for node in each["nodes"]
    ]


def test_a_barrier_is_found(browser: Browser) -> None:
    """A button without a name, text in too weak a colour and a target too small are found by the check below."""
    page = browser.new_page()
    page.set_content(
        "<html lang=en><title>x</title><main><h1>x</h1><button></button><p style='color:#aaa'>Too weak.</p>"
        "<button style='width:9px;height:9px;padding:0' aria-label=a></button>"
        "<button style='width:9px;height:9px;padding:0' aria-label=b></button></main></html>"
    )
    page.evaluate(AXE)
    assert {each.split(":")[0] for each in barriers(page)} == {"button-name", "color-contrast", "target-size"}
    page.close()


@pytest.fixture(scope="module", params=product((DESKTOP, PHONE), ("zh-CN", "en-US")), ids=str)
def seen(request: pytest.FixtureRequest, browser: Browser, exhibited: str) -> dict[str, list[str]]:
    """What is wrong with the views of the page, at one size and in one language, in both themes."""
    (width, height), locale = request.param
    context = browser.new_context(
        locale=locale, viewport={"width": width, "height": height}, has_touch=width == PHONE[0], reduced_motion="reduce"
    )
    wrong: dict[str, list[str]] = {"troubles": watch(context), "barriers": [], "too wide": []}
    page = context.new_page()
    page.goto(exhibited)
    expect(page.locator("html.ready")).to_be_attached()
    page.evaluate(AXE)
    for name in views(page):
        for theme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            wrong["barriers"] += [f"{name}, {theme}: {each}" for each in barriers(page, **options)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong["too wide"].append(name)
    context.close()
    return wrong


def test_no_view_has_a_barrier(seen: dict[str, list[str]]) -> None:
    """axe-core finds nothing serious or critical on any view of the page, in both themes, contrast and targets too."""
    assert seen["barriers"] == []


def test_no_view_is_wider_than_the_window(seen: dict[str, list[str]]) -> None:
    """No view makes the page scroll sideways, and none meets an error or asks another host."""
    assert (seen["too wide"], seen["troubles"]) == ([], [])


FOCUS_SHOWN = """() => {
  const focused = document.activeElement;
  const around = [focused, focused.closest('label, .input-container'), focused.nextElementSibling];
  return around.some(each => {
    const style = each && getComputedStyle(each);
    const outlined = style?.outlineStyle !== 'none' && parseFloat(style?.outlineWidth) >= 2;
    return outlined || (style && style.boxShadow !== 'none');
  });
}"""


def tab_to(page: Page, wanted: Locator, most: int = 120) -> None:
    """Presses Tab until that has the focus, which can be seen wherever it stops on the way."""
    expect(wanted).to_be_visible()
    for _ in range(most):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
        assert page.evaluate(FOCUS_SHOWN) or place.startswith("<body"), place
        if wanted.evaluate("wanted => wanted === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    """Goes there by Tab and presses a key."""
    tab_to(page, wanted)
    page.keyboard.press(key)


@pytest.fixture
def keys(visit: Visit, exhibited: str) -> Page:
    """The page, to be used by keyboard alone."""
    return visit(exhibited)


def test_asking_by_keyboard(keys: Page) -> None:
    """A question is asked, its article read, what was searched edited and another tab opened without a mouse."""
    press(keys, keys.locator(".example").first)
    expect(exchanges(keys)).to_have_count(1)
    press(keys, exchanges(keys).locator(".quote .chip").first)
    expect(keys.locator("#article mark.current")).to_be_in_viewport()
    press(keys, keys.locator("#article .why summary"))
    expect(keys.locator("#article .why dl")).to_be_visible()
    keys.keyboard.press("/")
    keys.keyboard.type(REFUSED[0])
    keys.keyboard.press("Enter")
    expect(exchanges(keys)).to_have_count(2)
    press(keys, exchanges(keys).last.locator(".nearest").nth(1))
    expect(keys.locator("#article")).to_contain_text("Nearest passage 2 of 3")
    expect(exchanges(keys).last.locator(".nearest").nth(1)).to_be_focused()
    press(keys, exchanges(keys).last.locator(".search-as summary"))
    press(keys, exchanges(keys).last.locator(".search-as input"), "End")
    keys.keyboard.type("？")
    keys.keyboard.press("Enter")
    expect(exchanges(keys)).to_have_count(3)


def test_the_corpus_by_keyboard(keys: Page) -> None:
    """An article is found, opened, edited and left without a mouse; the focus stays on what was pressed."""
    press(keys, keys.locator("#corpus_tab-button"))
    tab_to(keys, keys.locator("#corpus-words").get_by_role("textbox"))
    keys.keyboard.type("jing-zhang")
    entry = keys.locator(f'#corpus-list .entry[data-name="{READ}"]')
    expect(keys.locator("#corpus-list .entry")).to_have_count(1)
    press(keys, entry)
    expect(keys.locator("#corpus-view .prose")).to_be_visible()
    expect(entry).to_be_focused()
    press(keys, keys.locator("#corpus-view [data-event=edit]"))
    press(keys, keys.locator("#editor-text textarea"), "Control+End")
    keys.keyboard.type("More.")
    press(keys, keys.locator("#editor-preview-button"))
    expect(keys.locator("#editor-preview")).to_contain_text("More.")
    keys.once("dialog", lambda dialog: dialog.accept())
    keys.keyboard.press("Tab")
    keys.keyboard.press("Enter")
    expect(keys.locator("#editor")).not_to_be_visible()
    press(keys, keys.locator("#corpus-tools [data-event=generations]"))
    expect(keys.locator("#corpus-view table")).to_be_visible()


def test_measuring_by_keyboard(keys: Page, tmp_path: Path) -> None:
    """A run is begun, and a question that failed opened and closed, without a mouse."""
    press(keys, keys.locator("#evaluate_tab-button"))
    controls = keys.locator("#evaluate-controls")
    path = tmp_path / "few.jsonl"
    path.write_text(question_set(), encoding="utf-8")
    controls.locator("input[type=file]").first.set_input_files(path)  # what follows the system's own dialog
    expect(controls.locator("input[value=uploaded]")).to_be_checked()
    press(keys, controls.locator("form .primary"))
    expect(keys.locator("#evaluated")).to_be_visible(timeout=SETTLED)
    every = keys.locator("#evaluate-results [data-kind=all]")
    press(keys, every)
    expect(every).to_have_attribute("aria-pressed", "true")
    expect(every).to_be_focused()
    press(keys, keys.locator(".failures [data-event=question]").first)
    expect(keys.locator("#question-view h3")).to_be_focused()
    keys.keyboard.press("Shift+Tab")
    keys.keyboard.press("Enter")
    expect(keys.locator("#question-view")).to_have_count(0)
