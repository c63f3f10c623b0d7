"""Two reports over the same questions: what moved, question by question, and whether it is more than chance."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.errors import ReportError
from qa.evaluation import SUPPORTING, Outcome, measures_of, weighted_values
from qa.messages import Message, of_system
from qa.significance import Test, paired_difference, paired_test

LOWER_IS_BETTER = frozenset({"wrongly refused", "false conflict", "wrongly rewritten", "Brier score"})
# Too fine to name each question that moves them, or moving with another measure.
_ONLY_IN_MEANS = frozenset({"MRR", "nDCG@10", "Brier score", SUPPORTING, "exact match where short", "F1 where short"})
_GOLD = ("question", "documents", "answers", "short", "conflict")


@dataclass(frozen=True, slots=True)
class Change:
    """A measure of the questions in both reports: both means, their difference with its 95% interval, a paired test.

    `count` is the number of questions that have the measure in either report.
    """

    measure: str
    count: int
    old: float
    new: float
    difference: float
    low: float
    high: float
    test: Test
    p: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A question whose outcome moved: measures with old and new value, None where there was or is none."""

    id: str
    question: str
    gained: dict[str, tuple[float | None, float | None]]
    lost: dict[str, tuple[float | None, float | None]]
    old_short: str | None
    new_short: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What moved between two reports.

    `altered` are questions whose wording or gold answer is another now, `unshared` measures that only one report has of
    the questions in both.
    """

    changes: tuple[Change, ...]
    moved: tuple[Moved, ...]
    matched: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    altered: tuple[str, ...]
    unshared: tuple[str, ...]


def read_report(path: Path) -> dict[str, Any]:
    """A report as `qa eval --output` writes it.

    Raises:
        ReportError: if the file cannot be read, or is no such report.
    """
    try:
        return parse_report(path.read_text(encoding="utf-8-sig"), path)
    except OSError as error:
        told = Message("report_unreadable", {"path": path, "reason": of_system(error, "cannot_be_read")})
        raise ReportError(told, path) from error
    except UnicodeDecodeError as error:
        raise ReportError(Message("no_report", {"path": path}), path) from error


def parse_report(text: str, path: Path) -> dict[str, Any]:
    """The report of a file of that name.

    Raises:
        ReportError: if it is no such report.
    """
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(Message("no_report", {"path": path}), path) from error
    if not _is_report(report):
        raise ReportError(Message("no_outcomes", {"path": path}), path)
    checked: dict[str, Any] = report
    return checked


def _is_report(value: object) -> bool:
    if not isinstance(value, dict) or not _are_outcomes(value.get("questions")):
        return False
    follow_ups = value.get("follow_ups", {"questions": []})
    return isinstance(follow_ups, dict) and _are_outcomes(follow_ups.get("questions"))


def _are_outcomes(questions: object) -> bool:
    return isinstance(questions, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("id"), str)
        and isinstance(each.get("question"), str)
        and all(isinstance(each.get(key), dict) for key in ("given", "measures", "weights"))
        and all(isinstance(each[key][name], int | float) for key in ("measures", "weights") for name in each[key])
        for each in questions
    )


def compare(old: Sequence[Outcome], new: Sequence[Outcome]) -> Comparison:
    """What moved between two runs, questions matched by id, in the new order."""
    before, after = ({each["id"]: each for each in outcomes} for outcomes in (old, new))
    matched = [key for key in after if key in before]
    were, are = [before[key] for key in matched], [after[key] for key in matched]
    pairs = list(zip(were, are, strict=True))
    shared = [name for name in measures_of(are) if name in measures_of(were)]
    return Comparison(
        changes=tuple(_change(name, were, are) for name in shared),
        moved=tuple(moved for moved in (_moved(was, now, shared) for was, now in pairs) if moved is not None),
        matched=len(matched),
        added=tuple(key for key in after if key not in before),
        removed=tuple(key for key in before if key not in after),
        altered=tuple(now["id"] for was, now in pairs if any(was.get(key) != now.get(key) for key in _GOLD)),
        unshared=tuple(name for name in measures_of([*were, *are]) if name not in shared),
    )


def _change(measure: str, old: Sequence[Outcome], new: Sequence[Outcome]) -> Change:
    """The change over the questions that have the measure in either run."""
    (was, before), (now, after) = weighted_values(old, measure), weighted_values(new, measure)
    counted = (before > 0) | (after > 0)
    paired = (was[counted], now[counted], before[counted], after[counted])
    difference, low, high = paired_difference(*paired)
    test, p = paired_test(*paired)
    old_mean, new_mean = float((was * before).sum() / before.sum()), float((now * after).sum() / after.sum())
    return Change(measure, int(counted.sum()), old_mean, new_mean, difference, low, high, test, p)


def _moved(was: Outcome, now: Outcome, measures: Sequence[str]) -> Moved | None:
    gained: dict[str, tuple[float | None, float | None]] = {}
    lost: dict[str, tuple[float | None, float | None]] = {}
    for measure in measures:
        old, new = was["measures"].get(measure), now["measures"].get(measure)
        risen = (new or 0.0) - (old or 0.0)
        if risen and measure not in _ONLY_IN_MEANS:
            (gained if (risen > 0) != (measure in LOWER_IS_BETTER) else lost)[measure] = (old, new)
    old_short, new_short = was["given"].get("short"), now["given"].get("short")
    if not gained and not lost and old_short == new_short:
        return None
    return Moved(now["id"], now["question"], gained, lost, old_short, new_short)


def reports_text(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What moved between two reports, for a terminal; then the same of the follow-ups, where both have them."""
    texts = [comparison_text(compare(old["questions"], new["questions"]))]
    if "follow_ups" in old and "follow_ups" in new:
        follow_ups = compare(old["follow_ups"]["questions"], new["follow_ups"]["questions"])
        texts.append(f"follow-ups\n{comparison_text(follow_ups)}")
    return "\n\n".join(texts)


