"""Columns of a frame that models have answered: numbers by the name of a column, quantiles by their levels."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.errors import UseCaseError

__all__ = ["Floats", "distributions", "numbers"]

Floats = NDArray[np.float64]

_ROWS_AT_ONCE = 1_000  # each may become a hundred likely demands


def numbers(frame: pd.DataFrame, name: str | float) -> Floats:
    """A column as numbers, or the same number for all rows.

    Raises:
        UseCaseError: there is no such column.
    """
    if not isinstance(name, str):
        return np.full(len(frame), float(name))
    if name not in frame.columns:
        raise UseCaseError(
            f"an order needs the column {name!r}, which the cases do not have; they have {sorted(frame.columns)[:20]}. "
            "Name the column that holds it, or give a number"
        )
    return np.asarray(pd.to_numeric(frame[name]), np.float64)


def distributions(frame: pd.DataFrame, output: str) -> Iterator[tuple[NDArray[np.int64], Floats, Floats]]:
    """Rows that have the same quantiles, the levels of these, and the quantiles; rows that have none are left out."""
    known = _quantile_columns(frame, output)
    if not known or frame.empty:
        return
    levels = np.array(list(known))
    quantiles = np.stack([numbers(frame, column) for column in known.values()], axis=1)
    patterns, kinds = np.unique(np.isfinite(quantiles), axis=0, return_inverse=True)
    for kind, there in enumerate(patterns):
        if there.any():
            alike = np.flatnonzero(kinds.ravel() == kind)
            for rows in np.array_split(alike, -(-len(alike) // _ROWS_AT_ONCE)):
                yield rows, levels[there], quantiles[np.ix_(rows, there)]


def _quantile_columns(frame: pd.DataFrame, output: str) -> dict[float, str]:
    """Level -> column, ascending: ``demand_q10`` holds the quantile at 0.1, ``demand_q97_5`` that at 0.975."""
    form = re.compile(rf"{re.escape(output)}_q(\d+(?:_\d+)?)")
    found = [(match.group(1), str(column)) for column in frame.columns if (match := form.fullmatch(str(column)))]
    return dict(sorted((round(float(percent.replace("_", ".")) / 100, 12), column) for percent, column in found))
