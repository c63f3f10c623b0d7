"""What the page's server lets in: what the page itself asks for, in its own words.

Gradio serves more than one page needs: it stores files that are sent, fetches what a call names by address, and gives
back files of the server's own that a call names by path. None of that is reached from here.
"""

import json
import re
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.block_function import BlockFunction
from pydantic import BaseModel, Field, StrictInt, TypeAdapter, ValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.limits import Limits
from ui.refusals import refusal

_READ = re.compile(
    r"/|/(healthz|standing|config|theme\.css|robots\.txt|favicon\.ico|manifest\.json)|/articles/.{1,2000}|/(assets|static)/[\w./@+~-]{1,200}"
    r"|/gradio_api/(app_id|startup-events|queue/data|heartbeat/\w{1,64})",
    re.ASCII,
)
_WRITTEN = re.compile(r"/articles/.{1,2000}")
Name = Annotated[str, Field(max_length=20)]
Value = Annotated[str, Field(strict=True, max_length=10_000)]
ASK = "/api/ask"
_ASKED = ("/gradio_api/run/predict", "/gradio_api/queue/join")
_OWN = ("header", "in_language", "render", "uploaded")  # what an open page calls by itself is never too often


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
    """Refuses, before gradio sees them, paths that the page does not ask for and calls that it does not make.

    Of those that it makes, it refuses the ones above the limits; what is only read is never counted.
    """

    def __init__(self, app: ASGIApp, page: gr.Blocks, limits: Limits) -> None:
        """Stands before an application that serves the page."""
        self._app, self._page, self._limits = app, page, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or (scope["method"] in ("GET", "HEAD") and _READ.fullmatch(scope["path"])):
            await self._app(scope, receive, send)
        elif is_from_elsewhere(scope):
            await JSONResponse({"detail": "Another site may not call the page."}, 403)(scope, receive, send)
        elif scope["method"] == "PUT" and _WRITTEN.fullmatch(scope["path"]):
            await self._limits.paced(self._app, scope, receive, send)
        elif scope["method"] == "GET" and scope["path"] == ASK:
            await self._asked(scope, receive, send)
        elif scope["method"] != "POST" or scope["path"] not in (ASK, *_ASKED, "/gradio_api/cancel"):
            await JSONResponse({"detail": "Not found."}, 404)(scope, receive, send)
        elif (body := await body_of(receive, self._limits.sizes.call_bytes)) is None:
            await refusal(scope, 413, "call_long", limit=f"{self._limits.sizes.call_bytes:,}")(scope, receive, send)
        elif scope["path"] == ASK:
            await self._asked(scope, _first(body, receive), send)
        elif scope["path"] in _ASKED:
            await self._called(body, scope, receive, send)
        elif (cancel := _cancel(body)) is None:
            await _no_call(scope, receive, send)
        else:
            await self._app(scope, _first(cancel, receive), send)

    async def _asked(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets in a question of a program once there is a place for it."""
        await self._limits.paced(partial(self._limits.asked.placed, self._app), scope, receive, send)

    async def _called(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets in a call that the page makes: one that may have to answer questions once there is a place for it."""
        if (call := self._call(body)) is None:
            await _no_call(scope, receive, send)
            return
        (function, checked), limits = call, self._limits
        receive = _first(checked, receive)
        if _answers(function):
            await limits.paced(partial(limits.page.placed, self._app), scope, receive, send)
        elif function.name in _OWN:
            await self._app(scope, receive, send)
        else:
            await limits.paced(self._app, scope, receive, send)

    def _call(self, body: bytes) -> tuple[BlockFunction, bytes] | None:
        """A function and its call in nothing but what was checked; None where the page has no such call."""
        try:
            call = Call.model_validate(json.loads(body))
            function = self._page.fns[call.fn_index]
            if function.fn is None or len(call.data) != len(function.inputs):
                return None
            data = [_checked(block, value) for block, value in zip(function.inputs, call.data, strict=True)]
            event = _EVENT.validate_python(call.event_data) if function.collects_event_data else None
        except (ValidationError, ValueError, KeyError, RecursionError):
            return None
        return function, json.dumps({**call.model_dump(), "data": data, "event_data": event}).encode()


async def _no_call(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"detail": "This is no call of the page."}, 400)(scope, receive, send)


def _cancel(body: bytes) -> bytes | None:
    """The end of a call in nothing but what was checked; None where it is none."""
    try:
        return Cancel.model_validate(json.loads(body)).model_dump_json().encode()
    except (ValidationError, ValueError, RecursionError):
        return None


def _answers(function: BlockFunction) -> bool:
    """Whether a function may have to answer questions: it takes the conversation that the browser keeps."""
    return any(block.elem_id == "history" for block in function.inputs)


def _checked(block: Any, value: Any) -> str | None:
    """The value of an input, which is text; a state is the server's, whatever is sent for it."""
    return None if isinstance(block, gr.State) else _TYPED.validate_python(value)


def is_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that a page of another site makes the call, which could be to delete an article."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc != headers.get(b"host")


async def body_of(receive: Receive, most: int) -> bytes | None:
    """What was sent; None where it is longer than that many bytes, of which no more is read."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _first(body: bytes, receive: Receive) -> Receive:
    """Gives an application that body, then what comes."""
    whole: list[Message] = [{"type": "http.request", "body": body}]

    async def received() -> Message:
        return whole.pop() if whole else await receive()

    return received
