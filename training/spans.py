"""Fits which words of a sentence answer a question: `python -m training.spans --data DIR`.

Asked are the hand-written questions of `questions.jsonl` and `spans.jsonl` and the human Chinese ones of the data, in
one index of their passages; the sentences that come first are cut into candidates, and the network learns to give its
probability to those that share the most words with the answer. A fifth of the passages is left out for the report; what
ships is fitted on all, as the mean of several networks laid side by side in one.
"""

import argparse
import json
import random
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional
from tqdm import tqdm, trange

from qa import index, metrics
from qa.config import IndexSettings, SearchSettings
from qa.datatypes import Document
from qa.evidence import rank_sentences
from qa.retriever import Retriever
from qa.spans import (
    FAR,
    SCALE,
    SENTENCES,
    Candidates,
    SpanModel,
    best_span,
    candidates,
    chosen,
    padded_places,
    probabilities,
)
from qa.text import Language, dominant_language
from training.sources import FITTED_ON, rows

OUTPUT = Path(__file__).parents[1] / "qa" / "spans.safetensors"
QUESTIONS = tuple(Path(__file__).with_name(name) for name in ("questions.jsonl", "spans.jsonl"))
WHOLE = IndexSettings(passage_bytes=100_000)  # every paragraph one passage
REPORTED = 5  # of so many parts of the passages one is left out for the report
MOST_WRONG, MOST_RIGHT = 250, 80  # candidates of a question that are learned from
NETWORKS = 2
SIZES = {"edge": 16, "asked": 16, "context": 24, "channels": 48, "hidden": 64}
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, DROPOUT, SHARPNESS = 5, 16, 2e-3, 1e-3, 0.2, 2.0

LEAST_RIGHT = 0.3  # of the best candidate, or its sentences do not hold the answer

Features = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Example:
    """One question's candidates with the share of words each has in common with the answer, in [0, 1]."""

    document: str
    source: str
    language: Language
    sentences: tuple[str, ...]
    answer: str
    found: Candidates
    right: Features


def asked_questions(data: Path, files: Iterable[Path]) -> list[dict[str, Any]]:
    """Every question with its passage by file and row, and its answer's text."""
    found: list[dict[str, Any]] = []
    texts = {path.name.removesuffix(".jsonl.gz"): path for path in (data / "question_passage").glob("*.jsonl.gz")}
    read: dict[str, list[dict[str, Any]]] = {}

    def passage(record: Mapping[str, Any]) -> str:
        name = record["file"]
        if name not in read:
            read[name] = list(rows(texts[name]))
        text: str = read[name][record["row"]]["p"]
        return text

    for file in files:
        for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            if "answer" in record:
                start, end = record["answer"]
                found.append({**record, "text": passage(record)[start:end], "source": file.stem})
    for name in FITTED_ON:
        for number, row in enumerate(rows(texts[name])):
            if row["a"] and row["a"][0] in row["p"]:
                record = {"file": name, "row": number, "question": row["q"], "text": row["a"][0], "source": name}
                found.append(record)
    return [{**record, "passage": passage(record)} for record in found]


def examples(asked: Sequence[Mapping[str, Any]], folder: Path, seed: int) -> Iterator[Example]:
    """The candidates of every question, asked of an index of all their passages, which is written into `folder`.

    Of passages that are not held out only the candidates that are learned from.
    """
    generator = random.Random(seed)
    documents = {record["passage"]: f"{record['file']}-{record['row']:06d}" for record in reversed(asked)}
    articles = [Document(name, "", text, name, dominant_language(text)) for text, name in documents.items()]
    index.build(folder, articles, WHOLE, corpus=folder, created="")
    retriever = Retriever(index.load(folder), SearchSettings())
    for record in tqdm(asked, desc="finding", disable=None):
        query, hits = retriever.search(record["question"])
        ranked = rank_sentences(retriever, query, hits)[:SENTENCES]
        sentences = tuple(sentence.text for sentence in ranked)
        found = candidates(retriever.index.aligner, query, sentences, [sentence.score for sentence in ranked])
        if not len(found.spans):
            continue
        right = shares_in_common(found, sentences, record["text"])
        document = documents[record["passage"]]
        if not held_out(document):
            kept = learned_from(right, generator)
            found, right = chosen(found, kept), right[kept]
        yield Example(
            document, record["source"], dominant_language(record["passage"]), sentences, record["text"], found, right
        )


def held_out(document: str) -> bool:
    """Whether a passage is left out for the report."""
    return zlib.crc32(document.encode()) % REPORTED == 0


