"""Writing what came in: cases, rows that could not become cases, and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiops_flows.case_log.dialects import Guard
from aiops_flows.case_log.leases import Lease
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.moments import moment_texts
from aiops_flows.case_log.reviews import Reviews, review_columns
from aiops_flows.case_log.tables import CASES, OUTCOMES, QUARANTINE, REVIEWS
from aiops_flows.case_log.transaction import writing
from aiops_flows.case_log.values import value_texts

__all__ = ["CasesAdded", "OutcomesAdded", "QuarantineRow", "add_cases", "add_outcomes", "add_quarantine"]

CASE_IS_STORED = Guard("cases", present=True)
_NO_DECISION = Guard("decisions", present=False)


@dataclass(frozen=True)
class CasesAdded:
    """What came of cases that were to be stored."""

    new: int
    known: int
    conflicts: list[str] = field(default_factory=list)
    """Ids that are stored with other content; what was stored stays."""


@dataclass(frozen=True)
class OutcomesAdded:
    """What came of outcomes that were to be stored."""

    new: int
    known: int
    conflicts: list[str] = field(default_factory=list)
    """Cases of which another value is stored for the same moment of knowledge; what was stored stays."""
    unknown_cases: list[str] = field(default_factory=list)
    conflict_rows: list[int] = field(default_factory=list)
    """Where among the given outcomes the conflicting ones stand."""


@dataclass(frozen=True)
class QuarantineRow:
    """A row that could not become a case, as it came, and why.

    ``digest`` is that of ``raw``: the same row is kept once for each stage that refused it.
    """

    case_id: str | None
    digest: str
    stage: str
    reason: str
    raw: str
    source: str
    attempts: int = 1


def add_cases(
    log: CaseLog,
    use_case: str,
    *,
    case_ids: Sequence[str],
    received_at: Sequence[datetime | str | None],
    bodies: Sequence[str],
    digests: Sequence[str],
    lease: Lease | None = None,
    reviews: Reviews | None = None,
    policy_version: str | None = None,
) -> CasesAdded:
    """How many of the cases were new; the same case again changes nothing.

    Args:
        log: where to.
        use_case: whose cases.
        case_ids: one a case.
        received_at: aware moments; None means now. Text in the log's own form costs least.
        bodies: the cases as JSON text.
        digests: of the bodies; the same id with another digest is a conflict and is not stored.
        lease: of the batch that they came in.
        reviews: questions to people about some of the cases, stored with them, so that policy never decides these;
            a case that has a decision or a review is left alone.
        policy_version: the policy in force, for the reviews.

    Raises:
        LeaseLost: the batch was taken over.
    """
    ids, texts = list(case_ids), list(digests)
    with writing(log, use_case, kind="intake", tokens=[lease.token] if lease else ()) as transaction:
        received = moment_texts(list(received_at), transaction.at)
        columns = {"case_id": ids, "received_at": received, "body": list(bodies), "digest": texts}
        inserted = transaction.insert(CASES, columns)
        if reviews is not None and reviews.case_ids:
            first = {"round": 0, "policy_version": policy_version}
            transaction.insert(REVIEWS, review_columns(reviews), first, CASE_IS_STORED, _NO_DECISION)
        if inserted.new == len(ids):
            return CasesAdded(inserted.new, 0)
        found = transaction.execute(
            "SELECT case_id, digest FROM cases WHERE use_case = ? AND case_id = ANY(?)", use_case, ids
        )
    stored = {row.case_id: row.digest for row in found}
    conflicts = [case_id for case_id, digest in zip(ids, texts, strict=True) if stored[case_id] != digest]
    return CasesAdded(inserted.new, len(ids) - inserted.new - len(conflicts), list(dict.fromkeys(conflicts)))


def _storable(text: str) -> str:
    """The text without what a database refuses: NUL and lone surrogates become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def add_quarantine(log: CaseLog, use_case: str, rows: Sequence[QuarantineRow], lease: Lease | None = None) -> int:
    """How many of the rows were not yet in quarantine.

    Raises:
        LeaseLost: the batch was taken over.
    """
    columns: dict[str, list[Any]] = {
        "digest": [row.digest for row in rows],
        "stage": [row.stage for row in rows],
        "case_id": [None if row.case_id is None else _storable(row.case_id) for row in rows],
        "reason": [_storable(row.reason) for row in rows],
        "raw": [_storable(row.raw) for row in rows],
        "source": [_storable(row.source) for row in rows],
        "attempts": [row.attempts for row in rows],
    }
    with writing(log, use_case, kind="quarantine", tokens=[lease.token] if lease else ()) as transaction:
        return transaction.insert(QUARANTINE, columns).new


def add_outcomes(
    log: CaseLog,
    use_case: str,
    *,
    case_ids: Sequence[str],
    name: str,
    values: Sequence[Any],
    event_at: Sequence[datetime | str | None] | None = None,
    known_at: Sequence[datetime | str | None] | None = None,
    actor: str = "",
) -> OutcomesAdded:
    """How many of the outcomes were new; a case may get another value at a later moment of knowledge.

    Args:
        log: where to.
        use_case: whose cases.
        case_ids: one an outcome.
        name: of the outcome.
        values: what turned out true; anything that JSON can say.
        event_at: when it happened; None where that is not known.
        known_at: when it became known; None means now.
        actor: who says so.
    """
    ids, texts = list(case_ids), value_texts(values)
    with writing(log, use_case, kind="outcomes", actor=actor) as transaction:
        known = moment_texts(list(known_at or [None] * len(ids)), transaction.at)
        columns: dict[str, list[Any]] = {
            "case_id": ids,
            "known_at": known,
            "event_at": [text or None for text in moment_texts(list(event_at or [None] * len(ids)), "")],
            "value": ["null" if text is None else text for text in texts],
        }
        inserted = transaction.insert(OUTCOMES, columns, {"name": name}, CASE_IS_STORED)
        if inserted.new == len(ids):
            return OutcomesAdded(inserted.new, 0)
        unknown = sorted(set(ids) - transaction.known_cases(ids))
        found = transaction.execute(
            "SELECT case_id, known_at, value FROM outcomes WHERE use_case = ? AND name = ? AND case_id = ANY(?)",
            use_case,
            name,
            ids,
        )
    stored = {(row.case_id, row.known_at): row.value for row in found}
    given = enumerate(zip(ids, known, columns["value"], strict=True))
    conflicts = [row for row, (case_id, at, text) in given if stored.get((case_id, at), text) != text]
    unknown_rows = sum(case_id in set(unknown) for case_id in ids) if unknown else 0
    known_rows = len(ids) - inserted.new - len(conflicts) - unknown_rows
    conflicting = list(dict.fromkeys(ids[row] for row in conflicts))
    return OutcomesAdded(inserted.new, known_rows, conflicting, unknown, conflicts)
