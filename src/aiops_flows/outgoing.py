"""Calls to other systems over HTTP: each is over within a total time, and reads an answer of bounded length.

The time-outs of HTTP libraries are for one read: a receiver that sends a byte a second holds such a call for ever.
Here the time counts for everything, from looking up the name to the last byte. Redirects are not followed and proxies
of the environment are not used.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiops_flows.errors import NoAnswer

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "Caller", "check_port", "run_within", "tls"]

Result = TypeVar("Result")

_LARGEST_BYTES: Final = 1_000_000
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "aiops-flows"}
_STARTING: Final = threading.Lock()


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes
    """As much of it as came in time and within the bound."""
    whole: bool
    """Whether that is all of it."""


@dataclass
class Caller:
    """Makes calls from any thread; connections are used again from call to call."""

    largest: int = _LARGEST_BYTES
    """Bytes of an answer that are read; the connection is closed on a longer one."""
    body_seconds: float | None = None
    """How long the body is read, within the call's whole time; None: as long as the call may take."""
    _transports: dict[int, httpx.AsyncHTTPTransport] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def call(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """The answer to one request.

        Args:
            method: such as ``GET``.
            url: whole, with its scheme.
            seconds: the call ends after this time, whatever the server does; once the status has come the answer
                counts, even if its body does not end in time.
            headers: of the request.
            content: its body.

        Raises:
            NoAnswer: no status came in time, or the server cannot be reached. The text holds nothing of the URL.
        """
        return run_within(self._exchanged(method, url, seconds, headers, content))

    async def _exchanged(
        self, method: str, url: str, seconds: float, headers: Mapping[str, str] | None, content: bytes | None
    ) -> Answer:
        import httpx

        status: int | None = None
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                request = httpx.Request(method, url, content=content, headers=_HEADERS | dict(headers or {}))
                response = await self._transport().handle_async_request(request)
                try:
                    status = response.status_code
                    whole = await self._read(response, body)
                    return Answer(status, bytes(body), whole)
                finally:
                    await response.aclose()
        except TimeoutError:
            reason = NoAnswer(f"no answer within {seconds:g} s", timed_out=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:  # its text may quote the URL
            reason = NoAnswer(f"cannot be reached ({type(fault).__name__})")
        if status is None:
            raise reason
        return Answer(status, bytes(body), whole=False)

    async def _read(self, response: httpx.Response, body: bytearray) -> bool:
        """Read the body as far as it is wanted; whether that is all of it."""
        try:
            async with asyncio.timeout(self.body_seconds):
                async for piece in response.aiter_raw():
                    body += piece[: self.largest - len(body)]
                    if len(body) >= self.largest:
                        return False
        except TimeoutError:
            return False
        return True

    def _transport(self) -> httpx.AsyncHTTPTransport:
        """The connections of this process: a fork must not share its parent's.

        A client above it would follow the settings of the environment, and log each URL with its query.
        """
        import httpx

        process = os.getpid()
        if process not in self._transports:
            self._transports[process] = httpx.AsyncHTTPTransport(verify=tls(), trust_env=False)
        return self._transports[process]


def check_port(host: str, port: int, *, seconds: float) -> None:
    """Return if something listens there.

    Raises:
        NoAnswer: nothing does, or it does not answer in time.
    """

    async def connected() -> None:
        try:
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            raise NoAnswer(f"no answer within {seconds:g} s", timed_out=True) from None
        except OSError as fault:
            raise NoAnswer(f"cannot be reached ({fault.strerror or type(fault).__name__})") from None
        writer.close()

    run_within(connected())


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a call on this machine."""
    return ssl.create_default_context()


def run_within(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns, which must end by itself; for any thread."""
    with _STARTING:
        loop = _loop(os.getpid())
    running = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return running.result()
    except BaseException:
        running.cancel()
        raise


@lru_cache(maxsize=1)
def _loop(process: int) -> asyncio.AbstractEventLoop:  # noqa: ARG001  a fork needs its own
    """An event loop in a thread of its own.

    ``asyncio.run`` would wait at its end for the thread that looks up a name, however long that takes.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="aiops-flows-outgoing", daemon=True).start()
    return loop