def comparison_text(comparison: Comparison) -> str:
    """The comparison for a terminal: each question that moved, then each measure, then what could not be matched."""
    lines = [line for moved in comparison.moved for line in _moved_lines(moved)]
    lines.append(f"{len(comparison.moved)} of {comparison.matched} questions moved.")
    return "\n".join([*lines, *measure_lines(comparison)])


def measure_lines(comparison: Comparison) -> list[str]:
    """Each measure for a terminal, then what could not be matched."""
    lines: list[str] = []
    if comparison.changes:
        lines.append(f"{'over the questions of both':<28} old    new    difference (95% interval)  p")
    for each in comparison.changes:
        interval = f"{each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
        test = f"{each.p:.3f} {each.test}, n={each.count}"
        lines.append(f"  {each.measure:<26} {each.old:.3f}  {each.new:.3f}  {interval:<25}  {test}")
    apart = {
        "added": comparison.added,
        "removed": comparison.removed,
        "altered": comparison.altered,
        "measured in one alone": comparison.unshared,
    }
    return lines + [f"{label} ({len(names)}): {', '.join(names)}" for label, names in apart.items() if names]


def _moved_lines(moved: Moved) -> list[str]:
    label = "mixed" if moved.gained and moved.lost else "lost" if moved.lost else "gained" if moved.gained else "other"
    lines = [f"{label:<7} {moved.id}  {' '.join(moved.question.split())}", *moved_measures(moved)]
    if moved.old_short != moved.new_short:
        lines.append(f"        short: {quoted(moved.old_short)} → {quoted(moved.new_short)}")
    return lines


def moved_measures(moved: Moved) -> list[str]:
    """The measures that a question gained and lost, for a terminal."""
    return [
        f"        {sign} {name} {_shown(old)} → {_shown(new)}"
        for sign, measures in (("+", moved.gained), ("-", moved.lost))
        for name, (old, new) in measures.items()
    ]


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def quoted(text: str | None) -> str:
    """A span on one line, or that there is none."""
    return "none" if text is None else f"“{' '.join(text.split())}”"
