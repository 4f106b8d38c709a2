"""A language model as a version like any other: trained, promoted, asked, and traced, with nothing said elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.case_log.trace import trace
from aiops_flows.estimators import grounding
from aiops_flows.estimators.chat_endpoint import ChatEndpoint
from aiops_flows.estimators.generated_summaries import GenerativeSummary
from aiops_flows.estimators.prompts import SUMMARY_PROMPT
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase
from tests.at_work import install
from tests.integration.estimators.chat_server import ChatServer, chat, chat_server
from tests.unit.estimators.threads import BROKEN, LATE


class Ticket(Case):
    """A conversation."""

    thread: Thread


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def desk(server: ChatServer) -> UseCase:
    asked = ChatEndpoint(server.url, "small-1", key_setting="CHAT_KEY", attempts=1, parallel=1)
    summary = ModelSpec("tickets-summary", ["thread"], "summary", GenerativeSummary(asked), min_rows=0)
    return UseCase("desk", Ticket, [summary], ReviewPolicy(verdicts=["close"]))


def arriving(prefix: str) -> pd.DataFrame:
    return pd.DataFrame({"case_id": [f"{prefix}-1", f"{prefix}-2"], "thread": [BROKEN, LATE]})


def test_a_language_model_is_asked_traced_and_leaves_no_words_behind(
    place: Workspace, server: ChatServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The case log tells each call with its prompt's version; MLflow has the prompt, and neither key nor words."""
    monkeypatch.setenv("CHAT_KEY", "canary-key-5b1e")
    server.answers = [chat("issue [0]: Order 4711 arrived broken.\nresolution [5]: We will refund the 90 euros.")]
    use_case = desk(server)
    take_in(place, use_case, arriving("H"), history=True)
    install(place, use_case, use_case.models[0], as_of=datetime.now(UTC))
    said = predict(place, use_case, "tickets-summary", take_in(place, use_case, arriving("T")))
    by_case = dict(zip(said["case_id"], said["summary"], strict=True))
    assert by_case["T-1"]["written_by"] == "model"
    assert by_case["T-2"]["written_by"] == "fallback"
    assert grounding.check(by_case["T-2"], LATE).share == 1.0
    call = json.loads(trace(place.log, "desk", "T-1")["predictions"][0]["value"])["calls"][0]
    assert (call["prompt_digest"], call["prompt_version"]) == (SUMMARY_PROMPT.digest, 1)
    assert (call["tokens_in"], call["status"]) == (120, "used")
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").rglob("*") if file.is_file())
    assert b"ticket-summary" in kept
    for words in (b"canary-key", b"4711", b"Leeds", b"someone@example.com"):
        assert words not in kept
