"""How a source writes its columns: decided once for each column, over all its rows, and reported.

``1,234`` is two numbers and ``03/04/2024`` is two days. The other rows of the column show which one is meant, or the
other columns of the source; where nothing does, the values are refused with the question that must be answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiops_flows.values.numbers import Convention, WrittenNumber, convention_of, written_number
from aiops_flows.values.times import Order, form_of, orders_of, wall_of

__all__ = ["ColumnKind", "ColumnRule", "column_rules"]

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


def column_rules(columns: Mapping[str, tuple[ColumnKind, Sequence[Any]]]) -> dict[str, ColumnRule]:
    """Name -> how the texts of that column are read; nothing for columns that need no rule.

    Args:
        columns: of each column to read, what it holds and its values; only its texts are looked at.
    """
    odd = {name: _odd_texts(kind, values) for name, (kind, values) in columns.items()}
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
    return set()


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
