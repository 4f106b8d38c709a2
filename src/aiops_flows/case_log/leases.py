"""Who works on a batch: leases that run out by the database's clock, and fences that stop who comes too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, Row

from aiops_flows.case_log.dialects import bind, clock
from aiops_flows.case_log.log import CaseLog, translated
from aiops_flows.errors import BatchBusy, LeaseLost

__all__ = ["Lease", "claim", "claim_unfinished", "finish", "holders", "lapse", "release", "renew"]


@dataclass(frozen=True)
class Lease:
    """The right to write a batch, until somebody else's fence is higher."""

    use_case: str
    batch_id: str
    fence: int
    owner: str = ""
    attempts: int = 1
    """How often the batch was begun; one that was released, or finished before, does not count."""

    @property
    def token(self) -> str:
        """The lease as a frame carries it in its column ``batch``."""
        return f"{self.batch_id}#{self.fence}"

    @classmethod
    def parse(cls, use_case: str, token: str) -> Self:
        """The lease that a token of a frame says.

        Raises:
            LeaseLost: the token is none.
        """
        batch_id, mark, fence = token.rpartition("#")
        if not mark or not fence.isdecimal():
            raise LeaseLost(
                f"{token!r} is no lease token; expected 'batch#fence', as the column batch of intake's frame"
            )
        return cls(use_case, batch_id, int(fence))


@contextmanager
def _changing(log: CaseLog) -> Iterator[Connection]:
    with translated(), log.leaser.begin() as connection:
        yield connection


def _rows(log: CaseLog, connection: Connection, statement: str, *values: Any) -> Sequence[Row[Any]]:
    statement = statement.replace("{now}", clock(log.dialect))
    return connection.exec_driver_sql(*bind(log.dialect, statement, values)).all()


_BEGIN = """
    INSERT INTO batches (use_case, batch_id, source, owner, fence, attempts, expires, state)
    VALUES (?, ?, ?, ?, 1, ?, {now} + ?, 'open') ON CONFLICT DO NOTHING RETURNING fence, attempts"""

_TAKE = """
    UPDATE batches SET fence = fence + 1, owner = ?, expires = {now} + ?, state = 'open',
        attempts = CASE WHEN state = 'done' THEN 1 WHEN expires = 0 THEN attempts ELSE attempts + 1 END
    WHERE use_case = ? AND batch_id = ? AND (owner = ? OR expires < {now} OR state = 'done')
    RETURNING fence, attempts"""


def claim(
    log: CaseLog, use_case: str, batch_id: str, *, source: str, owner: str, seconds: float, attempts: int = 1
) -> Lease:
    """The lease of a batch: new, one's own again, or taken over from an owner whose lease ran out.

    A finished batch may be claimed again. Whoever held the batch before cannot write it any more.

    Args:
        log: where the batch is kept.
        use_case: whose batch.
        batch_id: digest of its content.
        source: where its rows come from, for people.
        owner: who asks, different for each worker.
        seconds: until it may be taken over.
        attempts: of a new batch, the how-manieth attempt at its content this is.

    Raises:
        BatchBusy: another owner's lease has not run out.
    """
    with _changing(log) as connection:
        found = _rows(log, connection, _BEGIN, use_case, batch_id, source, owner, attempts, seconds) or _rows(
            log, connection, _TAKE, owner, seconds, use_case, batch_id, owner
        )
        if found:
            return Lease(use_case, batch_id, found[0].fence, owner, found[0].attempts)
        statement = "SELECT owner, expires - {now} AS left_over FROM batches WHERE use_case = ? AND batch_id = ?"
        holder = _rows(log, connection, statement, use_case, batch_id)[0]
    raise BatchBusy(
        f"batch {batch_id[:12]} of {use_case} is held by {holder.owner} for another {holder.left_over:.0f} s; "
        "it is taken over when that lease runs out, so try again then"
    )


