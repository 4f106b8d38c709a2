"""How a source writes its columns: decided once for each column, over all its rows, and reported.

``1,234`` is two numbers and ``03/04/2024`` is two days. The other rows of the column show which one is meant, or the
other columns of the source; where nothing does, the values are refused with the question that must be answered.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from aiops_flows.values.missing import Absent, present
from aiops_flows.values.numbers import Convention, WrittenNumber, convention_of, written_number
from aiops_flows.values.readers import number_of
from aiops_flows.values.times import Order, day_of, form_of, moment_of, orders_of, wall_of

__all__ = [
    "Column",
    "ColumnKind",
    "ColumnRead",
    "ColumnRule",
    "DecidedColumn",
    "column_rules",
    "decided_columns",
    "read_column",
]

ColumnKind = Literal["number", "time"]
"""What a column is to hold: an int, a float or a Decimal; or a date, with or without its time."""

_TYPOS = 0.01  # so small a share of dates the other way round are typing errors, not a second convention


@dataclass(frozen=True)
class ColumnRule:
    """How the texts of one column are read, where that is not as Python and ISO 8601 have it."""

    note: str
    """What is reported of the column; empty where nothing is."""
    read: Callable[[str], Any] = str
    """A text as a value that its field reads alone; a text that this rule does not cover, as it is."""
    refused: frozenset[str] = frozenset()
    """Texts that may be two values."""
    reason: str = ""
    """Why they are refused."""


@dataclass(frozen=True)
class _Numbers:
    """What the texts of a column of numbers show."""

    written: Mapping[str, WrittenNumber]
    shows: set[Convention]

    @property
    def open_texts(self) -> list[str]:
        """Texts that are two numbers, such as ``1,234``."""
        return [text for text, number in self.written.items() if number.is_open]


@dataclass(frozen=True)
class Column:
    """A column of a source that one field reads."""

    kind: ColumnKind
    scalar: str
    """The type of the field's values: ``int``, ``float``, ``decimal``, ``date`` or ``datetime``."""
    values: Sequence[Any]
    """None where one is missing."""


@dataclass(frozen=True)
class DecidedColumn:
    """A column of which it is decided how it is written."""

    values: Sequence[Any]
    """What the field reads alone; texts that are refused stay as they are."""
    rule: ColumnRule | None


def decided_columns(columns: Mapping[str, Column]) -> dict[str, DecidedColumn]:
    """The columns of one source, each read as the source shows that it is written."""
    at_once = {name: _at_once(column.scalar, column.values) for name, column in columns.items()}
    plain = {name for name, values in at_once.items() if values is not None and columns[name].kind == "number"}
    rules = column_rules({name: (column.kind, column.values) for name, column in columns.items()}, plain)
    return {name: _decided(column, rules.get(name), at_once[name]) for name, column in columns.items()}


def _decided(column: Column, rule: ColumnRule | None, at_once: Sequence[Any] | None) -> DecidedColumn:
    if rule is not None and rule.read is not str:
        read = rule.read
        return DecidedColumn([read(value) if value.__class__ is str else value for value in column.values], rule)
    usable = at_once is not None and (rule is None or not rule.refused)
    return DecidedColumn(at_once if usable and at_once is not None else column.values, rule)


def _at_once(scalar: str, values: Sequence[Any]) -> Sequence[Any] | None:
    """A column of texts as what they plainly say, far faster than one by one; None where they are not all plain."""
    kinds = set(map(type, values))
    if not kinds <= {str, type(None)} or str not in kinds:
        return None
    if scalar in _MOMENTS:
        read = _each_read(set(values) - {None}, _MOMENTS[scalar])
        return [read.get(value, value) for value in values]
    texts = values if type(None) not in kinds else [value for value in values if value is not None]
    numbers = _plain_numbers(scalar, texts)
    if numbers is None or len(numbers) == len(values):
        return numbers
    each = iter(numbers)
    return [None if value is None else next(each) for value in values]


def _plain_numbers(scalar: str, texts: Sequence[str]) -> list[Any] | None:
    """Texts as whole numbers or as floats; None where Python reads one of them otherwise, or none of it."""
    if scalar not in {"int", "float"} or any("_" in text for text in texts):
        return None
    with suppress(ValueError):
        return list(map(int if scalar == "int" else float, texts))
    if scalar == "float":
        return None
    with suppress(ValueError):
        floats = list(map(float, texts))  # whole numbers with a gap, as programs write them: 7.0
        if all(number.is_integer() and abs(number) <= _EXACT for number in floats):
            return list(map(int, floats))
    return None


_EXACT = 2**53
_MOMENTS: Mapping[str, Callable[[str], Any]] = {"datetime": moment_of, "date": day_of}


