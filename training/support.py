"""Fits how nearly a written sentence must meet what it cites: `python -m training.support --data DIR`.

True sentences are translations (a sentence of parallel text, against a window of its text in the other language),
retellings (one translation against a window of another) and human questions with their answers (the words of a
statement), each against the passage that holds it. False ones are the same sentences against the passage beside it,
and the true ones with a number or a name exchanged for that of another sentence. Fitted are, for each pair of
languages, two floors: each is the one at which the share of true sentences kept and of false ones caught add up to the
most, of those that keep nine of ten. The report counts the whole check, numbers included, on every second document;
the floors come from the others.
"""

import argparse
import json
import random
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from qa import index
from qa.claims import names, numbers_claimed
from qa.datatypes import Document
from qa.index import SearchIndex
from qa.support import Meeting, meet, why_unsupported
from qa.text import dominant_language
from training.calibration import PARALLEL, QUESTIONS, WHOLE, WINDOW
from training.sources import Pair, parallel, rows

OUTPUT = Path(__file__).parents[1] / "qa" / "support.json"
RETOLD = ("ntrex.en-zh-CN", "ntrex.en-zh-TW")  # two translations of the same English
PAIRS = ("zh to zh", "en to en", "zh to en", "en to zh")
KEPT = 0.9  # of the true sentences, at the least, by each floor

