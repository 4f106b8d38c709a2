"""A case has one decision that holds; who corrects it says what is replaced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aiops_flows.case_log import CaseLog, audit, questions, versions, writes
from aiops_flows.errors import AiopsError, AlreadyDecided, ChampionChanged, ConflictingWrite
from tests.integration.case_log.life import (
    APRIL,
    MODEL,
    answer,
    judge,
    live,
    names,
    predict,
    promote,
    raw,
    take_in,
    version,
)


def test_a_person_answers_the_open_review(case_log: CaseLog) -> None:
    """The answer is the case's first decision and closes its review."""
    take_in(case_log, names(2))
    judge(case_log, [], names(2))
    decision = answer(case_log, "case-000", shown="page 1")
    assert (decision.revision, decision.verdict) == (0, "deny")
    assert list(questions.open_reviews(case_log, "claims")["case_id"]) == ["case-001"]
    held = questions.effective(case_log, "claims").iloc[0]
    assert (held["actor"], held["actor_kind"]) == ("ann", "person")


def test_a_case_is_decided_once(case_log: CaseLog) -> None:
    """A second answer is refused, and told who decided, unless it names the revision it replaces."""
    take_in(case_log, names(1))
    judge(case_log, names(1), [])
    with pytest.raises(AlreadyDecided, match="'pay' by policy"):
        answer(case_log, "case-000")
    with pytest.raises(AlreadyDecided):
        answer(case_log, "case-000", replaces=3)
    assert answer(case_log, "case-000", replaces=0).revision == 1
    with pytest.raises(AlreadyDecided, match="'deny' by ann"):
        answer(case_log, "case-000", replaces=0)
    assert list(questions.effective(case_log, "claims")["verdict"]) == ["deny"]


def test_there_must_be_something_to_replace(case_log: CaseLog) -> None:
    """Naming a revision of a case without a decision is a conflict."""
    take_in(case_log, names(1))
    with pytest.raises(ConflictingWrite, match="leave replaces out"):
        answer(case_log, "case-000", replaces=0)


def test_one_of_many_answers_wins(case_log: CaseLog) -> None:
    """Of people who answer at the same time one decides, and the others are told."""
    take_in(case_log, names(1))
    judge(case_log, [], names(1))

    def try_to(number: int) -> bool:
        try:
            answer(case_log, "case-000", verdict=f"verdict {number}")
        except AlreadyDecided:
            return False
        return True

    with ThreadPoolExecutor(12) as people:
        assert sum(people.map(try_to, range(12))) == 1


def test_verdicts_given_before_are_left_alone(case_log: CaseLog) -> None:
    """The policy neither decides what waits for a person nor asks about what is decided, and is told what holds."""
    take_in(case_log, names(4))
    judge(case_log, names(1), names(2)[1:])
    answer(case_log, "case-002")
    added = judge(case_log, ["case-001", "case-002"], ["case-000", "case-003"], verdict="deny")
    assert (added.decided, added.reviewed) == (0, 1)
    held = {case_id: (one.verdict, one.by) for case_id, one in added.stored.items()}
    assert held == {"case-000": ("pay", "policy"), "case-001": (None, None), "case-002": ("deny", "person")}


def test_a_case_both_decided_and_asked_is_decided(case_log: CaseLog) -> None:
    """In one call the decision comes first, so no review is opened beside it."""
    take_in(case_log, names(1))
    added = judge(case_log, names(1), names(1))
    assert (added.decided, added.reviewed) == (1, 0)


def recall(log: CaseLog) -> None:
    """Version 2 decided six cases; after the rollback version 1 judges them again."""
    take_in(log, names(6))
    predict(log, names(6), version=2)
    judge(log, names(5), names(6)[5:])
    answer(log, "case-005", verdict="pay")


def test_recall_finds_what_a_version_decided(case_log: CaseLog) -> None:
    """The cases whose decision rests on the version are found, until a decision that rests on another replaces it."""
    recall(case_log)
    found = questions.decided_by_version(case_log, "claims", model=MODEL, version=2)
    assert list(found["case_id"]) == names(6)
    assert list(found["actor_kind"]) == ["policy"] * 5 + ["person"]
    said: dict[str, Any] = {
        "model": MODEL,
        "version": 1,
        "case_ids": names(2),
        "values": ["deny"] * 2,
        "confidences": [0.9] * 2,
    }
    writes.add_recall_predictions(case_log, "claims", **said)
    assert len(questions.decided_by_version(case_log, "claims", model=MODEL, version=2)) == 6
    again = writes.Decisions(names(2), ["deny"] * 2, ["recall"] * 2, replaces=[0, 0])
    assert writes.redecide(case_log, "claims", again, policy_version="p2") == 2
    assert writes.redecide(case_log, "claims", again, policy_version="p2") == 0
    assert len(questions.decided_by_version(case_log, "claims", model=MODEL, version=2)) == 4
    assert list(questions.decided_by_version(case_log, "claims", model=MODEL, version=1)["revision"]) == [1, 1]


