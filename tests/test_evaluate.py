"""The panel where one measures, and the feedback on answers, in a real browser."""

import csv
import gzip
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from pages import CHINESE, ENGLISH, PHONE, REFUSED, Visit, ask, exchanges, question_box, served
from playwright.sync_api import Locator, Page, expect

from qa import generations
from qa.chains import evaluate_chains
from qa.chat import Chat
from qa.config import IndexSettings
from qa.evaluation import attempted, never_refusing, read_chains, read_questions
from qa.failures import failure
from qa.messages import TEXTS as MESSAGES
from qa.messages import Message
from qa.question_sets import QuestionSet
from qa.tables import questions_csv
from ui.runs import Run, finished, report_json
from ui.texts import TEXTS

# gradio's queue, in which a run waits for its turn, takes an option of pandas that pandas gives up.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EVAL = Path(__file__).parents[1] / "eval"
LINES = (EVAL / "questions.jsonl").read_text(encoding="utf-8").splitlines()
CHAINS = read_chains(EVAL / "follow_ups.jsonl")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of a few of the shipped questions."""
    path = tmp_path_factory.mktemp("set") / "few <b>.jsonl"
    path.write_text("\n".join(LINES[::20]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def expected(few: Path, chat: Chat) -> Run:
    """What they come to."""
    questions = tuple(read_questions(few))
    attempts = list(attempted(questions, chat.ask, never_refusing(chat).ask))
    return finished(1, chat, QuestionSet(few.name, questions), attempts)


def controls(page: Page) -> Locator:
    return page.locator("#evaluate-controls")


def open_panel(page: Page) -> Page:
    page.get_by_role("tab").filter(has_text="Evaluate").or_(page.get_by_role("tab").filter(has_text="评测")).click()
    return page


def choose(page: Page, file: Path | dict[str, object], place: int = 0) -> None:
    """Gives a file to the choice of question sets, or to that of reports."""
    controls(page).locator("input[type=file]").nth(place).set_input_files(file)  # type: ignore[arg-type]


def run(page: Page, number: int = 1) -> None:
    """Measures and waits for the figures."""
    controls(page).get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#evaluated")).to_contain_text(f"{number} · ", timeout=120_000)


def measured(page: Page, few: Path) -> Page:
    """The panel with the few questions measured."""
    choose(open_panel(page), few)
    expect(controls(page).get_by_role("radio", name=few.name)).to_be_checked()
    run(page)
    return page


def downloaded(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_one_click_measures_a_set_of_one_s_own(page: Page, few: Path, expected: Run) -> None:
    """The figures on the page, the report and the table to download are those of the same questions from code."""
    measured(page, few)
    table = page.get_by_role("region", name="By language").get_by_role("row")
    figures = expected.report["figures"]
    for measure in ("recall@1", "answer recall", "citation precision", "rightly refused"):
        figure = figures["all"][measure]
        cell = table.filter(has=page.get_by_role("rowheader", name=measure)).get_by_role("cell").first
        expect(cell).to_have_text(f"{figure['mean']:.3f} {figure['low']:.2f}–{figure['high']:.2f}")
    assert json.loads(downloaded(page, "Download JSON")) == json.loads(report_json(expected))
    text = downloaded(page, "Download CSV")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert rows == list(csv.reader(io.StringIO(questions_csv(expected.outcomes).removeprefix("\ufeff"), newline="")))


def test_plots_are_told_to_who_does_not_see_them(page: Page, few: Path, expected: Run) -> None:
    """Each plot is an image with a name and a description, and its numbers are there as a table."""
    measured(page, few)
    for name in ("Recall at k", "Risk and coverage", "Reliability"):
        expect(page.get_by_role("img", name=name)).to_have_count(1)
    figure = page.locator("figure").filter(has=page.get_by_role("img", name="Recall at k"))
    figure.get_by_text("As numbers").click()
    recalls = [expected.report["figures"]["all"][f"recall@{rank}"] for rank in (1, 3, 5, 10)]
    told = [f"{each['mean']:.3f} {each['low']:.2f}–{each['high']:.2f}" for each in recalls]
    expect(figure.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(told)


def test_what_failed_is_listed_and_opened(page: Page, few: Path, expected: Run) -> None:
    """The questions of a kind are those of the report; one shows its passages, expected and found, and can be asked."""
    measured(page, few)
    kinds = {each["id"]: failure(each) for each in expected.outcomes}
    rows = page.locator("table.failures tbody").get_by_role("row")
    expect(rows).to_have_count(sum(kind is not None for kind in kinds.values()))
    refused = [each for each in expected.outcomes if kinds[each["id"]] == "not refused"]
    page.get_by_role("group", name="What failed").get_by_role("button", name="not refused").click()
    expect(rows.get_by_role("button")).to_have_text([each["question"] for each in refused])
    page.get_by_role("button", name="All questions").click()
    found = next(each for each in expected.outcomes if each["measures"].get("recall@1"))
    rows.get_by_role("button", name=found["question"]).click()
    view = page.get_by_role("region", name=found["question"])
    passages = expected.passages[found["id"]]
    expect(view.locator("ul.passages > li")).to_have_count(len(passages.expected))
    expect(view.locator("ol.passages > li")).to_have_count(len(passages.found))
    expect(view.locator("ol.passages > li").first).to_contain_text("holds an answer")
    expect(view.locator("ol.passages p").first).to_have_text(passages.found[0].text)
    view.get_by_role("button", name="Ask it").click()
    expect(exchanges(page)).to_have_count(1)
    expect(exchanges(page)).to_contain_text(found["question"])


def test_two_settings_are_compared_question_by_question(page: Page, few: Path) -> None:
    """A second run with other settings stands beside the first, each measure with its difference, and what moved."""
    measured(page, few)
    controls(page).get_by_text("Try other settings").click()
    controls(page).get_by_role("checkbox", name="Read and rank").uncheck()
    controls(page).get_by_label("Weight of the meaning").fill("0")
    run(page, 2)
    expect(page.locator("#evaluated")).to_contain_text("Weight of the meaning 0, unranked")
    table = page.get_by_role("region", name="Two runs compared")
    expect(
        table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(r"^recall@1 \d")))
    ).to_have_count(1)
    moved = page.locator("ul.moved > li").count()
    assert moved > 0
    forth = table.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()[:2]
    page.get_by_label("From", exact=True).select_option("2")
    page.get_by_label("To", exact=True).select_option("1")
    page.get_by_role("button", name="Compare").click()
    expect(table.get_by_role("row").nth(1).get_by_role("cell").first).to_have_text(forth[1])
    expect(page.locator("ul.moved > li")).to_have_count(moved)
    page.get_by_role("group", name="Runs").get_by_role("button").first.click()
    expect(page.locator("#evaluated")).not_to_contain_text("unranked")


def test_a_report_is_opened_again(page: Page, few: Path, expected: Run) -> None:
    """A report made before is shown, and compared with a run of this visit over the same questions: nothing moved."""
    measured(page, few)
    report = {"name": "old.json", "mimeType": "application/json", "buffer": report_json(expected).encode()}
    choose(page, report, 1)
    expect(page.locator("#evaluated")).to_have_text("2 · old.json")
    expect(page.get_by_text(f"0 of {len(expected.outcomes)} questions moved.")).to_be_visible()


def test_a_run_that_is_stopped_leaves_nothing(page: Page) -> None:
    """While a run goes on its progress is shown; stopped, it leaves no figures, and another can be begun."""
    total = len(LINES) + sum(len(chain.turns) for chain in CHAINS)
    open_panel(page)
    controls(page).get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("progressbar")).to_have_attribute("max", str(total))
    expect(page.locator("#evaluate-progress")).to_contain_text(f"of {total} questions asked")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.wait_for_timeout(2_000)  # milliseconds: time enough for a run that goes on to show itself
    expect(page.locator("#evaluated, progress")).to_have_count(0)


def file(name: str, content: str | bytes) -> dict[str, object]:
    """A file as a browser is given it."""
    return {
        "name": name,
        "mimeType": "text/plain",
        "buffer": content if isinstance(content, bytes) else content.encode(),
    }


def conversation(number: int) -> str:
    """One of the shipped conversations as lines that have their chain in common."""
    chain = CHAINS[number]
    lines = [
        {"id": f"own-{place}", "language": chain.language, "type": "number", "chain": chain.id, **asdict(turn)}
        for place, turn in enumerate(chain.turns)
    ]  # fmt: skip
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def test_conversations_are_asked_in_turn(page: Page, chat: Chat) -> None:
    """Lines with a chain are asked as a conversation: their figures, and a turn with what it leans on, are shown."""
    choose(open_panel(page), file("talk.jsonl", conversation(0) + conversation(20).replace('"own-', '"two-')))
    expect(controls(page)).to_contain_text("2 questions, and 6 in conversations")
    run(page)
    expected = evaluate_chains([CHAINS[0], CHAINS[20]], lambda question, history: chat.ask(question, history=history))
    table = page.get_by_role("region", name="Follow-ups", exact=True)
    for label, group, suffix in (
        ("first of a conversation 2", "turns: first", ""),
        ("follow-up 4", "turns: follow-up", ""),
        ("follow-up · asked in full", "turns: follow-up", " in full"),
    ):
        row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=label, exact=True))
        for place, measure in enumerate(("document recall@1", "document recall@5", "answer recall")):
            figure = expected["figures"][group][f"{measure}{suffix}"]
            told = f"{figure['mean']:.3f} {figure['low']:.2f}–{figure['high']:.2f}"
            expect(row.get_by_role("cell").nth(place)).to_have_text(told)
    assert json.loads(downloaded(page, "Download JSON"))["follow_ups"] == json.loads(json.dumps(expected))
    assert sum(line.count("follow-up") for line in downloaded(page, "Download CSV").splitlines()) == 4
    page.get_by_role("button", name="All questions").click()
    expect(page.locator("table.failures tbody tr")).to_have_count(8)
    first, second, *_ = CHAINS[0].turns
    page.locator("table.failures").get_by_role("button", name=second.question).click()
    view = page.get_by_role("region", name=second.question)
    expect(view).to_contain_text(f"Asked before: {first.question}")
    expect(view).to_contain_text(f"In full: {second.means}")


def test_a_threshold_is_tried(page: Page, few: Path, expected: Run) -> None:
    """With a confidence that nothing reaches everything is refused, and the comparison says what that costs."""
    measured(page, few)
    controls(page).get_by_text("Try other settings").click()
    controls(page).get_by_label("Refuse below confidence").fill("1")
    run(page, 2)
    expect(page.locator("#evaluated")).to_contain_text("Refuse below confidence 1")
    table = page.get_by_role("region", name="Two runs compared").get_by_role("row")
    for measure, change in (("rightly refused", "better"), ("wrongly refused", "worse"), ("recall@1", "")):
        row = table.filter(has=page.get_by_role("rowheader", name=re.compile(rf"^{measure} .*\d$")))
        new = expected.report["figures"]["all"]["recall@1"]["mean"] if measure == "recall@1" else 1.0
        expect(row.get_by_role("cell").nth(1)).to_have_text(f"{new:.3f}")
        expect(row.get_by_role("cell").nth(2)).to_contain_text(change)


def test_two_generations_are_compared(
    visit: Visit, few: Path, index_folder: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    """A run after a build is compared with the one before it, each with its generation; what the edit cost is told."""
    articles = tmp_path / "articles"
    shutil.copytree(corpus_folder, articles)
    shutil.copytree(index_folder, tmp_path / "index")
    generations.build(articles, tmp_path / "index", IndexSettings())
    chat = Chat.open(tmp_path / "index")
    with served(chat) as address:
        page = measured(visit(address), few)
        for path in articles.glob("*.en.md"):
            path.unlink()
        newer = generations.build(articles, tmp_path / "index", IndexSettings()).generation
        run(page, 2)
        expect(page.locator("#evaluated + p")).to_contain_text(newer)
        expect(page.get_by_text(f"{chat.generation} → 2 · {few.name} · {newer}")).to_be_visible()
        row = page.get_by_role("region", name="Two runs compared").get_by_role("row")
        found = row.filter(has=page.get_by_role("rowheader", name=re.compile(r"^recall@1 \d")))
        expect(found.get_by_role("cell").nth(2)).to_contain_text("worse")
        page.close()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(
    ("content", "key"),
    [(b"{}", "ungraded_question"), (b"", "file_empty"), (b" " * 4_100_000, "file_long"),
     (b'{"data": [{}]}', "no_question_set"),
     (b"\x89PNG\r\n\x1a\n\x00\xff", "file_empty"), ("<b>不是 JSON</b>".encode(), "ungraded_question"),
     ("café".encode("latin-1"), "file_empty"), (LINES[0].replace('"id"', '"name"').encode(), "ungraded_question"),
     (f"{LINES[0]}\n{LINES[0]}".encode(), "same_question"),
     (b'{"data": [{"paragraphs": [{"context": "Nowhere.", "qas": []}]}]}', "no_paragraph")],
    ids=["no question", "empty", "too long", "no SQuAD", "picture", "no JSON", "Latin-1", "wrong field", "twice",
         "nowhere"],
)  # fmt: skip
def test_a_file_that_cannot_be_asked_is_said(content: bytes, key: str, locale: str, visit: Visit) -> None:
    """A file that cannot be asked is said in the page's language, and nothing else changes."""
    page = visit(locale=locale)
    choose(open_panel(page), file("wrong.json", content))
    text = (MESSAGES.get(key) or TEXTS[key])[locale == "en-US"]
    words = max(re.split(r"\{[^}]*\}", text), key=len).strip()
    expect(page.locator("#evaluate-notice").get_by_role("alert")).to_contain_text(words)
    expect(controls(page).get_by_role("radio")).to_have_count(1)


