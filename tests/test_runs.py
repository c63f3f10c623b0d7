import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from qa.chains import attempted_turns, evaluate_chains
from qa.chat import Chat
from qa.config import AnswerSettings, SearchSettings
from qa.datatypes import Answer
from qa.errors import ReportError
from qa.evaluation import attempted, evaluate, never_refusing, read_chains, read_questions
from qa.question_sets import QuestionSet
from ui.runs import MOST_RUNS, Bench, Run, finished, report_json, uploaded

EVAL = Path(__file__).parents[1] / "eval"
QUESTIONS = tuple(read_questions(EVAL / "questions.jsonl")[::30])
CHAINS = read_chains(EVAL / "follow_ups.jsonl")[::10]


@pytest.fixture(scope="module")
def run(chat: Chat) -> Run:
    """A run of a few of the shipped questions."""
    attempts = list(attempted(QUESTIONS, chat.ask, never_refusing(chat).ask))
    return finished(1, chat, QuestionSet("set", QUESTIONS), attempts)


def test_a_run_is_what_the_command_measures(run: Run, chat: Chat) -> None:
    """Its report is that of `evaluate`, with the generation that answered and the settings of the search."""
    expected = evaluate(QUESTIONS, chat.index.passages, chat.ask, never_refusing(chat).ask)
    assert {name: run.report[name] for name in expected} == expected
    assert (run.generation, run.settings) == (chat.generation, {})


def test_a_run_knows_the_passages_of_each_question(run: Run, chat: Chat) -> None:
    """Those that hold a known answer, none for a question that has none; and those found, as they were ranked."""
    for question in QUESTIONS:
        passages = run.passages[question.id]
        assert passages.found == tuple(hit.passage for hit in chat.ask(question.question).hits)
        assert {passage.document_id for passage in passages.expected} <= {*question.documents}
        found = bool({passage.id for passage in passages.expected} & {passage.id for passage in passages.found[:10]})
        measures = next(each for each in run.outcomes if each["id"] == question.id)["measures"]
        assert float(found) == measures.get("recall@10", 0.0)


def test_a_run_knows_the_turns_of_conversations(chat: Chat) -> None:
    """Its report has what `evaluate_chains` says of them, and comes back with it; each turn has its passages."""

    def ask(question: str, history: Sequence[Answer]) -> Answer:
        return chat.ask(question, history=history)

    asked = QuestionSet("set", QUESTIONS[:2], chains=tuple(CHAINS))
    attempts = [*attempted(asked.questions, chat.ask, never_refusing(chat).ask), *attempted_turns(CHAINS, ask)]
    run = finished(1, chat, asked, attempts)
    assert run.report["follow_ups"] == evaluate_chains(CHAINS, ask)
    assert [each["question"] for each in run.follow_ups] == [turn.question for each in CHAINS for turn in each.turns]
    assert list(run.everything) == [*run.outcomes, *run.follow_ups]
    assert all(run.passages[each["id"]].found for each in run.follow_ups)
    assert list(uploaded(2, "report.json", report_json(run)).follow_ups) == list(run.follow_ups)
    with pytest.raises(ReportError):
        uploaded(2, "report.json", json.dumps({**run.report, "follow_ups": {"questions": [], "figures": 1}}))


def test_what_was_set_otherwise_is_told(chat: Chat) -> None:
    """The settings of a run are those that differ from the usual ones, and they are what it searched with."""
    search, answer = SearchSettings(ranked=0, lexical_weight=0.5), AnswerSettings(minimum_confidence=0.5)
    other = Chat(chat.index, replace(chat.settings, search=search, answer=answer))
    attempts = list(attempted(QUESTIONS[:2], other.ask, never_refusing(other).ask))
    assert finished(1, other, QuestionSet("set", QUESTIONS[:2]), attempts).settings == {
        "ranked": 0,
        "lexical_weight": 0.5,
        "minimum_confidence": 0.5,
    }


def test_a_report_comes_back_as_it_was_saved(run: Run) -> None:
    """The JSON of a run, opened again, has the same figures and outcomes, and no passages."""
    again = uploaded(7, "report.json", f"\ufeff{report_json(run)}")
    assert (again.number, again.name, again.report, again.passages) == (7, "report.json", run.report, {})


@pytest.mark.parametrize("part", ["figures", "confidence", "questions"])
@pytest.mark.parametrize("value", [None, 1, [], [1], {"a": 1}, {"a": {"b": {"mean": 1}}}], ids=repr)
def test_what_is_no_report_is_refused(part: str, value: object, run: Run) -> None:
    """A report with a part that is missing or of another shape is refused by name, before anything is made of it."""
    broken = {**run.report, part: value}
    for content in (broken, {name: broken[name] for name in broken if name != part}):
        with pytest.raises(ReportError, match=r"report\.json"):
            uploaded(1, "report.json", json.dumps(content))


def test_numbers_that_are_none_are_refused(run: Run) -> None:
    """A report with NaN or infinity among its figures is refused: nothing could be drawn of it."""
    text = report_json(run).replace('"area": ', '"area": NaN, "was": ')
    with pytest.raises(ReportError):
        uploaded(1, "report.json", text)


def test_a_bench_keeps_the_newest_runs(run: Run) -> None:
    """Runs keep their numbers; the oldest goes, the newest is shown and compared with the one before it."""
    bench = Bench()
    for _ in range(MOST_RUNS + 2):
        bench = replace(bench, **bench.kept(replace(run, number=bench.next_number)))
    assert [each.number for each in bench.runs] == list(range(3, MOST_RUNS + 3))
    assert (bench.shown, bench.compared) == (MOST_RUNS + 2, (MOST_RUNS + 1, MOST_RUNS + 2))
    assert bench.run(1) is None
