"""The panel where one measures: a question set is asked, and what came of it is told, run beside run.

The runs are the visitor's own: the server keeps them for as long as it knows the visitor, and no longer.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from html import escape
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from qa.chains import TurnAttempt, attempted_turns
from qa.chat import Chat, LiveChat
from qa.config import PageLimits, SearchSettings, Settings
from qa.errors import SettingsError, WenjuError
from qa.evaluation import Attempt, attempted, never_refusing
from qa.failures import Failure
from qa.messages import Message
from qa.question_sets import QuestionSet, follow_ups_of, parse, read
from qa.tables import questions_csv
from qa.text import Language
from ui.ask import Turn, Updates
from ui.failures import failures_html, pressed, question_html
from ui.figures import figures_html, plots_html
from ui.interface import Interface, numbers, pane, sends, writable
from ui.moved import SETTINGS, comparison_html, run_name
from ui.notices import PageError, notice_html
from ui.runs import Bench, Run, finished, report_json, uploaded
from ui.texts import say

QUESTIONS = Path("eval/questions.jsonl")  # of the folder the page is served from, as `qa eval` takes it
AT_ONCE = 1  # runs that go on at the same time; others wait, so that there is room for who asks
SHOWN_EACH = 0.3  # seconds between two words of progress
_LONGEST_FILE = PageLimits().call_bytes - 10_000  # bytes, as the browser sends it

# The name and the text of the file that was chosen, in place of the hidden box.
_READ_FILE = "async (language, file, ...others) => [language, await wenju.chosenFile(), ...others]"


class EvaluatePanel:
    """The components of the panel and what each event does; shared by all visitors, of whom it holds nothing."""

    def __init__(self, live: LiveChat, interface: Interface) -> None:
        self._live, self._language = live, interface.language
        with gr.Column(elem_id="evaluate"):
            self.controls = pane("evaluate-controls", "run", "upload", "report")
            self.notice = pane("evaluate-notice")
            self.progress = pane("evaluate-progress", "stop")
            self.results = pane("evaluate-results", "show", "kind", "question", "compare", "json", "csv")
        self.file = gr.Textbox(visible="hidden", elem_id="evaluate-file", show_label=False, value="")
        self.saved = gr.Textbox(visible="hidden", elem_id="evaluate-saved", show_label=False, value="")
        self.bench, self.turn = gr.State(Bench()), gr.State(Turn())
        self.asked: gr.State = gr.State(None)
        self._wire()

    def _wire(self) -> None:
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        seen, shown = [self._language, self.bench], [self.bench, self.results, self.notice]
        everything = [*shown, self.controls]
        self._language.change(self.render, seen, everything, **direct)
        self.controls.upload(
            self.upload, [self._language, self.file, self.bench], everything, js=_READ_FILE, **direct
        )  # fmt: skip
        self.controls.report(
            self.upload_report, [self._language, self.file, self.bench], everything, js=_READ_FILE, **direct
        )  # fmt: skip
        self.controls.run(
            self.prepare, [*seen, self.turn], [self.asked, self.progress, self.notice], **direct
        ).then(
            self.run, [*seen, self.asked, self.turn], [self.progress, *everything],
            concurrency_limit=AT_ONCE, trigger_mode="multiple", api_visibility="private", show_progress="hidden",
        )  # fmt: skip
        self.progress.stop(self.stop, [self._language, self.turn], [self.progress, self.notice], **direct)
        self.results.show(self.show, seen, shown, **direct)
        self.results.kind(self.choose_kind, seen, shown, **direct)
        self.results.question(self.open_question, seen, shown, **direct)
        self.results.compare(self.compare, seen, shown, **direct)
        for event in (
            self.results.json(self.save_json, [self.bench], self.saved, **direct),
            self.results.csv(self.save_csv, [self.bench], self.saved, **direct),
        ):
            event.then(None, self.saved, js="text => { wenju.save(text) }")

    def render(self, language: Language, bench: Bench) -> Updates:
        """Everything in the language of the page."""
        return {**self._shown(bench, language), self.controls: controls_html(bench, language)}

    def _shown(self, bench: Bench, language: Language, notice: str = "") -> Updates:
        return {self.bench: bench, self.results: results_html(bench, language), self.notice: notice}

    def upload(self, language: Language, file: str, bench: Bench) -> Updates:
        """A question set of the visitor's own."""
        try:
            asked = parse(*_name_and_text(file), self._live.current().index.passages)
        except WenjuError as error:
            return {self.notice: notice_html(error, language)}
        return self.render(language, replace(bench, uploaded=asked))

    def upload_report(self, language: Language, file: str, bench: Bench) -> Updates:
        """A report made elsewhere or before, to be looked at and compared."""
        try:
            run = uploaded(bench.next_number, *_name_and_text(file))
        except WenjuError as error:
            return {self.notice: notice_html(error, language)}
        return self._shown(replace(bench, **bench.kept(run)), language)

    def prepare(self, language: Language, bench: Bench, turn: Turn, event: gr.EventData) -> Updates:
        """Checks what is to be run before it waits for its turn; a run that goes on is stopped."""
        turn.number += 1
        try:
            asked = bench.uploaded if event._data.get("set") == "uploaded" else shipped_set()
            if asked is None:
                raise PageError("no_set")
            settings = _tried(event, self._live.current().settings)
        except WenjuError as error:
            return {self.asked: None, self.progress: "", self.notice: notice_html(error, language)}
        waiting = progress_html(0, len(asked.questions) + asked.turns, language)
        return {self.asked: (turn.number, asked, settings), self.progress: waiting, self.notice: ""}

    def run(
        self,
        language: Language,
        bench: Bench,
        asked: tuple[int, QuestionSet, Settings] | None,
        turn: Turn,
    ) -> Iterator[Updates]:
        """Asks every question of one generation, saying how far it is; then what came of it.

        It breaks off once the visitor has stopped it or begun another. Where a visitor leaves, gradio closes it.
        """
        if asked is None or asked[0] != turn.number:
            yield gr.skip()  # with no word at all gradio would empty the panel
            return
        number, questions, settings = asked
        chat = _with(self._live.current(), settings)
        attempts: list[Attempt | TurnAttempt] = []
        total, told = len(questions.questions) + questions.turns, time.monotonic()
        yield {self.progress: progress_html(0, total, language)}
        try:
            for attempt in _attempts(chat, questions):
                attempts.append(attempt)
                if turn.number != number:
                    yield {self.progress: ""}  # a word of progress may have come after that of the stop
                    return
                if time.monotonic() - told > SHOWN_EACH:
                    told = time.monotonic()
                    yield {self.progress: progress_html(len(attempts), total, language)}
            yield {self.progress: progress_html(total, total, language)}
            run = finished(bench.next_number, chat, questions, attempts)
        except WenjuError as error:
            yield {self.progress: "", self.notice: notice_html(error, language)}
            return
        if turn.number == number:
            yield {self.progress: "", **self._shown(replace(bench, **bench.kept(run)), language)}

    def stop(self, language: Language, turn: Turn) -> Updates:
        """Ends the run that goes on; nothing of it is kept."""
        turn.number += 1
        return {self.progress: "", self.notice: f'<p role="status">{say("stopped", language)}</p>'}

    def show(self, language: Language, bench: Bench, event: gr.EventData) -> Updates:
        """Another of the visitor's runs."""
        (number,) = numbers(event, "run")
        return self._shown(replace(bench, shown=number, question="", kind="failed"), language)

    def choose_kind(self, language: Language, bench: Bench, event: gr.EventData) -> Updates:
        """Questions that went wrong in another way."""
        kind = event._data.get("kind")
        known = kind in ("all", "failed", *get_args(Failure))
        return self._shown(replace(bench, kind=kind if known else "failed"), language)

    def open_question(self, language: Language, bench: Bench, event: gr.EventData) -> Updates:
        """One question with its passages; or none."""
        return self._shown(replace(bench, question=str(event._data.get("id", ""))), language)

    def compare(self, language: Language, bench: Bench, event: gr.EventData) -> Updates:
        """Two runs side by side."""
        chosen = [str(event._data.get(name)) for name in ("old", "new")]
        old, new = (int(each) if each.isdecimal() else -1 for each in chosen)
        return self._shown(replace(bench, compared=(old, new)), language)

    def save_json(self, bench: Bench) -> str:
        """The report of the run that is shown, as `qa eval --output` writes it."""
        run = bench.run(bench.shown)
        return json.dumps({"name": "report.json", "text": report_json(run)}) if run else ""

    def save_csv(self, bench: Bench) -> str:
        """A line for each question of the run that is shown, as `qa eval --csv` writes it."""
        run = bench.run(bench.shown)
        return json.dumps({"name": "questions.csv", "text": questions_csv(run.everything)}) if run else ""


