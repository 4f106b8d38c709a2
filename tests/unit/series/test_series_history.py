"""Histories of a quantity as fields of a case, their numbers as arrays, and the names of periods."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from aiops_flows.case_type import Case
from aiops_flows.series.history import (
    History,
    SignedHistory,
    first_after,
    periods_after,
    phases,
    series_of,
    values_of,
)
from aiops_flows.series.period_names import read_period
from aiops_flows.series.periods import EVERY, Every, label_of, number_of, start_of
from aiops_flows.steps.frames import case_frame, stored_frame


class Line(Case):
    """A series as a case."""

    history: History
    balance: SignedHistory | None = None


def line(**history: Any) -> Any:
    """The history that a case reads."""
    whole = {"every": "month", "first": "2025-01-01", "values": [1]} | history
    return Line(case_id="x", history=whole).history


def test_a_history_is_plain_json_written_in_one_way() -> None:
    """However it is sent, the same history is stored alike: the first moment in one form, gaps as None, floats."""
    ways: list[Any] = [
        {"every": "month", "first": "2025-01-01", "values": [1, None, 3]},
        {"every": "month", "first": "2025-01-01T00:00:00+02:00", "values": np.array([1, np.nan, 3])},
        json.dumps({"every": "month", "first": "2025-01-01T00:00:00Z", "values": [1, float("nan"), 3.0], "zone": None}),
    ]
    cases = [Line(case_id="x", history=way) for way in ways]
    assert {case.model_dump_json() for case in cases} == {cases[0].model_dump_json()}
    assert cases[0].history == {"every": "month", "first": "2025-01-01T00:00:00+00:00", "values": [1.0, None, 3.0]}
    hour = line(every="hour", first="2025-03-30T01:00+01:00", zone="Europe/Berlin")
    assert hour == {"every": "hour", "first": "2025-03-30T00:00:00+00:00", "values": [1.0], "zone": "Europe/Berlin"}


def test_a_frame_of_histories_is_the_same_from_cases_and_from_stored_bodies() -> None:
    """Training reads bodies, the flow reads cases: both see the same histories."""
    cases = [Line(case_id=str(length), history=series_of("day", 20_000, [1.5] * length)) for length in (0, 2)]
    columns = {name: [getattr(case, name) for case in cases] for name in Line.model_fields}
    fresh = case_frame(Line, columns | {"received_at": [datetime(2025, 1, 1, tzinfo=UTC)] * 2, "batch": ["", ""]})
    bodies = [case.model_dump_json(exclude={"case_id"}) for case in cases]
    stored = stored_frame(
        Line, pd.DataFrame({"case_id": ["0", "2"], "received_at": fresh["received_at"], "body": bodies})
    )
    pd.testing.assert_frame_equal(fresh, stored)


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ({"every": "year"}, "'week-sunday', 'month' or 'quarter'"),
        ({"first": "soon"}, "no ISO 8601"),
        ({"first": "2025-01-02"}, "not the start of a month"),
        ({"every": "week", "first": "2025-01-05"}, "not the start of a week"),
        ({"first": "9999-12-01", "values": [1, 1]}, "within the calendar"),
        ({"values": [-1]}, "SignedHistory"),
        ({"values": ["many"]}, "valid number"),
        ({"values": [float("inf")]}, "finite|less than"),
        ({"values": [1e39]}, "less than"),
        ({"values": [0] * 10_001}, "at most 10000"),
        ({"zone": "Europe/Berlin"}, "of hours only"),
        ({"every": "hour", "zone": "Mars/Base"}, "Europe/Berlin"),
    ],
)
def test_what_is_no_history_is_refused_with_a_reason(history: dict[str, Any], said: str) -> None:
    """A wrong grid, a negative or absurd value or too many of them make no case."""
    with pytest.raises(ValidationError, match=said):
        line(**history)


def test_a_text_that_is_no_history_is_refused_and_a_signed_one_may_be_negative() -> None:
    """Only JSON objects are read; a balance may be below zero."""
    with pytest.raises(ValidationError, match="JSON object"):
        Line(case_id="x", history="1, 2, 3")
    balance = series_of("month", 0, [-1.0])
    assert Line(case_id="x", history=series_of("month", 0, []), balance=balance).balance == balance


def test_values_stand_at_the_right_whatever_else_is_in_the_batch() -> None:
    """Rows are as long as asked for, newest last; gaps, missing histories and what came before are NaN."""
    column = [series_of("month", 600, [1, None, 3]), None, series_of("month", 602, [9])]
    assert np.array_equal(values_of(column), [[1, np.nan, 3], [np.nan] * 3, [np.nan, np.nan, 9]], equal_nan=True)
    assert np.array_equal(values_of(column, 2), [[np.nan, 3], [np.nan] * 2, [np.nan, 9]], equal_nan=True)
    assert values_of(column, 5).shape == (3, 5)
    assert values_of([], 4).shape == (0, 4)


def test_phases_count_from_january_monday_and_midnight() -> None:
    """The season's place is that of the first period after the history, by the clock of its zone."""
    month = series_of("month", number_of(datetime(2025, 1, 1, tzinfo=UTC), "month"), [1, 2])
    week = series_of("day", number_of(datetime(2025, 3, 24, tzinfo=UTC), "day"), [1] * 9)
    summer = series_of("hour", number_of(datetime(2025, 7, 1, 21, tzinfo=UTC), "hour"), [1], "Europe/Berlin")
    assert phases([month, None], 12).tolist() == [2, -1]
    assert phases([week], 7).tolist() == [2], "Wednesday"
    assert phases([summer], 24).tolist() == [0], "22:00 in UTC is midnight in Berlin"
    assert phases([summer], 168).tolist() == [48], "Wednesday, midnight"


