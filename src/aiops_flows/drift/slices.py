"""Drift of each slice of the rows, such as each machine, against its own past, at one false-alarm rate for them all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.drift.limits import Calibration, joint_limit
from aiops_flows.drift.measuring import FEWEST_ROWS, calibrated_slice
from aiops_flows.drift.report import SliceDrift, SlicesReport

__all__ = ["MOST_SLICES", "measure_slices"]

MOST_SLICES = 500
"""Slices that are judged at most, those with the most current rows."""


def measure_slices(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    by: str,
    columns: Sequence[str],
    *,
    false_alarm_rate: float = 0.05,
    seed: int = 0,
    texts: Collection[str] = (),
) -> SlicesReport:
    """Which values of a column have moved away from their own past.

    For each value, its current rows are held against its reference rows as `measure_drift` does. The largest
    standardised distance over all columns of all values is held against those of random re-divisions within each value
    (Westfall and Young 1993, max-T): in unchanged data any of them is called drifted with probability
    ``false_alarm_rate``, however many there are. Values with fewer than 50 rows on a side are counted, not judged.
    Rows are taken as independent of each other: what wears in time moves away from its past, and is told so.
    """
    sides = [side[side[by].notna()] for side in (reference, current)]
    past, now = (dict(list(side.groupby(side[by].astype(str), sort=True))) for side in sides)
    large = [name for name, rows in now.items() if len(rows) >= FEWEST_ROWS <= len(past.get(name, ()))]
    large = sorted(large, key=lambda name: -len(now[name]))[:MOST_SLICES]
    few = len(now) - len(large)
    found: dict[str, tuple[list[str], Calibration]] = {}
    for place, name in enumerate(large):
        before, later = past[name].reset_index(drop=True), now[name].reset_index(drop=True)
        calibrated = calibrated_slice(before, later, columns, rate=false_alarm_rate, seed=seed + place, texts=texts)
        if not isinstance(calibrated, str):
            found[name] = calibrated
    if not found:
        reason = f"no value of {by} has {FEWEST_ROWS} rows before and now; {few} have fewer"
        return SlicesReport(by, "unknown", [], few, false_alarm_rate, reason)
    limit, largest = joint_limit([each for _, each in found.values()], false_alarm_rate)
    judged = [_judged(name, *found[name], limit, largest, (len(past[name]), len(now[name]))) for name in found]
    judged.sort(key=lambda each: (each.p_value, each.value))
    moved = sum(each.drifted for each in judged)
    told = f"; {few} more have too few rows to tell" if few else ""
    reason = f"{moved} of {len(judged)} values of {by} moved away from their own past{told}"
    return SlicesReport(by, "drift" if moved else "no drift", judged, few, false_alarm_rate, reason)


def _judged(
    name: str, owners: Sequence[str], found: Calibration, limit: float, largest: Any, rows: tuple[int, int]
) -> SliceDrift:
    moved = [owner for owner, distance in zip(owners, found.standardised, strict=True) if distance > limit]
    return SliceDrift(
        value=name,
        drifted=bool(moved),
        rows_reference=rows[0],
        rows_current=rows[1],
        p_value=float(np.mean(largest >= found.largest[0])),
        columns=list(dict.fromkeys(moved)),
    )
