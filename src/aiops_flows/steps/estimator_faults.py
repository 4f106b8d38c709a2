"""Why an estimator failed, without a word that could quote a case.

The messages of other libraries quote values of the rows that they fail on. So the estimator is tried again on stand-in
rows: the same columns, types, gaps, signs and number of classes, and nothing else of the cases. Where it fails there
with the same kind of error, the words are about the declaration, and can be shown.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.use_case import ModelSpec

__all__ = ["reason_without_quotes", "stand_in_labels", "stand_in_rows"]

_ROWS = 1_000
_LONGEST = 400
_TOO_LARGE = 3e38  # beyond what a float32 holds
_FAULTS = (ValueError, TypeError, LookupError, AttributeError)


def reason_without_quotes(
    spec: ModelSpec, estimator: Any, fault: Exception, cases: pd.DataFrame, truth: NDArray[Any] | None = None
) -> str:
    """The reason for a failure of an estimator, and the way out where there is a known one.

    Args:
        spec: the model.
        estimator: fitted or not; a clone of it is tried.
        fault: what it raised.
        cases: the rows on which it did.
        truth: what it was to learn; None where it failed to answer.
    """
    rows = None if spec.kind == "writer" else stand_in_rows(cases[list(spec.features)].iloc[:_ROWS])
    if rows is None:
        return _where(fault)
    answers, numbers = _stand_in_answers(spec, len(rows), truth)
    words = _words_of(lambda: _tried(estimator, rows, answers), fault)
    if not words:
        return _where(fault)
    if spec.kind == "classifier" and not _words_of(lambda: _tried(estimator, rows, numbers), fault):
        name = type(estimator).__name__
        words += (
            f". It learns from whole numbers only: VotingClassifier([('model', {name}(...))], voting='soft'), from "
            "sklearn.ensemble, numbers the labels for it"
        )
    return f"{words} (seen on made-up rows of the same columns, so this quotes no case)"


def _where(fault: Exception) -> str:
    """The place of the failure, where its words cannot be shown."""
    place = traceback.extract_tb(fault.__traceback__)[-1]
    return (
        f"{type(fault).__name__} in {Path(place.filename).name}, line {place.lineno}, {place.name}. Its words are left "
        "out: they may quote a case; fit the estimator by hand on a few rows to see them"
    )


def _words_of(attempt: Callable[[], object], fault: Exception) -> str:
    """The words of the same kind of failure; empty where the attempt succeeds or fails otherwise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attempt()
    except _FAULTS as again:
        if type(again) is not type(fault):
            return ""
        return f"{type(again).__name__}: {' '.join(str(again).split())[:_LONGEST]}"
    return ""


def _tried(estimator: Any, rows: pd.DataFrame, answers: NDArray[Any]) -> None:
    """Let a clone learn from rows and answer them."""
    from sklearn.base import clone

    fitted = clone(estimator).fit(rows, answers)
    fitted.predict(rows)
    getattr(fitted, "predict_proba", len)(rows)


def _stand_in_answers(spec: ModelSpec, rows: int, truth: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the stand-in rows are labelled with, and the same as whole numbers."""
    if spec.kind == "regressor":
        numbers = np.arange(rows, dtype=float)
        return numbers, numbers
    codes = np.arange(rows) % 2 if truth is None else pd.factorize(truth[:rows])[0]
    return stand_in_labels(codes), codes


def stand_in_labels(codes: NDArray[np.int64]) -> NDArray[np.object_]:
    """A made-up label for each code."""
    return np.array([f"label {code}" for code in codes], dtype=object).astype(str)


def stand_in_rows(features: pd.DataFrame) -> pd.DataFrame | None:
    """Rows with the columns, types, gaps and signs of these, and no value of them; None where that cannot be made."""
    columns = {name: _stand_in(features[name]) for name in features}
    if any(column is None for column in columns.values()):
        return None
    return pd.DataFrame(columns, index=features.index)


def _stand_in(column: pd.Series[Any]) -> pd.Series[Any] | None:
    count = np.arange(len(column))
    if pd.api.types.is_bool_dtype(column.dtype):
        return pd.Series(count % 2 == 0, index=column.index)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        dates = pd.Series(pd.to_datetime(count, unit="D", utc=True), index=column.index)
        return dates.where(column.notna())
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numbers(column)
    return _objects(column)


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Small numbers with the signs, gaps, infinities and excessive sizes of these."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    small = np.sign(values) * (1 + np.arange(len(values)) % 7)
    with np.errstate(invalid="ignore"):
        small = np.where(np.abs(values) > _TOO_LARGE, values / np.abs(values) * 1e300, small)
    small = np.where(np.isinf(values), values, small)
    whole = column.dtype.kind in "iu"
    return pd.Series(small.astype(np.int64) if whole else small, index=column.index)


def _objects(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """Short texts with the gaps of these; None where a value is neither text, number, truth value nor missing."""
    values: list[Any] = []
    for place, value in enumerate(column.tolist()):
        if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
            values.append(value)
        elif isinstance(value, bool):
            values.append(place % 2 == 0)
        elif isinstance(value, str):
            values.append(_text(value, place))
        elif isinstance(value, int | float):
            values.append(place % 7)
        else:
            return None
    return pd.Series(values, index=column.index, dtype=object)


def _text(value: str, place: int) -> str:
    """A made-up text; of digits where the text is a number, and empty where it is empty."""
    if not value.strip():
        return ""
    try:
        float(value)
    except ValueError:
        return f"word {'abcdefg'[place % 7]}"
    return str(place % 7)
