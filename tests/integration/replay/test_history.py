"""Histories: from files, frames and the record, in time order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.errors import SourceError
from aiops_flows.replay import History, Schedule, history_of, read_history
from aiops_flows.replay.run import workspace_in
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from tests.parcels import PARCELS, make_outcomes, make_parcels

PARCELS_40 = make_parcels(40)
OUTCOMES_40 = make_outcomes(PARCELS_40)


def test_a_history_is_in_order_of_receipt_and_of_knowledge() -> None:
    """Whatever the order of the rows, cases come as they were received and outcomes as they became known."""
    told = History.made(PARCELS, PARCELS_40.sample(frac=1, random_state=0), OUTCOMES_40.sample(frac=1, random_state=1))
    assert told.ids.tolist() == PARCELS_40["case_id"].tolist()
    assert told.outcomes["known_at"].is_monotonic_increasing
    assert told.truth("late").loc[PARCELS_40["case_id"]].tolist() == OUTCOMES_40["late"].tolist()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_history_reads_the_same_from_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    """Cases and outcomes in one file, as CSV, JSON lines or Parquet, are one history."""
    both = PARCELS_40.merge(OUTCOMES_40, on="case_id")
    file = tmp_path / f"parcels.{kind}"
    if kind == "csv":
        both.to_csv(file, index=False)
    elif kind == "jsonl":
        both.assign(**{name: both[name].astype(str) for name in ("received_at", "event_at", "known_at")}).to_json(
            file, orient="records", lines=True
        )
    else:
        both.to_parquet(file)
    told = read_history(PARCELS, file, amount="cost")
    assert told.ids.tolist() == PARCELS_40["case_id"].tolist()
    assert told.truth("late").to_dict() == OUTCOMES_40.set_index("case_id")["late"].to_dict()
    assert told.amounts.loc["P0-000000"] == OUTCOMES_40["cost"][0]


def test_outcomes_may_be_made_by_a_function_of_the_published_rows() -> None:
    """What a published file means by its columns is said by a function."""
    told = History.made(PARCELS, PARCELS_40, make_outcomes)
    assert len(told.outcomes) == 40


def test_outcomes_that_do_not_say_when_they_became_known_are_refused() -> None:
    """Without the delay of labels a replay would learn from the future."""
    undated = OUTCOMES_40.drop(columns=["known_at", "event_at"])
    with pytest.raises(SourceError, match="known-after"):
        History.made(PARCELS, PARCELS_40, undated)
    told = History.made(PARCELS, PARCELS_40, undated, known_after=timedelta(days=9))
    assert (told.outcomes["known_at"].to_numpy() - told.received.to_numpy() == pd.Timedelta(days=9)).all()


def test_a_file_without_outcomes_or_moments_is_no_history() -> None:
    """The error names what was expected."""
    with pytest.raises(SourceError, match="tells no outcome"):
        History.made(PARCELS, PARCELS_40)
    with pytest.raises(SourceError, match="received_at"):
        History.made(PARCELS, PARCELS_40.drop(columns=["received_at"]), OUTCOMES_40)


def test_the_record_is_a_history_too(tmp_path: Path) -> None:
    """What a case log holds, with the moments at which outcomes became known, is replayed like a file."""
    with workspace_in(tmp_path) as place:
        take_in(place, PARCELS, PARCELS_40, history=True)
        record_outcomes(place, PARCELS, OUTCOMES_40)
        told = history_of(place, PARCELS)
    assert told.ids.tolist() == PARCELS_40["case_id"].tolist()
    assert told.truth("late").to_dict() == OUTCOMES_40.set_index("case_id")["late"].to_dict()
    assert len(told.known(FIRST, OUTCOMES_40["known_at"].max())) == 2 * 40


FIRST = pd.Timestamp("2020-01-01", tz="UTC")


def test_a_schedule_names_every_moment_at_which_something_is_due() -> None:
    """Batches, trainings, monitoring and checks of drift fall on their own days; nothing is trained at the end."""
    plan = Schedule(batch=timedelta(days=7), retrain=timedelta(days=14), monitor=None, drift=timedelta(days=10))
    moments = plan.moments(FIRST, FIRST + timedelta(days=28))
    assert [(each.at - FIRST).days for each in moments] == [0, 7, 10, 14, 20, 21, 28]
    assert [(each.at - FIRST).days for each in moments if each.retrain] == [0, 14]
    assert [(each.at - FIRST).days for each in moments if each.drift] == [10, 20]
    assert not any(each.monitor for each in moments)
