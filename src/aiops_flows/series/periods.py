"""Periods of a series as whole numbers: the n-th hour, day, week, month or quarter since 1970."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

__all__ = ["EVERY", "Every", "label_of", "number_of", "start_of"]

Every = Literal["hour", "day", "week", "month", "quarter"]
"""How long a period is. Weeks begin on Mondays."""

EVERY: tuple[Every, ...] = get_args(Every)

_DAY_ZERO = date(1970, 1, 1)
_MONDAY = 3  # days from the Monday before 1970 to its first day
_HOUR = 3_600
_MONTHS = {"month": 1, "quarter": 3}


def number_of(moment: datetime, every: Every) -> int:
    """The period in which a moment lies: hours by the clock of the world, all else by the moment's own calendar."""
    if every == "hour":
        return int(moment.replace(minute=0, second=0, microsecond=0).timestamp()) // _HOUR
    if every in _MONTHS:
        return ((moment.year - 1970) * 12 + moment.month - 1) // _MONTHS[every]
    days = (moment.date() - _DAY_ZERO).days
    return days if every == "day" else (days + _MONDAY) // 7


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
        day = _DAY_ZERO + timedelta(days=number if every == "day" else number * 7 - _MONDAY)
    return datetime(day.year, day.month, day.day, tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))


def label_of(number: int, every: Every) -> str:
    """A period as people write it: 2026-03-29T01 (UTC), 2026-03-29, 2026-W13, 2026-03 or 2026-Q1."""
    start = start_of(number, every)
    if every == "quarter":
        return f"{start.year}-Q{start.month // 3 + 1}"
    if every == "week":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02d}"
    return start.strftime({"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}[every])
