"""What waits to be sent: who sends it, how each attempt ended, and when the next one is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row

from aiops_flows.case_log.dialects import bind, clock, walk_along_indexes
from aiops_flows.case_log.log import CaseLog, reading, translated
from aiops_flows.case_log.moments import moment, moment_text
from aiops_flows.case_log.tables import DELIVERIES
from aiops_flows.case_log.transaction import Transaction, writing

__all__ = ["Attempt", "Claimed", "add_attempts", "claim", "lapse", "owners", "record", "release"]

State = Literal["delivered", "failed", "given up", "asked again"]
_STATEMENT_NOW = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


@dataclass(frozen=True)
class Claimed:
    """An effect that this worker sends, until its claim runs out."""

    effect_id: str
    case_id: str
    revision: int
    name: str
    verdict: str
    replaces: str | None
    body: str
    """JSON text."""
    planned_at: str
    failures: int
    """Attempts that failed since it was planned or asked for again."""
    lost: int
    """Workers that took it up and were not heard of again."""


@dataclass(frozen=True)
class Attempt:
    """How sending an effect ended."""

    effect_id: str
    state: State
    reason: str = ""
    """For people; it must hold nothing of a case."""
    wait: timedelta = timedelta()
    """After a failure: how long until the next attempt."""


@contextmanager
def _changing(log: CaseLog) -> Iterator[Connection]:
    with translated(), log.engine.begin() as connection:
        yield connection


def _rows(log: CaseLog, connection: Connection, statement: str, *values: Any) -> Sequence[Row[Any]]:
    found = connection.exec_driver_sql(*bind(log.dialect, statement.replace("{clock}", clock(log.dialect)), values))
    return found.all() if found.returns_rows else []


def _now(log: CaseLog, connection: Connection) -> str:
    """What the log's clock shows: on PostgreSQL that of the database, as for every write."""
    if log.clock is not None or log.dialect == "sqlite":
        return moment_text(log.now())
    return str(connection.exec_driver_sql(f"SELECT {_STATEMENT_NOW}").scalar())


# An effect of a case waits until the same effect of its earlier decision is through: a receiver must not end with the
# older of two. What a worker was lost over comes last and alone, so that an effect that kills whoever sends it stops
# no other.
_FREE: Final = """
    SELECT o.effect_id FROM outbox AS o WHERE o.use_case = ? AND o.due_at <= ? {which} {names}
        AND NOT EXISTS (SELECT 1 FROM outbox AS w WHERE w.use_case = o.use_case AND w.case_id = o.case_id
            AND w.name = o.name AND w.revision < o.revision)
    ORDER BY o.due_at LIMIT {limit}"""
_FRESH: Final = "AND o.lost = 0 AND o.expires = 0"
_LOST: Final = "AND o.expires < {clock} AND (o.lost > 0 OR o.expires > 0)"
_TAKE: Final = """
    UPDATE outbox SET owner = ?, expires = {clock} + ?, lost = lost + CASE WHEN expires > 0 THEN 1 ELSE 0 END
    WHERE use_case = ? AND effect_id = ANY(?) AND expires < {clock}
    RETURNING effect_id, failures, lost"""
_TAKEN: Final = """
    SELECT e.effect_id, e.case_id, e.revision, e.name, e.replaces, e.body,
        (SELECT d.verdict FROM decisions AS d WHERE d.use_case = e.use_case AND d.case_id = e.case_id
            AND d.revision = e.revision) AS verdict,
        (SELECT a.at FROM audit AS a WHERE a.use_case = e.use_case AND a.seq = e.seq) AS planned_at
    FROM outbox AS o JOIN effects AS e ON e.use_case = o.use_case AND e.case_id = o.case_id
        AND e.revision = o.revision AND e.name = o.name
    WHERE o.use_case = ? AND o.effect_id = ANY(?)"""


def claim(
    log: CaseLog, use_case: str, *, owner: str, seconds: float, limit: int = 100, names: Sequence[str] | None = None
) -> list[Claimed]:
    """Up to ``limit`` effects that are due, and that nobody else sends for so long; longest due first.

    Args:
        log: where they wait.
        use_case: whose effects.
        owner: who asks, different for each worker.
        seconds: until another may take them, by the database's clock.
        limit: at most so many; what a worker was lost over comes one at a time, when nothing else is due.
        names: only effects of these names; by default all.
    """
    with _changing(log) as connection:
        walk_along_indexes(connection)
        values = [use_case, _now(log, connection), *([] if names is None else [list(names)])]
        taken: Sequence[Row[Any]] = []
        for which, most in ((_FRESH, limit), (_LOST, 1)):
            ids = _free(log, connection, which, most, values)
            taken = _rows(log, connection, _TAKE, owner, seconds, use_case, ids) if ids else []
            if taken:
                break
        how = {row.effect_id: row for row in taken}
        found = _rows(log, connection, _TAKEN, use_case, list(how)) if how else []
    told = {row.effect_id: row for row in found}
    return [Claimed(**told[key]._mapping, failures=row.failures, lost=row.lost) for key, row in how.items()]


