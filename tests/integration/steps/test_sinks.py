"""A webhook takes each effect under its id, signed; what cannot be taken is told without a word of the message."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from aiops_flows.errors import NotDelivered, UseCaseError
from aiops_flows.steps.sinks import FolderSink, WebhookSink, refuse_stored_secret, sink_at

MESSAGE = json.dumps({"body": {"words": "private"}}).encode()


class Receiver(ThreadingHTTPServer):
    """A receiver on this machine that answers as it is told, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status = 200
        self.silent = threading.Event()
        self.long = False
        self.asked: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/effects"


class Answering(BaseHTTPRequestHandler):
    """What the receiver does with a request."""

    server: Receiver

    def do_POST(self) -> None:
        """Keep what was posted, and answer."""
        words = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(({name.lower(): value for name, value in self.headers.items()}, words))
        if self.server.silent.is_set():
            threading.Event().wait(5.0)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.end_headers()
        if self.server.long:
            self._answer_at_length()

    def _answer_at_length(self) -> None:
        try:
            for _ in range(100_000):
                self.wfile.write(b"private " * 8_192)
        except OSError:
            return

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_message_is_posted_under_its_effect_id(receiver: Receiver) -> None:
    """The id stands in the headers by which receivers know a repetition; the message is what was given."""
    WebhookSink(receiver.url).send("abc123", MESSAGE)
    (headers, words) = receiver.asked[0]
    assert words == MESSAGE
    assert (headers["idempotency-key"], headers["webhook-id"]) == ("abc123", "abc123")
    assert headers["content-type"] == "application/json"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize(
    ("secret", "key"),
    [("plain words", b"plain words"), (f"whsec_{base64.b64encode(b'24 bytes of something!!!').decode()}", None)],
)
def test_a_message_is_signed_with_the_secret(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str, key: bytes | None
) -> None:
    """The receiver can compute the signature from id, time and body with the secret, and from nothing else."""
    monkeypatch.setenv("DESK_SECRET", secret)
    WebhookSink(receiver.url, "DESK_SECRET").send("abc123", MESSAGE)
    (headers, words) = receiver.asked[0]
    content = f"abc123.{headers['webhook-timestamp']}.".encode() + words
    expected = hmac.new(key or b"24 bytes of something!!!", content, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert secret not in repr(headers)


@pytest.mark.parametrize(("status", "for_good"), [(400, True), (404, True), (302, True), (429, False), (503, False)])
def test_an_answer_that_is_no_yes_is_told_by_its_number(receiver: Receiver, status: int, for_good: bool) -> None:
    """What the receiver will never take is given up; what it may take later is tried again; no redirect is followed."""
    receiver.status = status
    with pytest.raises(NotDelivered, match=f"^answered {status}$") as refused:
        WebhookSink(receiver.url).send("abc123", MESSAGE)
    assert refused.value.for_good is for_good
    assert len(receiver.asked) == 1


def test_a_receiver_that_does_not_answer_is_not_waited_for(receiver: Receiver) -> None:
    """After the time that is given it counts as not taken."""
    receiver.silent.set()
    with pytest.raises(NotDelivered, match=r"^no answer within 0.2 s$") as refused:
        WebhookSink(receiver.url, seconds=0.2).send("abc123", MESSAGE)
    assert not refused.value.for_good


def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    """No connection is a failure that passes; what it says holds neither the message nor the URL's query."""
    with pytest.raises(NotDelivered, match="ConnectError") as refused:
        WebhookSink("http://127.0.0.1:9/effects?token=hush").send("abc123", MESSAGE)
    assert "hush" not in str(refused.value)


def test_an_endless_answer_costs_nothing(receiver: Receiver) -> None:
    """What is answered counts by its status; of the rest only a little is read."""
    receiver.long = True
    WebhookSink(receiver.url, seconds=2.0).send("abc123", MESSAGE)


def dripping(pieces: Iterator[bytes], *, reads: bool = True) -> tuple[str, threading.Event]:
    """The URL of a receiver that sends a piece every 50 ms, for one connection; set the event to end it."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer() -> None:
        with listening, listening.accept()[0] as connection, suppress(OSError):
            if reads:
                connection.recv(65_536)
            for piece in pieces:
                if over.wait(0.05):
                    return
                connection.sendall(piece)
            over.wait(10)

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/effects", over


def test_a_receiver_that_drips_its_answer_is_cut_off() -> None:
    """The time is for the whole call, not for each byte."""
    url, over = dripping(iter([b"H", b"T", b"T", b"P", *[b"/"] * 1_000]))
    begun = time.monotonic()
    with pytest.raises(NotDelivered, match=r"^no answer within 0.3 s$") as refused:
        WebhookSink(url, seconds=0.3).send("abc123", MESSAGE)
    assert time.monotonic() - begun < 3.0
    assert not refused.value.for_good
    over.set()


def test_a_receiver_that_drips_after_its_status_has_taken_the_message() -> None:
    """The status is the answer; the call ends in time whatever follows."""
    url, over = dripping(iter([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 1_000]))
    begun = time.monotonic()
    WebhookSink(url, seconds=0.5).send("abc123", MESSAGE)
    assert time.monotonic() - begun < 3.0
    over.set()


def test_a_receiver_that_does_not_read_is_cut_off() -> None:
    """Sending the message counts as well."""
    url, over = dripping(iter([b""] * 1_000), reads=False)
    begun = time.monotonic()
    with pytest.raises(NotDelivered, match=r"^no answer within 0.3 s$"):
        WebhookSink(url, seconds=0.3).send("abc123", b"x" * 20_000_000)
    assert time.monotonic() - begun < 3.0
    over.set()


@pytest.mark.parametrize(
    "url",
    ["ftp://desk.example.com/x", "https://", "http://me:hush@desk.example.com/x"],
    ids=["scheme", "host", "login"],
)
def test_a_url_that_cannot_be_posted_to_is_refused(url: str) -> None:
    """It is told when the sink is made, without the password."""
    with pytest.raises(UseCaseError) as refused:
        sink_at(url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_a_secret_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """Nothing goes out unsigned where a signature was asked for."""
    monkeypatch.setenv("DESK_SECRET", secret)
    with pytest.raises(UseCaseError, match="DESK_SECRET"):
        WebhookSink("https://desk.example.com/effects", "DESK_SECRET")


def test_a_name_holds_no_secret() -> None:
    """What the case log keeps of a sink is where it is, without the query."""
    assert sink_at("https://desk.example.com:8443/effects?token=hush").name == "https://desk.example.com:8443/effects"
    assert sink_at("/somewhere/out").name == "folder out"


@pytest.mark.parametrize(
    "url",
    [
        "https://desk.example.com/effects?token=hush",
        "https://desk.example.com/services/T024BE7LD/hush00X4fYhRk8bD1sQz7w",
        "https://desk.example.com/effects#hush",
    ],
    ids=["query", "path", "fragment"],
)
def test_a_token_in_a_url_is_shown_and_stored_nowhere(url: str) -> None:
    """Neither by printing the sink, nor by its name, nor as a parameter of a Prefect flow."""
    sink = WebhookSink(url)

    @flow
    def send(sink: WebhookSink) -> None: ...

    shown = [repr(sink), str(sink), sink.name, repr(sink.url), repr(dataclasses.asdict(sink))]
    shown.append(repr(send.serialize_parameters({"sink": sink})))
    assert "hush" not in " ".join(shown)
    assert "desk.example.com" in sink.name


def test_a_url_that_is_a_secret_stays_in_the_environment(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """A sink is named by the variable; its own text may be stored anywhere."""
    monkeypatch.setenv("DESK_URL", f"{receiver.url}?token=hush")
    sink = sink_at("env:DESK_URL")
    sink.send("abc123", MESSAGE)
    assert len(receiver.asked) == 1
    assert sink.name == "127.0.0.1 (DESK_URL)"
    with pytest.raises(UseCaseError, match="NO_URL holds no URL"):
        sink_at("env:NO_URL")


@pytest.mark.parametrize(
    "sink",
    ["https://me:hush@desk.example.com/x", "https://desk.example.com/x?t=hush", "https://desk.example.com/#hush"],
)
def test_a_flow_refuses_a_url_that_prefect_would_store_with_its_token(sink: str) -> None:
    """Parameters of flow runs are shown to everybody; the next step names the environment variable."""
    with pytest.raises(UseCaseError, match="env:DESK_URL") as refused:
        refuse_stored_secret(sink)
    assert "hush" not in str(refused.value)
    for harmless in ("https://desk.example.com/effects", "env:DESK_URL", "/somewhere/out?x"):
        refuse_stored_secret(harmless)


def test_a_call_logs_no_url(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the level of logging is."""
    with caplog.at_level(logging.DEBUG):
        WebhookSink(f"{receiver.url}?token=hush").send("abc123", MESSAGE)
    assert "hush" not in caplog.text


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """The same effect again writes the same file; others can neither read it nor see it half-written."""
    sink = FolderSink(tmp_path / "out")
    for _ in range(2):
        sink.send("abc123", MESSAGE)
    (file,) = (tmp_path / "out").iterdir()
    assert (file.name, file.read_bytes(), file.stat().st_mode & 0o077) == ("abc123.json", MESSAGE, 0)