SETTINGS = {
    "1000": Message("setting_confidence", {"value": 1000.0}),
    "heavy": Message("no_number", {"value": "heavy"}),
    "nan": Message("setting_confidence", {"value": float("nan")}),
}


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_what_is_no_report_or_setting_is_said(locale: str, visit: Visit) -> None:
    """A file that is no report, and a setting outside its range, are said in the page's language."""
    page, language = visit(locale=locale), "zh" if locale == "zh-CN" else "en"
    choose(open_panel(page), file("wrong.json", LINES[0]), 1)
    alert = page.locator("#evaluate-notice").get_by_role("alert")
    expect(alert).to_have_text(Message("no_outcomes", {"path": "wrong.json"}).text(language))
    for setting, said in SETTINGS.items():
        controls(page).locator("[name=minimum_confidence]").evaluate("(box, value) => { box.value = value }", setting)
        controls(page).locator("button.primary").click()
        expect(alert).to_have_text(said.text(language))
    page.wait_for_timeout(1_000)  # milliseconds: time enough for what the panel does next
    expect(alert).to_be_visible()
    expect(controls(page).get_by_role("radio")).to_be_checked()


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "gzip"])
def test_a_set_of_any_usual_kind_is_asked(coding: str, page: Page) -> None:
    """A set with a byte order mark, in UTF-16 or packed, in languages nobody foresaw, is asked like any other."""
    record = {**json.loads(LINES[0]), "id": "fr", "question": "Où est le robot ?", "language": "fr <i>", "type": "où"}
    text = f"{LINES[0]}\n{json.dumps(record, ensure_ascii=False)}\n"
    content = gzip.compress(text.encode()) if coding == "gzip" else text.encode(coding)
    choose(open_panel(page), file(f"set.{'gz' if coding == 'gzip' else 'jsonl'}", content))
    expect(controls(page)).to_contain_text("2 questions")
    run(page)
    expect(page.get_by_role("region", name="By language").get_by_role("columnheader", name="fr <i> 1")).to_be_visible()
    expect(page.get_by_role("region", name="By type").get_by_role("rowheader", name="où")).to_be_visible()


