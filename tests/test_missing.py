import re

import pytest
from conftest import SMALL_ARTICLES, write_articles
from hypothesis import given, settings
from hypothesis import strategies as st

from qa import generations, index
from qa.config import IndexSettings, SearchSettings
from qa.missing import Missing, missing
from qa.query import encode
from qa.retriever import Retriever
from qa.text import fold

ARTICLES = {
    **SMALL_ARTICLES,
    "museum.zh.md": "# 钟表馆\n\n钟表馆二〇二七年三月开馆，馆里有六十座钟。\n",
    "museum.en.md": "# The Clock Museum\n\nThe museum has 20 rooms and 31 clocks; the ninth clock is the oldest.\n",
}
WORDS = [
    "the", "turtle", "beach", "of", "Salisbury", "dragon", "85", "tea", "reader", "海龟", "白茶", "火星",
    "图书馆", "恐龙", "的", "怎么", "？", ",",
]  # fmt: skip


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """Over the short articles and two on a museum."""
    folder = tmp_path_factory.mktemp("missing")
    generations.build(write_articles(folder / "articles", ARTICLES), folder / "index", IndexSettings())
    return Retriever(index.load(generations.live_folder(folder / "index")), SearchSettings())


def lacking(retriever: Retriever, question: str, *, only: str = "") -> Missing:
    """What the passages found lack, or of these the ones of one article."""
    query, hits = retriever.search(question)
    return missing(retriever, query, [hit for hit in hits if hit.passage.document_id.startswith(only)])


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("How deep could a turtle dive in 1666?", "1666"),
        ("1666年的白茶怎么储存？", "1666"),
        ("How deep can a turtle dive on Neptune?", "Neptune"),
        ("Does the tea dry in a spaceship?", "spaceship"),
        ("白茶在火星上怎么储存？", "火星"),
        ("Does the turtle dig a 恐龙 nest on the beach?", "恐龙"),
    ],
)
def test_what_no_article_mentions_is_named(question: str, absent: str, retriever: Retriever) -> None:
    """A number or a weighty word of the question that stands in no article is named as it was written, and only it."""
    assert not any(absent in text for text in ARTICLES.values())
    assert lacking(retriever, question) == Missing(anywhere=(absent,))


@pytest.mark.parametrize(
    "question",
    [
        "How deep can a leatherback turtle dive?",
        "When do turtles dig their nests?",
        "白茶应当怎么储存？",
        "每位读者一次最多可以借阅多少本书？",
        "How hot should the water for white tea be?",
    ],
)
def test_what_is_mentioned_is_not_missing(question: str, retriever: Retriever) -> None:
    """Of a question that the articles answer, in its language or the other, nothing is said to be missing."""
    assert lacking(retriever, question) == Missing()


@pytest.mark.parametrize(
    "question", ["火星基地什么时候建成？", "为什么茶汤会发苦？", "白茶应当放在什么地方？", "白茶应当放在哪里？"]
)
def test_words_that_ask_are_not_missing(question: str, retriever: Retriever) -> None:
    """What a question asks with is not what the articles lack."""
    found = lacking(retriever, question)
    asking = ("什么", "时候", "地方", "哪")
    assert not any(word in missed for missed in found.anywhere + found.nearby for word in asking)


def test_what_stands_elsewhere_is_only_not_near(retriever: Retriever) -> None:
    """A word or number that another article has is missing nearby, not anywhere."""
    for question, word in (
        ("How deep can a leatherback turtle dive in Salisbury?", "Salisbury"),
        ("Does a leatherback turtle dive for 31 minutes?", "31"),
    ):
        assert lacking(retriever, question, only="turtles") == Missing(nearby=(word,))
    assert lacking(retriever, "白茶要放在图书馆吗？", only="tea") == Missing(nearby=("图书馆",))


@pytest.mark.parametrize(
    "question", ["钟表馆2027年开馆吗？", "Did the clock museum open in 2027?", "钟表馆有60座钟吗？", "第9座钟最老吗？"]
)
def test_a_number_in_words_is_no_missing_one(question: str, retriever: Retriever) -> None:
    """A number that a passage states in Chinese numerals or English words is mentioned there."""
    found = lacking(retriever, question, only="museum")
    assert not any(character.isdigit() for word in found.anywhere + found.nearby for character in word)


def test_a_number_is_not_made_of_others(retriever: Retriever) -> None:
    """That passages state 20 and 31 does not mean that they state 2031."""
    assert "2031" in lacking(retriever, "Which clock of the museum struck in 2031?", only="museum.en").anywhere


def test_nothing_is_missing_where_nothing_was_found(retriever: Retriever) -> None:
    """Without passages, or a question that has no word the model knows, nothing can be said to be missing."""
    query, hits = retriever.search("How deep can a turtle dive on Neptune?")
    assert missing(retriever, query, []) == Missing()
    assert missing(retriever, encode(retriever.index, "……"), hits) == Missing()


@pytest.mark.parametrize(
    ("question", "only"),
    [
        ("Who wrote the book Moby Dick?", ""),
        ("Does the leatherback read in the library?", "图书馆"),
        ("Which clock of the museum struck in 2044?", "museum.en"),
        ("Does Salisbury have 1,200 clocks?", "clocks"),
    ],
)
def test_words_are_named_whole(question: str, only: str, retriever: Retriever) -> None:
    """What is named of a question begins and ends where its words and numbers do."""
    found = lacking(retriever, question, only=only)
    assert found != Missing()
    for word in found.anywhere + found.nearby:
        assert re.search(rf"\b{re.escape(word)}\b", question)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.integers(1, 4))
@settings(max_examples=80)
def test_what_is_missing_stands_in_the_question(retriever: Retriever, asked: list[str], count: int) -> None:
    """At most three words of either sort are named as the question has them, and none that the passages have."""
    question = " ".join(asked)
    query, hits = retriever.search(question)
    found = missing(retriever, query, hits[:count])
    for words in (found.anywhere, found.nearby):
        assert len(words) <= 3
        assert all(word in question and word == word.strip() != "" for word in words)
    assert set(found.anywhere).isdisjoint(found.nearby)
    everything = fold(" ".join(ARTICLES.values()))
    assert not any(fold(word) in everything for word in found.anywhere)
    assert not any(fold(word) in fold(hit.passage.text) for word in found.nearby for hit in hits[:count])
