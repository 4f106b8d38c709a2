"""What writers say of cases: asked row by row where one fails, with the texts of past cases filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pandas as pd

from aiops_flows.estimators.writer import PointsAtTexts, last_step
from aiops_flows.evidence.writing import text_of
from aiops_flows.steps.halving import in_halves
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Texts", "texts_for", "writings"]

Texts = Callable[[list[str]], Mapping[str, str]]
"""Names such as ``case:<case id>`` -> the texts that the case log has for them, with personal data masked."""

_AT_ONCE = 10_000
_LONGEST = 500_000  # characters of a writing as JSON: more is a fault of the writer, and would fill the case log


def texts_for(place: Workspace, use_case: UseCase, spec: ModelSpec) -> Texts:
    """What answers a writer's question for texts of past cases."""

    def ask(names: list[str]) -> Mapping[str, str]:
        from aiops_flows.steps.replies import reply_texts

        return reply_texts(place, use_case, spec, names)

    return ask


def writings(
    estimator: Any, features: pd.DataFrame, case_ids: Sequence[str], texts: Texts | None
) -> tuple[list[Any], list[float | None], dict[int, str]]:
    """What a fitted writer says of cases, how sure it is, and why it could say nothing (by position).

    Args:
        estimator: see `aiops_flows.estimators.writer.WriterMixin`.
        features: the columns that it learned from.
        case_ids: one a row; they are the index of the frame that the estimator is given.
        texts: see `Texts`; without it, texts that the writer points at are left to it.
    """
    rows = features.set_axis(pd.Index(case_ids, dtype=object), axis="index")
    values: list[Any] = [None] * len(rows)

    def write(start: int, end: int) -> None:
        values[start:end] = _one_each(estimator.predict(rows.iloc[start:end]), end - start)

    failures = {at: f"the model failed on it with {why}" for at, why in _asked(write, len(rows)).items()}
    failures |= _fill(last_step(estimator), values, texts)
    for at, value in enumerate(values):
        try:
            values[at] = None if at in failures else _plain(value)
        except (TypeError, ValueError) as fault:
            values[at], failures[at] = None, f"the model gave a writing that cannot be kept: {fault}"
    return values, _confidences(estimator, rows, failures), failures


def _asked(ask: Callable[[int, int], None], rows: int) -> dict[int, str]:
    return in_halves(ask, rows, at_once=_AT_ONCE)


def _one_each(said: Any, rows: int) -> list[Any]:
    values = list(said)
    if len(values) != rows:
        raise ValueError(f"{len(values)} answers for {rows} rows")
    return values


def _fill(writer: Any, values: list[Any], texts: Texts | None) -> dict[int, str]:
    """Put the texts that writings point at into them; why that failed, by position."""
    if texts is None or not isinstance(writer, PointsAtTexts):
        return {}
    named: dict[str, None] = {}
    failed = _asked(lambda start, end: named.update(dict.fromkeys(writer.sources(values[start:end]))), len(values))
    known = texts(list(named)) if named else {}

    def fill(start: int, end: int) -> None:
        values[start:end] = _one_each(writer.filled(values[start:end], known), end - start)

    failed |= _asked(fill, len(values))
    return {at: f"the texts it points at could not be filled in: {why}" for at, why in failed.items()}


def _plain(value: Any) -> Any:
    """A writing as it comes back from the case log.

    Raises:
        TypeError, ValueError: it is none, or JSON cannot say it; nothing of it is quoted.
    """
    if value is None:
        return None
    if not isinstance(value, str | dict):
        raise TypeError(f"a {type(value).__name__}, where a text or a dict with the key 'text' is expected")
    if text_of(value) is None:
        raise ValueError("a dict whose 'text' is no text")
    try:
        content = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise ValueError("JSON in UTF-8 cannot say it") from None
    if len(content) > _LONGEST:
        raise ValueError(f"{len(content)} bytes, {_LONGEST} are the most")
    return value if isinstance(value, str) else orjson.loads(content)


def _confidences(estimator: Any, rows: pd.DataFrame, failures: dict[int, str]) -> list[float | None]:
    """How sure the writer is of each, where it says that."""
    sure: list[float | None] = [None] * len(rows)
    if not hasattr(estimator, "predict_confidence"):
        return sure

    def ask(start: int, end: int) -> None:
        said = _one_each(estimator.predict_confidence(rows.iloc[start:end]), end - start)
        sure[start:end] = [float(each) for each in said]

    _asked(ask, len(rows))
    return [
        each if at not in failures and each is not None and math.isfinite(each) and 0 <= each <= 1 else None
        for at, each in enumerate(sure)
    ]
