"""Drift of each machine against its own past, at one rate for all of them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from aiops_flows.drift import DriftReport, measure_drift, measure_slices

MACHINES = 6


def rows_of(random: np.random.Generator, each: int, machines: int = MACHINES) -> pd.DataFrame:
    """Readings of machines, each of which has a level of its own."""
    machine = np.repeat(np.arange(machines), each)
    return pd.DataFrame(
        {"machine": [f"M{number}" for number in machine], "heat": random.normal(3.0 * machine, 1.0, len(machine))}
    )


def test_unchanged_machines_are_called_drifted_at_the_rate_for_all_together() -> None:
    """Six machines at a rate of 20 %: about a fifth of unchanged checks alarm, not six fifths."""
    alarms = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        past, now = rows_of(random, 150), rows_of(random, 60)
        found = measure_slices(past, now, "machine", ["heat"], false_alarm_rate=0.2, seed=100 * seed)
        alarms += found.verdict == "drift"
    assert 4 <= alarms <= 21  # 0.1 % and 99.9 % of a binomial of 60 and 0.2


def test_the_machine_that_moved_is_named_and_no_other() -> None:
    """Two machines that move in opposite directions leave the whole as it was, and are found by themselves."""
    random = np.random.default_rng(3)
    past, now = rows_of(random, 300), rows_of(random, 100)
    whole = now["heat"].to_numpy()
    now["heat"] = whole + 1.2 * (now["machine"] == "M2") - 1.2 * (now["machine"] == "M3")
    assert measure_drift(past, now, ["heat"]).verdict == "no drift"
    found = measure_slices(past, now, "machine", ["heat"])
    assert (found.verdict, sorted(found.drifted)) == ("drift", ["M2", "M3"])
    assert found.slices[0].columns == ["heat"]
    assert found.slices[0].p_value <= 0.05 < found.slices[-1].p_value


def test_machines_with_few_rows_or_no_past_are_counted_not_judged_and_not_named() -> None:
    """What cannot be told from chance is told as such; a new machine has no past to move away from."""
    random = np.random.default_rng(4)
    past, now = rows_of(random, 100), rows_of(random, 60, MACHINES + 1)
    now = now[(now["machine"] != "M1") | (now.groupby("machine").cumcount() < 49)]
    found = measure_slices(past, now, "machine", ["heat"])
    assert (len(found.slices), found.few) == (MACHINES - 1, 2)
    assert "M1" not in str(found)
    none = measure_slices(past, now.head(10), "machine", ["heat"])
    assert (none.verdict, none.slices, none.few) == ("unknown", [], 1)


def test_a_report_with_slices_is_read_back_as_it_was() -> None:
    """The slices are part of the report that is kept."""
    random = np.random.default_rng(5)
    past, now = rows_of(random, 60, 2), rows_of(random, 60, 2)
    report = measure_drift(past, now, ["heat"])
    kept = DriftReport(**{**vars(report), "slices": measure_slices(past, now, "machine", ["heat"])})
    assert DriftReport.from_dict(json.loads(kept.as_json())) == kept
