"""What the server refuses, said in both languages: the browser shows the one of its page, see `refused.js`."""

import math
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Scope

from qa.text import Language, dominant_language
from ui.texts import say


def refusal(scope: Scope, status: int, key: str, seconds: float = 0, **values: object) -> JSONResponse:
    """A response that says why a call is refused and, in `Retry-After`, after how many seconds it may be made again.

    A program finds it under `error`, as all that `/api/ask` does not answer.
    """
    wait = math.ceil(seconds)
    said = {language: say(key, language, seconds=wait, **values) for language in ("zh", "en")}
    headers = {"Retry-After": str(wait)} if wait else {}
    return JSONResponse({"error": said[language_of(scope)], "detail": said["en"], "said": said}, status, headers)


def language_of(scope: Scope, text: str = "") -> Language:
    """The language that a call asks for, else the one its browser likes best, else that of a text it brings."""
    asked_for = parse_qs(scope["query_string"].decode("latin-1")).get("language", [""])[0]
    wanted = asked_for or Headers(scope=scope).get("accept-language", "")
    if not wanted.strip(" *"):
        return dominant_language(text)
    return "zh" if wanted.strip().lower().startswith("zh") else "en"
