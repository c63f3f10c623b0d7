import gzip
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from qa.chat import Chat
from qa.datatypes import Answer, Citation, Hit, Passage
from qa.errors import QuestionError
from qa.evaluation import (
    MEASURES,
    GoldChain,
    GoldQuestion,
    GoldTurn,
    answer_found,
    answer_measures,
    article_of_each,
    conflict_shown,
    evaluate,
    never_refusing,
    ranking_values,
    read_chains,
    read_questions,
    read_squad,
    relevant_passages,
    supports,
)

PASSAGES = [
    Passage(0, "robots.md", (), 0, 30, "The robot carries 12 parcels."),
    Passage(1, "robots.md", (), 30, 60, "It climbs stairs in old houses."),
    Passage(2, "城市.md", (), 0, 20, "北京將建設三個園區。"),
    Passage(3, "copy.md", (), 0, 30, "Another robot carries 12 parcels."),
]


def answer(question: str, ranked: list[int], cited: list[tuple[int, str]]) -> Answer:
    """An answer as a system might give it: passages by rank, and quotes of passages."""
    hits = tuple(Hit(PASSAGES[i], 1.0 / (rank + 1), 0.5, None, 0.5) for rank, i in enumerate(ranked))
    citations = tuple(
        Citation(number, PASSAGES[i], PASSAGES[i].start, PASSAGES[i].start + len(quote), quote, "")
        for number, (i, quote) in enumerate(cited, 1)
    )
    return Answer(question, "", citations, hits, 0.5)


QUESTIONS = [
    GoldQuestion("found", "How many parcels?", "en", "number", ("robots.md",), ("12 parcels",)),
    GoldQuestion("third", "几个园区？", "zh", "number", ("城市.md",), ("三个园区",)),
    GoldQuestion("missed", "Where does it climb?", "en", "place", ("robots.md",), ("STAIRS",)),
    GoldQuestion("nothing retrieved", "爬什么？", "zh", "place", ("robots.md",), ("stairs",), crossing=True),
    GoldQuestion("no passage", "What colour?", "en", "place", ("robots.md",), ("crimson",)),
    GoldQuestion("refused", "Who is the mayor?", "en", "unanswerable"),
    GoldQuestion("invented", "谁是市长？", "zh", "unanswerable"),
]
ANSWERS = {
    "How many parcels?": answer("", [0, 3], [(3, "12 parcels."), (0, "The robot carries 12 parcels.")]),
    "几个园区？": answer("", [3, 1, 2, 0], [(2, "北京將建設三個園區。")]),
    "Where does it climb?": answer("", [0, 2], [(3, "stairs")]),
    "爬什么？": answer("", [], []),
    "What colour?": answer("", [0, 1], []),
    "Who is the mayor?": answer("", [2], []),
    "谁是市长？": answer("", [2], [(2, "北京將建設三個園區。")]),
}


def test_ranking_values_are_those_worked_out_by_hand() -> None:
    """Recall, reciprocal rank and nDCG of a tiny run are those worked out by hand, a passage past the tenth none."""
    relevant = {"first": {"a": 1}, "third": {"b": 1, "z": 1}, "eleventh": {"c": 1}}
    run = {
        "first": {"a": 3.0, "b": 2.0},
        "third": {"x": 9.0, "y": 8.0, "b": 7.0},
        "eleventh": {**{f"x{i}": 100.0 - i for i in range(10)}, "c": 1.0},
    }
    values = ranking_values(relevant, run)
    assert values["first"] == dict.fromkeys(("recall@1", "recall@3", "recall@5", "recall@10", "MRR", "nDCG@10"), 1.0)
    assert values["third"] == {
        "recall@1": 0.0,
        "recall@3": 1.0,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "MRR": pytest.approx(1 / 3),
        "nDCG@10": pytest.approx((1 / math.log2(4)) / (1 / math.log2(2) + 1 / math.log2(3))),
    }
    assert set(values["eleventh"].values()) == {0.0}


@pytest.mark.parametrize("run", [{}, {"known": {}}, {"other": {"a": 1.0}}], ids=["no run", "no hits", "other question"])
def test_question_not_found_has_zeros(run: dict[str, dict[str, float]]) -> None:
    """A question that found nothing, or that no passage answers, keeps its place with zeros in every measure."""
    values = ranking_values({"known": {"a": 1}, "no passage": {}}, run)
    assert values == {"known": dict.fromkeys(MEASURES, 0.0), "no passage": dict.fromkeys(MEASURES, 0.0)}


