"""A small business of quantities for tests: crates to be ordered, by a model that knows its own spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from aiops_flows.evidence.losses import share_of_worst
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

__all__ = ["CRATES", "LIMIT", "Crate", "SpreadRegressor", "demand", "make_crates", "make_demand"]

FIRST_DAY = pd.Timestamp("2026-01-01", tz="UTC")
REGIONS = ("north", "south")
LIMIT = np.array([130.0])
"""From here on an order is dear; an array, which is no part of the policy's version."""


class Crate(Case):
    """A shelf that waits for crates."""

    usual: float
    wild: float
    region: str


class SpreadRegressor(RegressorMixin, BaseEstimator):
    """Demand as a share of the usual one, and quantiles as far apart as the shelf is wild."""

    def __init__(self, quantiles: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9), lazy: bool = False) -> None:
        self.quantiles = quantiles
        self.lazy = lazy

    def fit(self, X: pd.DataFrame, y: NDArray[np.float64]) -> SpreadRegressor:  # noqa: N803
        """Learn the share, and how errors are spread in units of wildness; a lazy one forgets half of the spread."""
        usual, wild = np.asarray(X, dtype=float).T
        self.feature_names_in_ = np.array(["usual", "wild"], dtype=object)
        self.share_ = float(y.sum() / usual.sum())
        self.quantiles_ = np.sort(np.asarray(self.quantiles, dtype=float))
        spread = np.quantile((y - self.share_ * usual) / wild, self.quantiles_)
        self.spread_ = spread / 4 if self.lazy else spread
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """The expected demand."""
        return np.asarray(self.share_ * np.asarray(X, dtype=float)[:, 0])

    def predict_quantiles(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """The quantiles of the demand."""
        wild = np.asarray(X, dtype=float)[:, 1]
        return np.asarray(self.predict(X)[:, None] + wild[:, None] * self.spread_, dtype=float)

    def predict_path(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """The same for each of two halves of the period."""
        return np.asarray(np.repeat(self.predict_quantiles(X)[:, None, :] / 2, 2, axis=1))


@dataclass(frozen=True)
class Upto:
    """A quantile of the demand, or the demand itself where there are no quantiles."""

    column: str = "demand_q75"

    def __call__(self, crates: pd.DataFrame) -> pd.Series[float]:
        """Crates to be there."""
        return crates[self.column].fillna(crates["demand"])


@dataclass(frozen=True)
class Lost:
    """Money lost by ordering so many: 3 for each crate that was missing, 1 for each that was left."""

    under: float = 3.0
    over: float = 1.0

    def __call__(self, crates: pd.DataFrame, truth: NDArray[np.generic]) -> NDArray[np.float64]:
        """The money of each shelf."""
        apart = np.asarray(truth, dtype=float) - crates["order"].to_numpy(dtype=float)
        lost: NDArray[np.float64] = np.where(apart > 0, self.under * apart, -self.over * apart)
        return lost


demand = ModelSpec(
    name="crates-demand",
    features=["usual", "wild"],
    output="demand",
    estimator=make_pipeline(FunctionTransformer(), SpreadRegressor()),
    gates=[
        Gate("wape", max_drop=0.02),
        Gate("mean_cost", max_drop=1.0, beats_baseline=True),
        Gate("mean_cost", max_drop=2.0, by="region"),
        Gate("pinball_loss", max_drop=0.5, at_most=20.0),
        Gate("coverage_error", at_most=0.1),
        Gate("mean_scaled_error", at_most=1.0),
    ],
    cost=Lost(),
    scale="usual",
    min_rows=100,
    trusted=[SpreadRegressor],
)
CRATES = UseCase(
    name="crates",
    case=Crate,
    models=[demand],
    terms={"order": lambda crates: np.ceil(Upto()(crates)), "dear": lambda crates: crates["order"] > LIMIT[0]},
    review=ReviewPolicy(
        verdicts=["release", "change"],
        auto={"release": lambda crates: crates["order"] < 3 * crates["usual"]},
        judged_by={"demand": share_of_worst(Lost(), "usual")},
        max_error=0.25,
        batch_false_alarms=0.0,  # tests of drift decide cases that are unlike those learned from
        audit=0.0,
        priority=lambda crates: crates["order"],
    ),
)


def make_crates(rows: int, seed: int = 0, prefix: str = "S") -> pd.DataFrame:
    """Shelves in order of receipt, one an hour."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "case_id": [f"{prefix}{seed}-{number:06d}" for number in range(rows)],
            "received_at": FIRST_DAY + pd.to_timedelta(np.arange(rows), unit="h"),
            "usual": random.uniform(50, 150, rows).round(1),
            "wild": random.choice([1.0, 5.0, 20.0], rows),
            "region": random.choice(REGIONS, rows),
        }
    )


def make_demand(crates: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """What was asked for, known a day after receipt."""
    luck = np.random.default_rng([seed, len(crates)]).normal(size=len(crates))
    known = crates["received_at"] + pd.Timedelta(days=1)
    asked = (crates["usual"] + crates["wild"] * luck).clip(lower=0).round(2)
    return pd.DataFrame({"case_id": crates["case_id"], "demand": asked, "event_at": known, "known_at": known})
