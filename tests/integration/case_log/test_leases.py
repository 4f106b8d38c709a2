"""A batch has one worker, by the database's clock; who comes too late writes nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest

from aiops_flows.case_log import CaseLog, Lease, audit, leases, questions
from aiops_flows.errors import BatchBusy, LeaseLost
from tests.integration.case_log.life import BATCH, claim, judge, live, names, predict, raw, take_in


def expire(log: CaseLog) -> None:
    """All leases ran out."""
    raw(log, "UPDATE batches SET expires = 1 WHERE expires <> 0")


def test_a_held_batch_is_busy(case_log: CaseLog) -> None:
    """Nobody else gets the batch while its lease lasts, and the message says who holds it."""
    claim(case_log)
    with pytest.raises(BatchBusy, match="held by worker for another"):
        claim(case_log, owner="other")


def test_an_owner_who_claims_again_starts_afresh(case_log: CaseLog) -> None:
    """The same owner gets its batch again under a higher fence, as another attempt."""
    first, second = claim(case_log), claim(case_log)
    assert (first.fence, second.fence, second.attempts) == (1, 2, 2)
    with pytest.raises(LeaseLost):
        take_in(case_log, names(1), lease=first)


def test_a_worker_that_lost_its_lease_cannot_write(case_log: CaseLog) -> None:
    """After a takeover every write of the former worker is refused whole."""
    stale = claim(case_log)
    take_in(case_log, names(4), lease=stale)
    expire(case_log)
    lease = claim(case_log, owner="other")
    assert lease.attempts == 2
    head = audit.head(case_log)
    tokens = [lease.token, stale.token]
    for late in (
        lambda: take_in(case_log, names(9), lease=stale),
        lambda: predict(case_log, names(2), tokens=[stale.token] * 2),
        lambda: predict(case_log, names(2), tokens=tokens),
        lambda: judge(case_log, names(2), [], tokens=[stale.token] * 2),
        lambda: leases.renew(case_log, [stale], 60),
        lambda: leases.finish(case_log, stale),
        lambda: leases.release(case_log, stale),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert audit.head(case_log) == head
    predict(case_log, names(4), tokens=[lease.token])


def test_an_expired_lease_that_nobody_took_still_counts(case_log: CaseLog) -> None:
    """Who was slow, but not overtaken, loses nothing."""
    lease = claim(case_log)
    expire(case_log)
    assert take_in(case_log, names(2), lease=lease).new == 2
    leases.renew(case_log, [lease], 60)
    with pytest.raises(BatchBusy):
        claim(case_log, owner="other")


def test_an_unknown_batch_is_refused(case_log: CaseLog) -> None:
    """A token that was never given out writes nothing."""
    with pytest.raises(LeaseLost, match="never claimed"):
        take_in(case_log, names(1), lease=Lease("claims", "unknown", 1))


def test_a_token_says_its_lease() -> None:
    """What a frame carries is enough to know batch and fence."""
    lease = Lease("claims", "ab#c", 7)
    parsed = Lease.parse("claims", lease.token)
    assert (parsed.batch_id, parsed.fence) == ("ab#c", 7)
    with pytest.raises(LeaseLost, match="no lease token"):
        Lease.parse("claims", "ab")


def test_abandoned_batches_are_found(case_log: CaseLog) -> None:
    """Unfinished batches whose lease ran out are claimed; held and finished ones are not."""
    for batch in ("a", "b", "c"):
        claim(case_log, batch=batch)
    expire(case_log)
    claim(case_log, batch="d")
    leases.finish(case_log, claim(case_log, batch="e"))
    found = leases.claim_unfinished(case_log, "claims", owner="other", seconds=60, limit=2)
    assert [(lease.batch_id, lease.attempts) for lease in found] == [("a", 2), ("b", 2)]
    assert [one.batch_id for one in leases.claim_unfinished(case_log, "claims", owner="third", seconds=60)] == ["c"]
    assert leases.claim_unfinished(case_log, "claims", owner="fourth", seconds=60) == []


def test_abandoned_batches_go_to_one_worker_each(case_log: CaseLog) -> None:
    """Workers who look at the same time share the batches without overlap."""
    for number in range(30):
        claim(case_log, batch=f"batch {number:02d}")
    expire(case_log)

    def look(worker: int) -> list[str]:
        found = leases.claim_unfinished(case_log, "claims", owner=f"worker {worker}", seconds=60, limit=10)
        return [lease.batch_id for lease in found]

    with ThreadPoolExecutor(6) as workers:
        found = [batch for batches in workers.map(look, range(6)) for batch in batches]
    assert len(found) == len(set(found))
    rest = leases.claim_unfinished(case_log, "claims", owner="last", seconds=60)
    assert len(found) + len(rest) == 30


def test_a_released_batch_is_free_at_once(case_log: CaseLog) -> None:
    """Giving a batch back lets others begin, and is no failed attempt."""
    leases.release(case_log, claim(case_log))
    lease = claim(case_log, owner="other")
    assert (lease.fence, lease.attempts) == (2, 1)


def test_a_finished_batch_may_run_again(case_log: CaseLog) -> None:
    """A rerun claims the finished batch, and finds nothing left to do."""
    live(case_log, "claims")
    lease = claim(case_log, owner="other")
    assert lease.attempts == 1
    assert questions.unfinished(case_log, "claims", BATCH).empty


def test_unfinished_cases_of_a_batch_are_found(case_log: CaseLog) -> None:
    """What was stored but neither decided nor asked is what a rerun must still do."""
    lease = claim(case_log)
    take_in(case_log, names(6), lease=lease)
    judge(case_log, names(2), names(4)[2:], tokens=[lease.token])
    assert list(questions.unfinished(case_log, "claims", BATCH)["case_id"]) == ["case-004", "case-005"]


class AheadOfTime(datetime):
    """The clock of a machine that is an hour ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """An hour from now."""
        return super().now(tz) + timedelta(hours=1)


@pytest.mark.postgres
def test_a_worker_whose_clock_is_ahead_steals_nothing(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL leases and audit moments follow the server's clock, whatever the worker's says."""
    later = time.time() + 3600
    with CaseLog.open(postgres_url) as log:
        claim(log)
        monkeypatch.setattr(time, "time", lambda: later)
        monkeypatch.setattr("aiops_flows.case_log.log.datetime", AheadOfTime)
        with pytest.raises(BatchBusy):
            claim(log, owner="an hour ahead")
        assert leases.claim_unfinished(log, "claims", owner="an hour ahead", seconds=60) == []
        take_in(log, names(1))
        monkeypatch.undo()
        at = datetime.fromisoformat(questions.trace(log, "claims", "case-000")["case"]["at"])
    assert at < datetime.now(UTC) + timedelta(minutes=5)
