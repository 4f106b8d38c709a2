"""Cases as frames: from validated objects, from stored bodies, always with the same types and derived columns."""

from __future__ import annotations

import logging
import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Union, assert_never, get_args, get_origin

import pandas as pd
from pydantic import AwareDatetime
from pydantic_core import from_json

from aiops_flows.errors import UseCaseError
from aiops_flows.steps.halving import in_halves
from aiops_flows.use_case import Case, Derivation, UseCase
from aiops_flows.values.schema import FrameKind
from aiops_flows.values.times import duration_of

__all__ = ["case_frame", "derived_column", "empty_frame", "field_frame", "grown", "plain_type", "stored_frame"]

_NOT_IN_BODY = frozenset({"case_id", "received_at"})
_logger = logging.getLogger("aiops_flows.frames")


def case_frame(case_type: type[Case], columns: Mapping[str, Sequence[Any] | pd.Series[Any]]) -> pd.DataFrame:
    """A frame of cases: ``case_id``, ``batch``, ``received_at``, the fields of the case, and what is derived.

    Numbers become ``int64`` or ``float64`` (missing: NaN; a Decimal is a float, a duration its seconds), dates and
    times ``datetime64[us, UTC]``, the rest ``object`` (missing: None): an Enum is its value, a nested
    model a dict, a UUID or a time of day its text. The same values give the same types, whether they arrive or are
    read back from the case log.

    Raises:
        UseCaseError: a derived column does not give one value a row.
    """
    frame = field_frame(case_type, columns)
    for name, derivation in case_type.derived.items():
        frame[name] = derived_column(f"{case_type.__name__}.{name}", derivation, frame)
    return frame


def field_frame(case_type: type[Case], columns: Mapping[str, Sequence[Any] | pd.Series[Any]]) -> pd.DataFrame:
    """The same without the derived columns."""
    own = [name for name in case_type.model_fields if name not in _NOT_IN_BODY]
    readings = case_type.readings()
    series = {
        "case_id": pd.Series(columns["case_id"], dtype=object),
        "batch": pd.Series(columns["batch"], dtype=object),
    }
    series["received_at"] = _moments(columns["received_at"])
    for name in own:
        series[name] = _field_series(columns[name], readings[name].frame)
    return pd.DataFrame(series)


def derived_column(name: str, derivation: Derivation, frame: pd.DataFrame) -> pd.Series[Any]:
    """A column computed from a frame; None for the rows at which the derivation fails, which is logged.

    Raises:
        UseCaseError: it does not give one value a row.
    """
    values: list[Any] = [None] * len(frame)
    counts: set[tuple[int, int]] = set()

    def derive(start: int, end: int) -> None:
        said = list(derivation(frame.iloc[start:end]))
        counts.add((len(said), end - start))
        values[start:end] = said

    failed = in_halves(derive, len(frame))
    if wrong := sorted(count for count in counts if count[0] != count[1]):
        raise UseCaseError(f"{name} gave {wrong[0][0]} values for {wrong[0][1]} cases; it must give one a row")
    if failed:
        why = ", ".join(sorted(set(failed.values())))
        _logger.warning("%s failed on %d of %d cases, where it is missing: %s", name, len(failed), len(frame), why)
    return _plain_series(values)


def _plain_series(values: list[Any]) -> pd.Series[Any]:
    """A column whose type follows from its values, as those of fields follow from their annotation."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds or not kinds <= {int, float, datetime, date}:
        return pd.Series(values, dtype=object)
    if kinds <= {int, float}:
        return _series(values, float if float in kinds else int)
    return _moments(values) if kinds <= {datetime, date} else pd.Series(values, dtype=object)


def grown(cases: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """A new frame with more columns; the columns that were there are shared with the old one, not copied."""
    frame = cases.copy(deep=False)
    for name, values in columns.items():
        frame[name] = values
    return frame


def empty_frame(use_case: UseCase) -> pd.DataFrame:
    """A frame of no cases, with all columns of the case."""
    return case_frame(use_case.case, {name: [] for name in (*use_case.case.columns(), "batch")})


def stored_frame(case_type: type[Case], stored: pd.DataFrame, tokens: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The frame of cases read from the case log.

    Args:
        case_type: the type whose fields the bodies hold.
        stored: columns ``case_id``, ``received_at``, ``body`` (JSON text), and ``batch_id`` where tokens are given.
        tokens: batch id -> token of the lease under which the cases are worked on; without it ``batch`` is empty.
    """
    bodies = from_json("[" + ",".join(stored["body"].tolist()) + "]")
    columns: dict[str, Sequence[Any] | pd.Series[Any]] = {
        name: [body.get(name) for body in bodies] for name in case_type.model_fields if name not in _NOT_IN_BODY
    }
    columns["case_id"] = stored["case_id"].tolist()
    columns["received_at"] = stored["received_at"]
    columns["batch"] = [tokens[batch] for batch in stored["batch_id"]] if tokens else [""] * len(stored)
    return case_frame(case_type, columns)


def plain_type(annotation: Any) -> Any:
    """The type under ``Annotated`` and ``Optional``."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return plain_type(inner[0]) if len(inner) == 1 else object
    return annotation


def _field_series(values: Sequence[Any] | pd.Series[Any], kind: FrameKind) -> pd.Series[Any]:
    match kind:
        case "float":
            return _series(values, float)
        case "int":
            return _series(values, int)
        case "moment":
            return _moments(values)
        case "decimal":
            return _series([None if value is None else float(value) for value in values], float)
        case "seconds":
            return _series([None if value is None else duration_of(value).total_seconds() for value in values], float)
        case "plain" | "json":
            return pd.Series(values, dtype=object)
        case _:
            assert_never(kind)


def _series(values: Sequence[Any] | pd.Series[Any], plain: Any) -> pd.Series[Any]:
    if plain is float:
        return pd.Series(values, dtype="float64")
    if plain is int:
        return pd.Series(values, dtype="float64" if None in values else "int64")
    if plain in {datetime, date, AwareDatetime}:
        return _moments(values)
    return pd.Series(values, dtype=object)


def _moments(values: Sequence[Any] | pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.DatetimeTZDtype):
        moments = values.reset_index(drop=True).dt.tz_convert("UTC")  # read by the case log already
    else:
        moments = pd.to_datetime(pd.Series(values, dtype=object), utc=True, format="ISO8601")
    exact: pd.Series[Any] = moments.astype("datetime64[us, UTC]")
    return exact
