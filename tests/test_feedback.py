import json
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import write_articles

from qa import feedback, generations
from qa.chat import Chat
from qa.cli import main
from qa.config import IndexSettings
from qa.errors import FeedbackError, QuestionError
from qa.evaluation import answer_found, gold_question, read_questions
from qa.feedback import append, corrected, holding, judged, promote

DEPTH = "How deep can a leatherback turtle dive?"
WEATHER = "Wie wird das Wetter?"


@pytest.fixture
def small(small_index: Path) -> Chat:
    """The short articles, ready to be asked, in a folder of their own."""
    return Chat.open(small_index)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check(path: Path, **changes: Any) -> None:
    """A person looks at every line and says so; with changes, makes them too."""
    records = [{**record, "checked": True, **changes} for record in lines(path)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_a_right_answer_is_a_question_that_it_answers(small: Chat) -> None:
    """What was called right is measured as right: the same answer holds its known answer; a refusal is unanswerable."""
    answer = small.ask(DEPTH)
    record = judged(answer, "right")
    assert answer_found(gold_question(record), answer)
    assert (record["question"], record["language"], record["crossing"]) == (DEPTH, "en", False)
    refusal = Chat(small.index, small.settings).ask("Who won the 1998 football world cup?")
    assert not refusal.answered
    unanswerable = gold_question(judged(refusal, "right"))
    assert (unanswerable.answerable, unanswerable.type) == (False, "unanswerable")


def test_a_record_says_what_was_shown_when_and_by_which_generation(small: Chat) -> None:
    """A line holds what was cited and how sure it was, the passage it is about, the time and the generation."""
    answer = small.ask(DEPTH)
    said = judged(answer, "wrong")["feedback"]
    assert said["shown"]["citations"] == [
        {"document_id": each.passage.document_id, "quote": each.quote} for each in answer.citations
    ]
    assert (said["verdict"], said["generation"], said["asked"]) == ("wrong", small.generation, DEPTH)
    assert said["when"][:4].isdecimal()


def test_a_follow_up_is_kept_as_it_was_searched(small: Chat) -> None:
    """A question that stood for a whole one is kept whole, so that it can be asked alone; how it was asked is said."""
    answer = small.ask("那呢？", searched_as="泡白毫银针要用多热的水？")
    record = judged(answer, "right")
    assert (record["question"], record["feedback"]["asked"]) == ("泡白毫银针要用多热的水？", "那呢？")


def test_words_are_found_however_their_white_space_is(small: Chat) -> None:
    """Words stand in each passage that has them, and come back as they stand there; none stand nowhere."""
    standing, (passage,) = holding(" 1,200   metres.\nIt comes ", small.index.passages)
    assert (standing, passage.document_id) == ("1,200 metres. It comes", "turtles.en.md")
    assert holding("1,300 metres", small.index.passages) == ("", [])
    assert holding(" \n", small.index.passages) == ("", [])


def test_lines_of_many_writers_stay_whole(tmp_path: Path, small: Chat) -> None:
    """Whoever else writes at the same time, every line is there and reads back."""
    path = tmp_path / "new folder" / "feedback.jsonl"
    record = judged(small.ask(DEPTH), "right")
    writers = [
        threading.Thread(target=lambda name=name: [append(path, {**record, "id": f"{name} {n}"}) for n in range(20)])
        for name in "abcd"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {each["id"] for each in lines(path)} == {f"{name} {number}" for name in "abcd" for number in range(20)}


def test_half_a_line_spoils_no_other(tmp_path: Path, small: Chat) -> None:
    """After a writer that was cut off the next line stands on its own."""
    path, record = tmp_path / "feedback.jsonl", judged(small.ask(DEPTH), "right")
    path.write_text('{"id": "cut o', encoding="utf-8")
    append(path, record)
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[1]) == record


def test_a_file_that_is_full_or_no_file_is_said(tmp_path: Path, small: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its limit nothing is added, and a folder in its place is an error that names it."""
    record = judged(small.ask(DEPTH), "right")
    path = tmp_path / "feedback.jsonl"
    append(path, record)
    before = path.read_bytes()
    monkeypatch.setattr(feedback, "LARGEST_FILE", 2 * len(before) - 1)
    with pytest.raises(FeedbackError, match="full"):
        append(path, record)
    assert path.read_bytes() == before
    with pytest.raises(FeedbackError, match=tmp_path.name):
        append(tmp_path, record)


def test_checked_lines_join_the_questions_once(tmp_path: Path, small: Chat) -> None:
    """A checked line moves to the question file, as that has them; one it holds, or that comes twice, is dropped."""
    path, questions = tmp_path / "feedback.jsonl", tmp_path / "questions.jsonl"
    kept = {"id": "a", "question": "How many?", "language": "en", "type": "number", "documents": [], "answers": []}
    questions.write_text(json.dumps(kept), encoding="utf-8")  # no line end at its end
    (passage,) = (each for each in small.index.passages if "85 minutes" in each.text)
    for record in (judged(small.ask(DEPTH), "right"), corrected(small.ask(DEPTH), [passage], "a depth of 1,200 metres"),
                   corrected(small.ask(WEATHER), []), judged(small.ask(DEPTH), "right")):  # fmt: skip
        append(path, record)
    check(path)
    first, second, third, _ = (record["id"] for record in lines(path))
    promotion = promote(path, questions, small)
    assert (promotion.promoted, promotion.dropped, promotion.left) == ((first, second, third), (first,), ())
    joined = read_questions(questions)
    assert [each.id for each in joined] == ["a", first, second, third]
    assert (joined[2].documents, joined[2].answers, joined[3].answerable) == (
        ("turtles.en.md",),
        ("a depth of 1,200 metres",),
        False,
    )
    assert "feedback" not in questions.read_text(encoding="utf-8").replace("feedback-", "")
    assert path.read_text(encoding="utf-8") == ""
    append(path, judged(small.ask(DEPTH), "right"))
    assert promote(path, questions, small).dropped == (first,)


def test_what_is_not_ready_stays_with_its_reason(tmp_path: Path, small: Chat) -> None:
    """A line that nobody has checked, or of which nobody said what is right, stays; so does one of a whole passage."""
    path, questions = tmp_path / "feedback.jsonl", tmp_path / "questions.jsonl"
    passage = small.index.passages[0]
    long = corrected(small.ask(DEPTH), [passage], "x" * 301)
    for record in (judged(small.ask(DEPTH), "right"), judged(small.ask(DEPTH), "wrong"), {**long, "checked": True}):
        append(path, record)
    before = path.read_bytes()
    reasons = [reason for _, reason in promote(path, questions, small).left]
    for reason, words in zip(reasons, ("not checked", "nobody said", "whole passage"), strict=True):
        assert words in reason
    assert path.read_bytes() == before
    assert not questions.exists()


@pytest.mark.parametrize(
    ("edit", "reason"),
    [("It comes up for air.", "does not stand in turtles.en.md any more"), (None, "no article of the index any more")],
    ids=["edited", "removed"],
)
def test_an_answer_must_still_stand(
    edit: str | None, reason: str, tmp_path: Path, small_corpus: Path, small: Chat
) -> None:
    """A case whose article was edited or removed since is not promoted, and says why."""
    path, questions = tmp_path / "feedback.jsonl", tmp_path / "questions.jsonl"
    append(path, judged(small.ask(DEPTH), "right"))
    check(path)
    if edit is None:
        (small_corpus / "turtles.en.md").unlink()
    else:
        write_articles(small_corpus, {"turtles.en.md": edit})
    generations.build(small_corpus, tmp_path / "small index", IndexSettings())
    ((_, said),) = promote(path, questions, Chat.open(tmp_path / "small index")).left
    assert reason in said


@pytest.mark.parametrize("line", ["{", "1", "[]", '{"id": "a"}', '{"id": "a", "question": "x", "language": 1}'])
def test_a_line_that_is_no_question_is_named(line: str, tmp_path: Path, small: Chat) -> None:
    """A damaged file is said with its line, and neither file is touched."""
    path, questions = tmp_path / "feedback.jsonl", tmp_path / "questions.jsonl"
    path.write_text(f"{json.dumps(judged(small.ask(DEPTH), 'right'))}\n{line}\n", encoding="utf-8")
    with pytest.raises(QuestionError, match="question 2"):
        promote(path, questions, small)
    assert not questions.exists()


def test_the_command_promotes(tmp_path: Path, small: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    """`qa eval --promote FILE` says what became of each line; without the file it is an error in one line."""
    path, questions, root = tmp_path / "feedback.jsonl", tmp_path / "questions.jsonl", str(tmp_path / "small index")
    append(path, judged(small.ask(DEPTH), "right"))
    check(path)
    command = ["eval", "--promote", str(path), "--questions", str(questions), "--index", root]
    assert main(command) == 0
    assert f"1 promoted to {questions}, 0 dropped, 0 left." in capsys.readouterr().out
    assert [each.question for each in read_questions(questions)] == [DEPTH]
    path.unlink()
    assert main(command) == 2
    assert capsys.readouterr().err.count("\n") == 1
