"""Columns of numbers, moments and labels as what a network takes: scaled numbers, marks of missing ones, codes."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Column", "encoded", "learned_columns"]

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

UNSEEN = 0
"""The code of labels that are rare or were never seen."""
MISSING = 1
"""The code of a missing label."""

_FIRST = 2
_FEWEST_ROWS = 5
_MOST_LABELS = 500
_NORMAL_QUARTILES = 1.349  # distance between the quartiles of a normal distribution with standard deviation 1
_BEND = 3.0  # numbers so many deviations out are bent inwards: an outlier moves the network little


class Column(TypedDict):
    """What was learned of one column: plain values, so that it is stored as such."""

    name: str
    labels: list[str] | None
    """The common labels, by code; None for a column of numbers."""
    centre: float
    scale: float


def learned_columns(table: pd.DataFrame) -> list[Column]:
    """What must be known of each column to encode it."""
    return [_learned(str(name), table.iloc[:, place]) for place, name in enumerate(table.columns)]


def encoded(table: pd.DataFrame, columns: list[Column]) -> tuple[Numbers, Codes]:
    """Two arrays with a row a case: numbers with a mark for each whether it is missing, and the codes of labels."""
    rows = len(table)
    numbers = [
        _scaled(table.iloc[:, place], column) for place, column in enumerate(columns) if column["labels"] is None
    ]
    codes = [_codes(table.iloc[:, place], column["labels"]) for place, column in enumerate(columns) if column["labels"]]
    coded = np.column_stack(codes) if codes else np.empty((rows, 0), dtype=np.int64)
    marks = [np.isnan(column).astype(np.float64) for column in numbers]
    filled = [np.nan_to_num(column, nan=0.0) for column in numbers]
    return (np.column_stack([*filled, *marks]) if numbers else np.empty((rows, 0))), coded


def _learned(name: str, values: pd.Series[Any]) -> Column:
    if not _is_numeric(values):
        return Column(name=name, labels=["", "", *_common(values)], centre=0.0, scale=1.0)
    known = _numbers(values)
    known = known[~np.isnan(known)]
    if not known.size:
        return Column(name=name, labels=None, centre=0.0, scale=1.0)
    low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
    scale = float(high - low) / _NORMAL_QUARTILES or float(known.std()) or 1.0
    return Column(name=name, labels=None, centre=float(centre), scale=scale)


def _common(values: pd.Series[Any]) -> list[str]:
    """Labels that occur in enough rows, the commonest first, equal ones by name."""
    counted = Counter(map(str, values.dropna().tolist()))
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [label for label, rows in ordered[:_MOST_LABELS] if rows >= _FEWEST_ROWS]


def _is_numeric(values: pd.Series[Any]) -> bool:
    return values.dtype.kind in "biufM"


def _numbers(values: pd.Series[Any]) -> Numbers:
    """A column as floats; moments as days; what is no finite number is missing."""
    if values.dtype.kind == "M":
        moments = pd.DatetimeIndex(values)
        days = moments.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.float64) / 86_400
        return np.where(np.asarray(moments.isna()), np.nan, days)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _scaled(values: pd.Series[Any], column: Column) -> Numbers:
    """Deviations from the median, bent smoothly beyond three (as in RealMLP, Holzmüller et al. 2024)."""
    deviations = (_numbers(values) - column["centre"]) / column["scale"]
    bent: Numbers = deviations / np.hypot(1.0, deviations / _BEND)
    return bent


def _codes(values: pd.Series[Any], labels: list[str] | None) -> Codes:
    code = {label: place for place, label in enumerate(labels or []) if place >= _FIRST}
    places, found = pd.factorize(values.astype(object))
    table = np.asarray([*(code.get(str(label), UNSEEN) for label in found), MISSING], dtype=np.int64)
    codes: Codes = table[places]  # a missing label has the place -1: the last
    return codes
