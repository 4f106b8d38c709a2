"""What the columns of a stranger's file seem to hold: numbers, moments, labels, text, an id, an outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from aiops_flows.case_type import Case
from aiops_flows.errors import SourceError
from aiops_flows.starting.naming import field_names
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.delivery import Delivery
from aiops_flows.values.columns import ColumnKind, ColumnRule, column_rules
from aiops_flows.values.numbers import Convention, convention_of, number_text, written_number
from aiops_flows.values.times import Order, form_of, moment_of, orders_of

__all__ = [
    "ABSENT",
    "MOST_LABELS",
    "Column",
    "Holds",
    "guess_columns",
    "guess_id",
    "guess_received",
    "is_name",
    "number_reader",
]

Holds = Literal["whole number", "number", "moment", "label", "text", "nothing"]
ABSENT = frozenset(
    {
        *("", "-", "--", "?", "n/a", "N/A", "NA", "na", "NaN", "nan", "null", "NULL", "None", "none", "<NA>", "NaT"),
        *("#N/A", "#NV", "#VALUE!", "#WERT!", "#REF!", "#BEZUG!", "#DIV/0!", "#NAME?", "#NUM!", "(blank)"),
    }
)
"""Strings that are taken for "no value" where a column has them beside values."""

_NO_NUMBER = re.compile(
    r"\.+|n\.?\s?a\.?|k\.?\s?a\.?|keine angabe|unknown|unbekannt|not known|none given|tbd|tba|open|offen|pending|"
    r"missing|not applicable|entfällt|inconnu|desconocido|sconosciuto|onbekend|0{4}-0{2}-0{2}.*|0{2}[./]0{2}[./]0{4}.*",
    re.IGNORECASE,
)
"""What stands for "no value" in a column of numbers or dates; among labels it may be a value."""

_FLOAT32_MAX = 3.4e38
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_NEARLY_ALL = 0.98
_ID_WORDS = re.compile(r"(^|_)(id|no|nr|num|number|key|uuid|guid)$")
_RECEIVED = re.compile(
    r"receiv|creat|open|submit|report|arriv|register|lodged|filed|eingang|eingegangen|erstellt|angelegt|gemeldet|"
    r"reçu|recu|réception|reception|créé|recibid|recepcion|alta|ontvang|aangemaakt|ricev|aperto|wpływ|otrzym|skapad|mottag",
    re.IGNORECASE,
)
_ANY_TIME = re.compile(r"date|datum|fecha|data|dato|time|zeit|stamp|tag|day|jour", re.IGNORECASE)
_OTHER_TIME = re.compile(
    r"clos|resol|settl|decid|decision|paid|payment|finish|complet|end|expir|due|birth|born|dob|until|valid|"
    r"abschluss|erledigt|geburt|gebo|ablauf|frist|fällig|bis|naissance|nacimiento|cierre|vencim",
    re.IGNORECASE,
)
_MANY = 0.5
"""The share of different values beyond which words are text rather than labels."""
MOST_LABELS = 200
"""Different labels up to which they can be learned from."""
_SHOWN = 3
_ROWS_A_GAP = 200
_EXCEL_DAYS = (20_000, 60_000)  # 1954 to 2064
_EPOCHS = {"epoch seconds": 1, "epoch milliseconds": 1_000}
_EPOCH_SECONDS = (631_152_000, 2_208_988_800)  # 1990 to 2039
_EXCEL_BEGINS = datetime(1899, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Column:
    """A column of the file, and the field that is made of it."""

    source: str
    """Its name in the file."""
    name: str
    """The field's name."""
    holds: Holds
    missing: int
    absent: frozenset[str] = frozenset()
    """The strings in it that mean "no value"."""
    written: str = ""
    """How its numbers or moments are written, as `Written` of a field declares it; empty where that needs no word."""
    currency: str = ""
    """The ISO code of its amounts, where they name one."""
    why: str = ""
    """What the guess rests on, in a few words."""
    distinct: int = 0
    lowest: float = 0.0
    usual_time: float = 0.0
    """Of moments: the median, in seconds since 1970."""

    @property
    def convention(self) -> Convention | None:
        """Which sign parts the decimals of its numbers; None where they are plain."""
        if not self.written or self.holds not in {"number", "whole number"}:
            return None
        return "comma" if self.written.endswith(",56") else "point"

    def plain(self, value: str) -> str:
        """A value of it as Python would write it; empty where it means "no value"."""
        if value in self.absent:
            return ""
        if self.holds in {"number", "whole number"}:
            return number_text(value, self.convention) or ""
        return value

    def moment(self, value: str) -> datetime | None:
        """A moment of it, in UTC; None where it cannot be read or means "no value"."""
        return None if value in self.absent else _moment(value, self.written)


