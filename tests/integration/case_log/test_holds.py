"""After a hold, an alarm, a new certificate or its end, no automatic decision is committed, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiops_flows.case_log import CaseLog, alarms, audit, holds, questions, versions, writes
from aiops_flows.case_log.permission import refuse_stopped
from aiops_flows.case_log.tables import DECISIONS
from aiops_flows.case_log.transaction import lock_all_use_cases, writing
from aiops_flows.errors import AutomationStopped, CaseLogError, ChampionChanged, ConflictingWrite
from tests.integration.case_log.life import MODEL, alarm, answer, judge, names, promote, raw, take_in, version

LATER = datetime(2100, 1, 1, tzinfo=UTC)
CERTIFICATE = '{"threshold": 0.9}'


def put_to_work(log: CaseLog, cases: int = 10) -> writes.Permission:
    """A champion with a certificate, cases, and what lets policy decide them."""
    take_in(log, names(cases))
    versions.register(log, "claims", version(1))
    versions.attach_evidence(
        log, "claims", MODEL, 1, evidence="{}", evidence_digest="e1", certificate=CERTIFICATE, actor="tim"
    )
    promote(log, 1, None)
    return writes.Permission({MODEL: 1}, judge=MODEL, certificate=CERTIFICATE, expires_at=LATER)


def decided(log: CaseLog, case_id: str, permission: writes.Permission | None) -> int:
    said = writes.Decisions([case_id], ["pay"], ["rule"])
    return writes.add_verdicts(log, "claims", policy_version="p", decisions=said, permission=permission).decided


def hold(log: CaseLog, use_case: str = "claims", actor: str = "olga", **more: Any) -> int:
    return holds.hold(log, use_case, reason="wrong amounts", actor=actor, **more)


def test_under_a_hold_policy_decides_nothing_until_it_is_released(case_log: CaseLog) -> None:
    """A hold stops every write of automatic decisions, whatever it was planned with; a release lets them go on."""
    permission = put_to_work(case_log)
    assert decided(case_log, "case-000", permission) == 1
    number = hold(case_log)
    before = audit.head(case_log)
    for planned in (permission, None):
        with pytest.raises(AutomationStopped, match=r"hold 1 by olga is in force \(wrong amounts\)"):
            decided(case_log, "case-001", planned)
    again = writes.Decisions(["case-000"], ["pay"], ["again"], replaces=[0])
    with pytest.raises(AutomationStopped):
        writes.redecide(case_log, "claims", again, policy_version="p", permission=permission)
    assert audit.head(case_log) == before
    assert holds.release(case_log, "claims", number, reason="mended", actor="olga")
    assert decided(case_log, "case-001", permission) == 1


def test_a_hold_of_one_use_case_stops_no_other(case_log: CaseLog) -> None:
    """Another use case goes on; a hold of all stops it too, and is not counted as a use case."""
    take_in(case_log, names(4), use_case="renewals")
    hold(case_log, "claims")
    assert judge(case_log, ["case-000"], [], use_case="renewals").decided == 1
    hold(case_log, holds.ALL)
    with pytest.raises(AutomationStopped):
        judge(case_log, ["case-001"], [], use_case="renewals")
    assert questions.use_cases(case_log) == ["claims", "renewals"]
    holds.release(case_log, holds.ALL, 1, reason="mended", actor="olga")
    assert judge(case_log, ["case-001"], [], use_case="renewals").decided == 1


def test_people_decide_and_reviews_open_under_a_hold(case_log: CaseLog) -> None:
    """A hold stops policy, not people."""
    take_in(case_log, names(2))
    hold(case_log)
    assert judge(case_log, [], names(2)).reviewed == 2
    assert answer(case_log, "case-000").revision == 0
    held = questions.trace(case_log, "claims", "case-000")["holds"]
    assert [(row["number"], row["actor"], row["reason"]) for row in held] == [(1, "olga", "wrong amounts")]


def test_a_hold_ends_by_itself_at_its_end(database_url: str) -> None:
    """The case log's clock decides; the hold stays in the history, and so does its end."""
    clock = [datetime(2026, 3, 1, tzinfo=UTC)]
    with CaseLog.open(database_url, clock=lambda: clock[0]) as log:
        take_in(log, names(2))
        hold(log, until=clock[0] + timedelta(hours=2))
        clock[0] += timedelta(hours=1, minutes=59)
        with pytest.raises(AutomationStopped):
            decided(log, "case-000", None)
        clock[0] += timedelta(minutes=1)
        assert decided(log, "case-000", None) == 1
        assert holds.in_force(log, "claims") == []
        assert holds.in_force(log, "claims", at=clock[0] - timedelta(minutes=1))[0].actor == "olga"
        assert holds.history(log, "claims")["until"].tolist() == [clock[0]]
        assert audit.check_invariants(log) == []


