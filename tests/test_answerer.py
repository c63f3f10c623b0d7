from dataclasses import replace
from pathlib import Path

import pytest

from qa import generations
from qa.chat import Chat
from qa.config import AnswerSettings, IndexSettings, Settings
from qa.text import fold, sentences

ANSWERABLE = [
    "京津冀创业投资引导基金的总规模是多少？",
    "众智FlagOS 2.0支持多少款芯片？",
    "How many chips does FlagOS 2.0 support?",
    "朱松纯是谁？",
]
UNANSWERABLE = ["火星上的基地什么时候建成？", "Who won the football match on Sunday?", "红烧肉要炖多久？"]
ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0))
NEVER = Settings(answer=AnswerSettings(minimum_confidence=1.0))


def test_citations_are_numbered_slices_of_files(chat: Chat, corpus_folder: Path) -> None:
    """An answer has one to three citations numbered from 1, each a whole sentence standing in its file as quoted."""
    generous = Chat(chat.index, replace(ALWAYS, answer=replace(ALWAYS.answer, citation_share=0.0)))
    for question in ANSWERABLE + UNANSWERABLE:
        for answer in (Chat(chat.index, ALWAYS).ask(question), generous.ask(question)):
            assert [citation.number for citation in answer.citations] == [1, 2, 3][: len(answer.citations)]
            for citation in answer.citations:
                text = (corpus_folder / citation.passage.document_id).read_bytes().decode("utf-8")
                assert text[citation.start : citation.end] == citation.quote
                spans = sentences(citation.passage.text)
                assert (citation.start - citation.passage.start, citation.end - citation.passage.start) in spans
        assert len(generous.ask(question).citations) == 3


def test_an_answer_holds_nothing_but_its_citations(chat: Chat) -> None:
    """The text of an answer is its quotes with their numbers, and no sentence is cited twice."""
    for question in ANSWERABLE:
        answer = Chat(chat.index, ALWAYS).ask(question)
        rest = answer.text
        for citation in answer.citations:
            assert f"{citation.quote} [{citation.number}]" in rest
            rest = rest.replace(f"{citation.quote} [{citation.number}]", "", 1)
        assert rest.strip() == ""
        assert len({fold(citation.quote) for citation in answer.citations}) == len(answer.citations)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("京津冀创业投资引导基金的总规模是多少？", "500亿元"),
        ("How many chips does FlagOS 2.0 support?", "32 AI chips"),
        ("“通通”目前的心智水平相当于几岁的孩子？", "五六岁"),
        ("How many robots ran the canteen?", "Eight robots"),
    ],
)
def test_the_right_sentence_is_cited(question: str, fact: str, chat: Chat) -> None:
    """A plain question about one fact is answered, and the first citation states it."""
    answer = chat.ask(question)
    assert answer.answered
    assert fact in answer.citations[0].quote


def test_a_refusal_cites_nothing_and_shows_what_is_near(chat: Chat) -> None:
    """A question the articles cannot answer is refused in its own language, without citations, with the hits kept."""
    for question in UNANSWERABLE:
        answer = chat.ask(question)
        assert (answer.answered, answer.citations) == (False, ())
        assert len(answer.hits) == chat.settings.search.hits
    assert chat.ask(UNANSWERABLE[0]).text.startswith("文章里没有找到答案")
    assert chat.ask(UNANSWERABLE[1]).text.startswith("The articles do not say")


def test_the_threshold_decides(chat: Chat) -> None:
    """With threshold 0 every question with hits is answered, with 1 none is, and the confidence is the same."""
    for question in ANSWERABLE + UNANSWERABLE:
        always, never = Chat(chat.index, ALWAYS).ask(question), Chat(chat.index, NEVER).ask(question)
        assert always.answered
        assert not never.answered
        assert 0.0 < always.confidence == never.confidence < 1.0
        assert always.hits == never.hits


def test_no_more_is_cited_than_was_asked_for(chat: Chat) -> None:
    """With `citations=1` there is one citation, and it is the first of three."""
    for question in ANSWERABLE:
        three = Chat(chat.index, replace(ALWAYS, answer=replace(ALWAYS.answer, citation_share=0.0))).ask(question)
        one = Chat(chat.index, replace(ALWAYS, answer=replace(ALWAYS.answer, citations=1))).ask(question)
        assert one.citations == three.citations[:1]


def test_a_sentence_that_stands_twice_is_cited_once(tmp_path: Path) -> None:
    """Where two articles hold the same sentence it is cited from one of them alone."""
    (tmp_path / "articles").mkdir()
    for name in ("one.md", "two.md"):
        sentence = "The lighthouse keeper lights the lamp at dusk."
        (tmp_path / "articles" / name).write_bytes(f"# {name}\n\n{sentence}\n".encode())
    generations.build(tmp_path / "articles", tmp_path / "index", IndexSettings())
    generous = replace(ALWAYS, answer=replace(ALWAYS.answer, citation_share=0.0))
    answer = Chat.open(tmp_path / "index", generous).ask("When does the lighthouse keeper light the lamp?")
    assert [citation.quote for citation in answer.citations] == ["The lighthouse keeper lights the lamp at dusk."]
