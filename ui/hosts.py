"""Which names the server answers to, against DNS rebinding.

A page of another site can have its name lead to this machine, and would then be let in as if it were ours. It cannot
change the name that the browser sends along.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import get_args

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.text import Language
from ui.texts import say

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+?)\.?(?::\d*)?", re.ASCII | re.IGNORECASE)


def name_of(host: str) -> str | None:
    """The name or address in a `Host` header, without port and brackets; None where it has none."""
    matched = _HOST.fullmatch(host)
    return matched[1].strip("[]").lower() if matched else None


def is_loopback(name: str) -> bool:
    """Whether only this machine itself can be meant."""
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


class HostCheck:
    """Refuses what is sent to another name than those of the server.

    Served on a loopback address it answers to `localhost` and loopback addresses; served elsewhere to every address
    too, for an address leads nowhere else; and to the names it is given.
    """

    def __init__(self, app: ASGIApp, host: str, names: Collection[str] = ()) -> None:
        """Takes what the server listens at, and further names."""
        self._app, self._only_here = app, is_loopback(host.lower())
        self._names = {host.lower(), *(name.lower().rstrip(".") for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "lifespan" or self._is_ours(name_of(Headers(scope=scope).get("host", ""))):
            await self._app(scope, receive, send)
        else:
            said = "".join(f"{say('other_host', language)}\n" for language in get_args(Language))
            await PlainTextResponse(said, 403, {"X-Content-Type-Options": "nosniff"})(scope, receive, send)

    def _is_ours(self, name: str | None) -> bool:
        if name is None:
            return False
        return name in self._names or is_loopback(name) or (not self._only_here and _address(name) is not None)
