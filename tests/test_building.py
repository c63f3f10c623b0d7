import threading
from pathlib import Path

import pytest

from qa import generations, index
from qa.building import Builder, Built
from qa.chat import LiveChat
from qa.config import IndexSettings
from qa.errors import BuildCancelledError, IndexBusyError, QuestionError
from qa.lock import write_lock

SETTINGS = IndexSettings()


class Held(Builder):
    """A builder that waits at its first step of a stage until it is let go."""

    def __init__(self, *arguments: object, stage: str) -> None:
        super().__init__(*arguments)
        self.reached, self.go = threading.Event(), threading.Event()
        self._stage = stage

    def _show(self, stage: str, done: int, total: int) -> None:
        if stage == self._stage:
            self.reached.set()
            assert self.go.wait(60)
        super()._show(stage, done, total)


@pytest.fixture
def edited(small_corpus: Path, small_index: Path) -> Path:
    """The short articles, one of them edited since they were indexed."""
    assert small_index.is_dir()
    path = small_corpus / "clocks.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("Salisbury", "Wells"), encoding="utf-8")
    return small_corpus


def folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_a_build_goes_live_and_tells_what_it_did(edited: Path, small_index: Path, tmp_path: Path) -> None:
    """Afterwards the new generation answers, the changed passage is counted, and the answer that moved is named."""
    questions = tmp_path / "questions.txt"
    questions.write_text("Where does the oldest working clock stand?\n城北图书馆每周几闭馆？\n", encoding="utf-8")
    live, builder = LiveChat(small_index), Builder(edited, small_index, SETTINGS, questions)
    before = live.current().generation
    assert builder.state.number == 0
    assert builder.start()
    builder.wait()
    state = builder.state
    assert (state.number, state.step) == (1, None)
    assert isinstance(state.ended, Built)
    assert state.ended.summary.generation == live.current().generation != before
    assert (state.ended.summary.changes.added, state.ended.summary.changes.changed) == (0, 1)
    assert state.ended.impact
    assert state.ended.impact.asked == 2
    assert [moved.question.id for moved in state.ended.impact.moved] == ["1"]


def test_one_build_runs_at_a_time(edited: Path, small_index: Path) -> None:
    """A second start while one runs begins nothing, and the first is what is seen."""
    builder = Held(edited, small_index, SETTINGS, stage="passages")
    assert builder.start()
    assert builder.reached.wait(60)
    assert not builder.start()
    assert builder.state.number == 1
    assert builder.state.step
    builder.go.set()
    builder.wait()
    assert isinstance(builder.state.ended, Built)


@pytest.mark.parametrize("stage", ["articles", "passages", "check"])
def test_a_stopped_build_changes_nothing(stage: str, edited: Path, small_index: Path) -> None:
    """Stopped at any stage, the generation that was live still is, whole, nothing is left over, and the next works."""
    before = folders(small_index)
    builder = Held(edited, small_index, SETTINGS, stage=stage)
    builder.start()
    assert builder.reached.wait(60)
    builder.cancel()
    assert builder.state.stopping
    builder.go.set()
    builder.wait()
    assert isinstance(builder.state.ended, BuildCancelledError)
    assert folders(small_index) == before
    index.check(generations.live_folder(small_index))
    builder.start()
    builder.wait()
    assert isinstance(builder.state.ended, Built)


def test_stopping_where_nothing_runs_stops_nothing(edited: Path, small_index: Path) -> None:
    """A stop that comes before a build, or after one, is not kept for the next."""
    builder = Builder(edited, small_index, SETTINGS)
    builder.cancel()
    builder.start()
    builder.wait()
    builder.cancel()
    assert isinstance(builder.state.ended, Built)
    assert not builder.state.stopping


def test_a_failed_build_says_why(edited: Path, small_index: Path, tmp_path: Path) -> None:
    """Where another process writes the index, or the questions cannot be read, that is how it ended."""
    builder = Builder(edited, small_index, SETTINGS)
    with write_lock(small_index):
        builder.start()
        builder.wait()
    assert isinstance(builder.state.ended, IndexBusyError)
    builder = Builder(edited, small_index, SETTINGS, tmp_path / "missing.jsonl")
    builder.start()
    builder.wait()
    assert isinstance(builder.state.ended, QuestionError)
