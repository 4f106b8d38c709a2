"""The history of a quantity as a field of a case: one value a period, oldest first, None where it is not known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, NotRequired
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from aiops_flows.series.periods import Every, is_week, label_of, number_of, start_of
from aiops_flows.values.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LARGEST",
    "MOST_VALUES",
    "History",
    "Series",
    "SignedHistory",
    "first_after",
    "first_of",
    "periods_after",
    "phases",
    "read_series",
    "series_of",
    "values_of",
]

MOST_VALUES = 10_000
LARGEST = 3.4028234663852886e38  # estimators compute in float32
_Value = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
_HOURS_A_DAY, _HOURS_TO_MONDAY = 24, 72  # 1970 began on a Thursday


class Series(TypedDict):
    """A quantity by period, in plain JSON."""

    every: Every
    first: str
    """Start of the first period, ISO 8601; hours in UTC, longer periods at midnight with an offset of zero."""
    values: Annotated[list[_Value | None], Field(max_length=MOST_VALUES)]
    """Oldest first; None where it is not known."""
    zone: NotRequired[str]
    """Of hours: the time zone whose days and weeks they follow; without it UTC."""


def read_series(value: Any) -> Any:
    """What a value tells as a series: an object or its JSON text; else the value as it is, for pydantic to refuse."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise PydanticCustomError("series_text", "a history is a JSON object of every, first and values") from None
    if not isinstance(value, Mapping):
        return value
    values = value.get("values")
    values = getattr(values, "tolist", lambda: values)()  # Parquet gives arrays
    if isinstance(values, list | tuple):
        values = [None if is_missing(each) else each for each in values]
    return {**{name: each for name, each in value.items() if not is_missing(each)}, "values": values}


def _on_its_grid(series: Series) -> Series:
    """The series with its beginning written in one way."""
    try:
        begun = datetime.fromisoformat(series["first"])
        begun = begun if begun.tzinfo else begun.replace(tzinfo=UTC)
        number = number_of(begun.astimezone(UTC) if series["every"] == "hour" else begun, series["every"])
        start = start_of(number, series["every"])
        start_of(number + len(series["values"]), series["every"])
    except (ValueError, OverflowError):
        raise PydanticCustomError("series_first", "first is no ISO 8601 moment within the calendar") from None
    if start.replace(tzinfo=None) != begun.astimezone(UTC if series["every"] == "hour" else begun.tzinfo).replace(
        tzinfo=None
    ):
        raise PydanticCustomError("series_grid", f"first is not the start of a {series['every']}")
    if "zone" in series:
        _check_zone(series["zone"], series["every"])
    return {**series, "first": start.isoformat()}


def _check_zone(zone: str, every: Every) -> None:
    if every != "hour":
        raise PydanticCustomError("series_zone", "zone is said of hours only; longer periods follow the calendar")
    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        raise PydanticCustomError("series_zone", "zone is no time zone such as Europe/Berlin") from None


def _never_negative(series: Series) -> Series:
    if any(value is not None and value < 0 for value in series["values"]):
        raise PydanticCustomError("series_negative", "negative values; declare SignedHistory where they have a meaning")
    return series


SignedHistory = Annotated[Series, BeforeValidator(read_series), AfterValidator(_on_its_grid)]
"""A history that may hold negative values, such as a balance."""

History = Annotated[Series, BeforeValidator(read_series), AfterValidator(_on_its_grid), AfterValidator(_never_negative)]
"""The history of a quantity as a field of a `Case`: up to 10,000 finite values of zero or more, gaps as None."""


def series_of(
    every: Every, first: int, values: Iterable[float | None] | NDArray[np.float64], zone: str = "UTC"
) -> Series:
    """A series that begins with the period of that number; NaN is written as None."""
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    known = [None if value is None or value != value else float(value) for value in plain]  # noqa: PLR0124  NaN
    series: Series = {"every": every, "first": start_of(first, every).isoformat(), "values": known}
    if every == "hour" and zone != "UTC":
        series["zone"] = zone
    return series


def values_of(column: Iterable[Any], longest: int | None = None) -> NDArray[np.float64]:
    """The values of many histories as an array of rows and periods, the newest period last.

    Args:
        column: histories, such as a column of a frame; a missing one has no values.
        longest: so many periods, the newest ones; by default those of the longest history.

    Returns:
        Floats; NaN before a history begins and where a value is not known.
    """
    lists = [each["values"] if isinstance(each, Mapping) else [] for each in column]
    lengths = np.array([len(values) for values in lists], dtype=np.int64)
    width = int(lengths.max(initial=0)) if longest is None else longest
    if longest is not None and int(lengths.max(initial=0)) > longest:
        lists = [values[-longest:] if longest else [] for values in lists]
        lengths = np.minimum(lengths, longest)
    found = np.full((len(lists), width), np.nan)
    found[np.arange(width) >= width - lengths[:, None]] = np.array(list(chain.from_iterable(lists)), dtype=np.float64)
    return found


def first_of(history: Series) -> int:
    """The number of the first period of a history."""
    return number_of(datetime.fromisoformat(history["first"]), history["every"])


def first_after(history: Series) -> int:
    """The number of the first period after a history."""
    return first_of(history) + len(history["values"])


def phases(column: Iterable[Any], season: int) -> NDArray[np.int64]:
    """Where in the season the first period after each history lies, counted from 0; -1 where there is no history.

    Months and quarters are counted from January, days and weeks from Monday, hours from midnight (for a season longer
    than a day: from Monday) of the history's zone.
    """
    places = [_place_of(each) if isinstance(each, Mapping) else None for each in column]
    return np.array([-1 if place is None else place % season for place in places], dtype=np.int64)


def _place_of(history: Any) -> int:
    after = first_after(history)
    if is_week(history["every"]) or history["every"] in {"month", "quarter"}:
        return after
    if history["every"] == "day":
        return after + _HOURS_TO_MONDAY // _HOURS_A_DAY
    if "zone" in history:
        wall = start_of(after, "hour").astimezone(ZoneInfo(history["zone"])).replace(tzinfo=UTC)
        after = number_of(wall, "hour")
    return after + _HOURS_TO_MONDAY


def periods_after(history: Series, count: int) -> list[str]:
    """The names of the next periods after a history, such as ``2026-03``; hours are those of UTC."""
    after = first_after(history)
    return [label_of(after + step, history["every"]) for step in range(count)]
