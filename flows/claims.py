"""Property and injury claims of air passengers: approve small plain ones, put the others to an adjuster.

The columns are those of the claims that the US Transportation Security Administration publishes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from prefect import flow
from pydantic import Field
from sklearn.dummy import DummyRegressor

from aiops_flows import Case, Gate, ModelSpec, ReviewPolicy, Text, UseCase, intake, predict, review
from aiops_flows.evidence.losses import share_of_worst
from aiops_flows.use_case import CaseId, Moment
from flows.claim_documents import attach_documents
from flows.claim_estimators import claim_amount, claim_disposition

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


class Claim(Case):
    """One claim as it is received; what became of it (disposition, close amount) is its late outcome, no field."""

    absent: ClassVar[frozenset[str]] = frozenset({"", "-"})
    case_id: CaseId = Field(alias="Claim Number")
    received_at: Moment = Field(alias="Date Received")
    incident_at: Moment | None = Field(None, alias="Incident Date", description="midnight where no time is given")
    airport: str | None = Field(None, alias="Airport Code")
    airport_name: str | None = Field(None, alias="Airport Name")
    airline: str | None = Field(None, alias="Airline Name")
    claim_type: str | None = Field(None, alias="Claim Type")
    site: str | None = Field(None, alias="Claim Site")
    items: Text | None = Field(None, alias="Item Category", description="what it is about, parted by semicolons")


FEATURES = ["received_at", "incident_at", "airport", "airline", "claim_type", "site", "items"]
WATCHED = ["airport", "airline", "claim_type", "site", "items"]  # dates move on by themselves
PROPERTY = ["Passenger Property Loss", "Property Damage"]

disposition = ModelSpec(
    name="claims-disposition", features=FEATURES, output="disposition",
    estimator=claim_disposition(), train_window=timedelta(days=1_095), watched=WATCHED,
    gates=[  # a little wider than the worst of 105 weekly trainings on the real claims, as small drops add up
        Gate("roc_auc", at_least=0.65, max_drop=0.01, beats_baseline=True),
        Gate("brier_score", max_drop=0.01, beats_baseline=True), Gate("calibration_error", at_most=0.08),
        Gate("missing_values", at_most=0.25), Gate("latency", at_most=250),
    ],
)  # fmt: skip
amount = ModelSpec(
    name="claims-amount", features=FEATURES, output="amount",
    estimator=claim_amount(), train_window=timedelta(days=1_095), watched=WATCHED,
    baseline=DummyRegressor(strategy="mean"),  # most claims are paid nothing: the median would say 0 of every claim
    gates=[Gate("mean_absolute_error", max_drop=5.0, beats_baseline=True), Gate("missing_values", at_most=0.25)],
)  # fmt: skip

REVIEW_COST = 60.0
"""US dollars that it costs an adjuster to look at a claim."""
MOST_PAID = 250.0
"""US dollars that are paid without a person at most."""


def payment(claims: pd.DataFrame) -> pd.Series[float]:
    """US dollars that a claim is expected to cost if it is paid; ``amount`` counts that it may be denied."""
    paid: pd.Series[float] = (claims["amount"] / claims["disposition_confidence"]).round(2)
    return paid


def paid_wrongly(claims: pd.DataFrame, true: ArrayLike) -> NDArray[np.float64]:
    """US dollars lost by each approval: all of it where the claim had to be denied, half where it would be settled."""
    paid = np.minimum(claims["payment"].to_numpy(dtype=np.float64), MOST_PAID)
    outcome = np.asarray(true, dtype=object)
    return np.select([outcome == "deny", outcome == "settle"], [paid, paid / 2], 0.0)


CLAIMS = UseCase(
    name="claims",
    case=Claim,
    models=[disposition, amount],
    terms={"payment": payment},
    review=ReviewPolicy(
        verdicts=["approve", "settle", "deny"],
        adverse=["deny"],  # nobody is denied anything without a person, and settlements are for people to negotiate
        auto={  # small property claims only; whoever was hurt is heard by a person
            "approve": lambda c: (c.disposition == "approve") & (c.payment <= MOST_PAID) & c.claim_type.isin(PROPERTY),
        },
        judged_by={"disposition": share_of_worst(paid_wrongly, MOST_PAID)},
        max_error=REVIEW_COST / MOST_PAID,  # automatic approvals lose less than it would cost to review them
        confidence=0.90,
        audit=0.10,
        due=timedelta(days=5),
        priority=lambda c: c.amount + 1_000 * ~c.claim_type.isin(PROPERTY),
    ),
)


@flow
def claims(source: str) -> pd.DataFrame:
    """Take in the claims of a file or inbox folder, score them, and decide them or put them to an adjuster."""
    cases = attach_documents(intake(CLAIMS, source), source)
    cases = predict(CLAIMS, disposition, cases)
    cases = predict(CLAIMS, amount, cases)
    return review(CLAIMS, cases)
