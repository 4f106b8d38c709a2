"""Effects that have not arrived: those that wait, those that were given up, and asking for these again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Row

from aiops_flows.case_log.dialects import bind
from aiops_flows.case_log.frames import ask
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.moments import moment
from aiops_flows.case_log.outbox import Attempt, add_attempts
from aiops_flows.case_log.transaction import writing
from aiops_flows.errors import ConflictingWrite

__all__ = ["GIVEN_UP", "OutboxCounts", "ask_again", "counts", "given_up", "waiting"]

_NOT_THROUGH: Final = """e.body IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.use_case = e.use_case AND o.effect_id = e.effect_id)
    AND NOT EXISTS (SELECT 1 FROM deliveries AS s WHERE s.use_case = e.use_case AND s.effect_id = e.effect_id
        AND s.state = 'delivered')"""
_REPLACED: Final = """EXISTS (SELECT 1 FROM effects AS n WHERE n.use_case = e.use_case AND n.case_id = e.case_id
    AND n.name = e.name AND n.revision > e.revision AND n.body IS NOT NULL)"""
GIVEN_UP: Final = f"""
    SELECT e.use_case, e.effect_id, e.case_id, e.revision, e.name, {_REPLACED} AS replaced, g.attempt AS attempts,
        g.sink, g.reason, a.at
    FROM deliveries AS g JOIN effects AS e ON e.use_case = g.use_case AND e.effect_id = g.effect_id
    JOIN audit AS a ON a.use_case = g.use_case AND a.seq = g.seq
    WHERE g.state = 'given up' AND {_NOT_THROUGH}
        AND NOT EXISTS (SELECT 1 FROM deliveries AS m WHERE m.use_case = g.use_case AND m.effect_id = g.effect_id
            AND m.attempt > g.attempt)"""
"""The effects of all use cases that are not tried any more and never arrived."""


def given_up(log: CaseLog, use_case: str) -> pd.DataFrame:
    """The effects that are not tried any more and never arrived, longest ago first.

    Returns:
        Columns ``effect_id``, ``case_id``, ``revision``, ``name``, ``replaced`` (whether a later decision has an effect
        of this name, so that this one is not to be sent any more), ``attempts``, ``sink``, ``reason``, ``at``.
    """
    columns = "effect_id, case_id, revision, name, replaced, attempts, sink, reason, at"
    statement = f"SELECT {columns} FROM ({GIVEN_UP}) AS q WHERE q.use_case = ? ORDER BY at, effect_id"
    return ask(log, statement, [use_case])


def waiting(log: CaseLog, use_case: str, *, limit: int | None = None) -> pd.DataFrame:
    """The effects that are still to be sent, longest due first.

    Returns:
        Columns ``effect_id``, ``case_id``, ``revision``, ``name``, ``due_at``, ``failures`` (attempts that failed),
        ``lost`` (workers lost over it), ``reason`` (of the last failure, None where there was none).
    """
    most = "" if limit is None else f" LIMIT {int(limit)}"
    statement = f"""
        SELECT o.effect_id, o.case_id, o.revision, o.name, o.due_at, o.failures, o.lost,
            (SELECT s.reason FROM deliveries AS s WHERE s.use_case = o.use_case AND s.effect_id = o.effect_id
                ORDER BY s.attempt DESC LIMIT 1) AS reason
        FROM outbox AS o WHERE o.use_case = ? ORDER BY o.due_at, o.effect_id{most}"""
    return ask(log, statement, [use_case])


def _answer(log: CaseLog, connection: Connection, statement: str, use_case: str) -> Row[Any]:
    return connection.exec_driver_sql(*bind(log.dialect, statement, [use_case])).one()


@dataclass(frozen=True)
class OutboxCounts:
    """How many effects wait, and how many will never arrive unless somebody asks for them again."""

    waiting: int
    failing: int
    """Of those that wait: how many failed at least once, or lost a worker."""
    given_up: int
    """Without those that a later decision's effect replaced."""
    oldest: datetime | None
    """Since when the one that waits longest is due."""


def counts(log: CaseLog, use_case: str) -> OutboxCounts:
    """How the outbox of a use case stands."""
    statement = """
        SELECT count(*) AS waiting, coalesce(sum(CASE WHEN failures + lost > 0 THEN 1 ELSE 0 END), 0) AS failing,
            min(due_at) AS oldest FROM outbox WHERE use_case = ?"""
    lost = f"SELECT count(*) FROM ({GIVEN_UP}) AS q WHERE q.use_case = ? AND NOT q.replaced"
    with reading(log) as connection:
        row = _answer(log, connection, statement, use_case)
        gone = _answer(log, connection, lost, use_case)[0]
    return OutboxCounts(int(row.waiting), int(row.failing), int(gone), moment(row.oldest) if row.oldest else None)


_WAIT_AGAIN: Final = """
    INSERT INTO outbox (use_case, effect_id, case_id, revision, name, due_at, failures, lost, owner, expires)
    SELECT e.use_case, e.effect_id, e.case_id, e.revision, e.name, ?, 0, 0, '', 0 FROM effects AS e
    WHERE e.use_case = ? AND e.effect_id = ANY(?)"""


def ask_again(log: CaseLog, use_case: str, effect_ids: Sequence[str] | None = None, *, reason: str, actor: str) -> int:
    """How many effects that were given up are tried again now, as often as new ones: those named, or all.

    Args:
        log: where they are.
        use_case: whose effects.
        effect_ids: which; by default all that no later decision's effect replaced.
        reason: why, for the record.
        actor: who asks.

    Raises:
        ConflictingWrite: one that is named was not given up, or is replaced by the effect of a later decision.
    """
    with writing(log, use_case, kind="ask again", actor=actor) as transaction:
        statement = f"SELECT e.effect_id FROM effects AS e WHERE e.use_case = ? AND {_NOT_THROUGH} AND NOT {_REPLACED}"
        open_to_it = {row.effect_id for row in transaction.execute(statement, use_case)}
        chosen = sorted(open_to_it if effect_ids is None else set(effect_ids))
        if wrong := [name for name in chosen if name not in open_to_it]:
            raise ConflictingWrite(
                f"{use_case}: {len(wrong)} of the effects cannot be asked for again, such as {wrong[0]!r}: it is no "
                "effect that was given up, or a later decision's effect replaced it; see aiops-flows effects list"
            )
        add_attempts(transaction, [Attempt(name, "asked again", reason) for name in chosen], "")
        transaction.execute(_WAIT_AGAIN, transaction.at, use_case, chosen)
        return len(chosen)