def test_report_counts_every_question_once() -> None:
    """Every answerable question counts in each mean, found or not, and every other in the refusals."""
    report = evaluate(QUESTIONS, PASSAGES, ANSWERS.__getitem__, ANSWERS.__getitem__)
    figures = report["figures"]
    expected = {
        "recall@1": (1 / 5, 5),
        "recall@3": (2 / 5, 5),
        "recall@10": (2 / 5, 5),
        "MRR": ((1 + 1 / 3) / 5, 5),
        "answer recall": (2 / 5, 5),
        "wrongly refused": (2 / 5, 5),
        "rightly refused": (1 / 2, 2),
    }
    found = {name: (figure["mean"], figure["count"]) for name, figure in figures["all"].items() if name in expected}
    assert {name: count for name, (_, count) in found.items()} == {name: count for name, (_, count) in expected.items()}
    assert {name: mean for name, (mean, _) in found.items()} == pytest.approx(
        {name: mean for name, (mean, _) in expected.items()}
    )
    assert [outcome["id"] for outcome in report["questions"]] == [question.id for question in QUESTIONS]
    assert {
        group: max(figure["count"] for figure in measures.values())
        for group, measures in figures.items()
        if group.startswith("language")
    } == {
        "language: en": 3,
        "language: zh": 1,
        "language: zh across": 1,
        "language: en unanswerable": 1,
        "language: zh unanswerable": 1,
    }


def test_a_refused_question_counts_as_zero_and_answers_alone_apart() -> None:
    """Precision, exact match and F1 are over all answerable questions; what is measured of answers has their number."""
    figures = evaluate(QUESTIONS, PASSAGES, ANSWERS.__getitem__, ANSWERS.__getitem__)["figures"]["all"]
    precision, supporting = figures["citation precision"], figures["citations that support"]
    assert (precision["mean"], precision["count"]) == (pytest.approx((1 / 2 + 1 + 0) / 5), 5)
    assert (supporting["mean"], supporting["count"]) == (pytest.approx(2 / 4), 3)
    assert (figures["exact match"]["count"], figures["short where answered"]["count"]) == (5, 3)
    assert figures["exact match"]["mean"] == figures["F1"]["mean"] == figures["short where answered"]["mean"] == 0
    assert "F1 where short" not in figures


def cut(passage: int, quote: str) -> Citation:
    """A span cut from a passage."""
    start = PASSAGES[passage].start + PASSAGES[passage].text.index(quote)
    return Citation(1, PASSAGES[passage], start, start + len(quote), quote, "")


@pytest.mark.parametrize(
    ("question", "short", "expected"),
    [
        (QUESTIONS[0], cut(0, "12 parcels"), (1, 1)),
        (QUESTIONS[0], cut(3, "carries 12 parcels."), (0, 2 * 2 / 5)),
        (replace(QUESTIONS[0], short=("12",)), cut(0, "12 parcels"), (0, 2 / 3)),
        (replace(QUESTIONS[1], answers=("三個園區", "three parks")), cut(2, "三個園區。"), (1, 1)),
        (replace(QUESTIONS[1], answers=("三個園區", "three parks")), cut(2, "建設三個園區"), (0, 2 * 4 / 10)),
        (QUESTIONS[0], None, (0, 0)),
    ],
)
def test_a_short_answer_is_scored_by_the_language_it_is_cut_from(
    question: GoldQuestion, short: Citation | None, expected: tuple[float, float]
) -> None:
    """The best of the `short` gold answers counts, or of the `answers` without these; none given is 0 in both."""
    given = replace(answer("", [0], [(0, "The robot carries 12 parcels.")]), short=short)
    measures = answer_measures(question, given)
    assert (measures["exact match"], measures["F1"]) == pytest.approx(expected)
    assert measures["short where answered"] == (short is not None)
    assert ("F1 where short" in measures) == (short is not None)


@pytest.mark.parametrize(
    ("answers", "citation", "expected"),
    [
        (("12 parcels",), cut(0, "The robot carries 12 parcels."), True),
        (("12 parcels",), cut(0, "12"), True),
        (("ROBOT carries 12",), cut(0, "12 parcels."), True),
        (("12 parcels",), cut(0, "The robot carries"), False),
        (("12 parcels",), cut(3, "12 parcels"), False),
        (("stairs", "old"), cut(1, "old houses"), True),
        (("carries",), cut(1, "It climbs stairs"), False),
        (("s",), cut(0, "parcels"), True),
    ],
    ids=["holds it", "part of it", "end of it", "before it", "elsewhere", "second", "other passage", "last of many"],
)
def test_a_citation_supports_what_it_shares_text_with(
    answers: tuple[str, ...], citation: Citation, expected: bool
) -> None:
    """A cited span counts where it overlaps a gold answer in a gold document, by its place and not by like words."""
    assert supports(replace(QUESTIONS[0], answers=answers), citation) == expected


