"""Periods of a series as whole numbers: the n-th hour, day, week, month or quarter since 1970."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

__all__ = ["EVERY", "Every", "is_week", "label_of", "number_of", "start_of"]

Every = Literal[
    "hour",
    "day",
    "week",
    "week-tuesday",
    "week-wednesday",
    "week-thursday",
    "week-friday",
    "week-saturday",
    "week-sunday",
    "month",
    "quarter",
]
"""How long a period is. A ``week`` begins on Monday, a ``week-sunday`` on Sunday."""

EVERY: tuple[Every, ...] = get_args(Every)

_DAY_ZERO = date(1970, 1, 1)
_DAYS_BEFORE: dict[str, int] = {
    "week": 3,
    "week-tuesday": 2,
    "week-wednesday": 1,
    "week-thursday": 0,
    "week-friday": 6,
    "week-saturday": 5,
    "week-sunday": 4,
}
"""Days from the beginning of the week that holds 1970-01-01, a Thursday, to that day."""
_HOUR = 3_600
_MONTHS = {"month": 1, "quarter": 3}


def number_of(moment: datetime, every: Every) -> int:
    """The period in which a moment lies: hours by the clock of the world, all else by the moment's own calendar."""
    if every == "hour":
        return int(moment.replace(minute=0, second=0, microsecond=0).timestamp()) // _HOUR
    if every in _MONTHS:
        return ((moment.year - 1970) * 12 + moment.month - 1) // _MONTHS[every]
    days = (moment.date() - _DAY_ZERO).days
    return days if every == "day" else (days + _DAYS_BEFORE[every]) // 7


def is_week(every: Every) -> bool:
    """Whether a period is a week, on whichever day it begins."""
    return every in _DAYS_BEFORE


def start_of(number: int, every: Every, zone: str = "UTC") -> datetime:
    """The moment at which a period begins: an hour in UTC, a day and longer at midnight of the zone.

    Raises:
        OverflowError: it lies outside the calendar.
    """
    if every == "hour":
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    if every in _MONTHS:
        months = number * _MONTHS[every]
        if not 1 <= 1970 + months // 12 <= 9999:
            raise OverflowError(f"{every} {number} lies outside the calendar")
        day = date(1970 + months // 12, months % 12 + 1, 1)
    else:
        day = _DAY_ZERO + timedelta(days=number if every == "day" else number * 7 - _DAYS_BEFORE[every])
    return datetime(day.year, day.month, day.day, tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))


def label_of(number: int, every: Every) -> str:
    """A period as people write it: 2026-03-29T01 (UTC), 2026-03-29, 2026-W13, 2026-03 or 2026-Q1.

    A week that does not begin on Monday has no number in ISO 8601; it is written as the day on which it begins.
    """
    start = start_of(number, every)
    if every == "quarter":
        return f"{start.year}-Q{start.month // 3 + 1}"
    if every == "week":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02d}"
    return start.strftime({"hour": "%Y-%m-%dT%H", "month": "%Y-%m"}.get(every, "%Y-%m-%d"))
