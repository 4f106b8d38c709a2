"""The whole life of a few cases in the log, as one script that may be run again after it died anywhere."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg

from aiops_flows.case_log import CaseLog, Lease, alarms, audit, leases, promotions, questions, versions, writes
from aiops_flows.errors import AlreadyDecided, ChampionChanged

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
BATCH = "ba7c4"
MODEL = "claims-fraud"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def names(count: int, start: int = 0) -> list[str]:
    return [f"case-{number:03d}" for number in range(start, start + count)]


def claim(log: CaseLog, use_case: str = "claims", batch: str = BATCH, owner: str = "worker") -> Lease:
    return leases.claim(log, use_case, batch, source="inbox/march.csv", owner=owner, seconds=300)


def take_in(
    log: CaseLog, case_ids: Sequence[str], *, use_case: str = "claims", lease: Lease | None = None, note: str = ""
) -> writes.CasesAdded:
    bodies = [f'{{"case_id":"{case_id}","note":"{note}"}}' for case_id in case_ids]
    return writes.add_cases(
        log,
        use_case,
        case_ids=case_ids,
        received_at=[MARCH] * len(case_ids),
        bodies=bodies,
        digests=[digest(body) for body in bodies],
        lease=lease,
    )


def predict(
    log: CaseLog,
    case_ids: Sequence[str],
    *,
    use_case: str = "claims",
    version: int = 1,
    value: Any = "pay",
    tokens: Sequence[str] = (),
) -> writes.PredictionsAdded:
    many = len(case_ids)
    return writes.add_predictions(
        log,
        use_case,
        model=MODEL,
        version=version,
        case_ids=case_ids,
        values=[value] * many,
        confidences=[0.75] * many,
        scores=['{"pay":0.75,"deny":0.25}'] * many,
        tokens=tokens,
    )


def judge(
    log: CaseLog,
    decided: Sequence[str],
    asked: Sequence[str],
    *,
    use_case: str = "claims",
    tokens: Sequence[str] = (),
    verdict: str = "pay",
    audited: Sequence[str] = (),
) -> writes.VerdictsAdded:
    return writes.add_verdicts(
        log,
        use_case,
        policy_version="0123456789ab",
        certificate='{"threshold":0.7}',
        decisions=writes.Decisions(
            decided,
            [verdict] * len(decided),
            ["auto: certified"] * len(decided),
            audit_probabilities=[0.5 if case_id in audited else None for case_id in decided],
        ),
        reviews=writes.Reviews(asked, ["confidence below 0.7"] * len(asked), [1.0] * len(asked), [APRIL] * len(asked)),
        tokens=tokens,
        audits=draw(audited),
    )


def draw(case_ids: Sequence[str], *, blind: bool = True) -> writes.Reviews:
    """Reviews of the lane."""
    many = len(case_ids)
    return writes.Reviews(case_ids, ["drawn"] * many, [0.5] * many, [APRIL] * many, blind=[blind] * many)


def read(
    log: CaseLog, case_id: str, verdict: str = "pay", *, use_case: str = "claims", actor: str = "eve", **more: Any
) -> writes.Reading:
    return writes.read_case(
        log, use_case, case_id, verdict=verdict, reason="read it", actor=actor, channel="python", **more
    )


def alarm(log: CaseLog, use_case: str = "claims", **more: Any) -> int:
    said: dict[str, Any] = {"model": MODEL, "version": 1, "kind": "error", "action": "to people", **more}
    return alarms.raise_alarm(log, use_case, reason="too many wrong", evidence='{"e":31.5}', actor="monitor", **said)


def answer(
    log: CaseLog, case_id: str, verdict: str = "deny", *, use_case: str = "claims", **more: Any
) -> writes.Decision:
    return writes.decide(
        log, use_case, case_id, verdict=verdict, reason="seen the file", actor="ann", channel="python", **more
    )


def version(
    number: int, *, four_eyes: bool = False, trained_by: str = "tim", evidence: str | None = "e"
) -> versions.VersionRecord:
    return versions.VersionRecord(
        model=MODEL,
        version=number,
        digest=digest(f"files {number}"),
        run_id=f"run-{number}",
        dataset_digest=digest("data")[:32],
        trained_by=trained_by,
        trained_at=MARCH,
        code_version="abc123",
        learned='{"rows":1000}',
        evidence=evidence and "{}",
        evidence_digest=evidence and f"{evidence}{number}",
        four_eyes=four_eyes,
    )


def promote(
    log: CaseLog, number: int, expected: int | None, *, use_case: str = "claims", **more: Any
) -> promotions.Promotion:
    said: dict[str, Any] = {"action": "promote", "proposer": "pat", "reason": "better on the same rows", **more}
    return promotions.record(log, use_case, MODEL, version=number, expected=expected, **said)


def live(log: CaseLog, use_case: str) -> None:
    """Everything that happens to ten cases; each step may be the second time it is done."""
    case_ids = names(10)
    versions.register(log, use_case, version(1, four_eyes=True))
    promotions.approve(log, use_case, MODEL, 1, evidence_digest="e1", approver="ann", channel="python")
    if promotions.champion(log, use_case, MODEL) is None:
        promote(log, 1, None, use_case=use_case)
    lease = claim(log, use_case)
    take_in(log, case_ids, use_case=use_case, lease=lease)
    row = writes.QuarantineRow(None, digest("broken"), "intake", "amount: missing", "broken", "inbox/march.csv")
    writes.add_quarantine(log, use_case, [row], lease)
    predict(log, case_ids, use_case=use_case, tokens=[lease.token])
    judge(log, case_ids[:6], case_ids[6:], use_case=use_case, tokens=[lease.token], audited=case_ids[:3])
    leases.finish(log, lease)
    with suppress(AlreadyDecided):
        read(log, case_ids[0], use_case=use_case, seconds=12.5)
    with suppress(AlreadyDecided):
        read(log, case_ids[1], "deny", use_case=use_case)
    with suppress(AlreadyDecided):
        answer(log, case_ids[6], use_case=use_case)
    if not len(alarms.history(log, use_case)):
        alarm(log, use_case)
    for actor in ("ann", "bea"):  # the version asks for four eyes
        alarms.clear(log, use_case, 1, reason="looked at", actor=actor)
    writes.add_outcomes(
        log, use_case, case_ids=case_ids[:3], name="paid", values=[1, 0, 1], event_at=[None] * 3, known_at=[APRIL] * 3
    )


LIVED = {
    "cases": 10,
    "history": 0,
    "unfinished": 0,
    "decided_by_policy": 5,
    "decided_by_person": 2,
    "open_reviews": 3,
    "open_audits": 1,
    "quarantined": 1,
    "outcomes": 3,
    "open_batches": 0,
}


def counted(log: CaseLog, use_case: str) -> dict[str, int]:
    row = questions.counts(log, use_case).iloc[0]
    return {name: int(row[name]) for name in LIVED}


def superuser(log: CaseLog, *statements: str) -> None:
    """What somebody with all rights on the database can do to it: even its triggers do not stop them."""
    if log.dialect == "postgresql":
        with psycopg.connect(log.url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger fires
            for statement in statements:
                connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(log.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def raw(log: CaseLog, statement: str) -> None:
    """The statement as any other program sends it, with the triggers in force."""
    if log.dialect == "postgresql":
        with psycopg.connect(log.url, autocommit=True) as connection:
            connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(log.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute(statement)


def race(url: str, number: int) -> bool:
    """Whether this promoter made its version champion, of many that all saw none."""
    with CaseLog.open(url) as log:
        try:
            promote(log, number, None)
        except ChampionChanged:
            return False
    return True


def is_whole(log: CaseLog) -> bool:
    return audit.check_invariants(log) == [] and audit.verify(log) == []
