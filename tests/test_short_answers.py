import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import short_answers
from short_answers import AS_IT_IS, GIVEN, UNREFUSED, WAYS, asking, figures, measured
from test_benchmark import ENGLISH, TEA, squad

from qa.datatypes import Answer, Citation, Hit, Passage
from qa.evaluation import Case, paragraph_index

TEXT = ENGLISH[TEA]
PASSAGE = Passage(0, "tea", (), 0, len(TEXT), TEXT)
CASE = Case("water", "How hot is the water for white tea?", ("tea",), ("80 degrees", "hot water"))


def said(cited: str = "", short: str = "") -> Answer:
    """An answer that found the paragraph on tea, cites this much of it and has this short answer."""

    def cut(quote: str) -> Citation:
        return Citation(1, PASSAGE, TEXT.index(quote), TEXT.index(quote) + len(quote), quote, "")

    citations = (cut(cited),) if cited else ()
    return Answer("", "", citations, (Hit(PASSAGE, 1.0, None, None, None),), 0.5, short=cut(short) if short else None)


def test_each_way_is_worth_what_its_answer_is() -> None:
    """A refusal, a short answer that is right and one with a word too much are told apart, way by way."""
    sentence = "White tea is brewed with water of 80 degrees."
    ways = {AS_IT_IS: said(), UNREFUSED: said(sentence, "of 80 degrees"), GIVEN: said(sentence, "80 degrees")}
    names = ("answered", "right paragraph first", "answer recall", "short given", "exact match", "F1")
    assert measured(CASE, ways) == {
        AS_IT_IS: dict(zip(names, (0, 1, 0, 0, 0, 0), strict=True)),
        UNREFUSED: dict(zip(names, (1, 1, 1, 1, 0, pytest.approx(4 / 5)), strict=True)),
        GIVEN: dict(zip(names, (1, 1, 1, 1, 1, 1), strict=True)),
    }


def test_figures_count_every_case_in_its_kind_and_in_all() -> None:
    """A case counts once in all and once in the kind its words ask for, 0 where it has no short answer."""
    cases = [CASE, replace(CASE, question="Who brews it?"), replace(CASE, question="White tea?")]
    values = [measured(CASE, dict.fromkeys(WAYS, said("water", short))) for short in ("80 degrees", "", "degrees")]
    report = figures(cases, values)
    f1 = {kind: (ways[GIVEN]["F1"]["mean"], ways[GIVEN]["F1"]["count"]) for kind, ways in report.items()}
    assert f1 == {
        "all": (pytest.approx((1 + 0 + 2 / 3) / 3), 3),
        "number": (1, 1),
        "person": (0, 1),
        "other": (pytest.approx(2 / 3), 1),
    }


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], dict[str, Answer]]:
    """The three ways over the English paragraphs."""
    paragraphs = {str(number): text for number, text in enumerate(ENGLISH)}
    return asking(paragraph_index(tmp_path_factory.mktemp("paragraphs"), paragraphs))


def test_the_right_paragraph_is_given_though_another_is_found_first(ask: Callable[[Case], dict[str, Answer]]) -> None:
    """The third way cites only the gold paragraph, whatever the search would have; the second searches them all."""
    misfiled = Case("books", "How many books may a library reader borrow?", (str(TEA),), ("water",))
    ways = ask(misfiled)
    assert {citation.passage.document_id for citation in ways[GIVEN].citations} == {str(TEA)}
    assert ways[UNREFUSED].citations[0].passage.document_id != str(TEA)


def test_only_the_first_way_refuses(ask: Callable[[Case], dict[str, Answer]]) -> None:
    """What the paragraphs cannot answer is refused as the system would, and answered where it must."""
    ways = ask(Case("mars", "Who was the first mayor of the Mars colony in 2203?", ("0",), ("nobody",)))
    assert [ways[way].answered for way in WAYS] == [False, True, True]


def test_the_command_prints_and_writes_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A parallel file gives paragraphs and answers; a line a kind and way is printed, and the report has the same."""
    english, output = tmp_path / "english.json", tmp_path / "report.json"
    english.write_text(squad(ENGLISH, 2, 4), encoding="utf-8")
    (tmp_path / "chinese.json").write_text(squad(ENGLISH, 3, 4), encoding="utf-8")
    arguments = [str(tmp_path / "chinese.json"), "--passages", str(english), "--output", str(output)]
    assert short_answers.main(arguments) == 0
    report: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("all (4)")
    assert len(lines) == 1 + len(WAYS) * len(report)
    assert {ways[way][name]["count"] for ways in [report["all"]] for way in ways for name in ways[way]} == {4}
    assert sum(ways[GIVEN]["F1"]["count"] for kind, ways in report.items() if kind != "all") == 4
    assert report["all"][GIVEN]["right paragraph first"]["mean"] == 1
    assert report["all"][UNREFUSED]["answered"]["mean"] == 1
