"""A small business for tests: parcels that arrive late or in time, with a model that is quick to train."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

__all__ = ["PARCELS", "Parcel", "make_outcomes", "make_parcels"]

FIRST_DAY = pd.Timestamp("2026-01-01", tz="UTC")
REGIONS = ("north", "south", "west")


class Parcel(Case):
    """A parcel on its way."""

    weight: float
    distance: float
    region: str


def _estimator(last: object) -> object:
    columns = make_column_transformer(
        (StandardScaler(), ["weight", "distance"]), (OneHotEncoder(handle_unknown="ignore"), ["region"])
    )
    return make_pipeline(columns, last)


FEATURES = ["weight", "distance", "region"]
late = ModelSpec(
    name="parcels-late",
    features=FEATURES,
    output="late",
    estimator=_estimator(LogisticRegression()),
    gates=[Gate("roc_auc", at_least=0.7, max_drop=0.05, beats_baseline=True), Gate("missing_values", at_most=0.1)],
    min_rows=100,
)
cost = ModelSpec(
    name="parcels-cost",
    features=FEATURES,
    output="cost",
    estimator=_estimator(LinearRegression()),
    gates=[Gate("mean_absolute_error", beats_baseline=True)],
    min_rows=100,
)
PARCELS = UseCase(
    name="parcels",
    case=Parcel,
    models=[late, cost],
    review=ReviewPolicy(
        verdicts=["yes", "no"],
        auto={"no": lambda parcels: parcels["late"] == "no", "yes": lambda parcels: parcels["late"] == "yes"},
        audit=0.0,
        max_error=0.2,
        batch_false_alarms=0.0,  # most tests decide a few parcels that are made for them
        priority=lambda parcels: parcels["cost"],
    ),
)


def make_parcels(rows: int, seed: int = 0, prefix: str = "P") -> pd.DataFrame:
    """Parcels in order of receipt, one an hour."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "case_id": [f"{prefix}{seed}-{number:06d}" for number in range(rows)],
            "received_at": FIRST_DAY + pd.to_timedelta(np.arange(rows), unit="h"),
            "weight": random.gamma(2.0, 2.0, rows).round(3),
            "distance": random.uniform(10, 900, rows).round(1),
            "region": random.choice(REGIONS, rows),
        }
    )


def make_outcomes(parcels: pd.DataFrame, *, swapped: bool = False) -> pd.DataFrame:
    """What became of parcels, a day after receipt; ``swapped`` turns the world around."""
    luck = np.array([int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 for name in parcels["case_id"]])
    risk = 1 / (1 + np.exp(-(parcels["distance"] / 100 - 5 + 0.5 * (parcels["region"] == "west"))))
    happened = (luck < risk) ^ swapped
    known = parcels["received_at"] + pd.Timedelta(days=1)
    return pd.DataFrame(
        {
            "case_id": parcels["case_id"],
            "late": np.where(happened, "yes", "no"),
            "cost": (3 + parcels["weight"] + parcels["distance"] / 100 + luck).round(2),
            "event_at": known,
            "known_at": known,
        }
    )
