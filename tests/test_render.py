import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qa.datatypes import Answer, Citation, Document, Hit, Passage, Written, WrittenSentence
from qa.render import answer_markdown, answer_record, answer_text, conversation_markdown

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
def shortened(answered: Answer) -> Answer:
    """The answer with a short one, which is a part of its citation with markup in it."""
    start = START + len("A quoted ")
    quote = f"sentence {IMAGE} [click]"
    return replace(answered, short=replace(answered.citations[0], start=start, end=start + len(quote), quote=quote))


@pytest.fixture
def disputed(answered: Answer) -> Answer:
    """An answer with two citations, of which two parts disagree."""
    first = answered.citations[0]
    second = replace(first, number=2, start=len(FRONT), end=len(FRONT) + len(SCRIPT) + 3, quote=f"前言 {SCRIPT}")
    parts = (
        replace(second, start=second.start + 3, quote=SCRIPT),
        replace(first, start=START + 2, end=START + 8, quote="quoted"),
    )
    short = replace(first, start=START + 2, end=START + 8, quote="quoted")
    return replace(answered, citations=(first, second), short=short, conflict=parts)


@pytest.fixture
def refused(passage: Passage) -> Answer:
    return Answer("What?", "The articles do not say.", (), (Hit(passage, 1.0, 0.5, 0.0, 0.5),), 0.1)


@pytest.mark.parametrize("which", ["answered", "shortened", "disputed", "refused"])
def test_markdown_shows_the_article_s_markup_as_text(
    which: str, document: Document, request: pytest.FixtureRequest
) -> None:
    """Neither HTML nor Markdown of a title, quote or passage is obeyed in the Markdown to keep."""
    markdown = answer_markdown(request.getfixturevalue(which), {"a.md": document})
    assert Page(markdown).tags == []
    obeyed = re.sub(r"\\.|^>", "", markdown, flags=re.MULTILINE)
    assert not re.search(r"[\[\]`<>!_|]", obeyed)
    assert obeyed.count("*") == {"answered": 0, "shortened": 4, "disputed": 0, "refused": 4}[which]
    shown = Page(re.sub(r"\\(.)", r"\1", markdown)).text
    assert "alert(1)" in shown
    assert document.title in shown


def test_markdown_names_the_place_of_every_citation(answered: Answer, document: Document) -> None:
    """In the Markdown to keep each quote is followed by its number, file and characters."""
    markdown = Page(re.sub(r"\\(.)", r"\1", answer_markdown(answered, {"a.md": document}))).text
    assert f"— [1] {document.path} · " in markdown
    assert f"{START}–{START + len(QUOTE)}" in markdown


def test_a_conversation_is_kept_under_its_questions(answered: Answer, refused: Answer, document: Document) -> None:
    """Each question is a heading, whatever marks it holds, and what was said follows it."""
    asked = replace(refused, question="# `Which` *one*?\nAnd\t<b>why</b>?")
    markdown = conversation_markdown([answered, asked], {"a.md": document})
    headings = [line for line in markdown.splitlines() if line.startswith("#")]
    assert [Page(re.sub(r"\\(.)", r"\1", line)).text for line in headings] == [
        f"## {answered.question}", "## # `Which` *one*? And <b>why</b>?",
    ]  # fmt: skip
    assert markdown.count(answer_markdown(answered, {"a.md": document})) == 1


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
        "short": None,
        "conflict": [],
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
    assert "[1][2]" in page.text.replace("\\", "")
    assert "(not supported by the articles: " in page.text.replace("\\", "")
    assert [each["number"] for each in answer_record(answer, documents)["citations"]] == [1, 2]
    assert answer_text(answer, documents).startswith(answer_text(answered, documents))
    told = replace(answered, notice=f"The server {SCRIPT}")
    assert Page(answer_markdown(told, documents)).tags == []
    assert "The server" in answer_text(told, documents)


def test_the_short_answer_comes_first(shortened: Answer, document: Document) -> None:
    """In every form the short answer stands before the cited sentences, with the number of the one it is cut from."""
    documents = {"a.md": document}
    short = shortened.short
    assert short is not None
    assert document.text[short.start : short.end] == short.quote
    place = {"number": 1, "start": short.start, "end": short.end, "quote": short.quote}
    assert answer_record(shortened, documents)["short"] == place
    first, second, *_ = answer_text(shortened, documents).split("\n\n")
    assert (first, second) == (f"▸ {short.quote} [1]", shortened.text)
    bold = answer_markdown(shortened, documents).split("\n\n")[0]
    assert Page(re.sub(r"\\(.)", r"\1", bold)).text == f"**{short.quote}** [1]"


def test_a_short_answer_over_two_lines_is_shown_on_one(shortened: Answer, document: Document) -> None:
    """Line ends inside the short answer become spaces where it is shown, and stay in the record."""
    assert shortened.short is not None
    broken = replace(shortened, short=replace(shortened.short, quote="two\r\n lines"))
    assert answer_text(broken, {"a.md": document}).startswith("▸ two lines [1]\n")
    assert answer_markdown(broken, {"a.md": document}).startswith(r"**two lines** \[1\]")
    assert answer_record(broken, {"a.md": document})["short"]["quote"] == "two\r\n lines"


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("What?", f"The articles disagree: “{SCRIPT}” [2]; “quoted” [1]."),
        ("什么？", f"文章的说法不一致：“{SCRIPT}” [2]；“quoted” [1]。"),
    ],
)
def test_what_disagrees_is_said_instead_of_one_short_answer(
    question: str, note: str, disputed: Answer, document: Document
) -> None:
    """Every form says first, in the question's language, what differs and where; none gives one value as the answer."""
    documents, answer = {"a.md": document}, replace(disputed, question=question)
    record = answer_record(answer, documents)
    assert [(part["number"], part["quote"]) for part in record["conflict"]] == [(2, SCRIPT), (1, "quoted")]
    for part in record["conflict"]:
        assert document.text[part["start"] : part["start"] + len(part["quote"])] == part["quote"]
    assert json.loads(json.dumps(record)) == record
    text = answer_text(answer, documents)
    assert text.split("\n")[0] == note
    assert "▸" not in text
    warned = answer_markdown(answer, documents).split("\n\n")[0]
    assert not any(block.startswith("**") for block in answer_markdown(answer, documents).split("\n\n"))
    assert Page(re.sub(r"\\(.)", r"\1", warned)).text == note


def test_what_agrees_is_not_called_a_conflict(answered: Answer, refused: Answer, document: Document) -> None:
    """Without a conflict no form speaks of one, and without a short answer none is shown."""
    for answer in (answered, refused):
        for said in (answer_text(answer, {"a.md": document}), answer_markdown(answer, {"a.md": document})):
            assert not any(
                mark in said for mark in ("▸", "⚠️", "disagree", "不一致", "**Title" if answer.answered else "▸")
            )
