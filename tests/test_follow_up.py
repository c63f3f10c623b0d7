import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.datatypes import Answer, Citation, Passage
from qa.follow_up import complete, turn
from qa.phrasing import content
from qa.text import dominant_language, fold, terms
from qa.turns import Turn

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "training" / "follow_ups.jsonl").read_text(encoding="utf-8").splitlines()
]
INCOMPLETE = [row for row in ROWS if "complete" in row]
COMPLETE = [row for row in ROWS if "complete" not in row]
CHIPS = "众智FlagOS 2.0支持多少款芯片？"
ALLIANCE = "When was the Open Source Alliance founded?"


def history_of(row: dict[str, Any]) -> list[Turn]:
    """The turns before a question of the development set; what is quoted answered the last of them."""
    turns = [Turn(question) for question in row["history"]]
    return [*turns[:-1], Turn(turns[-1].question, tuple(row.get("quotes", ())))] if turns else []


@pytest.mark.parametrize(
    ("before", "question", "searched"),
    [
        # a part in the place of another
        ("2025年北京有多少家企业？", "那2024年呢？", "2024年北京有多少家企业？"),
        ("2025年北京有多少家企业？", "那 ２０２４ 年呢", "2024年北京有多少家企业？"),
        ("2025年北京有多少家企业？", "天津呢？", "2025年天津有多少家企业？"),
        ("2025年北京有多少家企业？", "what about Tianjin?", "2025年天津有多少家企业?"),
        ("How many firms had Beijing in 2025?", "and Tianjin?", "How many firms had Tianjin in 2025?"),
        ("Does the vaccine protect men?", "How about women?", "Does the vaccine protect women?"),
        ("第一期课程讲什么？", "那第二期呢", "第二期课程讲什么？"),
        ("What did the first study show?", "and the second one?", "What did the second study show?"),
        ("论坛有中文讲稿吗？", "那英文的呢", "论坛有英文讲稿吗？"),
        # a reference to the subject
        (CHIPS, "它是哪个团队做的？", "众智FlagOS 2.0是哪个团队做的？"),
        (CHIPS, "其研发团队有多少人？", "众智FlagOS 2.0的研发团队有多少人？"),
        (CHIPS, "这个系统是开源的吗？", "众智FlagOS 2.0这个系统是开源的吗？"),
        (CHIPS, "How many vendors does it work with?", "How many vendors does 众智FlagOS 2.0 work with?"),
        (ALLIANCE, "What is its aim?", "What is the Open Source Alliance’s aim?"),
        (ALLIANCE, "它有多少成员？", "the Open Source Alliance有多少成员？"),
        ("故宫有多少间房？", "那里幾點開門？", "故宫幾點開門？"),
        # nothing named
        ("联盟什么时候成立的？", "在哪里？", "联盟在哪里成立的？"),
        (CHIPS, "负责人是谁？", "众智FlagOS 2.0的负责人是谁？"),
        ("港珠澳大桥有多长？", "多少钱？", "港珠澳大桥多少钱？"),
        (ALLIANCE, "where", "Where was the Open Source Alliance founded?"),
        (ALLIANCE, "And the budget?", "What is the budget of the Open Source Alliance?"),
    ],
)  # fmt: skip
def test_what_is_missing_is_carried_over(before: str, question: str, searched: str) -> None:
    """A part, a reference or a question without a subject is made a whole question that reads well."""
    assert complete(question, [Turn(before)]) == searched


@pytest.mark.parametrize(
    "question",
    [
        "论坛什么时候举行？", "華為發布了它的什麼晶片？", "FlagOS 芯片数量", "介绍一下机器人餐吧",
        "那么太阳有多热？", "土耳其的首都在哪里？", "谁发明了飞机", "谢谢", "谢谢你！", "你好", "forum dates",
        "Which team says its robot can cook?",
        "How does a robot know where it is?",
        "Is it possible to see Mars?", "List the islands of Indonesia", "ok thanks",
        "", "？！", " \n", "1998",
    ],
)  # fmt: skip
def test_a_complete_question_stays_as_it_is(question: str) -> None:
    """A whole question, keywords, thanks and what is none are kept letter for letter, whatever came before."""
    for before in (CHIPS, ALLIANCE, "谁写了《茶馆》？"):
        assert complete(question, [Turn(before, ("老舍写了《茶馆》。",))]) == question


def test_the_first_turn_is_never_rewritten() -> None:
    """With no turn before it, or none that had a subject, even an incomplete question stays as it is."""
    for row in INCOMPLETE:
        for history in ([], [Turn("谢谢")], [Turn("")], [Turn("why?"), Turn("?")]):
            assert complete(row["question"], history) == row["question"]


