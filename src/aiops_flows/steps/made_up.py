"""Rows that stand for no case: what a version is asked before and after it was stored, to see that it says the same."""

from __future__ import annotations

from typing import Any, get_origin

import pandas as pd

from aiops_flows.registry.model_file import made_up
from aiops_flows.steps.frames import plain_type
from aiops_flows.use_case import Case

__all__ = ["made_up_rows"]

_THREADS: list[list[dict[str, str]] | None] = [
    [
        {"speaker": "customer", "text": "My parcel has not come. It was sent last week."},
        {"speaker": "agent", "text": "I am sorry. I have asked the carrier, and you will hear from us today."},
    ],
    [{"speaker": "customer", "text": "How do I return it?"}],
    None,
]


def made_up_rows(case_type: type[Case], features: pd.DataFrame) -> pd.DataFrame:
    """Three made-up rows where a column holds lists, such as threads; else none, and the registry makes up its own.

    Args:
        case_type: whose columns the features are.
        features: only their names and types are taken.
    """
    lists = [name for name in features if _holds_lists(case_type, str(name))]
    if not lists:
        return features.iloc[:0]
    rows = made_up(features.iloc[:0])
    for name in lists:
        rows[name] = pd.Series(_THREADS, dtype=object)
    return rows


def _holds_lists(case_type: type[Case], name: str) -> bool:
    if name not in case_type.model_fields:
        return False
    plain: Any = plain_type(case_type.model_fields[name].annotation)
    return (get_origin(plain) or plain) is list