def test_the_periods_after_a_history_have_names() -> None:
    """They follow the calendar over the end of a year."""
    assert periods_after(series_of("month", 12 * 55 + 9, [1, 1]), 3) == ["2025-12", "2026-01", "2026-02"]
    assert periods_after(series_of("quarter", 4 * 55 + 3, [1]), 2) == ["2026-Q1", "2026-Q2"]
    assert first_after(series_of("day", 7, [None, 1])) == 9


@pytest.mark.parametrize("every", EVERY)
def test_a_period_is_the_same_by_number_name_and_start(every: Every) -> None:
    """Number, start and name of a period lead to each other, in winter and in summer."""
    for number in range(-30, 6_000, 97):
        start = start_of(number, every)
        assert number_of(start, every) == number
        assert read_period(start, every) == (number,)
        name = label_of(number, every)
        assert read_period(f"{name}:00Z" if every == "hour" else name, every) == (number,)


@pytest.mark.parametrize(
    ("given", "every", "name"),
    [
        ("2026-03", "month", "2026-03"),
        (202603, "month", "2026-03"),
        ("2026M03", "month", "2026-03"),
        ("2026-03-31", "month", "2026-03"),
        (date(2026, 3, 1), "month", "2026-03"),
        (pd.Period("2026-03", "M"), "month", "2026-03"),
        (pd.Timestamp("2026-06-30"), "quarter", "2026-Q2"),
        ("2026q2", "quarter", "2026-Q2"),
        ("2026W13", "week", "2026-W13"),
        ("2026-03-23", "week", "2026-W13"),
        ("2026-03-29", "week", "2026-W13"),
        ("KW13/2026", "week", "2026-W13"),
        ("2026-03-22", "week-sunday", "2026-03-22"),
        ("2026-03-28", "week-sunday", "2026-03-22"),
        (date(2026, 3, 25), "week-wednesday", "2026-03-25"),
        (pd.Period("2026-03-25", "W-SAT"), "week-sunday", "2026-03-22"),
        ("03/2026", "month", "2026-03"),
        ("2026-3", "month", "2026-03"),
        (20260331, "month", "2026-03"),
        ("Q2 2026", "quarter", "2026-Q2"),
        ("2026-03-29", "day", "2026-03-29"),
    ],
)
def test_periods_are_read_as_sources_write_them(given: Any, every: Every, name: str) -> None:
    """Names, first and last days, moments and the types of Python and pandas name the same period."""
    assert [label_of(number, every) for number in read_period(given, every)] == [name]


@pytest.mark.parametrize(
    ("given", "every"),
    [
        ("2026-03-15", "month"), ("03/01/2026", "month"), ("2026-13", "month"), (4473, "month"), (True, "month"),
        (None, "month"), (pd.NaT, "month"), (float("nan"), "day"), ("2026-03-25", "week"), ("2026-W60", "week"),
        ("2026-03-23", "week-sunday"), ("2026-W13", "week-sunday"), (45356, "day"),
        ("2026-03-29T05:00", "day"), ("2026-03-29T05:30", "hour"), ("2026-Q1", "month"), ({"a": 1}, "day"),
    ],
)  # fmt: skip
def test_what_names_no_period_is_refused(given: Any, every: Every) -> None:
    """A day within a month, another order of day and month, or no date at all are never guessed at."""
    with pytest.raises(ValueError, match=r"is (not|neither|a \w+day, which)|does not begin|Invalid week"):
        read_period(given, every)


def test_a_day_within_a_week_names_the_declaration_that_would_take_it() -> None:
    """The way out stands in the refusal."""
    with pytest.raises(ValueError, match=r"is a Wednesday.*declare every='week-wednesday'"):
        read_period("2026-03-25", "week")
    with pytest.raises(ValueError, match=r"is a Monday.*declare every='week'"):
        read_period("2026-03-23", "week-sunday")


def test_clocks_of_a_zone_show_hours_twice_or_not_at_all() -> None:
    """A wall clock's hour is two hours in autumn and none in spring; days keep their name with 23 or 25 hours."""
    both = read_period("2025-10-26T02:00", "hour", "Europe/Berlin")
    assert [label_of(number, "hour") for number in both] == ["2025-10-26T00", "2025-10-26T01"]
    assert read_period("2025-10-26T02:00+01:00", "hour", "Europe/Berlin") == both[1:]
    assert read_period("2025-03-30T02:00", "hour", "Europe/Berlin") == ()
    for day, offset in [("2025-03-30", "+01:00"), ("2025-03-31", "+02:00"), ("2025-10-27", "+01:00")]:
        assert read_period(f"{day}T00:00{offset}", "day", "Europe/Berlin") == read_period(day, "day")
    begins = [
        start_of(number_of(datetime(2025, 3, day, tzinfo=UTC), "day"), "day", "Europe/Berlin") for day in (30, 31)
    ]
    assert (begins[1].astimezone(UTC) - begins[0].astimezone(UTC)).total_seconds() == 23 * 3600
