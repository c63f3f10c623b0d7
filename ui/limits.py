"""How much visitors may ask of the server at a time; who asks more is told when to try again."""

import asyncio
import ipaddress
import time
from contextlib import ExitStack
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.config import PageLimits
from ui.refusals import refusal

BUSY_SECONDS = 5  # after which a question that found no place may be asked again
MOST_KEYS = 10_000  # visitors whose calls are counted


class Pace:
    """So many events in some seconds for each key: all at once, or one by one as time goes by.

    This is the generic cell rate algorithm, which keeps one number a key: when what has happened is forgotten.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._step, self._seconds = seconds / most, seconds
        self._forgotten: dict[str, float] = {}

    def wait(self, key: str) -> float:
        """Seconds until there may be another event; 0 where there may be one now."""
        now = time.monotonic()
        return max(0.0, self._forgotten.get(key, now) - now + self._step - self._seconds)

    def count(self, key: str) -> None:
        """Counts an event."""
        now = time.monotonic()
        if len(self._forgotten) >= MOST_KEYS:
            self._forgotten = {each: when for each, when in self._forgotten.items() if when > now}
        self._forgotten[key] = max(self._forgotten.get(key, now), now) + self._step


class Places:
    """The places of those whose questions are answered, and of those who wait for one."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._places, self._most_waiting = asyncio.Semaphore(at_once), waiting
        self._waiting = 0

    async def placed(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls an application once there is a place, or refuses the call where too many wait for one.

        The place is given up as the answer begins to be sent: who reads it slowly keeps nobody waiting.
        """
        if self._places.locked() and self._waiting >= self._most_waiting:
            await refusal(scope, 503, "too_busy", BUSY_SECONDS)(scope, receive, send)
            return
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        with ExitStack() as place:
            place.callback(self._places.release)

            async def sent(message: Message) -> None:
                place.close()
                await send(message)

            await app(scope, receive, sent)


class Limits:
    """The pace of each visitor, and the places of all.

    Attributes:
        sizes: how much may be asked.
        page: the places of questions that the page's own process answers.
        asked: those of questions that come from programs: one for each process that answers them, where there are
            such, else the same.
    """

    def __init__(self, limits: PageLimits, workers: int = 1) -> None:
        self.sizes = limits
        self._pace = Pace(limits.calls_per_minute, 60)
        self.page = Places(limits.questions_at_once, limits.questions_waiting)
        self.asked = Places(workers, limits.questions_waiting) if workers > 1 else self.page

    async def paced(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls an application, or refuses a visitor who calls too often."""
        visitor = key_of(scope)
        if wait := self._pace.wait(visitor):
            await refusal(scope, 429, "too_often", wait)(scope, receive, send)
            return
        self._pace.count(visitor)
        await app(scope, receive, send)


def key_of(scope: Scope) -> str:
    """What calls are counted by: the user who is logged in, else the address, of IPv6 the network."""
    user: Any = scope.get("user")
    return f"user {user.name}" if user else address_of(scope)


def address_of(scope: Scope) -> str:
    """The address of who calls, as the connection has it and no header says; of IPv6 the network, a home's usually."""
    host: str = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
