"""The lane beside automatic decisions: who reads, what a reading does, and what it leaves alone."""

from __future__ import annotations

import math
from typing import Any

import pytest

from aiops_flows.case_log import CaseLog, audit, questions, writes
from aiops_flows.errors import AlreadyDecided, CaseUnknown, ConflictingWrite
from tests.integration.case_log.life import APRIL, MODEL, answer, counted, draw, judge, names, predict, read, take_in


def decided(log: CaseLog, many: int = 4, audited: int = 2) -> None:
    take_in(log, names(many))
    predict(log, names(many))
    judge(log, names(many), [], audited=names(audited))


def verdicts(log: CaseLog) -> list[str]:
    return list(questions.effective(log, "claims")["verdict"])


def test_a_decision_stands_while_its_audit_is_open(case_log: CaseLog) -> None:
    """An audited case is decided like any other; a person is asked as well, blind, about revision 0."""
    decided(case_log)
    counts = counted(case_log, "claims")
    assert (counts["decided_by_policy"], counts["open_reviews"], counts["open_audits"]) == (4, 0, 2)
    asked = questions.open_reviews(case_log, "claims")
    assert list(
        zip(asked["case_id"], asked["round"], asked["question"], asked["kind"], asked["blind"], strict=True)
    ) == [
        ("case-000", 0, 0, "audit", True),
        ("case-001", 0, 0, "audit", True),
    ]
    drawn = questions.automatic(case_log, "claims", model=MODEL)["audit_probability"]
    assert list(drawn[:2]) == [0.5, 0.5]
    assert drawn[2:].isna().all()


def test_a_reading_that_agrees_leaves_the_decision(case_log: CaseLog) -> None:
    """Only the reading is written, and the audit is closed by it."""
    decided(case_log)
    reading = read(case_log, "case-000", seconds=31)
    assert (reading.round, reading.kind, reading.agreed, reading.decision) == (0, "audit", True, None)
    assert str(reading) == "your answer pay is stored, and the decision stands"
    assert verdicts(case_log) == ["pay"] * 4
    assert list(questions.open_reviews(case_log, "claims")["case_id"]) == ["case-001"]
    stored = questions.readings(case_log, "claims").iloc[0]
    assert (stored["verdict"], stored["blind"], stored["seconds"], stored["question"]) == ("pay", True, 31.0, 0)
    assert stored["opened_at"] < stored["at"]


def test_a_reading_that_disagrees_corrects_the_decision(case_log: CaseLog) -> None:
    """The reading and the decision that replaces policy's are one transaction."""
    decided(case_log)
    reading = read(case_log, "case-000", "deny", shown="page 1", seconds=8.5)
    assert reading.agreed is False
    assert reading.decision is not None
    assert (reading.decision.revision, reading.decision.actor) == (1, "eve")
    assert str(reading) == "the decision is now deny, revision 1, because the audit disagreed with pay"
    assert verdicts(case_log) == ["deny", "pay", "pay", "pay"]
    found = questions.trace(case_log, "claims", "case-000")
    assert found["decisions"][1]["at"] == found["readings"][0]["at"]
    assert (found["decisions"][1]["replaces"], found["decisions"][1]["seconds"]) == (0, 8.5)
    assert questions.automatic(case_log, "claims", model=MODEL)["verdict"].tolist() == ["pay"] * 4
    assert questions.answered(case_log, "claims").empty


def test_an_audit_is_read_once(case_log: CaseLog) -> None:
    """The second reading of a round is refused, and says who read it; the record stays as it was."""
    decided(case_log)
    read(case_log, "case-000")
    head = audit.head(case_log)
    named: dict[str, Any] = {"round": 0}
    for said in ({}, named):
        with pytest.raises(AlreadyDecided, match="already read by eve"):
            read(case_log, "case-000", "deny", **said)
    assert audit.head(case_log) == head


