"""What is asked of the log is answered from what was written, in an order that does not change."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import event

from aiops_flows.case_log import CaseLog, grounds, leases, questions, writes
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
    predict,
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


def test_of_cases_received_together_the_latest_are_any_and_not_those_with_the_last_ids(case_log: CaseLog) -> None:
    """A file that is sorted by its ids stands for itself: those that are chosen come from all of it, in order."""
    ids = names(400)
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in ids]
    writes.add_cases(
        case_log,
        "claims",
        case_ids=ids,
        received_at=[MARCH] * 400,
        bodies=["{}"] * 400,
        digests=digests,
        lease=claim(case_log),
    )
    chosen = questions.cases(case_log, "claims", limit=100, latest=True)["case_id"].tolist()
    assert chosen == sorted(chosen)
    assert 25 < sum(name in set(ids[:200]) for name in chosen) < 75
    assert questions.cases(case_log, "claims", limit=100, latest=True)["case_id"].tolist() == chosen


def test_the_cases_stored_last_are_those_that_were_worked_on(case_log: CaseLog) -> None:
    """In the order in which they were stored, among the latest only; cases that nobody decided are left out."""
    lease = claim(case_log)
    for name in names(6)[::-1]:
        take_in(case_log, [name], lease=lease)
    predict(case_log, names(6))
    judge(case_log, names(2), names(5, start=3)[:2])
    worked = ["case-004", "case-003", "case-001", "case-000"]
    last = questions.last_stored(case_log, "claims", limit=10, among=10)
    assert last["case_id"].tolist() == worked
    assert list(last) == ["case_id", "received_at", "body"]
    assert questions.last_stored(case_log, "claims", limit=2, among=10)["case_id"].tolist() == worked[2:]
    assert questions.last_stored(case_log, "claims", limit=10, among=3)["case_id"].tolist() == worked[2:]


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


def test_a_limit_takes_one_end_of_all_the_rows(case_log: CaseLog) -> None:
    """Whatever else narrows the answer, a limit gives rows that stand at that end without it, in the same order.

    Which of those received at the same moment is left open where the latest are asked for.
    """
    take_in_daily(case_log, 12)
    take_in(case_log, names(10, start=20), lease=claim(case_log, batch="0ther"))  # all received at one moment
    take_in(case_log, names(10), use_case="elsewhere", lease=claim(case_log, "elsewhere"))
    judge(case_log, names(3, start=4), names(4, start=22))
    narrowings: list[dict[str, Any]] = [
        {},
        {"worked": True},
        {"batch_ids": ["0ther"]},
        {"case_ids": names(15, start=3)},
        {"received_from": MARCH + timedelta(days=2), "received_before": MARCH + timedelta(days=9)},
        {"worked": True, "batch_ids": ["0ther", "ba7c4"], "case_ids": names(18, start=5), "received_before": APRIL},
    ]
    for narrowed, limit, latest in product(narrowings, [0, 1, 5, 30], [False, True]):
        every = questions.cases(case_log, "claims", **narrowed)
        assert len(every)
        end = every.iloc[max(0, len(every) - limit) :] if latest else every.iloc[:limit]
        found = questions.cases(case_log, "claims", limit=limit, latest=latest, **narrowed)
        assert found["received_at"].tolist() == end["received_at"].tolist()
        same = every[every["case_id"].isin(found["case_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, same if latest else end.reset_index(drop=True))


def tell(log: CaseLog, name: str, case_ids: list[str], days: int) -> None:
    known_at = [MARCH + timedelta(days=days)] * len(case_ids)
    writes.add_outcomes(log, "claims", case_ids=case_ids, name=name, values=["yes"] * len(case_ids), known_at=known_at)


def test_what_is_known_of_each_case_received(case_log: CaseLog) -> None:
    """A case is known once all the named outcomes of it were, by the moment asked for; the order is that of cases."""
    take_in_daily(case_log, 6)
    tell(case_log, "paid", names(4), days=10)
    tell(case_log, "paid", names(2), days=30)  # corrected later: known since the first time
    tell(case_log, "fraud", names(3, start=2), days=20)
    by = {days: MARCH + timedelta(days=days) for days in (9, 10, 20)}

    def known(*named: str, known_by: datetime | None = None) -> list[str]:
        found = questions.received(case_log, "claims", outcomes_known=named, known_by=known_by)
        assert list(found["case_id"]) == list(questions.cases(case_log, "claims")["case_id"])
        return sorted(found.loc[found["known"], "case_id"])

    assert known() == names(6)
    assert known("paid", known_by=by[9]) == []
    assert known("paid", known_by=by[10]) == known("paid") == names(4)
    assert known("paid", "fraud", known_by=by[10]) == []
    assert known("paid", "fraud", known_by=by[20]) == known("fraud", "paid") == names(2, start=2)
    assert known("paid", "nothing") == []


def test_cases_received_in_a_span(case_log: CaseLog) -> None:
    """The span holds its first moment and not its last; what is given has the same types when it is empty."""
    take_in_daily(case_log, 6)
    tell(case_log, "paid", names(1), days=0)
    take_in(case_log, names(2), use_case="elsewhere", lease=claim(case_log, "elsewhere"))
    span: dict[str, Any] = {"received_from": MARCH + timedelta(days=2), "received_before": MARCH + timedelta(days=4)}
    found = questions.received(case_log, "claims", outcomes_known=["paid"], **span)
    assert list(found["case_id"]) == ["case-004", "case-003"]
    assert list(found["received_at"]) == [MARCH + timedelta(days=2), MARCH + timedelta(days=3)]
    empty = questions.received(case_log, "none", outcomes_known=["paid"])
    assert empty.empty
    pd.testing.assert_series_equal(empty.dtypes, found.dtypes)
    elsewhere = questions.received(case_log, "elsewhere", outcomes_known=["paid"])
    assert list(elsewhere["known"]) == [False, False]  # the outcome is another use case's, of a case of the same name


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
    every = questions.counts(case_log)
    assert list(every["use_case"]) == ["claims", "other"]
    states = ["history", "unfinished", "decided_by_policy", "decided_by_person", "waiting"]
    assert every[states].sum(axis=1).tolist() == every["cases"].tolist()
    assert (every["waiting"] + every["asked_again"]).tolist() == every["open_reviews"].tolist()


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


def thrown_away(plan: dict[str, Any]) -> int:
    """How many rows, or pairs of rows, a plan that was run has looked at in vain."""
    here = sum(plan.get(f"Rows Removed by {which}", 0) for which in ("Filter", "Join Filter", "Index Recheck"))
    return int(here * plan["Actual Loops"]) + sum(thrown_away(below) for below in plan.get("Plans", []))


@pytest.mark.postgres
def test_nothing_joins_all_rows_with_all(postgres_url: str) -> None:
    """As long as PostgreSQL has no statistics of a use case, as after its history came in, each row is found by key."""
    many, asked = 1_000, list[tuple[str, Any]]()
    with CaseLog.open(postgres_url) as log:
        take_in(log, names(many))
        writes.add_outcomes(
            log, "claims", case_ids=names(many), name="paid", values=["yes"] * many, known_at=[MARCH] * many
        )
        predict(log, names(many))
        judge(log, names(many), [])

        def remember(_: object, __: object, statement: str, values: Any, *___: object) -> None:
            asked.append((statement, values))

        event.listen(log.engine, "before_cursor_execute", remember)
        assert len(questions.labelled(log, "claims", name="paid", known_by=APRIL)) == many
        assert len(questions.outcomes(log, "claims", name="paid")) == many
        assert len(questions.cases(log, "claims", received_before=APRIL, limit=many, latest=True)) == many
        assert len(questions.predictions(log, "claims", model=MODEL)) == many
        assert len(questions.effective(log, "claims")) == many
        assert len(questions.effective(log, "claims", known_by=datetime.now(UTC))) == many
        assert len(questions.automatic(log, "claims", model=MODEL)) == many
        assert len(questions.decided_by_version(log, "claims", model=MODEL, version=1)) == many
        assert len(grounds.automatic_revisions(log, "claims")) == many
        assert len(grounds.rested_on(log, "claims", model=MODEL)) == many
        event.remove(log.engine, "before_cursor_execute", remember)
        with log.engine.begin() as connection:
            for statement, values in asked:
                told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
                assert thrown_away(told[0]["Plan"]) < 10 * many, statement
    assert len(asked) == 10
