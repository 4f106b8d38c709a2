"""Telling rows apart: cases that hold to their type, and rows for the quarantine with the reason of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import SourceError
from aiops_flows.steps.sources import Delivery, FrameRows, Unreadable, columns_found
from aiops_flows.use_case import Case

__all__ = ["Checked", "check_rows", "conflict_row"]

_OUTSIDE_BODY = {"case_id"}  # a moment of receipt that was given is content: another one is a conflict
_SHOWN = 10
_AT_ONCE = 1_000
_IN_OUR_WORDS = {
    "missing": "no value",
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

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def case_ids(self) -> list[str]:
        """The ids of the good rows."""
        return self.columns["case_id"]

    def add(self, cases: Sequence[Case]) -> None:
        """Take more good rows over: their values, not the objects, which weigh more than all else of a big delivery."""
        rows = [case.__dict__ for case in cases]
        for name, values in self.columns.items():
            values += [row[name] for row in rows]
        bodies = [case.__pydantic_serializer__.to_json(case, exclude=_OUTSIDE_BODY) for case in cases]
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

    Raises:
        SourceError: a column that every case needs is missing from the whole delivery.
    """
    names = _names(case_type)
    _refuse_missing_columns(case_type, names, delivery)
    ignored = [name for name in delivery.columns if name not in names]
    checked = Checked({name: [] for name in case_type.model_fields}, ignored_columns=ignored)
    for start in range(0, len(delivery.rows), _AT_ONCE):
        part = _pairs(delivery, slice(start, start + _AT_ONCE), names)
        rows = [_present(pairs, case_type.absent) for pairs in part]
        valid, reasons = _validated(case_type, rows)
        checked.add(valid)
        for position, reason in reasons.items():
            checked.refused.append(_refused_row(case_type, delivery, start + position, reason))
    checked.refused.extend(_refused_line(delivery, line) for line in delivery.unreadable)
    return _without_repeats(checked, delivery.name)


def _names(case_type: type[Case]) -> set[str]:
    """Every name under which a source may give a field."""
    return set(case_type.model_fields) | {case_type.source_name(name) for name in case_type.model_fields}


def _refuse_missing_columns(case_type: type[Case], names: set[str], delivery: Delivery) -> None:
    if not delivery.rows:
        return
    needed = [name for name, info in case_type.model_fields.items() if info.is_required()]
    found = set(delivery.columns)
    missing = [case_type.source_name(name) for name in needed if not {name, case_type.source_name(name)} & found]
    if missing:
        raise SourceError(
            f"{delivery.name} lacks the columns {missing[:_SHOWN]}, which every {case_type.__name__} needs; "
            f"found {columns_found(delivery.columns, names)}. Rename the columns, or give the field an alias or a "
            f"default (known names: {sorted(names)[:_SHOWN]})"
        )


def _pairs(delivery: Delivery, place: slice, names: set[str]) -> Iterator[Iterable[tuple[str, Any]]]:
    """Names and values of some rows; of a frame, only those of the case."""
    if isinstance(delivery.rows, FrameRows):
        return delivery.rows.pairs(place, [name for name in delivery.columns if name in names])
    return (row.items() for row in delivery.rows[place])


def _present(pairs: Iterable[tuple[str, Any]], absent: frozenset[str]) -> dict[str, Any]:
    """The values of a row that are there."""
    return {
        name: value
        for name, value in pairs
        if value is not None and not (value.__class__ is str and (value in absent or value.strip() in absent))
    }


def _validated(case_type: type[Case], rows: list[dict[str, Any]]) -> tuple[list[Case], dict[int, str]]:
    """All rows at once; only where some fail, the good ones again without them."""
    adapter = _adapter(case_type)
    try:
        return adapter.validate_python(rows), {}
    except ValidationError as fault:
        reasons = _reasons(fault)
    except Exception:  # noqa: BLE001  a check of the case type's own fell over a row: it is told apart, the others taken
        reasons = _one_by_one(case_type, rows)
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
        value = "" if error["type"] == "missing" else f" (found {_shortened(error['input'])})"
        message = _IN_OUR_WORDS.get(error["type"], error["msg"])
        found.setdefault(int(position), []).append(f"{field_name}: {message}{value}")
    return {position: "; ".join(messages[:_SHOWN]) for position, messages in found.items()}


def _shortened(value: Any, longest: int = 60) -> str:
    text = ascii(value if not isinstance(value, str) else value[: longest + 1])
    return text if len(text) <= longest else f"{text[:longest]}…"


def _refused_row(case_type: type[Case], delivery: Delivery, position: int, reason: str) -> QuarantineRow:
    row = delivery.rows[position]
    raw = json.dumps(row, default=str, sort_keys=True, skipkeys=True)
    return QuarantineRow(_id_of(case_type, row), _digest(raw), "intake", reason, raw, delivery.name)


def _refused_line(delivery: Delivery, line: Unreadable) -> QuarantineRow:
    raw = json.dumps(line.raw)
    case_id = None if line.case_id is None else ascii(line.case_id).strip("'")[:200]
    return QuarantineRow(case_id, _digest(raw + line.reason), "read", line.reason, raw, delivery.name)


def _id_of(case_type: type[Case], row: Mapping[str, Any]) -> str | None:
    """The id that a refused row gives, in printable characters."""
    given = row.get("case_id", row.get(case_type.source_name("case_id")))
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
