"""A real HTTP server on this machine that speaks the protocol of chat completions, well or badly, as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


def chat(text: str, tokens: tuple[int, int] = (120, 30)) -> Answer:
    """A well-formed completion."""
    body = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }
    return 200, {}, json.dumps(body).encode()


def failing(status: int, **headers: str) -> Answer:
    return status, headers, b'{"error": {"message": "no"}}'


@dataclass
class ChatServer:
    """What it answers, one after the other (the last one for ever), and what it was asked."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    drip_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self) -> Answer:
        """The next one, or the last for ever."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A server in a thread of this process, on a port of its own."""
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with state.lock:
                state.asked.append(json.loads(body))
                state.headers.append(dict(self.headers))
                state.paths.append(self.path)
                status, headers, content = state.next_answer()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self._send(content)

        def _send(self, content: bytes) -> None:
            try:
                if not state.drip_seconds:
                    self.wfile.write(content)
                    return
                for sign in content:
                    self.wfile.write(bytes([sign]))
                    self.wfile.flush()
                    time.sleep(state.drip_seconds)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