def test_a_hold_says_who_and_why_and_is_released_once(case_log: CaseLog) -> None:
    """Nameless, reasonless and past holds are refused; a second release changes nothing; an unknown one is an error."""
    for reason, actor in (("", "olga"), ("why", " "), ("why", "\u200b")):
        with pytest.raises(CaseLogError):
            holds.hold(case_log, "claims", reason=reason, actor=actor)
    with pytest.raises(CaseLogError, match="must be in the future"):
        hold(case_log, until=datetime(2020, 1, 1, tzinfo=UTC))
    number = hold(case_log)
    assert str(holds.in_force(case_log, "claims")[0]).startswith("hold 1 by olga since ")
    assert holds.release(case_log, "claims", number, reason="mended", actor="ann")
    before = audit.head(case_log)
    assert holds.release(case_log, "claims", number, reason="again", actor="ann")
    assert audit.head(case_log) == before
    with pytest.raises(ConflictingWrite, match="there is no hold 7"):
        holds.release(case_log, "claims", 7, reason="mended", actor="ann")


def test_a_release_with_four_eyes_takes_two_people(case_log: CaseLog) -> None:
    """One person asks, another agrees; the same person under another spelling is the same person."""
    number = hold(case_log, four_eyes=True)
    for name in ("René", "RENE\u0301", " rené\u200b"):
        assert not holds.release(case_log, "claims", number, reason="mended", actor=name)
    assert holds.in_force(case_log, "claims")
    assert holds.release(case_log, "claims", number, reason="mended", actor="ann")
    assert not holds.in_force(case_log, "claims")


def test_an_alarm_that_stopped_a_model_with_four_eyes_is_cleared_by_two(case_log: CaseLog) -> None:
    """The version asks for it; an alarm that stops nothing is cleared by one."""
    versions.register(case_log, "claims", version(1, four_eyes=True))
    stopping, looking = alarm(case_log), alarm(case_log, action="look")
    assert alarms.open_alarms(case_log, "claims")[0].four_eyes
    assert alarms.clear(case_log, "claims", looking, reason="seen", actor="ann")
    assert not alarms.clear(case_log, "claims", stopping, reason="seen", actor="ann")
    assert not alarms.clear(case_log, "claims", stopping, reason="seen", actor="Ann ")
    assert alarms.clear(case_log, "claims", stopping, reason="seen", actor="bea")
    assert alarms.open_alarms(case_log, "claims") == []


def test_the_database_itself_asks_for_two_people(case_log: CaseLog) -> None:
    """Raw SQL cannot clear or release alone, nor with an agreement of one's own under another spelling."""
    versions.register(case_log, "claims", version(1, four_eyes=True))
    alarm(case_log)
    hold(case_log, four_eyes=True)
    clearing = (
        "INSERT INTO alarms (use_case, number, state, clears, model, version, kind, action, reason, evidence, actor,"
        f" seq, actor_key) VALUES ('claims', 2, 'cleared', 1, '{MODEL}', 1, 'error', 'to people', '', '', 'ann', 9,"
        " {})"
    )
    releasing = (
        "INSERT INTO holds (use_case, number, state, releases, effects, four_eyes, reason, evidence, actor, seq,"
        " actor_key) VALUES ('claims', 2, 'released', 1, 0, 0, '', '', 'ann', 9, {})"
    )
    for statement in (clearing, releasing):
        for key in ("NULL", "''", "'ann'"):
            with pytest.raises(Exception, match=r"four eyes|needs the name"):
                raw(case_log, statement.format(key))
    alarms.clear(case_log, "claims", 1, reason="seen", actor="ann")
    holds.release(case_log, "claims", 1, reason="seen", actor="ann")
    for statement in (clearing, releasing):
        with pytest.raises(Exception, match="four eyes"):
            raw(case_log, statement.format("'ann'"))


