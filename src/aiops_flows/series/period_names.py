"""Reading the names that sources give to periods: dates, moments, months, quarters and weeks."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiops_flows.series.periods import Every, number_of, start_of

__all__ = ["read_period"]

_MONTH = re.compile(r"^(\d{4})[-/. ]?M?(0[1-9]|1[0-2])$")
_QUARTER = re.compile(r"^(\d{4})[-/. ]?Q([1-4])$", re.IGNORECASE)
_WEEK = re.compile(r"^(\d{4})-?W(\d{2})$", re.IGNORECASE)
_WRITTEN = {
    "hour": "2026-03-29T01:00+01:00",
    "day": "2026-03-29",
    "week": "2026-W13 or its Monday",
    "month": "2026-03, or its first or last day",
    "quarter": "2026-Q1, or its first or last day",
}


def read_period(given: Any, every: Every, zone: str = "UTC") -> tuple[int, ...]:
    """The number of the period that a value names; of hours two where the clock shows one twice, none if it skips it.

    Read are ``2026-03`` (also 202603, 2026M03), ``2026-Q1``, ``2026-W13``, and dates and moments of ISO 8601, as text
    or as Python's and pandas's types. A date names a month or quarter where it is its first or last day, a week where
    it is its Monday. A moment is that of the zone's clock; without an offset it is taken as such.

    Raises:
        ValueError: it names no such period; the message says what was expected.
    """
    named = _named(given, every)
    if named is not None:
        return (named,)
    moment = _moment(given)
    if moment is None:
        raise ValueError(f"{str(given)[:40]!a} is no {every}; write it as {_WRITTEN[every]}")
    if moment.tzinfo is not None:
        moment = moment.astimezone(ZoneInfo(zone))
    if every == "hour":
        return _hours(moment, zone)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise ValueError(f"{str(given)[:40]!a} is not midnight in {zone}; is the series kept by {every}?")
    number = number_of(moment, every)
    if moment.date() not in _days_that_name(number, every):
        raise ValueError(f"{str(given)[:40]!a} is no beginning of a {every}; is the series kept by {every}?")
    return (number,)


def _named(given: Any, every: Every) -> int | None:
    """The period of a name such as 2026-03, 2026-Q1 or 2026-W13."""
    text = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if every == "month" and (found := _MONTH.match(text)):
        return number_of(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC), every)
    if every == "quarter" and (found := _QUARTER.match(text)):
        return number_of(datetime(int(found[1]), 3 * int(found[2]), 1, tzinfo=UTC), every)
    if every == "week" and (found := _WEEK.match(text)):
        return number_of(datetime.fromisocalendar(int(found[1]), int(found[2]), 1), every)
    return None


def _moment(given: Any) -> datetime | None:
    given = getattr(given, "start_time", given)  # a period of pandas
    if isinstance(given, datetime):
        return given if given == given else None  # noqa: PLR0124  pandas's "not a time" differs from itself
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day)  # noqa: DTZ001  of the zone's calendar
    try:
        return datetime.fromisoformat(given.strip()) if isinstance(given, str) else None
    except ValueError:
        return None


def _hours(moment: datetime, zone: str) -> tuple[int, ...]:
    """The hour that begins at a moment; both that the zone's clock shows so, none where it is put forward over it."""
    if (moment.minute, moment.second, moment.microsecond) != (0, 0, 0):
        raise ValueError(f"{moment.isoformat()} is no beginning of an hour; is the series kept by hour?")
    if moment.tzinfo is not None:
        return (number_of(moment, "hour"),)
    both = [moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    if both[0].astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) != moment:
        return ()
    return tuple(dict.fromkeys(number_of(each, "hour") for each in both))


def _days_that_name(number: int, every: Every) -> set[date]:
    """The days whose date names a period: its first, of months and quarters also its last."""
    days = {start_of(number, every).date()}
    if every in {"month", "quarter"}:
        days.add((start_of(number + 1, every) - timedelta(days=1)).date())
    return days
