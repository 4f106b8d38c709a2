"""Forecasts of states, industries and the whole, made by themselves, summed from below, and reconciled.

    python -m benchmarks.planning.hierarchy [--data FOLDER] [--years 2]

``FOLDER`` holds ``aus_retail/``; by default ``AIOPS_SHARED_DATA``. One boosted forecaster learns from the series of all
levels before the first of the held-out months, and says from the beginning of each what its demand will be. The
figures are written to benchmarks/results/planning_hierarchy.md.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aiops_flows.estimators.boosted_series import BoostedForecaster
from aiops_flows.evidence.hierarchy import bottom_up, disagreement, groups_of, reconcile
from benchmarks.measuring import machine
from benchmarks.planning.data import Panel, retail
from benchmarks.planning.inventory import known_throughout

Array = npt.NDArray[np.float64]
RESULTS = Path(__file__).resolve().parents[1] / "results" / "planning_hierarchy.md"
LEVELS: dict[str, list[str]] = {"all": [], "state": ["State"], "industry": ["Industry"]}
_LONGEST, _SEASON, _PAST = 60, 12, 24


@dataclass(frozen=True)
class Levels:
    """Series of all levels, the groups first, then the items."""

    panel: Panel
    summing: Array
    level: npt.NDArray[np.object_]

    @classmethod
    def of(cls, items: Panel) -> Levels:
        """The items with their sums above them."""
        groups, summing = groups_of(items.names, list(LEVELS.values()))
        sizes = {tuple(columns): name for name, columns in LEVELS.items()}
        level = [sizes[tuple(group)] for group in groups] + ["item"] * len(items.names)
        names = pd.concat([pd.DataFrame(groups), items.names], ignore_index=True)
        whole = replace(items, names=names, values=bottom_up(items.values, summing))
        return cls(whole, summing, np.array(level, dtype=object))


def said(levels: Levels, first: int, months: range, ahead: int) -> dict[int, Array]:
    """What was forecast for each month, so many months ahead, by a model that learned before the first."""
    origins = list(range(first - ahead, first - ahead - 12, -1))
    past = levels.panel.past_lines(origins, ahead, _LONGEST)
    fitted = BoostedForecaster(horizon=ahead, windows=8_000).fit(past[["history", "cover"]], past["demand"].to_numpy())
    return {month: _expected(fitted, levels.panel, month - ahead + 1, ahead) for month in months}


def _expected(fitted: BoostedForecaster, panel: Panel, origin: int, ahead: int) -> Array:
    """The month at the end of what is asked for: the sum up to it less the sum before it."""
    frame = panel.lines(origin, ahead, _LONGEST)[["history", "cover"]]
    upto = fitted.predict(frame)
    before = fitted.predict(frame.assign(cover=ahead - 1)) if ahead > 1 else 0.0
    return np.asarray(upto - before)


def ways(levels: Levels, base: dict[int, Array], past: dict[int, Array]) -> dict[str, dict[int, Array]]:
    """Month → forecasts of all levels, for each way to make them agree."""
    groups = len(levels.summing)
    errors = np.stack([levels.panel.values[:, month] - forecast for month, forecast in past.items()])
    variances = np.maximum((errors**2).mean(axis=0), 1e-9)
    return {
        "each by itself": base,
        "summed from items": {month: bottom_up(each[groups:], levels.summing) for month, each in base.items()},
        "reconciled, ols": {month: reconcile(each, levels.summing, "ols") for month, each in base.items()},
        "reconciled, wls by size": {month: reconcile(each, levels.summing) for month, each in base.items()},
        "reconciled, wls by errors": {
            month: reconcile(each, levels.summing, variances=variances) for month, each in base.items()
        },
    }


def naive(levels: Levels, months: range) -> dict[int, Array]:
    """The same month of the year before, which agrees by itself."""
    return {month: levels.panel.values[:, month - _SEASON] for month in months}


def compared(levels: Levels, years: int, ahead: int) -> dict[str, dict[str, list[float]]]:
    """Way → level → WAPE of each year, and the largest disagreement."""
    found: dict[str, dict[str, list[float]]] = {}
    for back in range(years):
        ends = levels.panel.periods - 12 * back
        months, before = range(ends - 12, ends), range(ends - 12 - _PAST, ends - 12)
        base = said(levels, ends - 12, months, ahead)
        past = said(levels, before.start, before, ahead)
        for way, forecasts in (ways(levels, base, past) | {"seasonal naive": naive(levels, months)}).items():
            errors = np.stack([np.abs(levels.panel.values[:, month] - each) for month, each in forecasts.items()])
            demand = np.stack([levels.panel.values[:, month] for month in months])
            told = found.setdefault(way, {})
            for level in dict.fromkeys(levels.level):
                mine = levels.level == level
                told.setdefault(level, []).append(float(errors[:, mine].sum() / demand[:, mine].sum()))
            gap = max(disagreement(each, levels.summing) for each in forecasts.values())
            told.setdefault("disagreement", []).append(gap)
    return found


def table(found: dict[str, dict[str, list[float]]], ahead: int) -> str:
    """Mean WAPE over the years, and the largest disagreement."""
    heads: list[Any] = list(next(iter(found.values())))
    lines = [f"| {ahead} ahead | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for way, told in found.items():
        cells = [
            f"{max(values):.1e}" if head == "disagreement" else f"{np.mean(values):.4f}"
            for head, values in told.items()
        ]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Measure, print and write the tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=os.environ.get("AIOPS_SHARED_DATA"))
    asked.add_argument("--years", type=int, default=2)
    given = asked.parse_args()
    if given.data is None:
        asked.error("give in --data the folder that holds aus_retail/, or set AIOPS_SHARED_DATA")
    levels = Levels.of(known_throughout(retail(given.data), 12 * (given.years + 12)))
    parts = [_ABOUT.format(machine=machine(), years=given.years, items=levels.summing.shape[1])]
    for ahead in (1, 3):
        parts.append(table(compared(levels, given.years, ahead), ahead))
        print(parts[-1], flush=True)
    RESULTS.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return 0


_ABOUT = """# Sums that agree

`python -m benchmarks.planning.hierarchy --data FOLDER`; {items} items (a state and an industry each); {machine}.
WAPE of single months, mean of {years} held-out years; one forecaster learned from the series of all levels before
each year.
*Disagreement* is the largest distance between a group's forecast and the sum of its items, as a share of the largest
group.
*By errors* weighs each series by its errors in the two years before, forecast by a model that had not seen them."""


if __name__ == "__main__":
    raise SystemExit(main())
