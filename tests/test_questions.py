from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from qa.chat import Chat
from qa.corpus import read_corpus
from qa.datatypes import Document
from qa.evaluation import GoldChain, GoldQuestion, GoldTurn, read_chains, read_questions, relevant_passages
from qa.text import dominant_language, fold

EVAL = Path(__file__).parents[1] / "eval"
TYPES = {
    "number", "date", "person", "organisation", "place", "definition", "list", "how", "why", "comparison", "other",
}  # fmt: skip

Articles = Mapping[str, Document]
Rule = Callable[[Sequence[GoldQuestion], Articles], list[str]]


@pytest.fixture(scope="module")
def questions() -> list[GoldQuestion]:
    """The gold set shipped with the project."""
    return read_questions(EVAL / "questions.jsonl")


@pytest.fixture(scope="module")
def chains() -> list[GoldChain]:
    """The conversations shipped with the project."""
    return read_chains(EVAL / "follow_ups.jsonl")


@pytest.fixture(scope="module")
def documents(corpus_folder: Path) -> dict[str, Document]:
    """The shipped articles by id."""
    return {article.id: article for article in read_corpus(corpus_folder) if isinstance(article, Document)}


def standing_twice(questions: Sequence[GoldQuestion], _documents: Articles) -> list[str]:
    """Ids and questions that stand more than once, whatever their script, case and signs."""
    identities = Counter(question.id for question in questions)
    worded = Counter("".join(filter(str.isalnum, fold(question.question))) for question in questions)
    return [text for counter in (identities, worded) for text, count in counter.items() if count > 1]


def not_in_their_articles(questions: Sequence[GoldQuestion], documents: Articles) -> list[str]:
    """Questions with an answer that stands in none of their articles, or an article that holds none of the answers."""
    return [q.id for q in questions if not _stands(q, documents)]


def _stands(gold: GoldQuestion | GoldTurn, documents: Articles) -> bool:
    texts = [documents[identity].text for identity in gold.documents if identity in documents]
    return (
        len(texts) == len(gold.documents)
        and all(any(answer in text for text in texts) for answer in gold.answers)
        and all(any(answer in text for answer in gold.answers) for text in texts)
    )


def half_answerable(questions: Sequence[GoldQuestion], _documents: Articles) -> list[str]:
    """Questions with answers and no articles or the other way round, or unanswerable in all but their type."""
    return [
        question.id
        for question in questions
        if not bool(question.answers) == bool(question.documents) == (question.type != "unanswerable")
    ]


def short_outside_answers(questions: Sequence[GoldQuestion], _documents: Articles) -> list[str]:
    """Questions with a short span that lies within none of their answers."""
    return [q.id for q in questions if not _short_inside(q)]


def _short_inside(gold: GoldQuestion | GoldTurn) -> bool:
    return all(any(span in answer for answer in gold.answers) for span in gold.short)


def conflict_without_sides(questions: Sequence[GoldQuestion], documents: Articles) -> list[str]:
    """Questions said to be in conflict that do not name two articles with an answer which the other one lacks."""
    return [q.id for q in questions if q.conflict and not _has_sides(q, documents)]


def _has_sides(question: GoldQuestion, documents: Articles) -> bool:
    texts = [documents[identity].text for identity in question.documents]
    held = {frozenset(answer for answer in question.answers if answer in text) for text in texts}
    return any(one.isdisjoint(other) for one in held for other in held)


def languages_misstated(questions: Sequence[GoldQuestion], documents: Articles) -> list[str]:
    """Questions not in the language they state, or that cross otherwise than their articles do."""
    return [
        question.id
        for question in questions
        if question.language not in ("zh", "en")
        or dominant_language(question.question) != question.language
        or question.crossing
        != (
            bool(question.documents)
            and all(documents[identity].language != question.language for identity in question.documents)
        )
    ]


