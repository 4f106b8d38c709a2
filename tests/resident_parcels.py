"""Business flows over parcels that are kept resident in tests: one as users write it, one that fails or dies."""

from __future__ import annotations

import os
import signal

import pandas as pd
from prefect import flow
from prefect.logging import get_run_logger

from aiops_flows import batch_task, intake, predict, review
from aiops_flows.steps.sources import Source
from tests.parcels import PARCELS, make_parcels

__all__ = ["brittle", "parcel", "parcels"]


@batch_task
def weighed(cases: pd.DataFrame) -> pd.DataFrame:
    """The parcels, once a step of the user's own has seen them."""
    return cases.assign(heavy=cases["weight"] > 10)


@flow
def parcels(source: Source) -> pd.DataFrame:
    """The business flow, as a user writes it."""
    cases = weighed(intake(PARCELS, source))
    get_run_logger().info("%d parcels came", len(cases))
    for model in PARCELS.models:
        cases = predict(PARCELS, model, cases)
    return review(PARCELS, cases)


@flow
def brittle(source: Source) -> pd.DataFrame:
    """A flow that fails at parcels to one region, quoting them, and ends its process at those to another."""
    cases = intake(PARCELS, source)
    if (cases["region"] == "die").any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (cases["region"] == "raise").any():
        raise ValueError(f"no way to {cases['case_id'].tolist()}")
    for model in PARCELS.models:
        cases = predict(PARCELS, model, cases)
    return review(PARCELS, cases)


def parcel(case_id: str, **other: object) -> dict[str, object]:
    """A parcel as its sender writes it."""
    row = make_parcels(1, seed=9).iloc[0]
    made = {"case_id": case_id, "received_at": "2026-10-01T08:00:00Z"}
    return {**made, "weight": float(row["weight"]), "distance": 20.0, "region": "north", **other}
