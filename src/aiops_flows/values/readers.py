"""What reads one value of a case, by the kind of its field: the same thing is the same value, whatever its type.

Each reader takes any value and gives what pydantic then checks. A value that is missing becomes None; what cannot be
read raises a PydanticCustomError whose message continues "`field`: ...".
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Literal, cast

from pydantic_core import PydanticCustomError

from aiops_flows.values.missing import Absent, is_missing
from aiops_flows.values.numbers import number_text, written_number
from aiops_flows.values.texts import label_of, plain_number, scalar, spelled, text_of, tidy
from aiops_flows.values.times import day_of, duration_of, moment_of, time_of

__all__ = ["Reader", "number_of", "reader_of_choices", "reader_of_items", "reader_of_names", "readers", "truth_of"]

Reader = Callable[[Any], Any]

_NOTHING = {"nan", "nat", "<na>"}  # how programs write a number or date that is none
_TRUE = {
    "1", "t", "true", "y", "yes", "on",
    "wahr", "ja", "vrai", "oui", "vero", "sì", "verdadero", "sí", "verdadeiro", "sim", "waar", "prawda", "tak", "sant",
}  # fmt: skip
_FALSE = {
    "0", "f", "false", "n", "no", "off",
    "falsch", "nein", "faux", "non", "falso", "não", "onwaar", "nee", "fałsz", "nie", "falskt", "nej", "falsk",
}  # fmt: skip
_EXACT = 2**53


def _refused(reason: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{reason}", {"reason": reason})


def _missing() -> PydanticCustomError:
    return PydanticCustomError("missing_value", "no value")


def _label(value: Any) -> Any:
    if value.__class__ is str:
        return spelled(value)
    if is_missing(value):
        return None
    try:
        return label_of(value)
    except ValueError as fault:
        raise _refused(str(fault)) from None


def _text(value: Any) -> Any:
    """Free text stays as it is; what is no text gets one."""
    if value.__class__ is str:
        return value
    if is_missing(value):
        return None
    try:
        return text_of(value)
    except ValueError as fault:
        raise _refused(str(fault)) from None


def _float(value: Any) -> Any:
    kind = value.__class__
    if kind is float:
        return value if value == value else None  # noqa: PLR0124  NaN
    if kind is int:
        return value
    number = _number(value)
    return None if number is None else float(number)


def _int(value: Any) -> Any:
    if value.__class__ is int:
        return value
    number = _number(value)
    if number is None:
        return None
    if isinstance(number, str):
        return _whole_text(number)
    if isinstance(number, int):
        return int(number)
    if isinstance(number, float) and not math.isfinite(number):
        raise _refused("is not a finite number")
    if number != int(number):
        raise _refused("is not a whole number")
    if isinstance(number, float) and abs(number) > _EXACT:
        raise _refused("is a number with a decimal point beyond 2**53, which does not say which whole number it is")
    return int(number)


def _whole_text(text: str) -> int:
    if text.lstrip("+-").isdigit():
        return int(text)
    number = Decimal(text)
    if number.adjusted() > 30 or number != int(number):
        raise _refused("is not a whole number")
    return int(number)


def _decimal(value: Any) -> Any:
    number = _number(value)
    if number is None:
        return None
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite():
        raise _refused("is not a finite number")
    return Decimal(plain_number(exact)) if abs(exact.adjusted()) < 400 else exact


def _number(value: Any) -> float | int | Decimal | str | None:
    """A number, or the digits of one; None where the value is missing."""
    if is_missing(value):
        return None
    if isinstance(value, enum.Enum):
        value = value.value
    value = scalar(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _number_of_text(value)
    if isinstance(value, bool):
        raise _refused("is a truth value, not a number. Declare the field as bool, or send 1 and 0")
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal) or hasattr(value, "as_integer_ratio"):
        return cast("Decimal", value)
    raise _refused(f"is not a number but a {type(value).__name__}")


def _number_of_text(text: str) -> str | None:
    digits = number_text(text)
    if digits is not None:
        return digits
    if text.strip().lower() in _NOTHING:
        return None
    if written_number(text) is not None:
        raise _refused(
            "may be a decimal comma or a comma between thousands. Declare it on the field: "
            'Annotated[float, Written("1.234,56")] or Written("1,234.56")'
        )
    raise _refused("is not a valid number")


def number_of(value: Any) -> float | None:
    """A number, from any type and any writing that says which one it is; None where it is missing.

    Raises:
        ValueError: it is none, or may be two numbers.
    """
    number = _number(value)
    return None if number is None else float(number)


def truth_of(value: Any) -> bool | None:
    """A truth value, from 1 and 0, yes and no, and the words that spreadsheets write; None where it is missing.

    Raises:
        ValueError: it is none.
    """
    if value is True or value is False:
        return value
    if is_missing(value):
        return None
    word = label_of(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("is not a truth value. Send true or false")


def _bool(value: Any) -> Any:
    try:
        return truth_of(value)
    except ValueError:
        raise _refused("is not a truth value. Send true or false") from None


def _through(read: Callable[[Any], Any], value: Any) -> Any:
    """What is read, None where the value is missing."""
    if is_missing(value) or (isinstance(value, str) and value.strip().lower() in _NOTHING):
        return None
    try:
        return read(value)
    except ValueError as fault:
        raise _refused(str(fault)) from None
    except OverflowError:
        raise _refused("lies outside the calendar") from None


def _moment(value: Any) -> Any:
    if value.__class__ is datetime and value.tzinfo is UTC:
        return value
    return _through(moment_of, value)


def _day(value: Any) -> Any:
    return value if value.__class__ is date else _through(day_of, value)


def _naive(value: Any) -> Any:
    """A moment in UTC, for a field that wants it without its zone."""
    moment = _moment(value)
    return None if moment is None else moment.replace(tzinfo=None)


def _uuid(value: Any) -> Any:
    if is_missing(value):
        return None
    return tidy(value) if isinstance(value, str) else scalar(value)


def _as_it_is(value: Any) -> Any:
    return None if is_missing(value) else value


def _plain(value: Any) -> Any:
    """A value of no declared type, as JSON has it."""
    if is_missing(value):
        return None
    value = value.tolist() if hasattr(value, "tolist") else scalar(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


readers: Mapping[str, Reader] = {
    "label": _label,
    "text": _text,
    "float": _float,
    "int": _int,
    "decimal": _decimal,
    "bool": _bool,
    "datetime": _moment,
    "naive datetime": _naive,
    "date": _day,
    "time": partial(_through, time_of),
    "timedelta": partial(_through, duration_of),
    "uuid": _uuid,
    "any": _plain,
    "missing or not": _as_it_is,
}
"""Kind of a field -> what reads its values."""


def reader_of_choices(choices: Sequence[Any]) -> Reader:
    """What finds a value among the members of an Enum or the values of a Literal by its text."""
    by_text: dict[str, Any] = {}
    for choice in choices:
        with suppress(ValueError):  # of a member whose value is no single one, only itself is read
            by_text.setdefault(label_of(choice), choice)

    def read(value: Any) -> Any:
        if is_missing(value):
            return None
        if isinstance(value, enum.Enum) and value in choices:
            return value
        try:
            return by_text.get(label_of(value), value)
        except ValueError:
            return value

    return read


def reader_of_items(kind: Literal["list", "tuple", "set", "frozenset", "dict"]) -> Reader:
    """What reads many values in one: arrays of numpy and Parquet, pairs of Parquet's maps, and JSON text."""
    opening = "{" if kind == "dict" else "["

    def read(value: Any) -> Any:
        if value is None or is_missing(value):
            return None
        if isinstance(value, str):
            return _of_json(value, opening)
        if hasattr(value, "tolist"):
            value = value.tolist()
        if kind == "dict" and isinstance(value, list) and all(isinstance(each, tuple) for each in value):
            return dict(value)
        return value

    return read


def _of_json(text: str, opening: str) -> Any:
    if text.lstrip()[:1] != opening:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def reader_of_names(
    optional: frozenset[str], nullable: frozenset[str], texts: frozenset[str], absent: Absent
) -> Reader:
    """What reads a nested record: what is missing in it is left out, or None where that is a value of its field.

    Args:
        optional: the names whose fields have a default.
        nullable: the names whose fields may be None.
        texts: the names whose fields must hold a free text; an empty one is a text as well, such as the turn of a mail
            that has attachments only.
        absent: what means "no value" in the sources.
    """

    def read(value: Any) -> Any:
        if is_missing(value):
            return None
        if isinstance(value, str):
            value = _of_json(value, "{")
        if not isinstance(value, Mapping):
            return value
        found = {}
        for name, each in value.items():
            if not absent.covers(each):
                found[name] = each
            elif name in nullable and name not in optional:
                found[name] = None
            elif name in texts and isinstance(each, str) and not each.strip():
                found[name] = each
        return found

    return read
