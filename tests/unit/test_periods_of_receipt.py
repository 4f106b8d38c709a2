"""Rows that are received together count together where the cut is by time."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from aiops_flows.steps.certifying import periods_of


def test_a_period_is_a_moment_of_receipt() -> None:
    """Plans of one month are one period; ninety days bring three more."""
    months = pd.Series(pd.date_range("2026-01-01", periods=5, freq="MS", tz="UTC").repeat(20))
    periods, ahead = periods_of(months, timedelta(days=90))
    assert periods.tolist() == [month for month in range(5) for _ in range(20)]
    assert ahead == 3


def test_where_every_row_has_its_own_moment_a_period_is_a_day() -> None:
    """Machines that report at all hours are counted by days."""
    hours = pd.Series(pd.date_range("2026-01-01", periods=72, freq="h", tz="UTC"))
    periods, ahead = periods_of(hours, timedelta(days=7))
    assert periods.tolist() == [day for day in range(3) for _ in range(24)]
    assert ahead == 7


def test_one_period_tells_of_one() -> None:
    """Nothing is known of how far apart such periods lie."""
    assert periods_of(pd.Series([pd.Timestamp("2026-01-01", tz="UTC")] * 9), timedelta(days=90))[1] == 1
