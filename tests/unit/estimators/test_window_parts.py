"""The parts of sensors' windows equal plain arithmetic, and what is missing stays missing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.windows import WindowParts, part_of

PARTS: Any = ("last", "mean", "deviation", "slope", "lowest", "highest")


def test_each_part_is_what_its_name_says() -> None:
    """Beside numpy on the values that are there; gaps are left out, also from the slope."""
    window = np.array([[2.0, np.nan, 5.0, 4.0, 9.0]])
    there, cycles = np.array([2.0, 5.0, 4.0, 9.0]), np.array([0.0, 2.0, 3.0, 4.0])
    slope = np.polyfit(cycles, there, 1)[0]
    expected = [9.0, there.mean(), there.std(ddof=1), slope, 2.0, 9.0]
    np.testing.assert_allclose([part_of(window, part)[0] for part in PARTS], expected)


def test_too_few_values_make_a_missing_part() -> None:
    """No value tells nothing, one tells no movement; nothing warns."""
    windows = np.array([[np.nan, np.nan], [np.nan, 3.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.column_stack([part_of(windows, part) for part in PARTS])
    np.testing.assert_array_equal(found[0], np.full(6, np.nan))
    np.testing.assert_array_equal(found[1], [3.0, 3.0, np.nan, np.nan, 3.0, 3.0])


def test_sensors_that_never_move_are_left_out() -> None:
    """One column for each part of each other sensor, named for it; what was not seen in training is not seen later."""
    cases = pd.DataFrame({"sensors": [{"b": [1, 2], "a": [3, 3], "still": [7, 7]}, {"b": [2, 2], "a": [4, 5]}, None]})
    parts = WindowParts(("last", "mean")).fit(cases)
    names = ["sensors_a_last", "sensors_a_mean", "sensors_b_last", "sensors_b_mean"]
    assert parts.get_feature_names_out().tolist() == names
    new = pd.DataFrame({"sensors": [{"a": [1, 2], "new": [5, 6]}, "no windows"]})
    np.testing.assert_array_equal(parts.transform(new), [[2, 1.5, np.nan, np.nan], [np.nan] * 4])


def test_columns_without_windows_are_refused() -> None:
    """The error says what is taken."""
    with pytest.raises(TrainingError, match="no sensor that moves"):
        WindowParts().fit(pd.DataFrame({"sensors": [None, {"a": [1, 1]}]}))
