"""Whether what a language model wrote stands in what it cites: sentence by sentence, against the passages' own words.

A sentence's numbers, dates and names must stand in the passages it cites (a name may be met by its sound or by words
alike, across languages), and its words must meet theirs by late interaction. How nearly is fitted, for each pair of
languages: `python -m training.support` writes the floors. Whether a passage means what a sentence makes of it (who
did what to whom, a “not”) is not seen.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qa.claims import names, numbers_claimed, numbers_held, stands
from qa.index import SearchIndex
from qa.passages import context
from qa.query import Query, encode
from qa.reading import Scores, read
from qa.text import Language, sentences

_FILE = Path(__file__).with_name("support.json")
_NUMBERS = r"[\[［【]\s*\d{1,4}(?:\s*[,，、;；]\s*\d{1,4})*\s*[\]］】]"
_MARKS = re.compile(_NUMBERS)
_MARKS_AFTER_STOP = re.compile(rf"(?P<stop>[.。!！?？…]+[\"'”’」』)）]*)(?P<marks>(?:\s*{_NUMBERS})+)")
_JOINED_NAMES = re.compile(r" |-| of | the | of the ")

_REASONS: dict[Language, dict[str, str]] = {
    "zh": {
        "uncited": "没有注明出处",
        "unknown": "所引的段落不存在",
        "missing": "所引的段落里没有“{}”",
        "unlike": "与所引的段落不合",
    },
    "en": {
        "uncited": "it cites nothing",
        "unknown": "it cites a passage that is not there",
        "missing": "“{}” is not in what it cites",
        "unlike": "what it cites does not say this",
    },
}


@cache
def fitted() -> Mapping[str, Any]:
    """`floors`, for each pair of languages the lowest `alignment` and `name` that pass, and the report of their fit."""
    loaded: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence without its `[n]`, and the numbers these held."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """What of a sentence some passages meet.

    Attributes:
        pair: the sentence's language and that of the passage which meets it best, as in `zh to en`.
        alignment: the share of the sentence's weight that meets a like word in any of the passages, at most 1.
        missing: the numbers and dates that stand in none of them, as the sentence words them.
        names: each name with how nearly it is met, 1 where it stands in so many words.
        nearest: for each passage its alignment alone, and the span in its text of the sentence that meets best.
    """

    pair: str
    alignment: float
    missing: tuple[str, ...]
    names: tuple[tuple[str, float], ...]
    nearest: tuple[tuple[float, tuple[int, int]], ...]


def marked_sentences(text: str) -> list[Marked]:
    """The sentences of a text with the numbers that each cites, also where `[n]` comes after the full stop."""
    moved = _MARKS_AFTER_STOP.sub(lambda match: f" {''.join(match['marks'].split())}{match['stop']}", text)
    found: list[Marked] = []
    for start, end in sentences(moved):
        written = moved[start:end]
        numbers = tuple(int(number) for marks in _MARKS.findall(written) for number in re.findall(r"\d+", marks))
        plain = re.sub(r"\s+(?=[.。!！?？…,，]|$)", "", _MARKS.sub("", written)).strip()
        if re.search(r"\w", plain):
            found.append(Marked(plain, numbers))
        elif found:  # marks on a line of their own belong to the sentence before
            found[-1] = Marked(found[-1].text, found[-1].numbers + numbers)
    return found


def meet(index: SearchIndex, sentence: str, rows: Sequence[int]) -> Meeting:
    """What of a sentence the passages of those rows, at least one, meet with their headings, titles and dates."""
    query = encode(index, sentence)
    reading = read(index, query, rows)
    by_passage = reading.passages @ query.shares
    by_sentence = reading.matches @ query.shares
    text = "\n".join(_stated(index, row) for row in rows)
    held = numbers_held(text)
    best = reading.passages.max(axis=0)
    places = [reading.of_passage(number) for number in range(len(rows))]
    spans = [reading.spans[place][by_sentence[place].argmax()].tolist() for place in places]
    return Meeting(
        pair=f"{query.language} to {index.languages[rows[int(by_passage.argmax())]]}",
        alignment=float(best @ query.shares),
        missing=tuple(wording for value, wording in numbers_claimed(sentence).items() if value not in held),
        names=tuple((sentence[start:end], _met(query, start, end, text, best)) for start, end in _name_runs(sentence)),
        nearest=tuple((float(alone), (start, end)) for alone, (start, end) in zip(by_passage, spans, strict=True)),
    )


def _stated(index: SearchIndex, row: int) -> str:
    """What a passage states: its article's title and date, its headings, its text."""
    document = index.documents[index.passages[row].document_id]
    return f"{document.title}\n{document.metadata.get('date', '')}\n{context(index.passages[row])}"


def _name_runs(sentence: str) -> list[tuple[int, int]]:
    """The spans of its names, those next to each other as one: `Bank of China`."""
    runs: list[tuple[int, int]] = []
    for start, end in names(sentence):
        if runs and _JOINED_NAMES.fullmatch(sentence, runs[-1][1], start):
            runs[-1] = (runs[-1][0], end)
        elif not runs or start >= runs[-1][1]:
            runs.append((start, end))
    return runs


def _met(query: Query, start: int, end: int, text: str, best: Scores) -> float:
    """1 where the text holds the name, else the mean of its tokens' best cosines, each weighed by its norm."""
    if stands(query.text[start:end], text):
        return 1.0
    columns = [number for number, (begin, stop) in enumerate(query.spans) if begin < end and stop > start]
    weights = query.norms[columns]
    return float(best[columns] @ weights / weights.sum()) if columns else 0.0


def why_unsupported(meeting: Meeting, language: Language, floors: Mapping[str, Mapping[str, float]]) -> str:
    """Why a sentence that met its passages so is not supported, in words; empty where it is.

    Args:
        meeting: what `meet` found.
        language: of the words.
        floors: as in `fitted()["floors"]`.
    """
    floor = floors[meeting.pair]
    missing = [*meeting.missing, *(name for name, likeness in meeting.names if likeness < floor["name"])]
    if missing:
        return _REASONS[language]["missing"].format(missing[0])
    return "" if meeting.alignment >= floor["alignment"] else _REASONS[language]["unlike"]


def why_uncited(sentence: Marked, passages: int, language: Language) -> str:
    """Why a sentence cites none of the numbered passages, in words; empty where it cites one and none that is not."""
    if not sentence.numbers:
        return _REASONS[language]["uncited"]
    known = all(1 <= number <= passages for number in sentence.numbers)
    return "" if known else _REASONS[language]["unknown"]