def test_there_must_be_something_to_read(case_log: CaseLog) -> None:
    """A case that is not stored, or has no review of the lane of that number, cannot be read."""
    decided(case_log)
    with pytest.raises(CaseUnknown):
        read(case_log, "nobody")
    with pytest.raises(ConflictingWrite, match="no review of the lane"):
        read(case_log, "case-003")
    with pytest.raises(ConflictingWrite, match="no review 7"):
        read(case_log, "case-000", round=7)


def test_audits_are_of_what_this_call_decided(case_log: CaseLog) -> None:
    """Cases that were decided or asked about before, or are not decided here, get no audit; a rerun changes nothing."""
    take_in(case_log, names(5))
    judge(case_log, names(1), ["case-001"])
    audited = ["case-000", "case-001", "case-002", "case-004"]
    added = judge(case_log, names(4), [], audited=audited)
    assert (added.decided, added.audited) == (2, 1)
    assert list(questions.open_reviews(case_log, "claims", lane=True)["case_id"]) == ["case-002"]
    head = audit.head(case_log)
    again = judge(case_log, names(4), [], audited=audited)
    assert (again.decided, again.audited, audit.head(case_log)) == (0, 0, head)
    assert again.stored["case-002"].verdict == "pay"


def test_a_case_without_a_probability_is_stored_as_ever(case_log: CaseLog) -> None:
    """Probabilities that are all missing leave no trace in the write; NaN is missing too."""
    take_in(case_log, names(4))
    for case_id, chance in zip(names(4), ((), (None,), (math.nan,), (1,)), strict=True):
        said = writes.Decisions([case_id], ["pay"], ["auto"], audit_probabilities=chance)
        writes.add_verdicts(case_log, "claims", policy_version="p", decisions=said)
    drawn = questions.automatic(case_log, "claims", model=MODEL)["audit_probability"]
    assert drawn[:3].isna().all()
    assert drawn[3] == 1.0


def test_a_recall_goes_on_beside_an_open_audit(case_log: CaseLog) -> None:
    """Only ordinary reviews count as open for a recall; the answer to its question is the audit's reading too."""
    decided(case_log)
    recalled = writes.Reviews(names(3), ["recalled"] * 3, [5.0] * 3, [APRIL] * 3, questions=[0, 0, 0])
    assert writes.reopen(case_log, "claims", recalled) == 3
    assert writes.reopen(case_log, "claims", recalled) == 0
    asked = questions.open_reviews(case_log, "claims", lane=False)
    assert list(zip(asked["case_id"], asked["round"], strict=True)) == [
        ("case-000", 1),
        ("case-001", 1),
        ("case-002", 0),
    ]
    assert answer(case_log, "case-000", seconds=4).revision == 1
    reading = questions.readings(case_log, "claims").iloc[0]
    assert (reading["round"], reading["verdict"], reading["actor"], reading["blind"]) == (0, "deny", "ann", False)
    assert counted(case_log, "claims")["open_audits"] == 1
    said = questions.answered(case_log, "claims").iloc[0]
    assert (said["case_id"], said["round"], said["seconds"], said["shown"]) == ("case-000", 1, 4.0, False)


def test_an_audit_outlives_a_recall(case_log: CaseLog) -> None:
    """Policy decided again since: agreement is with what was in question, the correction is of what holds now."""
    decided(case_log, audited=3)
    again = writes.Decisions(names(3), ["deny"] * 3, ["recall"] * 3, replaces=[0] * 3)
    assert writes.redecide(case_log, "claims", again, policy_version="p2") == 3
    read_as_now, read_as_before = read(case_log, "case-000", "deny"), read(case_log, "case-001", "pay")
    assert (read_as_now.agreed, read_as_now.decision) == (False, None)
    assert read_as_before.agreed is True
    assert read_as_before.decision is not None
    assert read_as_before.decision.revision == 2
    assert verdicts(case_log) == ["deny", "pay", "deny", "pay"]


