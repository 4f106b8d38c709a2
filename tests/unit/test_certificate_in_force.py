"""Policy decides under a certificate only while it is the one that the policy, the versions and the time ask for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from aiops_flows.case_log.alarms import Alarm
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.proposing import propose
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

NOW = datetime(2026, 3, 15, tzinfo=UTC)


class Order(Case):
    """A small case."""

    amount: float


RISK = ModelSpec("order-risk", ["amount"], "risk", DummyClassifier(), gates=[Gate("accuracy", at_least=0.1)])
ORDERS = UseCase(
    name="orders",
    case=Order,
    models=[RISK],
    review=ReviewPolicy(verdicts=["yes", "no"], auto={"yes": lambda orders: orders.risk == "low"}),
)
CERTIFICATE = Certificate(
    model="order-risk",
    version=3,
    policy_version=ORDERS.review.version,
    threshold=0.8,
    max_error=0.05,
    confidence=0.9,
    coverage=0.5,
    labels_used=500,
    error_upper=0.04,
    rows_digest="0" * 64,
    companions={},
    reason="proved",
    issued_at=(NOW - timedelta(days=1)).isoformat(),
    expires_at=(NOW + timedelta(days=30)).isoformat(),
    outputs=["risk"],
    sure=["risk"],
)
ORDER = pd.DataFrame(
    {
        "case_id": ["A", "B"],
        "amount": [10.0, 20.0],
        "risk": ["low", "low"],
        "risk_confidence": [0.9, 0.7],
        "risk_version": pd.array([3, 3], dtype="Int64"),
        "risk_note": ["", ""],
    }
)


def verdicts(certificate: Certificate | None = CERTIFICATE, **change: Any) -> list[str | None]:
    """What policy would do with both orders."""
    return propose(ORDERS, ORDER, certificate, **({"at": NOW} | change)).verdicts


def test_what_reaches_the_threshold_is_decided() -> None:
    """The other order is not sure enough."""
    assert verdicts() == ["yes", None]


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (None, "no certificate"),
        (replace(CERTIFICATE, policy_version="0" * 12), "policy has changed"),
        (replace(CERTIFICATE, expires_at=NOW.isoformat()), "expired"),
        (replace(CERTIFICATE, expires_at=""), "expired"),
        (replace(CERTIFICATE, threshold=None), "nothing may be decided"),
        (replace(CERTIFICATE, version=2), "another version of order-risk"),
    ],
)
def test_a_certificate_that_is_not_the_one_in_force_decides_nothing(
    certificate: Certificate | None, reason: str
) -> None:
    """Another policy, another version or a later time: every case goes to a person, with the reason."""
    proposal = propose(ORDERS, ORDER, certificate, at=NOW)
    assert proposal.verdicts == [None, None]
    assert reason in proposal.reasons[0]


def test_an_alarm_that_sends_cases_to_people_stops_its_version_only() -> None:
    """One of another version, or one that only asks to look, stops nothing."""
    alarm = Alarm(
        number=1,
        at=NOW,
        model="order-risk",
        version=3,
        kind="error",
        segment=None,
        evidence="{}",
        action="to people",
        reason="proved worse",
        actor="monitor",
    )
    assert verdicts(alarms=[alarm]) == [None, None]
    assert verdicts(alarms=[replace(alarm, version=None)]) == [None, None]
    assert verdicts(alarms=[replace(alarm, version=2)]) == ["yes", None]
    assert verdicts(alarms=[replace(alarm, action="look")]) == ["yes", None]
