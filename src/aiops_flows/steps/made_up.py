"""Rows that stand for no case: what a version is asked before and after it was stored, to see that it says the same."""

from __future__ import annotations

from typing import Any, get_origin

import pandas as pd

from aiops_flows.registry.model_file import made_up
from aiops_flows.series.history import Series, series_of
from aiops_flows.steps.frames import plain_type
from aiops_flows.use_case import Case

__all__ = ["made_up_rows", "made_up_value"]

_THREADS: list[list[dict[str, str]] | None] = [
    [
        {"speaker": "customer", "text": "My parcel has not come. It was sent last week."},
        {"speaker": "agent", "text": "I am sorry. I have asked the carrier, and you will hear from us today."},
    ],
    [{"speaker": "customer", "text": "How do I return it?"}],
    None,
]


_HISTORIES: list[Series | None] = [
    series_of("month", 600, [(20.0 + month % 12) * (1 + month / 50) for month in range(36)]),
    series_of("month", 600, [0.0, None, 3.0, 0.0, 0.0, 1.0, 0.0]),
    None,
]
_MADE_UP: dict[Any, list[Any]] = {list: _THREADS, Series: _HISTORIES}


def made_up_value(kind: Any) -> Any:
    """A conversation for ``list``, a history for ``Series``; None of other kinds of field."""
    return _MADE_UP.get(kind, [None])[0]


def made_up_rows(case_type: type[Case], features: pd.DataFrame) -> pd.DataFrame:
    """Three made-up rows where a column holds threads or histories; else none, and the registry makes up its own.

    Args:
        case_type: whose columns the features are.
        features: only their names and types are taken.
    """
    held = {name: _MADE_UP[kind] for name in features if (kind := _kind(case_type, str(name))) in _MADE_UP}
    if not held:
        return features.iloc[:0]
    rows = made_up(features.iloc[:0])
    for name, values in held.items():
        rows[name] = pd.Series(values, dtype=object)
    return rows


def _kind(case_type: type[Case], name: str) -> Any:
    if name not in case_type.model_fields:
        return None
    plain: Any = plain_type(case_type.model_fields[name].annotation)
    return get_origin(plain) or plain
