"""Windows of sensors: what is read, what is refused, and the columns made of them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from aiops_flows.series.windows import SensorGaps, SensorLevel, Windows, sensor_values
from aiops_flows.steps.frames import case_frame, stored_frame
from aiops_flows.use_case import Case


class Pump(Case):
    """A pump with windows."""

    sensors: Windows
    derived: ClassVar = {"heat": SensorLevel("sensors", "heat", last=2), "gaps": SensorGaps("sensors", last=2)}


@pytest.mark.parametrize(
    "given",
    [
        {"heat": [1, 2.5, None]},
        '{"heat": [1, 2.5, null]}',
        {"heat": np.array([1.0, 2.5, np.nan])},
        {"heat": ["1", "2.5", float("nan")]},
    ],
)
def test_windows_are_read_from_the_forms_in_which_they_come(given: Any) -> None:
    """Objects, JSON text, arrays and numbers written as text become the same plain lists."""
    assert Pump(case_id="p", sensors=given).sensors == {"heat": [1.0, 2.5, None]}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "0 sensors"),
        ({"heat": [1, 2], "speed": [1]}, "different lengths"),
        ({"heat": ["warm"]}, "no number"),
        ({"heat": [float("inf")]}, "no finite number"),
        ({"heat": [1e300]}, "no finite number"),
        ({"heat": [[1.0]]}, "no finite number"),
        ({"heat": 3}, "no list"),
        ({"=cmd|x": [1]}, "no label"),
        ({"heat": [0.0] * 10_001}, "more than 10000"),
        ({f"s{number}": [1] for number in range(201)}, "201 sensors"),
        ("no windows", "dictionary"),
        ([1, 2], "dictionary"),
    ],
)
def test_what_is_no_window_is_refused_with_its_reason(given: Any, why: str) -> None:
    """A case with such a value goes to quarantine; the reason says what was found."""
    with pytest.raises(ValidationError, match=why):
        Pump(case_id="p", sensors=given)


def test_a_stored_window_is_the_one_that_came() -> None:
    """The frame from validation and the frame from the stored body are equal, derived columns included."""
    case = Pump(case_id="p", received_at="2026-01-01", sensors={"heat": [1, None, 4]})
    came = case_frame(Pump, {name: [getattr(case, name)] for name in Pump.model_fields} | {"batch": [""]})
    body = case.model_dump_json(exclude={"case_id"})
    stored = stored_frame(Pump, pd.DataFrame([{"case_id": "p", "received_at": "2026-01-01T00:00:00Z", "body": body}]))
    pd.testing.assert_frame_equal(came, stored)
    assert json.loads(body)["sensors"] == {"heat": [1.0, None, 4.0]}
    assert came[["heat", "gaps"]].iloc[0].tolist() == [4.0, 0.5]


def test_the_latest_values_stand_at_the_right() -> None:
    """Shorter windows, gaps, missing sensors and missing windows are NaN, at the left or where the gap is."""
    column = pd.Series([{"a": [1, None, 3]}, {"a": [5]}, {"b": [1]}, None, {"a": [1, 2, 3, 4]}], dtype=object)
    expected = [[np.nan, 3], [np.nan, 5], [np.nan, np.nan], [np.nan, np.nan], [3, 4]]
    np.testing.assert_array_equal(sensor_values(column, "a", 2), np.array(expected, dtype=float))


def test_a_case_without_values_has_no_level() -> None:
    """What no sensor said is missing, never 0."""
    cases = pd.DataFrame({"sensors": [{"heat": [None, None]}, {"speed": [1.0]}, None]}, dtype=object)
    assert SensorLevel("sensors", "heat")(cases) == [None, None, None]
    assert SensorGaps("sensors")(cases) == [1.0, 0.0, None]
