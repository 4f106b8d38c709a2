"""What is asked of the log is answered from what was written, in an order that does not change."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from aiops_flows.case_log import CaseLog, leases, questions, writes
from aiops_flows.errors import CaseUnknown
from tests.integration.case_log.life import (
    APRIL,
    LIVED,
    MARCH,
    MODEL,
    answer,
    claim,
    counted,
    judge,
    live,
    names,
    take_in,
)


def take_in_daily(log: CaseLog, count: int) -> None:
    writes.add_cases(
        log,
        "claims",
        case_ids=names(count),
        received_at=[MARCH + timedelta(days=count - number) for number in range(count)],
        bodies=["{}"] * count,
        digests=["d"] * count,
        lease=claim(log),
    )


def test_cases_come_in_order_of_receipt(case_log: CaseLog) -> None:
    """Cases are given by moment of receipt, whatever order they were stored in, and can be limited from both ends."""
    take_in_daily(case_log, 5)
    order = names(5)[::-1]
    assert list(questions.cases(case_log, "claims")["case_id"]) == order
    assert list(questions.cases(case_log, "claims", limit=2)["case_id"]) == order[:2]
    assert list(questions.cases(case_log, "claims", limit=2, latest=True)["case_id"]) == order[3:]


def test_cases_can_be_chosen(case_log: CaseLog) -> None:
    """Ids, batches and the time of receipt each narrow the answer."""
    take_in_daily(case_log, 5)
    take_in(case_log, ["late"], lease=claim(case_log, batch="0ther"))
    assert list(questions.cases(case_log, "claims", case_ids=["case-001", "nobody"])["case_id"]) == ["case-001"]
    assert list(questions.cases(case_log, "claims", batch_ids=["0ther"])["case_id"]) == ["late"]
    two = questions.cases(
        case_log, "claims", received_from=MARCH + timedelta(days=2), received_before=MARCH + timedelta(days=4)
    )
    assert list(two["case_id"]) == ["case-003", "case-002"]
    assert set(questions.cases(case_log, "claims")["batch_id"]) == {"ba7c4", "0ther"}


def test_a_case_belongs_to_the_batch_it_first_came_in(case_log: CaseLog) -> None:
    """A case that is sent again in another batch stays with the first."""
    take_in(case_log, names(2), lease=claim(case_log))
    second = claim(case_log, batch="5ec0nd")
    take_in(case_log, names(3), lease=second)
    assert list(questions.unfinished(case_log, "claims", "5ec0nd")["case_id"]) == ["case-002"]


def test_open_reviews_come_by_urgency(case_log: CaseLog) -> None:
    """The highest priority is asked first, then what is due first, then what has no due time."""
    take_in(case_log, names(4))
    due = [APRIL, MARCH, None, None]
    reviews = writes.Reviews(names(4), ["why"] * 4, [1.0, 1.0, 1.0, 2.0], due)
    writes.add_verdicts(case_log, "claims", policy_version="p", reviews=reviews)
    assert list(questions.open_reviews(case_log, "claims")["case_id"]) == [
        "case-003",
        "case-001",
        "case-000",
        "case-002",
    ]
    assert len(questions.open_reviews(case_log, "claims", limit=1)) == 1


def test_answers_without_rows_keep_their_columns(case_log: CaseLog) -> None:
    """A question about a use case that wrote nothing gives an empty frame with the same columns and types."""
    take_in(case_log, names(1))
    full, empty = questions.cases(case_log, "claims"), questions.cases(case_log, "none")
    assert list(empty.columns) == list(full.columns)
    assert empty["received_at"].dtype == full["received_at"].dtype == "datetime64[us, UTC]"
    assert questions.open_reviews(case_log, "none").empty
    assert questions.outcomes(case_log, "none", name="paid").empty
    assert questions.effective(case_log, "none").empty
    assert questions.predictions(case_log, "none", model=MODEL).empty
    assert isinstance(questions.counts(case_log, "none"), pd.DataFrame)


def test_counts_add_up(case_log: CaseLog) -> None:
    """Every case is history, unfinished, decided or in review, and each use case is counted by itself."""
    live(case_log, "claims")
    live(case_log, "other")
    take_in(case_log, ["of no batch"], use_case="other")
    lease = leases.claim(case_log, "other", "half done", source="test", owner="gone", seconds=60)
    take_in(case_log, ["of an open batch"], use_case="other", lease=lease)
    assert counted(case_log, "claims") == LIVED
    now = {"cases": 12, "history": 1, "unfinished": 1, "open_batches": 1}
    assert counted(case_log, "other") == LIVED | now
    assert questions.use_cases(case_log) == ["claims", "other"]
    assert list(questions.counts(case_log)["use_case"]) == ["claims", "other"]


def test_a_trace_leaves_no_field_empty(case_log: CaseLog) -> None:
    """A decided case is traced to its digest, its version, the training data, the policy, and every audit row."""
    live(case_log, "claims")
    found = questions.trace(case_log, "claims", "case-000")
    assert found["case"]["digest"]
    prediction, decision = found["predictions"][0], found["decisions"][0]
    assert all(prediction[name] for name in ("digest", "dataset_digest", "code_version", "run_id", "version", "at"))
    assert all(decision[name] for name in ("verdict", "reason", "actor", "policy_version", "detail", "at"))
    assert [row["table_name"] for row in found["audit"]] == [
        "cases",
        "predictions",
        "decisions",
        "reviews",
        "readings",
        "outcomes",
    ]
    reading = found["readings"][0]
    assert all(reading[name] for name in ("kind", "verdict", "reason", "actor", "blind", "seconds", "channel", "at"))
    corrected = questions.trace(case_log, "claims", "case-001")["decisions"]
    assert [(row["audit_probability"], row["review_round"]) for row in corrected] == [(0.5, None), (None, 0)]
    with pytest.raises(CaseUnknown, match="nobody"):
        questions.trace(case_log, "claims", "nobody")


def test_decisions_can_be_asked_for_since_a_moment(case_log: CaseLog) -> None:
    """Only what was decided, or predicted, at the moment or later is given."""
    live(case_log, "claims")
    at = questions.effective(case_log, "claims", case_ids=["case-006"])["at"][0]
    assert list(questions.effective(case_log, "claims", decided_from=at)["case_id"]) == ["case-006"]
    assert questions.predictions(case_log, "claims", model=MODEL, made_from=at).empty


def test_readers_do_not_wait_for_writers(case_log: CaseLog) -> None:
    """A question is answered while a write is open, with what was there before it."""
    from aiops_flows.case_log.transaction import writing

    take_in(case_log, names(1))
    judge(case_log, [], names(1))
    with writing(case_log, "claims", kind="test"):
        assert len(questions.open_reviews(case_log, "claims")) == 1
    answer(case_log, "case-000")
    leases.finish(case_log, claim(case_log))