def test_a_squad_file_is_measured(page: Page, chat: Chat) -> None:
    """Questions in SQuAD format whose paragraph stands in an article are asked; how many are left out is said."""
    passage = next(each for each in chat.index.passages if "FlagOS" in each.text and "32" in each.text)
    here = {"context": passage.text, "qas": [{"id": "1", "question": ENGLISH, "answers": [{"text": "32"}]}]}
    gone = {"context": "It is nowhere.", "qas": [{"id": "2", "question": "Where?", "answers": [{"text": "nowhere"}]}]}
    choose(open_panel(page), file("squad.json", json.dumps({"data": [{"paragraphs": [here, gone]}]})))
    expect(controls(page)).to_contain_text("1 questions and 1 left out")
    run(page)
    expect(page.get_by_role("region", name="By type").get_by_role("rowheader", name="SQuAD")).to_be_visible()


def test_the_panel_speaks_both_languages(visit: Visit, few: Path) -> None:
    """Figures that are there already are told in the other language once the visitor switches, on a phone too."""
    page = measured(visit(size=PHONE), few)
    page.get_by_role("banner").get_by_role("button", name="中文").click()
    expect(page.get_by_role("region", name="按语言")).to_be_visible()
    expect(page.get_by_role("img", name="风险与覆盖")).to_be_visible()
    expect(page.locator("#evaluate")).not_to_contain_text("Questions that failed")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where feedback is kept."""
    return tmp_path_factory.mktemp("given") / "eval" / "feedback.jsonl"


@pytest.fixture(scope="module")
def asking(chat: Chat, given: Path) -> Iterator[str]:
    """Where the shipped articles are served, and visitors are asked what they think."""
    with served(chat, feedback=given) as address:
        yield address


def last(given: Path, count: int) -> dict[str, object]:
    """The newest line of the file, which has so many."""
    lines = given.read_text(encoding="utf-8").splitlines()
    assert len(lines) == count
    record: dict[str, object] = json.loads(lines[-1])
    return record


def test_a_thumb_up_is_kept(visit: Visit, asking: str, given: Path, chat: Chat) -> None:
    """A right answer is kept with what it said; the thumb stays pressed, also once another question is asked."""
    given.unlink(missing_ok=True)
    page = visit(asking)
    ask(page, ENGLISH)
    thumb = exchanges(page).first.get_by_role("button", name="Right")
    thumb.click()
    expect(page.get_by_role("status").filter(has_text="Thank you")).to_be_visible()
    answer = chat.ask(ENGLISH)
    record = last(given, 1)
    assert (record["question"], record["documents"]) == (ENGLISH, [answer.citations[0].passage.document_id])
    ask(page, CHINESE)
    expect(thumb).to_have_attribute("aria-pressed", "true")
    expect(exchanges(page).last.get_by_role("button", name="Right")).to_have_attribute("aria-pressed", "false")


def test_after_a_thumb_down_the_right_passage_is_named(visit: Visit, asking: str, given: Path, chat: Chat) -> None:
    """A passage that was found, with words of it, becomes the known answer; words that are not there are said."""
    given.unlink(missing_ok=True)
    page = visit(asking)
    ask(page, CHINESE).get_by_role("button", name="Wrong").click()
    form = page.locator("#correction form")
    hit = chat.ask(CHINESE).hits[1].passage
    form.get_by_role("radio").nth(1).check()
    words = form.get_by_role("textbox")
    words.fill("words that stand nowhere")
    form.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("do not stand there")
    expect(form.get_by_role("radio").nth(1)).to_be_checked()
    words.fill(hit.text[:12])
    form.get_by_role("button", name="Send").click()
    expect(form).to_have_count(0)
    record = last(given, 2)
    assert (record["documents"], record["answers"]) == ([hit.document_id], [hit.text[:12]])


def test_words_are_selected_in_the_article(visit: Visit, asking: str, given: Path, chat: Chat) -> None:
    """What is selected in the article goes into the form, and is found wherever it stands."""
    given.unlink(missing_ok=True)
    page = visit(asking)
    ask(page, CHINESE).get_by_role("button", name="Wrong").click()
    quote = chat.ask(CHINESE).citations[0].quote
    form = page.locator("#correction form")
    expect(form).to_be_visible()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#article mark.current'))")
    expect(form.get_by_role("textbox")).to_have_value(quote)
    expect(form.get_by_role("radio", name="Another place")).to_be_checked()
    form.get_by_role("button", name="Send").click()
    expect(form).to_have_count(0)
    assert last(given, 2)["answers"] == [quote]


def test_that_the_articles_do_not_say_is_kept(visit: Visit, asking: str, given: Path) -> None:
    """A refusal is rated too; “the articles do not say” makes an unanswerable question; declining keeps the verdict."""
    given.unlink(missing_ok=True)
    page = visit(asking)
    wrong = ask(page, REFUSED[0]).get_by_role("button", name="Wrong")
    wrong.click()
    form = page.locator("#correction form")
    form.get_by_role("radio", name="The articles do not say").check()
    form.get_by_role("button", name="Send").click()
    expect(form).to_have_count(0)
    record = last(given, 2)
    assert (record["type"], record["documents"], record["answers"]) == ("unanswerable", [], [])
    wrong.click()
    form.get_by_role("button", name="No, thank you").click()
    expect(form).to_have_count(0)
    last(given, 3)


def test_without_a_file_nobody_is_asked(page: Page) -> None:
    """Where no feedback is kept, answers have no thumbs."""
    ask(page, ENGLISH)
    expect(page.locator(".thumb")).to_have_count(0)
    expect(question_box(page)).to_be_visible()
