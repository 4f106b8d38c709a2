"""Answers of the log as pandas frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from aiops_flows.case_log.dialects import bind
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.moments import moments
from aiops_flows.case_log.values import read_values

__all__ = ["ask", "rows_of"]

_MOMENTS = {"at", "received_at", "known_at", "event_at", "due_at", "opened_at"}
_NUMBERS = {"revision", "version", "round", "attempts", "rows", "number", "failures", "lost"}
_MAYBE_NUMBERS = {"question", "clears"}
_REALS = {"confidence", "priority", "audit_probability", "seconds"}
_READ = {"value", "terms", "proposed", "held"}
_FLAGS = {"blind", "known", "shown", "replaced"}


def _column(name: str, values: Sequence[Any], maybe: Collection[str]) -> Any:
    if name in _MOMENTS:
        return moments(values)
    if name in _MAYBE_NUMBERS or name in maybe:
        return pd.array(values, dtype="Int64")
    if name in _NUMBERS:
        return pd.array(values, dtype="int64")
    if name in _FLAGS:
        return pd.array([bool(value) for value in values], dtype="bool")
    if name in _REALS:
        return pd.array(values, dtype="float64")
    return pd.Series(read_values(values) if name in _READ else values, dtype=object)


def ask(log: CaseLog, statement: str, values: Sequence[Any], maybe: Collection[str] = ()) -> pd.DataFrame:
    """The rows of a statement; moments are datetimes in UTC, and the JSON of values and terms is read.

    Numbers that may be missing are named in ``maybe``, so that the type of their column is always the same.
    """
    with reading(log) as connection:
        found = connection.exec_driver_sql(*bind(log.dialect, statement, values))
        names = list(found.keys())
        rows = found.all()
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    told = zip(names, columns, strict=True)
    return pd.DataFrame({name: _column(name, list(column), maybe) for name, column in told})


def rows_of(log: CaseLog, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows of a statement as plain dictionaries; moments stay text."""
    with reading(log) as connection:
        found = connection.exec_driver_sql(*bind(log.dialect, statement, values))
        return [dict(row._mapping) for row in found]