def shipped_set() -> QuestionSet | None:
    """The question set of the folder the page is served from; None where there is none.

    Raises:
        QuestionError: if it cannot be read.
    """
    return read(QUESTIONS, follow_ups_of(QUESTIONS)) if QUESTIONS.is_file() else None


def _name_and_text(file: str) -> tuple[str, str]:
    """What `wenju.chosenFile` gives: the name of a file on the first line, then what it holds."""
    name, _, text = writable(file).partition("\n")
    if not text.strip():
        raise PageError("file_empty" if name else "file_long")
    return name[-100:], text


def _tried(event: gr.EventData, usual: Settings) -> Settings:
    """The settings that the form asks for; what is left empty is as usual.

    Raises:
        SettingsError: if a value is no number, or outside its range.
    """
    given = {name: str(event._data.get(_field(name), "")).strip() for name in SETTINGS[1:]}
    numbers = {name: _number(text) for name, text in given.items() if text}
    answer = replace(usual.answer, minimum_confidence=numbers.pop("minimum_confidence", None))
    ranked = {} if event._data.get("ranking") else {"ranked": 0}
    return replace(usual, search=replace(SearchSettings(), **numbers, **ranked), answer=answer)  # type: ignore[arg-type]


def _number(text: str) -> float:
    """The number that someone wrote; raises SettingsError where it is none."""
    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(Message("no_number", {"value": text})) from error


