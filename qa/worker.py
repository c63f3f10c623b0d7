"""A process that answers questions for a server, one at a time: a line of JSON in, a line of JSON out.

The first line says what to open; that it is open is the first line out. The process ends when its input does, so also
when the server dies. The files of an index are shared by all processes that have them open.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qa import processes
from qa.asking import Asked, reply_to
from qa.chat import Chat, LiveChat
from qa.config import AnswerSettings, IndexSettings, LanguageModelSettings, SearchSettings, Settings, Where
from qa.errors import WenjuError

COMMAND = processes.command("worker")


def environment() -> dict[str, str]:
    """That of this process, but with one thread for each worker's arithmetic where nothing else is wished."""
    return {"OMP_NUM_THREADS": "1", **os.environ}


def opening(chat: Chat) -> bytes:
    """The first line for a worker that is to answer as a chat does."""
    place = {"store": chat.index.store} if chat.index.store else {"root": str(chat.index.folder.parent.resolve())}
    return _line({**place, "settings": asdict(chat.settings)})


def question(asked: Asked) -> bytes:
    """The line that asks."""
    return _line(asdict(asked))


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def main() -> None:
    """Opens, then answers until there is no more input; whatever a library prints goes to standard error."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who stops a server may tell all its processes, in any order
    answers = processes.answers()
    for record in _records(map(json.loads, sys.stdin.buffer)):
        answers.write(_line(record))
        answers.flush()


def _records(told: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    if (first := next(told, None)) is None:
        return
    try:
        live = _opened(first)
    except WenjuError as error:
        sys.exit(f"qa: {error}")
    live.current().warm_up()
    yield {"generation": live.current().generation}
    for asked in told:
        yield asdict(reply_to(live.current(), Asked(**asked)))


def _opened(record: dict[str, Any]) -> LiveChat:
    told = record["settings"]
    settings = Settings(
        index=IndexSettings(**told["index"]),
        search=SearchSettings(**{**told["search"], "where": Where(**told["search"]["where"])}),
        answer=AnswerSettings(**told["answer"]),
        language_model=LanguageModelSettings(**told["language_model"]) if told["language_model"] else None,
    )
    if "root" in record:
        return LiveChat(Path(record["root"]), settings, expected=settings.index)
    from qa.store import Store  # brings psycopg, which no other index needs

    return LiveChat(Store(record["store"]), settings)
