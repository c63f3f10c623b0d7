"""What the page's server lets in: what the page itself asks for, in its own words.

Gradio serves more than one page needs: it stores files that are sent, fetches what a call names by address, and gives
back files of the server's own that a call names by path. None of that is reached from here.
"""

import json
import re
from typing import Annotated, Any, Literal

import gradio as gr
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_CALL = 4_000_000  # bytes; a call brings the conversation along, a few thousand bytes an answer

_READ = re.compile(
    r"/|/(healthz|config|theme\.css|robots\.txt|favicon\.ico|manifest\.json)|/(assets|static)/[\w./@+~-]{1,200}"
    r"|/gradio_api/(startup-events|queue/data|heartbeat/\w{1,64})",
    re.ASCII,
)
_ASKED = ("/gradio_api/run/predict", "/gradio_api/queue/join")


class Part(BaseModel):
    """Text in a bubble; gradio knows files and components besides."""

    type: Literal["text"]
    text: str


class Bubble(BaseModel):
    """A message of the conversation as the page sends it back."""

    role: Literal["user", "assistant"]
    content: Annotated[list[Part], Field(min_length=1, max_length=1)]


class Click(BaseModel):
    """Which bubble was clicked."""

    index: int
    value: Any = None


class Call(BaseModel):
    """One call of the page, the value of each input of its function."""

    fn_index: int
    session_hash: Annotated[str, Field(min_length=1, max_length=64)]
    data: list[Any]
    event_data: Click | None = None
    trigger_id: int | None = None


class Cancel(BaseModel):
    """The end of a call."""

    fn_index: int
    session_hash: str
    event_id: str


_CONVERSATION = TypeAdapter(list[Bubble] | None)
_TYPED = TypeAdapter(str)
_CHOSEN = TypeAdapter(int)


class Gate:
    """Refuses, before gradio sees them, paths that the page does not ask for and calls that it does not make."""

    def __init__(self, app: ASGIApp, page: gr.Blocks) -> None:
        """Stands before an application that serves the page."""
        self._app, self._page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or (scope["method"] in ("GET", "HEAD") and _READ.fullmatch(scope["path"])):
            await self._app(scope, receive, send)
        elif scope["method"] != "POST" or scope["path"] not in (*_ASKED, "/gradio_api/cancel"):
            await JSONResponse({"detail": "Not found."}, 404)(scope, receive, send)
        elif (body := await _body(receive)) is None:
            said = f"A call may have {LONGEST_CALL:,} bytes; clear the conversation and ask again."
            await JSONResponse({"detail": said}, 413)(scope, receive, send)
        elif (call := self._call(scope["path"], body)) is None:
            await JSONResponse({"detail": "This is no call of the page."}, 400)(scope, receive, send)
        else:
            await self._app(scope, _first(call, receive), send)

    def _call(self, path: str, body: bytes) -> bytes | None:
        """The call in nothing but what was checked; None where it is none of the page's."""
        try:
            if path not in _ASKED:
                return Cancel.model_validate(json.loads(body)).model_dump_json().encode()
            call = Call.model_validate(json.loads(body))
            function = self._page.fns[call.fn_index]
            clicked = any(event == "select" for _, event in function.targets)
            if function.fn is None or len(call.data) != len(function.inputs) or clicked > bool(call.event_data):
                return None
            data = [_checked(block, value) for block, value in zip(function.inputs, call.data, strict=True)]
        except (ValidationError, ValueError, KeyError, RecursionError):
            return None
        event = {"index": call.event_data.index, "value": None} if call.event_data else None
        return json.dumps({**call.model_dump(), "data": data, "event_data": event}).encode()


def _checked(block: Any, value: Any) -> Any:
    """The value of an input, of its own type and no other; a state is the server's, whatever is sent for it."""
    if isinstance(block, gr.State):
        return None
    if isinstance(block, gr.Chatbot):
        bubbles = _CONVERSATION.validate_python(value)
        return bubbles and [bubble.model_dump() for bubble in bubbles]
    return (_CHOSEN if isinstance(block, gr.Dataset) else _TYPED).validate_python(value, strict=True)


async def _body(receive: Receive) -> bytes | None:
    """What was sent; None where it is too long."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST_CALL:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _first(body: bytes, receive: Receive) -> Receive:
    """Gives an application that body, then what comes."""
    whole: list[Message] = [{"type": "http.request", "body": body}]

    async def received() -> Message:
        return whole.pop() if whole else await receive()

    return received
