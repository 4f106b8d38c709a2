"""What a person says is true is stored with the answer that it came with, or not at all."""

from __future__ import annotations

import pytest

from aiops_flows.case_log import CaseLog, questions, writes
from aiops_flows.errors import AlreadyDecided
from tests.integration.case_log.life import APRIL, answer, counted, draw, judge, names, predict, read, take_in
from tests.integration.case_log.test_crash_points import Cutter, PowerCut


def told(log: CaseLog, name: str) -> dict[str, object]:
    found = questions.outcomes(log, "claims", name=name)
    return dict(zip(found["case_id"], found["value"], strict=True))


def test_what_is_true_becomes_known_with_the_decision(case_log: CaseLog) -> None:
    """Outcome and decision are one transaction: they bear the same moment, and the person's name."""
    take_in(case_log, names(1))
    judge(case_log, [], names(1))
    answer(case_log, "case-000", outcomes={"paid": 12.5, "kind": "théft"})
    assert told(case_log, "paid") == {"case-000": 12.5}
    assert told(case_log, "kind") == {"case-000": "théft"}
    found = questions.trace(case_log, "claims", "case-000")
    assert {row["known_at"] for row in found["outcomes"]} == {found["decisions"][0]["at"]}
    assert {row["actor"] for row in found["outcomes"]} == {"ann"}


def test_a_refused_answer_leaves_no_outcome(case_log: CaseLog) -> None:
    """Who comes second says nothing; the correction that names what it replaces does."""
    take_in(case_log, names(1))
    judge(case_log, names(1), [])
    with pytest.raises(AlreadyDecided):
        answer(case_log, "case-000", outcomes={"paid": 1})
    assert told(case_log, "paid") == {}
    answer(case_log, "case-000", replaces=0, outcomes={"paid": 1})
    answer(case_log, "case-000", "pay", replaces=1, outcomes={"paid": 2})
    assert told(case_log, "paid") == {"case-000": 2}
    assert len(questions.outcomes(case_log, "claims", name="paid", every=True)) == 2


def test_an_audit_tells_and_other_readings_do_not(case_log: CaseLog) -> None:
    """Who reads a second time, or a case whose truth is known, is looked at: the truth does not come from there."""
    take_in(case_log, names(3))
    predict(case_log, names(3))
    judge(case_log, names(2), names(1, 2), audited=names(1))
    answer(case_log, "case-002", "pay", outcomes={"paid": 5})
    writes.add_outcomes(case_log, "claims", case_ids=["case-001"], name="paid", values=[7], known_at=[APRIL])
    writes.open_lane(case_log, "claims", draw(["case-002"]), kind="second")
    writes.open_lane(case_log, "claims", draw(["case-001"]), kind="known")
    for number, value in enumerate((1, 2, 3)):
        read(case_log, f"case-00{number}", outcomes={"paid": value})
    assert told(case_log, "paid") == {"case-000": 1, "case-001": 7, "case-002": 5}


def test_an_answer_cut_at_any_sql_event_leaves_both_or_neither(case_log: CaseLog) -> None:
    """There is never a decision without the outcome it came with, nor the other way round."""
    cases = names(40)
    take_in(case_log, cases)
    judge(case_log, [], cases)
    cutter, done = Cutter(case_log.engine), 0
    for number, case_id in enumerate(cases, start=1):
        cutter.set(number)
        try:
            answer(case_log, case_id, outcomes={"paid": 1})
        except PowerCut:
            done += case_id in told(case_log, "paid")
        else:
            break
        finally:
            cutter.set(0)
        counts = counted(case_log, "claims")
        assert counts["decided_by_person"] == counts["outcomes"] == done
    assert number > 10
    assert told(case_log, "paid")[case_id] == 1
