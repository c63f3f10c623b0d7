"""The questions of a run as HTML: those that failed, and one of them with its passages. What files say is text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from qa.datatypes import Passage
from qa.evaluation import Outcome
from qa.failures import FAILURES, Failure, failure
from qa.render import shortened
from qa.text import Language, dominant_language, fold
from ui.figures import measure_label
from ui.interface import sends, table_html
from ui.runs import Bench, Found, Kind, Run
from ui.texts import say

MOST_LISTED = 200
KINDS: tuple[Kind, ...] = ("failed", *FAILURES, "all")


def kind_name(kind: Kind | None, language: Language) -> str:
    """What went wrong, in words; None is said to be right."""
    return say(f"kind_{kind.replace(' ', '_')}" if kind else "kind_right", language)


def failures_html(run: Run, bench: Bench, language: Language) -> str:
    """A choice of what went wrong, and the questions of that kind, each of which can be opened."""
    kinds = {each["id"]: failure(each) for each in run.everything}
    listed = [each for each in run.everything if _is_of(kinds[each["id"]], bench.kind)]
    counts = Counter(kinds.values())
    numbers: dict[Kind, int] = {each: counts[each] for each in FAILURES}
    numbers |= {"failed": len(kinds) - counts[None], "all": len(kinds)}
    choice = "".join(
        f'<button type="button" {sends("kind", kind=kind)} {pressed(kind == bench.kind)}>'
        f"{kind_name(kind, language)} <small>{numbers[kind]:,}</small></button>"
        for kind in KINDS
        if numbers[kind] or kind == bench.kind
    )
    rows = [_row(each, kinds[each["id"]], each["id"] == bench.question, language) for each in listed[:MOST_LISTED]]
    heads = [say(key, language) for key in ("asked", "what_failed", "gold", "said")]
    more = say("listed", language, shown=MOST_LISTED, count=f"{len(listed):,}") if len(listed) > MOST_LISTED else ""
    table = table_html(heads, rows, "failures", say("failures", language))
    return (
        f"<h3>{say('failures', language)}</h3>"
        f'<div class="kinds" role="group" aria-label="{say("what_failed", language)}">{choice}</div>'
        f"{table if listed else ''}<p class='quiet'>{more or ('' if listed else say('none_failed', language))}</p>"
    )


def pressed(whether: bool) -> str:
    """The attribute of a button that is one of several to choose from."""
    return f'aria-pressed="{str(whether).lower()}"'


def _is_of(failed: Failure | None, kind: Kind) -> bool:
    return kind == "all" or (failed is not None if kind == "failed" else failed == kind)


def _row(outcome: Outcome, failed: Failure | None, current: bool, language: Language) -> str:
    said = outcome["given"]["short"] or next((each["quote"] for each in outcome["given"]["citations"]), "")
    gold = " / ".join(outcome["answers"])
    marked = ' aria-current="true"' if current else ""
    question = escape(outcome["question"])
    return (
        f'<tr{marked}><td lang="{dominant_language(question)}"><button type="button" '
        f"{sends('question', id=outcome['id'])}>{question}</button></td><td>{kind_name(failed, language)}</td>"
        f"<td>{escape(shortened(gold)) or say('nothing_gold', language)}</td>"
        f"<td>{escape(shortened(said)) if outcome['given']['answered'] else say('refused', language)}</td></tr>"
    )


def question_html(run: Run, identity: str, language: Language) -> str:
    """One question: what was asked, known and said, the passages expected and those found; nothing where it is none."""
    outcome = next((each for each in run.everything if each["id"] == identity), None)
    if outcome is None:
        return ""
    asked, found = outcome["question"], run.passages.get(identity)
    gold = [f"<li>{escape(answer)}</li>" for answer in outcome["answers"]] or [
        f"<li>{say('nothing_gold', language)}</li>"
    ]
    measures = "".join(
        f"<div><dt>{escape(measure_label(name, language))}</dt><dd>{value:.2f}</dd></div>"
        for name, value in outcome["measures"].items()
    )
    passages = _passages(run, outcome, found, language) if found else f"<p>{say('no_passages', language)}</p>"
    return (
        f'<section class="question" id="question-view" aria-label="{escape(asked)}">'
        f'<button type="button" class="shut" {sends("question", id="")} aria-label="{say("close", language)}">'
        "×</button>"
        f'<h3 lang="{dominant_language(asked)}" tabindex="-1">{escape(asked)}</h3>'
        f'<p class="quiet">{kind_name(failure(outcome), language)} · {escape(identity)} · {escape(outcome["type"])}</p>'
        f"{_context(run, outcome, language)}"
        f'<p><button type="button" class="primary" data-ask="{escape(outcome.get("means") or asked)}">'
        f"{say('ask_it', language)}</button></p>"
        f"<h4>{say('gold', language)}</h4><ul class='gold'>{''.join(gold)}</ul>"
        f"<h4>{say('said', language)}</h4>{_said(outcome, language)}{passages}"
        f"<h4>{say('measures', language)}</h4><dl class='measures'>{measures}</dl></section>"
    )


def _context(run: Run, outcome: Outcome, language: Language) -> str:
    """Of a turn of a conversation: what was asked before it, what it means in full, and what was searched."""
    chain, _, number = outcome["id"].rpartition("/")
    follows = "means" in outcome and number.isdecimal()
    before = {f"{chain}/{each}" for each in range(1, int(number))} if follows else set()
    lines = {
        "asked_before": " / ".join(each["question"] for each in run.follow_ups if each["id"] in before),
        "means": outcome.get("means", "") if before else "",
        "searched_instead": outcome["given"].get("searched_as", ""),
    }
    return "".join(f"<p class='quiet'>{say(key, language)} {escape(text)}</p>" for key, text in lines.items() if text)


def _said(outcome: Outcome, language: Language) -> str:
    given = outcome["given"]
    sure = say("confidence_title", language, percent=round(100 * given["confidence"]))
    if not given["answered"]:
        return f"<p>{say('refused', language)} <span class='quiet'>{sure}</span></p>"
    short = f"<p class='short'>{escape(given['short'])}</p>" if given["short"] else ""
    quotes = "".join(f"<li>{escape(each['quote'])}</li>" for each in given["citations"])
    return f"{short}<ol class='quotes'>{quotes}</ol><p class='quiet'>{sure}</p>"


def _passages(run: Run, outcome: Outcome, found: Found, language: Language) -> str:
    expected = "".join(_passage(run, each, outcome["answers"], "") for each in found.expected)
    there = {passage.id for passage in found.found}
    missed = [each for each in found.expected if each.id not in there]
    nothing = f"<li>{say('nothing_expected', language)}</li>"
    note = f"<p class='quiet'>{say('missed', language, missed=len(missed), count=len(found.expected))}</p>"
    right = {passage.id for passage in found.expected}
    ranked = "".join(_found(run, found.found, right, outcome["answers"], language))
    return (
        f"<h4>{say('expected_passages', language)}</h4>"
        f"<ul class='passages'>{expected or nothing}</ul>{note if expected else ''}"
        f"<h4>{say('found_passages', language)}</h4><ol class='passages'>{ranked}</ol>"
    )


def _found(
    run: Run, passages: Sequence[Passage], right: set[int], answers: Sequence[str], language: Language
) -> Iterator[str]:
    for rank, passage in enumerate(passages, 1):
        holds = f"✓ {say('holds', language)}" if passage.id in right else ""
        yield _passage(run, passage, answers if passage.id in right else (), f"{rank}. {holds}")


def _passage(run: Run, passage: Passage, answers: Sequence[str], note: str) -> str:
    """A passage with its title and headings; unfolded where it holds an answer, which is marked."""
    title = " › ".join(dict.fromkeys((run.titles.get(passage.document_id, passage.document_id), *passage.headings)))
    opened = " open" if answers else ""
    return (
        f"<li><details{opened}><summary>{escape(note)} <cite>{escape(title)}</cite></summary>"
        f'<p lang="{dominant_language(passage.text)}">{_marked(passage.text, answers)}</p></details></li>'
    )


def _marked(text: str, answers: Sequence[str]) -> str:
    """The text with its first gold answer marked; one that stands there in other letters is not."""
    for answer in answers:
        start = text.find(answer)
        if start < 0 and len(fold(text)) == len(text):
            start = fold(text).find(fold(answer))
        if start >= 0:
            end = start + len(answer)
            return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"
    return escape(text)