def test_a_questioned_decision_holds_until_it_is_answered(case_log: CaseLog) -> None:
    """A recall's review names the revision it questions; the answer replaces it without naming it again."""
    recall(case_log)
    reviews = writes.Reviews(names(3), ["recalled"] * 3, [5.0] * 3, [APRIL] * 3, questions=[0, 0, 0])
    assert writes.reopen(case_log, "claims", reviews) == 3
    assert writes.reopen(case_log, "claims", reviews) == 0
    opened = questions.open_reviews(case_log, "claims")
    assert list(opened["question"]) == [0, 0, 0]
    assert len(questions.effective(case_log, "claims")) == 6
    assert answer(case_log, "case-000", verdict="deny").revision == 1
    with pytest.raises(AlreadyDecided):
        answer(case_log, "case-000")
    again = writes.Decisions(["case-001"], ["deny"], ["recall"], replaces=[0])
    assert writes.redecide(case_log, "claims", again, policy_version="p2") == 1
    assert list(questions.open_reviews(case_log, "claims")["case_id"]) == ["case-002"]
    assert questions.trace(case_log, "claims", "case-000")["decisions"][1]["review_round"] == 0


def test_a_recall_does_not_overrule_who_decided_in_between(case_log: CaseLog) -> None:
    """Where somebody replaced the decision meanwhile, the recall leaves the case alone."""
    recall(case_log)
    answer(case_log, "case-000", verdict="settle", replaces=0)
    again = writes.Decisions(names(2), ["deny"] * 2, ["recall"] * 2, replaces=[0, 0])
    assert writes.redecide(case_log, "claims", again, policy_version="p2") == 1
    assert questions.effective(case_log, "claims", case_ids=["case-000"])["verdict"].tolist() == ["settle"]
    ahead = writes.Decisions(["case-003"], ["deny"], ["recall"], replaces=[4])
    with pytest.raises(ConflictingWrite, match="not there"):
        writes.redecide(case_log, "claims", ahead, policy_version="p2")


APPEND_ONLY = (
    "cases",
    "quarantine",
    "predictions",
    "decisions",
    "reviews",
    "readings",
    "outcomes",
    "versions",
    "evidence",
    "approvals",
    "promotions",
    "alarms",
    "audit",
)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_rows_cannot_be_changed_or_deleted(case_log: CaseLog, table: str) -> None:
    """The database refuses to change or delete a row, whoever asks."""
    live(case_log, "claims")
    for statement in (f"UPDATE {table} SET seq = 99", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="append-only"):
            raw(case_log, statement)
    with pytest.raises(Exception, match=r"only goes forward|append-only"):
        raw(case_log, "DELETE FROM audit_heads")
    with pytest.raises(Exception, match="only goes forward"):
        raw(case_log, "UPDATE audit_heads SET seq = 1")


def test_rows_cannot_be_truncated_away(case_log: CaseLog) -> None:
    """PostgreSQL refuses to empty a table; in SQLite that is a DELETE."""
    live(case_log, "claims")
    with pytest.raises(Exception, match=r"append-only|syntax error"):
        raw(case_log, "TRUNCATE decisions")


def test_the_single_rows_cannot_be_replaced(case_log: CaseLog) -> None:
    """INSERT OR REPLACE, which fires no delete trigger in SQLite, is refused for the tables of single rows."""
    live(case_log, "claims")
    if case_log.dialect != "sqlite":
        return
    for table in ("readings", "versions", "evidence", "approvals", "promotions", "alarms", "audit"):
        with pytest.raises(Exception, match=r"append-only|champion changed"):
            raw(case_log, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_two_decisions_cannot_both_hold(case_log: CaseLog) -> None:
    """The tables themselves leave no room for a decision that replaces nothing beside the first."""
    live(case_log, "claims")
    columns = "use_case, case_id, revision, verdict, reason, actor, actor_kind, replaces, seq"
    for values in (
        "0, 'x', '', '', 'person', NULL, 1",
        "1, 'x', '', '', 'person', NULL, 1",
        "2, 'x', '', '', 'person', 0, 1",
    ):
        with pytest.raises(Exception, match=r"(?i)unique|constraint"):
            raw(case_log, f"INSERT INTO decisions ({columns}) VALUES ('claims', 'case-000', {values})")
    assert audit.verify(case_log) == []


def test_every_error_is_one_of_ours() -> None:
    """What the log raises is caught as an AiopsError."""
    assert issubclass(AlreadyDecided, AiopsError)
    assert issubclass(ConflictingWrite, AiopsError)


def test_what_rests_on_a_replaced_champion_is_not_decided(case_log: CaseLog) -> None:
    """A rollback between looking and writing: nothing of the write is stored, neither decision nor review."""
    take_in(case_log, names(3))
    for number in (1, 2):
        versions.register(case_log, "claims", version(number))
        promote(case_log, number, number - 1 or None)
    promote(case_log, 1, 2, action="rollback")
    said = writes.Decisions(case_ids=names(2), verdicts=["pay"] * 2, reasons=["rule"] * 2)
    asked = writes.Reviews(case_ids=["case-002"], reasons=["doubt"], priorities=[0.0], due_at=[None])
    before = audit.head(case_log)
    for rests_on in ({MODEL: 2}, {MODEL: 1, "other": 1}):
        with pytest.raises(ChampionChanged, match="no longer champion"):
            writes.add_verdicts(
                case_log,
                "claims",
                policy_version="p",
                decisions=said,
                reviews=asked,
                permission=writes.Permission(rests_on),
            )
    assert audit.head(case_log) == before
    done = writes.add_verdicts(
        case_log,
        "claims",
        policy_version="p",
        decisions=said,
        reviews=asked,
        permission=writes.Permission({MODEL: 1}),
    )
    assert (done.decided, done.reviewed) == (2, 1)
