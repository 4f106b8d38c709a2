"""The rows a version learned from are found again, whichever way they are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from aiops_flows.case_log import questions
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.rows import labelled_parts, learned_cases, learned_record, learned_rows
from aiops_flows.steps.workspace import Workspace
from tests.parcels import FIRST_DAY, PARCELS, late, make_outcomes, make_parcels


def day(number: int) -> datetime:
    return (FIRST_DAY + timedelta(days=number)).to_pydatetime()


@pytest.fixture
def history(place: Workspace) -> Workspace:
    """Fifty days of parcels; of every fifth the first outcome was corrected ten days later."""
    parcels = make_parcels(1_200, seed=1)
    take_in(place, PARCELS, parcels, history=True)
    told = make_outcomes(parcels)
    record_outcomes(place, PARCELS, told)
    moved = told.iloc[::5].assign(known_at=told["known_at"].iloc[::5] + timedelta(days=10))
    record_outcomes(place, PARCELS, moved.assign(late=moved["late"].map({"yes": "no", "no": "yes"})))
    return place


@pytest.mark.parametrize("now", [30, 45, 20])
@pytest.mark.parametrize("windows", [(None, None), (12, None), (None, 12), (12, 12), (12, 40)])
@pytest.mark.parametrize("most", [10_000, 100])
def test_what_a_champion_learned_from_is_the_same_read_anew_or_shared(
    history: Workspace, windows: tuple[int | None, int | None], now: int, most: int
) -> None:
    """A later training's rows, and what they lack, give the very rows that reading all of them again gives."""
    then, later = (replace(late, train_window=None if days is None else timedelta(days=days)) for days in windows)
    learned = learned_record(then, day(30), 0)
    train = labelled_parts(history, PARCELS, later, as_of=day(now), window=later.train_window)["train"]
    shared = learned_cases(history, PARCELS, later, learned, train, as_of=day(now), most=most)
    pd.testing.assert_frame_equal(shared, learned_rows(history, PARCELS, later, learned, most).cases)
    assert len(shared)


def test_moments_of_the_log_are_taken_as_they_are(history: Workspace) -> None:
    """The moment of receipt in a frame is the log's to the microsecond, in UTC."""
    stored = questions.cases(history.log, "parcels").iloc[5:20]
    frame = stored_frame(PARCELS.case, stored)
    assert frame["received_at"].tolist() == stored["received_at"].tolist()
    assert frame["received_at"].dtype == "datetime64[us, UTC]"