HEIGHT = GoldQuestion("height", "", "en", "number", ("a", "b"), ("12 metres", "12米", "15 metres"), conflict=True)
CROWD = GoldQuestion(
    "crowd", "", "zh", "number", ("a", "b"), ("225万人", "2.25 million", "2.18 million"), conflict=True
)
DATED = GoldQuestion("dated", "", "en", "date", ("a", "b"), ("December 2023", "2023年12月", "June 2022"), conflict=True)


def spans(*quotes: tuple[str, str]) -> Answer:
    """An answer that shows these spans as differing, each from a document of that name."""
    passages = [Passage(i, document, (), 0, len(quote), quote) for i, (document, quote) in enumerate(quotes)]
    found = tuple(Citation(i, each, 0, each.end, each.text, "") for i, each in enumerate(passages, 1))
    return Answer("", "", found, (), 0.9, conflict=found)


@pytest.mark.parametrize(
    ("question", "shown", "expected"),
    [
        (HEIGHT, spans(("a", "12 metres"), ("b", "15 metres")), True),
        (HEIGHT, spans(("a", "12"), ("b", "about 15 metres")), True),
        (HEIGHT, spans(("a", "12米"), ("b", "15 METRES")), True),
        (HEIGHT, spans(("a", "12 metres"), ("b", "12米")), False),
        (HEIGHT, spans(("a", "12 metres"), ("b", "115 metres")), False),
        (HEIGHT, spans(("a", "12 metres"), ("elsewhere", "15 metres")), False),
        (HEIGHT, spans(("a", "12 metres")), False),
        (HEIGHT, spans(), False),
        (CROWD, spans(("a", "225万人"), ("b", "2.25 million")), False),
        (CROWD, spans(("a", "225万人"), ("b", "2.18 million")), True),
        (DATED, spans(("a", "December 2023"), ("b", "2023年12月")), False),
        (DATED, spans(("a", "2023年12月"), ("b", "June 2022")), True),
    ],
)
def test_a_conflict_is_shown_by_two_differing_gold_values(
    question: GoldQuestion, shown: Answer, expected: bool
) -> None:
    """Two spans of gold documents with differing values show it; one value in two languages does not."""
    assert conflict_shown(question, shown) == expected
    measures = answer_measures(question, shown)
    assert measures["conflict shown"] == expected
    assert "false conflict" not in measures


def test_a_conflict_flagged_elsewhere_is_a_false_alarm() -> None:
    """Of questions whose documents agree, every one with a conflict flagged counts against the answer."""
    agreeing = replace(HEIGHT, conflict=False)
    measures = [answer_measures(agreeing, shown) for shown in (spans(("a", "12"), ("b", "15")), spans())]
    assert [each["false conflict"] for each in measures] == [1, 0]


def test_confidence_is_measured_over_all_questions() -> None:
    """Confidence is held against whether the hits hold an answer, risk against what is cited or would be if asked."""
    anyway = {
        **ANSWERS,
        "What colour?": ANSWERS["How many parcels?"],
        "爬什么？": answer("", [1], [(1, "climbs stairs")]),
    }
    asked: list[str] = []

    def ask_anyway(question: str) -> Answer:
        asked.append(question)
        return anyway[question]

    report = evaluate(QUESTIONS, PASSAGES, ANSWERS.__getitem__, ask_anyway)
    confidence = report["confidence"]
    assert asked == ["爬什么？", "What colour?", "Who is the mayor?"]
    assert confidence["reliability"]["bins"] == [
        {"low": 0.5, "high": 0.6, "count": 7, "confidence": 0.5, "held": pytest.approx(2 / 7)}
    ]
    assert confidence["answered"] == {"coverage": pytest.approx(4 / 7), "risk": pytest.approx(2 / 4)}
    assert confidence["risk and coverage"]["points"] == [
        {"confidence": 0.5, "coverage": 1.0, "risk": pytest.approx(4 / 7)}
    ]
    assert report["figures"]["all"]["Brier score"]["mean"] == pytest.approx(0.25)


