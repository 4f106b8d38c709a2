"""The verdict on drift, without Evidently."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from aiops_flows.drift import ColumnDrift, DriftReport, measure_drift

COLUMNS = ["amount", "age", "region", "urgent", "note"]


def claims(rows: int, seed: int) -> pd.DataFrame:
    """Unchanging rows with a dependence between columns, a heavy tail, and missing values."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 12, rows)
    regions = np.array(["north", "south", "east", "west"], object)
    return pd.DataFrame(
        {
            "amount": np.exp(random.normal(6, 1.2, rows) + age / 80),
            "age": np.where(random.random(rows) < 0.1, np.nan, age),
            "region": regions[random.choice(4, rows, p=[0.6, 0.25, 0.1, 0.05])],
            "urgent": random.random(rows) < 0.2,
            "note": random.integers(0, 500, rows).astype(str),
        }
    )


def column(report: DriftReport, name: str) -> ColumnDrift:
    return next(each for each in report.columns if each.name == name)


@pytest.mark.parametrize(
    ("rows_reference", "rows_current", "repeats"), [(200, 200, 200), (1_500, 200, 100), (3_000, 3_000, 60)]
)
def test_unchanged_data_alarms_at_the_rate_that_was_asked_for(
    rows_reference: int, rows_current: int, repeats: int
) -> None:
    """Over all columns together, alarms on unchanged data stay within the binomial range of the rate."""
    alarms = sum(
        measure_drift(
            claims(rows_reference, 2 * number),
            claims(rows_current, 2 * number + 1),
            COLUMNS,
            false_alarm_rate=0.1,
            seed=number,
        ).verdict
        == "drift"
        for number in range(repeats)
    )
    low, high = binom.ppf([0.001, 0.999], repeats, 0.1)
    assert low <= alarms <= high


def test_a_column_that_moved_is_named_and_the_others_are_not() -> None:
    """A shift of a third of a standard deviation in one column is found there and nowhere else."""
    current = claims(1_000, 1)
    current["age"] += 6
    report = measure_drift(claims(1_000, 0), current, COLUMNS)
    assert report.verdict == "drift"
    assert report.drifted_columns == ["age"]
    assert "age" in report.reason


def test_values_that_go_missing_are_drift() -> None:
    """A column whose values are the same but more often absent is drifted, and the note says so."""
    current = claims(1_000, 1)
    current.loc[np.random.default_rng(2).random(1_000) < 0.3, "region"] = None
    report = measure_drift(claims(1_000, 0), current, COLUMNS)
    assert report.drifted_columns == ["region"]
    assert "missing" in column(report, "region").note


def test_new_categories_are_counted_and_are_drift() -> None:
    """Values that the reference does not have are counted, and enough of them are drift."""
    current = claims(1_000, 1)
    current.loc[:80, "region"] = "abroad"
    report = measure_drift(claims(1_000, 0), current, COLUMNS)
    assert column(report, "region").new_values == 1
    assert report.drifted_columns == ["region"]


def test_a_column_is_drifted_where_its_distance_exceeds_its_limit() -> None:
    """The verdict, the columns and the limits tell the same story, drifted or not."""
    for shift in (0.0, 1.0, 2.0, 4.0):
        current = claims(800, 1)
        current["age"] += shift
        report = measure_drift(claims(800, 0), current, COLUMNS)
        assert (report.verdict == "drift") == any(each.drifted for each in report.columns)
        assert report.p_value is not None
        assert (report.verdict == "drift") == (report.p_value <= report.alarm_rate)
        for each in report.columns:
            assert each.distance is not None
            assert each.limit is not None
            assert each.drifted == (each.distance > each.limit)


def test_measuring_twice_gives_the_same_report() -> None:
    """The same rows and seed give the same report, in whatever order the columns are named."""
    reference, current = claims(500, 0), claims(400, 1)
    first = measure_drift(reference, current, COLUMNS)
    assert first == measure_drift(reference, current, COLUMNS)
    assert first.p_value == measure_drift(reference, current, COLUMNS[::-1]).p_value


def test_the_order_of_rows_does_not_change_distances() -> None:
    """Distances are of the values, not of their order."""
    reference, current = claims(500, 0), claims(400, 1)
    plain = measure_drift(reference, current, COLUMNS)
    shuffled = measure_drift(reference.sample(frac=1, random_state=0), current[::-1], COLUMNS)
    for before, after in zip(plain.columns, shuffled.columns, strict=True):
        assert before.distance == pytest.approx(after.distance, abs=1e-9)


def test_a_report_survives_json() -> None:
    """A stored report reads back as the same report."""
    report = measure_drift(claims(300, 0), claims(300, 1), COLUMNS)
    assert DriftReport.from_dict(json.loads(report.as_json())) == report


def test_only_a_sample_of_very_many_rows_is_measured() -> None:
    """Beyond ``max_rows`` a seeded sample stands for the rows, on both sides."""
    report = measure_drift(claims(3_000, 0), claims(2_000, 1), COLUMNS, max_rows=500)
    assert (report.rows_reference, report.rows_current) == (500, 500)


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_too_few_rows_give_unknown(rows: int) -> None:
    """A window too small to tell drift from chance is unknown, never "no drift"."""
    for reference, current in ((claims(1_000, 0), claims(rows, 1)), (claims(rows, 0), claims(1_000, 1))):
        report = measure_drift(reference, current, COLUMNS)
        assert report.verdict == "unknown"
        assert f"{rows} " in report.reason
        assert report.p_value is None


