"""The article pane's HTML: marks where they belong, and nothing of an article obeyed."""

import re
from dataclasses import replace
from html import unescape

import pytest

from qa.chat import Chat
from qa.datatypes import Document
from ui.article import Shown, article_html, marked

TEXT = "---\ndate: 2025\n---\n# A <b>title</b>\n\nA quoted sentence <img src=x>. 第二句。\n"
START = TEXT.index("A quoted")


@pytest.fixture
def document() -> Document:
    """An article with markup in it."""
    return Document("a.md", "A title", TEXT, "a.md", "en", body_start=TEXT.index("# A"))


def test_marks_cover_their_spans_and_only_those(document: Document) -> None:
    """Each number marks the text of its span, an overlap is the earlier one's, and a span outside adds nothing."""
    spans = {2: (START + 4, START + 12), 1: (START, START + 8), 3: (START + 2, START + 8), 4: (0, 3)}
    html = marked(document, spans, 2)
    found = re.findall(
        r'<mark id="source-(\d+)"( class="current")?>(.*?)<sup aria-hidden="true">(\d+)</sup></mark>', html
    )
    assert found == [("1", "", "A quoted", "1"), ("2", ' class="current"', " sen", "2")]


def test_the_article_s_markup_is_text(document: Document) -> None:
    """All of the body is there, its tags escaped, headings set apart, and nothing of the front matter."""
    assert marked(document, {}, 1) == (
        '<span class="heading level-1"><i># </i>A &lt;b&gt;title&lt;/b&gt;<i>\n\n</i></span>'
        "A quoted sentence &lt;img src=x&gt;. 第二句。"
    )


def test_a_heading_that_is_the_title_is_marked_as_one(document: Document) -> None:
    """The title stands above the article, so that the heading that repeats it need not be seen."""
    assert '<span class="heading title"><i># </i>A' in marked(replace(document, title="A <b>title</b>"), {}, 1)


def test_a_table_is_set_as_one_and_keeps_its_letters() -> None:
    """The rows of a table stand in cells, marks beside them or not, and no letter of it is lost."""
    text = "Before.\n\n| a | b |\n| --- | :-: |\n| <1> | x |\n| 2 | y |\n\nAfter | all.\n"
    start = text.index("y |")
    html = marked(Document("a.md", "A", text, "a.md", "en"), {1: (start, start + 1)}, 1)
    assert html.count('<span class="row">') == 2
    assert "<b> &lt;1&gt; </b><i>|</i><b> x </b>" in html
    assert unescape(re.sub(r"<sup.*?</sup>|<.*?>", "", html)) == text.strip()


def test_a_citation_that_no_longer_stands_is_said_and_not_marked(chat: Chat) -> None:
    """Where an article was changed since it was cited, no other text is marked as the citation."""
    answer = chat.ask("How many chips does FlagOS 2.0 support?")
    first = answer.citations[0]
    moved = replace(answer, citations=(replace(first, start=first.start + 1, end=first.end + 1), *answer.citations[1:]))
    html = article_html(chat, [moved], Shown(0, 1), "en")
    assert "no longer stands in the article" in html
    assert "source-1" not in html
    assert "source-1" in article_html(chat, [answer], Shown(0, 1), "en")
    gone = replace(first, passage=replace(first.passage, document_id="gone.md"))
    assert "no longer stands" in article_html(chat, [replace(answer, citations=(gone,))], Shown(0, 1), "en")
