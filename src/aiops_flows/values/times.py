"""Dates, times of day and durations as sources write them; a bare number is none of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Literal

from aiops_flows.values.texts import scalar, tidy

__all__ = [
    "BARE",
    "Order",
    "OrdersShown",
    "day_of",
    "duration_of",
    "form_of",
    "moment_of",
    "orders_of",
    "time_of",
    "wall_of",
]

Order = Literal["day first", "month first"]
"""How a date such as ``03/04/2024`` is read."""

BARE = (
    "a number alone is not a date or time. Send 2026-03-03 or 2026-03-03T14:00:00Z, or declare on the field what the "
    'number counts: Annotated[..., Written("excel")], Written("epoch seconds") or Written("epoch milliseconds")'
)
_BARE_DURATION = (
    "a number alone is not a duration. Send PT1H30M or 01:30:00, or declare its unit on the field: "
    'Annotated[timedelta, Written("seconds")], "minutes", "hours" or "days"'
)
_NO_DATE = "is not a valid date or time. Send 2026-03-03 or 2026-03-03T14:00:00Z, or declare how it is written: {how}"
_HOW = 'Annotated[..., Written("%d.%m.%Y")]'
_OPEN = (
    "may be day/month or month/day. Declare it on the field: "
    'Annotated[..., Written("day first")] or Written("month first")'
)
_YEAR_OPEN = (
    "may be day-month-year or year-month-day. Declare it on the field: "
    'Annotated[..., Written("%d-%m-%y")] or Written("%y-%m-%d")'
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<part>\d{1,6})\d*)?)?"
    r" ?(?P<half>[AaPp]\.?[Mm]\.?)?(?: ?(?P<zone>Z|UTC|GMT))?(?: Uhr)?)?"
)
_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})(?P<mark>[-/.]) ?(?P<month>\d{{1,2}})(?P=mark) ?(?P<day>\d{{1,2}})\.?{_TIME}"
)
_POINTS = re.compile(rf"(?P<day>\d{{1,2}})\. ?(?P<month>\d{{1,2}})\. ?(?P<year>\d{{4}}|\d{{2}}){_TIME}")
_OPEN_ORDER = re.compile(
    rf"(?P<one>\d{{1,2}})(?P<mark>[-/])(?P<two>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_TIME}"
)
_DAY_NAMED = re.compile(
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|er)?[ .-]{{0,2}}(?P<name>[^\W\d_]{{3,10}})\.?,?[ .-]{{0,2}}"
    rf"(?P<year>\d{{4}}|\d{{2}}){_TIME}"
)
_NAME_FIRST = re.compile(
    rf"(?P<name>[^\W\d_]{{3,10}})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}}){_TIME}"
)
_FORM_NAMES = {
    "year/month/day": _YEAR_FIRST,
    "day.month.year": _POINTS,
    "day, month's name, year": _DAY_NAMED,
    "month's name, day, year": _NAME_FIRST,
}
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,6})\d*)?)? ?"
    r"(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_SPAN = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<days>\d+) ?(?:d|days?),? ?)?"
    r"(?:(?P<hours>\d+):(?P<minutes>\d{2})(?::(?P<seconds>\d{2}(?:\.\d+)?))?)?"
)
_ISO_SPAN = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_MONTHS = {
    1: "jan ene gen", 2: "feb fev fév", 3: "mar mär mrz mrt", 4: "apr avr abr", 5: "may mai mei mag maj",
    6: "jun juin giu", 7: "jul juil lug", 8: "aug août aoû ago", 9: "sep set", 10: "oct okt ott out",
    11: "nov", 12: "dec dez déc dic",
}  # fmt: skip
_MONTH = {name: month for month, names in _MONTHS.items() for name in names.split()}
_COMPACT = 8
_NAME_LENGTHS = (4, 3)
_PIVOT = 69  # as strptime has it: 69 to 99 are of the last century
_LONGEST = 100


def moment_of(value: Any, order: Order | None = None) -> datetime:
    """A date or time as an aware moment in UTC; what has no zone is taken as UTC, a date as its midnight.

    Raises:
        ValueError: it is none, is a number alone, or may be two dates.
    """
    if value.__class__ is str:
        return _text_moment(value, order)
    return _in_utc(wall_of(value, order))


@lru_cache(maxsize=8_192)
def _text_moment(text: str, order: Order | None) -> datetime:
    return _in_utc(_text_wall(text, order))


def _in_utc(wall: datetime) -> datetime:
    return wall.replace(tzinfo=UTC) if wall.tzinfo is None else wall.astimezone(UTC)


def day_of(value: Any, order: Order | None = None) -> date:
    """A day; a time of day is refused, unless it is midnight.

    Raises:
        ValueError: it is none, has a time of day, is a number alone, or may be two dates.
    """
    if value.__class__ is date:
        return value
    wall = wall_of(value, order)
    if (wall.hour, wall.minute, wall.second, wall.microsecond) != (0, 0, 0, 0):
        raise ValueError("has a time of day, and the field holds days. Declare it as Moment, or send the day alone")
    return wall.date()


def wall_of(value: Any, order: Order | None = None) -> datetime:
    """A date or time as its source has it: with its own zone, or with none.

    Raises:
        ValueError: it is none, is a number alone, or may be two dates.
    """
    if value.__class__ is str:
        return _text_wall(value, order)
    value = scalar(value)
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  the caller decides on the zone
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _text_wall(str(value), order)
    if isinstance(value, bool) or not hasattr(value, "as_integer_ratio"):
        raise ValueError(_NO_DATE.format(how=_HOW))
    return _compact(value)


def _compact(value: Any) -> datetime:
    """The day that a whole number of eight digits writes."""
    whole = int(value) if value == value and abs(value) < 10**_COMPACT else 0  # noqa: PLR0124  NaN
    if whole == value and len(str(whole)) == _COMPACT and (day := _compact_day(str(whole))):
        return day
    raise ValueError(BARE)


def _compact_day(text: str) -> datetime | None:
    try:
        return datetime(int(text[:4]), int(text[4:6]), int(text[6:]))  # noqa: DTZ001  the caller decides on the zone
    except ValueError:
        return None


def _text_wall(text: str, order: Order | None) -> datetime:
    if text[4:5] == "-":
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    if len(text) > _LONGEST:
        raise ValueError(_NO_DATE.format(how=_HOW))
    text = tidy(text)
    if _NUMBER.fullmatch(text):
        return _compact(float(text)) if not text.isdigit() or len(text) != _COMPACT else _compact_text(text)
    if text[:4].isdigit():
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    if found := _OPEN_ORDER.fullmatch(text):
        return _of_open_order(found, order)
    for form in (_YEAR_FIRST, _POINTS, _DAY_NAMED, _NAME_FIRST):
        if found := form.fullmatch(text):
            return _built(found, *_month_and_day(found, order))
    raise ValueError(_NO_DATE.format(how=_HOW))


def _compact_text(text: str) -> datetime:
    if day := _compact_day(text):
        return day
    raise ValueError(BARE)


def _month_and_day(found: re.Match[str], order: Order | None) -> tuple[int, int]:
    parts = found.groupdict()
    day = int(parts["day"])
    if "name" in parts:
        return _month_named(parts["name"]), day
    month = int(parts["month"])
    pointed = found.re is _POINTS
    return (day, month) if pointed and order == "month first" else (month, day)


def _month_named(name: str) -> int:
    for length in _NAME_LENGTHS:
        if month := _MONTH.get(name[:length].lower()):
            return month
    raise ValueError(_NO_DATE.format(how=_HOW))


def _of_open_order(found: re.Match[str], order: Order | None) -> datetime:
    one, two = int(found["one"]), int(found["two"])
    if order is None and _may_begin_with_year(found):
        raise ValueError(_YEAR_OPEN)
    if order is None and one == two:
        order = "day first"
    order = order or _shown_order(one, two)
    if order is None:
        raise ValueError(_OPEN)
    return _built(found, *((two, one) if order == "day first" else (one, two)))


def _may_begin_with_year(found: re.Match[str]) -> bool:
    """Whether a date may be year, month and day, of two digits each: ``24-03-05``."""
    return found["mark"] == "-" and len(found["year"]) == 2


def _shown_order(one: int, two: int) -> Order | None:
    if one > 12 >= two:
        return "day first"
    return "month first" if two > 12 >= one else None


def _built(found: re.Match[str], month: int, day: int) -> datetime:
    parts = found.groupdict()
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 1900 if year >= _PIVOT else 2000
    try:
        clock = _clock(parts) if parts["hour"] else time()
        zone = UTC if parts["zone"] else None
        return datetime.combine(date(year, month, day), clock, zone)
    except ValueError:
        raise ValueError(_NO_DATE.format(how=_HOW)) from None


def _clock(parts: dict[str, str | None]) -> time:
    hour = int(parts["hour"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("an hour of a twelve-hour clock is 1 to 12")
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    part = int((parts["part"] or "0").ljust(6, "0"))
    return time(hour, int(parts["minute"] or 0), int(parts["second"] or 0), part)


@dataclass(frozen=True)
class OrdersShown:
    """How many dates of a column show in which order it is written."""

    day_first: int
    month_first: int
    both: frozenset[str]
    """The texts that fit both orders, and are two days."""
    clear: frozenset[str]
    """The texts that fit one of them."""


def orders_of(texts: Mapping[str, int]) -> OrdersShown:
    """What dates with slashes or dashes show.

    Args:
        texts: each text, and how many rows have it.
    """
    counts: dict[Order | None, int] = {"day first": 0, "month first": 0, None: 0}
    fitting: dict[bool, set[str]] = {True: set(), False: set()}
    for text, rows in texts.items():
        found = _OPEN_ORDER.fullmatch(tidy(text[:_LONGEST]))
        if found and found["one"] != found["two"] and not _may_begin_with_year(found):
            order = _shown_order(int(found["one"]), int(found["two"]))
            counts[order] += rows
            fitting[order is None].add(text)
    return OrdersShown(counts["day first"], counts["month first"], frozenset(fitting[True]), frozenset(fitting[False]))


def form_of(text: str) -> str:
    """What is reported of how a date is written; empty where it is ISO 8601 or none."""
    text = tidy(text[:_LONGEST])
    if len(text) == _COMPACT and text.isdigit():
        return "yearmonthday"
    return next((name for name, form in _FORM_NAMES.items() if form.fullmatch(text)), "")


def time_of(value: Any) -> time:
    """A time of day.

    Raises:
        ValueError: it is none, or is a number alone.
    """
    value = scalar(value)
    if isinstance(value, time):
        return value
    if isinstance(value, str):
        text = tidy(value[:_LONGEST])
        try:
            return _clock_text(text)
        except ValueError:
            pass
    raise ValueError(
        "is not a valid time of day. Send 14:30 or 14:30:00, or declare how it is written: "
        'Annotated[time, Written("%Hh%M")]'
    )


def _clock_text(text: str) -> time:
    if ":" not in text:
        raise ValueError("a number alone is not a time of day")
    found = _CLOCK.fullmatch(text)
    return _clock(found.groupdict()) if found else time.fromisoformat(text)


def duration_of(value: Any) -> timedelta:
    """A duration.

    Raises:
        ValueError: it is none, or is a number alone.
    """
    value = scalar(value)
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) or hasattr(value, "as_integer_ratio"):
        raise ValueError(_BARE_DURATION)
    text = tidy(value[:_LONGEST]) if isinstance(value, str) else ""
    if _NUMBER.fullmatch(text):
        raise ValueError(_BARE_DURATION)
    found = (_ISO_SPAN.fullmatch(text) or _SPAN.fullmatch(text)) if text else None
    parts = {name: part for name, part in found.groupdict().items() if part and name != "sign"} if found else {}
    if found is None or not parts:
        raise ValueError("is not a valid duration. Send PT1H30M or 01:30:00")
    try:
        span = timedelta(**{name: float(part) for name, part in parts.items()})
    except OverflowError:
        raise ValueError("is longer than any duration that can be stored") from None
    return -span if found["sign"] == "-" else span