@pytest.mark.parametrize(
    ("columns", "told"),
    [([], "no column"), (["absent"], "absent"), (["empty"], "no watched column has a value")],
)
def test_nothing_to_look_at_gives_unknown(columns: list[str], told: str) -> None:
    """Columns that are not there, or have no value at all, cannot say that nothing moved."""
    frame = claims(100, 0).assign(empty=None)
    report = measure_drift(frame, frame, columns)
    assert report.verdict == "unknown"
    assert told in report.reason


def test_a_column_that_vanished_is_drift() -> None:
    """A column that the current rows no longer have counts as wholly missing there."""
    report = measure_drift(claims(200, 0), claims(200, 1).drop(columns="age"), COLUMNS)
    assert report.drifted_columns == ["age"]


ODD = {
    "moment": pd.Series(pd.date_range("2026-01-01", periods=120, freq="h")),
    "moment_utc": pd.Series(pd.date_range("2026-01-01", periods=120, freq="h", tz="UTC")),
    "moment_and_none": pd.Series([pd.NaT, pd.Timestamp("2026-01-01")] * 60),
    "day": pd.Series([date(2026, 1, 1), date(2026, 1, 2), None] * 40, dtype=object),
    "far_day": pd.Series([date(9999, 1, 1), date(1, 1, 2)] * 60, dtype=object),
    "duration": pd.Series(pd.to_timedelta(range(120), unit="min")),
    "period": pd.Series(pd.period_range("2026-01", periods=120, freq="M")),
    "truth": pd.Series([True, False, True] * 40),
    "truth_and_none": pd.Series([True, None, False] * 40, dtype=object),
    "truth_nullable": pd.Series([True, pd.NA, False] * 40, dtype="boolean"),
    "whole_nullable": pd.Series([1, pd.NA, 3] * 40, dtype="Int64"),
    "decimal": pd.Series([Decimal("1.5"), Decimal(2), None] * 40, dtype=object),
    "mixed_numbers": pd.Series([1, 2.5, None] * 40, dtype=object),
    "mixed": pd.Series([1, "one", None, 1.0] * 30, dtype=object),
    "lists": pd.Series([[1], [2, 3], None] * 40, dtype=object),
    "huge": pd.Series([1e300, -1e300, 1.0] * 40),
    "huge_whole": pd.Series([10**400, 1, 2] * 40, dtype=object),
    "infinite": pd.Series([np.inf, -np.inf, 1.0, np.nan] * 30),
    "all_infinite": pd.Series([np.inf] * 120),
    "tiny": pd.Series([5e-324, 0.0] * 60),
    "complex": pd.Series([1 + 2j, 3j] * 60),
    "constant": pd.Series([7.0] * 120),
    "constant_text": pd.Series(["same"] * 120),
    "missing": pd.Series([None] * 120, dtype=object),
    "missing_number": pd.Series([np.nan] * 120),
    "one_value": pd.Series([1.0] + [np.nan] * 119),
    "category": pd.Series(["a", "b", None] * 40, dtype="category"),
    "string": pd.Series(["a", "b", None] * 40, dtype="string"),
    "ids": pd.Series([f"id-{number}" for number in range(120)]),
    "bytes": pd.Series([b"a", b"b"] * 60),
    "surrogate": pd.Series(["\ud800", "\x00"] * 60),
}


@pytest.mark.parametrize("name", ODD)
def test_no_column_makes_measuring_fail(name: str) -> None:
    """Every kind of value is measured, against itself without drift and against any other without an exception."""
    frame = pd.DataFrame({"odd": ODD[name], "steady": np.tile(np.arange(4.0), 30)})
    report = measure_drift(frame, frame, ["odd", "steady"])
    assert report.verdict == "no drift"
    json.loads(report.as_json())
    for other in ("moment_utc", "truth", "mixed", "huge", "infinite", "missing", "category", "ids"):
        changed = frame.assign(odd=ODD[other])
        json.loads(measure_drift(frame, changed, ["odd", "steady"]).as_json())
        assert measure_drift(frame, changed.head(1), ["odd"]).verdict == "unknown"


def test_columns_of_one_name_are_read_as_the_first() -> None:
    """A frame that names a column twice is measured on the first of them."""
    frame = pd.concat([claims(100, 0), claims(100, 1)[["age"]]], axis=1)
    assert measure_drift(frame, frame, ["age"]).verdict == "no drift"


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, 1e-9])
def test_a_false_alarm_rate_that_cannot_be_held_is_refused(rate: float) -> None:
    """The rate must lie in the range that can be calibrated."""
    with pytest.raises(ValueError, match="false_alarm_rate"):
        measure_drift(claims(100, 0), claims(100, 1), COLUMNS, false_alarm_rate=rate)


def test_measuring_does_not_load_evidently() -> None:
    """A worker that only measures drift never pays for importing Evidently."""
    code = (
        "import sys, pandas as pd; from aiops_flows.drift import measure_drift; f = pd.DataFrame({'a': range(99)});"
        "measure_drift(f, f, ['a']); sys.exit('evidently' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
