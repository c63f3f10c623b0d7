import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.corpus import parse_document
from qa.datatypes import Passage
from qa.passages import Chunker, token_fitting_length, utf8_length

LIMIT = 120

fragments = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r\n\r\n", "\r", " ", "\t", "\u2028", "\ufeff", "```\n", "~~~~\n", "---\n"]),
    st.sampled_from(["# 标题\n", "### Heading ###\r\n", "#\n", "#tag ", "    # code\n", "- item\n", "1. ", "| a |\n"]),
    st.sampled_from(["。", "！”", "……", ". ", '."\n', "；", "，", "、", "5.4%"]),
    st.sampled_from(["مرحبا بالعالم ", "👩\u200d👩\u200d👧", "e\u0301\u0323", "\u202eabc"]),
    st.sampled_from(["長" * 90, "x" * 250, "word " * 40, "𠀀" * 31]),
)  # fmt: skip
articles = st.lists(fragments, max_size=25).map("".join)


def cut(text: str, limit: int = LIMIT) -> list[Passage]:
    return list(Chunker(limit).passages(parse_document("name.md", text, ""), 0))


@given(articles)
@example("---\r\ntitle: t\r\n---\r\n\r\n# h\r\n" + "長" * 41 + "\r\n\r\n" + "x" * 121)
@settings(max_examples=300)
def test_passages_are_slices_that_lose_no_letter(text: str) -> None:
    """Each passage is a slice within the limit, in order, and no letter or digit outside heading lines is lost."""
    document = parse_document("name.md", text, "")
    passages = list(Chunker(LIMIT).passages(document, 7))
    assert [passage.id for passage in passages] == list(range(7, 7 + len(passages)))
    bounds = [bound for passage in passages for bound in (passage.start, passage.end)]
    assert bounds == sorted(bounds)
    covered = [False] * len(text)
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert re.search(r"\w", passage.text)
        assert len(passage.text.encode()) <= LIMIT
        covered[passage.start : passage.end] = [True] * len(passage.text)
    position, lost = document.body_start, []
    for line in text[document.body_start :].splitlines(keepends=True):
        if not re.match(r" {0,3}#{1,6}([ \t]|$)", line.strip("\r\n")):
            lost += [line[i] for i in range(len(line)) if line[i].isalnum() and not covered[position + i]]
        position += len(line)
    assert lost == []


@given(articles.filter(bool), st.integers(-3, 3))
@settings(max_examples=200)
def test_section_left_whole_is_what_the_splitter_makes_of_it(text: str, difference: int) -> None:
    """Around the length up to which a text is left whole, the pieces are those that the splitter cuts."""
    chunker = Chunker(max(1, utf8_length(text) + difference))
    assert chunker._pieces(text, ()) == chunker._splitter(()).split_text(text)


def test_no_splitter_is_loaded_for_what_is_short(tmp_path: Path) -> None:
    """A build of articles whose sections each fit a passage does not load the splitter, which takes a while."""
    (tmp_path / "a.md").write_text("# A\n\nShort.\n", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from qa import generations; from qa.config import IndexSettings;"
        "generations.build(Path(sys.argv[1]), Path(sys.argv[1]) / 'index', IndexSettings());"
        "sys.exit('langchain_text_splitters' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_paragraphs_and_sentences_are_kept_whole_where_they_fit() -> None:
    """A cut falls between paragraphs, else after a sentence with its closing quote, before it falls inside one."""
    sentence = "他说：“第一句话有二十来个汉字，长短正合适。”"
    paragraphs = [sentence * 4, sentence, sentence]
    passages = [passage.text for passage in cut("\n\n".join(paragraphs), limit=200)]
    assert all(text.startswith("他说") and text.endswith("。”") for text in passages)
    assert passages[-1] == f"{sentence}\n\n{sentence}"


def test_heading_path_runs_from_the_title_inwards() -> None:
    """A passage carries the headings above it, outermost first, and a sibling heading ends the one before."""
    text = (
        "---\ntitle: 标题\n---\npreface\n# One\na1\n### Deep ###\na2\n## Two\r\na3\n# Three\na4\n"
        "#not a heading\n    # nor this\n#\na5\n"
    )
    assert {(passage.headings, passage.text) for passage in cut(text)} == {
        (("标题",), "preface"),
        (("标题", "One"), "a1"),
        (("标题", "One", "Deep"), "a2"),
        (("标题", "One", "Two"), "a3"),
        (("标题", "Three"), "a4\n#not a heading\n    # nor this"),
        (("标题",), "a5"),
    }


def test_title_that_is_the_first_heading_is_said_once() -> None:
    """A title taken from the first heading does not stand twice in the path."""
    passages = cut("# Title\nintro\n## Part\nrest\n")
    assert [passage.headings for passage in passages] == [("Title",), ("Title", "Part")]


@pytest.mark.parametrize(
    "fenced",
    [
        "```python\n# comment one\nx = 1\n```",
        "~~~\n# comment one\n```\n# comment two\n~~~~",
        "````\n```\n# comment one\n```\n# comment two\n````",
        "  ```\r\n# comment one\r\n  ```",
        "```\n# comment one\n```python\n# comment two\n```",
    ],
)
def test_hash_lines_in_code_are_text(fenced: str) -> None:
    """A `#` line inside a code fence is searched as text, and headings count again once the fence is closed."""
    passages = cut(f"# Title\n{fenced}\n\n## After\nend\n", limit=1000)
    assert [(passage.headings, passage.text) for passage in passages] == [
        (("Title",), fenced.strip()),
        (("Title", "After"), "end"),
    ]


def test_code_within_a_line_opens_no_fence() -> None:
    """A line that holds ```` ```code``` ```` whole opens no fence, so the headings after it count."""
    passages = cut("# Title\n```inline``` is code\n\n## After\nend\n", limit=1000)
    assert [passage.headings for passage in passages] == [("Title",), ("Title", "After")]


def test_heading_keeps_the_marks_that_belong_to_it() -> None:
    """Closing `#` marks set off by a space go, and one that is part of a word, as in C#, stays."""
    passages = cut("---\ntitle: t\n---\n# C# and F#\na\n## Closed ##\nb\n")
    assert [passage.headings for passage in passages] == [("t", "C# and F#"), ("t", "C# and F#", "Closed")]


@pytest.mark.parametrize(
    "sentence", ["今天天气很好。", "一句比较长的话，里面的汉字不少，读起来也需要花上更多的一点时间才行。"]
)
def test_no_passage_exceeds_the_tokens_an_embedder_reads(sentence: str) -> None:
    """Where the model stops reading after some tokens, no passage holds more, however short its sentences."""

    def count_tokens(text: str) -> int:
        return len(text) + 2

    chunker = Chunker(900, token_fitting_length(900, 128, count_tokens))
    passages = list(chunker.passages(parse_document("a.md", sentence * 100, ""), 0))
    assert "".join(passage.text for passage in passages) == sentence * 100
    assert max(count_tokens(passage.text) for passage in passages) <= 128