def test_figures_are_there_for_each_kind_of_question() -> None:
    """Reasons and means, lists, conflicts, languages and types each have figures of their own members alone."""
    kinds = [("r", "why", False), ("m", "how", False), ("l", "list", False), ("c", "number", True)]
    asked = [replace(QUESTIONS[0], id=name, question=name, type=kind, conflict=mark) for name, kind, mark in kinds]
    figures = evaluate(asked, PASSAGES, lambda _: ANSWERS["How many parcels?"], ANSWERS.__getitem__)["figures"]
    counts = {group: measures["answer recall"]["count"] for group, measures in figures.items()}
    types = {f"type: {kind}": 1 for kind in ("why", "how", "list", "number")}
    assert counts == {"all": 4, "language: en": 4, "why and how": 2, "conflict": 1, **types}
    assert {"conflict shown", "false conflict"} & figures["conflict"].keys() == {"conflict shown"}


def test_the_report_holds_every_outcome_as_json(chat: Chat) -> None:
    """A run over the shipped articles gives plain JSON values, and each figure is the mean of the outcomes it holds."""
    questions = read_questions(Path(__file__).parents[1] / "eval" / "questions.jsonl")[::9]
    report = evaluate(questions, chat.index.passages, chat.ask, never_refusing(chat).ask)
    assert json.loads(json.dumps(report)) == report
    assert [outcome["id"] for outcome in report["questions"]] == [question.id for question in questions]
    for measure, figure in report["figures"]["all"].items():
        pairs = [
            (outcome["measures"][measure], outcome["weights"].get(measure, 1))
            for outcome in report["questions"]
            if measure in outcome["measures"]
        ]
        total = sum(weight for _, weight in pairs)
        assert figure["mean"] == pytest.approx(sum(value * weight for value, weight in pairs) / total)
        assert figure["count"] == len(pairs)
    answered = [outcome for outcome in report["questions"] if outcome["given"]["answered"]]
    assert report["confidence"]["answered"]["coverage"] == len(answered) / len(questions)
    for outcome in answered:
        assert outcome["given"]["citations"]
        if outcome["measures"].get("answer recall"):
            assert outcome["measures"]["citation precision"] > 0


def test_answer_counts_only_in_a_gold_document() -> None:
    """Script and case do not matter to a gold answer; the document it is cited from does."""
    robots, city = QUESTIONS[2], QUESTIONS[1]
    assert relevant_passages(robots, PASSAGES) == {"1": 1}
    assert relevant_passages(city, PASSAGES) == {"2": 1}
    assert answer_found(robots, answer("", [], [(1, "It climbs stairs")]))
    assert answer_found(city, answer("", [], [(2, "建設三個園區。")]))
    assert not answer_found(robots, answer("", [], [(3, "It climbs stairs")]))
    assert not answer_found(robots, answer("", [1], []))


GOOD = {
    "id": "q1",
    "question": "为何？",
    "language": "zh",
    "type": "reason",
    "documents": ["a.md"],
    "answers": ["因为"],
}


def test_questions_are_read_as_written(tmp_path: Path) -> None:
    """Blank lines and a byte order mark are passed over, and a line separator inside a question is no line end."""
    path = tmp_path / "questions.jsonl"
    odd = {"id": 2, "question": "one\u2028two", "language": "en", "type": "none"}
    lines = [json.dumps(GOOD, ensure_ascii=False), "", json.dumps(odd, ensure_ascii=False)]
    path.write_text("\ufeff" + "\r\n".join(lines) + "\n", encoding="utf-8", newline="")
    first, second = read_questions(path)
    assert first == GoldQuestion("q1", "为何？", "zh", "reason", ("a.md",), ("因为",))
    assert (second.id, second.question, second.answerable) == ("2", "one\u2028two", False)


@pytest.mark.parametrize(
    "bad",
    [
        "{not JSON",
        '["a list"]',
        "null",
        json.dumps({**GOOD, "question": None, "id": "q2"}).replace('"question": null, ', ""),
        json.dumps({**GOOD, "id": "q2", "answers": None}),
        json.dumps({**GOOD, "id": "q2", "answers": "因为"}),
        json.dumps({**GOOD, "id": "q2", "documents": "a.md"}),
        json.dumps({**GOOD, "id": "q2", "answers": [""]}),
        json.dumps({**GOOD, "id": "q2", "short": "因为"}),
        json.dumps({**GOOD, "id": "q2", "conflict": "no"}),
        json.dumps(GOOD),
    ],
    ids=[
        "not JSON", "list", "null", "no question", "null answers", "text for answers", "text for documents",
        "empty answer", "text for short", "text for conflict", "same id twice",
    ],
)  # fmt: skip
def test_line_that_cannot_be_read_is_named(tmp_path: Path, bad: str) -> None:
    """A line that would not be measured as its writer meant it is refused by its number."""
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{bad}\n", encoding="utf-8")
    with pytest.raises(QuestionError, match="line 3"):
        read_questions(path)


