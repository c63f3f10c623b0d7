import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qa.datatypes import Answer, Citation, Document, Hit, Passage, Written, WrittenSentence
from qa.render import answer_markdown, answer_record, answer_text, source_html

SCRIPT, IMAGE = "<script>alert(1)</script>", '<img src=x onerror="alert(2)">'
LINK = "[click](javascript:alert(3)) ![i](x) **bold** `code` <https://e.example> &lt;b&gt;"


class Page(HTMLParser):
    """What a browser makes of some HTML: its tags, their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


BODY = f"前言 {SCRIPT}\n\nA quoted sentence {IMAGE} {LINK}. 第二句。\n"
FRONT = "---\ndate: 2025\n---\n"
QUOTE = f"A quoted sentence {IMAGE} {LINK}."
START = len(FRONT) + BODY.index(QUOTE)


@pytest.fixture
def document() -> Document:
    return Document(
        id="a.md",
        title=f"Title {SCRIPT} *x*",
        text=FRONT + BODY,
        path=f"a{IMAGE}.md",
        language="en",
        metadata={"date": f"2025{SCRIPT}"},
        body_start=len(FRONT),
    )


@pytest.fixture
def passage() -> Passage:
    return Passage(0, "a.md", (f"Title {SCRIPT} *x*", "Part"), len(FRONT), len(FRONT) + len(BODY), BODY)


@pytest.fixture
def answered(passage: Passage) -> Answer:
    citation = Citation(1, passage, START, START + len(QUOTE), QUOTE, "")
    hits = (Hit(passage, 1.25, 0.5, None, 0.123456789), Hit(passage, 0.5, None, 3.0, None))
    return Answer(f"What? {SCRIPT}", f"{QUOTE} [1]", (citation,), hits, 0.98765432)


@pytest.fixture
def refused(passage: Passage) -> Answer:
    return Answer("What?", "The articles do not say.", (), (Hit(passage, 1.0, 0.5, 0.0, 0.5),), 0.1)


def test_source_shows_the_article_s_markup_as_text(document: Document) -> None:
    """No tag of an article, its title, path or date reaches the page, whose text is the article's own."""
    page = Page(source_html(document, {1: (START, START + len(QUOTE))}, note=IMAGE))
    assert page.tags == ["article", "h2", "p", "div", "mark", "sup"]
    assert {name for name, _ in page.attributes} == {"class", "lang", "id"}
    assert page.text.replace(f"{QUOTE}1", QUOTE).endswith(BODY.strip())
    assert FRONT not in page.text
    for shown in (document.title, document.path, document.metadata["date"]):
        assert shown in page.text


def test_marks_cover_their_spans_and_only_those(document: Document) -> None:
    """Each number marks the text of its span, an overlap is the earlier one's, and a span outside adds nothing."""
    spans = {2: (START + 4, START + 12), 1: (START, START + 8), 3: (START + 2, START + 8), 4: (0, 3)}
    source = source_html(document, spans)
    marked = re.findall(r'<mark id="source-(\d+)">(.*?)<sup>(\d+)</sup></mark>', source)
    assert marked == [("1", QUOTE[:8], "1"), ("2", QUOTE[8:12], "2")]
    unmarked = re.sub(r"<sup>\d+</sup>", "", source)
    assert Page(unmarked).text.endswith(BODY.strip())


@pytest.mark.parametrize("which", ["answered", "refused"])
def test_chat_bubble_shows_the_article_s_markup_as_text(
    which: str, document: Document, request: pytest.FixtureRequest
) -> None:
    """Neither HTML nor Markdown of a title, quote or passage is obeyed in the bubble; its only links are its own."""
    markdown = answer_markdown(request.getfixturevalue(which), {"a.md": document})
    assert Page(markdown).tags == []
    obeyed = re.sub(r"\\.|\[\[\d+\]\]\(#source-\d+\)", "", markdown)
    assert not re.search(r"[\[\]`<>!_|]", obeyed)
    assert obeyed.count("*") == (2 if which == "answered" else 4)
    shown = Page(re.sub(r"\\(.)", r"\1", markdown)).text
    assert "alert(1)" in shown
    assert document.title in shown


def test_chat_bubble_links_each_number_to_its_source(answered: Answer, document: Document) -> None:
    """A quote in the bubble is followed by a link to the mark that `source_html` gives the same number."""
    assert re.findall(r"\[\[(\d+)\]\]\(#(.+?)\)", answer_markdown(answered, {"a.md": document})) == [("1", "source-1")]
    assert 'id="source-1"' in source_html(document, {1: (START, START + len(QUOTE))})


