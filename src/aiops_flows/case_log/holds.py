"""Holds: a person stops automatic decisions, of one use case or of all, until the hold is released or ends.

A hold is a row like an alarm: append-only, vouched for by the audit trail. It is in force from the moment at which
`hold` returns: every write that makes an automatic decision asks inside its own transaction (see
`aiops_flows.case_log.permission`). Whether its end has come is judged by the case log's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Row

from aiops_flows.case_log.agreements import another_agreed
from aiops_flows.case_log.dialects import bind
from aiops_flows.case_log.frames import ask
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.moments import moment, moment_text
from aiops_flows.case_log.tables import HOLDS
from aiops_flows.case_log.transaction import Transaction, lock_all_use_cases, writing
from aiops_flows.errors import CaseLogError, ConflictingWrite

__all__ = ["ALL", "Hold", "history", "hold", "in_force", "release", "rows_in_force"]

ALL: Final = "*"
"""In the place of a use case's name: a hold of all use cases, those that are not there yet included."""


@dataclass(frozen=True)
class Hold:
    """A hold that is in force."""

    use_case: str
    """Whose automatic decisions are stopped; `ALL` for those of every use case."""
    number: int
    at: datetime
    until: datetime | None
    """When it ends by itself; None: only a release ends it."""
    effects: bool
    """Whether effects are not sent either."""
    four_eyes: bool
    """Whether a release takes two people."""
    reason: str
    actor: str

    def __str__(self) -> str:
        which = "all use cases, hold" if self.use_case == ALL else "hold"
        end = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"{which} {self.number} by {self.actor} since {self.at:%Y-%m-%d %H:%M} UTC{end}: {self.reason}"


_WHENEVER: Final = "9999-12-31T23:59:59.999999Z"
_IN_FORCE: Final = """
    SELECT h.use_case, h.number, a.at, h.until, h.effects, h.four_eyes, h.reason, h.actor
    FROM holds AS h JOIN audit AS a ON a.use_case = h.use_case AND a.seq = h.seq
    WHERE h.use_case IN (?, '*') AND h.state = 'held' AND a.at <= ? AND (h.until IS NULL OR h.until > ?)
        AND NOT EXISTS (SELECT 1 FROM holds AS r JOIN audit AS b ON b.use_case = r.use_case AND b.seq = r.seq
            WHERE r.use_case = h.use_case AND r.releases = h.number AND b.at <= ?)
    ORDER BY h.use_case, h.number"""


def hold(
    log: CaseLog,
    use_case: str,
    *,
    reason: str,
    actor: str,
    until: datetime | None = None,
    effects: bool = False,
    four_eyes: bool = False,
) -> int:
    """The number of the hold; once this call has returned, no automatic decision of the use case is committed.

    Args:
        log: where to.
        use_case: whose decisions; `ALL` for every use case.
        reason: why, for people.
        actor: who holds.
        until: when it ends by itself, by the log's clock; by default only a release ends it.
        effects: also send no effects. What a worker is sending at this very moment may still arrive.
        four_eyes: a release takes two people.

    Raises:
        CaseLogError: nobody is named, no reason is given, or ``until`` has passed.
    """
    _refuse_nameless(reason, actor)
    with writing(log, use_case, kind="hold", actor=actor) as transaction:
        if use_case == ALL:
            lock_all_use_cases(transaction, alone=True)
        if until is not None and moment_text(until) <= transaction.at:
            raise CaseLogError(
                f"until must be in the future, got {moment_text(until)} (it is {transaction.at} by the case log's "
                "clock); give a later time, or leave it out"
            )
        rows = _rows(transaction)
        number = int(rows[-1].number) + 1 if rows else 1
        said = {
            "state": "held",
            "releases": None,
            "effects": int(effects),
            "until": None if until is None else moment_text(until),
            "four_eyes": int(four_eyes),
            "reason": reason.strip(),
            "evidence": "{}",
            "actor": actor.strip(),
        }
        transaction.insert(HOLDS, {"number": [number]}, said)
        return number


