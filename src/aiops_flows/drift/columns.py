"""One column of both frames, read in the same way on both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.drift.report import ColumnKind

__all__ = [
    "BUCKETS",
    "MANY_VALUES",
    "MOST_ROWS",
    "OTHER",
    "PooledColumn",
    "Reading",
    "coded",
    "numbers_of",
    "read_column",
    "reading_of",
    "sample_rows",
    "series_of",
    "text_column",
]

MANY_VALUES = 200
"""A categorical column with more distinct values is measured on its most frequent ones and one bucket for the rest."""
BUCKETS = 50
OTHER = "other"
MOST_ROWS = 20_000
"""Rows a side above which a seeded sample is measured and shown."""
_MOST_OWN_VALUES = 0.5
_FEWEST_OWN_VALUES = 20
_SECONDS_A_DAY = 86_400
_HUGE = 1e100  # squares of larger numbers overflow; such a column is scaled before it is measured

Reading = Literal["numeric", "moment", "categorical", "empty"]
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal"})
_MOMENTS = frozenset({"datetime", "datetime64", "date"})


@dataclass(frozen=True)
class PooledColumn:
    """The values of one column: the rows of the reference first, then the current ones."""

    name: str
    kind: ColumnKind
    rows_reference: int
    numbers: NDArray[np.float64]
    """Of a numeric column, NaN where missing; moments are days since 1970."""
    codes: NDArray[np.int64]
    """Of a categorical column: the place of each row's value in ``labels``, -1 where missing."""
    labels: list[str]
    missing: NDArray[np.bool_]
    distinct: int
    """Distinct values of a categorical column, before any are put together."""
    new_values: int
    note: str

    @property
    def names_rows(self) -> bool:
        """Whether nearly every row has a value of its own, as ids have: no report shows such a column."""
        present = int((~self.missing).sum())
        return self.kind == "categorical" and self.distinct > max(_FEWEST_OWN_VALUES, present * _MOST_OWN_VALUES)


