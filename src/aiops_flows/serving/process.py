"""A resident process from begin to end: warmed up, listening, seen in Prefect, and ended without losing a case."""

from __future__ import annotations

import contextvars
import math
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import uvicorn

from aiops_flows.errors import StackError
from aiops_flows.serving.connections import ConnectionLimits, Connections, protocol_of
from aiops_flows.serving.guard import Guard
from aiops_flows.serving.http import application
from aiops_flows.serving.resident import Resident
from aiops_flows.serving.windows import show_windows
from aiops_flows.settings import Settings

__all__ = ["Place", "configured", "serve"]

_END_SECONDS = 120
_BACKLOG = 2_000
_LAST_WINDOW_SECONDS = 20.0


@dataclass(frozen=True)
class Place:
    """Where a resident process listens, and how long its windows are."""

    host: str = "127.0.0.1"
    port: int = 4210
    """0: any that is free."""
    window: float = 600.0
    """Seconds; one Prefect flow run each."""


def serve(resident: Resident, place: Place, tell: Callable[[str], None] = lambda _: None) -> None:
    """Take cases until this process is asked to end (SIGTERM, or Ctrl-C); what was accepted is finished first.

    ``tell`` is given the address once cases are taken. It must be called in the main thread.

    Raises:
        StackError: the address is taken, or public without a token; or the thread that works ended by itself.
        UseCaseError: the flow gives no frame with verdicts.
    """
    settings = Settings()
    guard = Guard(place.host, settings.serve_token.get_secret_value())
    listening = _listening(place)
    with listening:
        resident.warm_up()
        server = uvicorn.Server(configured(resident, guard, ConnectionLimits()))
        ended = Event()
        worker = Thread(target=_worked, args=(resident, server), name="aiops-flows-resident", daemon=True)
        seen = (settings, resident.use_case.name, resident.figures)
        windows = _thread(show_windows, *seen, seconds=place.window, end=ended)
        with _ends_the_server_only():
            worker.start()
            windows.start()
            tell(f"http://{place.host}:{listening.getsockname()[1]}")
            server.run(sockets=[listening])
            asked = not resident.arrivals.closed
            resident.arrivals.close()
            worker.join()
            ended.set()
            windows.join(_LAST_WINDOW_SECONDS)
    if not asked:
        raise StackError("the thread that works on cases ended by itself; start serve again: nothing accepted is lost")


def _worked(resident: Resident, server: uvicorn.Server) -> None:
    """Work until the arrivals are closed; if that ends otherwise, take no more cases."""
    try:
        resident.run()
    finally:
        resident.arrivals.close()
        server.should_exit = True


def _thread(target: Callable[..., Any], *args: Any, **kwargs: Any) -> Thread:
    """A thread that sees the context of this one, such as Prefect's settings."""
    run = contextvars.copy_context().run
    return Thread(target=run, args=(target, *args), kwargs=kwargs, name="aiops-flows-windows", daemon=True)


def _listening(place: Place) -> socket.socket:
    try:
        return socket.create_server((place.host, place.port), family=_family(place.host), backlog=_BACKLOG)
    except OSError as fault:
        raise StackError(
            f"cannot listen on {place.host}:{place.port}: {fault.strerror}; choose another --host or --port"
        ) from fault


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def configured(
    resident: Resident, guard: Guard, limits: ConnectionLimits, *, body_seconds: float = 30.0
) -> uvicorn.Config:
    """The server that takes cases, with its limits."""
    connections = Connections(limits)
    return uvicorn.Config(
        application(resident, guard, connections, body_seconds=body_seconds),
        http=protocol_of(connections),
        ws="none",
        log_level="critical",  # what uvicorn says of a request may quote it
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=math.ceil(limits.idle_seconds),
        timeout_graceful_shutdown=_END_SECONDS,
    )


@contextmanager
def _ends_the_server_only() -> Iterator[None]:
    """Within it the signals that end a process end the server alone, which raises them again when it is done."""
    asked = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in asked}
    try:
        yield
    finally:
        for number in asked:
            signal.signal(number, before[number])
