"""Processes that answer questions beside the one that serves the page; a new one takes the place of one that dies."""

import asyncio
import contextlib
import json
import logging
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass

from qa import worker
from qa.asking import Asked, Reply
from qa.chat import Chat

TRIES = 2  # how often a question is asked of processes that die over it
START_SECONDS = 300  # that a process may take to come up, as with a large embedding model
FREE_SECONDS = 30  # that a question waits for a process
ANSWER_SECONDS = 60  # an answer takes milliseconds; with a language model, its own limit more
AGAIN_SECONDS = 5  # between tries to start a process
LEAVE_SECONDS = 5  # that processes have to end
LONGEST_LINE = 2**26  # bytes
DIED = (OSError, EOFError, ValueError)  # a timeout is an OSError, a line too long a ValueError

# Ctrl-C in the terminal of the server is not theirs: they end once all is answered.
_APART = {
    "start_new_session": True,
    "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0),
}


class AwayError(Exception):
    """No process answered a question."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that answers one question at a time."""

    process: Process

    async def said(self, line: bytes, seconds: float) -> bytes:
        """The line it gives for one; raises one of DIED where it dies over it, or takes so long that it is killed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                self.process.stdin.write(line)
                await self.process.stdin.drain()
                said = await self.process.stdout.readline()
        except (TimeoutError, ValueError, asyncio.CancelledError):  # or its answer were taken for that to the next one
            self.kill()
            raise
        if not said.endswith(b"\n"):
            raise EOFError
        return said

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def leave(self) -> None:
        """Ends its input, and with that the process; kills it where that takes too long."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()


class Workers:
    """So many processes that answer as a chat does, each from the live generation of its index."""

    def __init__(self, count: int, chat: Chat) -> None:
        model = chat.settings.language_model
        self._count, self._opening = count, worker.opening(chat)
        self._seconds = ANSWER_SECONDS + (model.whole_seconds if model else 0)
        self._free: asyncio.Queue[Worker] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def running(self, _: object = None) -> AsyncIterator[None]:
        """For as long as this lasts there are processes, or they are coming up."""
        keepers = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def __call__(self, asked: Asked) -> Reply:
        """What becomes of a question; raises AwayError where no process answers it."""
        line = worker.question(asked)
        for _ in range(TRIES):
            free = await self._next()
            with contextlib.suppress(*DIED):
                said = await free.said(line, self._seconds)
                self._free.put_nowait(free)
                return Reply(**json.loads(said))
        raise AwayError("No process answers.")

    async def _next(self) -> Worker:
        """A process that is free."""
        try:
            async with asyncio.timeout(FREE_SECONDS):
                while (free := await self._free.get()).process.returncode is not None:
                    pass
        except TimeoutError as error:
            raise AwayError("No process is free.") from error
        return free

    async def _keep(self) -> None:
        """One process after the other, each until it dies."""
        while True:
            try:
                process = await asyncio.create_subprocess_exec(
                    *worker.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=worker.environment(),
                    limit=LONGEST_LINE, **_APART,
                )  # fmt: skip
            except OSError as error:
                logging.getLogger(__name__).warning("No process that answers can be started: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                await self._while_alive(Worker(process))

    async def _while_alive(self, started: Worker) -> None:
        try:
            await started.said(self._opening, START_SECONDS)
            self._free.put_nowait(started)
            code = await started.process.wait()
            logging.getLogger(__name__).warning("A process that answers has ended (%s); another is started.", code)
        except DIED:
            logging.getLogger(__name__).warning("A process that answers does not come up.")
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            await started.leave()