def sample_rows(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most so many rows of a frame, the same ones for the same seed, in their order."""
    if len(frame) <= rows:
        return frame
    chosen = np.random.default_rng(seed).choice(len(frame), rows, replace=False)
    return frame.iloc[np.sort(chosen)]


def read_column(name: str, reference: pd.DataFrame, current: pd.DataFrame) -> PooledColumn:
    """One column of two frames as numbers, or as codes of its values; a frame without it counts as all missing.

    Numbers and moments are numeric, all else (booleans too) is categorical. A column that is numeric on one side only
    is categorical on both. Infinite numbers count as missing, as Evidently has it.
    """
    sides = (series_of(reference, name), series_of(current, name))
    readings = (reading_of(sides[0]), reading_of(sides[1]))
    kinds = sorted(set(readings) - {"empty"})
    absent = [side for side, frame in (("reference", reference), ("current", current)) if name not in frame.columns]
    note = "" if not absent else "in neither frame" if len(absent) == 2 else f"not a column of the {absent[0]} rows"
    if kinds in (["numeric"], ["moment"]):
        numbers = np.concatenate([numbers_of(side, reading) for side, reading in zip(sides, readings, strict=True)])
        if not np.isnan(numbers).all():
            return _numeric(name, len(reference), numbers, note)
        kinds = []
    if not kinds:
        return _empty(name, len(reference), len(reference) + len(current), note)
    if len(kinds) > 1:
        note = f"read as categories, because its values are of {len(kinds)} kinds: {', '.join(kinds)}"
    return _categorical(name, len(reference), sides, note)


def series_of(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """The first column of that name; all missing where the frame has none."""
    if name not in frame.columns:
        return pd.Series(np.full(len(frame), np.nan))
    return frame.iloc[:, list(frame.columns).index(name)]


def reading_of(side: pd.Series[Any]) -> Reading:
    """How the values of one side want to be read."""
    if not side.notna().any():
        return "empty"
    kind = side.dtype.kind
    if kind != "O":
        return "moment" if kind == "M" else "numeric" if kind in "iufm" else "categorical"
    inferred = pd.api.types.infer_dtype(side.astype(object), skipna=True)
    if inferred in _NUMBERS:
        return "numeric"
    return "moment" if inferred in _MOMENTS else "categorical"


def numbers_of(side: pd.Series[Any], reading: Reading) -> NDArray[np.float64]:
    """The values as floats, NaN where there is none; moments and durations in days."""
    if reading == "empty":
        return np.full(len(side), np.nan)
    if reading == "moment":
        side = pd.to_datetime(side, utc=True, errors="coerce").dt.tz_localize(None) - pd.Timestamp(0)
    if side.dtype.kind == "m":
        numbers = side.dt.total_seconds().to_numpy(dtype=np.float64) / _SECONDS_A_DAY
    else:
        numbers = _floats(side)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _floats(side: pd.Series[Any]) -> NDArray[np.float64]:
    try:
        return pd.to_numeric(side, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:  # whole numbers beyond the largest float count as infinite
        largest = int(np.finfo(np.float64).max)
        kept = [None if pd.isna(value) or abs(value) > largest else float(value) for value in side]
        return np.array(kept, np.float64)


def _numeric(name: str, rows_reference: int, numbers: NDArray[np.float64], note: str) -> PooledColumn:
    largest = float(np.nanmax(np.abs(numbers)))
    if largest > _HUGE:
        numbers = numbers / largest
        note = note or f"scaled by its largest value, {largest:.3g}, which is too large to square"
    return PooledColumn(
        name=name,
        kind="numeric",
        rows_reference=rows_reference,
        numbers=numbers,
        codes=np.empty(0, np.int64),
        labels=[],
        missing=np.isnan(numbers),
        distinct=0,
        new_values=0,
        note=note,
    )


def text_column(name: str, rows_reference: int, there: NDArray[np.bool_]) -> PooledColumn:
    """A column of text, of which nothing is known here but which rows have one."""
    column = _empty(name, rows_reference, len(there), "")
    return column if not there.any() else replace(column, kind="text", missing=~there, note="")


def _empty(name: str, rows_reference: int, rows: int, note: str) -> PooledColumn:
    return PooledColumn(
        name=name,
        kind="empty",
        rows_reference=rows_reference,
        numbers=np.empty(0),
        codes=np.empty(0, np.int64),
        labels=[],
        missing=np.ones(rows, np.bool_),
        distinct=0,
        new_values=0,
        note=note or "no value on either side",
    )


def _categorical(
    name: str, rows_reference: int, sides: tuple[pd.Series[Any], pd.Series[Any]], note: str
) -> PooledColumn:
    codes, labels = coded(np.concatenate([side.astype(object).to_numpy() for side in sides]))
    distinct = len(labels)
    new_values = _new_values(codes, rows_reference, len(labels))
    if distinct > MANY_VALUES:
        many = f"{distinct} distinct values, measured on the {BUCKETS} most frequent and {OTHER!r}"
        note = f"{note}; {many}" if note else many
        codes, labels = _bucketed(codes, labels)
    pooled = PooledColumn(
        name=name,
        kind="categorical",
        rows_reference=rows_reference,
        numbers=np.empty(0),
        codes=codes,
        labels=labels,
        missing=codes < 0,
        distinct=distinct,
        new_values=new_values,
        note=note,
    )
    if not pooled.names_rows:
        return pooled
    left_out = "nearly every row has a value of its own, so no report shows it"
    return replace(pooled, note=f"{note}; {left_out}" if note else left_out)


def coded(values: NDArray[np.object_]) -> tuple[NDArray[np.int64], list[str]]:
    """The values as codes and their labels; values that read the same are one."""
    try:
        codes, found = pd.factorize(values)
    except TypeError:  # lists and the like cannot be hashed
        codes, found = pd.factorize(np.array([None if value is None else str(value) for value in values], object))
    labels = [str(value) for value in found]
    if len(set(labels)) < len(labels):
        merged, names = pd.factorize(np.array(labels, object))
        codes = np.where(codes < 0, -1, merged[codes])
        labels = [str(label) for label in names]
    return codes.astype(np.int64), labels


def _new_values(codes: NDArray[np.int64], rows_reference: int, size: int) -> int:
    known, now = codes[:rows_reference], codes[rows_reference:]
    before = np.bincount(known[known >= 0], minlength=size) > 0
    after = np.bincount(now[now >= 0], minlength=size) > 0
    return int((after & ~before).sum())


def _bucketed(codes: NDArray[np.int64], labels: list[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The most frequent values under their codes, all others as one; chosen on both sides together."""
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    frequent = np.lexsort((np.array(labels, object), -counts))[:BUCKETS]
    place = np.full(len(labels) + 1, BUCKETS, np.int64)
    place[frequent] = np.arange(len(frequent))
    place[-1] = -1  # the code of a missing value
    return place[codes], [*(labels[index] for index in frequent), OTHER]
