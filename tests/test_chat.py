import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from qa.chat import Chat
from qa.config import AnswerSettings, Settings
from qa.datatypes import Answer
from qa.errors import CorpusError, IndexMissingError, QuestionError

ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0, citation_margin=9.0))
DEPTH = "How deep can a leatherback turtle dive?"


def stands_in_file(answer: Answer, corpus: Path) -> bool:
    """Whether every citation stands in its file as the file is now."""
    return all(
        (corpus / citation.passage.document_id).read_bytes().decode("utf-8")[citation.start : citation.end]
        == citation.quote
        for citation in answer.citations
    )


@pytest.mark.parametrize(
    "question",
    [
        "",
        " \n\t\u3000",
        "🙂🎉👩‍👩‍👧",
        "\x00\x07\x1b\x7f\x85",
        "？！。…",
        "\ud800",
        "\u200b\u200d\ufeff",
        "问" * 100_000,
    ],
    ids=["empty", "blank", "emoji", "controls", "punctuation", "lone surrogate", "invisible", "long"],
)
def test_what_is_no_question_is_said_in_one_line(question: str, chat: Chat) -> None:
    """A question without a word, or far too long, raises an error of one short line."""
    with pytest.raises(QuestionError) as caught:
        chat.ask(question)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_question_is_cleaned_but_kept_as_asked(chat: Chat) -> None:
    """Controls, line ends and stray surrogates change neither what is found nor the question as it is kept."""
    plain = chat.ask("How many chips does FlagOS 2.0 support?")
    messy = chat.ask("\ufeffHow many\n\x00chips\t does \x1bFlagOS 2.0 support?\ud800")
    assert messy.question == "\ufeffHow many\n\x00chips\t does \x1bFlagOS 2.0 support?\ud800"
    assert messy.citations == plain.citations
    assert plain.citations


@pytest.mark.parametrize(
    ("plain", "marked"),
    [
        ("众智FlagOS 2.0支持多少款芯片？", "众智FlagOS 2.0支持多\u200b少款芯\u200b片？"),
        ("How many robots ran the canteen?", "How many ro\u00adbots ran the can\u00adteen?"),
    ],
)
def test_marks_that_are_not_seen_cut_no_word(plain: str, marked: str, chat: Chat) -> None:
    """Zero-width spaces and soft hyphens, as copied text has them, change neither citations nor confidence."""
    assert chat.ask(marked).citations == chat.ask(plain).citations
    assert chat.ask(marked).confidence == chat.ask(plain).confidence


def test_the_longest_question_is_answered(chat: Chat) -> None:
    """A question of exactly the allowed length is answered, one character more is not."""
    limit = chat.settings.answer.question_characters
    question = ("How many chips does FlagOS 2.0 support? " * limit)[:limit]
    assert chat.ask(question).hits
    with pytest.raises(QuestionError, match=f"{limit + 1:,}"):
        chat.ask(question + "?")


def test_an_edited_article_is_never_cited_at_the_old_place(small_index: Path, small_corpus: Path) -> None:
    """After an edit before, inside or after the cited sentence, whatever is cited stands in the file as it is now."""
    chat = Chat.open(small_index, ALWAYS)
    path = small_corpus / "turtles.en.md"
    before = path.read_bytes()
    assert any("1,200 metres" in citation.quote for citation in chat.ask(DEPTH).citations)
    for old, new in [(b"## Diving", b"## Diving and more"), (b"1,200", b"1,300"), (b"at night", b"by moonlight")]:
        path.write_bytes(before.replace(old, new))
        answer = chat.ask(DEPTH)
        assert stands_in_file(answer, small_corpus)
        assert any("1,200 metres" in hit.passage.text for hit in answer.hits) == (old == b"at night")
    path.write_bytes(before)
    assert any("1,200 metres" in citation.quote for citation in chat.ask(DEPTH).citations)


def test_an_edit_that_keeps_size_and_time_is_seen(small_index: Path, small_corpus: Path) -> None:
    """An edit is seen also where the file keeps its length and its time, as a copying tool may leave it."""
    chat = Chat.open(small_index, ALWAYS)
    path = small_corpus / "turtles.en.md"
    assert any("1,200 metres" in citation.quote for citation in chat.ask(DEPTH).citations)
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"1,200", b"9,999"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert stands_in_file(chat.ask(DEPTH), small_corpus)


def test_a_deleted_article_is_never_cited(small_index: Path, small_corpus: Path) -> None:
    """After its file is gone, or no longer text, an article is neither cited nor among the hits; the others are."""
    chat = Chat.open(small_index, ALWAYS)
    (small_corpus / "clocks.txt").write_bytes(b"\xff\xfe\x00")
    (small_corpus / "turtles.en.md").unlink()
    answer = chat.ask(DEPTH)
    assert {hit.passage.document_id for hit in answer.hits} == {"tea.zh.md", "图书馆/读者.zh.md"}
    assert answer.citations
    assert stands_in_file(answer, small_corpus)
    with pytest.raises(CorpusError, match=r"turtles\.en\.md"):
        chat.document("turtles.en.md")
    for path in small_corpus.rglob("*.*"):
        path.unlink()
    with pytest.raises(CorpusError, match="qa build"):
        chat.ask(DEPTH)


@pytest.mark.parametrize("identity", ["../../etc/passwd", "/etc/passwd", "", ".", "no-such-article.md"])
def test_only_indexed_articles_are_shown(identity: str, chat: Chat) -> None:
    """A document id that is not in the index is refused, whatever file it may lead to."""
    with pytest.raises(CorpusError):
        chat.document(identity)


def test_eight_may_ask_at_once(chat: Chat) -> None:
    """Eight threads asking one chat get the answers one would, to the last digit."""
    questions = ["众智FlagOS 2.0支持多少款芯片？", "How many robots ran the canteen?", "火星上的基地什么时候建成？"] * 8
    alone = [chat.ask(question) for question in questions[:3]] * 8
    with ThreadPoolExecutor(max_workers=8) as threads:
        assert list(threads.map(chat.ask, questions)) == alone


def test_a_chat_opens_what_was_built(small_index: Path, small_corpus: Path, tmp_path: Path) -> None:
    """A chat knows its corpus and the settings its index was built with; without an index it says how to build one."""
    chat = Chat.open(small_index, replace(ALWAYS, index=replace(ALWAYS.index, passage_bytes=500)))
    assert chat.corpus.samefile(small_corpus)
    assert chat.settings.index.passage_bytes == 900
    with pytest.raises(IndexMissingError, match="qa build"):
        Chat.open(tmp_path / "nowhere")
