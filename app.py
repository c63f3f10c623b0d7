"""The page: a conversation on the left, the cited article with its marks on the right. Run `python app.py`."""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: the page asks no outside host

import gradio as gr
import uvicorn
from fastapi import FastAPI

from qa import render
from qa.chat import Chat
from qa.cli import main
from qa.datatypes import Answer
from qa.errors import WenjuError

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
NOTHING_YET = '<p class="source">回答引用的文章会显示在这里。The cited article appears here.</p>'
STYLE = """
.source { line-height: 1.75; max-height: 75vh; overflow: auto; }
.source div { white-space: pre-wrap; overflow-wrap: anywhere; }
.source mark { padding: 0.1em 0.15em; border-radius: 0.2em; }
"""
SCROLL_TO_SOURCE = """() => document.addEventListener('click', event => {
  const link = event.target.closest('a[href^="#source-"]');
  if (!link) return;
  event.preventDefault();
  const mark = document.getElementById(link.getAttribute('href').slice(1));
  if (mark) mark.scrollIntoView({ behavior: 'smooth', block: 'center' });
})"""

Message = dict[str, Any]


def evidence_html(chat: Chat, answer: Answer) -> str:
    """Each cited article once, in the order of its first citation, with all its cited spans marked."""
    marks: dict[str, dict[int, tuple[int, int]]] = {}
    for citation in answer.citations:
        marks.setdefault(citation.passage.document_id, {})[citation.number] = (citation.start, citation.end)
    articles = [render.source_html(chat.document(identity), spans) for identity, spans in marks.items()]
    return "\n".join(articles) or NOTHING_YET


def build_page(chat: Chat) -> gr.Blocks:
    """The page over one chat; it keeps no state but the visitor's own history."""

    def respond(question: str, history: list[Message]) -> tuple[str, list[Message], str]:
        history = [*history, {"role": "user", "content": question}]
        try:
            answer = chat.ask(question)
            said, evidence = render.answer_markdown(answer, chat.index.documents), evidence_html(chat, answer)
        except WenjuError as error:
            said, evidence = f"⚠️ {error}", NOTHING_YET
        return "", [*history, {"role": "assistant", "content": said}], evidence

    with gr.Blocks(title="问据 Wenju", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=3):
                conversation = gr.Chatbot(label="对话 Conversation", height="60vh", elem_id="conversation")
                question = gr.Textbox(
                    label="问题 Question", placeholder="想知道什么？ What would you like to know?",
                    max_length=chat.settings.answer.question_characters, elem_id="question", submit_btn=True,
                )  # fmt: skip
                gr.Examples(EXAMPLES, inputs=question, label="例如 For example")
            with gr.Column(scale=2):
                evidence = gr.HTML(NOTHING_YET, elem_id="evidence")
        question.submit(respond, [question, conversation], [question, conversation, evidence], api_visibility="private")
        page.load(None, js=SCROLL_TO_SOURCE)
    return page


def create_app(chat: Chat) -> FastAPI:
    """The web application: the page at `/`, and `/healthz`."""
    application = FastAPI(title="Wenju", docs_url=None, redoc_url=None)

    @application.get("/healthz")
    def healthz() -> dict[str, object]:
        return {"status": "ok", "passages": len(chat.index.passages)}

    mounted: FastAPI = gr.mount_gradio_app(application, build_page(chat), path="/", css=STYLE, theme=gr.themes.Base())
    return mounted


def serve(chat: Chat, host: str, port: int) -> None:
    """Serves until interrupted."""
    print(f"Wenju is at http://{host}:{port} (Ctrl-C stops it)", flush=True)
    uvicorn.run(create_app(chat), host=host, port=port, log_level="warning")


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.exit(main(["serve", "--corpus", str(here / "corpus"), "--index", str(here / "index"), *sys.argv[1:]]))
