"""A language model behind an endpoint that speaks OpenAI's protocol of chat completions."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from aiops_flows.errors import CompletionFailed, UseCaseError
from aiops_flows.estimators.completion import Completion
from aiops_flows.outgoing import run_within, tls

if TYPE_CHECKING:
    import httpx

__all__ = ["ChatEndpoint"]

_LARGEST_BYTES = 1_000_000
_LONGEST_WAIT = 10.0
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_PER_PRICE = 1_000_000
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class ChatEndpoint:
    """A model that is asked by ``POST {url}/chat/completions``.

    Redirects are not followed, proxies of the environment are not used, and an answer is read up to a megabyte.
    """

    url: str
    """Up to and with the version, such as ``https://llm.example.com/v1``; without encryption on this machine only."""
    model: str
    key_setting: str | None = None
    """The *name* of the environment variable that holds the key; it is read at each call and kept nowhere."""
    price_in: float | None = None
    """Of a million tokens read, in a currency of your choice."""
    price_out: float | None = None
    """Of a million tokens written."""
    longest: int = 400
    """Tokens of an answer, at most."""
    seconds: float = 30.0
    """Within which an attempt must be over."""
    attempts: int = 3
    """Where the endpoint is busy or cannot be reached; a time-out is not tried again."""
    wait: float = 0.5
    """Seconds before the second attempt; doubled for each further one, unless the endpoint says how long."""
    parallel: int = 4
    """Calls at once."""

    def __post_init__(self) -> None:
        """Refuse an address that would give a key or a customer's words away.

        Raises:
            UseCaseError: it holds a password or a query, or is not encrypted.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UseCaseError("ChatEndpoint: url must be one such as https://llm.example.com/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise UseCaseError(
                "ChatEndpoint: url holds a password or a query, and would be stored with the model; "
                "put the key into an environment variable and name that in key_setting"
            )
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise UseCaseError(
                f"ChatEndpoint: customers' words would go to {parts.hostname} without encryption; use https"
            )

    @property
    def name(self) -> str:
        """What it is called in a trace of its calls."""
        return self.model

    def pinned(self) -> Self:
        """Itself: what an endpoint serves under a model's name cannot be held to anything."""
        return self

    def complete(self, instruction: str, material: str) -> Completion:
        """What the model writes.

        Raises:
            CompletionFailed: it does not answer, or not in a form that can be read.
        """
        begun = time.monotonic()
        asked = [{"role": "system", "content": instruction}, {"role": "user", "content": material}]
        body = {"model": self.model, "messages": asked, "temperature": 0, "max_tokens": self.longest}
        content, attempts = run_within(self._tried(json.dumps(body).encode(), self._headers()))
        text, tokens_in, tokens_out = _read(content)
        return Completion(
            text, tokens_in, tokens_out, self._cost(tokens_in, tokens_out), time.monotonic() - begun, attempts
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        if self.key_setting is None:
            return headers
        key = os.environ.get(self.key_setting, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise CompletionFailed(
                f"the environment variable {self.key_setting} holds no usable key for {self.model}; set it where the "
                "worker runs",
                "no key",
            )
        return headers | {"Authorization": f"Bearer {key}"}

    async def _tried(self, body: bytes, headers: dict[str, str]) -> tuple[bytes, int]:
        """The body of the answer, and at which attempt it came."""
        import httpx

        async with httpx.AsyncClient(
            verify=tls(), follow_redirects=False, trust_env=False, timeout=self.seconds
        ) as client:
            for attempt in range(1, self.attempts + 1):
                try:
                    return await self._attempt(client, body, headers), attempt
                except _Busy as busy:
                    if attempt == self.attempts:
                        raise CompletionFailed(f"{self.model} at {self._place} {busy}", busy.status) from None
                    await asyncio.sleep(min(busy.wait or self.wait * 2 ** (attempt - 1), _LONGEST_WAIT))
        raise CompletionFailed(f"{self.model} was not asked: attempts is {self.attempts}", "not asked")

    async def _attempt(self, client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> bytes:
        import httpx

        try:
            async with asyncio.timeout(self.seconds):
                async with client.stream("POST", self._address, content=body, headers=headers) as answer:
                    self._accept(answer)
                    return await self._bounded(answer)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout):
            raise CompletionFailed(f"{self.model} took more than {self.seconds:g} s", "timeout") from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as fault:
            raise _Busy(f"cannot be reached ({type(fault).__name__})", "unreachable") from None

    def _accept(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in _AGAIN:
            raise _Busy(f"answers {status}", f"http {status}", _seconds(answer.headers.get("retry-after", "")))
        if status != HTTPStatus.OK:
            raise CompletionFailed(f"{self.model} at {self._place} answers {status}", f"http {status}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise CompletionFailed(
                f"{self.model} at {self._place} answers packed, which was not asked for", "malformed"
            )

    async def _bounded(self, answer: httpx.Response) -> bytes:
        content = bytearray()
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > _LARGEST_BYTES:
                raise CompletionFailed(f"{self.model} answers more than {_LARGEST_BYTES:,} bytes", "too large")
        return bytes(content)

    @property
    def _address(self) -> str:
        return f"{self.url.rstrip('/')}/chat/completions"

    @property
    def _place(self) -> str:
        return urlsplit(self.url).netloc

    def _cost(self, tokens_in: int | None, tokens_out: int | None) -> float | None:
        if self.price_in is None or self.price_out is None or tokens_in is None or tokens_out is None:
            return None
        return (tokens_in * self.price_in + tokens_out * self.price_out) / _PER_PRICE


class _Busy(Exception):
    """The endpoint may answer at another attempt."""

    def __init__(self, message: str, status: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.wait = wait


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def _read(content: bytes) -> tuple[str, int | None, int | None]:
    """The text of the answer, and the tokens read and written."""
    try:
        answer: Any = json.loads(content)
        text = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        text, counts = None, []
    if not isinstance(text, str):  # told without the answer, which may hold a customer's words
        raise CompletionFailed("the endpoint's answer is no chat completion with a text", "malformed")
    tokens_in, tokens_out = (count if type(count) is int and 0 <= count < _PER_PRICE**2 else None for count in counts)
    return text, tokens_in, tokens_out
