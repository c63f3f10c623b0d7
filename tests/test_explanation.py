import json

import pytest

from qa.chat import Chat
from qa.cli import main
from qa.datatypes import Explanation, Hit
from qa.render import explanation_record

QUESTIONS = [
    "众智FlagOS 2.0支持多少款芯片？",
    "Who is Zhu Songchun?",
    "机器人餐吧有几台机器人？",
    "zxqv",
    " Who\tis  Zhu \n Song\u00adchun\x00? ",
]


def explained(chat: Chat, question: str) -> list[tuple[Hit, Explanation]]:
    """The hits of a question with their explanations."""
    return [(hit, chat.explain(question, hit)) for hit in chat.ask(question).hits]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_span_holds_its_word(question: str, chat: Chat) -> None:
    """A pair's spans hold its words, in the question and in the file as it is, unless the word is a heading's."""
    for hit, explanation in explained(chat, question):
        text = chat.document(hit.passage.document_id).text
        for pair in explanation.pairs:
            assert question[slice(*pair.asked)] == pair.word != ""
            if pair.found is None:
                assert any(pair.met in heading for heading in hit.passage.headings)
            else:
                assert text[slice(*pair.found)] == pair.met
                assert hit.passage.start <= pair.found[0] < pair.found[1] <= hit.passage.end
            assert 0.0 <= pair.weight <= 1.0 + 1e-6
            assert pair.likeness <= 1.0 + 1e-5


def test_words_meet_across_languages(chat: Chat) -> None:
    """A Chinese question's word meets its English counterpart in an English passage."""
    pairs = {
        (pair.word, pair.met.lower())
        for hit, explanation in explained(chat, "机器人餐吧有几台机器人？")
        if hit.passage.document_id.endswith(".en.md")
        for pair in explanation.pairs
    }
    assert ("机器人", "robots") in pairs or ("机器人", "robot") in pairs


def test_a_name_meets_its_sound(chat: Chat) -> None:
    """A name in Latin letters is shown whole beside the characters it is spelt from."""
    found = [
        (pair.word, pair.met)
        for hit, explanation in explained(chat, "Who is Zhu Songchun?")
        if hit.passage.document_id.endswith(".zh.md")
        for pair in explanation.pairs
    ]
    assert ("Zhu Songchun", "朱松纯") in found
    assert not any(word == "Songchun" and met == "松纯" for word, met in found)


def test_ranks_count_from_one_and_agree_with_the_scores(chat: Chat) -> None:
    """Within a language the better score has the better rank, and a side that missed a passage gives none."""
    for question in QUESTIONS[:3]:
        for language in (".zh.md", ".en.md"):
            hits = [hit for hit in chat.ask(question).hits if hit.passage.document_id.endswith(language)]
            by_rank = sorted(hits, key=lambda hit: hit.ranks.alignment or 0)
            assert [hit.alignment for hit in by_rank] == sorted((hit.alignment for hit in hits), reverse=True)
            assert all((hit.ranks.lexical is None) == (hit.lexical is None) for hit in hits)
            assert all(hit.ranks.dense >= 1 for hit in hits)


def test_terms_are_those_in_common(chat: Chat) -> None:
    """The terms are the question's own that the passage or its headings hold, each once."""
    hit, explanation = explained(chat, "众智FlagOS 2.0支持多少款芯片？")[0]
    assert {"众智", "2.0"} <= set(explanation.terms)
    assert len(set(explanation.terms)) == len(explanation.terms)
    assert hit.lexical is not None


def test_the_command_says_why(chat: Chat, index_folder: object, capsys: pytest.CaptureFixture[str]) -> None:
    """`qa ask --explain` adds the reasons to the text, and as data to each passage of the JSON."""
    question = "How many robots ran the canteen?"
    assert main(["ask", question, "--index", str(index_folder), "--explain"]) == 0
    said = capsys.readouterr().out
    assert "rank by meaning" in said
    assert "robots ~ " in said
    assert main(["ask", question, "--index", str(index_folder), "--explain", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    expected = [json.loads(json.dumps(explanation_record(reason))) for _, reason in explained(chat, question)]
    assert [passage["explanation"] for passage in record["passages"]] == expected


def test_a_file_of_questions_is_not_explained(index_folder: object, capsys: pytest.CaptureFixture[str]) -> None:
    """`--explain` with a file of questions is refused in one line instead of being passed over."""
    assert main(["ask", "--questions", "questions.jsonl", "--index", str(index_folder), "--explain"]) == 2
    assert "--explain goes with one question" in capsys.readouterr().err
