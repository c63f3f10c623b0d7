"""Who cannot see, see well, or use a mouse: axe-core on every view of the page, and the page by keyboard alone."""

from collections.abc import Iterator
from importlib import resources
from itertools import product
from typing import Any

import pytest
from pages import PHONE, watch
from playwright.sync_api import Browser, Page, expect
from views import exhibition, views

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
