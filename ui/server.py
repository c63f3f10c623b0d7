"""The web server: the page at `/`, the text of each article, and `/healthz`."""

import logging
import socket
from pathlib import Path
from typing import Literal

import gradio as gr
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse

from qa.chat import LiveChat
from qa.errors import CorpusError, WenjuError
from ui.gate import Gate
from ui.page import build_page, head
from ui.uploads import add_uploads
from ui.workroom import Workroom

LEAVE_SECONDS = 2  # an open page holds a connection for as long as it is open; stopping does not wait for it


def create_app(
    live: LiveChat, *, read_only: bool = False, questions: Path | None = None, feedback: Path | None = None
) -> FastAPI:
    """The web application; every path that is not named here is the page's own.

    Args:
        live: what answers.
        read_only: whether nobody may change articles or index from the page.
        questions: a file of questions whose answers are compared after each build.
        feedback: the file that takes what visitors say of answers; without one they are not asked.
    """
    workroom = Workroom.of(live, read_only=read_only, questions=questions)
    application = FastAPI(title="Wenju", docs_url=None, redoc_url=None, openapi_url=None)
    page = build_page(live, workroom, feedback)
    application.add_middleware(Gate, page=page)

    @application.get("/healthz")
    def healthz() -> dict[str, object]:
        chat = live.current()
        said = {"status": "ok", "passages": len(chat.index.passages), "generation": chat.generation}
        return {**said, "problem": live.problem.for_visitors("en")} if live.problem else said

    @application.get("/articles/{document_id:path}")
    def article(document_id: str) -> PlainTextResponse:
        """The text of an article of the index, and of no other file."""
        try:
            text = live.current().document(document_id).text
        except CorpusError as error:
            raise HTTPException(404, "The index holds no such article.") from error
        return PlainTextResponse(text, headers={"X-Content-Type-Options": "nosniff"})

    @application.get("/standing")
    def standing(language: Literal["zh", "en"] = "en") -> dict[str, str | int]:
        """Where the index stands to the articles, asked by every open page every few seconds."""
        return workroom.standing(language)

    add_uploads(application, workroom)
    mounted: FastAPI = gr.mount_gradio_app(
        application, page, path="/", head=head(), theme=gr.themes.Base(), footer_links=[]
    )
    return mounted


def serve(
    live: LiveChat,
    host: str,
    port: int,
    *,
    read_only: bool = False,
    questions: Path | None = None,
    feedback: Path | None = None,
) -> None:
    """Serves until interrupted; the address is printed once it takes calls. Port 0 takes any free one.

    Raises:
        WenjuError: if nothing can be served there.
    """
    if port not in range(65_536):
        raise WenjuError(f"There is no port {port}; choose one up to 65535.")
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise WenjuError(f"Nothing can be served at {host}, port {port}: {error}; choose others.") from error
    settings = uvicorn.Config(
        create_app(live, read_only=read_only, questions=questions, feedback=feedback),
        log_level="warning",
        timeout_graceful_shutdown=LEAVE_SECONDS,
    )
    server = uvicorn.Server(settings)
    # Pages that are still open are cut off when it stops, which is no error.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not server.should_exit)
    print(f"Wenju is at http://{host}:{listening.getsockname()[1]} (Ctrl-C stops it)", flush=True)
    server.run(sockets=[listening])