def _each_read(texts: Collection[str], read: Callable[[str], Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for text in texts:
        with suppress(ValueError, OverflowError):
            found[text] = read(text)
    return found


def column_rules(
    columns: Mapping[str, tuple[ColumnKind, Sequence[Any]]], plain: Collection[str] = ()
) -> dict[str, ColumnRule]:
    """Name -> how the texts of that column are read; nothing for columns that need no rule.

    Args:
        columns: of each column to read, what it holds and its values; only its texts are looked at.
        plain: columns of numbers that are all written as Python has them.
    """
    odd = {name: set() if name in plain else _odd_texts(kind, values) for name, (kind, values) in columns.items()}
    looks = {name: _numbers_in(odd[name]) for name, (kind, _) in columns.items() if kind == "number" and odd[name]}
    rest = {name: values for name, (kind, values) in columns.items() if kind == "number" and name not in looks}
    source = _conventions(looks, rest)
    if "comma" in source:  # then 1.234 is a thousand and more, unless its own column shows otherwise
        looks |= {name: numbers for name, values in rest.items() if (numbers := _numbers_in(_texts(values))).open_texts}
    rules = {name: _number_rule(name, numbers, source) for name, numbers in looks.items()}
    times = {name for name, (kind, _) in columns.items() if kind == "time" and odd[name]}
    return rules | {name: _time_rule(name, _counted(columns[name][1], odd[name])) for name in times}


def _counted(values: Sequence[Any], texts: Collection[str]) -> Mapping[str, int]:
    """The texts, each with the number of rows that have it."""
    return Counter(value for value in values if value.__class__ is str and value in texts)


def _conventions(looks: Mapping[str, _Numbers], rest: Mapping[str, Sequence[Any]]) -> set[Convention]:
    """The conventions that the source shows; that of plain numbers counts only where another column asks."""
    shown: set[Convention] = set().union(*(each.shows for each in looks.values()))
    asked = any(each.open_texts and not each.shows for each in looks.values())
    if asked and any(_numbers_in(_texts(values)).shows for values in rest.values()):
        shown.add("point")
    return shown


def _texts(values: Sequence[Any]) -> set[str]:
    kinds = set(map(type, values))
    if kinds == {str}:
        return set(values)
    return {value for value in values if value.__class__ is str} if str in kinds else set()


def _odd_texts(kind: ColumnKind, values: Sequence[Any]) -> set[str]:
    """The texts of a column, if any of them is written in another way than Python's or ISO 8601."""
    texts = _texts(values)
    if kind == "time":
        return {text for text in texts if text[4:5] != "-"}
    try:
        list(map(float, texts))
    except ValueError:
        return texts
    return texts if any("_" in text for text in texts) else set()  # Python reads 1_000, and nobody else writes it


# --- numbers -----------------------------------------------------------------------------------------------------


def _numbers_in(texts: Collection[str]) -> _Numbers:
    written = {text: number for text in texts if (number := written_number(text)) is not None}
    return _Numbers(written, convention_of(written.values()))


def _number_rule(name: str, looks: _Numbers, source: set[Convention]) -> ColumnRule:
    """The rule of a column in which not every text is a number as Python has it."""
    open_texts = looks.open_texts
    shows = looks.shows or (source if open_texts else set())
    currencies = sorted({number.currency for number in looks.written.values()} - {""})
    percents = {number.percent for number in looks.written.values() if number.body.strip("0.,")}
    if len(currencies) > 1:
        reason = f"the column has amounts in {' and '.join(currencies)}. Send one currency, or one column for each"
        return ColumnRule(f"{name}: {reason}", refused=frozenset(looks.written), reason=reason)
    if len(percents) > 1:
        reason = "the column has percentages and other numbers. Send all of them with or all without the sign"
        return ColumnRule(f"{name}: {reason}", refused=frozenset(looks.written), reason=reason)
    if open_texts and len(shows) > 1:
        reason = "may be two numbers, and the source writes decimals both with a comma and with a point. " + _DECLARE
        return ColumnRule(
            f"{name}: {len(open_texts)} of its values {reason}", refused=frozenset(open_texts), reason=reason
        )
    if open_texts and not shows and any("," in text for text in open_texts):
        reason = "may be a decimal comma or a comma between thousands, and no row shows which. " + _DECLARE
        return ColumnRule(
            f"{name}: {len(open_texts)} of its values {reason}", refused=frozenset(open_texts), reason=reason
        )
    convention: Convention = next(iter(shows)) if len(shows) == 1 else "point"
    notable = convention == "comma" or any("," in number.body for number in looks.written.values())
    note = _number_note(name, convention if notable else None, currencies, percent=True in percents)
    return ColumnRule(note, _numbers_read(looks.written, convention))


_DECLARE = 'Declare it on the field: Annotated[float, Written("1.234,56")] or Written("1,234.56")'


def _number_note(name: str, convention: Convention | None, currencies: Sequence[str], *, percent: bool) -> str:
    signs = {"point": "a point (1,234.56)", "comma": "a comma (1.234,56)"}
    parts = [f"decimals with {signs[convention]}"] if convention else []
    parts += [f"amounts in {currencies[0]}"] if currencies else []
    parts += ["percentages, of which 5% is 0.05"] if percent else []
    return f"{name} is read as {', '.join(parts)}" if parts else ""


def _numbers_read(written: Mapping[str, WrittenNumber], convention: Convention) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        number = written.get(text)
        digits = None if number is None else number.plain(convention)
        if number is None or digits is None:
            return text
        return f"{'-' if number.negative else ''}{digits}{'%' if number.percent else ''}"

    return read


# --- dates -------------------------------------------------------------------------------------------------------


def _time_rule(name: str, texts: Mapping[str, int]) -> ColumnRule:
    """The rule of a column in which not every date is written as ISO 8601 has it."""
    shown = orders_of(texts)
    if not shown.both and not shown.clear:
        forms = sorted({form for text in texts if (form := form_of(text))})
        return ColumnRule(f"{name} is read as {', '.join(forms)}" if forms else "")
    order: Order | None = None
    if shown.day_first and shown.month_first <= _TYPOS * shown.day_first:
        order = "day first"
    elif shown.month_first and shown.day_first <= _TYPOS * shown.month_first:
        order = "month first"
    if order is None:
        why = "both are in the column" if shown.clear else "no row shows which"
        reason = (
            f"may be day/month or month/day, and {why}. Declare it on the field: "
            'Annotated[Moment, Written("day first")] or Written("month first")'
        )
        refused = shown.both | shown.clear
        return ColumnRule(f"{name}: {len(refused)} of its values {reason}", refused=refused, reason=reason)
    return _in_order(name, order, shown.clear)


def _in_order(name: str, order: Order, clear: Collection[str]) -> ColumnRule:
    """The rule of a column in one order; the few dates that fit only the other one are refused."""
    others = frozenset(text for text in clear if not _fits(text, order))

    def read(text: str) -> Any:
        return wall_of(text, order) if _fits(text, order) else text

    reason = f"does not fit the other rows of the column, which are written with the {order}. Send the right date"
    return ColumnRule(f"{name} is read with the {order}", read, refused=others, reason=reason)


def _fits(text: str, order: Order) -> bool:
    try:
        wall_of(text, order)
    except ValueError:
        return False
    return True


# --- a column that is read for itself ----------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnRead:
    """What a column says."""

    values: list[Any]
    """A float, or an aware datetime in UTC, for each row; None where it is missing or cannot be read."""
    refused: dict[int, str]
    """Row -> why it cannot be read."""


def read_column(kind: ColumnKind, values: Sequence[Any], absent: Absent) -> ColumnRead:
    """The numbers, or the dates and times, of a column that no field of a case type reads."""
    column = present(values, absent)
    if kind == "number" and (numbers := _plain_floats(column)) is not None:
        return ColumnRead(numbers, {})
    rule = column_rules({"": (kind, column)}).get("", ColumnRule(""))
    reading: Callable[[Any], Any] = number_of if kind == "number" else moment_of
    seen: dict[Any, tuple[Any, str]] = {}
    found: list[Any] = []
    refused: dict[int, str] = {}
    for row, value in enumerate(column):
        mark = value if value.__class__ is str else (value.__class__, repr(value))
        if mark not in seen:
            seen[mark] = _read_alone(value, rule, reading)
        read, reason = seen[mark]
        found.append(read)
        if reason:
            refused[row] = reason
    return ColumnRead(found, refused)


def _plain_floats(column: Sequence[Any]) -> list[float | None] | None:
    """A column of floats as it is; None where it has anything else."""
    if not set(map(type, column)) <= {float, type(None)}:
        return None
    finite = all(value is None or math.isfinite(value) for value in column)
    return list(column) if finite else None


def _read_alone(value: Any, rule: ColumnRule, reading: Callable[[Any], Any]) -> tuple[Any, str]:
    """A value as its column is read, and why it cannot be."""
    if value is None:
        return None, ""
    if value.__class__ is str and value in rule.refused:
        return None, rule.reason
    try:
        read = reading(rule.read(value) if value.__class__ is str else value)
    except (ValueError, OverflowError) as fault:
        return None, str(fault)
    if isinstance(read, float) and not math.isfinite(read):
        return None, "is not a finite number"
    return read, ""
