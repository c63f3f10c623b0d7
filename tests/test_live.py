"""A server that goes on answering while the index is built and switched."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import write_articles

from qa import generations
from qa.chat import Chat, LiveChat
from qa.config import AnswerSettings, IndexSettings, Settings
from qa.datatypes import Answer
from qa.errors import IndexMissingError
from qa.manifest import MANIFEST

ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0, citation_share=0.0))
QUESTION = "How many robots does the house of number one have?"
ASKERS, SWITCHES = 8, 20


def numbered(number: int) -> dict[str, str]:
    """Articles of which each tells of one number: their answers are of one generation or of several."""
    told = (f"# House {name}\n\nThe house of number {name} has {number} robots.\n" for name in ("one", "two", "three"))
    return {f"house {place}.md": text for place, text in enumerate(told)}


def numbers_told(answer: Answer) -> set[str]:
    """The numbers of robots in all passages found."""
    return {word for hit in answer.hits for word in hit.passage.text.split() if word.isdigit()}


def test_a_new_generation_is_taken_up_at_the_next_question(small_corpus: Path, small_index: Path) -> None:
    """Without a restart the next question is answered from a generation just built, or rolled back to."""
    live = LiveChat(small_index, ALWAYS)
    first = live.current()
    assert live.current() is first
    (small_corpus / "new.md").write_text("# Lifts\n\nThe new lift carries 21 people.\n", encoding="utf-8")
    built = generations.build(small_corpus, small_index, IndexSettings())
    answer = live.current().ask("How many people does the new lift carry?")
    assert "21 people" in answer.citations[0].quote
    assert answer.generation == live.current().generation == built.generation
    assert first.ask("How many people does the new lift carry?").generation == first.generation
    generations.rollback(small_index)
    assert live.current().generation == first.generation
    assert live.problem is None


def test_a_generation_that_cannot_be_loaded_leaves_the_old_one_answering(small_corpus: Path, small_index: Path) -> None:
    """A damaged pointer or generation changes no answer, is said, and is over once a whole one is live."""
    live = LiveChat(small_index, ALWAYS)
    first = live.current()
    pointer = small_index / generations.POINTER
    whole = pointer.read_bytes()
    pointer.write_bytes(b"{")
    assert live.current() is first
    assert generations.POINTER in str(live.problem)
    assert str(small_index.parent) not in live.problem.for_visitors("en")
    pointer.write_bytes(whole)
    assert live.current() is first
    assert live.problem is None
    built = generations.build(small_corpus, small_index, IndexSettings())
    (small_index / built.generation / "states.npy").write_bytes(b"damage")
    for _ in range(2):
        assert live.current() is first
        assert "states.npy" in str(live.problem)
        assert str(small_index.parent) not in live.problem.for_visitors("en")
    assert live.current().ask("How deep can a leatherback turtle dive?").citations
    again = generations.build(small_corpus, small_index, IndexSettings())
    assert live.current().generation == again.generation
    assert live.problem is None


def test_eight_askers_during_twenty_switches(tmp_path: Path) -> None:
    """While the index is built and switched twenty times, eight askers get no error, and each answer one generation."""
    root, settings = tmp_path / "index", IndexSettings()
    corpora = [write_articles(tmp_path / f"corpus {number}", numbered(number)) for number in range(SWITCHES + 1)]
    names = {generations.build(corpora[0], root, settings).generation: "0"}
    live, done, asked = LiveChat(root, ALWAYS), threading.Event(), threading.Barrier(ASKERS + 1)

    def ask() -> list[tuple[str, set[str]]]:
        answers: list[tuple[str, set[str]]] = []
        while not done.is_set() or not answers:
            answer = live.current().ask(QUESTION)
            answers.append((answer.generation, numbers_told(answer)))
            if len(answers) == 1:
                asked.wait()
        return answers

    with ThreadPoolExecutor(ASKERS) as threads:
        askers = [threads.submit(ask) for _ in range(ASKERS)]
        asked.wait()
        try:
            for number in range(1, SWITCHES + 1):
                names[generations.build(corpora[number], root, settings).generation] = str(number)
                time.sleep(0.05)
        finally:
            done.set()
        answers = [answer for asker in askers for answer in asker.result()]
    assert all(told == {names[generation]} for generation, told in answers)
    assert len({generation for generation, _ in answers}) > SWITCHES // 2
    assert names[live.current().generation] == str(SWITCHES)


def while_others_build(small_corpus: Path, small_index: Path, look: Callable[[], set[str]]) -> list[set[str]]:
    """What two threads see that look again and again while eight generations are built and pruned."""
    done = threading.Event()

    def look_again_and_again() -> set[str]:
        seen: set[str] = set()
        while not done.is_set():
            seen |= look()
        return seen

    with ThreadPoolExecutor(2) as threads:
        lookers = [threads.submit(look_again_and_again) for _ in range(2)]
        try:
            for _ in range(8):
                generations.build(small_corpus, small_index, IndexSettings())
                generations.prune(small_index, keep=1)
        finally:
            done.set()
        return [looker.result() for looker in lookers]


def test_opening_while_generations_come_and_go(small_corpus: Path, small_index: Path) -> None:
    """A chat opened at any moment while others build is one of a whole generation, never an error."""
    seen = while_others_build(small_corpus, small_index, lambda: {Chat.open(small_index).generation})
    assert all(len(each) > 1 for each in seen)


def test_listing_while_generations_come_and_go(small_corpus: Path, small_index: Path) -> None:
    """A list made at any moment while others build and prune names whole generations, and is never an error."""
    seen = while_others_build(
        small_corpus, small_index, lambda: {each.name for each in generations.listed(small_index)}
    )
    assert all(len(each) > 1 for each in seen)


def test_the_generation_before_has_the_number_before(small_corpus: Path, small_index: Path) -> None:
    """Generations are in the order of their numbers, however many digits these have."""
    first = generations.live_folder(small_index)
    renamed = first.rename(first.with_name(first.name.replace("000001", "999999")))
    (small_index / generations.POINTER).write_text(json.dumps({"generation": renamed.name}), encoding="utf-8")
    assert generations.build(small_corpus, small_index, IndexSettings()).generation.startswith("generation-1000000-")
    assert generations.rollback(small_index) == renamed.name


def test_generations_are_listed_switched_and_pruned(small_corpus: Path, small_index: Path) -> None:
    """Generations are named with their states; switching takes a name or number, pruning keeps the live one."""
    first = generations.live_folder(small_index).name
    second = generations.build(small_corpus, small_index, IndexSettings()).generation
    (small_index / "generation-000003-half").mkdir()
    assert [(each.name, each.state) for each in generations.listed(small_index)] == [
        (first, "kept"), (second, "live"), ("generation-000003-half", "unfinished"),
    ]  # fmt: skip
    assert generations.switch(small_index, "1") == generations.live_folder(small_index).name == first
    assert generations.switch(small_index, second) == second
    assert generations.rollback(small_index) == first
    with pytest.raises(IndexMissingError, match="older"):
        generations.rollback(small_index)
    with pytest.raises(IndexMissingError, match="qa index list"):
        generations.switch(small_index, "9")
    with pytest.raises(IndexMissingError):
        generations.switch(small_index, "3")
    assert generations.live_folder(small_index).name == first
    assert generations.prune(small_index) == ["generation-000003-half"]
    assert generations.prune(small_index, keep=1) == [second]
    assert [(each.name, each.state) for each in generations.listed(small_index)] == [(first, "live")]


def test_what_is_no_good_is_neither_switched_nor_rolled_back_to(small_corpus: Path, small_index: Path) -> None:
    """A damaged generation is listed as such, is refused by switch, and passed over by rollback."""
    first = generations.live_folder(small_index).name
    second = generations.build(small_corpus, small_index, IndexSettings()).generation
    (small_index / first / "states.npy").write_bytes(b"damage")
    assert [each.state for each in generations.listed(small_index)] == ["damaged", "live"]
    with pytest.raises(Exception, match=r"states\.npy"):
        generations.switch(small_index, "1")
    with pytest.raises(IndexMissingError, match="older"):
        generations.rollback(small_index)
    assert generations.live_folder(small_index).name == second
    (small_index / first / MANIFEST).write_bytes(b"{")
    assert generations.listed(small_index)[0].state == "damaged"
