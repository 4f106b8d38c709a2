"""Connections to the resident process: strangers have little time and few places, whoever proved himself has both.

A connection is a stranger's until the guard has let a request of it in. Only strangers are crowded out: when their
places are taken, the oldest of the address that has most of them is closed. So idle connections, however many, never
keep out a sender who comes with a token.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

__all__ = ["Client", "ConnectionLimits", "Connections", "protocol_of"]

_FILES = 8_192
"""Open files that the process asks the system for: each connection is one, and 1,024 is a common limit."""


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there may be, and how long each may take."""

    strangers: int = 800
    """Connections of which no request was let in yet."""
    strangers_of_one_address: int = 400
    admitted: int = 2_000
    """Connections of which a request was let in."""
    head_seconds: float = 10.0
    """From the connection to the end of the first request's head."""
    idle_seconds: float = 30.0
    """From an answer to the end of the next request's head."""
    request_seconds: float = 180.0
    """From the end of the head until the answer is sent; longer than a body and an answer may take."""


Client = tuple[str, int]
"""The address and the port of the other end, which no two open connections share."""


class Connections:
    """The open connections of one server; it belongs to the server's event loop."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._strangers: dict[Client, _Connection] = {}  # oldest first
        self._admitted: set[Client] = set()

    def add(self, client: Client, connection: _Connection) -> None:
        """Give a new connection a place, for which the oldest stranger may have to leave."""
        self._strangers[client] = connection
        by_address = Counter(address for address, _ in self._strangers)
        address = client[0]
        if by_address[address] > self.limits.strangers_of_one_address:
            self._crowd_out(address)
        elif len(self._strangers) > self.limits.strangers:
            self._crowd_out(by_address.most_common(1)[0][0])

    def admit(self, client: Client) -> bool:
        """Note that a request of this client was let in; False where no place is left even for those."""
        if client not in self._strangers:
            return True
        if len(self._admitted) >= self.limits.admitted:
            return False
        del self._strangers[client]
        self._admitted.add(client)
        return True

    def remove(self, client: Client) -> None:
        """Free the place of a connection that is closed."""
        self._strangers.pop(client, None)
        self._admitted.discard(client)

    def _crowd_out(self, address: str) -> None:
        oldest = next(client for client in self._strangers if client[0] == address)
        self._strangers.pop(oldest).cut_off()


class _Connection(H11Protocol):
    """One connection, closed when its head, its pause or its request takes too long."""

    places: Connections
    """Set by `protocol_of`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._working = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, and give the head its time."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._within(self.places.limits.head_seconds)
        if self.client is not None:
            self.places.add(self.client, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        if self.client is not None:
            self.places.remove(self.client)
        self._cancel_deadline()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Read what came; once a head is whole, its request has another time."""
        super().handle_events()
        working = bool(self.cycle) and not self.cycle.response_complete
        if working and not self._working and not self.transport.is_closing():
            self._within(self.places.limits.request_seconds)
        self._working = working

    def on_response_complete(self) -> None:
        """Wait for the next request, but not for ever."""
        self._working = False
        self._within(self.places.limits.idle_seconds)
        super().on_response_complete()

    def cut_off(self) -> None:
        """Close at once, whatever was still to be sent."""
        self._cancel_deadline()
        self.transport.abort()

    def _within(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self.cut_off)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def protocol_of(connections: Connections) -> type[H11Protocol]:
    """The protocol that keeps these connections, as uvicorn wants it; the system is asked for enough open files."""
    _allow_files()
    return type("Connection", (_Connection,), {"places": connections})


def _allow_files() -> None:
    """Raise the limit of open files as far as it goes: at the limit nobody is let in, with or without a token."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
