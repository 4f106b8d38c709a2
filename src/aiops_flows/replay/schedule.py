"""When what is done in a replay: batches, trainings, monitoring, checks of drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from aiops_flows.errors import UseCaseError

__all__ = ["Moment", "Schedule"]


@dataclass(frozen=True)
class Moment:
    """A moment at which something is due, besides the batch that ends there."""

    at: pd.Timestamp
    retrain: bool
    monitor: bool
    drift: bool


@dataclass(frozen=True)
class Schedule:
    """How often what is done; the first training is at the start of the replay."""

    batch: timedelta = timedelta(days=7)
    """Cases received within this time come in together, at its end."""
    retrain: timedelta | None = timedelta(days=28)
    """None: never again after the first training."""
    monitor: timedelta | None = timedelta(days=7)
    drift: timedelta | None = timedelta(days=28)
    retrain_on_drift: bool = True
    """New drift calls a training of that model, as the deployments have it."""

    def __post_init__(self) -> None:
        for name in ("batch", "retrain", "monitor", "drift"):
            every = getattr(self, name)
            if every is not None and every <= timedelta(0):
                raise UseCaseError(f"a schedule with {name}={every} never goes on; give a time above zero, or None")

    def moments(self, start: pd.Timestamp, end: pd.Timestamp) -> list[Moment]:
        """Everything that is due from the start to the end, both included, in order."""
        trainings = _each(start, end, self.retrain) | {start}
        monitored, checked = _each(start, end, self.monitor), _each(start, end, self.drift)
        every = sorted(_each(start, end, self.batch) | trainings | monitored | checked | {end})
        return [Moment(at, at in trainings and at != end, at in monitored, at in checked) for at in every]


def _each(start: pd.Timestamp, end: pd.Timestamp, every: timedelta | None) -> set[pd.Timestamp]:
    return set() if every is None else set(pd.date_range(start, end, freq=every)) - {start}
