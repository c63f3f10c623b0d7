from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings, SearchSettings
from qa.retriever import Retriever

QUESTIONS = [
    "2026中关村论坛年会是什么时候举行的？",
    "How many guests gave speeches at the forum?",
    "FlagOS 2.0",
    "火星上的基地什么时候建成？",
    "zxqv",
]
EVERYTHING = SearchSettings(candidates=10_000, hits=10_000)


def test_the_same_question_finds_the_same(chat: Chat) -> None:
    """Asked twice, and by another retriever, a question has identical hits, scores included."""
    one, other = Retriever(chat.index, SearchSettings()), Retriever(chat.index, SearchSettings())
    for question in QUESTIONS:
        assert one.retrieve(question) == one.retrieve(question) == other.retrieve(question)


def test_more_than_there_is_may_be_asked_for(chat: Chat) -> None:
    """With k beyond the corpus every passage is found once, and the first ten are those found with k = 10."""
    for question in QUESTIONS[:3]:
        found = Retriever(chat.index, EVERYTHING).retrieve(question)
        assert sorted(hit.passage.id for hit in found) == list(range(len(chat.index.passages)))
        assert found[:10] == Retriever(chat.index, replace(EVERYTHING, hits=10)).retrieve(question)


def test_scores_fall_and_each_is_in_its_range(chat: Chat) -> None:
    """Hits are ordered by score, ties by passage id; cosines lie in [-1, 1] and an unmatched BM25 score is None."""
    for question in QUESTIONS:
        found = Retriever(chat.index, EVERYTHING).retrieve(question)
        assert all((-one.score, one.passage.id) < (-two.score, two.passage.id) for one, two in pairwise(found))
        assert all(-1.001 <= hit.dense <= 1.001 and -1.001 <= hit.alignment <= 1.001 for hit in found)
        assert all(hit.lexical is None or hit.lexical > 0 for hit in found)
    assert all(hit.lexical is None for hit in Retriever(chat.index, EVERYTHING).retrieve("zxqv"))


def test_dense_scores_are_cosines(chat: Chat) -> None:
    """A hit's dense score is the cosine of the question's vector and its passage's, computed by hand."""
    retriever = Retriever(chat.index, SearchSettings())
    for question in QUESTIONS[:3]:
        vector = chat.index.embedder.encode_queries([question])[0]
        for hit in retriever.retrieve(question):
            text = "\n".join((*hit.passage.headings, hit.passage.text))
            assert hit.dense == pytest.approx(float(chat.index.embedder.encode_documents([text])[0] @ vector), abs=1e-5)


@pytest.mark.parametrize(
    ("question", "fact", "document", "within"),
    [
        ("众智FlagOS 2.0支持多少款芯片？", "supports 32 AI chips", "open-source-flagos.en.md", 1),
        ("导盲设备怎样给盲人导航？", "door-to-door", "robots-and-assistive-technology.en.md", 1),
        (
            "How many hard-technology companies has the disruptive technology innovation programme incubated?",
            "179家",
            "jingjinji-collaboration-data.zh.md",
            3,
        ),
        ("Who is 朱松纯, the dean?", "朱松纯是北京通用人工智能研究院的院长", "agents-tongtong-dumate.zh.md", 3),
    ],
)
def test_a_fact_is_found_from_the_other_language(
    question: str, fact: str, document: str, within: int, chat: Chat
) -> None:
    """A question in one language finds, among the first passages, a fact that stands in the other only."""
    found = Retriever(chat.index, SearchSettings()).retrieve(question)
    assert any(fact in hit.passage.text and hit.passage.document_id == document for hit in found[:within])


def test_traditional_characters_find_the_same(chat: Chat) -> None:
    """A question in Traditional characters has the hits and scores of the same question in Simplified ones."""
    retriever = Retriever(chat.index, SearchSettings())
    simplified = retriever.retrieve("京津冀创业投资引导基金的总规模是多少？")
    assert "500亿元" in simplified[0].passage.text
    assert retriever.retrieve("京津冀創業投資引導基金的總規模是多少？") == simplified


@pytest.mark.parametrize(
    ("filler", "question", "fact"),
    [
        ("第{}号仓库存放木材，深度有限，每天开门。", "棱皮龟能潜到多深？", "A leatherback turtle can dive"),
        ("Warehouse {} holds timber; its water is hot.", "How hot should the water for white tea be?", "80度"),
    ],
)
def test_neither_language_crowds_the_other_out(
    filler: str, question: str, fact: str, small_corpus: Path, tmp_path: Path
) -> None:
    """Among forty articles in the question's language that share its words, the one in the other language is found."""
    for number in range(40):
        (small_corpus / f"warehouse-{number}.md").write_text(filler.format(number), encoding="utf-8")
    generations.build(small_corpus, tmp_path / "index", IndexSettings())
    found = Retriever(Chat.open(tmp_path / "index").index, SearchSettings()).retrieve(question)
    assert any(fact in hit.passage.text for hit in found[:3])


def test_a_question_of_unknown_signs_is_harmless(chat: Chat) -> None:
    """A question of which no side knows a thing has hits without NaN, or none."""
    for question in ("", "？！", "\u200b", "𓀀𓁐"):
        found = Retriever(chat.index, SearchSettings()).retrieve(question)
        assert all(hit.score == hit.score for hit in found)
