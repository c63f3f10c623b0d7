"""Asking in a real browser: answers and refusals, the article beside them, follow-ups, keys, and what is kept."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pages import (
    CHINESE,
    ENGLISH,
    LAPTOP,
    PHONE,
    REFUSED,
    Visit,
    article,
    ask,
    body,
    chip,
    exchanges,
    expect_marked,
    expect_said,
    marks,
    question_box,
    questions,
    served,
    submit,
    without_numbers,
)
from playwright.sync_api import Download, Locator, Page, Route, expect
from test_llm import Server, endless, event, fails, language_server, writes

from qa import generations, receipts
from qa.chat import Chat
from qa.config import AnswerSettings, IndexSettings, LanguageModelSettings, Settings
from qa.datatypes import Answer
from qa.text import dominant_language
from ui.conversation import EXAMPLES

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("question", [CHINESE, ENGLISH, "众智FlagOS 2.0支持多少款芯片？"], ids=["zh", "en", "crossing"])
def test_an_answer_stands_beside_its_article(question: str, page: Page, chat: Chat, corpus_folder: Path) -> None:
    """An answer is its numbered quotes; beside it stands the whole article of the first, marked in the cited spans."""
    answer = chat.ask(question)
    assert answer.answered
    exchange = ask(page, question)
    expect_said(exchange, chat, answer)
    expect(questions(page)).to_have_text([question])
    expect_marked(page, answer)
    document = chat.document(answer.citations[0].passage.document_id)
    expect(article(page).get_by_role("heading")).to_have_text(document.title)
    assert document.text == (corpus_folder / document.id).read_bytes().decode("utf-8")
    assert without_numbers(article(page).locator(".text")).strip() == body(document)
    left, right = exchange.bounding_box(), article(page).bounding_box()
    assert left and right
    assert left["x"] + left["width"] <= right["x"]


@pytest.mark.parametrize("question", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_the_first_mark_is_in_view_at_once(question: str, page: Page) -> None:
    """Beside an answer the article is scrolled to its mark, and the page stays where it is."""
    ask(page, question)
    expect(marks(page).first).to_be_in_viewport(ratio=1)
    assert page.evaluate("window.scrollY") == 0


def test_an_article_leads_to_its_file(page: Page, chat: Chat) -> None:
    """The link beside the title opens the text of the article."""
    ask(page, ENGLISH)
    document = chat.document(chat.ask(ENGLISH).citations[0].passage.document_id)
    with page.expect_popup() as opened:
        article(page).get_by_role("link", name="View file").click()
    assert opened.value.locator("body").inner_text().strip() == document.text.strip()


def several(chat: Chat) -> tuple[str, Answer]:
    """A question whose answer cites more than one sentence."""
    asked = [
        "2026中关村论坛年会有哪些新进展？", "What was released at the forum?", "论坛上发布了哪些成果？",
        "What did the robots at the forum do?", "石家庄高新区在生物医药方面做了什么？",
    ]  # fmt: skip
    answers = [chat.ask(question) for question in asked]
    best = max(answers, key=lambda answer: len(answer.citations))
    assert len(best.citations) > 1
    return best.question, best


SCROLL_AWAY = """pane => { pane.scrollTop = pane.scrollTop > 200 ? 0 : pane.scrollHeight }"""


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_number_leads_to_its_mark(size: tuple[int, int], visit: Visit, chat: Chat) -> None:
    """A click on a number brings its mark into view, wherever the article was scrolled to, on a phone as a sheet."""
    page = visit(size=size)
    question, answer = several(chat)
    exchange = ask(page, question)
    for citation in answer.citations:
        chip(exchange, citation.number).click()
        expect_marked(page, answer, citation.number)
        mark = page.locator(f"#source-{citation.number}")
        expect(mark).to_be_in_viewport()
        if size == PHONE:
            article(page).get_by_role("button", name="Close").click()
            expect(article(page)).not_to_be_in_viewport()
            expect(chip(exchange, citation.number)).to_be_focused()
        else:
            page.locator("#beside").evaluate(SCROLL_AWAY)
            chip(exchange, citation.number).click()
            expect(mark).to_be_in_viewport()


def test_the_article_pane_walks_through_the_citations(page: Page, chat: Chat) -> None:
    """Its buttons lead to the next citation and back; at either end there is none further."""
    question, answer = several(chat)
    ask(page, question)
    before, after = (article(page).get_by_role("button", name=name) for name in ("Previous", "Next"))
    expect(before).to_be_disabled()
    for citation in answer.citations[1:]:
        after.click()
        expect_marked(page, answer, citation.number)
    expect(after).to_be_disabled()
    before.click()
    expect_marked(page, answer, len(answer.citations) - 1)


def test_an_earlier_answer_brings_its_evidence_back(page: Page, chat: Chat) -> None:
    """After another answer, a number of an earlier one, or a click on it, leads to the article it cites."""
    first = ask(page, ENGLISH)
    second = ask(page, CHINESE)
    for exchange, question in ((first, ENGLISH), (second, CHINESE), (first, ENGLISH)):
        chip(exchange, 1).click()
        expect_marked(page, chat.ask(question))
        expect(page.locator("#source-1")).to_be_in_viewport(ratio=1)
    second.locator(".source").first.click()
    expect_marked(page, chat.ask(CHINESE))


@pytest.mark.parametrize("question", REFUSED, ids=["zh", "en"])
def test_a_refusal_shows_the_nearest_passages(question: str, page: Page, chat: Chat) -> None:
    """A refusal says so in a look of its own, marks nothing, and opens each of the nearest passages."""
    ask(page, ENGLISH)
    expect(marks(page)).not_to_have_count(0)
    answer = chat.ask(question)
    assert not answer.answered
    exchange = ask(page, question)
    expect_said(exchange, chat, answer)
    expect(exchange.get_by_role("heading", name="The articles do not say")).to_be_visible()
    expect(marks(page)).to_have_count(0)
    expect(article(page)).to_have_count(0)
    for place, hit in enumerate(answer.hits[:3]):
        exchange.get_by_role("listitem").nth(place).get_by_role("button").click()
        expect(marks(page)).to_have_count(1)
        expect(marks(page)).to_have_text(f"{hit.passage.text}{place + 1}", use_inner_text=False)
        assert without_numbers(marks(page)) == hit.passage.text


def test_a_disagreement_is_shown_side_by_side(page: Page, chat: Chat) -> None:
    """Where articles disagree their statements stand side by side, each with its source."""
    asked = [json.loads(line) for line in (ROOT / "eval" / "questions.jsonl").read_text("utf-8").splitlines()]
    answer = next(answer for answer in (chat.ask(each["question"]) for each in asked) if answer.conflict)
    exchange = ask(page, answer.question)
    expect_said(exchange, chat, answer)
    sides = exchange.locator(".conflict").get_by_role("listitem")
    expect(sides).to_have_count(len(answer.conflict))
    boxes = [side.bounding_box() for side in sides.all()]
    assert len({box["y"] for box in boxes if box}) == 1
    sides.last.get_by_role("button").click()
    expect_marked(page, answer, answer.conflict[-1].number)


def test_confidence_is_told_in_words(page: Page, chat: Chat) -> None:
    """How sure an answer is stands below it in words, the probability in its title."""
    exchange = ask(page, ENGLISH)
    percent = round(100 * chat.ask(ENGLISH).confidence)
    expect(exchange.get_by_text("Quite sure")).to_have_attribute("title", re.compile(f"{percent}%$"))


@pytest.mark.parametrize("question", [ENGLISH, "众智FlagOS 2.0支持多少款芯片？"], ids=["en", "crossing"])
def test_why_a_passage_was_found_is_told(question: str, page: Page, chat: Chat) -> None:
    """Words that met are coloured in pairs, in the question and in the passage, across languages too."""
    answer = chat.ask(question)
    hit = next(hit for hit in answer.hits if hit.passage == answer.citations[0].passage)
    ask(page, question)
    article(page).get_by_text("Why this passage?").click()
    asked, passage = article(page).get_by_role("definition").all()
    expect(asked).to_have_text(question)
    assert passage.evaluate("element => element.textContent") == hit.passage.text
    colours = "words => Object.fromEntries(words.map(word => [word.className, word.textContent]))"
    met, found = (side.locator("b").evaluate_all(colours) for side in (asked, passage))
    assert found
    pairs = {(pair.word, pair.met) for pair in chat.explain(question, hit).pairs if pair.found}
    assert {(met[colour], word) for colour, word in found.items() if colour in met} <= pairs


def test_a_click_on_an_example_asks_it(visit: Visit, chat: Chat) -> None:
    """The page explains itself in three questions, in both languages and one refused, each asked at a click."""
    assert {"zh", "en"} == {dominant_language(example) for _, example in EXAMPLES}
    assert [chat.ask(example).answered for _, example in EXAMPLES] == [True, True, False]
    for _, example in EXAMPLES:
        page = visit()
        page.get_by_role("button", name=example).click()
        expect(questions(page)).to_have_text([example])
        expect_said(exchanges(page).first, chat, chat.ask(example))


def test_the_button_asks(page: Page, chat: Chat) -> None:
    """The button beside the question asks it, as the Enter key does."""
    question_box(page).fill(ENGLISH)
    page.locator("#question").get_by_role("button", name="Ask").click()
    expect_said(exchanges(page).first, chat, chat.ask(ENGLISH))


def test_keys_lead_through_the_page(page: Page, chat: Chat) -> None:
    """`/` goes to the question, Escape empties it, a number opens that citation of the answer that is shown."""
    question, answer = several(chat)
    page.keyboard.press("/")
    expect(question_box(page)).to_be_focused()
    page.keyboard.type("?/1")
    expect(question_box(page)).to_have_value("?/1")
    page.keyboard.press("Escape")
    expect(question_box(page)).to_have_value("")
    ask(page, question)
    question_box(page).blur()
    page.keyboard.press("2")
    expect_marked(page, answer, 2)
    page.keyboard.press("1")
    expect_marked(page, answer, 1)
    expect(chip(exchanges(page).first, 1)).to_have_attribute("aria-current", "true")


def test_what_takes_long_is_said(page: Page) -> None:
    """While an answer is awaited for more than a moment, the page says that it is searched for."""
    held: list[Route] = []
    searching = page.locator("#searching")
    page.route("**/run/predict", lambda route: held.append(route))
    submit(page, ENGLISH)
    expect(searching).to_have_text("Searching…")
    expect(searching).to_be_visible()
    expect(searching).to_have_css("opacity", "1")
    held[0].continue_()
    page.unroute("**/run/predict")
    expect(exchanges(page)).to_have_count(1)
    expect(searching).not_to_be_visible()


def test_a_screen_reader_is_told_of_an_answer(page: Page, chat: Chat) -> None:
    """A new answer, or a refusal, is put into a status that is read out, short."""
    ask(page, ENGLISH)
    short = chat.ask(ENGLISH).short
    assert short
    expect(page.get_by_role("status").filter(has_text=short.quote)).to_have_count(1)
    ask(page, REFUSED[1])
    expect(page.get_by_role("status").filter(has_text="The articles do not say.")).to_have_count(1)


def test_every_control_has_a_name_and_is_reached_by_tab(page: Page) -> None:
    """Each button, link and box that is seen has a name, and Tab stops at every one of them."""
    ask(page, ENGLISH)
    page.locator("body").click(position={"x": 1, "y": 1})
    seen = "button:not(:disabled), a[href], summary, textarea, input"
    named = page.locator("gradio-app").locator(seen).filter(visible=True)
    count = named.count()
    reached = set()
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    places = named.evaluate_all("all => all.map(each => [...document.querySelectorAll('*')].indexOf(each))")
    names = named.evaluate_all("all => all.map(each => each.ariaLabel || (each.labels?.[0] || each).textContent)")
    assert all(name and name.strip() for name in names)
    tabs = named.evaluate_all("all => all.map(each => each.tabIndex >= 0 && !each.closest('[aria-hidden=true]'))")
    assert {place for place, tab in zip(places, tabs, strict=True) if tab} <= reached


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_on_a_phone_the_article_is_a_sheet(size: tuple[int, int], visit: Visit) -> None:
    """On a phone the article comes over the conversation at a click, and Escape sends it away; else it stays beside."""
    page = visit(size=size)
    exchange = ask(page, ENGLISH)
    if size == LAPTOP:
        expect(article(page)).to_be_in_viewport()
        return
    expect(article(page)).not_to_be_in_viewport()
    chip(exchange, 1).click()
    expect(article(page)).to_be_in_viewport()
    expect(article(page).get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(article(page)).not_to_be_in_viewport()


@pytest.mark.parametrize(
    "question",
    ["", "  \t ", "🙂🎉", "\x00\x1b[\x7f", "？！", "x" * 100_000, "问" * 100_000],
    ids=["empty", "blank", "emoji", "control characters", "punctuation", "long English", "long Chinese"],
)
def test_what_cannot_be_asked_is_said(question: str, page: Page, chat: Chat) -> None:
    """A question that cannot be asked gets a message, stays to be mended, and harms nothing."""
    ask(page, ENGLISH)
    submit(page, question)
    alert = page.locator("#notice").get_by_role("alert")
    expect(alert).to_contain_text("2,000 characters or fewer" if len(question) > 2_000 else "Type a question first")
    expect(question_box(page)).to_have_value(question)
    expect(exchanges(page)).to_have_count(1)
    expect_marked(page, chat.ask(ENGLISH))
    expect_said(ask(page, CHINESE), chat, chat.ask(CHINESE))
    expect(alert).to_have_count(0)


def test_an_index_that_cannot_be_used_is_said(small_index: Path, visit: Visit) -> None:
    """Where the newest index cannot be loaded, the one before answers, and the page says that and why."""
    chat = Chat.open(small_index)
    with served(chat) as address:
        page = visit(address)
        ask(page, "城北图书馆每周几闭馆？")
        expect(page.locator("#notice").get_by_role("alert")).to_have_count(0)
        (small_index / generations.POINTER).write_text("{", encoding="utf-8")
        expect_said(ask(page, "How deep can a turtle dive?"), chat, chat.ask("How deep can a turtle dive?"))
        alert = page.locator("#notice").get_by_role("alert")
        expect(alert).to_contain_text("The new index cannot be used; the one before still answers")


def test_a_conversation_outlives_the_articles_it_cites(small_corpus: Path, small_index: Path, visit: Visit) -> None:
    """After a build without a cited article the earlier answer stays, and its article is said to be gone."""
    with served(Chat.open(small_index)) as address:
        page = visit(address)
        exchange = ask(page, "How deep can a turtle dive?")
        (small_corpus / "turtles.en.md").unlink()
        generations.build(small_corpus, small_index, IndexSettings())
        ask(page, "城北图书馆每周几闭馆？")
        expect(exchange.locator(".quote")).to_contain_text("1,200 metres")
        expect(exchange.locator("cite")).to_have_text("Turtles of the Open Sea")
        chip(exchange, 1).click()
        expect(page.locator("#article").get_by_role("alert")).to_contain_text("no longer stands in the article")
        with page.expect_download() as download:
            page.get_by_role("button", name="Export conversation").click()
        assert "1,200 metres" in Path(download.value.path()).read_text(encoding="utf-8")


def test_articles_that_have_changed_are_said(small_corpus: Path, small_index: Path, visit: Visit) -> None:
    """Where the articles behind an answer were changed after the build, the page says so and what to do."""
    with served(Chat.open(small_index)) as address:
        page = visit(address)
        for path in small_corpus.rglob("*.*"):
            path.write_text("Nothing is left here.", encoding="utf-8")
        submit(page, "How deep can a turtle dive?")
        expect(page.locator("#notice").get_by_role("alert")).to_contain_text("The articles changed")
        expect(exchanges(page)).to_have_count(0)


@pytest.mark.parametrize(
    "question",
    [
        "How many chips does FlagOS 2.0 support? 🙂\x1b\x00",
        "<img src='http://127.0.0.2/' onerror='window.reached = 1'> ![i](http://127.0.0.2/) $$x$$ **chips** `FlagOS`",
        "http://127.0.0.2/chips www.chips.example chips@chips.example 1. # FlagOS ${reached = 1} {{chips}}",
    ],
    ids=["emoji and control characters", "markup", "addresses"],
)
def test_a_question_is_shown_as_typed(question: str, page: Page, chat: Chat) -> None:
    """Emoji, control characters and markup in a question are shown as they are, obeyed by nothing, and answered."""
    exchange = ask(page, question)
    assert questions(page).evaluate("asked => asked.textContent") == question.replace("\x00", "")
    expect(questions(page).locator("*")).to_have_count(0)
    expect_said(exchange, chat, chat.ask(question))
    assert page.evaluate("typeof reached") == "undefined"


def test_half_a_character_is_no_error(page: Page) -> None:
    """A lone surrogate, which no encoding can write, is asked as a question mark."""
    question_box(page).evaluate(
        "box => { box.value = 'FlagOS \\ud83d 2.0'; box.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    question_box(page).press("Enter")
    expect(questions(page)).to_have_text("FlagOS ? 2.0")
    expect(exchanges(page)).to_have_count(1)


FOLLOW_UP = "它是哪个团队做的？"
FIRST = "众智FlagOS 2.0支持多少款芯片？"


def searched_box(exchange: Locator) -> Locator:
    return exchange.get_by_role("textbox", name="Searched as")


def correct(exchange: Locator, summary: str, question: str) -> None:
    """Opens what was searched for an answer, and searches it in other words."""
    if not searched_box(exchange).is_visible():
        exchange.get_by_text(summary).click()
    searched_box(exchange).fill(question)
    exchange.get_by_role("button", name="Search again").click()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_follow_up_shows_what_was_searched(size: tuple[int, int], visit: Visit, chat: Chat) -> None:
    """An incomplete question is answered with those before it, and says how, to be edited, on a phone too."""
    page = visit(size=size)
    first = ask(page, FIRST)
    expect(first.get_by_text("Searched as")).to_have_count(0)
    exchange = ask(page, FOLLOW_UP)
    answer = chat.ask(FOLLOW_UP, history=[chat.ask(FIRST)])
    assert answer.searched_as
    expect(questions(page).last).to_have_text(FOLLOW_UP)
    expect(exchange.get_by_text("Searched as")).to_contain_text(answer.searched_as)
    exchange.get_by_text("Searched as").click()
    expect(searched_box(exchange)).to_have_value(answer.searched_as)
    expect_marked(page, answer)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_was_searched_can_be_corrected(page: Page, chat: Chat) -> None:
    """The corrected question is searched as it stands, and the next follow-up builds on it; a wrong one is said."""
    ask(page, FIRST)
    second = ask(page, FOLLOW_UP)
    correct(second, "Searched as", "？")
    expect(page.locator("#notice").get_by_role("alert")).to_contain_text("Type a question first")
    correct(second, "Searched as", "How many robots ran the canteen?")
    expect(exchanges(page)).to_have_count(3)
    corrected = chat.ask(FOLLOW_UP, searched_as="How many robots ran the canteen?")
    expect(questions(page).last).to_have_text(FOLLOW_UP)
    expect(exchanges(page).last.get_by_text("Searched as")).to_contain_text("How many robots ran the canteen?")
    expect_marked(page, corrected)
    expect(page.locator("#notice").get_by_role("alert")).to_have_count(0)
    exchange = ask(page, "Which companies made them?")
    expect(exchange).to_contain_text("Which companies made the robots of the canteen?")


def test_any_answer_can_be_searched_in_other_words(page: Page, chat: Chat) -> None:
    """Where the question was searched as it is, other words can be tried for it too."""
    exchange = ask(page, REFUSED[1])
    correct(exchange, "Search in other words", ENGLISH)
    expect(exchanges(page)).to_have_count(2)
    expect(questions(page)).to_have_text([REFUSED[1]] * 2)
    expect_said(exchanges(page).last, chat, chat.ask(REFUSED[1], searched_as=ENGLISH))


def test_an_earlier_follow_up_is_recalled_as_searched(page: Page, chat: Chat) -> None:
    """A click on an earlier answer brings back its article, after other questions too."""
    ask(page, FIRST)
    exchange = ask(page, FOLLOW_UP)
    ask(page, CHINESE)
    chip(exchange, 1).click()
    expect_marked(page, chat.ask(FOLLOW_UP, history=[chat.ask(FIRST)]))


def test_a_conversation_the_server_has_forgotten_goes_on(page: Page, chat: Chat) -> None:
    """Once the server knows nothing of a conversation any more, it stays, leads to its articles, and goes on."""
    first = ask(page, FIRST)
    second = ask(page, FOLLOW_UP)
    completed = chat.ask(FOLLOW_UP, history=[chat.ask(FIRST)])
    visitors = iter(range(1_000))

    def as_another(route: Route) -> None:  # each call comes from a visitor that the server has never seen
        session = '(?<="session_hash":")\\w+'
        route.continue_(post_data=re.sub(session, f"another{next(visitors)}", route.request.post_data or ""))

    page.route("**/run/predict", as_another)
    chip(first, 1).click()
    expect_marked(page, chat.ask(FIRST))
    chip(second, 1).click()
    expect_marked(page, completed)
    expect_said(ask(page, CHINESE), chat, chat.ask(CHINESE))
    expect(exchanges(page)).to_have_count(3)
    expect_said(second, chat, completed)


def test_a_question_that_cannot_be_asked_again_shifts_no_other(
    page: Page, chat: Chat, corpus_folder: Path, tmp_path: Path
) -> None:
    """Where one question of a forgotten conversation cannot be asked any more, the others still lead to their own."""
    for question in (FIRST, CHINESE, ENGLISH):
        ask(page, question)
    visitors = iter(range(1_000))

    def as_another(route: Route) -> None:  # who has never been seen, and whose second question says nothing
        call = json.loads(route.request.post_data or "")
        call["session_hash"] = f"another{next(visitors)}"
        call["data"] = [each.replace(CHINESE, "？") if isinstance(each, str) else each for each in call["data"]]
        route.continue_(post_data=json.dumps(call))

    page.route("**/run/predict", as_another)
    with page.expect_download() as download:
        exchanges(page).last.get_by_role("button", name="Save receipt").click()
    expect_receipts(saved(download.value, tmp_path), [chat.ask(ENGLISH)], corpus_folder)
    expect(questions(page)).to_have_text([FIRST, ENGLISH])
    chip(exchanges(page).last, 1).click()
    expect_marked(page, chat.ask(ENGLISH))
    expect(chip(exchanges(page).last, 1)).to_have_attribute("aria-current", "true")


def test_the_next_visit_brings_the_conversation_back(page: Page, chat: Chat) -> None:
    """A visitor who comes back finds the conversation, each question searched as it was, asked of the articles anew."""
    ask(page, FIRST)
    ask(page, FOLLOW_UP)
    page.reload()
    expect(questions(page)).to_have_text([FIRST, FOLLOW_UP])
    answer = chat.ask(FOLLOW_UP, history=[chat.ask(FIRST)])
    expect_said(exchanges(page).last, chat, answer)
    expect(exchanges(page).last.get_by_text("Searched as")).to_contain_text(answer.searched_as)
    expect_marked(page, answer)


@pytest.mark.parametrize("kept", ["{", "[1]", '[["a"]]', '[["？", "？"], ["x", ""]]', "5", '{"a": 1}'])
def test_what_the_browser_kept_may_be_damaged(kept: str, page: Page, chat: Chat) -> None:
    """A conversation that cannot be read, or asked, any more is left out, and a new one begins."""
    page.evaluate("kept => localStorage.setItem('wenju.history', kept)", kept)
    page.reload()
    expect(page.get_by_role("button", name=EXAMPLES[0][1])).to_be_visible()
    expect_said(ask(page, ENGLISH), chat, chat.ask(ENGLISH))
    expect(exchanges(page)).to_have_count(1)


def test_a_new_conversation_has_no_history(page: Page, visit: Visit, chat: Chat) -> None:
    """Begun anew, a conversation and its article are gone, for the next visit too; no visitor's is another's."""
    ask(page, FIRST)
    other = visit()
    expect_said(ask(other, FOLLOW_UP), chat, chat.ask(FOLLOW_UP))
    page.get_by_role("button", name="New conversation").click()
    expect(exchanges(page)).to_have_count(0)
    expect(article(page)).to_have_count(0)
    expect_said(ask(page, FOLLOW_UP), chat, chat.ask(FOLLOW_UP))
    page.get_by_role("button", name="New conversation").click()
    expect(exchanges(page)).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name=EXAMPLES[0][1])).to_be_visible()
    expect(exchanges(page)).to_have_count(0)


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
            answer, exchange = chat.ask(question), ask(page, question)
            expect_said(exchange, chat, answer)
            if answer.answered:
                expect_marked(page, answer)
            else:
                exchange.get_by_role("listitem").first.get_by_role("button").click()
                expect(marks(page)).to_have_count(1)
            assert_inert(page, exchange)
            assert without_numbers(article(page).locator(".text")).strip() == body(chat.document("animals.md"))
            quoted += answer.text if answer.answered else ""
    assert [danger for danger in DANGERS if danger not in quoted] == (DANGERS if least_confidence else [])


def assert_inert(page: Page, exchange: Locator) -> None:
    """Asserts that nothing ran, and that exchange and article hold no element beyond those the page makes."""
    assert page.evaluate("typeof reached") == "undefined"
    tags = "element => [...new Set([...element.querySelectorAll('*')].map(inner => inner.localName))]"
    in_exchange, in_article = set(exchange.evaluate(tags)), set(article(page).evaluate(tags))
    assert in_exchange <= {
        "button", "cite", "details", "div", "form", "h2", "h3", "h4", "input", "li", "ol", "p", "span", "summary",
        "time",
    }  # fmt: skip
    assert in_article <= {
        "a", "b", "button", "dd", "details", "div", "dl", "dt", "h2", "header", "i", "mark", "p", "span", "summary",
        "sup",
    }  # fmt: skip
    handlers = "element => [...element.querySelectorAll('*')].flatMap(inner => inner.getAttributeNames())"
    names = {*exchange.evaluate(handlers), *article(page).evaluate(handlers)}
    assert not [name for name in names if name.startswith("on") or name in ("src", "srcdoc", "style")]
    links = article(page).get_by_role("link")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "/articles/animals.md")


def saved(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    assert str(Path.cwd()) not in path.read_text(encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_each_answer_can_be_saved(
    size: tuple[int, int], visit: Visit, chat: Chat, corpus_folder: Path, tmp_path: Path
) -> None:
    """The receipt of each answer, earlier ones and refusals too, is a file that holds it and that verifies."""
    page = visit(size=size)
    asked = [ENGLISH, REFUSED[0]]
    for question in asked:
        ask(page, question)
    for position, question in enumerate(asked):
        with page.expect_download() as download:
            exchanges(page).nth(position).get_by_role("button", name="Save receipt").click()
        path = saved(download.value, tmp_path)
        assert path.name == "receipt.json"
        expect_receipts(path, [chat.ask(question)], corpus_folder)


def expect_receipts(path: Path, answers: list[Answer], corpus: Path) -> None:
    """Expects a file to hold the receipts of these answers, all valid, and nothing else."""
    held = [receipt for _, receipt in receipts.read(path)]
    assert len(held) == len(answers)
    for receipt, answer in zip(held, answers, strict=True):
        assert isinstance(receipt, receipts.Receipt)
        assert (receipt.question, receipt.text) == (answer.question, answer.text)
        assert [(span.document_id, span.start, span.quote) for span in receipt.citations] == [
            (citation.passage.document_id, citation.start, citation.quote) for citation in answer.citations
        ]
        verdicts = receipts.verify(receipt, receipts.Articles(corpus))
        assert [verdict.state for verdict in verdicts] == ["valid"] * len(receipt.spans)


def test_a_conversation_can_be_saved(page: Page, chat: Chat, corpus_folder: Path, tmp_path: Path) -> None:
    """The whole conversation is saved with its citations as Markdown and as receipts, again and again."""
    page.get_by_role("button", name="Export conversation").click()
    expect(page.locator("#notice").get_by_role("alert")).to_have_text("Nothing was asked yet.")
    answers = [chat.ask(ENGLISH), chat.ask(CHINESE)]
    for answer in answers:
        ask(page, answer.question)
    for _ in range(2):
        with page.expect_download() as download:
            page.get_by_role("button", name="Export receipts").click()
        expect_receipts(saved(download.value, tmp_path), answers, corpus_folder)
        with page.expect_download() as download:
            page.get_by_role("button", name="Export conversation").click()
        text = saved(download.value, tmp_path).read_text(encoding="utf-8")
        assert all(answer.citations[0].quote in text.replace("\\", "") for answer in answers)
        assert all(answer.citations[0].passage.document_id in text.replace("\\", "") for answer in answers)


def test_two_visitors_see_only_their_own(visit: Visit, chat: Chat) -> None:
    """Two visitors at once each see their own questions, answers and articles, and nothing of the other's."""
    one, other = visit(locale="zh-CN"), visit()
    ask(one, CHINESE)
    ask(other, ENGLISH)
    ask(one, REFUSED[0])
    expect(questions(one)).to_have_text([CHINESE, REFUSED[0]])
    expect(marks(one)).to_have_count(0)
    expect(questions(other)).to_have_text([ENGLISH])
    expect(exchanges(other)).to_have_count(1)
    expect_marked(other, chat.ask(ENGLISH))
    expect(questions(visit())).to_have_count(0)


