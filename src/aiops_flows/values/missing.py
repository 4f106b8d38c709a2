"""Whether a value says anything: one answer for every source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from aiops_flows.values.texts import tidy

__all__ = ["Absent", "absent_of", "is_missing", "present"]

_NEVER_MISSING = {int, bool, datetime, date, dict, list, tuple, set, frozenset, bytes}
_LONGEST_WRITTEN, _ROOM = 32, 8
_NAMED_MISSING = {"NAType", "NaTType", "MaskedConstant"}  # of pandas and numpy, which are not loaded for this


def is_missing(value: Any) -> bool:
    """Whether a value is none at all: None, NaN, NaT, ``pd.NA``, NaN of numpy and of Decimal; no text is."""
    kind = value.__class__
    if kind is str or kind in _NEVER_MISSING:
        return False
    if kind is float:
        return math.isnan(value)
    return value is None or kind.__name__ in _NAMED_MISSING or _differs_from_itself(value)


def _differs_from_itself(value: Any) -> bool:
    """Whether a value is one that is no number, of whatever type."""
    if getattr(value, "ndim", 0):  # an array, which is a value even where its one member is none
        return False
    try:
        return bool(value != value)  # noqa: PLR0124
    except (ValueError, TypeError):  # what cannot be compared is a value
        return False
    except ArithmeticError:  # a signalling NaN of Decimal
        return True


@dataclass(frozen=True)
class Absent:
    """What means "no value" in the sources of a case, whatever type a source gives it."""

    texts: frozenset[str]
    longest: int
    """Characters of the longest of them, with room for what surrounds it."""
    numbers: frozenset[float]
    days: frozenset[date]

    def covers(self, value: Any) -> bool:
        """Whether a value is missing, or is one of those that mean "no value"."""
        if value.__class__ is str:
            return self.covers_text(value)
        if is_missing(value):
            return True
        if self.numbers and isinstance(value, int | float) and not isinstance(value, bool):
            return value in self.numbers
        if self.days and isinstance(value, date):
            return _day_of(value) in self.days
        return False

    def covers_text(self, text: str) -> bool:
        """Whether a text means "no value"."""
        if text in self.texts:
            return True
        plain = text.strip()
        if len(plain) > self.longest:
            return False
        plain = tidy(plain)
        return plain in self.texts or (bool(self.days or self.numbers) and self._covers_written(plain))

    def _covers_written(self, text: str) -> bool:
        """Whether a text writes an absent number or day in another way: ``-999.0``, ``9999-12-31T00:00:00``."""
        return _as_number(text) in self.numbers or _as_day(text) in self.days


@lru_cache(maxsize=64)
def absent_of(texts: frozenset[str]) -> Absent:
    """The texts that mean "no value", also as the numbers and days that they write."""
    numbers = (_as_number(text) for text in texts)
    days = (_as_day(text) for text in texts)
    return Absent(
        texts,
        max([_LONGEST_WRITTEN, *map(len, texts)]) + _ROOM,
        frozenset(number for number in numbers if number is not None),
        frozenset(day for day in days if day is not None),
    )


def present(values: Sequence[Any], absent: Absent) -> list[Any]:
    """A column with None wherever it has no value."""
    column = values if isinstance(values, list) else list(values)
    kinds = set(map(type, column))
    if kinds <= {str}:
        gone = {text for text in set(column) if absent.covers_text(text)}
        return [None if text in gone else text for text in column] if gone else column
    if kinds <= _NEVER_MISSING and not absent.numbers and not absent.days:
        return column
    return [None if absent.covers(value) else value for value in column]


def _as_number(text: str) -> float | None:
    if not text[-1:].isdigit():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _as_day(text: str) -> date | None:
    try:
        return _day_of(datetime.fromisoformat(text))
    except ValueError:
        return None


def _day_of(value: date) -> date | None:
    """The day that a date, or midnight of it in UTC or without a zone, names."""
    if not isinstance(value, datetime):
        return value
    moment = value.astimezone(UTC) if value.tzinfo is not None else value
    midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return moment.date() if midnight else None
