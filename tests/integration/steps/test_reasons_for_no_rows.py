"""Where no labelled row can be used, the reason is the real one, with counts and dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from aiops_flows.errors import TrainingError
from aiops_flows.steps.backtesting import backtest
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, late, make_outcomes, make_parcels

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PARCELS_412 = make_parcels(412, seed=4)  # received in the first 18 days of 2026


def told_reasons(place: Workspace, window: timedelta | None = None) -> list[str]:
    """What a training and a backtest say, as of November."""
    spec = replace(late, train_window=window)
    with pytest.raises(TrainingError) as not_trained:
        retrain(place, PARCELS, spec, as_of=NOW)
    with pytest.raises(TrainingError) as not_tested:
        backtest(place, PARCELS, spec, as_of=NOW)
    return [str(not_trained.value), str(not_tested.value)]


def test_outcomes_of_the_year_9999_are_not_known_yet(place: Workspace) -> None:
    """They were recorded, and the message says why they do not count."""
    take_in(place, PARCELS, PARCELS_412, history=True)
    record_outcomes(place, PARCELS, make_outcomes(PARCELS_412).assign(known_at="9999-12-31"))
    for words in told_reasons(place):
        assert (
            "412 of 412 labelled rows have outcomes that become known only after 2026-11-01 (known_at on 9999-12-31); "
            "correct known_at, or wait; 0 rows are left"
        ) in words


def test_cases_received_in_the_future_are_counted(place: Workspace) -> None:
    """A year written wrongly leaves nothing to learn from, and says so."""
    future = PARCELS_412.assign(received_at=PARCELS_412["received_at"] + pd.Timedelta(days=3_650))
    take_in(place, PARCELS, future, history=True)
    record_outcomes(place, PARCELS, make_outcomes(PARCELS_412))
    for words in told_reasons(place):
        assert "412 of 412 labelled rows were received after 2026-11-01 (received_at from 2035-12-30 to " in words


def test_rows_older_than_the_training_window_are_counted(place: Workspace) -> None:
    """Recording more outcomes would not help: the window is named, with its start."""
    take_in(place, PARCELS, PARCELS_412, history=True)
    record_outcomes(place, PARCELS, make_outcomes(PARCELS_412))
    with pytest.raises(TrainingError) as refused:
        retrain(place, PARCELS, replace(late, train_window=timedelta(days=90)), as_of=NOW)
    assert (
        "412 of 412 labelled rows were received before 2026-08-03, the start of the training window of 90 days "
        "(received from 2026-01-01 to 2026-01-18); widen train_window, or record more recent outcomes; 0 rows are left"
    ) in str(refused.value)
    assert "Record more outcomes of" not in str(refused.value)


def test_a_window_that_leaves_some_says_how_many(place: Workspace) -> None:
    """The rows that are left are counted as well."""
    take_in(place, PARCELS, PARCELS_412, history=True)
    record_outcomes(place, PARCELS, make_outcomes(PARCELS_412))
    with pytest.raises(TrainingError, match=r"360 of 412 labelled rows were received before .*; 52 rows are left"):
        retrain(place, PARCELS, replace(late, train_window=timedelta(days=289)), as_of=NOW)


def test_nothing_stored_and_nothing_recorded_are_told_apart(place: Workspace) -> None:
    """The next step differs: take in cases, or record outcomes."""
    assert all("no case is stored; take in cases first" in words.lower() for words in told_reasons(place))
    take_in(place, PARCELS, PARCELS_412, history=True)
    assert all("one of 412 cases has an outcome of 'late'; record outcomes" in words for words in told_reasons(place))
