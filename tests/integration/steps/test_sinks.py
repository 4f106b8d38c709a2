"""A webhook takes each effect under its id, signed; what cannot be taken is told without a word of the message."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.errors import NotDelivered, UseCaseError
from aiops_flows.steps.sinks import FolderSink, WebhookSink, sink_at

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
    with pytest.raises(NotDelivered, match="Timeout") as refused:
        WebhookSink(receiver.url, seconds=0.2).send("abc123", MESSAGE)
    assert not refused.value.for_good


def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    """No connection is a failure that passes; what it says holds neither the message nor the URL's query."""
    with pytest.raises(NotDelivered, match="ConnectError") as refused:
        WebhookSink("http://127.0.0.1:9/effects?token=hush").send("abc123", MESSAGE)
    assert "hush" not in str(refused.value)


def test_what_a_receiver_says_is_never_read(receiver: Receiver) -> None:
    """An endless answer costs nothing."""
    receiver.long = True
    WebhookSink(receiver.url, seconds=2.0).send("abc123", MESSAGE)


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


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """The same effect again writes the same file; others can neither read it nor see it half-written."""
    sink = FolderSink(tmp_path / "out")
    for _ in range(2):
        sink.send("abc123", MESSAGE)
    (file,) = (tmp_path / "out").iterdir()
    assert (file.name, file.read_bytes(), file.stat().st_mode & 0o077) == ("abc123.json", MESSAGE, 0)
