import json
from pathlib import Path
from typing import Any

import pytest

from qa import question_sets
from qa.errors import QuestionError
from qa.evaluation import read_chains, read_questions
from qa.index import SearchIndex
from qa.question_sets import MOST_QUESTIONS, follow_ups_of, parse, read

LINE = {"id": "a", "question": "How deep?", "language": "en", "type": "number", "documents": ["x"], "answers": ["5 m"]}
DIVING = "A leatherback turtle can dive to a depth of 1,200 metres. It comes up for air after about 85 minutes."
TEA = "泡白毫银针要用摄氏80度的水，\n浸泡三分钟。水太烫，茶汤就会发苦。"


def squad(*paragraphs: tuple[str, list[tuple[str, str, list[str]]]]) -> str:
    """A file in SQuAD format: paragraphs with their questions, each an id, its text and its answers."""
    content = [
        {
            "context": context,
            "qas": [
                {"id": name, "question": text, "answers": [{"text": each, "answer_start": 0} for each in answers]}
                for name, text, answers in asked
            ],
        }
        for context, asked in paragraphs
    ]
    return json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": content}]}, ensure_ascii=False)


def test_lines_are_read_as_the_command_reads_them(tmp_path: Any, small_loaded: SearchIndex) -> None:
    """A set handed over as text has the questions that the same file has for `qa eval`, a byte order mark aside."""
    text = "\n".join(json.dumps({**LINE, "id": name}) for name in "abc") + "\n\n"
    path = tmp_path / "set.jsonl"
    path.write_text(text, encoding="utf-8")
    assert list(parse("set.jsonl", f"\ufeff{text}", small_loaded.passages).questions) == read_questions(path)


def test_a_squad_file_is_put_to_the_articles_that_hold_its_paragraphs(small_loaded: SearchIndex) -> None:
    """A paragraph is found in an article though its lines break elsewhere; its questions expect that article."""
    text = squad((DIVING, [("d", "乌龟能潜多深？", ["1,200 metres"])]), (TEA, [("t", "水要多热？", ["80度"])]))
    depth, heat = parse("set.json", text, small_loaded.passages).questions
    assert (depth.documents, depth.answers, depth.pair) == (("turtles.en.md",), ("1,200 metres",), "zh across")
    assert (heat.documents, heat.answers, heat.pair) == (("tea.zh.md",), ("80度",), "zh")


def test_a_paragraph_that_no_article_holds_is_left_out_and_counted(small_loaded: SearchIndex) -> None:
    """Questions about a paragraph that stands nowhere are not asked, and their number is said."""
    elsewhere = ("Turtles may dive to 9 metres.", [("x", "How deep?", ["9 metres"]), ("y", "Who dives?", ["Turtles"])])
    found = parse("set.json", squad(elsewhere, (DIVING, [("d", "How deep?", ["1,200 metres"])])), small_loaded.passages)
    assert ([each.id for each in found.questions], found.left_out) == (["d"], 2)
    with pytest.raises(QuestionError, match="None of the 1 paragraphs"):
        parse("set.json", squad(elsewhere), small_loaded.passages)


def test_a_squad_question_without_answers_is_to_be_refused(small_loaded: SearchIndex) -> None:
    """A question that its paragraph does not answer, as SQuAD 2.0 has them, is unanswerable and expects no article."""
    (asked,) = parse("set.json", squad((DIVING, [("d", "How heavy?", [])])), small_loaded.passages).questions
    assert (asked.answerable, asked.documents, asked.pair) == (False, (), "en")


def talk(name: str, *questions: str, **more: Any) -> list[dict[str, Any]]:
    """Lines of one conversation, whose ids are its name with their number."""
    return [
        {**LINE, "id": f"{name}{place}", "question": each, "chain": name, **more}
        for place, each in enumerate(questions)
    ]


def lines(*records: dict[str, Any]) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


