"""The page: a conversation on the left, the cited article with its marks on the right. Run `python app.py`."""

import contextlib
import html
import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

# gradio reads these: the page asks no outside host, and the browser keeps no record of what was asked.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")

import gradio as gr
import uvicorn
from fastapi import FastAPI

from qa import render
from qa.chat import Chat
from qa.cli import main
from qa.datatypes import Answer, Citation, Written
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
Writings = dict[int, Written]  # what a language model wrote to a visitor, by the number of the exchange
Last = tuple[int, Answer]  # the number of an exchange, and its answer once all is written
LEAVE_SECONDS = 2  # an open page holds a connection for as long as it is open; stopping does not wait for it
WRITERS = 16  # visitors a language model may write for at once; others wait their turn


@dataclass(slots=True)
class Turn:
    """How often one visitor has asked; gradio keeps the same object for as long as the visitor stays."""

    number: int = 0


def evidence_html(chat: Chat, answer: Answer) -> str:
    """Each cited article once, in the order of its first citation, with all its cited spans marked."""
    marks: dict[str, dict[int, tuple[int, int]]] = {}
    for citation in filter(partial(still_stands, chat), answer.sources):
        marks.setdefault(citation.passage.document_id, {})[citation.number] = (citation.start, citation.end)
    articles = [render.source_html(chat.document(identity), spans) for identity, spans in marks.items()]
    return "\n".join(articles) or NOTHING_CITED


def still_stands(chat: Chat, citation: Citation) -> bool:
    """Whether a citation, perhaps of a while ago, stands in its file as the file is now."""
    try:
        text = chat.document(citation.passage.document_id).text
    except CorpusError:
        return False
    return text[citation.start : citation.end] == citation.quote


def notice_html(error: WenjuError, chat: Chat) -> str:
    """What went wrong and what to do, in both languages."""
    limit = f"请用中文或英文提问，不超过{chat.settings.answer.question_characters:,}字。"
    advice = limit if isinstance(error, QuestionError) else "请重新建立索引。"
    return f'<p role="alert">⚠️ {advice}{html.escape(str(error))}</p>'


def question_of(history: list[Message], index: int) -> str:
    """The question of the exchange a bubble belongs to, as it was before `render.plain_markdown`."""
    return html.unescape(re.sub(r"\\(.)", r"\1", history[index - index % 2]["content"][0]["text"]))


