"""What the page's server lets in: what the page itself asks for, in its own words.

Gradio serves more than one page needs: it stores files that are sent, fetches what a call names by address, and gives
back files of the server's own that a call names by path. None of that is reached from here.
"""

import json
import re
from typing import Annotated, Any

import gradio as gr
from pydantic import BaseModel, Field, StrictInt, TypeAdapter, ValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_CALL = 4_000_000  # bytes; a call brings what was asked so far, up to a few thousand bytes a question

_READ = re.compile(
    r"/|/(healthz|config|theme\.css|robots\.txt|favicon\.ico|manifest\.json)|/articles/.{1,2000}|/(assets|static)/[\w./@+~-]{1,200}"
    r"|/gradio_api/(app_id|startup-events|queue/data|heartbeat/\w{1,64})",
    re.ASCII,
)
Name = Annotated[str, Field(max_length=20)]
Value = Annotated[str, Field(strict=True, max_length=10_000)]
_ASKED = ("/gradio_api/run/predict", "/gradio_api/queue/join")


class Call(BaseModel):
    """One call of the page, the value of each input of its function."""

    fn_index: int
    session_hash: Annotated[str, Field(min_length=1, max_length=64)]
    data: list[Any]
    event_data: Any = None
    trigger_id: int | None = None


class Cancel(BaseModel):
    """The end of a call."""

    fn_index: int
    session_hash: str
    event_id: str


_TYPED = TypeAdapter(Annotated[str, Field(strict=True)])
_EVENT = TypeAdapter(dict[Name, StrictInt | Value])


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
            said = f"A call may have {LONGEST_CALL:,} bytes; begin a new conversation."
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
            if function.fn is None or len(call.data) != len(function.inputs):
                return None
            data = [_checked(block, value) for block, value in zip(function.inputs, call.data, strict=True)]
            event = _EVENT.validate_python(call.event_data) if function.collects_event_data else None
        except (ValidationError, ValueError, KeyError, RecursionError):
            return None
        return json.dumps({**call.model_dump(), "data": data, "event_data": event}).encode()


def _checked(block: Any, value: Any) -> str | None:
    """The value of an input, which is text; a state is the server's, whatever is sent for it."""
    return None if isinstance(block, gr.State) else _TYPED.validate_python(value)


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
