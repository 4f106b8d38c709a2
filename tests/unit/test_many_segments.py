"""Many segments stay cheap, and each says in a few words why it has no threshold."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from aiops_flows.evidence.losses import wrong
from aiops_flows.evidence.thresholds import rows_to_certify
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.proposing import propose
from aiops_flows.steps.proving import JudgedRows, prove
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase

INTENTS = np.array([f"intent {number}" for number in range(150)], dtype=object)


class Ticket(Case):
    """A request."""

    length: float


DESK = UseCase(
    "desk",
    Ticket,
    [ModelSpec("desk-intent", ["length"], "intent", DummyClassifier())],
    ReviewPolicy(
        verdicts=["assign"],
        auto={"assign": lambda tickets: tickets["intent"].notna()},
        judged_by={"intent": wrong},
        segments="intent",
    ),
)


def rows(many: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of very different frequency, their confidence, and whether they were wrong."""
    random = np.random.default_rng(0)
    said = INTENTS[np.minimum(random.zipf(1.3, many) - 1, 149)]
    sure = random.random(many) ** 0.2
    return said, sure, (random.random(many) < (1 - sure) * 0.8).astype(float)


def test_a_hundred_and_fifty_segments_are_certified_and_followed_in_seconds() -> None:
    """30,000 rows are certified, and 10,000 cases decided, each by the threshold of its own answer."""
    begun = time.process_time()
    answers, confidence, losses = rows(30_000)
    assigned = np.full(30_000, "assign", dtype=object)
    proved = prove(DESK.review, JudgedRows(answers, assigned, confidence, losses, by_answer=True))
    issued = datetime.now(UTC)
    certificate = Certificate(
        model="desk-intent",
        version=1,
        policy_version=DESK.review.version,
        max_error=0.05,
        confidence=0.9,
        labels_used=30_000,
        rows_digest="",
        companions={},
        expires_at=(issued + timedelta(days=1)).isoformat(),
        sure=["intent"],
        **vars(proved),
    )
    said, sure, _ = rows(10_000)
    cases = pd.DataFrame({"case_id": [str(number) for number in range(10_000)], "intent": said, "intent_note": ""})
    cases = cases.assign(intent_confidence=sure, intent_version=pd.array([1] * 10_000, dtype="Int64"))
    proposal = propose(DESK, cases, certificate)
    assert time.process_time() - begun < 8

    limits = {name: each.threshold for name, each in certificate.segments.items()}
    certified = {name for name, limit in limits.items() if limit is not None}
    assert 0 < len(certified) < 150
    decided = np.array([verdict is not None for verdict in proposal.verdicts])
    expected = [name in certified and mark >= limits[name] for name, mark in zip(said, sure, strict=True)]
    assert decided.tolist() == expected
    pooled = {name: each for name, each in certificate.segments.items() if each.pooled}
    assert len({each.threshold for each in pooled.values()}) == 1
    assert all(each.labels_used < rows_to_certify(0.05, 0.9) for each in pooled.values())
    assert all("too few to certify it alone; together with all others" in each.reason for each in pooled.values())


def test_rare_segments_are_certified_together_or_not_at_all() -> None:
    """With 130 rows of each answer none can be certified alone; together they get most of what one promise gives."""
    random = np.random.default_rng(1)
    answers = np.repeat(INTENTS[:78], 130)
    sure = random.random(len(answers)) ** 0.2
    losses = (random.random(len(answers)) < (1 - sure) * 0.5).astype(float)
    assigned = np.full(len(answers), "assign", dtype=object)
    judged = JudgedRows(answers, assigned, sure, losses, by_answer=True)
    alone = prove(replace(DESK.review, pool_rare=False), judged)
    together = prove(DESK.review, judged)
    whole = prove(replace(DESK.review, segments=None), judged)
    assert alone.coverage < 0.1
    assert together.coverage == pytest.approx(whole.coverage)
    assert together.coverage > 0.5
    assert "78 of them are too rare to be certified alone, together as all others" in together.reason
