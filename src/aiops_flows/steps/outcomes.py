"""Late labels: what turned out true, and when it became known."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aiops_flows.case_log import questions, writes
from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.steps.delivery import column_of, row_json
from aiops_flows.steps.inbox import work_through
from aiops_flows.steps.series_outcomes import outcomes_in
from aiops_flows.steps.sources import Delivery, Source, columns_found, deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase
from aiops_flows.values.columns import ColumnKind, ColumnRule, column_rules
from aiops_flows.values.missing import Absent, absent_of, is_missing, present
from aiops_flows.values.outcomes import (
    LONGEST_LABEL,
    outcome_label,
    outcome_number,
    outcome_text,
    spellings_in,
    storable,
)
from aiops_flows.values.texts import label_of
from aiops_flows.values.times import moment_of

__all__ = ["OutcomesRecorded", "outcomes_beside", "record_outcomes", "told_outcomes"]

_logger = logging.getLogger("aiops_flows.outcomes")
_ABOUT_A_CASE = ("case_id", "event_at", "known_at")


@dataclass(frozen=True)
class OutcomesRecorded:
    """How many outcomes were new, known before, or put to quarantine."""

    new: int = 0
    known: int = 0
    quarantined: int = 0
    spellings: tuple[str, ...] = ()
    """Labels that may be one class in several spellings, with their counts; nobody has changed them."""

    def __add__(self, other: OutcomesRecorded) -> OutcomesRecorded:
        return OutcomesRecorded(
            self.new + other.new,
            self.known + other.known,
            self.quarantined + other.quarantined,
            tuple(dict.fromkeys([*self.spellings, *other.spellings])),
        )


def record_outcomes(place: Workspace, use_case: UseCase, source: Source) -> OutcomesRecorded:
    """Store what turned out true of cases, once.

    A row of the source has the case's id (as ``case_id`` or under its name in the source), one column for each outcome
    it tells (named like a model's ``output``; empty: not known yet), and optionally ``event_at`` (when it became true)
    and ``known_at`` (when it could be known; default now). A later ``known_at`` with another value is a correction;
    the same moment with another value, an unknown case or a value that is none goes to quarantine. A row without
    ``known_at`` that says what was said before at any time is taken as sent again; a correction back needs the moment.

    A label has one spelling, whatever the source (``7.0`` is ``7``, ``TRUE`` is ``True``), that of a declared verdict
    where there is one. Labels that still look like one class, such as ``Scrap`` and ``scrap``, are stored as they are,
    and reported.

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
    told: list[_Told] = []
    outcomes = _Outcomes.of(use_case, model, delivery, identity, place.now())
    for position, row in enumerate(delivery.rows):
        try:
            outcome = outcomes.told(position, row)
        except (ValueError, TypeError, OverflowError) as fault:
            refused[position] = f"{model.output}: {fault}"
            continue
        if outcome is not None:
            told.append(outcome)
    clear = _without_contradictions(model, told, refused)
    fresh = _not_known_yet(place, use_case, model, clear)
    written = _write(place, use_case, model, fresh, refused)
    spellings = _spellings(place, use_case, model) if model.kind == "classifier" and written.new else ()
    return OutcomesRecorded(known=len(clear) - len(fresh), spellings=spellings) + written


def _spellings(place: Workspace, use_case: UseCase, model: ModelSpec) -> tuple[str, ...]:
    """What is stored of an output that may be one class in several spellings; it is logged."""
    counts = questions.label_counts(place.log, use_case.name, name=model.output)
    found = tuple(f"{model.output}: {spellings}" for spellings in spellings_in(counts))
    for each in found:
        _logger.warning("labels that may be one class, each learned as one of its own: %s. Send one spelling", each)
    return found


@dataclass(frozen=True)
class _Outcomes:
    """How the rows of a delivery tell one outcome."""

    model: ModelSpec
    absent: Absent
    rules: Mapping[str, ColumnRule]
    spelled: Mapping[str, str]
    identity: str
    now: datetime

    @classmethod
    def of(cls, use_case: UseCase, model: ModelSpec, delivery: Delivery, identity: str, now: datetime) -> _Outcomes:
        absent = absent_of(use_case.case.absent | {""})
        kinds: dict[str, ColumnKind] = {"event_at": "time", "known_at": "time"}
        if model.kind == "regressor":
            kinds[model.output] = "number"
        columns = {
            name: (kind, present(column_of(delivery, name), absent))
            for name, kind in kinds.items()
            if name in delivery.columns
        }
        return cls(model, absent, column_rules(columns), _declared_spellings(use_case, model), identity, now)

    def told(self, position: int, row: Mapping[str, Any]) -> _Told | None:
        """The outcome that a row tells; None where it tells none.

        Raises:
            ValueError: what it tells cannot be read.
        """
        given = self._value(row, self.model.output)
        if given is None:
            return None
        value = _value(self.model, given, self.spelled)
        named = self._value(row, self.identity)
        if named is None:
            raise ValueError(f"the column {self.identity!r} names no case")
        case_id = storable(label_of(named))
        dated = self._moment(row, "known_at")
        known_at = dated or self.now
        event_at = self._moment(row, "event_at") or known_at
        if event_at > known_at:
            raise ValueError(f"known at {known_at.isoformat()}, before it came true")
        return _Told(position, case_id, value, event_at, known_at, dated is not None)

    def _value(self, row: Mapping[str, Any], column: str) -> Any:
        """What a row has in a column, as its source writes it; None where it has nothing."""
        value = row.get(column)
        if self.absent.covers(value):
            return None
        rule = self.rules.get(column)
        if rule is None or value.__class__ is not str:
            return value
        if value in rule.refused:
            raise ValueError(f"{value[:60]!a} {rule.reason}")
        return rule.read(value)

    def _moment(self, row: Mapping[str, Any], column: str) -> datetime | None:
        value = self._value(row, column)
        try:
            return None if value is None else moment_of(value)
        except ValueError as fault:
            raise ValueError(f"{column} {str(value)[:60]!a} {fault}") from fault


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


def _declared_spellings(use_case: UseCase, model: ModelSpec) -> Mapping[str, str]:
    """`label_of` a verdict -> the verdict as it is declared, where the outcome is what verdicts are compared with."""
    return (
        {label_of(verdict): verdict for verdict in use_case.review.verdicts} if model.output in use_case.judges else {}
    )


def _value(model: ModelSpec, given: Any, spelled: Mapping[str, str]) -> Any:
    """The outcome as a label, a finite number or a text.

    Raises:
        ValueError: it is none.
    """
    if model.kind == "classifier":
        return outcome_label(given, spelled)
    return outcome_text(given) if model.kind == "writer" else outcome_number(given)


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
            nothing = is_missing(value) or (isinstance(value, str) and not value.strip())
            found[output] = None if nothing else _value(model, value, _declared_spellings(use_case, model))
        except (ValueError, TypeError, OverflowError):  # its words may quote what was said
            found[output] = None
        if found[output] is None:
            raise UseCaseError(
                f"{output} of {use_case.name}: what was said is no {_EXPECTED[model.kind]}; say it again"
            )
    return found


_EXPECTED = {
    "classifier": f"label (1 to {LONGEST_LABEL} characters of text)",
    "regressor": "finite number",
    "writer": "text that can be stored",
}


def _refused(delivery: Delivery, position: int, identity: str, reason: str) -> QuarantineRow:
    case_id = str(delivery.rows[position].get(identity))
    raw = row_json(delivery.rows[position])
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
