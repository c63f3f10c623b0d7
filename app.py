"""The page: a conversation on the left, the cited article with its marks on the right. Run `python app.py`."""

import base64
import contextlib
import html
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

# gradio reads these: the page asks no outside host, and the browser keeps no record of what was asked.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")

import gradio as gr
import uvicorn
from fastapi import FastAPI

from gate import Gate
from qa import receipts, render
from qa.chat import Chat, LiveChat
from qa.cli import main
from qa.datatypes import Answer, Citation
from qa.errors import CorpusError, QuestionError, WenjuError

EXAMPLES = [
    "2026中关村论坛年会是什么时候举行的？",
    "众智FlagOS 2.0支持多少款芯片？",
    "How many guests gave speeches at the forum?",
    "What can the robot canteen do on its own?",
    "火星上的基地什么时候建成？",
]
INTRODUCTION = (
    "# 问据 Wenju\n用中文或英文提问，回答只由文章原句组成，每句都可核对。\n\n"
    "Ask in Chinese or English; answers are sentences of the articles, each one checkable."
)
NOTHING_YET = "<p>回答引用的文章会显示在这里。The cited article appears here.</p>"
NOTHING_CITED = "<p>这个回答没有引用文章。This answer cites no article.</p>"
STYLE = """
.source { position: relative; max-height: 75vh; overflow: auto; padding: 0 1em; line-height: 1.75;
  margin-bottom: 1em; border: 1px solid var(--border-color-primary); border-radius: var(--block-radius); }
.source div { white-space: pre-wrap; overflow-wrap: anywhere; }
#evidence h2 { position: sticky; top: 0; margin: 0; padding: 0.5em 0; font-size: 1.15em;
  background: var(--body-background-fill); }
#evidence .receipt { margin: 0 0 0.6em; text-align: right; font-size: 0.85em; }
#evidence .receipt a { display: inline-block; padding: 0.2em 0.8em; color: inherit; text-decoration: none;
  border: 1px solid var(--border-color-primary); border-radius: var(--block-radius); }
#evidence mark, #evidence sup { padding: 0.1em 0.15em; border-radius: 0.2em; color: black; background: #ffe066; }
"""
NOTE_WANTED_MARK = """() => document.addEventListener('click', event => {
  const link = event.target.closest('a[href^="#source-"]');
  if (link) event.preventDefault();
  window.wantedMark = link && link.hash.slice(1);
}, true)"""
SHOW_MARKS = """() => requestAnimationFrame(() => {
  const wanted = document.getElementById(window.wantedMark);
  for (const article of document.querySelectorAll('.source:has(mark)'))
    article.scrollTop = article.querySelector('mark').offsetTop - 80;
  if (wanted) wanted.scrollIntoView({ block: 'center' });
  window.wantedMark = null;
})"""

Message = dict[str, Any]
Last = tuple[int, Answer]  # the number of an exchange, and its answer once all is written
LEAVE_SECONDS = 2  # an open page holds a connection for as long as it is open; stopping does not wait for it
WRITERS = 16  # visitors a language model may write for at once; others wait their turn


@dataclass(slots=True)
class Turn:
    """How often one visitor has asked; gradio keeps the same object for as long as the visitor stays."""

    number: int = 0


def evidence_html(chat: Chat, answer: Answer) -> str:
    """Each cited article once, in the order of its first citation, with all its cited spans marked; and its receipt."""
    marks: dict[str, dict[int, tuple[int, int]]] = {}
    for citation in filter(partial(still_stands, chat), answer.sources):
        marks.setdefault(citation.passage.document_id, {})[citation.number] = (citation.start, citation.end)
    articles = [render.source_html(chat.document(identity), spans) for identity, spans in marks.items()]
    return receipt_link(chat, answer) + ("\n".join(articles) or NOTHING_CITED)


def receipt_link(chat: Chat, answer: Answer) -> str:
    """What saves the receipt of an answer: the file is in the link itself, so none of it stays on the server."""
    content = base64.b64encode(receipts.to_json(chat.receipt(answer), indent=1).encode()).decode()
    link = f'<a download="receipt.json" href="data:application/json;base64,{content}">保存凭据 Save receipt</a>'
    return f'<p class="receipt">{link}</p>'


def still_stands(chat: Chat, citation: Citation) -> bool:
    """Whether a citation, perhaps of a while ago, stands in its file as the file is now."""
    try:
        text = chat.document(citation.passage.document_id).text
    except CorpusError:
        return False
    return text[citation.start : citation.end] == citation.quote