def release(
    log: CaseLog, use_case: str, number: int, *, reason: str, actor: str, four_eyes: bool = False, evidence: str = "{}"
) -> bool:
    """Whether the hold is released now; False where a second person must agree, whose call releases it.

    Releasing it again, or one that ended by itself, changes nothing.

    Args:
        log: where to.
        use_case: as the hold has it.
        number: of the hold.
        reason: why, for people.
        actor: who releases, or agrees to it.
        four_eyes: it takes two people even where the hold does not say so.
        evidence: JSON text of what the person was shown before.

    Raises:
        CaseLogError: nobody is named, or no reason is given.
        ConflictingWrite: there is no hold of that number.
    """
    _refuse_nameless(reason, actor)
    with writing(log, use_case, kind="release", actor=actor) as transaction:
        rows = _rows(transaction)
        held = {row.number: row for row in rows if row.state == "held"}
        if number not in held:
            raise ConflictingWrite(
                f"{_called(use_case)}: there is no hold {number}; there are {list(held)[-10:] or 'none'}. "
                "List them: aiops-flows hold --list"
            )
        if not _stands(held[number], rows, transaction.at):
            return True
        said = {"reason": reason.strip(), "evidence": evidence, "actor": actor.strip()}
        if (four_eyes or held[number].four_eyes) and not another_agreed(transaction, "hold", number, **said):
            return False
        same = {"state": "released", "releases": int(number), "effects": 0, "until": None, "four_eyes": 0}
        transaction.insert(HOLDS, {"number": [int(rows[-1].number) + 1]}, {**same, **said})
        return True


def _refuse_nameless(reason: str, actor: str) -> None:
    if not reason.strip() or not actor.strip():
        raise CaseLogError("a hold or a release needs a reason and the name of who acts; one of them is empty")


def _called(use_case: str) -> str:
    return "all use cases" if use_case == ALL else use_case


def _rows(transaction: Transaction) -> list[Row[Any]]:
    statement = "SELECT * FROM holds WHERE use_case = ? ORDER BY number"
    return list(transaction.execute(statement, transaction.use_case))


def _stands(held: Row[Any], rows: Sequence[Row[Any]], at: str) -> bool:
    released = any(row.releases == held.number for row in rows)
    return not released and (held.until is None or held.until > at)


def rows_in_force(transaction: Transaction) -> Sequence[Row[Any]]:
    """The holds of the transaction's use case, and of all, that are in force for it.

    Whatever is committed counts: a hold of all use cases may bear a later time than a transaction that waited for it.
    """
    return transaction.execute(_IN_FORCE, transaction.use_case, _WHENEVER, transaction.at, _WHENEVER)


def in_force(log: CaseLog, use_case: str, *, at: datetime | None = None) -> list[Hold]:
    """The holds of a use case, and of all use cases, that are in force now (or were at a time), oldest first."""
    now = moment_text(at or log.now())
    with reading(log) as connection:
        found = connection.exec_driver_sql(*bind(log.dialect, _IN_FORCE, (use_case, now, now, now)))
        return [_hold(row) for row in found]


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        use_case=row.use_case,
        number=row.number,
        at=moment(row.at),
        until=None if row.until is None else moment(row.until),
        effects=bool(row.effects),
        four_eyes=bool(row.four_eyes),
        reason=row.reason,
        actor=row.actor,
    )


def history(log: CaseLog, use_case: str) -> pd.DataFrame:
    """Every hold of a use case, and of all use cases, and every release, by the time at which it was written.

    Returns:
        Columns ``use_case``, ``number``, ``at``, ``state`` (held or released), ``releases`` (number of the hold that is
        released), ``until`` (when it ends by itself; missing where it does not), ``effects`` (1: none are sent),
        ``four_eyes`` (1: a release takes two people), ``reason``, ``actor``.
    """
    statement = """
        SELECT h.use_case, h.number, a.at, h.state, h.releases, h.until, h.effects, h.four_eyes, h.reason, h.actor
        FROM holds AS h JOIN audit AS a ON a.use_case = h.use_case AND a.seq = h.seq
        WHERE h.use_case IN (?, '*') ORDER BY a.at, h.use_case, h.number"""
    found = ask(log, statement, [use_case], maybe={"releases"})
    return found.assign(until=pd.to_datetime(found["until"], utc=True))