def _field(setting: str) -> str:
    """The name of a setting in the form, short enough for a call of the page."""
    return setting.removesuffix("_weight")


def _with(chat: Chat, settings: Settings) -> Chat:
    """The same generation, searched and answered otherwise."""
    return Chat(chat.index, replace(settings, index=chat.settings.index))


def _attempts(chat: Chat, asked: QuestionSet) -> Iterator[Attempt | TurnAttempt]:
    """Each question of a set once it is answered, then each turn of its conversations."""
    yield from attempted(asked.questions, chat.ask, never_refusing(chat).ask)
    yield from attempted_turns(asked.chains, lambda question, history: chat.ask(question, history=history))


def controls_html(bench: Bench, language: Language) -> str:
    """What is measured, and the form: which questions, which search, and to begin."""
    try:
        own = shipped_set()
        problem = ""
    except WenjuError as error:
        own, problem = None, notice_html(error, language)
    sets = [("own", own, bench.uploaded is None), ("uploaded", bench.uploaded, True)]
    choice = "".join(_set_html(value, asked, checked, language) for value, asked, checked in sets if asked)
    nothing = f"<p>{say('no_set', language)}</p>"
    run = f'<button type="submit" class="primary">{say("run", language)}</button>' if choice else ""
    files = _file_html("upload", "upload_set", language) + _file_html("report", "upload_report", language)
    return (
        f"<h2>{say('evaluate', language)}</h2><p>{say('evaluate_how', language)}</p>{problem}"
        f"<form {sends('run')}><fieldset><legend>{say('question_set', language)}</legend>"
        f"{choice or nothing}</fieldset>{_search_html(language)}{run}</form>"
        f'<div class="files">{files}</div>'
    )


def _set_html(value: str, asked: QuestionSet, checked: bool, language: Language) -> str:
    left_out = f" {say('left_out', language, count=f'{asked.left_out:,}')}" if asked.left_out else ""
    count = _count(len(asked.questions), asked.turns, language)
    marked = " checked" if checked else ""
    return (
        f'<label><input type="radio" name="set" value="{value}"{marked}> {escape(asked.name)} '
        f'<span class="quiet">{count}{left_out}</span></label>'
    )


def _count(questions: int, turns: int, language: Language) -> str:
    count = say("questions_count", language, count=f"{questions:,}")
    return f"{count}{say('turns_count', language, count=f'{turns:,}')}" if turns else count


