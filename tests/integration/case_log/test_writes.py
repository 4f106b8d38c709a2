"""What is written about cases is written once, whatever is sent again."""

from __future__ import annotations

import random
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from aiops_flows.case_log import CaseLog, audit, questions, writes
from aiops_flows.errors import CaseLogError, CaseUnknown
from tests.integration.case_log.life import (
    APRIL,
    LIVED,
    MARCH,
    MODEL,
    answer,
    claim,
    counted,
    digest,
    judge,
    live,
    names,
    predict,
    take_in,
)


def test_a_second_life_adds_nothing(case_log: CaseLog) -> None:
    """Running every step again leaves every count and the audit trail as they were."""
    live(case_log, "claims")
    head = audit.head(case_log)
    live(case_log, "claims")
    assert audit.head(case_log) == head
    assert counted(case_log, "claims") == LIVED


def test_redelivery_in_any_order_adds_no_row(case_log: CaseLog) -> None:
    """Every case sent three times, shuffled and in other batches, is stored once, and so is all that follows."""
    shuffle = random.Random(4)
    case_ids = names(60) * 3
    shuffle.shuffle(case_ids)
    added = [take_in(case_log, case_ids[start : start + 17]) for start in range(0, 180, 17)]
    assert sum(one.new for one in added) == 60
    assert sum(one.known for one in added) == 120
    new = sum(predict(case_log, case_ids[start : start + 23]).new for start in range(0, 180, 23))
    assert new == 60
    decided = [judge(case_log, case_ids[start : start + 31], []).decided for start in range(0, 180, 31)]
    assert sum(decided) == 60
    assert len(questions.effective(case_log, "claims")) == 60


def test_the_same_id_with_other_content_is_a_conflict(case_log: CaseLog) -> None:
    """A changed case is named as a conflict and what was stored first stays, within one call as well."""
    take_in(case_log, names(5))
    added = take_in(case_log, names(7), note="changed")
    assert (added.new, added.known, added.conflicts) == (2, 0, names(5))
    bodies = questions.cases(case_log, "claims", case_ids=names(1))["body"]
    assert list(bodies) == ['{"case_id":"case-000","note":""}']
    twice = writes.add_cases(
        case_log, "claims", case_ids=["x", "x"], received_at=[None, None], bodies=["1", "2"], digests=["1", "2"]
    )
    assert (twice.new, twice.conflicts) == (1, ["x"])


def test_what_was_predicted_before_is_given_back(case_log: CaseLog) -> None:
    """A case keeps its first live prediction, and the second writer is told which one holds."""
    take_in(case_log, names(3))
    predict(case_log, names(2), version=1, value="pay")
    added = predict(case_log, names(3), version=2, value="deny")
    assert added.new == 1
    assert {case_id: (one.version, one.value, one.confidence) for case_id, one in added.stored.items()} == {
        "case-000": (1, "pay", 0.75),
        "case-001": (1, "pay", 0.75),
    }


@pytest.mark.parametrize("values", [["pay", None, 'Ünï, "x"'], [1.5, None, -2.25], [3, 4, 5], [True, False, None]])
def test_predicted_values_come_back_as_they_went_in(case_log: CaseLog, values: list[object]) -> None:
    """Text, numbers and missing values survive the way through the database."""
    take_in(case_log, names(3))
    writes.add_predictions(
        case_log,
        "claims",
        model=MODEL,
        version=1,
        case_ids=names(3),
        values=values,
        confidences=[0.5, float("nan"), None],
    )
    found = questions.predictions(case_log, "claims", model=MODEL)
    assert list(found["value"]) == values
    assert found["confidence"].isna().tolist() == [False, True, True]


def test_arrays_are_taken_as_columns(case_log: CaseLog) -> None:
    """NumPy columns are stored as their values, not as NumPy."""
    take_in(case_log, names(2))
    columns: dict[str, Any] = {"values": np.array([1.25, 2.5]), "confidences": np.array([np.nan, np.nan])}
    writes.add_predictions(case_log, "claims", model=MODEL, version=1, case_ids=names(2), **columns)
    assert list(questions.predictions(case_log, "claims", model=MODEL)["value"]) == [1.25, 2.5]


def test_recall_adds_a_revision_once(case_log: CaseLog) -> None:
    """A recall's prediction is a new revision; the same recall again finds it there."""
    take_in(case_log, names(2))
    predict(case_log, names(2), version=2)
    said: dict[str, Any] = {
        "model": MODEL,
        "version": 1,
        "case_ids": names(2),
        "values": ["deny", "deny"],
        "confidences": [0.9, 0.9],
    }
    assert writes.add_recall_predictions(case_log, "claims", **said).new == 2
    again = writes.add_recall_predictions(case_log, "claims", **said)
    assert (again.new, sorted(again.stored)) == (0, names(2))
    found = questions.predictions(case_log, "claims", model=MODEL)
    assert list(found["revision"]) == [0, 1, 0, 1]
    assert list(found["version"]) == [2, 1, 2, 1]


