"""Files sent to the corpus, one a request: `PUT /articles/{name}`, the file as its body."""

from typing import Literal

from fastapi import FastAPI, HTTPException, Request
from starlette.concurrency import run_in_threadpool

from qa import editing
from qa.errors import EditError
from ui.notices import PageError, notice_text
from ui.texts import say
from ui.workroom import Workroom


def add_uploads(application: FastAPI, workroom: Workroom) -> None:
    """Lets an application take articles into the corpus."""

    @application.put("/articles/{name:path}")
    async def upload(
        name: str, request: Request, language: Literal["zh", "en"] = "en", replace: bool = False
    ) -> dict[str, str | bool]:
        """Writes an article; says in the language of the page whether it did. A name or size it refuses is no error."""
        try:
            workroom.require_edit(request)
        except PageError as error:
            raise HTTPException(403, notice_text(error, language)) from error
        raw = await _body(request, workroom.limits.upload_bytes)
        if raw is None:
            raise HTTPException(413, notice_text(EditError("large", name), language))
        try:
            identity = await run_in_threadpool(
                editing.create, workroom.corpus, name, raw, workroom.settings, replace=replace
            )
        except EditError as error:
            return {"written": False, "said": notice_text(error, language)}
        finally:
            workroom.inventory.forget()
        return {"written": True, "said": say("uploaded", language, name=identity)}


async def _body(request: Request, most: int) -> bytes | None:
    """What is sent; None where it is longer than that many bytes, of which no more is read."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            return None
    return bytes(body)