def guess_columns(delivery: Delivery, leave_out: Collection[str] = (), taken: Collection[str] = ()) -> list[Column]:
    """What each column of a delivery seems to hold, in the order of the file.

    How numbers and dates are written is decided for each column over all its rows, and with the other columns of the
    file, as an intake decides it. ``taken`` are names that no field may have.

    Raises:
        SourceError: there is no row.
    """
    if not delivery.rows:
        raise SourceError(f"{delivery.name} has no rows; a use case is guessed from a few hundred")
    sources = [source for source in delivery.columns if source not in leave_out]
    values = {source: [_text(row.get(source)) for row in delivery.rows] for source in sources}
    kinds = {source: kind for source in sources if (kind := _candidate(source, values[source]))}
    rules = column_rules({source: (kind, _present(values[source])) for source, kind in kinds.items()})
    return [
        _guess(source, name, values[source], kinds.get(source), rules.get(source))
        for source, name in zip(sources, field_names(sources, taken), strict=True)
    ]


def _guess(source: str, name: str, values: Sequence[str], kind: ColumnKind | None, rule: ColumnRule | None) -> Column:
    absent = frozenset(value for value in set(values) if value in ABSENT)
    present = [value for value in values if value not in absent]
    column = Column(source, name, "nothing", len(values) - len(present), absent - {""}, distinct=len(set(present)))
    if not present:
        return replace(column, why="every row is empty")
    if kind and rule and len(rule.refused) * 2 > column.distinct:
        return _as_words(replace(column, why=rule.reason), present)
    if kind:
        gone = frozenset(value for value in set(present) if _means_nothing(value, kind))
        column = replace(
            column,
            missing=column.missing + sum(value in gone for value in present),
            absent=column.absent | gone,
            distinct=len(set(present) - gone),
        )
        present = [value for value in present if value not in gone]
        if present:
            column = (_as_moments if kind == "time" else _as_numbers)(column, present)
            return replace(column, why=f"{column.why}{_said_of(gone, values)}")
    return _as_words(column, present)


def _said_of(gone: Collection[str], values: Sequence[str]) -> str:
    """Which values were taken for "no value", beside the usual ones."""
    shown = [f'"{value}" ({values.count(value)} rows)' for value in sorted(gone)[:_SHOWN]]
    return f"; taken for no value: {', '.join(shown)}" if shown else ""


