"""The rows of many series, read and put in order: one value a series and period, and what cannot be believed."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from aiops_flows.series.history import LARGEST
from aiops_flows.series.period_names import read_period
from aiops_flows.series.periods import label_of, number_of
from aiops_flows.steps.delivery import Delivery, Unreadable, column_of
from aiops_flows.steps.series_form import SeriesForm
from aiops_flows.values.columns import ColumnRule, column_rules, read_column
from aiops_flows.values.missing import absent_of
from aiops_flows.values.texts import label_of as text_label

__all__ = ["Key", "SeriesTable", "Wrong", "is_there", "read_table"]

Key = tuple[str, ...]
"""What names a series: the values of its key columns."""

_Said = TypeVar("_Said")
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

_NOWHERE = -(2**62)  # the period of a row whose period cannot be read
_SHOWN = 40


class Wrong(NamedTuple):
    """Why a row is not believed, or rows that contradict each other; ``period`` is None where none could be read."""

    period: int | None
    reason: str


@dataclass(frozen=True)
class SeriesTable:
    """The rows of many series: their values in order of series and period, one of each."""

    keys: Sequence[Key]
    """In order; a series is told by its place here."""
    series: _Ints
    period: _Ints
    quantity: _Floats
    """NaN where it is told that stock was out, and where rows contradict each other."""
    row_series: _Ints
    """Of each row of the delivery; -1 where it names none."""
    row_period: _Ints
    running: int
    """The period that is not over yet."""
    wrong: Mapping[int, Sequence[Wrong]]
    """Series -> what is wrong with rows of it."""
    nameless: Sequence[Unreadable]
    """Rows that name no series."""
    unfinished: int
    """Rows whose quantity is left out, as their period is not over."""

    @property
    def last(self) -> int | None:
        """The last period for which any series has a quantity."""
        return int(self.period.max()) if len(self.period) else None

    @property
    def last_named(self) -> int | None:
        """The last finished period that any row names, whether or not its quantity could be read."""
        refused = [each.period for reasons in self.wrong.values() for each in reasons if each.period is not None]
        finished = [period for period in refused if period < self.running]
        return max([*finished, *([] if self.last is None else [self.last])], default=None)

    def doubts(self, series: int, first: int, after: int) -> bool:
        """Whether rows of a series were refused whose period lies in a span, or could not be read."""
        return any(each.period is None or first <= each.period < after for each in self.wrong.get(series, ()))

    def between(self, series: int, first: int, after: int) -> tuple[_Ints, _Floats]:
        """Periods and quantities of one series, from ``first`` on and before ``after``."""
        begin, end = self._bounds[series : series + 2]
        low, high = begin + np.searchsorted(self.period[begin:end], [first, after])
        return self.period[low:high], self.quantity[low:high]

    def rows_of(self, series: int, upto: int | None = None) -> _Ints:
        """The rows of one series by period; with ``upto``, only those of periods up to it that could be read."""
        begin, end = self._row_bounds[series : series + 2]
        rows = self._row_order[begin:end]
        if upto is None:
            return rows
        low, high = np.searchsorted(self.row_period[rows], [_NOWHERE + 1, upto + 1])
        return rows[low:high]

    @cached_property
    def _bounds(self) -> _Ints:
        return np.searchsorted(self.series, np.arange(len(self.keys) + 1))

    @cached_property
    def _row_order(self) -> _Ints:
        return np.lexsort((self.row_period, self.row_series))

    @cached_property
    def _row_bounds(self) -> _Ints:
        return np.searchsorted(self.row_series[self._row_order], np.arange(len(self.keys) + 1))


@dataclass(frozen=True)
class _Read:
    """The values that rows tell, in the order of the delivery."""

    series: list[int]
    period: list[int]
    quantity: list[float]
    wrong: dict[int, list[Wrong]]
    unfinished: int


def read_table(form: SeriesForm, delivery: Delivery, now: datetime, absent: frozenset[str]) -> SeriesTable:
    """The rows of a delivery in order; the order in which they came does not matter.

    A series and period that several rows tell has one value: theirs, where they agree; else none, and it is said. An
    hour that the clock shows twice shares the sum of what is told of it between both.
    """
    named = [_texts(column_of(delivery, name), absent) for name in form.key]
    told = [key if None not in key else None for key in zip(*named, strict=True)]
    keys = sorted({key for key in told if key is not None})
    places = {key: place for place, key in enumerate(keys)}
    owners = np.array([-1 if key is None else places[key] for key in told], dtype=np.int64)
    periods = _periods(form, column_of(delivery, form.period))
    amounts = _amounts(form, delivery, absent)
    running = number_of(now.astimezone(ZoneInfo(form.zone)), form.every)
    read = _read(form, owners.tolist(), periods, amounts, running)
    series, period, quantity = _one_each(form, read)
    nameless = [_nameless(form, delivery, row) for row in np.flatnonzero(owners < 0).tolist()]
    places_told = [each[0] if isinstance(each, tuple) and each else _NOWHERE for each in periods]
    row_period = np.array(places_told, dtype=np.int64)
    return SeriesTable(
        keys, series, period, quantity, owners, row_period, running, read.wrong, nameless, read.unfinished
    )


def _read(
    form: SeriesForm,
    owners: list[int],
    periods: list[tuple[int, ...] | str],
    amounts: list[float | str | None],
    running: int,
) -> _Read:
    read = _Read([], [], [], defaultdict(list), 0)
    doubled: dict[tuple[int, tuple[int, ...]], list[float]] = defaultdict(list)
    unfinished = 0
    for owner, named, amount in zip(owners, periods, amounts, strict=True):
        if owner < 0 or (amount is None and not isinstance(named, str)):
            continue
        if isinstance(named, str) or isinstance(amount, str) or not named or named[0] > running:
            read.wrong[owner].extend(_wrong(form, named, amount))
        elif named[-1] == running:
            unfinished += 1
        elif len(named) > 1:
            doubled[owner, named].append(amount or 0.0)
        else:
            read.series.append(owner)
            read.period.append(named[0])
            read.quantity.append(amount or 0.0)
    _share(form, doubled, read)
    return _Read(read.series, read.period, read.quantity, dict(read.wrong), unfinished)


def _wrong(form: SeriesForm, named: tuple[int, ...] | str, amount: float | str | None) -> list[Wrong]:
    """What is wrong with a row; nothing where a clock leaves out an hour and nothing is told of it."""
    if isinstance(named, str):
        return [Wrong(None, named)]
    if not named:
        return [] if amount == 0 else [Wrong(None, f"an hour that the clock of {form.zone} leaves out")]
    label = label_of(named[0], form.every)
    return [Wrong(named[0], f"{label}: {amount}" if isinstance(amount, str) else f"{label} has not begun")]


def _share(form: SeriesForm, doubled: Mapping[tuple[int, tuple[int, ...]], list[float]], read: _Read) -> None:
    """Share what is told of an hour that the clock shows twice between both: a row alone is their sum."""
    for (owner, named), amounts in doubled.items():
        if len(amounts) > len(named):
            reason = f"{label_of(named[0], form.every)}: {len(amounts)} rows of an hour that comes twice"
            read.wrong[owner].append(Wrong(named[0], reason))
        for period in named:
            read.series.append(owner)
            read.period.append(period)
            read.quantity.append(math.fsum(amounts) / len(named))


def _one_each(form: SeriesForm, read: _Read) -> tuple[_Ints, _Ints, _Floats]:
    """One value a series and period; where rows contradict each other NaN, and it is told."""
    series, period = np.array(read.series, dtype=np.int64), np.array(read.period, dtype=np.int64)
    quantity = np.array(read.quantity, dtype=np.float64)
    order = np.lexsort((quantity, period, series))  # NaN comes last
    series, period, quantity = series[order], period[order], quantity[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (series[1:] != series[:-1]) | (period[1:] != period[:-1])
    first = np.flatnonzero(new)
    least, most = quantity[first], quantity[np.append(first, len(order))[1:] - 1]
    for at in np.flatnonzero(least < most).tolist():
        label = label_of(int(period[first[at]]), form.every)
        reason = f"{label}: told as {least[at]:g} and as {most[at]:g}"
        read.wrong.setdefault(int(series[first[at]]), []).append(Wrong(int(period[first[at]]), reason))
    return series[first], period[first], np.where(least == most, least, np.nan)


def is_there(value: Any, absent: frozenset[str]) -> bool:
    """Whether a value of a row says anything."""
    return not absent_of(absent | {""}).covers(value)


def _texts(column: list[Any], absent: frozenset[str]) -> list[str | None]:
    return _each_once(column, lambda value: _text(value) if is_there(value, absent) else None)


def _text(value: Any) -> str | None:
    """The text of a value of a key; None where it has none, such as a list."""
    try:
        return text_label(value)
    except ValueError:
        return None


def _periods(form: SeriesForm, column: list[Any]) -> list[tuple[int, ...] | str]:
    """The periods that each value names, or why it names none."""
    rule = column_rules({form.period: ("time", column)}).get(form.period, ColumnRule(""))

    def read(value: Any) -> tuple[int, ...] | str:
        if isinstance(value, str) and value in rule.refused:
            return f"{form.period}: {str(value)[:_SHOWN]!a} {rule.reason}"
        try:
            return read_period(rule.read(value) if isinstance(value, str) else value, form.every, form.zone)
        except (ValueError, OverflowError) as fault:
            return f"{form.period}: {fault}"

    return _each_once(column, read)


def _each_once(column: list[Any], read: Callable[[Any], _Said]) -> list[_Said]:
    """What is read from each value; a value that comes again is read once."""
    seen: dict[Any, _Said] = {}
    found = []
    for value in column:
        kind = value.__class__
        plain = kind is str or kind is float or isinstance(value, datetime)
        mark = value if plain else (kind, repr(value))  # True is 1, and 1 is 1.0
        if mark not in seen:
            seen[mark] = read(value)
        found.append(seen[mark])
    return found


def _amounts(form: SeriesForm, delivery: Delivery, absent: frozenset[str]) -> list[float | str | None]:
    """The quantity of each row: NaN where stock was out, None where there is none, a text that says what is wrong."""
    quantities = column_of(delivery, form.quantity)
    read = read_column("number", quantities, absent_of(absent | {""}))
    amounts = [_amount(form, value) for value in read.values]
    for row, reason in read.refused.items():
        amounts[row] = f"{form.quantity} {str(quantities[row])[:_SHOWN]!a} {reason}"
    if form.stockout is None or form.stockout not in delivery.columns:
        return amounts
    marks = _each_once(column_of(delivery, form.stockout), lambda mark: _out_of_stock(form, mark, absent))
    return [_sold_amount(out, amount) for out, amount in zip(marks, amounts, strict=True)]


def _sold_amount(out: bool | str, amount: float | str | None) -> float | str | None:
    """The quantity of a row, or what is wrong with its mark; of a period without stock, demand is unknown."""
    if isinstance(out, str):
        return out
    return math.nan if out else amount


def _out_of_stock(form: SeriesForm, mark: Any, absent: frozenset[str]) -> bool | str:
    """Whether a mark says that stock was out, or what is wrong with the mark."""
    if not is_there(mark, absent):
        return False
    text = (_text(mark) or "").casefold()
    if text in form.stockout_meaning:
        return form.stockout_meaning[text]
    return (
        f"{form.stockout} {str(mark)[:_SHOWN]!a} is not a known mark; expected one of {sorted(form.stockout_meaning)}, "
        "or declare its meaning, such as SeriesRows(stockout_marks={'ja': True, 'nein': False})"
    )


def _amount(form: SeriesForm, number: float | None) -> float | str | None:
    if number is None:
        return None
    if abs(number) > LARGEST:
        return f"{form.quantity} {number:g} is beyond what can be computed with"
    if number < 0 and not form.negative:
        return f"{form.quantity} {number:g} is negative"
    return number + 0.0  # never minus zero


def _nameless(form: SeriesForm, delivery: Delivery, row: int) -> Unreadable:
    told = json.dumps(dict(delivery.rows[row]), default=str, skipkeys=True)
    return Unreadable(told, f"a row without {' and '.join(form.key)}: no series is named")