def test_a_follow_up_of_a_follow_up_builds_on_what_was_searched() -> None:
    """Three follow-ups in a row keep the subject of the first question, and what the ones between replaced."""
    history = [Turn("2025年北京有多少家企业？")]
    for question in ("那2024年呢？", "天津呢？", "谢谢", "为什么？"):
        history.append(Turn(complete(question, history)))
    assert [turn.question for turn in history[1:]] == [
        "2024年北京有多少家企业？", "2024年天津有多少家企业？", "谢谢", "为什么2024年天津有企业？",
    ]  # fmt: skip


def test_another_subject_takes_the_place_of_the_old_one() -> None:
    """After a whole question about something else, a follow-up is about that, and nothing of the first is left."""
    history = [Turn(CHIPS), Turn("论坛什么时候举行？")]
    assert complete("在哪里？", history) == "论坛在哪里举行？"


def test_a_person_is_found_in_the_answer() -> None:
    """“He” and “她” after a question for a person are the one whom the answer names."""
    quote = "According to Lin Yonghua, the stack supports 32 AI chips."
    asked = Turn("Who described the software stack?", (quote,))
    assert complete("What else did she say?", [asked]) == "What else did Lin Yonghua say?"
    asked = Turn("谁介绍了这套软件？", ("总工程师林咏华介绍，它支持32款芯片。",))
    assert complete("她是哪个单位的？", [asked]) == "林咏华是哪个单位的？"


def test_they_are_those_that_were_counted() -> None:
    """“They” after “how many robots” are the robots, with what they belong to."""
    searched = complete("Which companies made them?", [Turn("How many robots ran the canteen?")])
    assert searched == "Which companies made the robots of the canteen?"


def test_a_turn_keeps_the_question_as_searched_and_the_quotes() -> None:
    """What is kept of an answer is the question as it was searched and the sentences it cites."""
    passage = Passage(0, "a.md", ("A",), 0, 5, "Tall.")
    citation = Citation(1, passage, 0, 5, "Tall.", "")
    assert turn(Answer("and it?", "", (citation,), (), 1.0, searched_as="How tall is A?")) == Turn(
        "How tall is A?", ("Tall.",)
    )
    assert turn(Answer("How tall is A?", "", (), (), 0.1)) == Turn("How tall is A?")


def test_the_development_set_is_broad_enough() -> None:
    """It has at least 60 incomplete and 25 complete questions, in both languages, with unique ids."""
    assert len(INCOMPLETE) >= 60
    assert len(COMPLETE) >= 25
    assert {language for row in ROWS for language in [dominant_language(row["question"])]} == {"zh", "en"}
    assert [count for count in Counter(row["id"] for row in ROWS).items() if count[1] > 1] == []


def test_incomplete_questions_are_detected_and_complete_ones_kept() -> None:
    """Of the development set at least 95% of the incomplete are rewritten, and none of the complete."""
    missed = [row["id"] for row in INCOMPLETE if complete(row["question"], history_of(row)) == row["question"]]
    assert len(missed) <= 0.05 * len(INCOMPLETE), missed
    assert [row["id"] for row in COMPLETE if complete(row["question"], history_of(row)) != row["question"]] == []


def test_the_words_of_the_whole_question_are_searched() -> None:
    """In at least 95% of the development set every term that carries the meaning is in what is searched."""
    lacking = [
        row["id"]
        for row in INCOMPLETE
        if not set(terms(content(row["complete"]).replace(" ", "\n")))
        <= set(terms(fold(complete(row["question"], history_of(row)))))
    ]
    assert len(lacking) <= 0.05 * len(INCOMPLETE), lacking


def test_whole_questions_of_the_gold_sets_are_kept() -> None:
    """At most 3% of the standalone questions written for training are rewritten after another of them."""
    lines = (Path(__file__).parents[1] / "training" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    pairs = zip(questions, questions[7:] + questions[:7], strict=True)
    rewritten = [question for question, before in pairs if complete(question, [Turn(before)]) != question]
    assert len(rewritten) <= 0.03 * len(questions), rewritten


TEXTS = st.one_of(
    st.text(alphabet=st.characters(), max_size=40),
    st.lists(
        st.sampled_from(
            [*"那呢它其他该这的吗？?，《》 ", "what about ", "it ", "their", "2024年", "天津", "第二", "谁", "why"]
        ),
        max_size=8,
    ).map("".join),
)  # fmt: skip


@given(TEXTS, st.lists(st.tuples(TEXTS, st.lists(TEXTS, max_size=2)), max_size=3))
def test_any_text_and_history_are_harmless(question: str, before: list[tuple[str, list[str]]]) -> None:
    """Whatever is asked after whatever was said, there is a question to search, the same one every time."""
    history = [Turn(asked, tuple(quotes)) for asked, quotes in before]
    searched = complete(question, history)
    assert searched or not question
    assert complete(question, history) == searched