def test_record_has_exactly_the_promised_keys(answered: Answer, document: Document) -> None:
    """The JSON record has these keys and no others, survives JSON unchanged, and what was not found stays null."""
    record = answer_record(answered, {"a.md": document})
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record == {
        "question": f"What? {SCRIPT}",
        "searched_as": "",
        "answered": True,
        "text": f"{QUOTE} [1]",
        "confidence": pytest.approx(0.98765432, abs=1e-4),
        "citations": [
            {
                "number": 1,
                "document_id": "a.md",
                "title": f"Title {SCRIPT} *x*",
                "path": f"a{IMAGE}.md",
                "start": START,
                "end": START + len(QUOTE),
                "quote": QUOTE,
                "headings": [f"Title {SCRIPT} *x*", "Part"],
            }
        ],
        "passages": [
            {
                "document_id": "a.md",
                "path": f"a{IMAGE}.md",
                "start": len(FRONT),
                "end": len(FRONT) + len(BODY),
                "text": BODY,
                "score": score,
                "dense": dense,
                "lexical": lexical,
                "alignment": alignment,
            }
            for score, dense, lexical, alignment in (
                (1.25, 0.5, None, pytest.approx(0.123456789, abs=1e-6)),
                (0.5, None, 3.0, None),
            )
        ],
    }


@pytest.mark.parametrize(
    ("question", "note"),
    [("那里呢？", f"（按“What {SCRIPT}*x*?”检索）"), ("and there?", f"(searched as “What {SCRIPT}*x*?”)")],
)
def test_the_question_as_searched_is_said_first(
    question: str, note: str, answered: Answer, refused: Answer, document: Document
) -> None:
    """Where another question was searched, every form says which, before the rest, in the asked question's language."""
    for answer in (answered, refused):
        completed = replace(answer, question=question, searched_as=f"What {SCRIPT}*x*?")
        assert answer_record(completed, {"a.md": document})["searched_as"] == completed.searched_as
        assert answer_text(completed, {"a.md": document}).split("\n")[0] == note
        markdown = answer_markdown(completed, {"a.md": document})
        assert Page(markdown).tags == []
        assert Page(re.sub(r"\\(.)", r"\1", markdown.split("\n")[0])).text == note
        for said in (answer_text(answer, {"a.md": document}), answer_markdown(answer, {"a.md": document})):
            assert "searched" not in said
            assert "检索" not in said


def test_refusal_is_said_as_one(refused: Answer, document: Document) -> None:
    """A refusal says so in every form, cites nothing, and names the nearest passage's article."""
    record = answer_record(refused, {"a.md": document})
    assert (record["answered"], record["citations"]) == (False, [])
    text = answer_text(refused, {"a.md": document})
    assert text.startswith("The articles do not say.")
    assert document.path in text
    assert "[1]" not in text


def test_terminal_names_the_place_of_every_citation(answered: Answer, document: Document) -> None:
    """On a terminal each citation is named by number, file, headings and characters."""
    text = answer_text(answered, {"a.md": document})
    (line,) = [line for line in text.splitlines() if line.startswith("[1] ")]
    for part in (document.path, "Part", f"{START}–{START + len(QUOTE)}"):
        assert part in line


def test_what_a_model_wrote_is_shown_as_text(answered: Answer, document: Document) -> None:
    """Markup that a language model writes is shown and not obeyed, and its citations go on counting."""
    citation = replace(answered.citations[0], number=2, start=START + 2, quote=QUOTE[2:])
    sentences = (
        WrittenSentence(f"Good {SCRIPT} {LINK}", (answered.citations[0], citation)),
        WrittenSentence(f"Bad {IMAGE}", (), f"“{SCRIPT}” is not in what it cites"),
    )
    answer = replace(answered, written=Written("en", sentences, f"draft {IMAGE}"))
    documents = {"a.md": document}
    page = Page(answer_markdown(answer, documents))
    assert page.tags == []
    assert "[[1]](#source-1)[[2]](#source-2)" in page.text
    assert "(not supported by the articles: " in page.text.replace("\\", "")
    assert [each["number"] for each in answer_record(answer, documents)["citations"]] == [1, 2]
    assert answer_text(answer, documents).startswith(answer_text(answered, documents))
    told = replace(answered, notice=f"The server {SCRIPT}")
    assert Page(answer_markdown(told, documents)).tags == []
    assert "The server" in answer_text(told, documents)
