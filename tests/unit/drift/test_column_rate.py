"""The rate of a column alone, beside that of the whole frame."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from aiops_flows.drift import DataQualityBreak, DriftReport, measure_drift

NUMBERS = [f"number_{n}" for n in range(4)]
COLUMNS = [*NUMBERS, "region", "code"]


def rows(count: int, seed: int) -> pd.DataFrame:
    """Six columns that are independent of each other."""
    random = np.random.default_rng(seed)
    frame = {name: random.lognormal(0.0, 1.0, count) for name in NUMBERS}
    frame["region"] = random.choice(["north", "south", "east"], count, p=[0.5, 0.3, 0.2]).astype(object)
    frame["code"] = random.integers(0, 40, count).astype(str).astype(object)
    return pd.DataFrame(frame)


@pytest.mark.parametrize(("count", "repeats"), [(200, 120), (2_000, 60)])
def test_each_column_alone_alarms_at_its_rate(count: int, repeats: int) -> None:
    """Over many draws of unchanged rows, the share of alarmed columns lies in the binomial range of the column rate."""
    alarms = sum(
        len(
            measure_drift(
                rows(count, 2 * number), rows(count, 2 * number + 1), COLUMNS, column_rate=0.1, seed=number
            ).alarmed_columns
        )
        for number in range(repeats)
    )
    low, high = binom.ppf([0.0005, 0.9995], repeats * len(COLUMNS), 0.1)
    assert low <= alarms <= high


def test_a_column_tells_the_same_by_its_p_value_and_by_its_own_limit() -> None:
    """A column is alarmed where its p-value is at most the column rate: where its distance exceeds its own limit."""
    for shift in (0.0, 0.1, 0.2, 0.3):
        current = rows(500, 1)
        current["number_0"] += shift
        for each in measure_drift(rows(500, 0), current, COLUMNS, column_rate=0.05).columns:
            assert each.p_value is not None
            assert each.own_limit is not None
            assert each.distance is not None
            assert each.alarmed == (each.p_value <= 0.05)
            assert each.alarmed == (each.distance > each.own_limit)


def test_the_verdict_does_not_depend_on_the_rate_of_a_column() -> None:
    """A column that is alarmed alone leaves the verdict on the whole frame as it is."""
    reference, current = rows(400, 0), rows(400, 1)
    plain = measure_drift(reference, current, COLUMNS)
    alone = measure_drift(reference, current, COLUMNS, column_rate=0.5)
    assert alone.alarmed_columns
    assert plain.alarmed_columns == []
    assert (alone.verdict, alone.p_value) == (plain.verdict, plain.p_value)


def test_a_column_whose_values_go_missing_is_alarmed_alone() -> None:
    """The rate of a column covers its values and its share of missing values together."""
    current = rows(500, 1)
    current.loc[np.random.default_rng(2).random(500) < 0.1, "code"] = None
    report = measure_drift(rows(500, 0), current, COLUMNS, column_rate=0.001)
    assert report.alarmed_columns == ["code"]


@pytest.mark.parametrize("rate", [0.0, 1.0, 1e-9])
def test_a_column_rate_that_cannot_be_held_is_refused(rate: float) -> None:
    """The rate of a column lies in the same range as that of the frame."""
    with pytest.raises(ValueError, match="column_rate"):
        measure_drift(rows(100, 0), rows(100, 1), COLUMNS, column_rate=rate)


def test_a_report_of_an_earlier_version_is_still_read() -> None:
    """A stored report without the newer fields reads back, with their defaults."""
    report = measure_drift(rows(100, 0), rows(100, 1), COLUMNS)
    stored = report.as_dict()
    for name in ("column_rate", "breaks", "actions"):
        del stored[name]
    for column in stored["columns"]:
        for name in ("p_value", "own_limit", "alarmed"):
            del column[name]
    read = DriftReport.from_dict(stored)
    assert read.breaks == []
    assert [each.name for each in read.columns] == COLUMNS


def test_breaks_and_actions_survive_json() -> None:
    """What broke and what follows is stored with the report."""
    broken = DataQualityBreak("code", "type", "numbers", "categories")
    plain = measure_drift(rows(100, 0), rows(100, 1), COLUMNS)
    report = DriftReport(**{**asdict(plain), "columns": plain.columns, "breaks": [broken], "actions": [{"a": "b"}]})
    assert DriftReport.from_dict(json.loads(report.as_json())) == report
