"""The corpus on the page: its articles read, searched, edited and built."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import PHONE, Visit, ask, question_box, served
from playwright.sync_api import Locator, Page, expect

from qa import generations
from qa.chat import Chat
from qa.lock import write_lock

LATE = 30_000  # milliseconds: the page looks every few seconds where the index stands


@pytest.fixture
def shelf(small_index: Path, tmp_path: Path) -> Iterator[str]:
    """Where the short articles are served, to be edited; two questions are asked before and after each build."""
    questions = tmp_path / "questions.txt"
    questions.write_text("Where does the oldest working clock stand?\n城北图书馆每周几闭馆？\n", encoding="utf-8")
    with served(Chat.open(small_index), questions=questions) as address:
        yield address


def open_corpus(page: Page, label: str = "Corpus") -> Page:
    page.get_by_role("tab", name=label).click()
    expect(entries(page).first).to_be_visible()
    return page


def entries(page: Page) -> Locator:
    return page.locator("#corpus-list li")


def titles(page: Page) -> Locator:
    return entries(page).locator("cite")


def read(page: Page, title: str) -> Locator:
    """Opens an article from the list; what is shown of it."""
    entries(page).get_by_role("button").filter(has_text=title).click()
    article = page.locator("#corpus-view").get_by_role("article", name=title)
    expect(article).to_be_visible()
    return article


def notice(page: Page, role: str = "status") -> Locator:
    return page.locator("#corpus-notice").get_by_role(role)


def badge(page: Page) -> Locator:
    return page.locator("#badge")


def test_articles_are_listed_searched_and_read(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """Each article is listed with what it is, found by title or text, and read rendered or letter by letter."""
    page = open_corpus(visit(shelf))
    expect(titles(page)).to_have_text(["clocks", "Turtles of the Open Sea", "城北图书馆", "白茶的泡法"])
    turtles = entries(page).filter(has_text="Turtles")
    expect(turtles).to_contain_text("turtles.en.md · English · 0.3")
    page.get_by_role("button", name="File name").click()
    expect(titles(page)).to_have_text(["clocks", "白茶的泡法", "Turtles of the Open Sea", "城北图书馆"])
    page.locator("#corpus-words").get_by_role("textbox").fill("圖書館")
    expect(titles(page)).to_have_text(["城北图书馆"])
    page.locator("#corpus-words").get_by_role("textbox").fill("no such words")
    expect(page.locator("#corpus-list")).to_contain_text("No article matches.")
    page.locator("#corpus-words").get_by_role("textbox").fill("")
    article = read(page, "Turtles of the Open Sea")
    expect(article.get_by_role("heading", name="Diving")).to_be_visible()
    article.get_by_role("button", name="Plain text").click()
    expect(article.locator(".text")).to_have_text((small_corpus / "turtles.en.md").read_text(encoding="utf-8"))


def test_nothing_an_article_says_is_obeyed(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """Names, titles, dates and texts with HTML are shown as letters, in the list, the article and the editor."""
    html = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    text = f"---\ntitle: '{html}'\ndate: '{html}'\n---\n\n{html}\n\n![a](http://example.com/x.png)\n"
    (small_corpus / "a'b&amp;.md").write_text(text, encoding="utf-8")
    page = open_corpus(visit(shelf))
    article = read(page, html)
    expect(article.locator(".prose")).to_contain_text(html)
    expect(page.locator("#corpus img, #corpus script")).to_have_count(0)
    article.get_by_role("button", name="Edit").click()
    page.locator("#editor-preview-button").click()
    expect(page.locator("#editor-preview")).to_contain_text(html)
    expect(page.locator("#corpus img, #corpus script")).to_have_count(0)
    expect(page).to_have_title(re.compile("Wenju"))


def test_an_article_is_written_built_and_cited(shelf: str, visit: Visit, small_index: Path) -> None:
    """A new article is newer than the index, a click on the badge builds, what moved is told, and it is cited."""
    page = open_corpus(visit(shelf))
    expect(badge(page)).to_contain_text("Index 1 · 6 passages")
    page.get_by_role("button", name="New article").click()
    page.locator("#editor-name").get_by_role("textbox").fill("new/clock.md")
    page.locator("#editor-text").get_by_role("textbox").fill(
        "# The clock of Wells\n\nThe oldest working clock with a face stands in Wells Cathedral.\n"
    )
    page.locator("#editor-save").click()
    expect(notice(page)).to_contain_text("new/clock.md is saved")
    expect(page.locator("#corpus-view").get_by_role("article", name="The clock of Wells")).to_be_visible()
    expect(badge(page)).to_contain_text("1 file newer", timeout=LATE)
    expect(entries(page).filter(has_text="The clock of Wells")).to_contain_text("Not indexed")
    page.get_by_role("tab", name="Ask").click()
    badge(page).get_by_role("button").click()
    strip = page.locator("#corpus-build")
    expect(strip).to_contain_text("Generation 2 is built. Passages added: 1, changed: 0, removed: 0.", timeout=LATE)
    expect(badge(page)).to_contain_text("Index 2 · 7 passages")
    expect(badge(page)).to_contain_text("up to date")
    expect(entries(page).filter(has_text="The clock of Wells")).not_to_contain_text("Not indexed")
    strip.get_by_role("button", name="See the report").click()
    report = page.locator("#corpus-view section")
    expect(report).to_contain_text("new/clock.md added 1, changed 0, removed 0")
    expect(report).to_contain_text("Answers that moved: 0 of 2.")
    page.get_by_role("tab", name="Ask").click()
    exchange = ask(page, "Where does the oldest working clock with a face stand?")
    expect(exchange).to_contain_text("Wells Cathedral")
    assert generations.number_of(generations.live_folder(small_index).name) == 2


def test_an_edit_over_a_newer_one_is_refused(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """Of two who edit an article the second is told, and what they wrote stays before them."""
    first, second = open_corpus(visit(shelf)), open_corpus(visit(shelf))
    for page in (first, second):
        read(page, "clocks").get_by_role("button", name="Edit").click()
        expect(page.locator("#editor-text").get_by_role("textbox")).to_have_value(re.compile("Salisbury"))
    for page, text in ((first, "First.\n"), (second, "Second.\n")):
        page.locator("#editor-text").get_by_role("textbox").fill(text)
        page.locator("#editor-save").click()
    expect(notice(first)).to_contain_text("clocks.txt is saved")
    expect(second.locator("#editor-notice").get_by_role("alert")).to_contain_text("was changed by someone")
    expect(second.locator("#editor-text").get_by_role("textbox")).to_have_value("Second.\n")
    assert (small_corpus / "clocks.txt").read_text(encoding="utf-8") == "First.\n"


def test_an_edit_is_not_lost_by_a_click(shelf: str, visit: Visit) -> None:
    """Opening another article while an edit is not saved asks back first."""
    page = open_corpus(visit(shelf))
    read(page, "clocks").get_by_role("button", name="Edit").click()
    box = page.locator("#editor-text").get_by_role("textbox")
    expect(box).to_have_value(re.compile("Salisbury"))
    box.fill("Edited.")
    page.once("dialog", lambda dialog: dialog.dismiss())
    entries(page).get_by_role("button").filter(has_text="Turtles").click()
    expect(box).to_have_value("Edited.")
    page.once("dialog", lambda dialog: dialog.accept())
    read(page, "Turtles of the Open Sea")
    expect(box).to_have_count(0)


def test_deleting_asks_back(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """An article is deleted at the second click only, is then called removed, and is cited no more."""
    page = open_corpus(visit(shelf))
    article = read(page, "clocks")
    article.get_by_role("button", name="Delete").click()
    asked = page.locator("#corpus-view").get_by_role("alertdialog")
    asked.get_by_role("button", name="Keep it").click()
    expect(asked).to_have_count(0)
    assert (small_corpus / "clocks.txt").exists()
    article.get_by_role("button", name="Delete").click()
    asked.get_by_role("button", name="Delete the file").click()
    expect(notice(page)).to_contain_text("clocks.txt is deleted.")
    expect(entries(page).filter(has_text="clocks")).to_contain_text("Removed")
    assert not (small_corpus / "clocks.txt").exists()
    page.get_by_role("tab", name="Ask").click()
    expect(ask(page, "Where does the oldest working clock stand?")).not_to_contain_text("Salisbury")


def test_an_article_is_renamed_and_that_is_undone(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """An article gets another name, one that is taken is refused and can be typed over; a click undoes it."""
    page, before = open_corpus(visit(shelf)), (small_corpus / "clocks.txt").read_bytes()
    read(page, "clocks").get_by_role("button", name="Rename").click()
    form = page.locator("#corpus-view").get_by_role("form", name="Rename")
    box = form.get_by_label("New file name")
    expect(box).to_be_focused()
    expect(box).to_have_value("clocks.txt")
    for name, refusal in (
        ("TEA.zh.md", "There is an article “tea.zh.md”"),
        ("../a.txt", "no name"),
        ("a.pdf", "suffix"),
    ):
        box.fill(name)
        box.press("Enter")
        expect(notice(page, "alert")).to_contain_text(refusal)
        expect(box).to_have_value(name)
    box.fill("tower/bells.txt")
    form.get_by_role("button", name="Rename").click()
    expect(notice(page)).to_contain_text("clocks.txt is now tower/bells.txt.")
    expect(page.locator("#corpus-view").get_by_role("article", name="bells")).to_be_visible()
    assert (small_corpus / "tower" / "bells.txt").read_bytes() == before
    assert not (small_corpus / "clocks.txt").exists()
    notice(page).get_by_role("button", name="Undo").click()
    expect(notice(page)).to_have_text("Undone: clocks.txt is as it was.")
    expect(notice(page).get_by_role("button")).to_have_count(0)
    assert (small_corpus / "clocks.txt").read_bytes() == before
    assert not (small_corpus / "tower" / "bells.txt").exists()


def delete(page: Page, title: str) -> None:
    read(page, title).get_by_role("button", name="Delete").click()
    page.locator("#corpus-view").get_by_role("button", name="Delete the file").click()


def test_a_deletion_and_an_edit_are_undone(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """What a visitor deleted or edited is as it was after one click, and nobody else is offered that."""
    before = (small_corpus / "tea.zh.md").read_bytes()
    page, other = open_corpus(visit(shelf)), open_corpus(visit(shelf))
    delete(page, "白茶的泡法")
    expect(notice(page)).to_contain_text("tea.zh.md is deleted.")
    expect(entries(other).filter(has_text="白茶")).to_contain_text("Removed", timeout=LATE)
    expect(other.locator("#corpus-notice").get_by_role("button")).to_have_count(0)
    notice(page).get_by_role("button", name="Undo").click()
    expect(page.locator("#corpus-view").get_by_role("article", name="白茶的泡法")).to_be_visible()
    assert (small_corpus / "tea.zh.md").read_bytes() == before
    page.locator("#corpus-view").get_by_role("button", name="Edit").click()
    page.locator("#editor-text").get_by_role("textbox").fill("Something else.")
    page.locator("#editor-save").click()
    notice(page).get_by_role("button", name="Undo").click()
    expect(notice(page)).to_contain_text("Undone")
    assert (small_corpus / "tea.zh.md").read_bytes() == before


def test_nobody_elses_change_is_undone(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """Where someone has written the article anew since, undoing is refused, and theirs stays."""
    page = open_corpus(visit(shelf))
    delete(page, "clocks")
    expect(notice(page)).to_contain_text("clocks.txt is deleted.")
    (small_corpus / "clocks.txt").write_text("Theirs.", encoding="utf-8")
    notice(page).get_by_role("button", name="Undo").click()
    expect(notice(page, "alert")).to_contain_text("There is an article “clocks.txt”")
    assert (small_corpus / "clocks.txt").read_text(encoding="utf-8") == "Theirs."


def test_a_long_list_is_chosen_from(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """Of many articles a hundred are listed at a time; they are chosen by language, which is not that of the page."""
    for number in range(130):
        (small_corpus / f"{number:03d}.md").write_text(f"# Article {number:03d}\n\nText.\n", encoding="utf-8")
    page = open_corpus(visit(shelf))
    expect(entries(page)).to_have_count(100)
    page.get_by_role("button", name="Show more (34 left)").click()
    expect(entries(page)).to_have_count(134)
    spoken = page.get_by_role("group", name="Language", exact=True)
    expect(spoken.get_by_role("button", pressed=True)).to_have_text("All")
    spoken.get_by_role("button", name="Chinese 2").click()
    expect(titles(page)).to_have_text(["城北图书馆", "白茶的泡法"])
    expect(spoken.get_by_role("button", pressed=True)).to_have_text("Chinese 2")
    page.locator("#corpus-words").get_by_role("textbox").fill("茶")
    expect(titles(page)).to_have_text(["白茶的泡法"])
    expect(page.get_by_role("tab", name="Corpus")).to_be_visible()


def test_the_list_is_walked_by_keys(shelf: str, visit: Visit) -> None:
    """Arrows go from article to article, Enter opens one, and the focus stays there while all is rendered anew."""
    page = open_corpus(visit(shelf))
    entries(page).first.get_by_role("button").focus()
    for key, title in (("ArrowDown", "Turtles"), ("ArrowUp", "clocks"), ("ArrowUp", "clocks"), ("End", "白茶")):
        page.keyboard.press(key)
        expect(page.locator(":focus")).to_contain_text(title)
    page.keyboard.press("Enter")
    expect(page.locator("#corpus-view").get_by_role("article", name="白茶的泡法")).to_be_visible()
    expect(page.locator("#corpus-list :focus")).to_contain_text("白茶")
    page.get_by_role("button", name="File name").focus()
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("File name")
    expect(page.locator(":focus")).to_have_attribute("aria-pressed", "true")


def test_files_are_uploaded(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """Several files are uploaded at once, and for each it is said whether it was taken."""
    page = open_corpus(visit(shelf))
    sent = [("one.md", b"# One\n\nOne."), ("二.txt", "二".encode()), ("tea.zh.md", b"other"), ("a.exe", b"")]
    page.locator("#corpus-tools input[type=file]").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": raw} for name, raw in sent]
    )
    expect(notice(page)).to_contain_text("one.md is uploaded.")
    expect(notice(page)).to_contain_text("二.txt is uploaded.")
    expect(notice(page)).to_contain_text("There is an article “tea.zh.md”")
    expect(notice(page)).to_contain_text("“a.exe” does not end as")
    expect(entries(page)).to_have_count(6)
    assert (small_corpus / "二.txt").read_text(encoding="utf-8") == "二"
    assert "白茶" in (small_corpus / "tea.zh.md").read_text(encoding="utf-8")


def test_generations_are_switched(shelf: str, visit: Visit, small_index: Path, small_corpus: Path) -> None:
    """A build names the answer that moved; the generation before answers after a click, and every page says so."""
    (small_corpus / "clocks.txt").write_text("The oldest clock stands in Wells.", encoding="utf-8")
    page, other = open_corpus(visit(shelf)), visit(shelf)
    page.locator("#corpus-build").get_by_role("button", name="Rebuild the index").click()
    expect(badge(other)).to_contain_text("Index 2", timeout=LATE)
    page.get_by_role("button", name="See the report").click()
    moved = page.locator("#corpus-view .moved li")
    expect(moved).to_have_count(1)
    expect(moved).to_contain_text(re.compile("Where does the oldest.*Before.*Salisbury.*Now.*Wells", re.DOTALL))
    page.get_by_role("button", name="Generations").click()
    rows = page.locator("#corpus-view tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("live")
    rows.nth(1).get_by_role("button", name="Switch to it").click()
    expect(notice(page)).to_have_text("Generation 1 answers now.")
    for each in (page, other):
        expect(badge(each)).to_contain_text("Index 1", timeout=LATE)
    assert generations.number_of(generations.live_folder(small_index).name) == 1


def test_findings_open_their_articles(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """What is to be mended is listed on demand, and a finding opens its article with its line marked."""
    garbled = "北京论坛".encode().decode("latin-1")
    (small_corpus / "garbled.md").write_text(f"# Garbled\n\nFine here.\n\n{garbled}\n", encoding="utf-8")
    page = open_corpus(visit(shelf))
    page.get_by_role("button", name="Check articles").click()
    findings = page.locator(".findings li")
    expect(findings.filter(has_text="no date").first).to_be_visible()
    findings.filter(has_text="garbled text").get_by_role("button").click()
    expect(page.locator("#corpus-view mark")).to_contain_text(garbled[:1])


def test_a_phone_and_chinese(shelf: str, visit: Visit) -> None:
    """On a phone an article covers the list until one goes back; everything is in Chinese there, the badge in sight."""
    page = open_corpus(visit(shelf, locale="zh-CN", size=PHONE), "文章")
    expect(badge(page)).to_contain_text("#1")
    article = read(page, "白茶的泡法")
    expect(article.get_by_role("button", name="修改")).to_be_visible()
    expect(page.locator("#desk")).to_be_visible()
    article.get_by_role("button", name="返回列表").click()
    expect(page.locator("#desk")).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    english = page.locator("#corpus").evaluate(
        "panel => panel.innerText.match(/[A-Za-z][a-z]+( [a-z]+)+/g)"  # two words of English together
    )
    assert set(english or []) <= {"Turtles of the"}


FOUND = r"[A-Za-z]{3,}"
NAMES = {"UTF", "Big", "PDF", "EPUB", "Word", "date", "txt"}  # of formats, of a field, of a file
FAULTY = {
    "noise.md": b"caf\xe9", "a.pdf": b"no", "a.docx": b"no", "a.epub": b"no", "a.html": b"", "b.txt": b"A word.",
    "c.txt": b"---\ndate: 2026\n---\nA word.", "d.txt": "最古老的钟在一座教堂里，没有钟面。".encode("gb18030"),
    "e.md": "锟斤拷".encode(), "f.md": "# 空\n\n____\n".encode(),
}  # fmt: skip


def test_whatever_ails_an_article_is_said_in_chinese(
    shelf: str, visit: Visit, small_corpus: Path, small_index: Path
) -> None:
    """In Chinese, findings, why files are left out and why a build failed hold no English but names and formats."""
    for name, raw in FAULTY.items():
        (small_corpus / name).write_bytes(raw)
    page = open_corpus(visit(shelf, locale="zh-CN"), "文章")
    page.get_by_role("button", name="检查").click()
    findings = page.locator(".findings li")
    expect(findings.filter(has_text="a.pdf")).to_contain_text("PDF")
    said = findings.locator("span:not(.facts)").all_inner_texts() + findings.locator("cite").all_inner_texts()
    assert len(said) > 2 * len(FAULTY)
    strip = page.locator("#corpus-build")
    with write_lock(small_index):
        strip.get_by_role("button", name="重新建立索引").click()
        expect(strip.get_by_role("alert")).to_contain_text("进程", timeout=LATE)
        said.append(strip.inner_text().replace(small_index.name, ""))
        assert str(small_index.parent) not in strip.inner_text()
    strip.get_by_role("button", name="重新建立索引").click()
    strip.get_by_role("button", name="看详情").click(timeout=LATE)
    expect(findings).to_have_count(0)  # the details stand where these stood, which name the same files
    left_out = page.locator("#corpus-view li").filter(has_text="noise.md")
    expect(left_out).to_contain_text("请存成")
    said += page.locator("#corpus-view ul").last.locator(".facts").all_inner_texts()
    said += page.locator("#corpus-list .standing").evaluate_all("all => all.map(each => each.title)")
    assert {word for text in said for word in re.findall(FOUND, text)} <= NAMES


def test_a_deletion_on_a_phone_is_undone(shelf: str, visit: Visit, small_corpus: Path) -> None:
    """On a phone one is back at the list after a deletion, and what can be undone is in sight over an article too."""
    page = open_corpus(visit(shelf, size=PHONE))
    delete(page, "clocks")
    expect(page.locator("#desk")).not_to_be_visible()
    notice(page).get_by_role("button", name="Undo").click()
    expect(entries(page).filter(has_text="clocks")).not_to_contain_text("Removed")
    read(page, "clocks").get_by_role("button", name="Rename").click()
    page.get_by_label("New file name").fill("bells.txt")
    page.get_by_label("New file name").press("Enter")
    notice(page).get_by_role("button", name="Undo").click()
    expect(notice(page)).to_contain_text("Undone")
    assert (small_corpus / "clocks.txt").exists()


def test_a_server_to_read_offers_no_change(small_index: Path, visit: Visit) -> None:
    """Where nothing may be changed, articles are read, and nothing offers to change them."""
    with served(Chat.open(small_index), read_only=True) as address:
        page = open_corpus(visit(address))
        article = read(page, "clocks")
        expect(article.get_by_role("button")).to_have_count(0)
        for name in ("New article", "Rebuild anyway", "Upload files", "Edit", "Delete"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.locator("input[type=file]")).to_have_count(0)
        page.get_by_role("tab", name="Ask").click()
        expect(question_box(page)).to_be_visible()
        page.context.close()
