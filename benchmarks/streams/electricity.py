"""Electricity prices of New South Wales, 1996 to 1998, every half hour: does the price rise above its recent average?

The stream "Elec2" (Harries 1999), on which drift is studied: 45,312 half hours from 1996-05-07. The published file
gives no dates, only the order, so the moments follow from the day that the literature names. Labels follow each other
closely: saying again what was true of the last half hour is right in 85 % (Zliobaite 2013), far more than any model
here; the stream is for looking at drift, not for beating.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from aiops_flows.replay import History
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

__all__ = ["ELECTRICITY", "FILE", "electricity_history"]

FILE = Path("drift_streams", "elec.csv")
FIRST = pd.Timestamp("1996-05-07", tz="UTC")
KNOWN_AFTER = timedelta(days=1)
_TRUTH = {"1": "up", "0": "down"}


class HalfHour(Case):
    """Price and demand of a half hour here and next door, scaled to 0 to 1 by the publisher."""

    period: float
    """Time of day, 0 to 1."""
    nswprice: float
    nswdemand: float
    vicprice: float
    vicdemand: float
    transfer: float


FEATURES = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]

price = ModelSpec(
    name="electricity-price",
    features=FEATURES,
    output="price",
    estimator=HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=50, early_stopping=False, random_state=0),
    train_window=timedelta(days=182),
    gates=[Gate("roc_auc", at_least=0.6, max_drop=0.05, beats_baseline=True), Gate("missing_values", at_most=0.05)],
)

ELECTRICITY = UseCase(
    name="electricity",
    case=HalfHour,
    models=[price],
    review=ReviewPolicy(
        verdicts=["up", "down"],
        auto={"up": lambda rows: rows["price"] == "up", "down": lambda rows: rows["price"] == "down"},
        max_error=0.15,
        audit=0.05,
    ),
)


def electricity_history(file: Path) -> History:
    """The published file as a history; each label is known a day later."""
    published = pd.read_csv(file, dtype={"class": str})
    received = pd.Series(FIRST + pd.to_timedelta(published.index * 30, unit="min"))
    cases = published[FEATURES].assign(
        case_id=[f"E{number:06d}" for number in range(len(published))],
        received_at=received,
        price=published["class"].map(_TRUTH),
    )
    return History.made(ELECTRICITY, cases, known_after=KNOWN_AFTER, name=file.name)
