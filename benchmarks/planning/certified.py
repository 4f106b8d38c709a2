"""How often a certified promise is broken in the months after it, where all rows of a month share their luck.

    python -m benchmarks.planning.certified [--data FOLDER]

``FOLDER`` holds ``aus_retail/``; by default ``AIOPS_SHARED_DATA``. Month by month from 1996 on a certificate is made
from the orders of the months before whose demand is known, once counting rows and once counting periods, and held
against the orders of the next three months that reach its threshold. Beside it the same on the same rows in random
order, where rows are independent draws. The figures are written to benchmarks/results/planning_certified.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aiops_flows.estimators.boosted_series import BoostedForecaster
from aiops_flows.evidence.losses import Loss, beyond, share_of_worst
from aiops_flows.evidence.thresholds import certify_threshold
from aiops_flows.orders import CostOfNothing, OrderCost, OrderQuantity, OrderUpTo
from aiops_flows.use_case import quantile_column
from benchmarks.measuring import machine
from benchmarks.planning.data import Panel, retail
from benchmarks.planning.inventory import known_throughout
from benchmarks.planning.stock import usual

Array = npt.NDArray[np.float64]
RESULTS = Path(__file__).resolve().parents[1] / "results" / "planning_certified.md"
_COVER, _AHEAD, _LONGEST, _SURE = 2, 3, 60, 0.90
_MONTHS = 23 * 12
"""Months in which orders are judged, up to the end of 2018."""
_REFIT = 36
_WINDOWS = (9, 20, 48)
COST = share_of_worst(OrderCost(), CostOfNothing())
FAR: Loss = beyond(0.1)
_PROMISES: Sequence[tuple[str, float]] = (
    ("lost, of what nothing would cost", 0.01),
    ("lost, of what nothing would cost", 0.02),
    ("off by more than a tenth", 0.05),
    ("off by more than a tenth", 0.10),
)


@dataclass(frozen=True)
class Judged:
    """Orders whose demand has come, a row each."""

    month: npt.NDArray[np.int64]
    confidence: Array
    losses: dict[str, Array]

    def some(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Judged:
        """Some of them."""
        losses = {name: loss[rows] for name, loss in self.losses.items()}
        return Judged(self.month[rows], self.confidence[rows], losses)


def judged(panel: Panel) -> Judged:
    """Orders of every month by a forecaster that is trained anew every three years, from what was known then."""
    first, parts = panel.periods - _MONTHS, []
    fitted = BoostedForecaster(horizon=_COVER, windows=8_000)
    for month in range(first, panel.periods - _COVER + 1):
        if (month - first) % _REFIT == 0:
            past = panel.past_lines(list(range(month - _COVER, month - _COVER - 12, -3)), _COVER, _LONGEST)
            fitted.fit(past[["history", "cover"]], past["demand"].to_numpy())
        lines = panel.lines(month, _COVER, _LONGEST)
        parts.append(_of_month(lines.assign(recent=usual(panel.values, month)), fitted, month))
    losses = {name: np.concatenate([part.losses[name] for part in parts]) for name in parts[0].losses}
    months, confidence = (np.concatenate([getattr(part, name) for part in parts]) for name in ("month", "confidence"))
    return Judged(months, confidence, losses)


def _of_month(lines: pd.DataFrame, fitted: BoostedForecaster, month: int) -> Judged:
    truth = lines["demand"].to_numpy()
    said, quantiles = (ask(lines[["history", "cover"]]) for ask in (fitted.predict, fitted.predict_quantiles))
    columns = {quantile_column("demand", level): quantiles[:, at] for at, level in enumerate(fitted.quantiles_)}
    frame = lines.assign(demand=said, stock=0.0, pack=lines["recent"] / 10, holding_cost=1.0, shortage_cost=9.0)
    frame = frame.assign(**columns)
    frame = frame.assign(level=OrderUpTo()(frame))
    frame = frame.assign(order=OrderQuantity()(frame))
    width = (quantiles[:, -1] - quantiles[:, 0]) / np.maximum(np.abs(said), 1e-9)
    losses = {_PROMISES[0][0]: COST.of_cases(frame, truth), _PROMISES[2][0]: np.asarray(FAR(said, truth))}
    return Judged(np.full(len(lines), month), 1 / (1 + width), losses)


@dataclass(frozen=True)
class Kept:
    """What became of certificates."""

    issued: float
    broken: float
    """Share of the issued."""
    decided: float
    """Share of the orders after them that were automatic."""
    worst: float
    """In the worst of ten of them, the loss as a multiple of what was promised."""


def kept(rows: Judged, name: str, limit: float, window: int, *, counting: str, seed: int | None) -> Kept:
    """Certificates of every month, held against the next three; with a seed on rows in random order."""
    random = np.random.default_rng(seed)
    first, last = rows.month.min() + window + _COVER - 1, rows.month.max() - _AHEAD + 1
    found: list[tuple[float, float]] = []
    for month in range(first, last + 1):
        seen = np.flatnonzero((rows.month > month - _COVER - window) & (rows.month <= month - _COVER))
        later = np.flatnonzero((rows.month >= month) & (rows.month < month + _AHEAD))
        if seed is not None:
            both = random.permutation(np.concatenate([seen, later]))
            seen, later = both[: len(seen)], both[len(seen) :]
        found.append(_one(rows.some(seen), rows.some(later), name, limit, counting))
    decided, loss = (np.array(column) for column in zip(*found, strict=True))
    issued = decided > 0
    if not issued.any():
        return Kept(0.0, 0.0, 0.0, 0.0)
    worst = float(np.quantile(loss[issued], 0.9)) / limit
    return Kept(float(issued.mean()), float((loss[issued] > limit).mean()), float(decided.mean()), worst)


def _one(seen: Judged, later: Judged, name: str, limit: float, counting: str) -> tuple[float, float]:
    """How much of what came later was decided, and what that lost."""
    periods = seen.month if counting == "periods" else None
    found = certify_threshold(
        seen.confidence, seen.losses[name], max_error=limit, confidence_level=_SURE, periods=periods, ahead=_AHEAD
    )
    decided = later.confidence >= (np.inf if found.threshold is None else found.threshold)
    return float(decided.mean()), float(later.losses[name][decided].mean()) if decided.any() else 0.0


def compared(rows: Judged) -> list[list[str]]:
    """The rows of the table."""
    lines = []
    for name, limit in _PROMISES:
        for window in _WINDOWS:
            for counting in ("rows", "periods"):
                real = kept(rows, name, limit, window, counting=counting, seed=None)
                line = [f"{name}: {limit:.0%}", str(window), counting, f"{real.issued:.0%}", f"{real.broken:.1%}"]
                line += [f"{real.worst:.2f}", f"{real.decided:.0%}"]
                if counting == "rows":
                    random = kept(rows, name, limit, window, counting=counting, seed=0)
                    line.append(f"{random.broken:.1%}")
                else:
                    line.append("")
                print(" | ".join(line), flush=True)
                lines.append(line)
    return lines


def main() -> int:
    """Measure, print and write the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=os.environ.get("AIOPS_SHARED_DATA"))
    given = asked.parse_args()
    if given.data is None:
        asked.error("give in --data the folder that holds aus_retail/, or set AIOPS_SHARED_DATA")
    rows = judged(known_throughout(retail(given.data), _MONTHS + 60))
    share = {name: f"{loss.mean():.3f}" for name, loss in rows.losses.items()}
    print(f"{len(rows.month):,} orders; mean losses {share}", flush=True)
    lines = ["| " + " | ".join(line) + " |" for line in compared(rows)]
    about = _ABOUT.format(machine=machine(), orders=len(rows.month), series=int((rows.month == rows.month[0]).sum()))
    RESULTS.write_text("\n".join([about, *lines]) + "\n", encoding="utf-8")
    return 0


_ABOUT = """# Promises about the next months

`python -m benchmarks.planning.certified --data FOLDER`; {series} retail series, {orders:,} orders of 1996 to 2018;
{machine}.
Each month a certificate is made, 90 % sure, from the orders of so many months before whose demand is known; the
forecaster is trained anew every three years.
*Broken* is the share of the issued certificates under which the orders of the next three months that reach the
threshold lost more than promised; at most 10 % is the promise.
*Worst of ten* is that loss as a multiple of what was promised, at its 0.9 quantile over certificates.
*In random order* is the same, counting rows, where the rows of both sides are dealt at random, so that they are
independent draws; it also shows how much the luck of three months' few rows alone comes to.
Certificates of neighbouring months share most of their rows, so the shares are less sure than some 250 certificates
suggest.

| promise | months certified on | counting | issued | broken | worst of ten | automatic | broken in random order |
|---|---:|---|---:|---:|---:|---:|---:|"""


if __name__ == "__main__":
    raise SystemExit(main())
