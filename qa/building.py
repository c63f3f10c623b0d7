"""A build beside a server that goes on: one at a time, seen by all, stopped by anyone; and what it did to the answers.

A build that is stopped, or fails, leaves the live generation as it is.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qa import generations, impact, index
from qa.config import IndexSettings
from qa.errors import BuildCancelledError, WenjuError
from qa.generations import BuildSummary
from qa.messages import Message
from qa.plan import Progress
from qa.receipts import Articles

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did to the passages, and to the answers where there were questions and an index before."""

    summary: BuildSummary
    impact: impact.Impact | None


@dataclass(frozen=True, slots=True)
class Step:
    """How far a running build is: its stage as `generations.build` calls it, or "before" and "after" of asking."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class BuildState:
    """What there is to say of builds.

    Attributes:
        number: of builds begun; 0 before the first.
        step: of the one that runs; None where none does.
        stopping: whether that one is to stop.
        ended: how the last one that ended did.
    """

    number: int = 0
    step: Step | None = None
    stopping: bool = False
    ended: Built | WenjuError | None = None


def build_with_impact(
    corpus: Path,
    root: Path,
    settings: IndexSettings,
    questions: impact.Questions,
    progress: Progress,
    *,
    strict: bool = False,
    wait_seconds: float = 0.0,
    waiting: Callable[[str], None] = lambda line: None,
) -> Built:
    """Builds, and puts the same questions to the index before and after.

    Takes and raises what `generations.build` does; QuestionError too, naming a question that cannot be asked.
    """
    try:
        before = index.load(generations.live_folder(root))
    except WenjuError:  # there is none that can be asked
        before = None
    asked = impact.ask(before, questions, "before", progress) if before else None
    summary = generations.build(
        corpus, root, settings, progress, strict=strict, wait_seconds=wait_seconds, waiting=waiting
    )
    if not asked:
        return Built(summary, None)
    again = impact.ask(index.load(root / summary.generation), questions, "after", progress)
    return Built(summary, impact.impact(asked, again, Articles(corpus)))


class Builder:
    """Builds an index in a thread of its own; many threads may look and call."""

    def __init__(self, corpus: Path, root: Path, settings: IndexSettings, questions: Path | None = None) -> None:
        """Takes what `generations.build` does, and a file of questions whose answers are compared after each build."""
        self._corpus, self._root, self._settings, self._questions = corpus, root, settings, questions
        self._changing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread()
        self._state = BuildState()

    @property
    def state(self) -> BuildState:
        """How the running build, or the last one, does."""
        return self._state

    def start(self) -> bool:
        """Begins a build; whether it did: where one runs, that one goes on."""
        with self._changing:
            if self._state.step:
                return False
            self._stop.clear()
            self._state = BuildState(self._state.number + 1, Step("articles", 0, 0))
            # A server that stops does not wait for it: what is not live yet goes with the next build.
            self._thread = threading.Thread(target=self._run, name="build", daemon=True)
            self._thread.start()
        return True

    def cancel(self) -> None:
        """Stops the running build at its next step; one that is live by then stays so."""
        with self._changing:
            if self._state.step:
                self._stop.set()
                self._state = BuildState(self._state.number, self._state.step, stopping=True)

    def wait(self, seconds: float | None = None) -> None:
        """Waits for the running build to end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        ended: Built | WenjuError
        try:
            ended = self._built()
        except WenjuError as error:
            ended = error
        except Exception as error:  # a build must not seem to run for ever
            _log.exception("The build failed.")
            ended = WenjuError(Message("build_failed", {"name": type(error).__name__, "said": str(error)}))
        with self._changing:
            self._state = BuildState(self._state.number, ended=ended)

    def _built(self) -> Built:
        if self._questions is None:
            return Built(generations.build(self._corpus, self._root, self._settings, self._show), None)
        questions = impact.read(self._questions)
        return build_with_impact(self._corpus, self._root, self._settings, questions, self._show)

    def _show(self, stage: str, done: int, total: int) -> None:
        with self._changing:
            self._state = BuildState(self._state.number, Step(stage, done, total), self._stop.is_set())
        if self._stop.is_set() and stage != "after":  # by then the new generation is live
            raise BuildCancelledError(Message("build_stopped"), self._root)
