"""An OpenAI-compatible server, where one is named: messages go in, text comes out as it is written.

Nothing but the base URL is contacted: no proxy of the environment, no redirect. The key stands in one header and is
neither printed, logged nor part of an error.
"""

import json
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from qa.config import LanguageModelSettings
from qa.errors import LanguageModelError, SettingsError

ADDRESS, MODEL, KEY = "QA_LLM_BASE_URL", "QA_LLM_MODEL", "QA_LLM_API_KEY"

_MOST_BYTES = 16_000_000  # of a whole response; what a model thinks before it writes counts too
_LONGEST_LINE = 1_000_000

Message = dict[str, str]


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> LanguageModelSettings | None:
    """The server that the environment names; None where it names none.

    Raises:
        SettingsError: if it names only half of one, or an address or key that cannot be.
    """
    address, model = environment.get(ADDRESS, "").strip(), environment.get(MODEL, "").strip()
    if not address and not model:
        return None
    if not address or not model:
        raise SettingsError(f"A language model needs both {ADDRESS} and {MODEL}; set both or neither.")
    return LanguageModelSettings(address.rstrip("/"), model, environment.get(KEY, "").strip())


class LanguageModel:
    """One model of one server."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        self.settings = settings

    def stream(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """The answer in the pieces it comes in; closing the generator ends the request.

        Raises:
            LanguageModelError: if there is no whole answer within the limits of time and length.
        """
        import httpx  # which no question needs that is answered without a language model

        settings = self.settings
        deadline = time.monotonic() + settings.whole_seconds
        timeout = httpx.Timeout(min(settings.silence_seconds, settings.whole_seconds), connect=settings.connect_seconds)
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if settings.key:
            headers["Authorization"] = f"Bearer {settings.key}"
        body = {
            "model": settings.model,
            "messages": list(messages),
            "stream": True,
            "temperature": 0,
            "max_tokens": settings.answer_tokens,
        }
        try:
            with (
                httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client,
                client.stream("POST", f"{settings.base_url}/chat/completions", json=body, headers=headers) as response,
            ):
                _require_success(response.status_code)
                yield from self._within_length(_pieces(_lines(response.iter_raw(), deadline)))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise LanguageModelError("unreachable") from error
        except httpx.TimeoutException as error:
            raise LanguageModelError("slow") from error
        except httpx.NetworkError as error:
            raise LanguageModelError("broken") from error
        except httpx.HTTPError as error:
            raise LanguageModelError("garbage") from error

    def _within_length(self, pieces: Iterator[str]) -> Iterator[str]:
        left = self.settings.answer_characters
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise LanguageModelError("long")
            yield piece


def _require_success(status: int) -> None:
    if status in (401, 403):
        raise LanguageModelError("key", status)
    if status != 200:
        raise LanguageModelError("status", status)


def _lines(chunks: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    """The lines of a response, until the deadline by `time.monotonic`."""
    rest, total = b"", 0
    for chunk in chunks:
        total += len(chunk)
        if time.monotonic() > deadline:
            raise LanguageModelError("slow")
        if total > _MOST_BYTES:
            raise LanguageModelError("long")
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise LanguageModelError("garbage")
    yield rest


def _pieces(lines: Iterator[bytes]) -> Iterator[str]:
    """The text of server-sent events that each hold a chunk of a chat completion, to the last of them.

    https://html.spec.whatwg.org/multipage/server-sent-events.html, without events of several lines, which no such
    server sends.
    """
    seen = finished = False
    for line in lines:
        field, _, value = line.strip().partition(b":")
        if field != b"data":
            continue
        seen = True
        if value.strip() == b"[DONE]":
            return
        piece, ends = _piece(value)
        finished = finished or ends
        if piece:
            yield piece
    if not finished:
        raise LanguageModelError("broken" if seen else "garbage")


def _piece(event: bytes) -> tuple[str, bool]:
    """The text of one chunk, and whether it says that the answer ends with it."""
    try:
        record: dict[str, Any] = json.loads(event.decode("utf-8"))
        if "error" in record:
            raise LanguageModelError("status")
        choices = record["choices"]  # empty where a chunk only counts tokens
        text = "".join(choice["delta"].get("content") or "" for choice in choices[:1])
        return text, bool(choices and choices[0].get("finish_reason"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LanguageModelError("garbage") from error
