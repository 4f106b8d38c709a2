"""Strangers, slow or many, never keep out who may send cases; proved on real sockets with low limits."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn

from aiops_flows.serving import Resident
from aiops_flows.serving.connections import ConnectionLimits
from aiops_flows.serving.guard import MOST_BYTES, Guard
from aiops_flows.serving.process import configured
from tests.parcels import PARCELS
from tests.resident_parcels import parcels

TOKEN = "a long and random token"
KNOWN = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
SOON = 5.0
LIMITS = ConnectionLimits(strangers=60, strangers_of_one_address=40, head_seconds=30, idle_seconds=30)


@dataclass(frozen=True)
class Served:
    """A server of this process."""

    port: int

    def connect(self, said: bytes = b"") -> socket.socket:
        """A connection that has said something."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(said)
        return connection

    def post(self, body: Any, headers: dict[str, str] = KNOWN) -> tuple[int, Any]:
        """The status and the JSON of the answer to cases; ``body`` may be pieces, which are sent in chunks."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/cases", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@contextmanager
def served(limits: ConnectionLimits = LIMITS, *, body_seconds: float = 30.0) -> Iterator[Served]:
    """A server with these limits; no case is worked on, an empty list is answered."""
    resident = Resident(parcels, PARCELS)
    config = configured(resident, Guard("127.0.0.1", TOKEN), limits, body_seconds=body_seconds)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Served(listening.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            thread.join(30)
    assert not thread.is_alive()


def ended(connection: socket.socket) -> bool:
    """Whether the other end closes the connection; waits for it."""
    try:
        return connection.recv(65_536) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("said", [b"", b"POST /cases HTTP/1.1\r\nHost: x\r\n"], ids=["idle", "half a head"])
def test_who_has_the_token_is_served_among_300_strangers(said: bytes) -> None:
    """Connections that never end their first head are crowded out, the oldest first."""
    with served() as server, ExitStack() as stack:
        strangers = [stack.enter_context(server.connect(said)) for _ in range(300)]
        begun = time.monotonic()
        assert server.post(b"[]") == (200, [])
        assert time.monotonic() - begun < SOON
        assert ended(strangers[0])


def test_who_was_let_in_is_not_crowded_out() -> None:
    """A connection that has proved itself stays, whatever comes after it."""
    with served() as server, ExitStack() as stack:
        proved = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for _ in range(2):
            proved.request("POST", "/cases", b"[]", KNOWN)
            assert proved.getresponse().read() == b"[]"
            for _ in range(100):
                stack.enter_context(server.connect())
        proved.close()


@pytest.mark.parametrize(
    "said",
    [b"", b"POST /cases HTTP/1.1\r\nHost: x\r\n", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=["idle", "half a head", "after an answer"],
)
def test_a_head_has_its_time(said: bytes) -> None:
    """Also where it drips in byte by byte, and after an answer."""
    with served(replace(LIMITS, head_seconds=0.5, idle_seconds=0.5)) as server, server.connect(said) as connection:
        begun = time.monotonic()
        if said.endswith(b"\r\n\r\n"):
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.settimeout(0.05)
        over = False
        while not over and time.monotonic() - begun < SOON:
            try:
                connection.send(b"X")
                over = connection.recv(65_536) == b""
            except TimeoutError:
                continue
            except OSError:
                over = True
        assert over


def test_a_stranger_is_refused_before_his_body_is_read() -> None:
    """A wrong token is answered although the body never comes, and the connection ends."""
    head = b"POST /cases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 1000000\r\n\r\n"
    with served() as server, server.connect(head) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        assert ended(connection)


def test_a_body_has_its_time() -> None:
    """One that drips in is cut off, chunked or not."""
    head = f"POST /cases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    for length in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
        with served(body_seconds=0.3) as server, server.connect(f"{head}{length}\r\n\r\n".encode()) as connection:
            begun = time.monotonic()
            assert connection.recv(65_536).startswith(b"HTTP/1.1 408")
            assert time.monotonic() - begun < SOON
            assert ended(connection)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_its_size(chunked: bool) -> None:
    """Longer ones are refused with 413, also where no header says how long they are."""
    piece = b" " * 65_536
    pieces = [piece] * (MOST_BYTES // len(piece) + 2)
    with served() as server:
        status, said = server.post(iter(pieces) if chunked else b"".join(pieces))
    assert status == 413
    assert "send fewer cases" in said["refused"]


def test_who_never_reads_the_answer_is_cut_off() -> None:
    """A request has its time until the answer is sent."""
    row = b'{"case_id": "1"}'
    head = f"POST /cases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    with served(replace(LIMITS, request_seconds=0.5)) as server:  # nobody works on the case
        asked = f"{head}Content-Length: {len(row)}\r\n\r\n".encode() + row
        with server.connect(asked) as connection:
            begun = time.monotonic()
            assert ended(connection)
            assert time.monotonic() - begun < SOON
