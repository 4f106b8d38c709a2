"""Public queries and dialogues through the customer service flow: routed, summarized, answered, assigned or asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aiops_flows.case_log import audit, promotions
from aiops_flows.steps import promotion, training
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import review
from aiops_flows.steps.workspace import Workspace
from flows.customer_service import CUSTOMER_SERVICE, intent, reply, summary
from flows.ticket_desk import OUT_OF_SCOPE
from tests.homes import living_in

DATA = Path(os.environ.get("AIOPS_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
QUERIES, DIALOGUES = DATA / "clinc150" / "data_full.json", DATA / "tweetsumm" / "tweetsumm_shared.jsonl"
DOMAINS = ["banking", "credit_cards"]
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (QUERIES.is_file() and DIALOGUES.is_file()),
        reason="AIOPS_SHARED_DATA names no folder that holds clinc150/ and tweetsumm/",
    ),
]


def queries(part: str) -> pd.DataFrame:
    """The queries of two domains as tickets of one turn, and those out of scope, with their intents."""
    told = json.loads(QUERIES.read_text())
    known = {name for domain in DOMAINS for name in json.loads((QUERIES.parent / "domains.json").read_text())[domain]}
    rows = [(text, label) for text, label in told[part] if label in known]
    rows += [(text, OUT_OF_SCOPE) for text, _ in told[f"oos_{part}"][:100]]
    return pd.DataFrame(
        {"case_id": f"{part}-{number}", "received_at": "2025-06-01", "thread": text, "intent": label}
        for number, (text, label) in enumerate(rows)
    )


def dialogues() -> pd.DataFrame:
    """Dialogues up to the last turn of the agent, which is the reply, with one person's summary."""
    rows = []
    for line in DIALOGUES.read_text().splitlines():
        told: dict[str, Any] = json.loads(line)
        turns = told["turns"]
        last = max((place for place, turn in enumerate(turns) if turn["speaker"] == "agent"), default=0)
        if last:
            said = {"thread": turns[:last], "reply": turns[last]["text"], "summary": told["summaries"][0]}
            rows.append({"case_id": told["conversation_id"], "received_at": "2025-06-01", **said})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A home folder in which the models learned from published queries and dialogues."""
    with living_in(tmp_path_factory.mktemp("home")):
        place = Workspace.here()
        for history in (queries("train"), dialogues()):
            take_in(place, CUSTOMER_SERVICE, history, history=True)
            told = [name for name in ("intent", "summary", "reply") if name in history]
            record_outcomes(place, CUSTOMER_SERVICE, history[["case_id", *told]].assign(known_at="2025-07-01"))
        for spec in (intent, summary, reply):
            training.retrain(place, CUSTOMER_SERVICE, spec, as_of=AS_OF)
            promotion.promote(place, CUSTOMER_SERVICE, spec)
        yield place


def test_every_model_of_the_desk_passes_its_gates_on_public_tickets(place: Workspace) -> None:
    """Intent, summary and reply are champions, by the gates of the flow as it stands."""
    champions = {spec.output: promotions.champion(place.log, CUSTOMER_SERVICE.name, spec.name) for spec in
                 (intent, summary, reply)}  # fmt: skip
    assert all(champions.values()), champions


def test_public_tickets_are_routed_and_nothing_is_lost(place: Workspace) -> None:
    """Of unseen queries nine in ten get the right intent; what policy assigns is wrong no more often than allowed."""
    arrived = queries("test")
    cases = take_in(place, CUSTOMER_SERVICE, arrived[["case_id", "received_at", "thread"]])
    for model in CUSTOMER_SERVICE.models:
        cases = predict(place, CUSTOMER_SERVICE, model, cases)
    in_scope = arrived["intent"].ne(OUT_OF_SCOPE).to_numpy()
    right = cases["intent"].to_numpy() == arrived["intent"].to_numpy()
    assert right[in_scope].mean() >= 0.9
    assert right[~in_scope].mean() >= 0.4
    decided = review(place, CUSTOMER_SERVICE, cases)
    by_policy = decided["verdict_by"].eq("policy").to_numpy()
    assert len(decided) == len(arrived)
    assert not by_policy.any() or (~right[by_policy]).mean() <= 2 * CUSTOMER_SERVICE.review.error_limit()
    assert audit.verify(place.log) == []


def test_every_sentence_of_a_public_summary_stands_in_its_turn(place: Workspace) -> None:
    """Dialogues that arrive get a summary whose sentences are found at the place they name, and reply candidates."""
    arrived = dialogues().head(100).assign(case_id=lambda rows: "again-" + rows["case_id"])
    cases = take_in(place, CUSTOMER_SERVICE, arrived[["case_id", "received_at", "thread"]])
    for model in (summary, reply):
        cases = predict(place, CUSTOMER_SERVICE, model, cases)
    assert cases["summary"].notna().all()
    for thread, written in zip(cases["thread"], cases["summary"], strict=True):
        assert all(0 <= sentence["turn"] < len(thread) for sentence in written["sentences"])
    assert cases["reply"].map(lambda written: len(written["candidates"]) if written else 0).gt(0).mean() >= 0.9
