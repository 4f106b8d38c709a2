"""Drift of each machine against its own past: how often an unchanged fleet is called drifted, and what is found."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiops_flows.drift import measure_slices
from flows.lookalike_machines import Fleet
from flows.maintenance import LOOK

__all__ = ["drifts"]

_MACHINES, _LOOKS = 20, 60
_MOVED = "pump-007"


def drifts(runs: int = 100) -> str:
    """The table, as text."""
    lines = [
        "| the voltage of one pump moves by (its noise: 1.5 V) | a check says drift | names that pump | and others |",
        "|---|---|---|---|",
    ]
    for volts in (0.0, 0.75, 1.5, 3.0):
        found = [_named(seed, volts) for seed in range(runs)]
        alarmed = np.mean([bool(names) for names in found])
        right = np.mean([_MOVED in names for names in found])
        others = np.mean([bool(names - {_MOVED}) for names in found])
        lines.append(f"| {volts:g} V | {alarmed:.2f} | {right:.2f} | {others:.2f} |")
    return "\n".join(lines)


def _named(seed: int, volts: float) -> set[str]:
    """The pumps that a check names, of a fleet seen so many times before and after one of them has moved."""
    fleet = Fleet(_MACHINES, seed=seed)
    before = _looks(fleet)
    fleet.shifted[_MOVED] = volts
    report = measure_slices(before, _looks(fleet), "machine", ["voltage"], seed=seed)
    return {each.value for each in report.slices if each.drifted}


def _looks(fleet: Fleet) -> pd.DataFrame:
    rows = fleet.run(LOOK * _LOOKS)
    days = pd.factorize(rows["at"])[0]
    looks: pd.DataFrame = rows[days % LOOK == 0].reset_index(drop=True)
    return looks
