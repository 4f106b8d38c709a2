"""Late labels: what turned out true, and when it became known."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import questions, writes
from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.series_outcomes import outcomes_in
from aiops_flows.steps.sources import Delivery, Source, columns_found, deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["OutcomesRecorded", "outcomes_beside", "record_outcomes", "told_outcomes"]

_logger = logging.getLogger("aiops_flows.outcomes")
_LONGEST = 200
_LONGEST_TEXT = 100_000
_ABOUT_A_CASE = ("case_id", "event_at", "known_at")


@dataclass(frozen=True)
class OutcomesRecorded:
    """How many outcomes were new, known before, or put to quarantine."""

    new: int = 0
    known: int = 0
    quarantined: int = 0

    def __add__(self, other: OutcomesRecorded) -> OutcomesRecorded:
        return OutcomesRecorded(self.new + other.new, self.known + other.known, self.quarantined + other.quarantined)


def record_outcomes(place: Workspace, use_case: UseCase, source: Source) -> OutcomesRecorded:
    """Store what turned out true of cases, once.

    A row of the source has the case's id (as ``case_id`` or under its name in the source), one column for each outcome
    it tells (named like a model's ``output``; empty: not known yet), and optionally ``event_at`` (when it became true)
    and ``known_at`` (when it could be known; default now). A later ``known_at`` with another value is a correction;
    the same moment with another value, an unknown case or a value that is none goes to quarantine. A row without
    ``known_at`` that says what was said before at any time is taken as sent again; a correction back needs the moment.

    Raises:
        SourceError: the source cannot be read, or has no column of an outcome or of the id.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        parts = work_through(place, use_case.name, Path(source), lambda delivery: _record(place, use_case, delivery))
    else:
        parts = [_record(place, use_case, delivery) for delivery in deliveries(source)]
    return sum(parts, OutcomesRecorded())


def outcomes_beside(place: Workspace, use_case: UseCase, delivery: Delivery) -> None:
    """Store what rows that were taken in as cases tell of earlier cases: the totals of series, once they are known.

    What cannot be read was put to quarantine when they were taken in, and is not told twice.
    """
    told = outcomes_in(place, use_case, delivery)
    if told is not delivery and told.rows:
        _record_told(place, use_case, replace(told, unreadable=[]))


def _record(place: Workspace, use_case: UseCase, delivery: Delivery) -> OutcomesRecorded:
    return _record_told(place, use_case, outcomes_in(place, use_case, delivery))


def _record_told(place: Workspace, use_case: UseCase, delivery: Delivery) -> OutcomesRecorded:
    if not delivery.rows:
        return OutcomesRecorded(quarantined=_quarantine(place, use_case, delivery, []))
    identity = _identity(use_case, delivery)
    told = [model for model in use_case.models if model.output in delivery.columns]
    if not told:
        expected = [model.output for model in use_case.models]
        raise SourceError(
            f"{delivery.name} tells no outcome: expected a column among {expected}, found "
            f"{columns_found(delivery.columns, [identity, *_ABOUT_A_CASE])}. Name the column like the model's output"
        )
    total, refused = OutcomesRecorded(), dict[int, str]()
    for model in told:
        total += _record_one(place, use_case, model, delivery, identity, refused)
    rows = [_refused(delivery, position, identity, reason) for position, reason in sorted(refused.items())]
    return total + OutcomesRecorded(quarantined=_quarantine(place, use_case, delivery, rows))


def _identity(use_case: UseCase, delivery: Delivery) -> str:
    for name in ("case_id", use_case.case.source_name("case_id")):
        if name in delivery.columns:
            return name
    raise SourceError(
        f"{delivery.name} names no case: expected a column 'case_id' or "
        f"{use_case.case.source_name('case_id')!r}, found "
        f"{columns_found(delivery.columns, [*_ABOUT_A_CASE, *(model.output for model in use_case.models)])}. "
        "Rename the column"
    )


@dataclass(frozen=True)
class _Told:
    """One outcome that a row of the delivery tells."""

    position: int
    case_id: str
    value: Any
    event_at: datetime
    known_at: datetime
    dated: bool


def _record_one(
    place: Workspace, use_case: UseCase, model: ModelSpec, delivery: Delivery, identity: str, refused: dict[int, str]
) -> OutcomesRecorded:
    now = place.now()
    told: list[_Told] = []
    for position, row in enumerate(delivery.rows):
        try:
            outcome = _told(position, row, model, use_case.case.absent, identity, now)
        except (ValueError, TypeError, OverflowError) as fault:
            refused[position] = f"{model.output}: {fault}"
            continue
        if outcome is not None:
            told.append(outcome)
    clear = _without_contradictions(model, told, refused)
    fresh = _not_known_yet(place, use_case, model, clear)
    return OutcomesRecorded(known=len(clear) - len(fresh)) + _write(place, use_case, model, fresh, refused)


def _told(
    position: int, row: Mapping[str, Any], model: ModelSpec, absent: frozenset[str], identity: str, now: datetime
) -> _Told | None:
    value = _value(model, row.get(model.output), absent)
    if value is None:
        return None
    given = row.get(identity)
    if given is None or not str(given).strip():
        raise ValueError(f"the column {identity!r} names no case")
    case_id = _storable(str(given).strip())
    dated = _moment(row, "known_at")
    known_at = dated or now
    event_at = _moment(row, "event_at") or known_at
    if event_at > known_at:
        raise ValueError(f"known at {known_at.isoformat()}, before it came true")
    return _Told(position, case_id, value, event_at, known_at, dated is not None)


def _without_contradictions(model: ModelSpec, told: list[_Told], refused: dict[int, str]) -> list[_Told]:
    """Of outcomes that name no moment of knowledge, the first of each case; one that says otherwise is refused."""
    first: dict[str, Any] = {}
    kept = []
    for outcome in told:
        if outcome.dated or first.setdefault(outcome.case_id, outcome.value) == outcome.value:
            kept.append(outcome)
        else:
            refused[outcome.position] = (
                f"{model.output}: another row tells another value; say which came first (known_at)"
            )
    return kept


def _not_known_yet(place: Workspace, use_case: UseCase, model: ModelSpec, told: list[_Told]) -> list[_Told]:
    """Without the outcomes that name no moment of knowledge and say again what was ever said: an old delivery."""
    undated = sorted({outcome.case_id for outcome in told if not outcome.dated})
    if not undated:
        return told
    stored = questions.outcomes(place.log, use_case.name, name=model.output, case_ids=undated, every=True)
    said = set(zip(stored["case_id"], stored["value"], strict=True))
    return [outcome for outcome in told if outcome.dated or (outcome.case_id, outcome.value) not in said]


def _write(
    place: Workspace, use_case: UseCase, model: ModelSpec, told: list[_Told], refused: dict[int, str]
) -> OutcomesRecorded:
    total = OutcomesRecorded()
    for start in range(0, len(told), place.settings.batch_size):
        part = told[start : start + place.settings.batch_size]
        added = writes.add_outcomes(
            place.log,
            use_case.name,
            name=model.output,
            case_ids=[outcome.case_id for outcome in part],
            values=[outcome.value for outcome in part],
            event_at=[outcome.event_at for outcome in part],
            known_at=[outcome.known_at for outcome in part],
        )
        total += OutcomesRecorded(added.new, added.known)
        for row in added.conflict_rows:
            reason = "another value is stored for the same moment of knowledge"
            refused[part[row].position] = f"{model.output}: {reason}"
        unknown = set(added.unknown_cases)
        for outcome in part:
            if outcome.case_id in unknown:
                refused[outcome.position] = f"{model.output}: no such case is stored; send it again after the case"
    return total


def _value(model: ModelSpec, given: Any, absent: frozenset[str]) -> Any:
    """The outcome as a label, a finite number or a text; None where it is not told."""
    if given is None or (isinstance(given, str) and given.strip() in absent | {""}):
        return None
    if isinstance(given, float) and math.isnan(given):
        return None
    if isinstance(given, list | dict):
        raise TypeError(f"found a JSON {type(given).__name__}; an outcome is one label, number or text")
    if model.kind == "classifier":
        whole = isinstance(given, float) and given.is_integer()  # a column of whole numbers with gaps becomes floats
        return _storable(str(int(given) if whole else given).strip())
    if model.kind == "writer":
        return _storable(str(given).strip(), _LONGEST_TEXT)
    number = float(given)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite number")
    return number


def told_outcomes(use_case: UseCase, told: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a person says is true of a case, by output, as the case log keeps it; messages quote none of it.

    Raises:
        UseCaseError: no model has such an output, or the value is none that it could have.
    """
    given = dict(told or {})
    outputs = {model.output: model for model in use_case.models}
    if unknown := sorted(set(given) - set(outputs)):
        raise UseCaseError(f"{use_case.name} predicts no {unknown}; what can be said to be true is {list(outputs)}")
    found: dict[str, Any] = {}
    for output, value in given.items():
        model = outputs[output]
        try:
            found[output] = _value(model, value, frozenset())
        except (ValueError, TypeError, OverflowError):  # its words may quote what was said
            found[output] = None
        if found[output] is None:
            raise UseCaseError(
                f"{output} of {use_case.name}: what was said is no {_EXPECTED[model.kind]}; say it again"
            )
    return found


_EXPECTED = {
    "classifier": f"label (1 to {_LONGEST} characters of text)",
    "regressor": "finite number",
    "writer": "text that can be stored",
}


def _storable(text: str, longest: int = _LONGEST) -> str:
    """The text, if a database takes it: as a label or an id, or as what was made of a writing."""
    if len(text) > longest or "\x00" in text:
        raise ValueError(f"{text[:60]!a} cannot be stored: it holds NUL, or more than {longest:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError as fault:  # a lone surrogate
        raise ValueError(f"{text[:60]!a} is not readable as text (sent in another encoding than UTF-8)") from fault
    return text


def _moment(row: Mapping[str, Any], column: str) -> datetime | None:
    given = row.get(column)
    if given is None or given == "" or given is pd.NaT:
        return None
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError as fault:
        raise ValueError(
            f"{column} {str(given)[:60]!a} is no moment; write it as 2026-03-03 or 2026-03-03T14:00:00Z"
        ) from fault
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _refused(delivery: Delivery, position: int, identity: str, reason: str) -> QuarantineRow:
    case_id = str(delivery.rows[position].get(identity))
    raw = json.dumps(delivery.rows[position], default=str, sort_keys=True)
    digest = hashlib.sha256(raw.encode()).hexdigest()
    return QuarantineRow(ascii(case_id).strip("'")[:200], digest, "outcome", reason, raw, delivery.name)


def _quarantine(place: Workspace, use_case: UseCase, delivery: Delivery, rows: list[QuarantineRow]) -> int:
    for line in delivery.unreadable:
        raw = json.dumps(line.raw)
        digest = hashlib.sha256((raw + line.reason).encode()).hexdigest()
        rows.append(QuarantineRow(None, digest, "outcome", line.reason, raw, delivery.name))
    if rows:
        writes.add_quarantine(place.log, use_case.name, rows)
        _logger.warning("%s: %d rows to quarantine", delivery.name, len(rows))
    return len(rows)
