"""What decisions and readings say beyond their verdict is sealed, and taken over where nothing is said."""

from __future__ import annotations

import pytest

from aiops_flows.case_log import CaseLog, audit, questions, writes
from tests.integration.case_log.life import answer, draw, is_whole, judge, names, raw, read, superuser, take_in

PROPOSED = {"level": 40.5, "order": 36, "doubt": None}
WRITTEN = '{"level":40.5,"order":36,"doubt":null}'


def decided(log: CaseLog, *case_ids: str, order: int = 36) -> writes.VerdictsAdded:
    many = len(case_ids)
    texts = [WRITTEN.replace("36", str(order))] * many
    said = writes.Decisions(case_ids, ["pay"] * many, ["rule"] * many, terms=texts)
    return writes.add_verdicts(log, "claims", policy_version="p", decisions=said, audits=draw(case_ids))


def held(log: CaseLog, case_id: str) -> dict[str, object] | None:
    terms: dict[str, object] | None = questions.effective(log, "claims", case_ids=[case_id])["terms"].iloc[0]
    return terms


def test_terms_are_part_of_what_is_sealed(case_log: CaseLog) -> None:
    """They are stored with the decision, told to who writes it again, never changed, and an edit is found."""
    take_in(case_log, names(3))
    decided(case_log, *names(2))
    again = decided(case_log, *names(2), order=99)
    assert [stored.terms for stored in again.stored.values()] == [PROPOSED] * 2
    assert held(case_log, "case-000") == PROPOSED
    assert '"order":36' in questions.trace(case_log, "claims", "case-000")["decisions"][0]["terms"]
    judge(case_log, names(1, 2), [])
    assert held(case_log, "case-002") is None
    with pytest.raises(Exception, match="append-only"):
        raw(case_log, "UPDATE decisions SET terms = '{}'")
    read(case_log, "case-000", terms={"order": 12})
    assert is_whole(case_log)
    superuser(case_log, "UPDATE readings SET terms = '{\"order\":13}'")
    assert ["readings" in finding.what for finding in audit.verify(case_log)] == [True]
    superuser(case_log, "UPDATE readings SET terms = '{\"order\":12}'")
    superuser(case_log, "UPDATE decisions SET terms = NULL WHERE case_id = 'case-001'")
    assert ["decisions" in finding.what for finding in audit.verify(case_log)] == [True]
    superuser(case_log, f"UPDATE decisions SET terms = '{WRITTEN}' WHERE case_id = 'case-001'")


def test_a_decision_has_all_its_terms(case_log: CaseLog) -> None:
    """What is not said comes from the proposal, in a correction from what it corrects; readings keep what was said."""
    take_in(case_log, names(4))
    judge(case_log, [], names(1))
    decided(case_log, *names(2, 1))
    first = answer(case_log, "case-000", terms={"order": 120}, proposed=PROPOSED)
    assert first.terms == held(case_log, "case-000") == PROPOSED | {"order": 120}
    told = questions.answered(case_log, "claims").iloc[0]
    assert (told["terms"], told["proposed"]) == (first.terms, PROPOSED)
    newer = {"level": 50.0, "order": 48, "doubt": "", "route": "sea"}
    answer(case_log, "case-000", "pay", replaces=0, terms={"doubt": "late"}, proposed=newer)
    assert held(case_log, "case-000") == {"level": 40.5, "order": 120, "doubt": "late", "route": "sea"}
    agreed = read(case_log, "case-001", terms={"order": 12}, proposed=newer)
    assert agreed.decision is None
    corrected = read(case_log, "case-002", "deny", terms={"order": 12}).decision
    assert corrected is not None
    assert corrected.terms == held(case_log, "case-002") == PROPOSED | {"order": 12}
    found = questions.readings(case_log, "claims")
    assert found["terms"].tolist() == [{"order": 12}] * 2
    assert found["held"].tolist() == [PROPOSED] * 2
    assert answer(case_log, "case-003").terms is None


def test_a_questioned_decision_is_answered_by_the_new_proposal(case_log: CaseLog) -> None:
    """After a recall the withdrawn terms do not live on; a confirmed decision has the new ones."""
    take_in(case_log, names(2))
    decided(case_log, *names(2))
    again = writes.Decisions(["case-000"], ["pay"], ["recall"], replaces=[0], terms=['{"order":24}'])
    assert writes.redecide(case_log, "claims", again, policy_version="p2") == 1
    assert held(case_log, "case-000") == {"order": 24}
    asked = writes.Reviews(["case-001"], ["recall"], [1.0], [None], questions=[0])
    assert writes.reopen(case_log, "claims", asked) == 1
    assert answer(case_log, "case-001", proposed={"order": 24}).terms == {"order": 24}
    none = writes.Decisions(["case-000"], ["pay"], ["recall"], replaces=[1], terms=[None])
    assert writes.redecide(case_log, "claims", none, policy_version="p2") == 1
    assert held(case_log, "case-000") is None
