"""The application that takes cases over HTTP: an answer says that its cases are stored, and what became of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from aiops_flows.errors import AiopsError
from aiops_flows.serving.answers import Answer
from aiops_flows.serving.arrivals import Arrival
from aiops_flows.serving.connections import Client, Connections
from aiops_flows.serving.guard import MOST_BYTES, Guard, Refusal, rows_in
from aiops_flows.serving.resident import Resident
from aiops_flows.steps.automation import automation
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["application"]

_logger = logging.getLogger("aiops_flows.serving")
_ANSWER_SECONDS = 120.0
_BODY_SECONDS = 30.0
_READ_ON_SECONDS = 1.0
_READ_ON_BYTES = 4 * MOST_BYTES
_AGAIN_SECONDS = "1"

Answering = Callable[["Request"], Awaitable[Response]]


def application(
    resident: Resident, guard: Guard, connections: Connections, *, body_seconds: float = _BODY_SECONDS
) -> Starlette:
    """``POST /cases`` takes one JSON object or a list of them, ``GET /health`` says whether cases are taken."""

    async def cases(request: Request) -> Response:
        guard.check(request.headers)  # before anything of the body is read
        if not connections.admit(_client(request)):
            raise Refusal(503, "too many connections are open; send it again later")
        rows, many = rows_in(await _body(request, body_seconds), resident.limits.waiting)
        arrived = resident.accept(rows)
        if arrived is None:
            raise Refusal(503, "too many cases wait, or no more are taken; send it again later")
        answers = await _answers(arrived)
        said = [answer.plain() for answer in answers]
        again = any(answer.state == "failed" for answer in answers)
        return _json(503 if again else 200, said if many else said[0])

    async def health(_request: Request) -> Response:
        serving = not resident.arrivals.closed
        state = {"state": "serving" if serving else "ending", "use_case": resident.use_case.name}
        state["automation"] = await asyncio.to_thread(_automation, resident.use_case)
        return _json(200 if serving else 503, {**state, "waiting": len(resident.arrivals)})

    routes = [Route("/cases", _careful(cases), methods=["POST"]), Route("/health", _careful(health), methods=["GET"])]
    return Starlette(routes=routes)


def _automation(use_case: UseCase) -> str:
    """``on``, ``off`` or ``unknown``: who is not asked for a token is told no name and no reason."""
    try:
        return "on" if automation(Workspace.here(), use_case).on else "off"
    except AiopsError:
        return "unknown"


def _careful(answering: Answering) -> Answering:
    """Turns refusals into answers, and anything unforeseen into one that quotes nothing."""

    async def answered(request: Request) -> Response:
        try:
            return await answering(request)
        except Refusal as refusal:
            await _read_on(request)
            return _json(refusal.status, {"refused": refusal.reason})
        except HTTPException:
            raise
        except Exception as fault:  # noqa: BLE001  its words, and its traceback, might quote a case
            _logger.error("a request failed with %s", type(fault).__name__)  # noqa: TRY400
            return _json(500, {"refused": f"the request failed with {type(fault).__name__}"})

    return answered


def _client(request: Request) -> Client:
    return ("", 0) if request.client is None else (request.client.host, request.client.port)


async def _read_on(request: Request) -> None:
    """Read the rest of a refused request for a moment: who is still sending would not see the answer otherwise."""
    read = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # the last: the stream was read to its end
        async with asyncio.timeout(_READ_ON_SECONDS):
            async for part in request.stream():
                read += len(part)
                if read > _READ_ON_BYTES:
                    return


async def _body(request: Request, seconds: float) -> bytes:
    """The whole body, if it comes in time and is not too long."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > MOST_BYTES:
        raise Refusal(413, f"the body is longer than {MOST_BYTES} bytes; send fewer cases at once")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise Refusal(413, f"the body is longer than {MOST_BYTES} bytes; send fewer cases at once")
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {seconds:g} s") from None
    return bytes(body)


async def _answers(arrived: Sequence[Arrival]) -> list[Answer]:
    """The answers to all rows of a request; whoever hangs up changes nothing for the cases."""
    waiting = [asyncio.shield(asyncio.wrap_future(arrival.answer)) for arrival in arrived]
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return [await each for each in waiting]
    except TimeoutError:
        raise Refusal(503, f"no answer within {_ANSWER_SECONDS:.0f} s; send it again: a case is taken once") from None


def _json(status: int, said: Any) -> Response:
    headers = {"Retry-After": _AGAIN_SECONDS} if status == 503 else {}
    if status >= 400:
        headers["Connection"] = "close"  # else a sender could go on with the body for ever
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = orjson.dumps(said, default=str, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, media_type="application/json")
