"""What the server refuses, said in both languages: the browser shows the one of its page, see `refused.js`."""

import math

from starlette.responses import JSONResponse

from ui.texts import say


def refusal(status: int, key: str, seconds: float = 0, **values: object) -> JSONResponse:
    """A response that says why a call is refused and, in `Retry-After`, after how many seconds it may be made again."""
    wait = math.ceil(seconds)
    said = {language: say(key, language, seconds=wait, **values) for language in ("zh", "en")}
    headers = {"Retry-After": str(wait)} if wait else {}
    return JSONResponse({"detail": said["en"], "said": said}, status, headers)
