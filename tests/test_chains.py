import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from qa.chains import attempted_turns, evaluate_chains
from qa.chat import Chat
from qa.datatypes import Answer, Citation, Hit, Passage
from qa.evaluation import GoldChain, GoldTurn

TEA = Passage(0, "tea.md", (), 0, 39, "White tea is brewed at 80 degrees, not 90.")
TURTLE = Passage(1, "turtle.md", (), 0, 30, "The turtle dives 1,200 metres.")
CHAINS = [
    GoldChain(
        "tea", "en",
        (
            GoldTurn("How hot is the water?", True, "How hot is the water?", ("tea.md",), ("80 degrees",)),
            GoldTurn("And for turtles?", False, "How deep do turtles dive?", ("turtle.md",), ("1,200 metres",)),
            GoldTurn("Why?", False, "Why do turtles dive?", ("turtle.md",), ("to eat",)),
            GoldTurn("Which tea is white?", True, "Which tea is white?", ("tea.md",), ("White tea",)),
        ),
    ),
    GoldChain("城", "zh", (GoldTurn("谁是市长？", True, "谁是市长？"), GoldTurn("他几岁？", False, "市长几岁？"))),
]  # fmt: skip


def said(question: str, hits: Sequence[Passage], cited: str = "", searched_as: str = "") -> Answer:
    """An answer that found these passages and cites this much of the first."""
    start = hits[0].text.index(cited)
    citations = (Citation(1, hits[0], start, start + len(cited), cited, ""),) if cited else ()
    found = tuple(Hit(passage, 1.0, None, None, None) for passage in hits)
    return Answer(question, "", citations, found, 0.5, searched_as=searched_as)


ANSWERS = {
    "How hot is the water?": said("", [TEA], "White tea is brewed at 80 degrees"),
    "And for turtles?": said("", [TURTLE, TEA], "dives 1,200 metres", "How deep do turtles dive?"),
    "Why?": said("", [TEA, TURTLE]),
    "Which tea is white?": said("", [TURTLE], "The turtle", "Which tea is white in turtles?"),
    "谁是市长？": said("", [TEA]),
    "他几岁？": said("", [TEA], "not 90", "市长几岁？"),
}


IN_FULL = {
    "How deep do turtles dive?": said("", [TURTLE], "dives 1,200 metres"),
    "Why do turtles dive?": said("", [TURTLE]),
    "市长几岁？": said("", [TEA]),
}


def in_turn_or_full(question: str, history: Sequence[Answer]) -> Answer:
    """A turn's answer, or that of a follow-up in full, which is asked with nothing before it."""
    return ANSWERS[question] if question in ANSWERS else IN_FULL[question] if not history else ANSWERS[""]


def test_each_turn_is_asked_with_the_answers_before_it() -> None:
    """A turn is asked with its own chain's answers so far, oldest first, and no other's."""
    asked: list[tuple[str, tuple[Answer, ...]]] = []

    def ask(question: str, history: Sequence[Answer]) -> Answer:
        if question in ANSWERS:
            asked.append((question, tuple(history)))
        return in_turn_or_full(question, history)

    evaluate_chains(CHAINS, ask)
    expected = [
        (turn.question, tuple(ANSWERS[before.question] for before in chain.turns[:number]))
        for chain in CHAINS
        for number, turn in enumerate(chain.turns)
    ]
    assert asked == expected


def test_figures_by_kind_of_turn_are_those_counted_by_hand() -> None:
    """Follow-ups, first turns and complete later ones are apart, each turn counting once in its kind and language."""
    report = evaluate_chains(CHAINS, in_turn_or_full)
    means = {
        group: {name: (figure["mean"], figure["count"]) for name, figure in measures.items()}
        for group, measures in report["figures"].items()
    }
    assert means["turns: follow-up"] == {
        "document recall@1": (1 / 2, 2),
        "document recall@5": (1.0, 2),
        "answer recall": (1 / 2, 2),
        "wrongly refused": (1 / 2, 2),
        "rewritten": (pytest.approx(2 / 3), 3),
        "rightly refused": (0.0, 1),
        "document recall@1 in full": (1.0, 2),
        "document recall@5 in full": (1.0, 2),
        "answer recall in full": (1 / 2, 2),
    }
    assert means["turns: standalone"] == {
        "document recall@1": (0.0, 1),
        "document recall@5": (0.0, 1),
        "answer recall": (0.0, 1),
        "wrongly refused": (0.0, 1),
        "wrongly rewritten": (1.0, 1),
    }
    assert means["turns: first"]["wrongly rewritten"] == (0.0, 2)
    assert means["turns: follow-up, zh"] == {"rightly refused": (0.0, 1), "rewritten": (1.0, 1)}
    assert [each["id"] for each in report["questions"]] == ["tea/1", "tea/2", "tea/3", "tea/4", "城/1", "城/2"]
    assert [each["means"] for each in report["questions"]] == [turn.means for chain in CHAINS for turn in chain.turns]


def test_what_nobody_has_said_in_full_is_not_asked_so() -> None:
    """A follow-up of which nobody has said what it means is measured as it is asked, and not in full."""
    chain = replace(CHAINS[0], turns=tuple(replace(turn, means="") for turn in CHAINS[0].turns))
    report = evaluate_chains([chain], lambda question, _: ANSWERS[question])
    assert not [name for name in report["figures"]["turns: follow-up"] if name.endswith("in full")]


def test_turns_come_one_by_one() -> None:
    """Each turn is given once it is answered, so that whoever asks for no more has not asked the rest."""
    asked: list[str] = []

    def ask(question: str, history: Sequence[Answer]) -> Answer:
        asked.append(question)
        return in_turn_or_full(question, history)

    turns = attempted_turns(CHAINS, ask)
    assert [next(turns).question.id for _ in range(2)] == ["tea/1", "tea/2"]
    assert asked == ["How hot is the water?", "And for turtles?", "How deep do turtles dive?"]
    counted: list[tuple[int, int]] = []
    evaluate_chains(CHAINS, in_turn_or_full, lambda done, total: counted.append((done, total)))
    assert counted == [(done, 6) for done in range(1, 7)]


def test_chains_are_asked_of_the_shipped_articles(chat: Chat) -> None:
    """A chain over the shipped articles is measured as JSON, a first turn like any question that stands alone."""
    name = "jingjinji-collaboration-data.zh.md"
    first = GoldTurn("京津冀创业投资引导基金的总规模是多少？", True, "", (name,), ("500亿元",))
    report = evaluate_chains([GoldChain("fund", "zh", (first,))], lambda question, _: chat.ask(question))
    assert json.loads(json.dumps(report)) == report
    assert report["figures"]["turns: first"]["document recall@5"]["mean"] == 1