_UNFINISHED = """
    SELECT batch_id FROM batches WHERE use_case = ? AND state = 'open' AND expires < {now}
        AND attempts + CASE WHEN expires = 0 THEN 0 ELSE 1 END >= ?
    ORDER BY expires, batch_id LIMIT ?"""


def claim_unfinished(
    log: CaseLog, use_case: str, *, owner: str, seconds: float, limit: int = 100, attempts: int = 1
) -> list[Lease]:
    """The leases of up to ``limit`` unfinished batches that nobody holds, longest abandoned first.

    Only of those of which this is at least the attempt of that number.
    """
    skip = " FOR UPDATE SKIP LOCKED" if log.dialect == "postgresql" else ""
    leases = []
    with _changing(log) as connection:
        for (batch_id,) in _rows(log, connection, _UNFINISHED + skip, use_case, attempts, limit):
            fence, attempts = _rows(log, connection, _TAKE, owner, seconds, use_case, batch_id, owner)[0]
            leases.append(Lease(use_case, batch_id, fence, owner, attempts))
    return leases


_LEFT_OVER = "SELECT fence, expires - {now} AS left_over FROM batches WHERE use_case = ? AND batch_id = ?"


def renew(log: CaseLog, leases: Sequence[Lease], seconds: float) -> None:
    """Hold the batches for so long from now; where nine tenths of it are left, nothing is written.

    Raises:
        LeaseLost: one of them was taken over; none is renewed.
    """
    if _held_long_enough(log, leases, 0.9 * seconds):
        return
    with _changing(log) as connection:
        for lease in sorted(leases, key=lambda lease: (lease.use_case, lease.batch_id)):
            _set(log, connection, lease, "expires = {now} + ?", seconds)


def _held_long_enough(log: CaseLog, leases: Sequence[Lease], seconds: float) -> bool:
    """Whether each is held for so long still: asking costs a tenth of a commit, and single cases are worked on fast."""
    with translated(), log.reader.connect() as connection:
        for lease in leases:
            found = _rows(log, connection, _LEFT_OVER, lease.use_case, lease.batch_id)
            if not found or found[0].fence != lease.fence or found[0].left_over < seconds:
                return False
    return True


def finish(log: CaseLog, lease: Lease) -> None:
    """Say that nothing of the batch is left to do.

    Raises:
        LeaseLost: it was taken over.
    """
    with _changing(log) as connection:
        _set(log, connection, lease, "state = 'done', expires = 0")


def release(log: CaseLog, lease: Lease) -> None:
    """Let others take the batch at once; this does not count as an attempt.

    Raises:
        LeaseLost: it was taken over.
    """
    with _changing(log) as connection:
        _set(log, connection, lease, "expires = 0")


def holders(log: CaseLog, use_case: str) -> list[str]:
    """Who holds batches now, by leases that have not run out."""
    statement = (
        "SELECT DISTINCT owner FROM batches WHERE use_case = ? AND state = 'open' AND expires >= {now} ORDER BY owner"
    )
    with translated(), log.reader.connect() as connection:
        return [row.owner for row in _rows(log, connection, statement, use_case)]


def lapse(log: CaseLog, use_case: str, owner: str) -> int:
    """How many leases of an owner that is known to be gone run out now; taking such a batch over is an attempt."""
    statement = """
        UPDATE batches SET expires = 1 WHERE use_case = ? AND owner = ? AND state = 'open' AND expires >= {now}
        RETURNING batch_id"""
    with _changing(log) as connection:
        return len(_rows(log, connection, statement, use_case, owner))


def _set(log: CaseLog, connection: Connection, lease: Lease, change: str, *values: Any) -> None:
    statement = f"UPDATE batches SET {change} WHERE use_case = ? AND batch_id = ? AND fence = ? RETURNING fence"
    if not _rows(log, connection, statement, *values, lease.use_case, lease.batch_id, lease.fence):
        raise LeaseLost(
            f"batch {lease.batch_id[:12]} of {lease.use_case} was taken over from fence {lease.fence}; "
            "stop this run, or claim the batch again"
        )
