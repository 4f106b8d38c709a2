"""The windows of sensors as numbers: what each sensor says now, on average, how much it moves and where to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from aiops_flows.errors import TrainingError
from aiops_flows.series.windows import sensor_values

__all__ = ["Part", "WindowParts"]

Floats = npt.NDArray[np.float64]

Part = Literal["last", "mean", "deviation", "slope", "lowest", "highest"]
"""What `WindowParts` takes of a window: the latest value, mean, standard deviation, change a cycle (least squares),
and the extremes. Gaps are left out; a part that too few values tell is missing."""


class WindowParts(TransformerMixin, BaseEstimator):
    """Parts of the windows of all sensors that were seen in training, from a column of `Windows`."""

    def __init__(self, parts: Sequence[Part] = ("last", "mean", "deviation", "slope"), longest: int = 30) -> None:
        """Nothing is learned yet.

        Args:
            parts: what is taken of each window.
            longest: of how many of the latest cycles.
        """
        self.parts = parts
        self.longest = longest

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Remember the columns and their sensors; one that always says the same thing is left out.

        Raises:
            TrainingError: no column holds windows.
        """
        self.feature_names_in_ = np.asarray(list(X), dtype=object)
        self.n_features_in_ = X.shape[1]
        self.sensors_ = [[str(name), sensor] for name in X for sensor in self._moving(X[name])]
        if not self.sensors_:
            raise TrainingError(
                f"WindowParts found no sensor that moves in {list(X)}; it takes columns of Windows: "
                "sensor -> list of values"
            )
        return self

    def _moving(self, column: pd.Series[Any]) -> list[str]:
        named = sorted({sensor for windows in column.tolist() if isinstance(windows, dict) for sensor in windows})
        return [sensor for sensor in named if _moves(sensor_values(column, sensor, self.longest))]

    def transform(self, X: pd.DataFrame) -> Floats:  # noqa: N803
        """One column for each part of each sensor."""
        check_is_fitted(self)
        columns = []
        for name, sensor in self.sensors_:
            values = sensor_values(X[name], sensor, self.longest)
            columns += [part_of(values, part) for part in self.parts]
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """``column_sensor_part`` for each."""
        names = [f"{name}_{sensor}_{part}" for name, sensor in self.sensors_ for part in self.parts]
        return np.asarray(names, dtype=object)


def _moves(values: Floats) -> bool:
    there = values[np.isfinite(values)]
    return bool(len(there) and there.min() < there.max())


def part_of(values: Floats, part: Part) -> Floats:
    """One part of each window (a row: oldest first, NaN for gaps); NaN where too few values tell it."""
    there = np.isfinite(values)
    count = there.sum(axis=1)
    if part == "last":
        latest = values.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
        return _known(values[np.arange(len(values)), latest], count >= 1)
    if part in {"lowest", "highest"}:
        empty = np.inf if part == "lowest" else -np.inf
        filled = np.where(there, values, empty)
        return _known(filled.min(axis=1) if part == "lowest" else filled.max(axis=1), count >= 1)
    mean = np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    if part == "mean":
        return _known(mean, count >= 1)
    centred = np.where(there, values - mean[:, None], 0.0)
    if part == "deviation":
        return _known(np.sqrt((centred**2).sum(axis=1) / np.maximum(count - 1, 1)), count >= 2)
    cycles = np.broadcast_to(np.arange(values.shape[1], dtype=np.float64), values.shape)
    middle = np.where(there, cycles, 0.0).sum(axis=1) / np.maximum(count, 1)
    apart = np.where(there, cycles - middle[:, None], 0.0)
    slope = (apart * centred).sum(axis=1) / np.maximum((apart**2).sum(axis=1), 1.0)
    return _known(slope, count >= 2)


def _known(numbers: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    return np.where(known, numbers, np.nan)