def learned_from(right: Features, generator: random.Random) -> Rows:
    """The candidates a question is learned by: the best, some others that share a word, and some wrong ones."""
    sharing = sorted(np.flatnonzero(right > 0).tolist(), key=lambda row: -right[row])
    wrong = np.flatnonzero(right == 0).tolist()
    best, others = sharing[: MOST_RIGHT // 2], sharing[MOST_RIGHT // 2 :]
    kept = {*best, *generator.sample(others, min(MOST_RIGHT // 2, len(others)))}
    kept.update(generator.sample(wrong, min(MOST_WRONG, len(wrong))))
    return np.array(sorted(kept), dtype=np.int64)


def shares_in_common(found: Candidates, sentences: Sequence[str], answer: str) -> Features:
    """F1, by words, of each candidate with the answer where its text stands in the candidate's sentence."""
    right = np.zeros(len(found.spans), dtype=np.float32)
    firsts = np.concatenate([[0], np.cumsum(found.lengths)])
    for number, text in enumerate(sentences):
        mine = found.sentence == number
        spans, runs = found.spans[mine], found.runs[mine] - firsts[number]
        single = runs[:, 1] - runs[:, 0] == 1
        words = spans[single][np.argsort(runs[single, 0])]  # every word is a candidate
        for match in re.finditer(re.escape(answer.strip(" 。，.,;；")), text):
            start = int(np.searchsorted(words[:, 1], match.start(), side="right"))
            end = int(np.searchsorted(words[:, 0], match.end(), side="left"))
            common = np.minimum(runs[:, 1], end) - np.maximum(runs[:, 0], start)
            score = 2.0 * np.maximum(common, 0) / (runs[:, 1] - runs[:, 0] + max(end - start, 1))
            right[mine] = np.maximum(right[mine], score)
    return right


class Network(nn.Module):
    """The network of `qa.spans.SpanModel`, to be trained; its parameters have the names of that record's fields."""

    def __init__(self, directions: Features, features: int, words: int) -> None:
        super().__init__()
        channels, hidden, asked = SIZES["channels"], SIZES["hidden"], 3 * SIZES["asked"]
        for name in ("edge", "asked", "context"):
            setattr(self, name, nn.Parameter(torch.tensor(directions[:, : SIZES[name]].copy())))
        self.first = nn.Conv1d(2 * SIZES["context"] + words, channels, 5, padding=2)
        self.second = nn.Conv1d(channels, channels, 5, padding=4, dilation=2)
        self.question = nn.Linear(asked, channels)
        self.hidden = nn.Linear(features + 4 * SIZES["edge"] + asked + 3 * channels, hidden)
        self.output = nn.Linear(hidden, 1, bias=False)
        self.direct = nn.Linear(features, 1, bias=False)
        nn.init.zeros_(self.direct.weight)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, given: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A score for each candidate."""
        asked = (SCALE * given["asked"] @ self.asked).reshape(1, -1)
        inputs = [SCALE * given["vectors"] @ self.context, SCALE * given["likes"] @ self.context, given["words"]]
        read = torch.cat(inputs, dim=1)
        places = given["places"]
        padded = read.new_zeros(int(places[-1]) + 1, read.shape[1]).index_copy(0, places, read)
        once = torch.relu(self.first(self.dropout(padded).T[None]) + self.question(asked).T[None])
        channels = torch.relu(self.second(self.dropout(once)))[0].T[places]
        sums = torch.cat([channels.new_zeros(1, channels.shape[1]), channels.cumsum(0)])
        starts, ends = given["runs"].T
        edges = torch.cat([SCALE * given["vectors"] @ self.edge, read.new_zeros(1, SIZES["edge"])])
        parts = [
            given["features"],
            edges[given["around"]].flatten(1),
            asked.expand(len(starts), -1),
            channels[starts],
            channels[ends - 1],
            (sums[ends] - sums[starts]) / (ends - starts)[:, None],
        ]
        hidden = torch.tanh(self.hidden(self.dropout(torch.cat(parts, dim=1))))
        scores: torch.Tensor = (self.output(self.dropout(hidden)) + self.direct(given["features"]))[:, 0]
        return scores


@dataclass(frozen=True, slots=True)
class Scales:
    """How features are scaled, and the directions of largest variance of the words' vectors."""

    mean: Features
    deviation: Features
    word_mean: Features
    word_deviation: Features
    directions: Features

    @classmethod
    def of(cls, learned: Sequence[Example]) -> "Scales":
        """Of some examples."""
        features = np.concatenate([each.found.features for each in learned[::5]])
        words = np.concatenate([each.found.words for each in learned[::5]])
        vectors = np.concatenate([each.found.vectors for each in learned[::20]])
        directions = np.linalg.svd(vectors, full_matrices=False)[2].T
        deviations = (table.std(axis=0) + 1e-2 for table in (features, words))
        return cls(features.mean(axis=0), next(deviations), words.mean(axis=0), next(deviations), directions)


def tensors(each: Example, scales: Scales) -> dict[str, torch.Tensor]:
    """What the network reads of an example."""
    found = each.found
    arrays = {
        "features": np.clip((found.features - scales.mean) / scales.deviation, -FAR, FAR),
        "words": np.clip((found.words - scales.word_mean) / scales.word_deviation, -FAR, FAR),
        "vectors": found.vectors,
        "likes": found.likes,
        "asked": found.asked,
        "around": found.around,
        "runs": found.runs,
        "places": padded_places(found.lengths),
        "right": each.right,
    }
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def fit(learned: Sequence[Example], scales: Scales, seed: int, epochs: int = EPOCHS) -> Network:
    """One network. The loss is the negative logarithm of the expected F1 (to the power of `SHARPNESS`)."""
    torch.manual_seed(seed)
    generator = random.Random(seed)
    network = Network(scales.directions, len(scales.mean), len(scales.word_mean))
    given = [tensors(each, scales) for each in learned if each.right.max(initial=0) > LEAST_RIGHT]
    steps = epochs * (len(given) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, max(steps, 2))
    batches = (batch for _ in range(epochs) for batch in _batches(given, generator))
    for batch, _ in zip(batches, trange(steps, desc="fitting", disable=None), strict=True):
        loss = torch.zeros(())
        for each in batch:
            likely = functional.log_softmax(network(each), dim=0)
            loss = loss - torch.logsumexp(likely + SHARPNESS * torch.log(each["right"] + 1e-6), dim=0)
        optimiser.zero_grad()
        (loss / BATCH).backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def _batches(given: list[dict[str, torch.Tensor]], generator: random.Random) -> Iterator[list[dict[str, torch.Tensor]]]:
    generator.shuffle(given)
    return (given[start : start + BATCH] for start in range(0, len(given) - BATCH + 1, BATCH))


def model_of(network: Network, scales: Scales) -> SpanModel:
    """The network as it is asked."""
    state = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return SpanModel(
        mean=scales.mean,
        deviation=scales.deviation,
        word_mean=scales.word_mean,
        word_deviation=scales.word_deviation,
        edge=state["edge"],
        asked=state["asked"],
        context=state["context"],
        first=state["first.weight"].transpose(2, 1, 0),
        first_bias=state["first.bias"],
        second=state["second.weight"].transpose(2, 1, 0),
        second_bias=state["second.bias"],
        question=state["question.weight"].T,
        question_bias=state["question.bias"],
        hidden=state["hidden.weight"].T,
        hidden_bias=state["hidden.bias"],
        output=state["output.weight"][0],
        direct=state["direct.weight"][0],
    )


def report(models: Sequence[SpanModel], asked: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Exact match and F1 by the published definitions, by source, on questions left out of the fit."""
    scores: dict[str, list[tuple[float, float]]] = {}
    for each in asked:
        best = best_span(each.found, probabilities(models, each.found))
        given = each.sentences[best.sentence][best.start : best.end] if best else ""
        key = f"{each.source}, {each.language}"
        scores.setdefault(key, []).append(metrics.short_answer_scores(given, [each.answer], each.language))
    return {
        name: {
            "questions": len(found),
            "exact match": round(float(np.mean([exact for exact, _ in found])), 4),
            "F1": round(float(np.mean([shared for _, shared in found])), 4),
        }
        for name, found in sorted(scores.items())
    }


def save(models: Sequence[SpanModel], file: Path) -> None:
    """Writes the models' arrays, stacked along a new first axis, as half-precision numbers."""
    arrays = {
        each.name: np.ascontiguousarray(np.stack([getattr(model, each.name) for model in models]).astype(np.float16))
        for each in fields(SpanModel)
    }
    save_file(arrays, file)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.spans", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds question_passage/")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        gathered = list(examples(asked_questions(options.data, QUESTIONS), Path(folder), seed=0))
    others = [each for each in gathered if not held_out(each.document)]
    scales = Scales.of(others)
    figures = report(
        [model_of(fit(others, scales, seed=1), scales)], [each for each in gathered if held_out(each.document)]
    )
    scales = Scales.of(gathered)
    save([model_of(fit(gathered, scales, seed), scales) for seed in range(1, NETWORKS + 1)], options.output)
    options.output.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
