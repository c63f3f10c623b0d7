"""The web server: the page at `/`, the text of each article, and `/healthz`."""

import logging
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import gradio as gr
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse

from qa.chat import LiveChat
from qa.config import PageLimits
from qa.errors import CorpusError, StoreError, WenjuError
from qa.users import Users
from ui.api import add_asking, here
from ui.door import Door
from ui.gate import Gate
from ui.hosts import HostCheck
from ui.limits import Limits
from ui.page import build_page, head
from ui.sessions import Sessions
from ui.stopping import Server
from ui.uploads import add_uploads
from ui.workers import Workers
from ui.workroom import Workroom


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the page is served.

    Attributes:
        read_only: whether nobody may change articles or index from the page.
        users: the file of those who may log in; without one nobody has to.
        names: further names the server answers to, see `HostCheck`.
        questions: a file of questions whose answers are compared after each build.
        feedback: the file that takes what visitors say of answers; without one they are not asked.
        limits: how much visitors may ask.
        workers: processes that answer programs; one is the page's own.
    """

    read_only: bool = False
    users: Path | None = None
    names: tuple[str, ...] = ()
    questions: Path | None = None
    feedback: Path | None = None
    limits: PageLimits = field(default_factory=PageLimits)
    workers: int = 1


def create_app(live: LiveChat, host: str, options: Options) -> FastAPI:
    """The web application over a live chat, for who listens at `host`; what is not named here is the page's own.

    Raises:
        UsersError: if the file of users cannot be used.
    """
    users, limits = Users(options.users) if options.users else None, options.limits
    workroom = Workroom.of(
        live, read_only=options.read_only, roles=bool(users), questions=options.questions, limits=limits
    )
    workers = Workers(options.workers, live.current()) if options.workers > 1 else None
    application = FastAPI(
        title="Wenju", docs_url=None, redoc_url=None, openapi_url=None, lifespan=workers and workers.running
    )
    page = build_page(live, workroom, options.feedback)
    application.add_middleware(Gate, page=page, limits=Limits(limits, options.workers))
    if users:
        application.add_middleware(Door, sessions=Sessions(users, limits.session_hours * 3600))
    application.add_middleware(HostCheck, host=host, names=options.names)  # what is added last comes first

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
        except StoreError as error:
            raise HTTPException(503, error.for_visitors("en")) from error
        return PlainTextResponse(text, headers={"X-Content-Type-Options": "nosniff"})

    @application.get("/standing")
    def standing(request: Request, language: Literal["zh", "en"] = "en") -> dict[str, str | int]:
        """Where the index stands to the articles, asked by every open page every few seconds."""
        return workroom.standing(language, request)

    add_uploads(application, workroom)
    add_asking(application, workers or here(live))
    mounted: FastAPI = gr.mount_gradio_app(
        application, page, path="/", head=head(), theme=gr.themes.Base(), footer_links=[],
        auth_dependency=(lambda request: request.user.name) if users else None,
    )  # fmt: skip
    return mounted


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes calls, at any free port where it is 0.

    Raises:
        WenjuError: if nothing can be served there.
    """
    if port not in range(65_536):
        raise WenjuError(f"There is no port {port}; choose one up to 65535.")
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise WenjuError(f"Nothing can be served at {host}, port {port}: {error}; choose others.") from error
    # asyncio does so only where it makes the socket itself; without it most answers wait 40 ms for the browser's word.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(live: LiveChat, host: str, port: int, options: Options) -> None:
    """Serves until interrupted; the address is printed once it takes calls. Port 0 takes any free one.

    Raises:
        WenjuError: if nothing can be served there, or the file of users cannot be used.
    """
    listening = listen(host, port)
    server = Server(create_app(live, host, options), log_level="warning")
    # Pages that are still open are cut off when it stops, which is no error.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not server.should_exit)
    threading.Thread(target=live.current().warm_up, daemon=True).start()  # while the page is opened
    print(f"Wenju is at http://{host}:{listening.getsockname()[1]} (Ctrl-C stops it)", flush=True)
    server.run(sockets=[listening])