RULES = [
    standing_twice,
    not_in_their_articles,
    half_answerable,
    short_outside_answers,
    conflict_without_sides,
    languages_misstated,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_set_breaks_no_rule(rule: Rule, questions: list[GoldQuestion], documents: dict[str, Document]) -> None:
    """No shipped question breaks any rule of the set."""
    assert rule(questions, documents) == []


ROBOTS = Document("robots.en.md", "", "Eight robots serve. Six robots cook.", "robots.en.md", "en")
CANTEEN = Document("餐吧.zh.md", "", "餐吧里有七台机器人。", "餐吧.zh.md", "zh")
SOUND = GoldQuestion("q1", "How many robots serve?", "en", "number", ("robots.en.md",), ("Eight robots",))
LACKING = GoldQuestion("q2", "Who cooks?", "en", "unanswerable")


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        (standing_twice, replace(SOUND, question="Who serves?")),
        (standing_twice, replace(SOUND, id="q3", question="how many ROBOTS serve")),
        (not_in_their_articles, replace(SOUND, answers=("Nine robots",))),
        (not_in_their_articles, replace(SOUND, documents=("missing.md",))),
        (not_in_their_articles, replace(SOUND, documents=("robots.en.md", "餐吧.zh.md"))),
        (half_answerable, replace(SOUND, documents=())),
        (half_answerable, replace(SOUND, answers=())),
        (half_answerable, replace(SOUND, type="unanswerable")),
        (half_answerable, replace(LACKING, type="person")),
        (short_outside_answers, replace(SOUND, short=("Six",))),
        (conflict_without_sides, replace(SOUND, conflict=True)),
        (conflict_without_sides, replace(SOUND, conflict=True, answers=("Eight robots", "Six robots"))),
        (languages_misstated, replace(SOUND, language="zh")),
        (languages_misstated, replace(SOUND, language="fr")),
        (languages_misstated, replace(SOUND, crossing=True)),
        (languages_misstated, replace(SOUND, documents=("餐吧.zh.md",), answers=("七台",))),
    ],
)
def test_a_broken_question_is_found(rule: Rule, broken: GoldQuestion) -> None:
    """Each rule passes a sound set, and finds the one broken question among sound ones."""
    articles = {document.id: document for document in (ROBOTS, CANTEEN)}
    differing = replace(
        SOUND, id="q4", question="How many are there?", conflict=True, short=("七台",),
        documents=("robots.en.md", "餐吧.zh.md"), answers=("Eight robots", "七台机器人"),
    )  # fmt: skip
    sound = [SOUND, LACKING, differing]
    assert rule(sound, articles) == []
    assert len(rule([*sound, broken] if rule is standing_twice else [broken, LACKING, differing], articles)) == 1


def test_the_set_is_broad_enough(questions: list[GoldQuestion]) -> None:
    """At least 300 questions, of every kind and language enough that each has a figure of its own."""
    languages = Counter(question.language for question in questions)
    crossing = Counter(question.language for question in questions if question.crossing)
    types = Counter(question.type for question in questions)
    assert len(questions) >= 300
    assert languages["zh"] >= 120
    assert languages["en"] >= 80
    assert crossing.total() >= 60
    assert min(crossing["zh"], crossing["en"]) >= 25
    assert types["list"] >= 25
    assert types["why"] + types["how"] >= 25
    assert types["unanswerable"] >= 75
    assert sum(question.conflict for question in questions) >= 10
    assert types.keys() == TYPES | {"unanswerable"}


def test_every_answer_lies_within_a_passage(questions: list[GoldQuestion], chat: Chat) -> None:
    """No answerable question is lost to the cutting: each has a passage of a gold article that holds an answer."""
    lost = [q.id for q in questions if q.answerable and not relevant_passages(q, chat.index.passages)]
    assert lost == []


def test_there_are_conversations_of_every_kind(chains: list[GoldChain]) -> None:
    """At least 25 conversations of two to four turns, some changing subject, some language, some past the articles."""
    languages = Counter(chain.language for chain in chains)
    assert len(chains) >= 25
    assert languages.keys() == {"zh", "en"}
    assert languages["zh"] >= 13
    assert languages["en"] >= 9
    assert all(2 <= len(chain.turns) <= 4 for chain in chains)
    assert sum(any(turn.standalone for turn in chain.turns[1:]) for chain in chains) >= 3
    assert sum(len({dominant_language(turn.question) for turn in chain.turns}) == 2 for chain in chains) >= 2
    assert sum(not turn.answers for chain in chains for turn in chain.turns) >= 3


def test_every_turn_stands_on_its_articles(chains: list[GoldChain], documents: dict[str, Document]) -> None:
    """Each turn has answers in its articles or neither, a short span within one, and means what it says if alone."""
    turns = [(chain.id, turn) for chain in chains for turn in chain.turns]
    assert [name for name, turn in turns if not _stands(turn, documents)] == []
    assert [name for name, turn in turns if bool(turn.answers) != bool(turn.documents)] == []
    assert [name for name, turn in turns if not _short_inside(turn)] == []
    assert [name for name, turn in turns if turn.standalone != (turn.question == turn.means)] == []
    assert [chain.id for chain in chains if dominant_language(chain.turns[0].question) != chain.language] == []
