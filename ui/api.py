"""Answers for scripts and programs: `/api/ask` says what `qa ask --json` prints."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from qa.asking import Asked, Problem, Reply, reply_to
from qa.chat import LiveChat
from ui.gate import ASK
from ui.limits import BUSY_SECONDS
from ui.refusals import language_of, refusal
from ui.texts import say
from ui.workers import AwayError

_STATUS: dict[Problem, int] = {"empty": 400, "long": 413, "changed": 503, "failed": 500}

Ask = Callable[[Asked], Awaitable[Reply]]
Text = Annotated[str, Field(strict=True)]


class Earlier(BaseModel):
    """An answer as it was given; of it the question counts, and how that was searched."""

    question: Text
    searched_as: Text = ""


class Question(BaseModel):
    """What is sent to be answered."""

    model_config = ConfigDict(extra="forbid")

    question: Text
    history: list[Text | Earlier] = []
    language: Literal["zh", "en"] | None = None


def add_asking(application: FastAPI, ask: Ask) -> None:
    """Lets an application answer questions, in those ways."""

    @application.post(ASK)
    async def asked_in_full(request: Request) -> Response:
        """A question with those before it, as JSON."""
        try:
            question = Question.model_validate_json(await request.body())
        except ValidationError:
            return JSONResponse({"error": say("no_asking", language_of(request.scope))}, 422)
        return await _answered(question, request, ask)

    @application.get(ASK)
    async def asked_plainly(request: Request) -> Response:
        """A question alone, in the address."""
        return await _answered(Question(question=request.query_params.get("question", "")), request, ask)


async def _answered(question: Question, request: Request, ask: Ask) -> Response:
    language = question.language or language_of(request.scope, question.question)
    try:
        reply = await ask(Asked(question.question, language, [_before(each) for each in question.history]))
    except AwayError:
        return refusal(request.scope, 503, "too_busy", BUSY_SECONDS)
    if reply.problem is None:
        return Response(f"{reply.text}\n", media_type="application/json")
    status = _STATUS[reply.problem]
    headers = {"Retry-After": str(BUSY_SECONDS)} if status == 503 else {}
    return JSONResponse({"error": reply.text}, status, headers)


def _before(earlier: str | Earlier) -> tuple[str, str | None]:
    if isinstance(earlier, str):
        return earlier, None
    return earlier.question, earlier.searched_as or earlier.question


def here(live: LiveChat) -> Ask:
    """Answers in threads of this process."""

    async def ask(asked: Asked) -> Reply:
        return await run_in_threadpool(lambda: reply_to(live.current(), asked))

    return ask
