"""A simulated business that never changes: whatever blocks or rolls back on it is a false alarm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from aiops_flows.replay import History
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

__all__ = ["STABLE", "stable_history"]

FIRST = pd.Timestamp("2024-01-01", tz="UTC")


class Order(Case):
    """An order with four numbers that say something about its return, and one that says nothing."""

    first: float
    second: float
    third: float
    fourth: float
    idle: float


FEATURES = ["first", "second", "third", "fourth", "idle"]

returned = ModelSpec(
    name="stable-returned",
    features=FEATURES,
    output="returned",
    estimator=LogisticRegression(),
    gates=[Gate("roc_auc", at_least=0.7, max_drop=0.05, beats_baseline=True), Gate("missing_values", at_most=0.05)],
)

STABLE = UseCase(
    name="stable",
    case=Order,
    models=[returned],
    review=ReviewPolicy(
        verdicts=["yes", "no"],
        auto={"yes": lambda rows: rows["returned"] == "yes", "no": lambda rows: rows["returned"] == "no"},
        max_error=0.10,
        audit=0.05,
    ),
)


def stable_history(rows: int = 30_000, *, days: int = 730, seed: int = 0) -> History:
    """Orders at an even pace, each drawn from the same distribution, known one to sixty days later."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, len(FEATURES)))
    odds = features @ np.array([1.6, -1.2, 0.8, 0.6, 0.0])
    received = FIRST + pd.to_timedelta(np.sort(random.uniform(0, days, rows)), unit="D").round("s")
    cases = pd.DataFrame(features.round(4), columns=FEATURES).assign(
        case_id=[f"S{seed}-{number:06d}" for number in range(rows)],
        received_at=received,
        returned=np.where(random.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        known_at=received + pd.to_timedelta(random.uniform(1, 60, rows), unit="D").round("s"),
    )
    return History.made(STABLE, cases, name="simulated orders")