def test_nothing_on_the_page_leads_away(page: Page) -> None:
    """No link leads off the page but to a file of its own."""
    ask(page, ENGLISH)
    ask(page, CHINESE)
    addresses = page.get_by_role("link").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert addresses
    assert all(address.startswith("/articles/") for address in addresses)
    assert len(page.context.pages) == 1


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
        exchange = ask(page, ENGLISH)
        expect(exchange).to_contain_text("Written by a language model")
        expect(exchange).to_contain_text("32 AI chips from 18 vendors. 1")
        expect(exchange).to_contain_text("It was made by 999 people. (not supported by the articles:")
        exchange.locator(".written").get_by_role("button", name=re.compile("^Citation 1")).click()
        expect(marks(page).filter(has_text="32 AI chips")).to_have_count(1)


@gradio_queue
def test_a_server_that_is_down_is_said_in_the_conversation(writing: Callable[[Server], Chat], visit: Visit) -> None:
    """Where the language model's server answers with an error the citations stand, and a line says so."""
    with language_server(fails(500)) as server, served(writing(server)) as address:
        exchange = ask(visit(address), CHINESE)
        expect(exchange).to_contain_text("500亿元")
        expect(exchange).to_contain_text("语言模型的服务器报告错误 500")


@gradio_queue
def test_a_new_question_ends_the_writing_of_the_last(writing: Callable[[Server], Chat], visit: Visit) -> None:
    """Asked anew while an answer is being written, the page keeps both answers and the server sees its reader go."""
    with language_server(endless(event(" "), pause=0.02)) as server, served(writing(server)) as address:
        page = visit(address)
        ask(page, ENGLISH)
        expect(page.locator("#draft")).to_contain_text("Written by a language model")
        server.behave = writes("引导基金的总规模是500亿元。[1]")
        expect(ask(page, CHINESE)).to_contain_text("Written by a language model")
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
