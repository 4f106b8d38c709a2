"""The same batches as the peers', through the library: the flow of claims, without and with a verdict on drift."""

from __future__ import annotations

from typing import Any

import pandas as pd
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from aiops_flows import intake, predict, review
from aiops_flows.drift import DriftReport, measure_drift
from benchmarks.stage import CLAIMS, WATCHED, watched

__all__ = ["claims_and_drift", "claims_batch"]


@flow(persist_result=False)
def claims_batch(source: str) -> pd.DataFrame:
    """Take in the claims of a file, score them with both champions, and decide them or put them to a person."""
    cases = intake(CLAIMS, source)
    for model in CLAIMS.models:
        cases = predict(CLAIMS, model, cases)
    return review(CLAIMS, cases)


@task(cache_policy=NO_CACHE, persist_result=False)
def drift_verdict(cases: pd.DataFrame, reference: str) -> DriftReport:
    """Whether the batch drifted from what the models learned from."""
    return measure_drift(pd.read_parquet(reference), watched(cases), WATCHED)


@flow(persist_result=False)
def claims_and_drift(source: str, reference: str) -> Any:
    """The same, with a verdict on the drift of twenty columns."""
    cases = intake(CLAIMS, source)
    for model in CLAIMS.models:
        cases = predict(CLAIMS, model, cases)
    decided = review(CLAIMS, cases)
    return drift_verdict(decided, reference).verdict
