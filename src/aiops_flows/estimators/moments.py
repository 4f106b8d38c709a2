"""Moments as numbers: how many days lie between two of them, and the hour, weekday, month or day of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from aiops_flows.errors import TrainingError

__all__ = ["ElapsedDays", "MomentParts", "Part"]

Part = Literal["hour", "weekday", "month", "day"]
"""What `MomentParts` takes of a moment, in UTC: 0 to 23, 0 (Monday) to 6, 1 to 12, whole days since 1970-01-01."""

_PAIR = 2
_DAY = np.timedelta64(1, "D")
_EPOCH = pd.Timestamp(0, tz="UTC")


class ElapsedDays(TransformerMixin, BaseEstimator):
    """Whole days from the date in the first column to the date in the second; missing where either is.

    Time of day is left out, so that a source that gives it sometimes does not shift the number.
    Values outside ``shortest`` to ``longest`` are set to these limits: a mistyped year is no outlier of its own kind.
    """

    def __init__(self, shortest: float = -1.0, longest: float = 3_650.0) -> None:
        self.shortest = shortest
        self.longest = longest

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Remember the two columns.

        Raises:
            TrainingError: there are not exactly two columns.
        """
        if X.shape[1] != _PAIR:
            raise TrainingError(f"ElapsedDays takes two columns, from and to; it was given {X.shape[1]}: {list(X)}")
        self.feature_names_in_ = np.asarray(list(X), dtype=object)
        self.n_features_in_ = _PAIR
        return self

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:  # noqa: N803
        """The elapsed days, one column."""
        start, end = (_moments(X.iloc[:, position]) for position in range(_PAIR))
        days = (end.normalize() - start.normalize()).to_numpy() / _DAY
        clipped: npt.NDArray[np.float64] = np.clip(days, self.shortest, self.longest)
        return clipped.reshape(-1, 1)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """One name, made of both columns."""
        start, end = self.feature_names_in_
        return np.asarray([f"{start}_to_{end}_days"], dtype=object)


class MomentParts(TransformerMixin, BaseEstimator):
    """The hour, weekday, month or day of each column of moments; missing where the moment is.

    ``day`` lets trees learn a level that moves with time: what comes after the training gets the level of its end.
    A source may give the date alone for some rows. ``midnight_is_missing`` takes the hour of a moment at exactly
    00:00:00 as not known, which is what such a date looks like once it is a moment.
    """

    def __init__(self, parts: Sequence[Part] = ("hour", "weekday", "month"), midnight_is_missing: bool = True) -> None:
        self.parts = parts
        self.midnight_is_missing = midnight_is_missing

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Remember the columns."""
        self.feature_names_in_ = np.asarray(list(X), dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:  # noqa: N803
        """One column for each part of each moment."""
        columns = [self._part(_moments(X[name]), part) for name in X for part in self.parts]
        return np.column_stack(columns).astype(np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """``column_part`` for each."""
        return np.asarray([f"{name}_{part}" for name in self.feature_names_in_ for part in self.parts], dtype=object)

    def _part(self, moments: pd.DatetimeIndex, part: Part) -> npt.NDArray[np.float64]:
        if part == "hour":
            hours = moments.hour.to_numpy(dtype=np.float64, na_value=np.nan)
            at_midnight = self.midnight_is_missing & np.asarray(moments == moments.normalize())
            return np.where(at_midnight, np.nan, hours)
        if part == "day":
            return np.floor((moments - _EPOCH).to_numpy() / _DAY)
        numbers = moments.dayofweek if part == "weekday" else moments.month
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def _moments(column: pd.Series[Any]) -> pd.DatetimeIndex:
    """A column of moments as UTC; what is no moment is missing."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(column)
    return pd.DatetimeIndex(pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601"))
