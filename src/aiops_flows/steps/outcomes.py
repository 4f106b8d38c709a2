"""Late labels: what turned out true, and when it became known."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import questions, writes
from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import SourceError
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.sources import Delivery, Source, deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["OutcomesRecorded", "record_outcomes"]

_logger = logging.getLogger("aiops_flows.outcomes")
_LONGEST = 200


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
    the same moment with another value, an unknown case or a value that is none goes to quarantine.

    Raises:
        SourceError: the source cannot be read, or has no column of an outcome or of the id.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        parts = work_through(place, use_case.name, Path(source), lambda delivery: _record(place, use_case, delivery))
    else:
        parts = [_record(place, use_case, delivery) for delivery in deliveries(source)]
    return sum(parts, OutcomesRecorded())


def _record(place: Workspace, use_case: UseCase, delivery: Delivery) -> OutcomesRecorded:
    if not delivery.rows:
        return OutcomesRecorded(quarantined=_quarantine(place, use_case, delivery, []))
    identity = _identity(use_case, delivery)
    told = [model for model in use_case.models if model.output in delivery.columns]
    if not told:
        expected = [model.output for model in use_case.models]
        raise SourceError(
            f"{delivery.name} tells no outcome: expected a column among {expected}, found {delivery.columns}"
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
        f"{use_case.case.source_name('case_id')!r}, found {list(delivery.columns)}"
    )


def _record_one(
    place: Workspace, use_case: UseCase, model: ModelSpec, delivery: Delivery, identity: str, refused: dict[int, str]
) -> OutcomesRecorded:
    now = datetime.now(UTC)
    ids: list[str] = []
    values: list[Any] = []
    events: list[datetime] = []
    known: list[datetime] = []
    positions: dict[str, int] = {}
    undated: set[int] = set()
    for position, row in enumerate(delivery.rows):
        try:
            value = _value(model, row.get(model.output), use_case.case.absent)
            if value is None:
                continue
            case_id = _storable(str(row.get(identity)).strip())
            told_at = _moment(row.get("known_at"))
            known_at = told_at or now
            event_at = _moment(row.get("event_at")) or known_at
        except (ValueError, TypeError, OverflowError) as fault:
            refused[position] = f"{model.output}: {fault}"
            continue
        if event_at > known_at:
            refused[position] = f"{model.output}: known at {known_at.isoformat()}, before it came true"
            continue
        if told_at is None:
            undated.add(len(ids))
        ids.append(case_id)
        values.append(value)
        events.append(event_at)
        known.append(known_at)
        positions[ids[-1]] = position
    repeated = _repeated(place, use_case, model, ids, values, undated)
    if repeated:
        kept = [position for position in range(len(ids)) if position not in repeated]
        ids, values = [ids[position] for position in kept], [values[position] for position in kept]
        events, known = [events[position] for position in kept], [known[position] for position in kept]
    return OutcomesRecorded(known=len(repeated)) + _write(
        place, use_case, model, (ids, values, events, known), positions, refused
    )


def _repeated(
    place: Workspace, use_case: UseCase, model: ModelSpec, ids: list[str], values: list[Any], undated: set[int]
) -> set[int]:
    """Positions of outcomes that name no moment of knowledge and say again what is known already."""
    if not undated:
        return set()
    asked = sorted({ids[position] for position in undated})
    stored = questions.outcomes(place.log, use_case.name, name=model.output, case_ids=asked)
    known = dict(zip(stored["case_id"], stored["value"], strict=True))
    return {position for position in undated if ids[position] in known and known[ids[position]] == values[position]}


def _write(
    place: Workspace,
    use_case: UseCase,
    model: ModelSpec,
    columns: tuple[list[str], list[Any], list[datetime], list[datetime]],
    positions: Mapping[str, int],
    refused: dict[int, str],
) -> OutcomesRecorded:
    ids, values, events, known = columns
    total = OutcomesRecorded()
    for start in range(0, len(ids), place.settings.batch_size):
        part = slice(start, start + place.settings.batch_size)
        added = writes.add_outcomes(
            place.log,
            use_case.name,
            name=model.output,
            case_ids=ids[part],
            values=values[part],
            event_at=events[part],
            known_at=known[part],
        )
        total += OutcomesRecorded(added.new, added.known)
        for case_id in added.conflicts:
            refused[positions[case_id]] = f"{model.output}: another value is stored for the same moment of knowledge"
        for case_id in added.unknown_cases:
            refused[positions[case_id]] = f"{model.output}: no such case is stored; send it again after the case"
    return total


def _value(model: ModelSpec, given: Any, absent: frozenset[str]) -> Any:
    """The outcome as a label or a finite number; None where it is not told."""
    if given is None or (isinstance(given, str) and given.strip() in absent | {""}):
        return None
    if isinstance(given, float) and math.isnan(given):
        return None
    if model.kind == "classifier":
        return _storable(str(given).strip())
    number = float(given)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite number")
    return number


def _storable(text: str) -> str:
    """The text, if a database takes it as a label or an id."""
    if len(text) > _LONGEST or "\x00" in text:
        raise ValueError(f"{text[:60]!a} is no label: it holds NUL, or more than {_LONGEST} characters")
    text.encode()  # a lone surrogate, as of bytes that are no UTF-8, is a ValueError
    return text


def _moment(given: Any) -> datetime | None:
    if given is None or given == "" or given is pd.NaT:
        return None
    moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
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
