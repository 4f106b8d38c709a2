"""Use cases that each break a rule which every use case must keep; and one that keeps them all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field
from sklearn.base import BaseEstimator, ClassifierMixin

from aiops_flows.effects import Effect
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase
from tests.parcels import FEATURES, PARCELS, Parcel, late, make_outcomes, make_parcels

__all__ = ["CHANGING", "FEW", "LOOSE", "NOTED", "SILENT", "SWALLOWING", "WAVERING", "past"]

_NUMBERS = itertools.count()
_FEWEST = 45


def past(rows: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Parcels, and whether they were late."""
    parcels = make_parcels(rows, seed=1)
    return parcels, make_outcomes(parcels).drop(columns="cost")


POLICY = replace(PARCELS.review, priority=None)
NOTED = UseCase(
    name="noted", case=Parcel, models=[late], review=POLICY, effects=[Effect("note", lambda row: {"late": row["late"]})]
)
"""Keeps every rule."""


class Stamped(Parcel):
    """A parcel that gets another mark each time it is read."""

    mark: int = Field(default_factory=lambda: next(_NUMBERS))


CHANGING = replace(NOTED, case=Stamped)
"""A field is new at each reading."""


def _or_none(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


class Swallowing(Parcel):
    """A parcel whose weight may be anything."""

    weight: Annotated[float, BeforeValidator(_or_none)]


SWALLOWING = replace(NOTED, case=Swallowing)
"""What is no number becomes 0."""


def _many_only(parcels: pd.DataFrame) -> pd.Series[bool]:
    if 0 < len(parcels) < _FEWEST:
        raise ValueError("a secret of the parcel")
    return parcels["late"] == "no"


FEW = replace(NOTED, review=replace(POLICY, auto={"no": _many_only}))
"""A rule that fails on few cases."""


class ByLot(ClassifierMixin, BaseEstimator):
    """Says another chance each time it is asked."""

    def fit(self, X: pd.DataFrame, y: Any) -> ByLot:  # noqa: N803
        """Learn nothing but the classes."""
        self.classes_ = np.unique(y)
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:  # noqa: N803
        """By lot."""
        chance = np.random.default_rng(next(_NUMBERS)).uniform(0.55, 0.95, len(X))
        return np.column_stack([chance, 1 - chance])


def _broken_body(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"address": row["no such column"]}


WAVERING = UseCase(
    name="wavering",
    case=Parcel,
    models=[
        ModelSpec(
            name="wavering-late",
            features=FEATURES,
            output="late",
            estimator=ByLot(),
            gates=[Gate("missing_values", at_most=0.5)],
            trusted=[ByLot],
            min_rows=100,
        )
    ],
    review=POLICY,
    effects=[Effect("note", _broken_body)],
)
"""A model that says another thing each time, under no gate on quality, with an effect that cannot be made."""

LOOSE = replace(NOTED, models=[replace(late, gates=[Gate("roc_auc", at_least=0.01)])])
SILENT = replace(NOTED, models=[replace(late, gates=[Gate("roc_auc", at_least=0.99)])])
"""Gates that let everything pass, and nothing."""


class Lonely(Case):
    """A case that knows nothing of parcels."""

    colour: str


LONELY = replace(NOTED, case=Lonely, models=[replace(late, features=["colour"])], review=ReviewPolicy(verdicts=["a"]))
"""Reads other columns than the given ones have."""
