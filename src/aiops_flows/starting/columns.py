"""What the columns of a stranger's file seem to hold: numbers, moments, labels, text, an id, an outcome."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from aiops_flows.case_type import Case
from aiops_flows.errors import SourceError
from aiops_flows.starting.naming import field_names
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.delivery import Delivery

__all__ = [
    "ABSENT",
    "MOST_LABELS",
    "Column",
    "Holds",
    "guess_columns",
    "guess_id",
    "guess_received",
    "is_name",
    "moment_of",
]

Holds = Literal["whole number", "number", "moment", "label", "text", "nothing"]
ABSENT = frozenset({"", "-", "--", "?", "n/a", "N/A", "NA", "na", "NaN", "nan", "null", "NULL", "None", "none"})
"""Strings that are taken for "no value" where a column has them beside values."""

_FLOAT32_MAX = 3.4e38
_DAY_FORMS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%Y%m%d")
_TIMES = ("", " %H:%M", " %H:%M:%S")
_ID_WORDS = re.compile(r"(^|_)(id|no|nr|num|number|key|uuid|guid)$")
_RECEIVED = re.compile(r"receiv|creat|open|submit|report|date|arriv|time|day", re.IGNORECASE)
_MANY = 0.5  # so large a share of different values, and words between them: text rather than labels
MOST_LABELS = 200
"""So many different labels can be learned from."""


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
    form: str = ""
    """How its moments are written, where that is not ISO 8601 (as `datetime.strptime` has it)."""
    why: str = ""
    """What the guess rests on, in a few words."""
    distinct: int = 0
    lowest: float = 0.0


def guess_columns(delivery: Delivery, leave_out: Collection[str] = (), taken: Collection[str] = ()) -> list[Column]:
    """What each column of a delivery seems to hold, in the order of the file.

    ``taken`` are names that no field may have.

    Raises:
        SourceError: there is no row.
    """
    if not delivery.rows:
        raise SourceError(f"{delivery.name} has no rows; a use case is guessed from a few hundred")
    sources = [source for source in delivery.columns if source not in leave_out]
    columns = []
    for source, name in zip(sources, field_names(sources, taken), strict=True):
        values = ["" if row[source] is None else str(row[source]).strip() for row in delivery.rows]
        columns.append(_guess(source, name, values))
    return columns


def _guess(source: str, name: str, values: Sequence[str]) -> Column:
    absent = frozenset(value for value in set(values) if value in ABSENT)
    there = [value for value in values if value not in absent]
    different = set(there)
    column = Column(source, name, "nothing", len(values) - len(there), absent - {""})
    column = replace(column, distinct=len(different))
    if not there:
        return replace(column, why="every row is empty")
    if form := _moment_form(different):
        told = "moments in ISO 8601" if form == "iso" else f"moments written as {form}"
        return replace(column, holds="moment", form="" if form == "iso" else form, why=told)
    numbers = _numbers(different)
    if numbers is not None:
        whole = all(number.is_integer() for number in numbers) and not any("." in value for value in different)
        told = f"{'whole numbers' if whole else 'numbers'} from {min(numbers):g} to {max(numbers):g}"
        return replace(column, holds="whole number" if whole else "number", why=told, lowest=min(numbers))
    told = f"{len(different)} different values"
    if _is_text(different, len(there)):
        return replace(column, holds="text", why=f"{told}, too free for labels")
    return replace(column, holds="label", why=told)


def _numbers(values: Collection[str]) -> list[float] | None:
    """The values as numbers; None where one is none, or begins with a zero that a number would lose."""
    found = []
    for value in values:
        try:
            number = float(value)
        except ValueError:
            return None
        if not abs(number) <= _FLOAT32_MAX or math.isnan(number) or "_" in value or re.match(r"^[+-]?0\d", value):
            return None
        found.append(number)
    return found


def _moment_form(values: Collection[str]) -> str:
    """``iso``, the one form that fits every value, or nothing: where two fit, a guess might be wrong in silence."""
    if all(len(value) >= 10 and _is_iso(value) for value in values):
        return "iso"
    if any(len(value) < 8 for value in values):
        return ""
    forms = [day + time for time in _TIMES for day in _DAY_FORMS]
    fitting = [form for form in forms if all(_fits(value, form) for value in values)]
    return fitting[0] if len(fitting) == 1 else ""


def _is_iso(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "-" in value[:5]


def _fits(value: str, form: str) -> bool:
    try:
        return 1678 <= datetime.strptime(value, form).year <= 2261  # noqa: DTZ007  only whether it can be read
    except ValueError:
        return False


class _Labelled(Case):
    """A case with one label: it knows what a label is."""

    value: str


def moment_of(value: str, form: str) -> datetime:
    """A moment as a column writes it; without a zone it is taken as UTC."""
    moment = datetime.strptime(value, form) if form else datetime.fromisoformat(value)  # noqa: DTZ007  given below
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


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


def guess_received(columns: Sequence[Column]) -> Column | None:
    """The column that tells when a row was received: the first moment with such a name that is never missing."""
    moments = [each for each in columns if each.holds == "moment" and not each.missing]
    return next((each for each in moments if _RECEIVED.search(each.source)), None)
