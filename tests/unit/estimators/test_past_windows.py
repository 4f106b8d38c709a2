"""Windows hold what was known at an origin and nothing later, spread evenly over time."""

from __future__ import annotations

import numpy as np
import pytest

from aiops_flows.estimators.past_windows import Histories, Past, Windows, sampled


def counting(rows: int = 3, periods: int = 30) -> Histories:
    """Histories whose values are the numbers of their periods."""
    values = np.tile(np.arange(periods, dtype=float), (rows, 1))
    return Histories(values, np.full(rows, periods), np.full(rows, periods % 12))


def drawn(histories: Histories, most: int = 1_000) -> Past:
    return sampled(histories, width=8, reach=4, season=2, most=most, seed=0)


def test_a_window_ends_where_its_path_begins() -> None:
    """The newest known value is the one before the origin, the path goes on from there, and the phase fits."""
    past = drawn(counting())
    np.testing.assert_array_equal(past.windows.known[:, -1], past.origin - 1)
    np.testing.assert_array_equal(past.path[:, 0], past.origin)
    np.testing.assert_array_equal(past.windows.phase, past.origin % 2)
    assert np.isnan(past.path[past.origin == 29, 1:]).all()


def test_nothing_after_a_moment_is_left_before_it() -> None:
    """What is learned until a moment shows nothing of that moment or later."""
    early = drawn(counting()).until(20)
    assert np.nanmax(early.windows.known) < 20
    assert np.nanmax(early.path) < 20
    assert drawn(counting()).since(20).origin.min() == 20


def test_a_draw_is_even_over_time() -> None:
    """Histories given at many origins hold old periods many times; each period is drawn about as often."""
    values = np.full((29, 30), np.nan)
    for row in range(29):
        values[row, row + 1 :] = 1.0  # ends at different moments once it is aligned to the right
    histories = Histories(values, np.arange(29) + 30, np.zeros(29, dtype=int))
    counts = np.unique(drawn(histories, most=100).origin, return_counts=True)[1]
    assert counts.sum() == 100
    assert np.median(counts) <= 4
    assert counts.max() <= 4


def test_gaps_are_filled_from_the_season_before_else_after() -> None:
    """Seasons lend to each other, and the row's mean fills what no season knows."""
    known = np.array([[np.nan, 1.0, 4.0, np.nan], [np.nan, 1.0, np.nan, 1.0]])
    windows = Windows(known, np.zeros(2, dtype=int), 2, 1.0)
    np.testing.assert_allclose(windows.filled[0] * windows.unit[0], [4.0, 1.0, 4.0, 1.0])
    np.testing.assert_allclose(windows.filled[1] * windows.unit[1], [1.0, 1.0, 1.0, 1.0])


def test_a_series_that_never_sold_has_the_usual_unit() -> None:
    """The unit of silence is what others bring; of nothing known there is none."""
    windows = Windows(np.array([[0.0, 0.0], [np.nan, np.nan]]), np.zeros(2, dtype=int), 1, 7.0)
    assert windows.unit[0] == pytest.approx(7.0)
    assert np.isnan(windows.unit[1])
    assert windows.zeros.tolist() == [1.0, 0.0]
