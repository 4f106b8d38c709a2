"""Drift of each value of the column that a model is watched by, such as each machine, against its own past."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.drift import SlicesReport, measure_slices
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["slices_of"]

_MOST_READ = 20_000
_MOST_BEFORE, _MOST_NOW = 1_000, 200  # of one slice


def slices_of(
    place: Workspace, use_case: UseCase, spec: ModelSpec, learned: str, *, as_of: datetime, rate: float
) -> SlicesReport | None:
    """Which values of ``watched_by`` moved away from their own past; None where the model is not watched by any.

    A value's past is its latest 1,000 cases received before the champion was trained, whatever part they had in that:
    a machine on which it was judged has a past as well. Now are its latest 200 that were worked on since. Of all
    values together the latest 20,000 cases of each are read.
    """
    if spec.watched_by is None:
        return None
    record = json.loads(learned)
    trained = datetime.fromisoformat(record["as_of"])
    days = record["window_days"]
    first = None if days is None else trained - timedelta(days=days)
    past = questions.cases(
        place.log, use_case.name, received_from=first, received_before=trained, limit=_MOST_READ, latest=True
    )
    now = questions.cases(
        place.log,
        use_case.name,
        received_from=trained,
        received_before=as_of,
        limit=_MOST_READ,
        latest=True,
        worked=True,
    )
    return measure_slices(
        _latest_of_each(stored_frame(use_case.case, past), spec.watched_by, _MOST_BEFORE),
        _latest_of_each(stored_frame(use_case.case, now), spec.watched_by, _MOST_NOW),
        spec.watched_by,
        spec.drift_columns,
        false_alarm_rate=rate,
        texts=use_case.case.texts(),
    )


def _latest_of_each(cases: pd.DataFrame, by: str, most: int) -> pd.DataFrame:
    return cases[cases.groupby(by, dropna=True).cumcount(ascending=False) < most]
