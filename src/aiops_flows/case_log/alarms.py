"""Alarms: raised once while they stand, cleared by somebody who says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Row

from aiops_flows.case_log.agreements import another_agreed, model_asks_for_four_eyes
from aiops_flows.case_log.conditions import Conditions
from aiops_flows.case_log.frames import ask, rows_of
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.moments import moment
from aiops_flows.case_log.tables import ALARMS
from aiops_flows.case_log.transaction import Transaction, writing
from aiops_flows.errors import CaseLogError, ConflictingWrite

__all__ = ["Alarm", "AlarmAction", "AlarmKind", "clear", "history", "open_alarms", "raise_alarm"]

AlarmKind = Literal["drift", "data quality", "error", "overrides", "calibration"]
"""What an alarm is about."""

AlarmAction = Literal["audit more", "look", "approval", "block promotion", "to people", "rolled back"]
"""What comes of it while it stands."""


@dataclass(frozen=True)
class Alarm:
    """An alarm that stands."""

    number: int
    at: datetime
    model: str
    version: int | None
    kind: AlarmKind
    segment: str | None
    action: AlarmAction
    reason: str
    evidence: str
    """JSON text."""
    actor: str
    four_eyes: bool = False
    """Whether clearing it takes two people, as the policy or the model said when it was raised."""


def raise_alarm(
    log: CaseLog,
    use_case: str,
    *,
    model: str,
    version: int | None,
    kind: AlarmKind,
    segment: str | None = None,
    action: AlarmAction,
    reason: str,
    evidence: str,
    actor: str,
    four_eyes: bool = False,
) -> int:
    """The number of the alarm; while the same stands for model, version, kind, segment and action, none is added.

    Args:
        log: where to.
        use_case: whose model.
        model: which.
        version: the version that it is about, where it is about one.
        kind: what it is about.
        segment: the part of the cases that it is about, where it is not all.
        action: what comes of it.
        reason: for people.
        evidence: JSON text of what was measured.
        actor: who raises it.
        four_eyes: clearing it takes two people, where it stops automatic decisions.
    """
    about = {"model": model, "version": None if version is None else int(version), "kind": kind}
    about |= {"segment": segment, "action": action}
    with writing(log, use_case, kind="alarm", actor=actor) as transaction:
        rows = _rows(transaction)
        for row in _standing(rows):
            if {name: row._mapping[name] for name in about} == about:
                return int(row.number)
        said = {"state": "raised", "reason": reason, "evidence": evidence, "actor": actor}
        two = action == "to people" and (four_eyes or model_asks_for_four_eyes(transaction, model, version))
        return _add(transaction, rows, {**about, **said, "four_eyes": int(two)})


def clear(
    log: CaseLog, use_case: str, number: int, *, reason: str, actor: str, four_eyes: bool = False, evidence: str = "{}"
) -> bool:
    """Whether the alarm is cleared now; False where a second person must agree, whose call clears it.

    Clearing it again changes nothing.

    Args:
        log: where to.
        use_case: whose alarm.
        number: of the alarm.
        reason: why, for people.
        actor: who clears it, or agrees to it.
        four_eyes: where it stops automatic decisions, it takes two people even if the alarm does not say so.
        evidence: JSON text of what the person was shown before.

    Raises:
        CaseLogError: nobody is named.
        ConflictingWrite: no alarm was raised under that number.
    """
    if not actor.strip():
        raise CaseLogError("clearing an alarm needs the name of who does it, which is empty; give it, or AIOPS_ACTOR")
    with writing(log, use_case, kind="alarm", actor=actor) as transaction:
        rows = _rows(transaction)
        raised = {row.number: row for row in rows if row.state == "raised"}
        if number not in raised:
            raise ConflictingWrite(
                f"{use_case} raised no alarm {number}; raised were {list(raised)[-10:] or 'none'}. "
                "Ask for the open alarms again"
            )
        if number not in {row.number for row in _standing(rows)}:
            return True
        alarm = raised[number]
        said = {"reason": reason, "evidence": evidence, "actor": actor}
        if _takes_two(transaction, alarm, four_eyes) and not another_agreed(transaction, "alarm", number, **said):
            return False
        about = {name: raised[number]._mapping[name] for name in ("model", "version", "kind", "segment", "action")}
        _add(transaction, rows, {**about, **said, "state": "cleared", "clears": int(number)})
        return True


def _takes_two(transaction: Transaction, alarm: Row[Any], four_eyes: bool) -> bool:
    """Whether clearing the alarm starts automatic decisions again, and two people are asked for."""
    if alarm.action != "to people":
        return False
    return four_eyes or bool(alarm.four_eyes) or model_asks_for_four_eyes(transaction, alarm.model, alarm.version)


def _rows(transaction: Transaction) -> list[Row[Any]]:
    statement = "SELECT * FROM alarms WHERE use_case = ? ORDER BY number"
    return list(transaction.execute(statement, transaction.use_case))


def _standing(rows: list[Row[Any]]) -> list[Row[Any]]:
    cleared = {row.clears for row in rows}
    return [row for row in rows if row.state == "raised" and row.number not in cleared]


def _add(transaction: Transaction, rows: list[Row[Any]], said: dict[str, Any]) -> int:
    number = int(rows[-1].number) + 1 if rows else 1
    transaction.insert(ALARMS, {"number": [number]}, said)
    return number


_OPEN = """NOT EXISTS (SELECT 1 FROM alarms AS n JOIN audit AS m ON m.use_case = n.use_case AND m.seq = n.seq
    WHERE n.use_case = r.use_case AND n.clears = r.number"""


def open_alarms(log: CaseLog, use_case: str, *, model: str | None = None, at: datetime | None = None) -> list[Alarm]:
    """The alarms that stand now, or stood at a moment, oldest first; of one model where it is named."""
    where = Conditions(use_case, "r")
    where.require("r.state = 'raised'")
    where.add("r.model = ?", model)
    where.add("a.at <= ?", at)
    if at is None:
        where.require(f"{_OPEN})")
    where.add(f"{_OPEN} AND m.at <= ?)", at)
    statement = f"""
        SELECT r.number, a.at, r.model, r.version, r.kind, r.segment, r.action, r.reason, r.evidence, r.actor,
            coalesce(r.four_eyes, 0) AS four_eyes
        FROM alarms AS r JOIN audit AS a ON a.use_case = r.use_case AND a.seq = r.seq
        WHERE {where} ORDER BY r.number"""
    rows = rows_of(log, statement, where.values)
    return [Alarm(**{**row, "at": moment(row["at"]), "four_eyes": bool(row["four_eyes"])}) for row in rows]


def history(log: CaseLog, use_case: str) -> pd.DataFrame:
    """Every alarm that was raised, and every one cleared, in order.

    Returns:
        Columns ``number``, ``at``, ``state`` (raised or cleared), ``clears`` (the number of the alarm that is cleared),
        ``model``, ``version``, ``kind``, ``segment``, ``action``, ``reason``, ``evidence`` (JSON text), ``actor``.
    """
    statement = """
        SELECT r.number, a.at, r.state, r.clears, r.model, r.version, r.kind, r.segment, r.action, r.reason,
            r.evidence, r.actor
        FROM alarms AS r JOIN audit AS a ON a.use_case = r.use_case AND a.seq = r.seq
        WHERE r.use_case = ? ORDER BY r.number"""
    return ask(log, statement, [use_case], maybe={"version"})