def _free(log: CaseLog, connection: Connection, which: str, limit: int, values: Sequence[Any]) -> list[str]:
    """The effects that may be taken; ``values``: the use case, now, and the names where they are given."""
    named = "AND o.name = ANY(?)" if len(values) > 2 else ""
    skip = " FOR UPDATE OF o SKIP LOCKED" if log.dialect == "postgresql" else ""
    statement = _FREE.replace("{which}", which).replace("{names}", named).replace("{limit}", str(int(limit)))
    return [row.effect_id for row in _rows(log, connection, statement + skip, *values)]


_LEAVE: Final = "UPDATE outbox SET owner = '', expires = 0 WHERE use_case = ? AND effect_id = ANY(?) AND owner = ?"


def release(log: CaseLog, use_case: str, effect_ids: Sequence[str], *, owner: str) -> None:
    """Leave effects that were claimed to others; what somebody else has taken over stays theirs."""
    if effect_ids:
        with _changing(log) as connection:
            _rows(log, connection, _LEAVE, use_case, list(effect_ids), owner)


def owners(log: CaseLog, use_case: str) -> list[str]:
    """Who sends effects now, by claims that have not run out."""
    statement = "SELECT DISTINCT owner FROM outbox WHERE use_case = ? AND expires >= {clock} ORDER BY owner"
    with reading(log) as connection:
        return [row.owner for row in _rows(log, connection, statement, use_case)]


def lapse(log: CaseLog, use_case: str, owner: str) -> None:
    """The claims of an owner that is known to be gone run out now; a worker was lost over them."""
    statement = "UPDATE outbox SET expires = 1 WHERE use_case = ? AND owner = ? AND expires >= {clock}"
    with _changing(log) as connection:
        _rows(log, connection, statement, use_case, owner)


_LAST: Final = """
    SELECT effect_id, max(attempt) AS attempt FROM deliveries WHERE use_case = ? AND effect_id = ANY(?)
    GROUP BY effect_id"""
_THROUGH: Final = "DELETE FROM outbox WHERE use_case = ? AND effect_id = ANY(?)"
_GAVE_UP: Final = "DELETE FROM outbox WHERE use_case = ? AND effect_id = ANY(?) AND owner = ?"
_LATER: Final = """
    UPDATE outbox SET due_at = ?, failures = failures + 1, lost = 0, owner = '', expires = 0
    WHERE use_case = ? AND effect_id = ? AND owner = ?"""


def record(log: CaseLog, use_case: str, attempts: Sequence[Attempt], *, sink: str, owner: str) -> None:
    """Store how attempts ended, and take from the outbox what is through, in one transaction.

    Every attempt is stored, also of a worker whose claim ran out meanwhile: it was made.

    Args:
        log: where to.
        use_case: whose effects.
        attempts: at most one an effect.
        sink: where to they were sent, without secrets.
        owner: who sent them.
    """
    if not attempts:
        return
    with writing(log, use_case, kind="deliver", actor=owner) as transaction:
        add_attempts(transaction, attempts, sink)
        ended: dict[str, list[str]] = {"delivered": [], "given up": []}
        for attempt in attempts:
            if attempt.state == "failed":
                transaction.execute(_LATER, _after(transaction, attempt), use_case, attempt.effect_id, owner)
            else:
                ended[attempt.state].append(attempt.effect_id)
        transaction.execute(_THROUGH, use_case, ended["delivered"])
        transaction.execute(_GAVE_UP, use_case, ended["given up"], owner)


def _after(transaction: Transaction, attempt: Attempt) -> str | None:
    return moment_text(moment(transaction.at) + attempt.wait) if attempt.state == "failed" else None


def add_attempts(transaction: Transaction, attempts: Sequence[Attempt], sink: str) -> None:
    """Store attempts after those that there are, within a write."""
    ids = [attempt.effect_id for attempt in attempts]
    before = {row.effect_id: row.attempt for row in transaction.execute(_LAST, transaction.use_case, ids)}
    columns: dict[str, list[Any]] = {
        "effect_id": ids,
        "attempt": [before.get(name, 0) + 1 for name in ids],
        "state": [attempt.state for attempt in attempts],
        "reason": [attempt.reason for attempt in attempts],
        "next_at": [_after(transaction, attempt) for attempt in attempts],
    }
    transaction.insert(DELIVERIES, columns, {"sink": sink})