def write(chat: Chat, history: list[Message], fresh: bool, turn: Turn) -> Iterator[tuple[str, Last | None]]:
    """A fresh answer as a language model writes it, below the conversation; at the end the whole, to be settled.

    It breaks off once the visitor has asked anew. Where a visitor leaves, gradio closes it.
    """
    mine, last = turn.number, None
    with contextlib.suppress(WenjuError):
        for last in chat.write(chat.ask(question_of(history, len(history) - 1))) if fresh else ():
            if turn.number != mine:
                return
            yield render.written_markdown(last), None
    yield "", last and (len(history) // 2 - 1, last)


def settle(chat: Chat, history: list[Message], writings: Writings, last: Last | None) -> tuple[Any, Any, Any]:
    """Puts what was written into the bubble of its exchange, where that is still there, and marks what it cites."""
    number, answer = last or (len(history), None)
    place = 2 * number + 1
    if answer is None or place >= len(history) or question_of(history, place) != answer.question:
        return gr.skip(), gr.skip(), gr.skip()
    said = {"role": "assistant", "content": render.answer_markdown(answer, chat.index.documents)}
    settled = [*history[:place], said, *history[place + 1 :]]
    if answer.written is None:
        return settled, gr.skip(), gr.skip()
    return settled, evidence_html(chat, answer), {**writings, number: answer.written}


def build_page(chat: Chat) -> gr.Blocks:
    """The page over one chat; it keeps no state but the visitor's own history."""

    def found(question: str) -> tuple[Answer | None, Any, str]:
        try:
            answer = chat.ask(question)
            return answer, evidence_html(chat, answer), ""
        except WenjuError as error:
            return None, gr.skip(), notice_html(error, chat)

    def respond(question: str, history: list[Message], turn: Turn) -> tuple[Any, Any, Any, str, bool]:
        turn.number += 1
        answer, evidence, notice = found(question)
        if answer is None:
            return gr.skip(), gr.skip(), evidence, notice, False
        asked, said = render.plain_markdown(question), render.answer_markdown(answer, chat.index.documents)
        exchange = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        return "", [*history, *exchange], evidence, notice, True

    def recall(history: list[Message], writings: Writings, event: gr.SelectData) -> tuple[Any, str]:
        answer, evidence, notice = found(question_of(history, event.index))
        written = writings.get(event.index // 2)
        return evidence_html(chat, replace(answer, written=written)) if answer and written else evidence, notice

    def forget(turn: Turn) -> tuple[str, str, str, Writings]:
        turn.number += 1
        return NOTHING_YET, "", "", {}

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
                notice = gr.HTML(elem_id="notice")
                examples = gr.Examples(EXAMPLES, inputs=question, label="例如 For example", elem_id="examples")
            with gr.Column(scale=2):
                evidence = gr.HTML(NOTHING_YET, elem_id="evidence")
        # Without gradio's queue: an answer takes milliseconds, and the queue can lose one of two calls close together.
        direct = {"queue": False, "api_visibility": "private"}
        turn, fresh, last, writings = gr.State(Turn()), gr.State(False), gr.State(None), gr.State({})
        asking = {
            "inputs": [question, conversation, turn],
            "outputs": [question, conversation, evidence, notice, fresh],
            **direct,
        }
        answered = [
            event(respond, **asking).then(None, js=SHOW_MARKS)
            for event in (question.submit, examples.load_input_event.then)
        ]
        if chat.writes:
            shown = [conversation, evidence, writings]
            writing = {
                "inputs": [conversation, fresh, turn],
                "outputs": [draft, last],
                "concurrency_limit": WRITERS,
                "trigger_mode": "multiple",
                "api_visibility": "private",
                "show_progress": "hidden",
            }
            for event in answered:
                event.then(partial(write, chat), **writing).then(
                    partial(settle, chat), [conversation, writings, last], shown, **direct
                )
        recalling = {"inputs": [conversation, writings], "outputs": [evidence, notice], **direct}
        conversation.select(recall, **recalling).then(None, js=SHOW_MARKS)
        conversation.clear(forget, turn, [evidence, notice, draft, writings], **direct)
        page.load(None, js=NOTE_WANTED_MARK)
    return page


def create_app(chat: Chat) -> FastAPI:
    """The web application: the page at `/`, and `/healthz`."""
    application = FastAPI(title="Wenju", docs_url=None, redoc_url=None)

    @application.get("/healthz")
    def healthz() -> dict[str, object]:
        return {"status": "ok", "passages": len(chat.index.passages)}

    mounted: FastAPI = gr.mount_gradio_app(
        application, build_page(chat), path="/", css=STYLE, theme=gr.themes.Base(), footer_links=[]
    )
    return mounted


def serve(chat: Chat, host: str, port: int) -> None:
    """Serves until interrupted; the address is printed once it takes calls. Port 0 takes any free one."""
    if port not in range(65_536):
        raise WenjuError(f"There is no port {port}; choose one up to 65535.")
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise WenjuError(f"Nothing can be served at {host}, port {port}: {error}; choose others.") from error
    settings = uvicorn.Config(create_app(chat), log_level="warning", timeout_graceful_shutdown=LEAVE_SECONDS)
    server = uvicorn.Server(settings)
    print(f"Wenju is at http://{host}:{listening.getsockname()[1]} (Ctrl-C stops it)", flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.exit(main(["serve", "--corpus", str(here / "corpus"), "--index", str(here / "index"), *sys.argv[1:]]))
