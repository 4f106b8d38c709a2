"""Rows of sensors become machines at a moment: nothing lost, whatever the order and whatever is sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import SourceError
from aiops_flows.steps.delivery import Delivery, cases_in
from aiops_flows.steps.sensor_rows import SensorRows, joined_cycles, past_looks
from aiops_flows.use_case import Case

FORM = SensorRows(["heat", "speed"], longest=4, every=3, limits={"speed": (0, 1_000)})


class Pump(Case):
    """A pump that comes in cycles."""

    rows: ClassVar = FORM


def cycles(machine: str, ages: range, first: str = "2026-01-01") -> list[dict[str, Any]]:
    """One row a day, whose values tell the age."""
    days = pd.date_range(pd.Timestamp(first) + pd.Timedelta(days=ages[0] - 1), periods=len(ages))
    return [
        {"machine": machine, "age": age, "at": str(day.date()), "heat": age / 2, "speed": 100.0 + age, "site": "north"}
        for age, day in zip(ages, days, strict=True)
    ]


def joined(rows: list[dict[str, Any]], *, past: bool = False, form: SensorRows = FORM) -> Delivery:
    return joined_cycles(form, Delivery("test", list(rows[0]), rows, (), None), past=past)


def test_the_latest_look_of_each_machine_is_a_case() -> None:
    """Its window ends with it; other columns are those of its row, and the moment is its receipt."""
    found = joined([*cycles("a", range(1, 9)), *cycles("b", range(1, 4))])
    assert [row["case_id"] for row in found.rows] == ["a/2026-01-06", "b/2026-01-03"]
    first = found.rows[0]
    assert (first["age"], first["site"], first["received_at"]) == (6, "north", "2026-01-06T00:00:00+00:00")
    assert first["sensors"] == {"heat": [1.5, 2.0, 2.5, 3.0], "speed": [103.0, 104.0, 105.0, 106.0]}
    assert found.rows[1]["sensors"]["heat"] == [0.5, 1.0, 1.5]


def test_a_time_that_cannot_be_read_is_the_reason_not_a_contradiction() -> None:
    """Several such rows of one machine do not differ about a cycle: nobody knows which cycle they are of."""
    rows = [row | {"at": f"0{row['age']}/05/2026"} for row in cycles("a", range(1, 4))]
    refused = [each.reason for each in joined(rows).unreadable]
    assert len(refused) == 3
    assert refused[0].startswith("'at' may be day/month or month/day, and no row shows which.")
    assert refused[0].endswith("(found '01/05/2026')")


def test_times_numbers_and_machines_are_read_as_spreadsheets_write_them() -> None:
    """Decimal commas, days first where a row shows it, a machine called 7.0, a switch that is on or off."""
    written = [
        row | {"machine": 7.0, "at": f"{11 + row['age']}.03.2026", "heat": f"{row['age']},5", "speed": row["age"] > 1}
        for row in cycles("a", range(1, 4))
    ]
    found = joined(written)
    assert not found.unreadable
    assert found.rows[0]["case_id"] == "7/2026-03-14"
    assert found.rows[0]["sensors"] == {"heat": [1.5, 2.5, 3.5], "speed": [0.0, 1.0, 1.0]}


def test_every_look_of_the_past_can_be_had() -> None:
    """To learn from, all looks of all lives are made; a life begins where the age falls."""
    rows = [*cycles("a", range(1, 8)), *cycles("a", range(1, 5), first="2026-02-01")]
    found = past_looks(FORM, pd.DataFrame(rows))
    assert found["case_id"].tolist() == ["a/2026-01-03", "a/2026-01-06", "a/2026-02-03"]
    assert found["sensors"].iloc[2]["heat"] == [0.5, 1.0, 1.5]
    assert [row["case_id"] for row in joined(rows).rows] == ["a/2026-02-03"]


def test_a_life_that_has_ended_is_not_looked_at() -> None:
    """After an overhaul the machine has no case until its first look."""
    assert list(joined([*cycles("a", range(1, 8)), *cycles("a", range(1, 3), first="2026-02-01")]).rows) == []


def test_the_order_of_rows_and_overlapping_deliveries_change_nothing() -> None:
    """A look has the same content from any delivery that reaches back far enough; a shorter one makes none of it."""
    rows = cycles("a", range(1, 16))
    whole = {look["case_id"]: look for look in joined(rows, past=True).rows}
    shuffled = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
    assert {look["case_id"]: look for look in joined(shuffled, past=True).rows} == whole
    late = joined(rows[7:], past=True).rows
    assert [look["age"] for look in late] == [12, 15]
    assert all(whole[look["case_id"]] == look for look in late)


def test_a_missing_cycle_is_a_gap_and_a_missing_look_comes_later() -> None:
    """Windows keep their length; where the look's own row is missing, the next row is looked at."""
    rows = [row for row in cycles("a", range(1, 9)) if row["age"] not in {4, 6}]
    look = joined(rows).rows[0]
    assert look["age"] == 7
    np.testing.assert_array_equal(look["sensors"]["heat"], [np.nan, 2.5, np.nan, 3.5])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"heat": "hot"}, "'heat' is no finite number"),
        ({"heat": float("inf")}, "'heat' is no finite number"),
        ({"speed": -5.0}, "'speed' is -5, outside its limits 0 to 1000"),
        ({"speed": 10_500.0}, "'speed' is 10500, outside its limits"),
        ({"age": -1}, "'age' is no whole number from 1 up"),
        ({"age": 2.5}, "'age' is no whole number"),
        ({"age": None}, "'age' is no whole number"),
        ({"machine": " "}, "no machine is named"),
        ({"machine": None}, "no machine is named"),
        ({"at": "yesterday"}, "'at' is not a valid date or time"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_apart(change: dict[str, Any], why: str) -> None:
    """It goes to quarantine with the reason; the machine is looked at all the same, with a gap."""
    rows = cycles("a", range(1, 7))
    rows[4] |= change
    found = joined(rows)
    assert [line.reason.startswith(why) or why in line.reason for line in found.unreadable] == [True]
    assert found.rows[0]["age"] == 6
    assert np.isnan(found.rows[0]["sensors"]["heat"][2])


def test_rows_sent_twice_count_once_and_rows_that_differ_count_not_at_all() -> None:
    """Nobody can tell which of two values is right; the reason names the machine and the cycle."""
    rows = cycles("a", range(1, 7))
    again = joined([*rows, dict(rows[3])])
    assert not again.unreadable
    assert again.rows[0] == joined(rows).rows[0]
    differing = joined([*rows, rows[3] | {"heat": 99.0}])
    assert ["differ" in line.reason and "'a'" in line.reason for line in differing.unreadable] == [True, True]
    assert np.isnan(differing.rows[0]["sensors"]["heat"][1])


def test_a_missing_value_is_a_gap() -> None:
    """An empty field is no fault: sensors are silent now and then."""
    rows = cycles("a", range(1, 4))
    rows[1] |= {"heat": "", "speed": None}
    found = joined(rows)
    assert not found.unreadable
    np.testing.assert_array_equal(found.rows[0]["sensors"]["heat"], [0.5, np.nan, 1.5])


def test_rows_without_a_moment_are_told_by_age() -> None:
    """Where the source has no clock, the id names machine and age, and a machine has one life."""
    form = SensorRows(["heat"], at=None, longest=2, every=2)
    rows = [{"machine": "a", "age": age, "heat": float(age)} for age in (3, 1, 2, 4)]
    assert [(row["case_id"], row["sensors"]["heat"]) for row in joined(rows, form=form).rows] == [("a/4", [3.0, 4.0])]


def test_a_delivery_without_its_columns_is_refused() -> None:
    """The error names what is missing, and that ready windows would do as well."""
    with pytest.raises(SourceError, match=r"lacks the columns \['speed'\].*no 'sensors'"):
        joined([{"machine": "a", "age": 1, "at": "2026-01-01", "heat": 1.0}])
    with pytest.raises(ValueError, match="one sensor at least"):
        SensorRows([])


def test_a_machine_that_falls_silent_is_told_once() -> None:
    """Its last row goes to quarantine with the same words from every later delivery, which is one row there."""
    rows = [*cycles("a", range(1, 20)), *cycles("b", range(1, 13))]
    found = joined(rows)
    assert ["'b' has sent no row since 2026-01-12" in line.reason for line in found.unreadable] == [True]
    assert joined([*rows, *cycles("a", range(20, 22))]).unreadable == found.unreadable
    assert not joined([*cycles("a", range(1, 15)), *cycles("b", range(1, 13))]).unreadable


def test_ready_windows_are_taken_as_they_stand() -> None:
    """A delivery that has the field of windows is no delivery of cycles."""
    ready = Delivery("test", ["machine", "age", "sensors"], [{"machine": "a", "age": 3, "sensors": {}}], (), None)
    assert not FORM.fits(Case, ready)
    assert FORM.fits(Case, replace(ready, columns=["machine", "age", "heat"]))
    assert cases_in(Pump, ready, datetime.now(UTC)) == ready
