"""The use case that is drilled where the user names none: small requests that are granted, refused or asked about."""

from __future__ import annotations

import random
from typing import Any

from pydantic import Field
from sklearn.dummy import DummyClassifier

from aiops_flows.use_case import Case, ModelSpec, Moment, ReviewPolicy, Text, UseCase

__all__ = ["REHEARSAL", "Request", "made_up_rows"]


class Request(Case):
    """A request that somebody makes."""

    received_at: Moment
    amount: float = Field(gt=0, description="EUR")
    days: int = Field(ge=0)
    region: str
    note: Text | None = None


REHEARSAL = UseCase(
    name="rehearsal",
    case=Request,
    models=[
        ModelSpec(name="rehearsal-answer", features=["amount", "days"], output="answer", estimator=DummyClassifier())
    ],
    review=ReviewPolicy(
        verdicts=["grant", "refuse", "ask"],
        auto={
            "grant": lambda requests: requests["answer"] == "grant",
            "refuse": lambda requests: requests["answer"] == "refuse",
        },
    ),
)


def made_up_rows(count: int, seed: int) -> list[dict[str, Any]]:
    """So many requests; the same seed gives the same ones."""
    luck = random.Random(seed)  # noqa: S311  not for secrets
    return [
        {
            "case_id": f"R{seed}-{number}",
            "received_at": f"2026-03-{luck.randint(1, 28):02d}T{luck.randint(0, 23):02d}:00:00Z",
            "amount": round(luck.uniform(1, 9_999), 2),
            "days": luck.randint(0, 400),
            "region": luck.choice(["north", "south", "west"]),
            "note": luck.choice(["", "again", "as agreed on the telephone"]),
        }
        for number in range(count)
    ]