def notice_html(error: WenjuError, chat: Chat) -> str:
    """What went wrong and what to do, in both languages."""
    most = chat.settings.answer.question_characters
    limit = f"请用中文或英文提问，不超过{most:,}字（question_characters，可在设置中调高）。"
    advice = limit if isinstance(error, QuestionError) else "请重新建立索引。"
    return f'<p role="alert">⚠️ {advice}{html.escape(str(error))}</p>'


def forgotten(history: list[Message], answers: list[Answer]) -> int:
    """How many exchanges on the page the server does not know: it was started anew, or the page was away for long."""
    return len(history) // 2 - len(answers)


def asked_again(chat: Chat, history: list[Message], answers: list[Answer], index: int) -> Answer:
    """The question of the exchange a bubble belongs to, asked of the articles as they are now.

    With what was searched and written for it then, where the server knows. The question is the one that was asked,
    before `render.plain_markdown`.
    """
    if index not in range(len(history)):
        raise QuestionError("The conversation was cleared; ask again.")
    question = html.unescape(re.sub(r"\\(.)", r"\1", history[index - index % 2]["content"][0]["text"]))
    number = index // 2 - forgotten(history, answers)
    if number not in range(len(answers)):
        return chat.ask(question, searched_as=question)
    before = answers[number]
    return replace(chat.ask(question, searched_as=before.searched), written=before.written, notice=before.notice)


