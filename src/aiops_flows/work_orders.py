"""Work orders from risks: what servicing a machine now is expected to save, by when it is due, what a choice cost.

Each is called with a frame of cases that models have answered, so that it can stand in `UseCase.terms`, in
`ModelSpec.cost` or in a loss. Wherever the name of a column is asked for, a number stands for the same in all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from aiops_flows.answer_columns import Floats, distributions, numbers

__all__ = ["ExpectedSaving", "FailureRisk", "ServiceBy", "WorkOrderCost", "cheapest_age"]


@dataclass(frozen=True)
class FailureRisk:
    """How probable it is that the machine fails before it is looked at again.

    It is the confidence of the answer where that is a failure, else what is left to 1: of two classes the probability,
    of more the most that it can be. Missing where there is no answer.
    """

    output: str = "failure"
    """The output of the classifier."""
    failed: str = "yes"
    """Its class that means a failure."""

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """One probability a row."""
        sure = numbers(frame, f"{self.output}_confidence")
        said = frame[self.output].to_numpy(dtype=object)
        return np.where(pd.isna(said), np.nan, np.where(said == self.failed, sure, 1.0 - sure))


@dataclass(frozen=True)
class ExpectedSaving:
    """Money that servicing now is expected to save: risk times what a failure costs more, less what early work costs.

    Above 0 it pays to service now, below to run on until the next look.
    """

    risk: str | float = "risk"
    failure: str | float = "failure_cost"
    """Money that a failure costs more than a planned service."""
    early: str | float = "early_cost"
    """Money lost by servicing now and not at the next look: the unused life, the stop."""

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The money of each row; missing where the risk is."""
        risk, failure, early = (numbers(frame, name) for name in (self.risk, self.failure, self.early))
        return risk * failure - early


@dataclass(frozen=True)
class WorkOrderCost:
    """Money that a choice lost beside the best one in hindsight.

    A service that was not needed yet costs ``early``, a failure that a service would have prevented costs ``failure``
    less ``early``. A row whose saving is missing counts as run on.
    """

    saving: str | float = "saving"
    failure: str | float = "failure_cost"
    early: str | float = "early_cost"
    failed: str = "yes"

    def __call__(self, frame: pd.DataFrame, truth: ArrayLike) -> Floats:
        """The money lost on each row.

        Args:
            frame: cases with the saving that the choice rests on.
            truth: the class that came true.
        """
        serviced = numbers(frame, self.saving) > 0
        failure, early = numbers(frame, self.failure), numbers(frame, self.early)
        failed = np.asarray(truth, dtype=object) == self.failed
        missed: Floats = np.maximum(failure - early, 0.0)
        return np.where(serviced & ~failed, early, np.where(~serviced & failed, missed, 0.0))


@dataclass(frozen=True)
class ServiceBy:
    """The age by which to service the machine: that which makes all its costs the fewest a cycle of life.

    Read from the quantiles of the remaining life; missing where there are none. See `cheapest_age`.
    """

    output: str = "remaining"
    """The output of the regressor: cycles left."""
    age: str | float = "age"
    service: str | float = "service_cost"
    """Money of a planned service."""
    failure: str | float = "failure_cost"
    """Money that a failure costs more."""

    def __call__(self, frame: pd.DataFrame) -> list[int | None]:
        """The age in whole cycles, or None."""
        age, service, failure = (numbers(frame, name) for name in (self.age, self.service, self.failure))
        best = np.full(len(frame), np.nan)
        for rows, levels, quantiles in distributions(frame, self.output):
            best[rows] = cheapest_age(quantiles, levels, age[rows], service[rows], failure[rows])
        return [None if np.isnan(each) else int(each) for each in np.floor(best).tolist()]


def cheapest_age(quantiles: Floats, levels: Floats, age: Floats, service: Floats, failure: Floats) -> Floats:
    """The age of service with the lowest expected cost a cycle, from quantiles of the remaining life; NaN without them.

    The classical age replacement (Barlow and Proschan 1965, chapter 3) with the machine's own remaining life in place
    of the life of all: of now and each quantile, the moment ``t`` with the lowest
    ``(service + failure * P(life < t)) / (age + E[min(life, t)])``. Between quantiles the probability is taken as
    linear, and there the cheapest moment is at an end.

    Args:
        quantiles: cycles left, rows by levels, ascending.
        levels: of the quantiles.
        age: of each machine, in cycles.
        service: money of a planned service, one a row.
        failure: money that a failure costs more, one a row.
    """
    moments = np.column_stack([np.zeros(len(quantiles)), np.maximum(quantiles, 0.0)])
    failed = np.broadcast_to(np.concatenate([[0.0], levels]), moments.shape).copy()
    for place in range(1, moments.shape[1]):  # quantiles at a limit are alike: until then only the lowest has failed
        same = moments[:, place] == moments[:, place - 1]
        failed[same, place] = failed[same, place - 1]
    alive = 1.0 - (failed[:, 1:] + failed[:, :-1]) / 2
    lived = np.column_stack([np.zeros(len(quantiles)), np.cumsum(np.diff(moments, axis=1) * alive, axis=1)])
    cycles = np.maximum(age[:, None] + lived, 1.0)
    rate = (service[:, None] + failure[:, None] * failed) / cycles
    told = np.isfinite(rate).all(axis=1)
    best = np.where(told[:, None], rate, 0.0).argmin(axis=1)
    return np.where(told, age + moments[np.arange(len(best)), best], np.nan)
