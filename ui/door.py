"""The door: nobody comes in without having logged in, and who fails too often has to wait."""

import asyncio
import math
from collections.abc import Mapping
from urllib.parse import parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.errors import UsersError
from qa.text import Language
from qa.users import LONGEST_NAME, User
from ui.gate import body_of, is_from_elsewhere
from ui.limits import Pace, address_of
from ui.login import login_html
from ui.refusals import language_of, refusal
from ui.sessions import Sessions
from ui.texts import say

LONGEST_FORM = 20_000  # bytes
FAILURES, FAILURES_OF_ADDRESS, FORGOTTEN_SECONDS = 5, 20, 300  # of a name from an address; of an address
_OPEN = ("/healthz",)
_KEPT = ("/assets/", "/static/")  # files of the page that a browser may keep: nobody's in particular
_STATUS = {"login_wrong": 401, "logins_too_often": 429, "login_unavailable": 503}
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
}


class Door:
    """Stands before the whole application: answers for the login page itself, and lets in who has logged in.

    What is let in has the user as `request.user`.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions
        self._failures = Pace(FAILURES, FORGOTTEN_SECONDS)
        self._failures_of_address = Pace(FAILURES_OF_ADDRESS, FORGOTTEN_SECONDS)
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "lifespan" or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] in ("/login", "/logout"):
            await (await self._answer(Request(scope, receive)))(scope, receive, send)
        elif user := self._sessions.user(_token(Request(scope))):
            await self._app({**scope, "user": user}, receive, _marking(scope, user, send))
        elif scope["method"] == "GET" and "text/html" in Request(scope).headers.get("accept", ""):
            await RedirectResponse("/login", 303, {"Cache-Control": "no-store"})(scope, receive, send)
        else:
            await refusal(scope, 401, "session_over")(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match request.method, request.url.path:
            case (("GET" | "HEAD"), "/login"):
                return _page(language_of(request.scope))
            case "POST", _ if is_from_elsewhere(request.scope):
                return JSONResponse({"detail": "Another site may not call the page."}, 403)
            case "POST", "/login":
                return await self._log_in(request)
            case "POST", "/logout":
                self._sessions.end(_token(request))
                response = Response(status_code=204)
                response.delete_cookie(_cookie(request.scope), httponly=True, samesite="lax")
                return response
        return JSONResponse({"detail": "Not found."}, 404)

    async def _log_in(self, request: Request) -> Response:
        form = await _form(request)
        if form is None:
            return refusal(request.scope, 413, "call_long", limit=f"{LONGEST_FORM:,}")
        language: Language = "zh" if form.get("language") == "zh" else "en"
        name, address = form.get("name", "")[:LONGEST_NAME], address_of(request.scope)
        async with (
            self._one_at_a_time
        ):  # many attempts at once are no more than one after the other, and take no more room
            wait = max(self._failures.wait(f"{address} {name}"), self._failures_of_address.wait(address))
            if wait:
                return _page(language, "logins_too_often", name, wait)
            try:
                user = await run_in_threadpool(self._sessions.users.verified, name, form.get("password", ""))
            except UsersError:
                return _page(language, "login_unavailable", name)
            if user is None:
                self._failures.count(f"{address} {name}")
                self._failures_of_address.count(address)
                return _page(language, "login_wrong", name)
        return self._logged_in(request, user)

    def _logged_in(self, request: Request, user: User) -> Response:
        response = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
        # A proxy that takes https calls us over http; which of them the browser uses, it says itself.
        secure = "https" in (request.url.scheme, urlsplit(request.headers.get("origin", "")).scheme)
        response.set_cookie(
            _cookie(request.scope), self._sessions.begun(user), max_age=self._sessions.seconds, httponly=True,
            samesite="lax", secure=secure,
        )  # fmt: skip
        return response


def _cookie(scope: Scope) -> str:
    """The cookie's name, with the port: browsers send a host's cookies to all its ports."""
    _, port = scope.get("server") or ("", 0)
    return f"wenju-session-{port}"


def _token(request: Request) -> str:
    return request.cookies.get(_cookie(request.scope), "")


def _marking(scope: Scope, user: User, send: Send) -> Send:
    """Sends what the application answers, with whose it is; of that no browser keeps a copy."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Wenju-User"] = quote(user.name)
            if not scope["path"].startswith(_KEPT):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sent


async def _form(request: Request) -> Mapping[str, str] | None:
    """The fields of a form; None where it is too long."""
    body = await body_of(request.receive, LONGEST_FORM)
    if body is None:
        return None
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _page(language: Language, problem: str = "", name: str = "", seconds: float = 0) -> Response:
    """The login page; with a problem it says so, keeps the name, and has the status that a program understands."""
    wait = math.ceil(seconds)
    headers = {**_PAGE_HEADERS, "Retry-After": str(wait)} if wait else _PAGE_HEADERS
    said = say(problem, language, seconds=wait) if problem else ""
    return HTMLResponse(login_html(language, said, name), _STATUS.get(problem, 200), headers)