Kind = Literal["true", "neighbour", "number", "name"]


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence, the document it cites, and whether that says so; `kind` tells in what way it does not."""

    sentence: str
    document: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Met:
    """An example with what its passage meets of it."""

    example: Example
    meeting: Meeting

    @property
    def name(self) -> float:
        """How nearly its worst met name is met; 1 where it has none."""
        return min((likeness for _, likeness in self.meeting.names), default=1.0)

    @property
    def fitting(self) -> bool:
        """Whether it fits the floors; the others are counted."""
        return zlib.crc32(self.example.document.encode()) % 2 == 0


def windows(identity: str, run: Sequence[Pair], side: int) -> list[Document]:
    """One language of a run of parallel text, in windows."""
    return [
        Document(
            f"{identity}-{start:02d}-{side}",
            "",
            "\n".join(pair[side] for pair in run[start : start + WINDOW]),
            "",
            ("en", "zh")[side],
        )
        for start in range(0, len(run), WINDOW)
    ]


def translated(data: Path, generator: random.Random) -> Iterator[tuple[list[Document], list[Example]]]:
    """For each run of parallel text its windows in both languages, and a sentence of each window to try on them.

    A sentence of a text that has been translated twice is also tried on the other translation.
    """
    retold = {row["s1"]: row["s2"] for row in rows(data / "parallel" / f"{RETOLD[1]}.jsonl.gz")}
    for name, tokenised in PARALLEL.items():
        for number, run in enumerate(parallel(data, name, tokenised=tokenised)):
            sides = [windows(f"{name}-{number:05d}", run, side) for side in (0, 1)]
            examples: list[Example] = []
            for place in range(len(sides[0])):
                english, chinese = generator.choice(run[place * WINDOW : (place + 1) * WINDOW])
                tried = [(english, sides[1]), (chinese, sides[0])]
                if name == RETOLD[0] and retold.get(english, chinese) != chinese:
                    tried.append((retold[english], sides[1]))
                for sentence, documents in tried:
                    examples.extend(_both_ways(sentence, documents, place))
            yield [*sides[0], *sides[1]], examples


def _both_ways(sentence: str, documents: Sequence[Document], place: int) -> Iterator[Example]:
    """The sentence cited to the document at that place, and to the one beside it."""
    yield Example(sentence, documents[place].id, "true")
    if len(documents) > 1:
        beside = place + 1 if place + 1 < len(documents) else place - 1
        yield Example(sentence, documents[beside].id, "neighbour")


def questions(data: Path, path: Path) -> Iterator[tuple[list[Document], list[Example]]]:
    """For each passage asked about, it and the one beside it in its source, and its questions with their answers.

    An answer in another language than the question is left out.
    """
    asked: dict[str, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(encoding="utf-8") as lines:
        for question in map(json.loads, lines):
            if "answer" in question:
                asked[question["file"]][question["row"]].append(question)
    for name, by_row in asked.items():
        read = list(rows(data / "question_passage" / f"{name}.jsonl.gz"))
        for row, found in by_row.items():
            text = read[row]["p"]
            others = (other["p"] for other in [*read[row + 1 :], *read[:row]] if other["p"] != text)
            documents = [
                Document(f"{name}-{row:06d}-{place}", "", passage, "", dominant_language(passage))
                for place, passage in enumerate((text, next(others)))
            ]
            stated = [_statement(question, documents[0]) for question in found]
            yield documents, [example for sentence in stated for example in _both_ways(sentence, documents, 0)]


def _statement(question: Mapping[str, Any], document: Document) -> str:
    asked = question["question"].rstrip("?？")
    answer = document.text[slice(*question["answer"])]
    return f"{asked}: {answer}" if question["language"] == document.language else asked


def exchanged(examples: Sequence[Example], generator: random.Random) -> list[Example]:
    """The true examples with one number in digits, and with one name, exchanged for one of another example."""
    true = [example for example in examples if example.kind == "true"]
    by_language = defaultdict(list)
    for example in true:
        by_language[dominant_language(example.sentence)].append(example.sentence)
    found: list[Example] = []
    for sentences in by_language.values():
        mine = set(sentences)
        numbers = [number for sentence in sentences for number in _digits(sentence)]
        called = [sentence[start:end] for sentence in sentences for start, end in names(sentence)]
        for example in (example for example in true if example.sentence in mine):
            sentence = example.sentence
            own = _digits(sentence)
            if own and (others := [number for number in numbers if number not in own]):
                changed = sentence.replace(generator.choice(own), generator.choice(others), 1)
                found.append(Example(changed, example.document, "number"))
            spans = names(sentence)
            if spans and (others := [name for name in called if name not in sentence]):
                start, end = generator.choice(spans)
                changed = sentence[:start] + generator.choice(others) + sentence[end:]
                found.append(Example(changed, example.document, "name"))
    return found


def _digits(sentence: str) -> list[str]:
    return [wording for wording in numbers_claimed(sentence).values() if wording.isdigit() and wording in sentence]


def met(loaded: SearchIndex, examples: Sequence[Example]) -> list[Met]:
    """Every example with what the passage it cites meets of it."""
    row_of = {passage.document_id: passage.id for passage in loaded.passages}
    return [
        Met(example, meet(loaded, example.sentence, [row_of[example.document]]))
        for example in tqdm(examples, desc="meeting", disable=None)
    ]


def floor(true: Sequence[float], false: Sequence[float]) -> float:
    """The highest value at which true ones kept (not below it) and false ones caught add up to the most.

    Of the values that keep `KEPT` of the true ones.
    """
    kept, caught = np.sort(true), np.sort(false)
    values = np.arange(0.0, float(np.quantile(kept, 1.0 - KEPT)), 0.005)
    sums = [
        1.0 - np.searchsorted(kept, value) / len(kept) + np.searchsorted(caught, value) / len(caught)
        for value in values
    ]
    return round(float(values[len(sums) - 1 - int(np.argmax(sums[::-1]))]), 3)


def fit(examples: Sequence[Met]) -> dict[str, dict[str, float]]:
    """The floors of each pair of languages."""
    floors: dict[str, dict[str, float]] = {}
    for pair in PAIRS:
        mine = [each for each in examples if each.meeting.pair == pair]
        by_kind = {kind: [each for each in mine if each.example.kind == kind] for kind in ("true", "neighbour", "name")}
        named = [each.name for each in by_kind["true"] if each.meeting.names]
        floors[pair] = {
            "alignment": floor(*([each.meeting.alignment for each in by_kind[kind]] for kind in ("true", "neighbour"))),
            "name": floor(named, [each.name for each in by_kind["name"]]),
        }
    return floors


def report(examples: Sequence[Met], floors: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """For each pair of languages the share of true sentences kept and of false ones caught, with how many there are."""
    figures: dict[str, dict[str, float]] = {}
    for pair in PAIRS:
        figures[pair] = {}
        for kind in ("true", "neighbour", "number", "name"):
            mine = [each for each in examples if each.meeting.pair == pair and each.example.kind == kind]
            caught = sum(bool(why_unsupported(each.meeting, "en", floors)) for each in mine)
            share = caught / len(mine) if mine else 0.0
            named = "true kept" if kind == "true" else f"{kind} caught"
            figures[pair] |= {named: round(1.0 - share if kind == "true" else share, 3), f"{kind} sentences": len(mine)}
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.support", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds parallel/ and question_passage/")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="hand-written questions with their answers")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=20260325)
    options = parser.parse_args(arguments)
    generator = random.Random(options.seed)
    documents: list[Document] = []
    examples: list[Example] = []
    for found, tried in (*translated(options.data, generator), *questions(options.data, options.questions)):
        documents += found
        examples += tried
    examples += exchanged(examples, generator)
    with tempfile.TemporaryDirectory() as folder:
        index.build(Path(folder), documents, WHOLE, corpus=Path(folder), created="")
        gathered = met(index.load(Path(folder)), examples)
    floors = fit([each for each in gathered if each.fitting])
    figures = report([each for each in gathered if not each.fitting], floors)
    written = json.dumps({"floors": floors, "report": figures}, indent=1)
    options.output.write_text(written + "\n", encoding="utf-8", newline="\n")
    print(written)


if __name__ == "__main__":
    main()