def test_a_short_answer_is_compared_with_the_shortest_spans(tmp_path: Path) -> None:
    """The shortest spans are those that a line names as short, or its answers; a conflict is read as one."""
    path = tmp_path / "questions.jsonl"
    lines = [{**GOOD, "answers": ["三个园区"], "short": ["三个"], "conflict": True}, {**GOOD, "id": "q2"}]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    first, second = read_questions(path)
    assert (first.answers, first.shortest, first.conflict) == (("三个园区",), ("三个",), True)
    assert (second.shortest, second.conflict) == (("因为",), False)


TURNS: list[dict[str, object]] = [
    {
        "question": "为何？",
        "standalone": True,
        "documents": ["a.md"],
        "answers": ["因为雨"],
        "short": ["雨"],
        "means": "为何？",
    },
    {"question": "And who?", "standalone": False, "documents": [], "answers": [], "means": "And who asks why?"},
]
CHAIN = {"id": "c1", "language": "zh", "turns": TURNS}


def test_conversations_are_read_as_written(tmp_path: Path) -> None:
    """A conversation keeps its turns in order, each with what it means, answerable or not."""
    path = tmp_path / "follow_ups.jsonl"
    path.write_text(json.dumps(CHAIN, ensure_ascii=False) + "\n\n", encoding="utf-8")
    first = GoldTurn("为何？", True, "为何？", ("a.md",), ("因为雨",), ("雨",))
    second = GoldTurn("And who?", False, "And who asks why?")
    assert read_chains(path) == [GoldChain("c1", "zh", (first, second))]
    assert (first.shortest, second.shortest) == (("雨",), ())


@pytest.mark.parametrize(
    "bad",
    [
        "{not JSON",
        "[]",
        json.dumps({"id": "c2", "language": "zh"}),
        json.dumps({**CHAIN, "id": "c2", "turns": TURNS[:1]}),
        json.dumps({**CHAIN, "id": "c2", "turns": TURNS[::-1]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], "And who?"]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], {"question": "And who?", "standalone": False}]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], {**TURNS[1], "standalone": "no"}]}),
        json.dumps({**CHAIN, "id": "c2", "turns": [TURNS[0], {**TURNS[1], "answers": "the clerk"}]}),
        json.dumps(CHAIN),
    ],
    ids=[
        "not JSON", "list", "no turns", "one turn", "follow-up first", "text for a turn", "no meaning",
        "text for standalone", "text for answers", "same id twice",
    ],
)  # fmt: skip
def test_conversation_that_cannot_be_read_is_named(tmp_path: Path, bad: str) -> None:
    """A conversation that would not be measured as its writer meant it is refused by the number of its line."""
    path = tmp_path / "follow_ups.jsonl"
    path.write_text(f"{json.dumps(CHAIN)}\n{bad}\n", encoding="utf-8")
    with pytest.raises(QuestionError, match="line 2"):
        read_chains(path)


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe"], ids=["missing", "empty", "blank", "not UTF-8"])
def test_file_without_questions_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    """A question file that is missing, empty or not UTF-8 is one error that names it."""
    path = tmp_path / "问题.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(QuestionError, match="问题"):
        read_questions(path)


@pytest.mark.parametrize("packed", [False, True])
def test_each_paragraph_is_counted_to_its_article(tmp_path: Path, packed: bool) -> None:
    """Paragraphs are numbered through the file as `read_squad` numbers them, each with the article it stands in."""
    articles = [["a", "b"], [], ["c"], ["d", "e", "f"]]
    data = [{"paragraphs": [{"context": text, "qas": []} for text in article]} for article in articles]
    raw = json.dumps({"data": data}).encode()
    path = tmp_path / ("file.json.gz" if packed else "file.json")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    paragraphs, _ = read_squad(path)
    expected = {text: number for number, article in enumerate(articles) for text in article}
    assert {paragraphs[name]: number for name, number in article_of_each(path).items()} == expected
