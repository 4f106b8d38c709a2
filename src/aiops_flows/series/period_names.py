"""Reading the names that sources give to periods: dates, moments, months, quarters and weeks."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiops_flows.series.periods import Every, is_week, number_of, start_of
from aiops_flows.values.missing import is_missing
from aiops_flows.values.texts import name_of, scalar
from aiops_flows.values.times import wall_of

__all__ = ["read_period"]

_MONTH = re.compile(r"^(?P<year>\d{4})[-/. ]?M?(?P<month>0[1-9]|1[0-2])$", re.IGNORECASE)
_MONTH_WITH_A_SEPARATOR = re.compile(r"^(?P<year>\d{4})[-/. ](?P<month>[1-9])$")
_MONTH_FIRST = re.compile(r"^(?P<month>0?[1-9]|1[0-2])[-/. ](?P<year>\d{4})$")
_QUARTER = re.compile(r"^(?P<year>\d{4})[-/. ]?Q(?P<quarter>[1-4])$", re.IGNORECASE)
_QUARTER_FIRST = re.compile(r"^Q(?P<quarter>[1-4])[-/. ]?(?P<year>\d{4})$", re.IGNORECASE)
_WEEK = re.compile(r"^(?P<year>\d{4})[-/. ]?(?:W|KW)[-. ]?(?P<week>\d{1,2})$", re.IGNORECASE)
_WEEK_FIRST = re.compile(r"^(?:W|KW)[-. ]?(?P<week>\d{1,2})[-/. ](?P<year>\d{4})$", re.IGNORECASE)
_DIGITS = re.compile(r"^\d{8}$")
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WRITTEN = {
    "hour": "2026-03-29T01:00+01:00",
    "day": "2026-03-29",
    "week": "2026-W13, or its first or last day",
    "month": "2026-03, or its first or last day",
    "quarter": "2026-Q1, or its first or last day",
}


def read_period(given: Any, every: Every, zone: str = "UTC") -> tuple[int, ...]:
    """The number of the period that a value names; of hours two where the clock shows one twice, none if it skips it.

    Read are ``2026-03`` (also 202603, 2026M03, 03/2026), ``2026-Q1`` (also Q1 2026), ``2026-W13`` (also KW13/2026), and
    dates and times of ISO 8601, as text or as Python's and pandas's types. A date names a week, month or quarter where
    it is its first or its last day. A time is that of the zone's clock; without an offset it is taken as such.

    Raises:
        ValueError: it names no such period; the message says what was expected.
    """
    named = _named(given, every)
    if named is not None:
        return (named,)

    at = _date_or_time(given)
    shown = f"{str(given)[:40]!a}"
    if at is None:
        expected = _WRITTEN.get(every, "its first or last day")
        raise ValueError(f"{shown} is not a valid {_unit(every)}; write it as {expected}")
    if at.tzinfo is not None:
        at = at.astimezone(ZoneInfo(zone))
    if every == "hour":
        return _hours(at, zone)
    if (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
        raise ValueError(f"{shown} is not midnight in {zone}; is the series kept by {_unit(every)}?")

    number = number_of(at, every)
    if at.date() not in _days_that_name(number, every):
        raise ValueError(f"{shown} {_why_not_a_name(at, every)}")
    return (number,)


def _unit(every: Every) -> str:
    return "week" if is_week(every) else every


def _why_not_a_name(at: datetime, every: Every) -> str:
    """Why a day names no period, and what to declare where weeks begin on that day."""
    unit = _unit(every)
    if not is_week(every):
        return f"is neither the first nor the last day of a {unit}; is the series kept by {unit}?"
    begins = _DAY_NAMES[start_of(0, every).weekday()]
    day = _DAY_NAMES[at.weekday()]
    declared = "week" if day == "Monday" else f"week-{day.lower()}"
    return (
        f"is a {day}, which neither begins nor ends a week from {begins} on; where weeks begin on a {day}, declare "
        f"every='{declared}'"
    )


def _named(given: Any, every: Every) -> int | None:
    """The period of a name such as 2026-03, 2026-Q1 or 2026-W13."""
    given = scalar(given)
    named = isinstance(given, str) or (isinstance(given, int | float) and not isinstance(given, bool))
    text = name_of(given).strip() if named else ""

    if every == "month":
        month = _MONTH.match(text) or _MONTH_WITH_A_SEPARATOR.match(text) or _MONTH_FIRST.match(text)
        return number_of(datetime(int(month["year"]), int(month["month"]), 1, tzinfo=UTC), every) if month else None
    if every == "quarter":
        quarter = _QUARTER.match(text) or _QUARTER_FIRST.match(text)
        first_month = 3 * int(quarter["quarter"]) if quarter else 0
        return number_of(datetime(int(quarter["year"]), first_month, 1, tzinfo=UTC), every) if quarter else None
    if every == "week":
        week = _WEEK.match(text) or _WEEK_FIRST.match(text)
        return number_of(datetime.fromisocalendar(int(week["year"]), int(week["week"]), 1), every) if week else None
    return None


def _date_or_time(given: Any) -> datetime | None:
    if is_missing(given):
        return None
    try:
        return wall_of(given)
    except ValueError:
        return None


def _hours(at: datetime, zone: str) -> tuple[int, ...]:
    """The hour that begins at a time; both that the zone's clock shows so, none where it is put forward over it."""
    if (at.minute, at.second, at.microsecond) != (0, 0, 0):
        raise ValueError(f"{at.isoformat()} does not begin an hour; is the series kept by hour?")
    if at.tzinfo is not None:
        return (number_of(at, "hour"),)
    both = [at.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    if both[0].astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) != at:
        return ()
    return tuple(dict.fromkeys(number_of(each, "hour") for each in both))


def _days_that_name(number: int, every: Every) -> set[date]:
    """The days whose date names a period: its first and its last."""
    first = start_of(number, every).date()
    last = (start_of(number + 1, every) - timedelta(days=1)).date()
    return {first, last}
