"""The panel where one asks: the conversation on the left, the cited article on the right.

The browser keeps what was asked and how it was searched; the server keeps the answers for as long as it knows the
visitor, and asks again where it does not.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from qa import receipts, render
from qa.chat import Chat, LiveChat
from qa.datatypes import Answer, Document, Passage
from qa.errors import WenjuError
from qa.text import Language, dominant_language
from ui.article import Shown, article_html
from ui.conversation import Quoted, conversation_html, draft_html
from ui.feedback import Given, correct, rate
from ui.interface import Interface, numbers, pane, writable
from ui.notices import PageError, notice_html, problem_html
from ui.texts import say

WRITERS = 16  # visitors a language model may write for at once; others wait their turn
REMEMBERED = 40  # exchanges of a conversation that the browser keeps

# Says in the browser that an answer is awaited, and gives the inputs on.
WAIT = "(...values) => { wenju.wait('searching'); return values }"

_HISTORY = TypeAdapter(list[tuple[str, str]])

Updates = dict[gr.blocks.Block, Any]
Last = tuple[int, Answer]  # the number of an exchange, and its answer once all is written


@dataclass(slots=True)
class Turn:
    """How often one visitor has asked; gradio keeps the same object for as long as the visitor stays."""

    number: int = 0


def history_of(answers: Sequence[Answer]) -> str:
    """What the browser keeps of a conversation: each question as asked and as searched, as JSON."""
    return json.dumps([[answer.question, answer.searched] for answer in answers[-REMEMBERED:]], ensure_ascii=False)


def articles_of(chat: Chat, answers: Sequence[Answer]) -> dict[str, Document]:
    """The articles of a conversation by their id; one that is no longer indexed is what its passages know of it."""
    passages = [hit.passage for answer in answers for hit in answer.hits]
    passages += [each.passage for answer in answers for each in (*answer.sources, *answer.conflict)]
    return {each.document_id: chat.index.documents.get(each.document_id) or _gone(each) for each in passages}


def _gone(passage: Passage) -> Document:
    title = passage.headings[0] if passage.headings else passage.document_id
    return Document(passage.document_id, title, "", passage.document_id, dominant_language(passage.text))


def recalled(chat: Chat, history: str, answers: Sequence[Answer]) -> tuple[list[Answer], list[int]]:
    """The answers of the conversation that the browser keeps, asked again where the server does not know them.

    A question that cannot be asked any more is left out. Beside the answers, the place in the browser's conversation
    of each.
    """
    if history_of(answers) == history:
        return list(answers), list(range(len(answers)))
    try:
        asked = _HISTORY.validate_json(history or "[]")[-REMEMBERED:]
    except ValidationError:
        return [], []
    again: dict[int, Answer] = {}
    for place, (question, searched) in enumerate(asked):
        with contextlib.suppress(WenjuError):
            again[place] = chat.ask(writable(question), searched_as=writable(searched))
    return list(again.values()), list(again)


class AskPanel:
    """The components of the panel and what each event does; shared by all visitors, of whom it holds nothing.

    Whatever a visitor does is done with the chat of one generation from beginning to end.
    """

    def __init__(self, live: LiveChat, interface: Interface, *, feedback: Path | None = None) -> None:
        """Takes the file that keeps what visitors say of answers; without one they are not asked."""
        self._live, self._language, self._feedback = live, interface.language, feedback
        self._build(interface)
        self._wire()

    def _build(self, interface: Interface) -> None:
        with gr.Row(elem_id="ask"):
            with gr.Column(elem_id="talk"):
                with gr.Column(elem_id="said-so-far"):
                    self.conversation = pane("conversation", "open", "passage", "search", "receipt", "rate")
                    self.draft = pane("draft")
                    interface.label(pane("searching"), value="searching")
                with gr.Column(elem_id="asking"):
                    self.correction = pane("correction", "correct", "dismiss")
                    self.notice = pane("notice")
                    interface.label(pane("unreachable"), value="unreachable")
                    self.question = interface.label(
                        gr.Textbox(elem_id="question", show_label=False, max_lines=6, submit_btn=True),
                        label="question", placeholder="question_hint", submit_btn="ask",
                    )  # fmt: skip
                    with gr.Row(elem_id="toolbar"):
                        self.anew = interface.label(gr.Button(elem_id="anew"), value="new_conversation")
                        self.export = interface.label(gr.Button(elem_id="export"), value="export_markdown")
                        self.receipts = interface.label(gr.Button(elem_id="receipts"), value="export_receipts")
            with gr.Column(elem_id="beside"):
                self.article = pane("article", "open", "passage")
        self.history = gr.Textbox(visible="hidden", elem_id="history", show_label=False, value="")
        self.saved = gr.Textbox(visible="hidden", elem_id="saved", show_label=False, value="")
        self.answers, self.shown = gr.State([]), gr.State(Shown())
        self.turn, self.fresh, self.last = gr.State(Turn()), gr.State(False), gr.State(None)

    def _wire(self) -> None:
        """Without gradio's queue: an answer takes milliseconds, and the queue can lose one of two calls close by."""
        direct: dict[str, Any] = {"queue": False, "api_visibility": "private"}
        talk = [self._language, self.history, self.answers]
        known = [self.conversation, self.answers, self.history, self.correction, self.notice]
        said = [*known, self.shown, self.article, self.fresh]
        shown = [*known, self.shown, self.article]
        saved = [*known, self.saved]
        everything = [*said, self.draft]
        asked = [
            self.question.submit(
                self.respond, [self.question, *talk, self.turn], [self.question, *said], js=WAIT, **direct
            ),
            self.conversation.search(self.search_again, [*talk, self.turn], said, js=WAIT, **direct),
        ]
        for event in asked:
            event.success(None, js="() => wenju.wait('')")
            event.failure(None, js="() => wenju.wait('unreachable')")
        for event in asked if self._live.current().writes else ():
            event.then(
                self.write, [self._language, self.answers, self.fresh, self.turn], [self.draft, self.last],
                concurrency_limit=WRITERS, trigger_mode="multiple", api_visibility="private", show_progress="hidden",
            ).then(
                self.settle, [self._language, self.answers, self.last, self.shown],
                [self.conversation, self.answers, self.article], **direct,
            )  # fmt: skip
        for place in (self.conversation, self.article):
            place.open(self.open, talk, shown, **direct)
            place.passage(self.open_passage, talk, shown, **direct)
        self.anew.click(self.forget, [self._language, self.turn], everything, **direct)
        for event in (
            self.conversation.receipt(self.save_receipt, talk, saved, **direct),
            self.receipts.click(self.save_receipts, talk, saved, **direct),
            self.export.click(self.save_conversation, talk, saved, **direct),
        ):
            event.then(None, self.saved, js="text => { wenju.save(text) }")
        if self._feedback is not None:
            self.conversation.rate(self.rate, talk, known, **direct)
            self.correction.correct(self.correct, talk, known, **direct)
            self.correction.dismiss(lambda: "", None, self.correction, **direct)
        self.history.change(None, self.history, js="text => { wenju.keep(wenju.own('history'), text) }")
        # A visitor who comes back brings the conversation along.
        come = (
            "(language, history, ...others) => "
            "[language, history || wenju.recall(wenju.own('history')) || '[]', ...others]"
        )
        self._language.change(self.render, [*talk, self.shown], everything, js=come, **direct)

    def respond(self, question: str, language: Language, history: str, answers: list[Answer], turn: Turn) -> Updates:
        """A question of the visitor, answered."""
        chat = self._live.current()
        before, _ = recalled(chat, history, answers)
        updates = self._said(chat, before, language, turn, lambda: chat.ask(writable(question), history=before))
        return {self.question: "", **updates} if updates[self.fresh] else updates

    def search_again(
        self, language: Language, history: str, answers: list[Answer], turn: Turn, event: gr.EventData
    ) -> Updates:
        """The question of an exchange, searched as the visitor has corrected it."""
        chat, before, anew = self._recalled(language, history, answers, event)
        (exchange,) = numbers(event, "exchange")

        def ask() -> Answer:
            searched = writable(str(event._data.get("searched", "")))
            return chat.ask(exchange_of(before, exchange).question, searched_as=searched)

        return {**anew, **self._said(chat, before, language, turn, ask)}

    def _recalled(
        self, language: Language, history: str, answers: list[Answer], event: gr.EventData | None = None
    ) -> tuple[Chat, list[Answer], Updates]:
        """The chat, the conversation as it tells it, and what of that has to be shown anew.

        Where a question was left out, the page is told so, and the event names its exchange by the place it has now.
        """
        chat = self._live.current()
        there, places = recalled(chat, history, answers)
        if places == list(range(len(there))):
            return chat, there, {self.answers: there}
        if event is not None:
            (exchange,) = numbers(event, "exchange")
            event._data["exchange"] = places.index(exchange) if exchange in places else -1
        conversation = self._conversation(chat, there, language)
        anew = {self.conversation: conversation, self.history: history_of(there), self.correction: ""}
        return chat, there, {self.answers: there, **anew}

    def _said(
        self, chat: Chat, before: list[Answer], language: Language, turn: Turn, ask: Callable[[], Answer]
    ) -> Updates:
        """The conversation with one more answer, and its evidence; or what went wrong."""
        turn.number += 1
        try:
            answers = [*before, ask()][-REMEMBERED:]
        except WenjuError as error:
            return {self.answers: before, self.notice: notice_html(error, language), self.fresh: False}
        shown = Shown(len(answers) - 1)
        return {
            self.conversation: self._conversation(chat, answers, language),
            self.answers: answers,
            self.shown: shown,
            self.article: article_html(chat, answers, shown, language),
            self.history: history_of(answers),
            self.notice: problem_html(self._live.problem, language),
            self.fresh: True,
        }

    def _conversation(self, chat: Chat, answers: Sequence[Answer], language: Language) -> str:
        limit = chat.settings.answer.question_characters
        rated = self._feedback is not None
        return conversation_html(answers, articles_of(chat, answers), language, limit, rated=rated)

    def open(self, language: Language, history: str, answers: list[Answer], event: gr.EventData) -> Updates:
        """The article of a citation."""
        return self._shown(language, history, answers, event, "open")

    def open_passage(self, language: Language, history: str, answers: list[Answer], event: gr.EventData) -> Updates:
        """The article of one of the nearest passages of a refusal."""
        return self._shown(language, history, answers, event, "passage")

    def _shown(
        self,
        language: Language,
        history: str,
        answers: list[Answer],
        event: gr.EventData,
        kind: Literal["open", "passage"],
    ) -> Updates:
        chat, there, anew = self._recalled(language, history, answers, event)
        shown = Shown(*numbers(event, "exchange", "number"), event=kind)
        return {**anew, self.shown: shown, self.article: article_html(chat, there, shown, language), self.notice: ""}

    def render(self, language: Language, history: str, answers: list[Answer], shown: Shown) -> Updates:
        """Everything in the language of the page, which is new to it: the visitor has come, or has switched it."""
        chat = self._live.current()
        there, _ = recalled(chat, history, answers)
        shown = shown if shown.exchange in range(len(there)) else Shown(len(there) - 1)
        return {
            self.conversation: self._conversation(chat, there, language),
            self.answers: there,
            self.shown: shown,
            self.article: article_html(chat, there, shown, language),
            self.history: history_of(there),
            self.notice: "",
        }

    def forget(self, language: Language, turn: Turn) -> Updates:
        """A new conversation."""
        turn.number += 1
        return {**self.render(language, "", [], Shown()), self.draft: "", self.correction: ""}

    def save_receipt(self, language: Language, history: str, answers: list[Answer], event: gr.EventData) -> Updates:
        """A file with the receipt of one answer."""

        def file(chat: Chat, there: list[Answer]) -> tuple[str, str]:
            (exchange,) = numbers(event, "exchange")
            return "receipt.json", receipts.to_json(chat.receipt(exchange_of(there, exchange)), indent=1)

        return self._saved(language, history, answers, file, event)

    def save_receipts(self, language: Language, history: str, answers: list[Answer]) -> Updates:
        """A file with the receipts of all answers, one a line, as `qa verify` reads them."""

        def file(chat: Chat, there: list[Answer]) -> tuple[str, str]:
            return "receipts.jsonl", "".join(f"{receipts.to_json(chat.receipt(answer))}\n" for answer in there)

        return self._saved(language, history, answers, file)

    def save_conversation(self, language: Language, history: str, answers: list[Answer]) -> Updates:
        """A Markdown file with the conversation and its citations."""

        def file(chat: Chat, there: list[Answer]) -> tuple[str, str]:
            return "conversation.md", render.conversation_markdown(there, articles_of(chat, there))

        return self._saved(language, history, answers, file)

    def _saved(
        self,
        language: Language,
        history: str,
        answers: list[Answer],
        file: Callable[[Chat, list[Answer]], tuple[str, str]],
        event: gr.EventData | None = None,
    ) -> Updates:
        """Sends a file to the browser, which saves it; none of it stays on the server."""
        chat, there, anew = self._recalled(language, history, answers, event)
        try:
            if not there:
                raise PageError("nothing_asked")
            name, text = file(chat, there)
        except WenjuError as error:
            return {**anew, self.saved: "", self.notice: notice_html(error, language)}
        return {**anew, self.saved: json.dumps({"name": name, "text": text}), self.notice: ""}

    def rate(self, language: Language, history: str, answers: list[Answer], event: gr.EventData) -> Updates:
        """Thumbs up or down on an answer."""
        return self._given(rate, language, history, answers, event)

    def correct(self, language: Language, history: str, answers: list[Answer], event: gr.EventData) -> Updates:
        """What an answer should have cited."""
        return self._given(correct, language, history, answers, event)

    def _given(
        self,
        give: Callable[[Path, Sequence[Answer], Chat, Language, gr.EventData], Given],
        language: Language,
        history: str,
        answers: list[Answer],
        event: gr.EventData,
    ) -> Updates:
        if self._feedback is None:
            return {}
        chat, there, anew = self._recalled(language, history, answers, event)
        form, said = give(self._feedback, there, chat, language, event)
        return {**anew, self.correction: form, self.notice: said}

    def write(
        self, language: Language, answers: list[Answer], fresh: bool, turn: Turn
    ) -> Iterator[tuple[str, Last | None]]:
        """A fresh answer as a language model writes it, below the conversation; at the end the whole, to be settled.

        It breaks off once the visitor has asked anew. Where a visitor leaves, gradio closes it. Of an answer from
        another generation of the index than the live one nothing is written.
        """
        mine, last = turn.number, None
        chat = self._live.current()
        fresh = fresh and answers[-1].generation == chat.generation
        quoted = Quoted(len(answers) - 1, chat.index.documents, language)
        with contextlib.suppress(WenjuError):
            for last in chat.write(answers[-1]) if fresh else ():
                if turn.number != mine:
                    return
                written = last.written and draft_html(last.written, quoted, language)
                yield f'<div class="written"><h3>{say("written", language)}</h3>{written or ""}</div>', None
        yield "", last and (len(answers) - 1, last)

    def settle(self, language: Language, answers: list[Answer], last: Last | None, shown: Shown) -> Updates:
        """Puts what was written into its exchange, where that is still there, and marks what it cites."""
        number, answer = last or (len(answers), None)
        chat = self._live.current()
        if answer is None or number >= len(answers) or answers[number].searched != answer.searched:
            return {self.answers: gr.skip()}
        if answer.generation != chat.generation:  # the index was switched meanwhile: its citations stand as they are
            return {self.answers: gr.skip()}
        settled = [*answers[:number], answer, *answers[number + 1 :]]
        return {
            self.conversation: self._conversation(chat, settled, language),
            self.answers: settled,
            self.article: article_html(chat, settled, shown, language),
        }


def exchange_of(answers: Sequence[Answer], number: int) -> Answer:
    """The answer of that exchange; raises PageError where the conversation holds none."""
    if number not in range(len(answers)):
        raise PageError("not_there")
    return answers[number]
