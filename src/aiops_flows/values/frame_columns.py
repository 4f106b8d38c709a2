"""Columns of pandas and Parquet as Python's own values: what a type can hold is the same as what a text says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aiops_flows.values.missing import is_missing

__all__ = ["parquet_frame", "python_values", "with_index"]

_UNNAMED = "index"
_NARROW = {"float16", "float32", "Float32"}


def parquet_frame(table: pa.Table) -> pd.DataFrame:
    """A table of Parquet as a frame in which whole numbers stay whole where some are missing.

    An id that was stored as the index is the index here; see `with_index`.
    """
    frame: pd.DataFrame = table.to_pandas(
        timestamp_as_object=False, integer_object_nulls=True, coerce_temporal_nanoseconds=False, ignore_metadata=False
    )
    return frame


def with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns that stand in its index: those with a name, and texts without one, as ``index``."""
    found = list(_index_columns(frame))
    if not found:
        return frame
    plain = frame.reset_index(drop=True)
    for position, (name, values) in enumerate(found):
        plain.insert(position, name, values)
    return plain


def _index_columns(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    taken = {str(column) for column in frame.columns}
    for level, name in enumerate(frame.index.names):
        values = frame.index.get_level_values(level)
        if name is None and (values.dtype != object or not all(isinstance(value, str) for value in values)):
            continue  # the numbers of its rows
        column = _UNNAMED if name is None else str(name)
        if column not in taken:
            yield column, values


def python_values(column: pd.Series[Any]) -> list[Any]:
    """A column as Python values, None where one is missing; 32-bit numbers as the shortest that they can mean."""
    if str(column.dtype) in _NARROW:
        return _shortest(column)
    if column.dtype == object:
        return [None if is_missing(value) else value for value in column.tolist()]
    if not column.isna().any():
        return column.tolist()
    missing = column.isna().tolist()
    return [None if gone else value for gone, value in zip(missing, column.astype(object).tolist(), strict=True)]


def _shortest(column: pd.Series[Any]) -> list[float | None]:
    """Numbers of fewer than 64 bits as they are printed: 0.1, not 0.10000000149011612."""
    if str(column.dtype) == "float16":
        return [None if is_missing(value) else float(str(value)) for value in column.to_numpy()]
    values = column.to_numpy(dtype="float32", na_value=np.nan)
    printed = pc.cast(pa.array(values, from_pandas=True), pa.string())
    wide: list[float | None] = pc.cast(printed, pa.float64()).to_pylist()
    return wide