def writable(text: str) -> str:
    """Text that any encoding can write: a lone surrogate, half a character, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def write(live: LiveChat, answers: list[Answer], fresh: bool, turn: Turn) -> Iterator[tuple[str, Last | None]]:
    """A fresh answer as a language model writes it, below the conversation; at the end the whole, to be settled.

    It breaks off once the visitor has asked anew. Where a visitor leaves, gradio closes it. Of an answer from another
    generation of the index than the live one nothing is written.
    """
    mine, last = turn.number, None
    chat = live.current()
    fresh = fresh and answers[-1].generation == chat.generation
    with contextlib.suppress(WenjuError):
        for last in chat.write(answers[-1]) if fresh else ():
            if turn.number != mine:
                return
            yield render.written_markdown(last), None
    yield "", last and (len(answers) - 1, last)


def settle(live: LiveChat, history: list[Message], answers: list[Answer], last: Last | None) -> tuple[Any, ...]:
    """Puts what was written into the bubble of its exchange, where that is still there, and marks what it cites."""
    number, answer = last or (len(answers), None)
    place, chat = 2 * (number + forgotten(history, answers)) + 1, live.current()
    if answer is None or number >= len(answers) or answers[number].searched != answer.searched:
        return gr.skip(), gr.skip(), gr.skip(), gr.skip()
    if answer.generation != chat.generation:  # the index was switched meanwhile: its citations stand as they are
        return gr.skip(), gr.skip(), gr.skip(), gr.skip()
    said = {"role": "assistant", "content": render.answer_markdown(answer, chat.index.documents)}
    settled = [*history[:place], said, *history[place + 1 :]]
    kept = [*answers[:number], answer, *answers[number + 1 :]]
    return settled, kept, answer, evidence_html(chat, answer) if answer.written else gr.skip()


def build_page(live: LiveChat) -> gr.Blocks:
    """The page over the live chat; it keeps no state but each visitor's own: the answers so far, and the one shown.

    Whatever a visitor does is done with the chat of one generation from beginning to end.
    """

    def shown(chat: Chat, ask: Callable[[], Answer]) -> tuple[Any, Any, Any, str]:
        """The answer, what was searched for it, its articles, and what went wrong."""
        try:
            answer = ask()
            return answer, gr.update(value=writable(answer.searched), visible=True), evidence_html(chat, answer), ""
        except WenjuError as error:
            return gr.skip(), gr.skip(), gr.skip(), notice_html(error, chat)

    def converse(
        chat: Chat, ask: Callable[[], Answer], history: list[Message], answers: list[Answer], turn: Turn
    ) -> tuple[Any, ...]:
        turn.number += 1
        answer, searched, evidence, notice = shown(chat, ask)
        if notice:
            return gr.skip(), gr.skip(), answer, searched, evidence, notice, False
        asked, said = render.plain_markdown(answer.question), render.answer_markdown(answer, chat.index.documents)
        exchange = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        return [*history, *exchange], [*answers, answer], answer, searched, evidence, notice, True

    def respond(question: str, history: list[Message], answers: list[Answer], turn: Turn) -> tuple[Any, ...]:
        chat = live.current()
        said = converse(chat, lambda: chat.ask(question, history=answers), history, answers, turn)
        return "" if said[-1] else gr.skip(), *said

    def search_again(
        searched: str, last: Answer | None, history: list[Message], answers: list[Answer], turn: Turn
    ) -> tuple[Any, ...]:
        chat, question = live.current(), last.question if last else searched
        return converse(chat, lambda: chat.ask(question, searched_as=searched), history, answers, turn)

    def recall(history: list[Message], answers: list[Answer], event: gr.SelectData) -> tuple[Any, Any, Any, str]:
        chat = live.current()
        return shown(chat, lambda: asked_again(chat, history, answers, event.index))

    def forget(turn: Turn) -> tuple[Any, ...]:
        turn.number += 1
        return [], None, gr.update(value="", visible=False), NOTHING_YET, "", ""

    with gr.Blocks(title="问据 Wenju", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=3):
                conversation = gr.Chatbot(
                    show_label=False, height="50vh", elem_id="conversation", buttons=[], latex_delimiters=[],
                )  # fmt: skip
                draft = gr.Markdown(elem_id="draft", latex_delimiters=[])
                question = gr.Textbox(
                    label="问题 Question", placeholder="想知道什么？ What would you like to know?",
                    elem_id="question", submit_btn="提问 Ask",
                )  # fmt: skip
                searched = gr.Textbox(
                    label="检索的问题，可以修改 Searched as, to be edited", elem_id="searched",
                    submit_btn="重新检索 Search again", visible=False,
                )  # fmt: skip
                notice = gr.HTML(elem_id="notice")
                examples = gr.Examples(EXAMPLES, inputs=question, label="例如 For example", elem_id="examples")
            with gr.Column(scale=2):
                evidence = gr.HTML(NOTHING_YET, elem_id="evidence")
        answers, answer = gr.State([]), gr.State(None)
        # Without gradio's queue: an answer takes milliseconds, and the queue can lose one of two calls close together.
        direct = {"queue": False, "api_visibility": "private"}
        turn, fresh, last = gr.State(Turn()), gr.State(False), gr.State(None)
        about_it = [answer, searched, evidence, notice]
        outputs = [conversation, answers, *about_it, fresh]
        asked = [question, conversation, answers, turn]
        corrected = [searched, answer, conversation, answers, turn]
        answered = [
            question.submit(respond, asked, [question, *outputs], **direct).then(None, js=SHOW_MARKS),
            examples.load_input_event.then(respond, asked, [question, *outputs], **direct).then(None, js=SHOW_MARKS),
            searched.submit(search_again, corrected, outputs, **direct).then(None, js=SHOW_MARKS),
        ]
        for event in answered if live.current().writes else ():
            event.then(
                partial(write, live), [answers, fresh, turn], [draft, last], concurrency_limit=WRITERS,
                trigger_mode="multiple", api_visibility="private", show_progress="hidden",
            ).then(
                partial(settle, live), [conversation, answers, last], [conversation, answers, answer, evidence],
                **direct,
            )  # fmt: skip
        conversation.select(recall, [conversation, answers], about_it, **direct).then(None, js=SHOW_MARKS)
        conversation.clear(forget, turn, [answers, *about_it, draft], **direct)
        page.load(None, js=NOTE_WANTED_MARK)
    return page


def create_app(live: LiveChat) -> FastAPI:
    """The web application: the page at `/`, and `/healthz`."""
    application, page = FastAPI(title="Wenju", docs_url=None, redoc_url=None, openapi_url=None), build_page(live)
    application.add_middleware(Gate, page=page)

    @application.get("/healthz")
    def healthz() -> dict[str, object]:
        chat = live.current()
        said = {"status": "ok", "passages": len(chat.index.passages), "generation": chat.generation}
        return {**said, "problem": live.problem} if live.problem else said

    mounted: FastAPI = gr.mount_gradio_app(
        application, page, path="/", css=STYLE, theme=gr.themes.Base(), footer_links=[]
    )
    return mounted


def serve(live: LiveChat, host: str, port: int) -> None:
    """Serves until interrupted; the address is printed once it takes calls. Port 0 takes any free one."""
    if port not in range(65_536):
        raise WenjuError(f"There is no port {port}; choose one up to 65535.")
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise WenjuError(f"Nothing can be served at {host}, port {port}: {error}; choose others.") from error
    settings = uvicorn.Config(create_app(live), log_level="warning", timeout_graceful_shutdown=LEAVE_SECONDS)
    server = uvicorn.Server(settings)
    # Pages that are still open are cut off when it stops, which is no error.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not server.should_exit)
    print(f"Wenju is at http://{host}:{listening.getsockname()[1]} (Ctrl-C stops it)", flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.exit(main(["serve", "--corpus", str(here / "corpus"), "--index", str(here / "index"), *sys.argv[1:]]))