def test_lines_with_a_chain_are_a_conversation(small_loaded: SearchIndex) -> None:
    """They are its turns, wherever they stand; the first is a question of its own too, as is one with no other line."""
    depth, heat = talk("depth", "How deep?", "And why?"), talk("heat", "How hot?", "And then?", means="How hot then?")
    (single,) = talk("single", "Who?")
    found = parse("set", lines(depth[0], LINE, heat[0], single, heat[1], depth[1]), small_loaded.passages)
    assert [each.id for each in found.questions] == ["depth0", "a", "heat0", "single0"]
    assert [chain.id for chain in found.chains] == ["depth", "heat"]
    assert [[turn.question for turn in chain.turns] for chain in found.chains] == [
        ["How deep?", "And why?"],
        ["How hot?", "And then?"],
    ]
    assert [(turn.standalone, turn.means) for turn in found.chains[1].turns] == [
        (True, "How hot then?"),
        (False, "How hot then?"),
    ]
    assert found.turns == 4


def test_a_file_of_conversations_alone_is_a_set(small_loaded: SearchIndex) -> None:
    """The shipped conversations can be handed over: all their turns, and each first one as a question."""
    path = Path(__file__).parents[1] / "eval" / "follow_ups.jsonl"
    found = parse(path.name, path.read_text(encoding="utf-8"), small_loaded.passages)
    assert list(found.chains) == read_chains(path)
    assert [each.question for each in found.questions] == [chain.turns[0].question for chain in found.chains]


def test_the_conversations_beside_a_file_belong_to_it(tmp_path: Path) -> None:
    """`read` gives the questions of one file and the conversations of both; an id that stands twice is refused."""
    questions, beside = tmp_path / "questions.jsonl", tmp_path / "follow_ups.jsonl"
    questions.write_text(lines(LINE, *talk("depth", "How deep?", "Why?")), encoding="utf-8")
    assert follow_ups_of(questions) is None
    turns = [{"question": "Who?", "standalone": True, "means": "Who?"}, {"question": "Why?", "means": "Why he?"}]
    for name, refused in (("other", False), ("depth", True)):
        beside.write_text(lines({"id": name, "language": "en", "turns": turns}), encoding="utf-8")
        assert follow_ups_of(questions) == beside
        if refused:
            with pytest.raises(QuestionError, match="'depth' stands for two"):
                read(questions, beside)
        else:
            found = read(questions, beside)
            assert [each.id for each in found.questions] == ["a", "depth0"]
            assert [each.id for each in found.chains] == ["depth", "other"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "1", "x", '{"data": 1}', '{"data": [1]}', '{"data": [{}]}', '{"data": {"a": 1}}', "[" * 100_000,
     '{"data": [{"paragraphs": [{"context": 1, "qas": [{"id": 1, "question": "x", "answers": []}]}]}]}',
     json.dumps({**LINE, "answers": [1]}), '{"turns": 1}',
     '{"id": "a", "language": "en", "turns": [1, 2]}', f"{json.dumps(LINE)}\n{json.dumps(LINE)}"],
    ids=lambda text: repr(text[:40]),
)  # fmt: skip
def test_what_is_no_question_set_is_said_to_be_none(text: str, small_loaded: SearchIndex) -> None:
    """A file that is neither form, damaged, or has an id twice is an error that names it."""
    with pytest.raises(QuestionError, match=r"set\.json"):
        parse("set.json", text, small_loaded.passages)


def test_too_many_questions_are_refused(monkeypatch: pytest.MonkeyPatch, small_loaded: SearchIndex) -> None:
    """A set longer than the limit is refused with both numbers, one as long as it is taken."""
    monkeypatch.setattr(question_sets, "MOST_QUESTIONS", 2)
    asked = [{**LINE, "id": name} for name in "abc"]
    assert len(parse("set", lines(*asked[:2]), small_loaded.passages).questions) == 2
    for many in (asked, talk("depth", "How deep?", "Why?")):
        with pytest.raises(QuestionError, match="3 questions; at most 2"):
            parse("set", lines(*many), small_loaded.passages)
    assert MOST_QUESTIONS > 3_219  # those of CMRC's development set