def test_shadow_predictions_stand_apart(case_log: CaseLog) -> None:
    """A challenger's predictions are stored once each, and never appear among the live ones."""
    take_in(case_log, names(2))
    said: dict[str, Any] = {"model": MODEL, "case_ids": names(2), "values": ["pay", "pay"], "confidences": [0.9, 0.9]}
    assert writes.add_shadow_predictions(case_log, "claims", version=5, **said) == 2
    assert writes.add_shadow_predictions(case_log, "claims", version=5, **said) == 0
    assert questions.predictions(case_log, "claims", model=MODEL).empty
    assert list(questions.predictions(case_log, "claims", model=MODEL, shadow_version=5)["version"]) == [5, 5]


def test_nothing_is_written_about_unknown_cases(case_log: CaseLog) -> None:
    """A prediction or verdict on a case that is not stored is refused whole, by name."""
    take_in(case_log, names(2))
    head = audit.head(case_log)
    with pytest.raises(CaseUnknown, match="case-002"):
        predict(case_log, names(3))
    with pytest.raises(CaseUnknown, match="case-002"):
        judge(case_log, names(3), [])
    with pytest.raises(CaseUnknown, match="case-002"):
        judge(case_log, [], names(3))
    with pytest.raises(CaseUnknown, match="nobody"):
        answer(case_log, "nobody")
    assert audit.head(case_log) == head


def test_outcomes_are_known_as_of_a_moment(case_log: CaseLog) -> None:
    """A later outcome holds from when it became known; another value for the same moment is a conflict."""
    take_in(case_log, names(2))
    may = APRIL + timedelta(days=30)
    said: dict[str, Any] = {"case_ids": ["case-000", "nobody"], "name": "paid", "event_at": [MARCH, None]}
    first = writes.add_outcomes(case_log, "claims", values=[1, 1], known_at=[APRIL] * 2, **said)
    assert (first.new, first.unknown_cases) == (1, ["nobody"])
    other = writes.add_outcomes(case_log, "claims", values=[7, 1], known_at=[APRIL] * 2, **said)
    assert (other.new, other.known, other.conflicts) == (0, 0, ["case-000"])
    writes.add_outcomes(case_log, "claims", values=[0, 0], known_at=[may] * 2, **said)
    value = {
        known_by: list(questions.outcomes(case_log, "claims", name="paid", known_by=known_by)["value"])
        for known_by in (MARCH, APRIL, may, None)
    }
    assert value == {MARCH: [], APRIL: [1], may: [0], None: [0]}
    assert list(questions.labelled(case_log, "claims", name="paid", known_by=APRIL)["value"]) == [1]


def test_a_bad_row_is_kept_once_for_each_stage(case_log: CaseLog) -> None:
    """What is refused stays with its reason, NUL and lone surrogates made visible, however often it comes."""
    row = writes.QuarantineRow(
        "a\x00b", digest("x"), "intake", "not a number: \ud800", "a\x00\ud800,=1", "march.csv", 3
    )
    assert writes.add_quarantine(case_log, "claims", [row]) == 1
    assert writes.add_quarantine(case_log, "claims", [row, row]) == 0
    found = questions.quarantine(case_log, "claims").iloc[0]
    assert (found["raw"], found["attempts"], found["stage"]) == ("a\\x00\\ud800,=1", 3, "intake")


def test_empty_columns_write_nothing(case_log: CaseLog) -> None:
    """A batch of which nothing is left is no error and leaves no audit row."""
    assert take_in(case_log, []).new == 0
    assert predict(case_log, []).new == 0
    assert judge(case_log, [], []).decided == 0
    assert writes.add_quarantine(case_log, "claims", []) == 0
    assert audit.head(case_log) == {}


def test_moments_of_receipt_are_kept_in_utc(case_log: CaseLog) -> None:
    """Aware moments of any zone, their text, and none at all become moments in UTC."""
    said: list[datetime | str | None] = [
        datetime.fromisoformat("2026-03-03T13:00:00+01:00"),
        "2026-03-03T12:00:00.000000Z",
        "2026-03-03T12:00:00Z",
        None,
    ]
    writes.add_cases(
        case_log,
        "claims",
        case_ids=names(4),
        received_at=said,
        bodies=["1"] * 4,
        digests=["1"] * 4,
        lease=claim(case_log),
    )
    received = questions.cases(case_log, "claims")["received_at"]
    assert set(received[:3]) == {datetime(2026, 3, 3, 12, tzinfo=UTC)}
    assert abs(received[3] - datetime.now(UTC)) < timedelta(minutes=5)


def test_values_never_show_in_error_texts(case_log: CaseLog) -> None:
    """An error of the database tells the fault, not the customer's data."""
    take_in(case_log, names(1))
    with pytest.raises(CaseLogError) as caught:
        writes.add_verdicts(
            case_log,
            "claims",
            policy_version="p",
            decisions=writes.Decisions(names(1), [None], ["IBAN DE00 1234"]),  # type: ignore[list-item]
        )
    assert "IBAN" not in "".join(traceback.format_exception(caught.value))
