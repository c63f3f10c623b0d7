"""A server that ends once it has answered all that it has accepted."""

import asyncio
import re
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

LEAVE_SECONDS = 2  # an open page holds a connection for as long as it is open; stopping does not wait for it
STOP_SECONDS = 30  # that all else has to be answered
_WHILE_OPEN = re.compile(r"/gradio_api/(?:heartbeat/.*|queue/data)")


class Server(uvicorn.Server):
    """Stops on SIGTERM and Ctrl-C: it takes no more calls, answers those it has, and cuts open pages off."""

    def __init__(self, app: ASGIApp, **settings: Any) -> None:
        """Takes the settings of uvicorn."""
        self._app, self._pages = app, set[asyncio.Task[Any]]()
        config = uvicorn.Config(
            self._noted, interface="asgi3", timeout_graceful_shutdown=STOP_SECONDS, proxy_headers=False, **settings
        )  # proxy_headers: anybody can write what a proxy would; who calls is who is connected
        super().__init__(config)

    async def _noted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls the application, and keeps in mind what lasts for as long as a page is open."""
        if scope["type"] == "http" and _WHILE_OPEN.fullmatch(scope["path"]) and (task := asyncio.current_task()):
            self._pages.add(task)
            task.add_done_callback(self._pages.discard)
        await self._app(scope, receive, send)

    async def shutdown(self, sockets: Any = None) -> None:
        """As uvicorn has it, but that nothing waits for open pages."""
        leaving = asyncio.get_running_loop().call_later(LEAVE_SECONDS, self._leave)
        try:
            await super().shutdown(sockets)
        finally:
            leaving.cancel()

    def _leave(self) -> None:
        for task in list(self._pages):
            task.cancel()