def _search_html(language: Language) -> str:
    """The settings that can be tried, each as it is by itself."""
    usual = {**asdict(SearchSettings()), "minimum_confidence": None}  # None: as fitted for each pair of languages
    numbers = "".join(
        f'<label>{say(f"setting_{name}", language)} <input name="{_field(name)}" inputmode="decimal" size="5" '
        f'maxlength="8" value="{"" if usual[name] is None else format(usual[name], "g")}" '
        f'placeholder="{say("as_fitted", language) if usual[name] is None else ""}"></label>'
        for name in SETTINGS[1:]
    )
    return (
        f"<details><summary>{say('search_settings', language)}</summary>"
        f"<p class='quiet'>{say('settings_how', language)}</p>"
        f'<label><input type="checkbox" name="ranking" value="on" checked> {say("setting_ranked", language)}</label>'
        f"{numbers}</details>"
    )


def _file_html(event: str, key: str, language: Language) -> str:
    """A choice of a file; once it is chosen, `evaluate.js` presses the button beside it."""
    return (
        f'<label class="file">{say(key, language)}<input type="file" data-limit="{_LONGEST_FILE}" '
        f'accept=".json,.jsonl,.gz"></label><button type="button" hidden {sends(event)}></button>'
    )


def progress_html(done: int, total: int, language: Language) -> str:
    """How many questions are asked, and a button to stop."""
    key = "waiting" if not done else "asking" if done < total else "reckoning"
    text = say(key, language, done=f"{done:,}", total=f"{total:,}")
    return (
        f'<p class="going"><label for="evaluate-bar">{text}</label>'
        f'<progress id="evaluate-bar" value="{done}" max="{total}"></progress>'
        f'<button type="button" {sends("stop")}>{say("stop", language)}</button></p>'
    )


def results_html(bench: Bench, language: Language) -> str:
    """The run that is shown, the others to choose from, and the comparison of two."""
    run = bench.run(bench.shown)
    if run is None:
        return ""
    answered = say("of_generation", language, generation=run.generation) if run.generation else ""
    left_out = say("left_out", language, count=f"{run.left_out:,}") if run.left_out else ""
    count = _count(len(run.outcomes), len(run.follow_ups), language)
    facts = " · ".join(filter(None, (count, escape(answered), left_out)))
    save = "".join(
        f'<button type="button" {sends(kind)}>{say(f"save_{kind}", language)}</button>' for kind in ("json", "csv")
    )
    return (
        f"{_runs_html(bench, language)}<h2 id='evaluated'>{escape(run_name(run, language))}</h2>"
        f"<p class='quiet'>{facts}</p><p class='save'>{save}</p>"
        f"{figures_html(run, language)}{plots_html(run, language)}"
        f"{_comparison_html(bench, language)}{failures_html(run, bench, language)}"
        f"{question_html(run, bench.question, language)}"
    )


def _runs_html(bench: Bench, language: Language) -> str:
    buttons = "".join(
        f'<button type="button" {sends("show", run=run.number)} {pressed(run.number == bench.shown)}>'
        f"{escape(run_name(run, language))}</button>"
        for run in bench.runs
    )
    return f'<div class="kinds" role="group" aria-label="{say("runs", language)}">{buttons}</div>'


def _comparison_html(bench: Bench, language: Language) -> str:
    """A choice of two runs, and what moved from one to the other; nothing where there is but one."""
    if len(bench.runs) < 2:
        return ""
    old, new = (bench.run(number) for number in bench.compared or (-1, -1))
    choices = "".join(
        f"<label>{say(name, language)} {_select(name, bench.runs, chosen, language)}</label>"
        for name, chosen in (("old", old), ("new", new))
    )
    found = comparison_html(old, new, language) if old and new and old != new else ""
    return (
        f"<h3>{say('compared', language)}</h3><form class='compare' {sends('compare')}>{choices}"
        f"<button type='submit'>{say('compare', language)}</button></form>{found}"
    )


def _select(name: str, runs: tuple[Run, ...], chosen: Run | None, language: Language) -> str:
    options = "".join(
        f'<option value="{run.number}"{" selected" if run is chosen else ""}>{escape(run_name(run, language))}</option>'
        for run in runs
    )
    return f'<select name="{name}" aria-label="{say(name, language)}">{options}</select>'
