"""Whether policy may decide, asked inside the transaction that writes its decisions.

A frame is planned once and written in parts, by workers that may be slow, paused or behind the times. So every write
that makes an automatic decision asks again, once it has the lock of the use case's audit chain. A hold, an alarm, a
certificate and a promotion take the same lock: what returned before is seen, and nothing can come in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiops_flows.case_log.holds import rows_in_force
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.transaction import Transaction, lock_all_use_cases
from aiops_flows.errors import AutomationStopped, ChampionChanged

__all__ = ["Permission", "refuse_stopped"]


@dataclass(frozen=True)
class Permission:
    """What let policy decide when verdicts were planned; each write of them sees that it still holds."""

    rests_on: Mapping[str, int]
    """Model -> version that must be its champion still."""
    judge: str = ""
    """The judging model, whose certificate allows the decisions; empty where there is no certificate."""
    certificate: str = ""
    """The certificate as it is stored, JSON text."""
    expires_at: datetime | None = None
    """From then on the certificate allows nothing."""
    alarms: frozenset[int] = field(default=frozenset())
    """Numbers of the open alarms that the plan took account of."""


_CHAMPION = """
    SELECT version FROM promotions WHERE use_case = ? AND model = ? AND action <> 'refuse'
    ORDER BY number DESC LIMIT 1"""
_CERTIFICATE = """
    SELECT v.certificate AS first, (SELECT e.certificate FROM evidence AS e WHERE e.use_case = v.use_case
        AND e.model = v.model AND e.version = v.version ORDER BY e.round DESC LIMIT 1) AS latest
    FROM versions AS v WHERE v.use_case = ? AND v.model = ? AND v.version = ?"""
_STOPPING = """
    SELECT r.number, r.model, r.version, r.reason FROM alarms AS r
    WHERE r.use_case = ? AND r.state = 'raised' AND r.action = 'to people'
        AND NOT EXISTS (SELECT 1 FROM alarms AS n WHERE n.use_case = r.use_case AND n.clears = r.number)
    ORDER BY r.number"""


def refuse_stopped(transaction: Transaction, permission: Permission | None) -> None:
    """See that policy may decide, and keep it so until the end of this write.

    Raises:
        AutomationStopped: a hold is in force, an alarm came up since, or the certificate is another or has expired.
        ChampionChanged: a version that the decisions rest on is no longer champion.
    """
    lock_all_use_cases(transaction)
    if holds := rows_in_force(transaction):
        first = holds[0]
        _stop(transaction, f"hold {first.number} by {first.actor} is in force ({first.reason})")
    if permission is None:
        return
    _refuse_replaced(transaction, permission.rests_on)
    if permission.judge:
        _refuse_certificate(transaction, permission)
    _refuse_alarm(transaction, permission)


def _refuse_replaced(transaction: Transaction, rests_on: Mapping[str, int]) -> None:
    for model, version in rests_on.items():
        found = transaction.execute(_CHAMPION, transaction.use_case, model)
        if not found or found[0].version != version:
            now = f"version {found[0].version}" if found else "none"
            raise ChampionChanged(
                f"{transaction.use_case}: version {version} of {model} is no longer champion ({now} is); nothing was "
                "decided by it, so propose again"
            )


def _refuse_certificate(transaction: Transaction, permission: Permission) -> None:
    version = permission.rests_on[permission.judge]
    rows = transaction.execute(_CERTIFICATE, transaction.use_case, permission.judge, version)
    stored = (rows[0].latest or rows[0].first) if rows else None
    if stored != permission.certificate:
        _stop(transaction, f"version {version} of {permission.judge} has another certificate now")
    if permission.expires_at is None or transaction.at >= moment_text(permission.expires_at):
        _stop(transaction, f"the certificate expired at {permission.expires_at}")


def _refuse_alarm(transaction: Transaction, permission: Permission) -> None:
    for alarm in transaction.execute(_STOPPING, transaction.use_case):
        about = permission.rests_on.get(alarm.model)
        if alarm.number not in permission.alarms and about is not None and alarm.version in {None, about}:
            _stop(transaction, f"alarm {alarm.number} sends cases to review ({alarm.reason})")


def _stop(transaction: Transaction, why: str) -> None:
    raise AutomationStopped(
        f"{transaction.use_case}: policy may not decide now: {why}. Nothing of this write was stored; plan again, and "
        "what policy may not decide goes to review"
    )