def test_a_correction_is_the_reading_of_the_audit(case_log: CaseLog) -> None:
    """Who corrects a decision that waits for its audit has read the case; it is not asked for again."""
    decided(case_log)
    with pytest.raises(AlreadyDecided):
        answer(case_log, "case-000")
    answer(case_log, "case-000", replaces=0)
    assert questions.readings(case_log, "claims", kinds=["audit"])["actor"].tolist() == ["ann"]
    with pytest.raises(AlreadyDecided):
        read(case_log, "case-000")


def test_an_answer_may_name_the_review_it_saw(case_log: CaseLog) -> None:
    """An answer to a round that is not the open ordinary one is refused."""
    take_in(case_log, names(2))
    judge(case_log, ["case-001"], ["case-000"], audited=["case-001"])
    with pytest.raises(ConflictingWrite, match="review 1 is no ordinary review"):
        answer(case_log, "case-000", round=1)
    with pytest.raises(ConflictingWrite, match="as a reading"):
        answer(case_log, "case-001", round=0, replaces=0)
    assert answer(case_log, "case-000", round=0).revision == 0


def test_a_second_reading_is_another_persons(case_log: CaseLog) -> None:
    """What a person decided is read again by another one, blind, and nothing is decided by it."""
    take_in(case_log, names(3))
    judge(case_log, ["case-002"], names(2))
    answer(case_log, "case-000")
    assert writes.open_lane(case_log, "claims", draw(names(3)), kind="second") == 1
    assert writes.open_lane(case_log, "claims", draw(names(3)), kind="second") == 0
    with pytest.raises(ConflictingWrite, match="ask another person"):
        read(case_log, "case-000", actor=" Ann ")
    reading = read(case_log, "case-000", "pay")
    assert (reading.round, reading.kind, reading.agreed, reading.decision) == (1, "second", False, None)
    assert verdicts(case_log) == ["deny", "pay"]
    assert writes.open_lane(case_log, "claims", draw(names(3)), kind="second") == 0


def test_a_known_case_is_read_beside_the_others(case_log: CaseLog) -> None:
    """Any decided case may be seeded, once, beside its other reviews; the oldest is read first unless one is named."""
    decided(case_log, many=2, audited=1)
    take_in(case_log, ["undecided"])
    seeded = draw([*names(2), "undecided", "nobody"])
    assert writes.open_lane(case_log, "claims", seeded, kind="known") == 2
    assert writes.open_lane(case_log, "claims", seeded, kind="known") == 0
    assert read(case_log, "case-000", "deny", round=1).agreed is None
    assert read(case_log, "case-000").kind == "audit"
    kinds = questions.readings(case_log, "claims", case_ids=["case-000"])["kind"]
    assert list(kinds) == ["audit", "known"]
    assert list(questions.readings(case_log, "claims", kinds=["known"])["round"]) == [1]


def test_an_audit_may_be_opened_later(case_log: CaseLog) -> None:
    """What policy decided can be drawn afterwards, once; what a person decided cannot."""
    decided(case_log)
    answer(case_log, "case-003", replaces=0)
    assert writes.open_lane(case_log, "claims", draw(names(4), blind=False), kind="audit") == 1
    asked = questions.open_reviews(case_log, "claims").set_index("case_id")
    assert list(asked["blind"]) == [True, True, False]
    assert asked.loc["case-002", "round"] == 0


def test_reviews_of_the_lane_are_not_written_as_others(case_log: CaseLog) -> None:
    """A review that says it is of one kind is not stored as another."""
    take_in(case_log, names(1))
    asked = writes.Reviews(names(1), ["why"], [1.0], [None], kinds=["audit"])
    with pytest.raises(ValueError, match="audit"):
        writes.add_verdicts(case_log, "claims", policy_version="p", reviews=asked)
    with pytest.raises(ValueError, match="second"):
        writes.open_lane(case_log, "claims", asked, kind="second")
    assert questions.open_reviews(case_log, "claims").empty
