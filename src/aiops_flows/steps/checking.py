"""Telling rows apart: cases that hold to their type, and rows for the quarantine with the reason of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import SourceError
from aiops_flows.sources.column_names import clean_name, clean_names, look_alikes
from aiops_flows.steps.delivery import row_json
from aiops_flows.steps.sources import Delivery, FrameRows, Unreadable, columns_found
from aiops_flows.use_case import Case
from aiops_flows.values.columns import Column, ColumnRule, DecidedColumn, decided_columns
from aiops_flows.values.missing import Absent, absent_of, is_missing, present

__all__ = ["Checked", "check_rows", "conflict_row", "fields_without_column"]

_OUTSIDE_BODY = {"case_id"}  # a moment of receipt that was given is content: another one is a conflict
_OF_BODY = {"decimal", "seconds", "json"}
_SHOWN = 10
_AT_ONCE = 1_000
_NO_VALUE = "no value"
_IN_OUR_WORDS = {
    "string_pattern_mismatch": "is no label or text of this field (markup, formula signs and control characters are "
    "refused; free text is declared as Text)",
    "string_unicode": "is not readable as text (sent in another encoding than UTF-8)",
}


@dataclass(frozen=True)
class Checked:
    """The rows of a delivery, told apart: cases that hold to their type, and what goes to quarantine."""

    columns: dict[str, list[Any]]
    """Field of the case -> its value in each good row."""
    bodies: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    refused: list[QuarantineRow] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    repeats: int = 0
    """Rows that say the same as an earlier row of the delivery, and are in it once."""
    notes: list[str] = field(default_factory=list)
    """How columns are read that are not written as Python and ISO 8601 have it, and which of them are unclear."""

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def case_ids(self) -> list[str]:
        """The ids of the good rows."""
        return self.columns["case_id"]

    def add(self, case_type: type[Case], cases: Sequence[Case]) -> None:
        """Take more good rows over: their values, not the objects, which weigh more than all else of a big delivery."""
        rows = [case.__dict__ for case in cases]
        readings = case_type.readings()
        of_body = [name for name in self.columns if name != "case_id" and readings[name].frame in _OF_BODY]
        for name, values in self.columns.items():
            if name not in of_body:
                values += [row[name] for row in rows]
        bodies = [case.__pydantic_serializer__.to_json(case, exclude=_OUTSIDE_BODY) for case in cases]
        if of_body:  # as the case log will have them, so that live frames and stored ones are the same
            told = from_json(b"[" + b",".join(bodies) + b"]")
            for name in of_body:
                self.columns[name] += [each.get(name) for each in told]
        self.bodies.extend(body.decode() for body in bodies)
        self.digests.extend(hashlib.sha256(body).hexdigest() for body in bodies)

    def only(self, positions: Sequence[int]) -> Checked:
        """The same without the good rows at other positions."""
        columns = {name: [values[position] for position in positions] for name, values in self.columns.items()}
        bodies = [self.bodies[position] for position in positions]
        digests = [self.digests[position] for position in positions]
        return replace(self, columns=columns, bodies=bodies, digests=digests)

    @property
    def digest(self) -> str:
        """One digest of everything that came, whatever its order: the identity of the batch."""
        marks = [f"{case_id}\x1f{digest}" for case_id, digest in zip(self.case_ids, self.digests, strict=True)]
        marks += [row.digest for row in self.refused]
        marks.sort()
        digest = hashlib.sha256()
        for start in range(0, len(marks), _AT_ONCE):  # one text of them all would weigh as much again, twice
            digest.update(("\x1e" if start else "").encode() + "\x1e".join(marks[start : start + _AT_ONCE]).encode())
        return digest.hexdigest()


@lru_cache(maxsize=64)
def _adapter(case_type: type[Case]) -> TypeAdapter[list[Case]]:
    return TypeAdapter(list[case_type])  # type: ignore[valid-type]


def check_rows(case_type: type[Case], delivery: Delivery) -> Checked:
    """The rows of a delivery as cases, and those that are none with the reason of each.

    How numbers and dates are written is decided once for each column, over all rows; see `aiops_flows.values.columns`.

    Raises:
        SourceError: a column that every case needs is missing from the whole delivery.
    """
    names = _names(case_type, delivery)
    _refuse_missing_columns(case_type, names, delivery)
    ignored = [name for name in delivery.columns if clean_name(name) not in names]
    reading = _reading(case_type, delivery)
    checked = Checked({name: [] for name in case_type.model_fields}, ignored_columns=ignored, notes=reading.notes)
    for start in range(0, len(delivery.rows), _AT_ONCE):
        rows, unclear = reading.rows(delivery, slice(start, start + _AT_ONCE))
        valid, reasons = _validated(case_type, rows, unclear)
        checked.add(case_type, valid)
        for position, reason in reasons.items():
            checked.refused.append(_refused_row(case_type, delivery, start + position, reason))
    checked.refused.extend(_refused_line(delivery, line) for line in delivery.unreadable)
    return _without_repeats(checked, delivery.name)


def _names(case_type: type[Case], delivery: Delivery) -> dict[str, str]:
    """Every name under which the source may have a field, as names are compared -> as it is declared.

    Where a table has a column under a field's alias, one that happens to be called like the field is another column.
    """
    there = set() if delivery.keyed else set(clean_names(delivery.columns))
    names: dict[str, str] = {}
    for name in case_type.model_fields:
        alias = case_type.source_name(name)
        names[clean_name(alias)] = alias
        if clean_name(alias) not in there:
            names.setdefault(clean_name(name), name)
    return names


def fields_without_column(case_type: type[Case], columns: Collection[str]) -> list[str]:
    """The fields of a case type that have no column among these, whatever they are for."""
    there = set(clean_names(columns))
    return [
        name
        for name in case_type.model_fields
        if not {clean_name(name), clean_name(case_type.source_name(name))} & there
    ]


def _refuse_missing_columns(case_type: type[Case], names: Mapping[str, str], delivery: Delivery) -> None:
    if not delivery.rows:
        return
    needed = [name for name, info in case_type.model_fields.items() if info.is_required()]
    absent = set(fields_without_column(case_type, delivery.columns))
    missing = [case_type.source_name(name) for name in needed if name in absent]
    if missing:
        similar = look_alikes(missing, [name for name in delivery.columns if clean_name(name) not in names])
        raise SourceError(
            f"{delivery.name} lacks the columns {missing[:_SHOWN]}, which every {case_type.__name__} needs; "
            f"found {columns_found(delivery.columns, names)}.{' Renamed? ' + similar + '.' if similar else ''} "
            "Rename the columns, or give the field an alias or a "
            f"default (its names: {sorted(names.values())[:_SHOWN]})"
        )


@dataclass(frozen=True)
class _Reading:
    """How the columns of one delivery become the values of cases."""

    columns: Mapping[str, str]
    """The columns of the delivery that are fields -> the name or alias under which the field is declared."""
    absent: Absent
    decided: Mapping[str, DecidedColumn]
    """The columns that were read as a whole."""
    takes_none: Collection[str]
    """The fields, by that name, of which a missing value is None, and not left out."""

    @property
    def notes(self) -> list[str]:
        """What is reported of columns."""
        return [column.rule.note for column in self.decided.values() if column.rule and column.rule.note]

    def rows(self, delivery: Delivery, place: slice) -> tuple[list[dict[str, Any]], dict[int, list[str]]]:
        """Some rows with the values that are there, and why rows are refused, by their place among these."""
        undecided = [name for name in self.columns if name not in self.decided]
        columns = {name: column.values[place] for name, column in self.decided.items()}
        for name, values in zip(undecided, _columns(delivery, place, undecided), strict=True):
            columns[name] = present(values, self.absent)
        unclear: dict[int, list[str]] = {}
        for name, column in self.decided.items():
            for position, reason in _refused_by(column.rule, columns[name]):
                unclear.setdefault(position, []).append(f"{name}: {reason}")
        if not columns:
            return [{} for _ in delivery.rows[place]], unclear
        return self._rows(columns), unclear

    def _rows(self, columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
        """The rows of some columns; a value that is missing is left out, so that its field has its default."""
        sources = [name for name in self.columns if name in columns]
        names = [self.columns[source] for source in sources]
        lines = zip(*(columns[source] for source in sources), strict=True)
        missing = (
            any(value is None for value in columns[source])  # not `in`, which compares, and arrays compare by element
            for source in sources
            if self.columns[source] not in self.takes_none
        )
        if not any(missing):
            return [dict(zip(names, line, strict=True)) for line in lines]
        kept = self.takes_none
        return [
            {name: value for name, value in zip(names, line, strict=True) if value is not None or name in kept}
            for line in lines
        ]


def _reading(case_type: type[Case], delivery: Delivery) -> _Reading:
    readings, names = case_type.readings(), _names(case_type, delivery)
    fields = {name: name for name in readings} | {case_type.source_name(name): name for name in readings}
    columns = {name: names[clean_name(name)] for name in delivery.columns if clean_name(name) in names}
    takes_none = {name for name in columns.values() if readings[fields[name]].takes_none}
    absent = absent_of(case_type.absent)
    to_decide: dict[str, Column] = {}
    for column, name in columns.items() if not delivery.apart else ():
        field_reading = readings[fields[name]]
        if field_reading.column is not None:
            values = present(next(_columns(delivery, slice(None), [column])), absent)
            to_decide[column] = Column(field_reading.column, field_reading.scalar, values)
    return _Reading(columns, absent, decided_columns(to_decide), takes_none)


def _columns(delivery: Delivery, place: slice, names: Sequence[str]) -> Iterator[list[Any]]:
    """The values of some rows, column by column."""
    if isinstance(delivery.rows, FrameRows):
        return (delivery.rows.column(name)[place] for name in names)
    part = delivery.rows[place]
    return ([row.get(name) for row in part] for name in names)


def _refused_by(rule: ColumnRule | None, column: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """Where a column has a text that its rule refuses, and why."""
    if rule is not None and rule.refused:
        for position, value in enumerate(column):
            if value.__class__ is str and value in rule.refused:
                yield position, f"{rule.reason} (found {_shortened(value)})"


def _validated(
    case_type: type[Case], rows: list[dict[str, Any]], unclear: Mapping[int, list[str]]
) -> tuple[list[Case], dict[int, str]]:
    """All rows at once; only where some fail, the good ones again without them.

    Args:
        case_type: what they are to be.
        rows: the values that are there.
        unclear: place of a row -> what could not be read in it before.
    """
    adapter = _adapter(case_type)
    reasons: dict[int, str] = {}
    try:
        checked = adapter.validate_python(rows)
        if not unclear:
            return checked, {}
    except ValidationError as fault:
        reasons = _reasons(fault)
    except Exception:  # noqa: BLE001  a check of the case type's own fell over a row: it is told apart, the others taken
        reasons = _one_by_one(case_type, rows)
    reasons |= {position: "; ".join(why) for position, why in unclear.items()}
    good = [row for position, row in enumerate(rows) if position not in reasons]
    return adapter.validate_python(good), reasons


def _one_by_one(case_type: type[Case], rows: list[dict[str, Any]]) -> dict[int, str]:
    """Position of each bad row -> what is wrong with it, where checking all at once cannot tell."""
    found: dict[int, str] = {}
    for position, row in enumerate(rows):
        try:
            _adapter(case_type).validate_python([row])
        except ValidationError as fault:
            found[position] = _reasons(fault)[0]
        except Exception as fault:  # noqa: BLE001
            found[position] = f"row: a check of {case_type.__name__} failed on it with {type(fault).__name__}"
    return found


def _reasons(fault: ValidationError) -> dict[int, str]:
    """Position of each bad row -> what is wrong with it, field by field."""
    found: dict[int, list[str]] = {}
    for error in fault.errors(include_url=False, include_context=False):
        position, *where = error["loc"]
        field_name = ".".join(str(part) for part in where) or "row"
        nothing = error["type"] == "missing" or is_missing(error["input"])
        value = "" if nothing else f" (found {_shortened(error['input'])})"
        message = _NO_VALUE if nothing else _IN_OUR_WORDS.get(error["type"], error["msg"])
        found.setdefault(int(position), []).append(f"{field_name}: {message}{value}")
    return {position: "; ".join(messages[:_SHOWN]) for position, messages in found.items()}


def _shortened(value: Any, longest: int = 60) -> str:
    text = ascii(value if not isinstance(value, str) else value[: longest + 1])
    return text if len(text) <= longest else f"{text[:longest]}…"


def _refused_row(case_type: type[Case], delivery: Delivery, position: int, reason: str) -> QuarantineRow:
    row = delivery.rows[position]
    raw = row_json(row)
    return QuarantineRow(_id_of(case_type, row), _digest(raw), "intake", reason, raw, delivery.name)


def _refused_line(delivery: Delivery, line: Unreadable) -> QuarantineRow:
    raw = json.dumps(line.raw)
    case_id = None if line.case_id is None else ascii(line.case_id).strip("'")[:200]
    return QuarantineRow(case_id, _digest(raw + line.reason), "read", line.reason, raw, delivery.name)


def _id_of(case_type: type[Case], row: Mapping[str, Any]) -> str | None:
    """The id that a refused row gives, in printable characters."""
    given = row.get(case_type.source_name("case_id"), row.get("case_id"))
    return None if given is None else ascii(given).strip("'")[:200]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _without_repeats(checked: Checked, source: str) -> Checked:
    """The first of each case id; the same again is dropped as known, other content under the same id is refused."""
    first: dict[str, int] = {}
    for position, case_id in enumerate(checked.case_ids):
        first.setdefault(case_id, position)
    if len(first) == len(checked):
        return checked
    conflicts = 0
    for position, case_id in enumerate(checked.case_ids):
        if checked.digests[position] != checked.digests[first[case_id]]:
            checked.refused.append(conflict_row(checked, position, source))
            conflicts += 1
    repeats = len(checked) - len(first) - conflicts
    return replace(checked.only(list(first.values())), repeats=repeats)


def conflict_row(checked: Checked, position: int, source: str) -> QuarantineRow:
    """The quarantine row of a case whose id is stored with other content."""
    case_id, received_at = checked.case_ids[position], checked.columns["received_at"][position]
    fields = {"case_id": case_id, "received_at": received_at} | json.loads(checked.bodies[position])
    raw = json.dumps(fields, default=str)
    reason = f"conflict: case {case_id} is stored with other content; a correction needs a new case id"
    return QuarantineRow(case_id, _digest(raw), "intake", reason, raw, source)
