from collections import Counter
from pathlib import Path

import pytest

from qa.chat import Chat
from qa.corpus import read_corpus
from qa.datatypes import Document
from qa.evaluation import GoldQuestion, read_questions, relevant_passages
from qa.text import dominant_language, fold

TYPES = {"number", "date", "person", "organisation", "list", "how", "why", "comparison"}


@pytest.fixture(scope="module")
def questions() -> list[GoldQuestion]:
    """The gold set shipped with the project."""
    return read_questions(Path(__file__).parents[1] / "eval" / "questions.jsonl")


@pytest.fixture(scope="module")
def documents(corpus_folder: Path) -> dict[str, Document]:
    """The shipped articles by id."""
    return {article.id: article for article in read_corpus(corpus_folder) if isinstance(article, Document)}


def test_no_question_stands_twice(questions: list[GoldQuestion]) -> None:
    """Ids are unique, and so are the questions themselves."""
    assert [count for count in Counter(question.id for question in questions).items() if count[1] > 1] == []
    assert [count for count in Counter(fold(question.question) for question in questions).items() if count[1] > 1] == []


def test_every_answer_stands_in_its_articles(questions: list[GoldQuestion], documents: dict[str, Document]) -> None:
    """Each gold answer stands word for word in one of its question's articles, and each of these holds one."""
    wrong = []
    for question in questions:
        texts = [documents[identity].text for identity in question.documents if identity in documents]
        every_answer = all(any(answer in text for text in texts) for answer in question.answers)
        every_document = all(any(answer in text for answer in question.answers) for text in texts)
        if not (every_answer and every_document and len(texts) == len(question.documents)):
            wrong.append(question.id)
    assert wrong == []


def test_a_question_has_answers_and_articles_or_neither(questions: list[GoldQuestion]) -> None:
    """An answerable question names answers and articles, an unanswerable one neither, and no answer is blank."""
    wrong = [
        question.id
        for question in questions
        if bool(question.answers) != bool(question.documents) or not all(answer.strip() for answer in question.answers)
    ]
    assert wrong == []


def test_languages_are_as_stated(questions: list[GoldQuestion], documents: dict[str, Document]) -> None:
    """A question is in the language it states, and crosses exactly if none of its articles is in that language."""
    assert [q.id for q in questions if q.language not in ("zh", "en")] == []
    assert [q.id for q in questions if dominant_language(q.question) != q.language] == []
    crossing = {
        question.id
        for question in questions
        if question.documents and all(documents[name].language != question.language for name in question.documents)
    }
    assert {question.id for question in questions if question.crossing} == crossing


def test_the_set_is_broad_enough(questions: list[GoldQuestion]) -> None:
    """At least 70 Chinese and 50 English answerable questions, 40 of them crossing, 40 unanswerable, in eight types."""
    answerable = Counter(question.language for question in questions if question.answerable)
    assert answerable["zh"] >= 70
    assert answerable["en"] >= 50
    assert sum(question.crossing for question in questions) >= 40
    assert sum(not question.answerable for question in questions) >= 40
    assert {question.type for question in questions if question.answerable} == TYPES
    assert {question.type for question in questions if not question.answerable} == {"unanswerable"}


def test_every_answer_lies_within_a_passage(questions: list[GoldQuestion], chat: Chat) -> None:
    """No answerable question is lost to the cutting: each has a passage of a gold article that holds an answer."""
    lost = [q.id for q in questions if q.answerable and not relevant_passages(q, chat.index.passages)]
    assert lost == []
