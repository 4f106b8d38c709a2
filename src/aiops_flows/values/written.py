"""How the sources write the values of a field, declared on the field: ``Annotated[Moment, Written("%d.%m.%Y")]``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from aiops_flows.errors import UseCaseError
from aiops_flows.values.missing import is_missing
from aiops_flows.values.numbers import Convention, written_number
from aiops_flows.values.texts import scalar, tidy
from aiops_flows.values.times import Order

__all__ = ["Written", "kind_of"]

_EXCEL = datetime(1899, 12, 30, tzinfo=UTC)
_EXCEL_LEAP = 60  # Excel has a 29 February 1900: serials before it count from a day later
_EPOCHS = {"epoch seconds": 1, "epoch milliseconds": 1_000, "epoch microseconds": 1_000_000}
_UNITS = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0, "hours": 3_600.0, "days": 86_400.0}
_ORDERS: dict[str, Order] = {"day first": "day first", "month first": "month first"}
_NUMBERS: dict[str, Convention] = {
    "1.234,56": "comma", "1234,56": "comma", "1 234,56": "comma", "1'234,56": "comma",
    "1,234.56": "point", "1234.56": "point", "1 234.56": "point", "1'234.56": "point", "1,23,456.78": "point",
}  # fmt: skip
_TIMES = {"date", "datetime", "time"}
_AMOUNTS = {"int", "float", "decimal"}
_THROUGH = {"nullable", "default", "function-before", "function-after", "function-wrap"}


@dataclass(frozen=True)
class Written:
    """Declares how the sources write the values of one field.

    ``how`` is one of:

    - of a date, a time or both: a format of ``strptime`` (``"%d.%m.%Y"``), ``"day first"``, ``"month first"``,
      ``"excel"`` (the serial numbers of a spreadsheet), ``"epoch seconds"``, ``"epoch milliseconds"`` or
      ``"epoch microseconds"``;
    - of a number: an example, ``"1.234,56"`` or ``"1,234.56"``;
    - of a duration: what a number counts, ``"milliseconds"``, ``"seconds"``, ``"minutes"``, ``"hours"`` or ``"days"``.

    Values that need no rule, such as ISO 8601 dates and the typed values of Parquet, are read beside it.

    Raises:
        UseCaseError: the field's type and ``how`` do not go together.
    """

    how: str
    currency: str = ""
    """An ISO code (``EUR``); amounts that name another currency are refused."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the field, with this rule before it."""
        schema = handler(source)
        read = self._reader(kind_of(schema))

        def checked(value: Any) -> Any:
            if is_missing(value):
                return value
            try:
                return read(value)
            except (ValueError, OverflowError) as fault:
                raise PydanticCustomError("value_written", "{reason}", {"reason": str(fault)}) from None

        return core_schema.no_info_before_validator_function(checked, schema, metadata={"written": self})

    def _reader(self, kind: str) -> Callable[[Any], Any]:
        if kind in _TIMES and self.how in _EPOCHS and kind != "time":
            return lambda value: _epoch(value, _EPOCHS[self.how])
        if kind in _TIMES and self.how == "excel":
            return lambda value: _excel(value, kind)
        if kind in _TIMES and self.how in _ORDERS and kind != "time":
            return lambda value: _ordered(value, _ORDERS[self.how])
        if kind in _TIMES and "%" in self.how:
            return lambda value: _formatted(value, self.how, kind)
        if kind == "timedelta" and self.how in _UNITS:
            return lambda value: _counted(value, _UNITS[self.how], self.how)
        if kind in _AMOUNTS and self.how in _NUMBERS:
            return lambda value: _amount(value, _NUMBERS[self.how], self.currency)
        raise UseCaseError(
            f"Written({self.how!r}) does not say how a field of type {kind} is written; of dates and times say a "
            f"strptime format, {sorted(_ORDERS)}, 'excel' or {sorted(_EPOCHS)}, of numbers {sorted(_NUMBERS)}, of "
            f"durations {sorted(_UNITS)}"
        )


def kind_of(schema: Any) -> str:
    """The kind of value under what is optional, has a default or is checked by a function."""
    while schema.get("type") in _THROUGH:
        schema = schema["schema"]
    return str(schema.get("type"))


def _number(value: Any) -> float | int | None:
    """A number, or one that a text writes plainly; None where the value is something else."""
    value = scalar(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if hasattr(value, "as_integer_ratio"):
        return float(value)
    try:
        return float(value) if isinstance(value, str) and "_" not in value else None
    except ValueError:
        return None


def _epoch(value: Any, per_second: int) -> Any:
    number = _number(value)
    if number is None:
        return value
    whole = round(number * (1_000_000 // per_second))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=whole)


def _excel(value: Any, kind: str) -> Any:
    number = _number(value)
    if number is None:
        return value
    if kind == "time":
        if not 0 <= number < 1:
            raise ValueError("is not a time of day of a spreadsheet, which is 0 or more and less than 1")
        return (_EXCEL + timedelta(milliseconds=round(number * 86_400_000))).time()
    if number < 1:
        raise ValueError("is not the serial number of a day in a spreadsheet, which is 1 or more")
    days = number + 1 if number < _EXCEL_LEAP else number
    return _EXCEL + timedelta(milliseconds=round(days * 86_400_000))


def _ordered(value: Any, order: Order) -> Any:
    from aiops_flows.values.times import wall_of

    return wall_of(value, order) if isinstance(value, str) else value


def _formatted(value: Any, form: str, kind: str) -> Any:
    """A text in the declared format, also as a number of its digits; any other value is left to the field."""
    value = scalar(value)
    if isinstance(value, date | time):
        return value
    number = _number(value) if not isinstance(value, str) else None
    text = str(int(number)) if number is not None and float(number).is_integer() else value
    if not isinstance(text, str):
        return value
    text = tidy(text)
    if text.isdigit():  # a spreadsheet drops the zero at the beginning of 05032024
        text = text.zfill(len(datetime(2000, 1, 1, tzinfo=UTC).strftime(form)))
    try:
        read = datetime.strptime(text, form)  # noqa: DTZ007  without a zone it is taken as UTC
    except ValueError:
        return value
    return read.time() if kind == "time" else read


def _counted(value: Any, seconds: float, unit: str) -> Any:
    number = _number(value)
    if number is None:
        return value
    if number != number or abs(number) * seconds > timedelta.max.total_seconds():  # noqa: PLR0124  NaN
        raise ValueError(f"is not a number of {unit} that can be stored")
    return timedelta(microseconds=round(number * seconds * 1_000_000))


def _amount(value: Any, convention: Convention, currency: str) -> Any:
    if not isinstance(value, str):
        return value
    written = written_number(value)
    if written is None:
        return value
    if currency and written.currency not in {"", currency}:
        raise ValueError(f"is an amount in {written.currency}, and the field holds {currency}")
    digits = written.plain(convention)
    if digits is None:
        return value
    signed = f"-{digits}" if written.negative else digits
    return f"{signed}%" if written.percent else signed