def test_an_alarm_that_came_since_the_plan_stops_the_write(case_log: CaseLog) -> None:
    """One of a version that the decisions rest on; the plan that took account of it, and other alarms, go on."""
    permission = put_to_work(case_log)
    alarm(case_log, action="audit more")
    alarm(case_log, version=7)
    alarm(case_log, model="another")
    assert decided(case_log, "case-000", permission) == 1
    number = alarm(case_log, segment="north")
    with pytest.raises(AutomationStopped, match=f"alarm {number} sends cases to review"):
        decided(case_log, "case-001", permission)
    knowing = writes.Permission(
        {MODEL: 1}, judge=MODEL, certificate=CERTIFICATE, expires_at=LATER, alarms=frozenset({number})
    )
    assert decided(case_log, "case-001", knowing) == 1
    alarms.clear(case_log, "claims", number, reason="seen", actor="ann")
    assert decided(case_log, "case-002", permission) == 1


def test_another_certificate_or_its_end_stops_the_write(case_log: CaseLog) -> None:
    """What was planned under a certificate is decided under that one, before it expires by the database's clock."""
    permission = put_to_work(case_log)
    expired = writes.Permission(
        {MODEL: 1}, judge=MODEL, certificate=CERTIFICATE, expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    with pytest.raises(AutomationStopped, match="expired"):
        decided(case_log, "case-000", expired)
    versions.attach_evidence(
        case_log, "claims", MODEL, 1, evidence="{}", evidence_digest="e1", certificate='{"threshold": 0.99}'
    )
    with pytest.raises(AutomationStopped, match="another certificate"):
        decided(case_log, "case-000", permission)
    versions.register(case_log, "claims", version(2))
    promote(case_log, 2, 1)
    with pytest.raises(ChampionChanged):
        decided(case_log, "case-000", permission)


@pytest.mark.parametrize("use_case", ["claims", holds.ALL])
def test_a_hold_waits_for_the_write_that_is_under_way_and_stops_the_next(case_log: CaseLog, use_case: str) -> None:
    """A decision is before the hold or is refused: none is committed after the call returned."""
    take_in(case_log, names(2))
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def decide_slowly() -> None:
        with writing(case_log, "claims", kind="review") as transaction:
            lock_all_use_cases(transaction)
            begun.set()
            go_on.wait(30)
            order.append("the write under way")

    def stop() -> None:
        hold(case_log, use_case)
        order.append("the hold returned")

    writer, stopper = threading.Thread(target=decide_slowly), threading.Thread(target=stop)
    writer.start()
    begun.wait(30)
    stopper.start()
    stopper.join(0.3)  # long enough for a hold that would not wait
    assert order == []
    go_on.set()
    writer.join()
    stopper.join()
    assert order == ["the write under way", "the hold returned"]
    with pytest.raises(AutomationStopped):
        decided(case_log, "case-000", None)


@pytest.mark.postgres
def test_a_hold_of_all_stops_a_write_that_began_before_it(postgres_url: str) -> None:
    """A write that had its use case's lock, and an earlier time, when the hold came, sees the hold all the same."""
    with CaseLog.open(postgres_url) as log:
        take_in(log, names(2))
        with writing(log, "claims", kind="review") as transaction:
            hold(log, holds.ALL)
            with pytest.raises(AutomationStopped):
                refuse_stopped(transaction, None)


def test_a_decision_under_a_hold_is_found(database_url: str) -> None:
    """The check of the record names an automatic decision that was written past a hold."""
    said = {"actor": "policy", "actor_kind": "policy", "verdict": "pay", "reason": "x", "revision": 0}
    with CaseLog.open(database_url) as log:
        take_in(log, names(2))
        hold(log)
        assert audit.check_invariants(log) == []
        with writing(log, "claims", kind="review") as transaction:
            transaction.insert(DECISIONS, {"case_id": ["case-000"]}, said)
        assert [found.split(":")[0] for found in audit.check_invariants(log)] == [
            "an automatic decision that was made under a hold"
        ]


def test_names_are_compared_inside_the_database(case_log: CaseLog) -> None:
    """Who trained a version cannot approve it under another spelling, raw SQL included; a forged key is found."""
    versions.register(case_log, "claims", version(1, four_eyes=True, trained_by="Rév"))
    approval = (
        "INSERT INTO approvals (use_case, model, version, evidence_digest, approver, channel, comment, seq,"
        f" approver_key) VALUES ('claims', '{MODEL}', 1, 'e1', 'Re\u0301v', 'sql', '', 9, {{}})"
    )
    for key in ("NULL", "''", "'rév'"):
        with pytest.raises(Exception, match="four eyes"):
            raw(case_log, approval.format(key))
    assert audit.verify(case_log) == []


def test_displayed_names_stay_as_they_were_written(case_log: CaseLog) -> None:
    """Only keys are folded."""
    hold(case_log, actor="  René O\u2019Neil ")
    assert holds.in_force(case_log, "claims")[0].actor == "René O\u2019Neil"
