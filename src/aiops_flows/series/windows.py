"""What the sensors of a machine said in the cycles up to a moment, as a field of a case, and columns made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

__all__ = ["MOST_SENSORS", "MOST_VALUES", "SensorGaps", "SensorLevel", "Windows", "read_windows", "sensor_values"]

MOST_SENSORS = 200
MOST_VALUES = 10_000
"""Of all sensors together."""

Floats = NDArray[np.float64]

_NAME = re.compile(r"^[\w(](?:[\w .:/%()+-]{0,58}[\w)%])?$")
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def read_windows(value: Any) -> Any:
    """Sensor -> its values, oldest first, None for a gap; what is no such thing is given back for pydantic to refuse.

    Read are objects with a list of numbers for each sensor, all of one length, and the same as JSON text.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if not isinstance(value, Mapping):
        return value
    if not 0 < len(value) <= MOST_SENSORS:
        raise PydanticCustomError("windows_sensors", f"{len(value)} sensors; 1 to {MOST_SENSORS} are read")
    read = {_name(name): _values(values) for name, values in value.items()}
    lengths = {len(values) for values in read.values()}
    if len(lengths) > 1:
        raise PydanticCustomError("windows_lengths", "sensors with windows of different lengths; write gaps as null")
    if len(read) * max(lengths) > MOST_VALUES:
        raise PydanticCustomError("windows_length", f"more than {MOST_VALUES} values in all windows of a case")
    return read


Windows = Annotated[dict[str, Any], BeforeValidator(read_windows)]
"""Sensor -> its values in the cycles up to now, as a field of a `Case`: oldest first, gaps as None, all as long."""


def _name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.match(name):
        raise PydanticCustomError("windows_name", "a sensor's name is no label of up to 60 plain characters")
    return name


def _values(given: Any) -> list[float | None]:
    if hasattr(given, "tolist"):  # Parquet gives arrays
        given = given.tolist()
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise PydanticCustomError("windows_list", "the values of a sensor are no list")
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise PydanticCustomError("windows_number", "a value of a sensor is no number") from None
    gaps = np.isnan(numbers)
    if numbers.ndim != 1 or (np.abs(np.where(gaps, 0.0, numbers)) > _FLOAT32_MAX).any():
        raise PydanticCustomError("windows_number", "a value of a sensor is no finite number that fits float32")
    values: list[float | None] = numbers.tolist()
    for place in np.flatnonzero(gaps).tolist():
        values[place] = None
    return values


def sensor_values(column: pd.Series[Any], sensor: str, longest: int) -> Floats:
    """The last values of one sensor, one row a case, the latest at the right; NaN for gaps and before the window."""
    found = np.full((len(column), longest), np.nan)
    told = [windows.get(sensor) if isinstance(windows, Mapping) else None for windows in column.tolist()]
    lengths = np.array([len(values) if values else 0 for values in told])
    for length in np.unique(lengths[lengths > 0]).tolist():  # windows of one length become numbers together
        rows = np.flatnonzero(lengths == length)
        width = min(length, longest)
        block = np.array([told[row] for row in rows.tolist()], dtype=np.float64)
        found[rows, longest - width :] = block[:, length - width :]
    return found


@dataclass(frozen=True)
class SensorLevel:
    """A derived column: the mean of the last values of one sensor; missing where it said nothing."""

    column: str
    sensor: str
    last: int = 1
    """Of so many cycles. A mean over cycles that other cases share makes neighbouring cases alike."""

    def __call__(self, cases: pd.DataFrame) -> list[float | None]:
        """One number a case, or None."""
        values = sensor_values(cases[self.column], self.sensor, self.last)
        there = np.isfinite(values)
        count = there.sum(axis=1)
        means = np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1)
        return [mean if some else None for mean, some in zip(means.tolist(), count.tolist(), strict=True)]


@dataclass(frozen=True)
class SensorGaps:
    """A derived column: the share of sensors' values that are missing from the last cycles."""

    column: str
    last: int = 1
    """Of so many cycles."""

    def __call__(self, cases: pd.DataFrame) -> list[float | None]:
        """One share from 0 to 1 a case; None where there is no window at all."""
        return [_gaps(windows, self.last) for windows in cases[self.column].tolist()]


def _gaps(windows: Any, last: int) -> float | None:
    if not isinstance(windows, Mapping) or not windows:
        return None
    values = [value for series in windows.values() for value in series[-last:]]
    return sum(value is None for value in values) / len(values) if values else 1.0
