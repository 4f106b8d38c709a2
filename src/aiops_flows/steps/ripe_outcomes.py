"""Outcomes of the cases that policy decided, as far as they are typical: what is known where nothing is audited."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from aiops_flows.steps.decided import MATURE_SHARE
from aiops_flows.steps.parts import BY_TIME
from aiops_flows.use_case import UseCase

__all__ = ["BASIS", "rests_on_outcomes", "ripe_labels"]

BASIS = "by outcomes of all decided cases, as the policy has none of them read"
"""What a figure rests on where the policy audits nothing, for people."""


def rests_on_outcomes(use_case: UseCase) -> bool:
    """Whether the error of automatic decisions is told by outcomes alone: the policy has none of them read."""
    return not use_case.review.audit and not use_case.review.audit_floor


def ripe_labels(use_case: UseCase, decided: pd.DataFrame) -> pd.DataFrame:
    """The losses of decided cases by their outcomes, once these are typical of the time at which they were received.

    Outcomes that are known early are not typical of all. So those of one week of receipt count from the moment on at
    which the week is over and 90 % of its decided cases have one.

    Where the use case is cut by ``received_at``, the cases of one moment share the shocks of their time and are no
    independent witnesses. So all of one moment are one label, their mean loss; and a moment counts only if it came
    once the moment counted before was ripe, so that no stretch of time is counted twice.

    Args:
        use_case: the business process.
        decided: as `decided.automatic_decisions` gives it.

    Returns:
        Columns ``case_id`` (of the first case, where many are one label), ``received_at``, ``loss``, ``known_at`` (from
        when on it counts) and ``cases``.
    """
    known = decided[decided["outcome_loss"].notna()]
    if known.empty:
        none: list[float] = []
        moments = pd.to_datetime(pd.Series(none), utc=True)
        return pd.DataFrame({"case_id": none, "received_at": moments, "loss": none, "known_at": moments, "cases": none})
    by_time = use_case.cut == BY_TIME
    period = _moments(decided) if by_time else _weeks(decided)
    ripe = known.assign(
        ripe_at=period[known.index].map(_ripe_from(decided, period, by_time=by_time)), period=period[known.index]
    )
    ripe = ripe[ripe["ripe_at"].notna()]
    return _of_moments(ripe) if by_time else _of_cases(ripe)


def _moments(decided: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(decided["received_at"], utc=True)


def _weeks(decided: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """The Monday of the week in which each case was received."""
    received = _moments(decided)
    return received.dt.floor("D") - pd.to_timedelta(received.dt.dayofweek, unit="D")


def _ripe_from(
    decided: pd.DataFrame, period: pd.Series[pd.Timestamp], *, by_time: bool
) -> dict[pd.Timestamp, pd.Timestamp]:
    """Of each period with enough outcomes, the moment from which on they count."""
    found = {}
    for begun, known_at in decided["outcome_at"].groupby(period):
        enough = math.ceil(MATURE_SHARE * len(known_at))
        there = known_at.dropna().sort_values()
        if len(there) >= enough:
            start = pd.Timestamp(str(begun))
            found[start] = there.iloc[enough - 1] if by_time else max(there.iloc[enough - 1], start + _WEEK)
    return found


_WEEK = pd.Timedelta(days=7)


def _of_cases(ripe: pd.DataFrame) -> pd.DataFrame:
    since = ripe[["outcome_at", "ripe_at"]].max(axis=1)
    labels = pd.DataFrame(
        {
            "case_id": ripe["case_id"],
            "received_at": ripe["received_at"],
            "loss": ripe["outcome_loss"].astype(float),
            "known_at": pd.to_datetime(since, utc=True),
            "cases": 1,
        }
    )
    return labels.reset_index(drop=True)


def _of_moments(ripe: pd.DataFrame) -> pd.DataFrame:
    """One label a moment of receipt; of moments that overlap in time, the first."""
    labels = ripe.groupby("period", as_index=False).agg(
        case_id=("case_id", "first"),
        received_at=("period", "first"),
        loss=("outcome_loss", "mean"),
        known_at=("ripe_at", "first"),
        cases=("case_id", "size"),
    )
    kept, free_from = np.zeros(len(labels), dtype=bool), None
    for place, (received, known_at) in enumerate(zip(labels["received_at"], labels["known_at"], strict=True)):
        if free_from is None or received >= free_from:
            kept[place], free_from = True, known_at
    return labels[kept].drop(columns="period").reset_index(drop=True)