def _as_moments(column: Column, present: Sequence[str]) -> Column:
    written = _written_time(column.source, Counter(present))
    times = sorted(moment.timestamp() for value in present if (moment := _moment(value, written)) is not None)
    forms = sorted({form for value in set(present) if value[4:5] != "-" and (form := form_of(value))})
    how = written or ", ".join(forms) or "ISO 8601"
    unread = len(present) - len(times)
    why = f"moments written as {how}{f', {unread} not readable' if unread else ''}"
    return replace(column, holds="moment", written=written, why=why, usual_time=times[len(times) // 2])


def _as_numbers(column: Column, present: Sequence[str]) -> Column:
    numbers = {value: number for value in set(present) if (number := written_number(value)) is not None}
    conventions = convention_of(numbers.values())
    currencies = {number.currency for number in numbers.values()} - {""}
    marked = currencies or any("," in number.body or number.is_open for number in numbers.values())
    marked = bool(marked) or any(not _is_plain(value) for value in numbers)
    percent = any(number.percent for number in numbers.values())
    written = "" if not marked or percent else "1.234,56" if conventions == {"comma"} else "1,234.56"
    currency = next(iter(currencies)) if len(currencies) == 1 else ""
    column = replace(column, holds="number", written=written, currency=currency if currency.isupper() else "")
    plain = {value: float(text) for value in set(present) if (text := column.plain(value))}
    whole = all(number.is_integer() for number in plain.values()) and not any("." in column.plain(v) for v in plain)
    notes = [f"written as {written}"] * bool(written) + [f"in {currency}"] * bool(currency) + ["percentages"] * percent
    unread = sum(value not in plain for value in present)
    notes += [f"{unread} not readable"] * bool(unread)
    kind = "whole numbers" if whole else "numbers"
    why = ", ".join([f"{kind} from {min(plain.values()):g} to {max(plain.values()):g}", *notes])
    return replace(column, holds="whole number" if whole else "number", why=why, lowest=min(plain.values()))


def _as_words(column: Column, present: Sequence[str]) -> Column:
    different = set(present)
    seen = ", ".join(filter(None, [f"{len(different)} different values", column.why]))
    if _is_text(different, len(present)):
        return replace(column, holds="text", why=f"{seen}, too free for labels")
    return replace(column, holds="label", why=seen)


def _candidate(source: str, values: Sequence[str]) -> ColumnKind | None:
    """Whether nearly all values of a column can be read as numbers, or as dates."""
    counts = Counter(_present(values))
    for kind in ("number", "time"):
        gone = {value for value in counts if _means_nothing(value, kind)}
        rows = sum(rows for value, rows in counts.items() if value not in gone)
        reads = _reads_number if kind == "number" else _reads_time
        read = sum(rows for value, rows in counts.items() if value not in gone and reads(value))
        if rows and read >= _NEARLY_ALL * rows:
            return "time" if kind == "time" or _written_time(source, counts) or _are_compact_days(counts) else "number"
    return None


def _present(values: Sequence[str]) -> list[str]:
    return [value for value in values if value not in ABSENT]


def _means_nothing(value: str, kind: ColumnKind) -> bool:
    """Whether a value stands for "no value" among numbers or dates: a word, or a day that nobody means."""
    if _NO_NUMBER.fullmatch(value):
        return True
    if kind == "number":
        return False
    try:
        return not _FIRST_YEAR <= moment_of(value, "day first").year <= _LAST_YEAR
    except (ValueError, OverflowError):
        return False


def _reads_number(value: str) -> bool:
    """Whether a value is a number that estimators can compute with, and no code that begins with a zero."""
    number = written_number(value)
    if number is None or re.match(r"0\d", number.body):
        return False
    digits = number.plain("point") or number.plain("comma")
    return digits is not None and abs(float(digits)) <= _FLOAT32_MAX


def _is_plain(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _reads_time(value: str) -> bool:
    if len(value) < len("1.1.25"):
        return False
    return any(_moment(value, order) is not None for order in ("", "day first", "month first"))


def _are_compact_days(counts: Collection[str]) -> bool:
    """Whether all values are days such as 20240305."""
    return all(len(value) == 8 and _moment(value, "") is not None for value in counts)


def _written_time(source: str, counts: Mapping[str, int]) -> str:
    """How the moments of a column are written, as `Written` declares it; empty where that needs no word."""
    numbers = [float(value) for value in counts if _is_plain(value)]
    if len(numbers) == len(counts) and (_ANY_TIME.search(source) or _RECEIVED.search(source)):
        if all(_EXCEL_DAYS[0] <= number <= _EXCEL_DAYS[1] for number in numbers):
            return "excel"
        for epoch, per_second in _EPOCHS.items():
            if all(_EPOCH_SECONDS[0] <= number / per_second <= _EPOCH_SECONDS[1] for number in numbers):
                return epoch
        return ""
    shown = orders_of(counts)
    if not shown.both and not shown.clear:
        return ""
    return "day first" if shown.day_first >= shown.month_first else "month first"


def _moment(value: str, written: str) -> datetime | None:
    """A value as a moment in UTC that fits a case; None where it is none."""
    orders: dict[str, Order] = {"day first": "day first", "month first": "month first"}
    try:
        if written == "excel":
            moment = _EXCEL_BEGINS + timedelta(days=float(value))
        elif written in _EPOCHS:
            moment = datetime.fromtimestamp(float(value) / _EPOCHS[written], UTC)
        else:
            moment = moment_of(value, orders.get(written))
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def number_reader(values: Sequence[str]) -> dict[str, float | None]:
    """Value -> the number that it is, written as the other values show; None of a value that is none."""
    column = _as_numbers_or_none(values)
    different = set(values)
    if column is None:
        return dict.fromkeys(different)
    return {value: float(text) if (text := column.plain(value)) else None for value in different}


def _as_numbers_or_none(values: Sequence[str]) -> Column | None:
    present = [value for value in values if written_number(value) is not None]
    if len(present) * 2 < len(values) or any(re.match(r"0\d", value) for value in present):
        return None
    return _as_numbers(Column("", "", "number", 0), present)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


class _Labelled(Case):
    """A case with one label: it knows what a label is."""

    value: str


def _is_text(different: Collection[str], there: int) -> bool:
    """Whether values are what people write freely: refused as labels, or of several words and seldom the same."""
    rows = [{"case_id": str(place), "value": value} for place, value in enumerate(sorted(different))]
    if check_rows(_Labelled, Delivery("column", ["case_id", "value"], rows)).refused:
        return True
    words = sum(len(value.split()) for value in different) / len(different)
    return len(different) > min(_MANY * there, MOST_LABELS) and words >= 3


def guess_id(columns: Sequence[Column], rows: int) -> Column | None:
    """The column that names each row: every value once, none missing, and a name such as ``id`` or ``claim_no``."""
    return next((each for each in columns if is_name(each) and each.distinct == rows and not each.missing), None)


def is_name(column: Column) -> bool:
    """Whether a column seems to name something: it is called ``id``, ``policy_no`` or the like."""
    return bool(_ID_WORDS.search(column.name)) and column.holds in {"label", "whole number"}


def guess_received(columns: Sequence[Column], rows: int) -> Column | None:
    """The column of when a row was received: a time that is missing in one row of 200 at most, and is called so.

    Rows without it will go to quarantine.
    Where several have a name of no particular time, such as ``date``, the one with the latest times: what happened
    comes before it is reported. Names of an end, such as ``closed`` or ``due``, are left out, and so are birthdays.
    """
    moments = [each for each in columns if each.holds == "moment" and each.missing * _ROWS_A_GAP <= rows]
    moments = [each for each in moments if not _OTHER_TIME.search(each.source)]
    named = next((each for each in moments if _RECEIVED.search(each.source)), None)
    others = [each for each in moments if _ANY_TIME.search(each.source)]
    return named or max(others, key=lambda each: each.usual_time, default=None)
