"""A language model behind an endpoint, over real HTTP."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from aiops_flows.errors import CompletionFailed, UseCaseError
from aiops_flows.estimators.chat_endpoint import ChatEndpoint
from tests.integration.estimators.chat_server import ChatServer, chat, chat_server, failing

KEY = "canary-key-5b1e"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def endpoint(server: ChatServer, **settings: Any) -> ChatEndpoint:
    return replace(ChatEndpoint(server.url, "small-1", wait=0.01, seconds=5.0), **settings)


def status_of(server: ChatServer, **settings: Any) -> str:
    with pytest.raises(CompletionFailed) as refused:
        endpoint(server, **settings).complete("say", "data")
    return refused.value.status


def test_a_completion_has_its_text_tokens_cost_and_seconds(server: ChatServer) -> None:
    """Instruction and material go apart, and what comes back is counted and priced."""
    server.answers = [chat("issue [0]: it broke", tokens=(2_000, 500))]
    said = endpoint(server, price_in=1.0, price_out=4.0).complete("the instruction", "the material")
    assert (said.text, said.tokens_in, said.tokens_out, said.attempts) == ("issue [0]: it broke", 2_000, 500, 1)
    assert said.cost == pytest.approx(0.004)
    assert 0 < said.seconds < 5
    assert server.paths == ["/v1/chat/completions"]
    assert [message["role"] for message in server.asked[0]["messages"]] == ["system", "user"]
    assert [message["content"] for message in server.asked[0]["messages"]] == ["the instruction", "the material"]


def test_the_key_is_read_at_the_call_and_kept_nowhere(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It travels in its header, and stands neither in the endpoint nor in what it raises."""
    server.answers = [chat("fine"), failing(401)]
    monkeypatch.setenv("CHAT_KEY", KEY)
    asked = endpoint(server, key_setting="CHAT_KEY")
    asked.complete("say", "data")
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    with pytest.raises(CompletionFailed) as refused:
        asked.complete("say", "data")
    assert KEY not in f"{asked!r} {vars(asked)} {refused.value!r}"


def test_a_missing_key_is_said_before_anything_is_sent(server: ChatServer) -> None:
    """Nothing leaves without the key that was asked for."""
    assert status_of(server, key_setting="A_KEY_THAT_NOBODY_SET") == "no key"
    assert server.asked == []


@pytest.mark.parametrize("busy", [429, 500, 503])
def test_a_busy_endpoint_is_asked_again(server: ChatServer, busy: int) -> None:
    """It may answer at the third attempt, and the number of attempts is told."""
    server.answers = [failing(busy), failing(busy, Retry_After="0"), chat("at last")]
    assert endpoint(server).complete("say", "data").attempts == 3
    assert len(server.asked) == 3


def test_an_endpoint_that_stays_busy_is_given_up(server: ChatServer) -> None:
    """After the last attempt the status says what it answered."""
    server.answers = [failing(503)]
    assert status_of(server, attempts=2) == "http 503"
    assert len(server.asked) == 2


@pytest.mark.parametrize("refusal", [400, 401, 404])
def test_a_refusal_is_not_tried_again(server: ChatServer, refusal: int) -> None:
    """What would be refused again is asked once."""
    server.answers = [failing(refusal)]
    assert status_of(server) == f"http {refusal}"
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed(server: ChatServer) -> None:
    """The customer's words go where they were meant to go, or nowhere."""
    server.answers = [failing(307, Location=f"{server.url}/elsewhere/chat/completions"), chat("taken elsewhere")]
    assert status_of(server) == "http 307"
    assert len(server.asked) == 1


def test_a_slow_endpoint_costs_its_seconds_and_no_more(server: ChatServer) -> None:
    """An answer that drips in, sign by sign, is over when its time is, and is not asked for again."""
    server.answers, server.drip_seconds = [chat("slow " * 40)], 0.05
    begun = time.monotonic()
    assert status_of(server, seconds=0.4) == "timeout"
    assert time.monotonic() - begun < 3
    assert len(server.asked) == 1


def test_an_endpoint_that_is_not_there_is_told(server: ChatServer) -> None:
    """A refused connection is tried again, then told."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(CompletionFailed, match="cannot be reached") as refused:
        ChatEndpoint(gone, "small-1", attempts=2, wait=0.01).complete("say", "data")
    assert refused.value.status == "unreachable"


def test_a_huge_answer_is_not_read_to_its_end(server: ChatServer) -> None:
    """A megabyte is the most that is held."""
    server.answers = [(200, {}, b"x" * 5_000_000)]
    assert status_of(server) == "too large"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>a customer's words</html>",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": ["a list"]}}]}',
        b"[" * 200_000,
        b"\xff\xfe\x00",
        b"3",
    ],
)
def test_a_malformed_answer_is_told_without_its_words(server: ChatServer, content: bytes) -> None:
    """Whatever comes instead of a completion, nothing of it stands in the error or its causes."""
    server.answers = [(200, {}, content)]
    with pytest.raises(CompletionFailed) as refused:
        endpoint(server).complete("say", "data")
    assert refused.value.status == "malformed"
    assert refused.value.__cause__ is None
    assert "customer" not in str(refused.value)


def test_a_packed_answer_is_refused(server: ChatServer) -> None:
    """What would unfold to more than it weighs is not unpacked."""
    server.answers = [(200, {"Content_Encoding": "gzip"}, b"\x1f\x8b")]
    assert status_of(server) == "malformed"


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": -5, "completion_tokens": "many"}, {"prompt_tokens": True}]
)
def test_tokens_that_make_no_sense_are_unknown(server: ChatServer, usage: object) -> None:
    """Then the cost is unknown too, never nothing."""
    body = {"choices": [{"message": {"content": "fine"}}], "usage": usage}
    server.answers = [(200, {}, json.dumps(body).encode())]
    said = endpoint(server, price_in=1.0, price_out=1.0).complete("say", "data")
    assert (said.tokens_in, said.tokens_out, said.cost) == (None, None, None)


def test_nothing_of_a_call_is_logged_but_its_address(server: ChatServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither what was asked nor what was answered reaches a log, of whatever library, at whatever level."""
    caplog.set_level(logging.DEBUG)
    server.answers = [chat("answered-canary")]
    endpoint(server).complete("instruction-canary", "material-canary")
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "http://llm.example.com/v1",
        "https://user:secret@llm.example.com/v1",
        "https://llm.example.com/v1?key=secret",
        "ftp://llm.example.com",
        "llm.example.com",
    ],
)
def test_an_address_that_gives_something_away_is_refused(url: str) -> None:
    """No key in a stored address, no customer's words in clear over a network."""
    with pytest.raises(UseCaseError) as refused:
        ChatEndpoint(url, "small-1")
    assert "secret" not in str(refused.value)
