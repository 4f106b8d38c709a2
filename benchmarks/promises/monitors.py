"""P22, the half of it that watches: no false alarm over a whole life, and a doubled error is caught soon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence import Watch, watch_mean
from benchmarks.promises import Row, Table, figure, rate
from benchmarks.promises.promotions import kept, watched_z

__all__ = ["PROMISES", "table"]

PROMISES = ("P22",)
ALPHA = 0.05
LIMIT = 0.10
LABELS = 2_000
DAY = 25
"""Labels a day."""

Floats = NDArray[np.float64]


def table(draws: int, seed: int) -> Table:
    """False alarms, labels until a change is caught, and bursts told from what lasts."""
    random = np.random.default_rng(seed)
    return Table(
        "P22",
        f"A watch on a healthy model raises an alarm in at most {ALPHA:.0%} of lives, looked at after every label",
        "a z-test at 5 % that is looked at after every label from the 30th",
        [*_false_alarms(draws, random), *_catches(draws, random), *_bursts(draws, random)],
    )


def errors(random: np.random.Generator, runs: int, quiet: int, labels: int, before: float = LIMIT) -> Floats:
    """0/1 losses: so many quiet labels, then twice the limit."""
    wrong = random.random((runs, labels)) < np.where(np.arange(labels) < quiet, before, 2 * LIMIT)
    return wrong.astype(np.float64)


def bad_day(random: np.random.Generator, runs: int, quiet: float) -> Floats:
    """Quiet days but for one, in which 60 % are wrong."""
    chance = np.full(24 * DAY, quiet)
    chance[8 * DAY : 9 * DAY] = 0.6
    return (random.random((runs, len(chance))) < chance).astype(np.float64)


def two_strata(random: np.random.Generator, runs: int) -> tuple[Floats, Floats]:
    """A tenth of all cases is wrong, of the rarer kind 30 %, which is read five times as often; with weights."""
    rare = random.random((runs, LABELS)) < 0.2 * 0.5 / (0.2 * 0.5 + 0.8 * 0.1)
    wrong = random.random((runs, LABELS)) < np.where(rare, 0.3, 0.05)
    return wrong.astype(np.float64), np.where(rare, 2.0, 10.0)


def calibration_gaps(random: np.random.Generator, runs: int, tolerance: float) -> Floats:
    """Wrong or not, less what the confidence owns up to: on average just the tolerance."""
    doubt = random.uniform(0, 0.2, (runs, LABELS))
    return (random.random((runs, LABELS)) < doubt + tolerance) - doubt


def _watched(losses: Floats, weights: Floats | None = None, *, limit: float = LIMIT, low: float = 0.0) -> list[Watch]:
    return [
        watch_mean(row, limit=limit, alpha=ALPHA, low=low, weights=None if weights is None else weights[run])
        for run, row in enumerate(losses)
    ]


def _alarms(found: list[Watch]) -> int:
    return sum(each.first_alarm is not None for each in found)


def _false_alarms(draws: int, random: np.random.Generator) -> list[Row]:
    never = 10 * LABELS
    kinds = {
        "error at the limit of 10 %": (errors(random, draws, never, LABELS), None, LIMIT, 0.0, True),
        "error of 9 %, below it": (errors(random, draws, never, LABELS, 0.09), None, LIMIT, 0.0, False),
        "clipped errors, mean at the limit": (random.beta(1, 9, (draws, LABELS)), None, LIMIT, 0.0, True),
        "two strata, weighted, mean at the limit": (*two_strata(random, draws), LIMIT, 0.0, True),
        "calibration gap at its tolerance": (calibration_gaps(random, draws, 0.03), None, 0.03, -0.2, True),
    }
    rows = []
    for what, (losses, weights, limit, low, must_fail) in kinds.items():
        ours = _alarms(_watched(losses, weights, limit=limit, low=low))
        naive = int((watched_z(losses, limit) > 0).sum())
        rows.append(kept(f"{what}: alarm", ours, draws, naive, must_fail=must_fail))
    return rows


def _catches(draws: int, random: np.random.Generator) -> list[Row]:
    runs, rows = min(draws, 400), []
    for quiet in (0, 300, 600):
        losses = errors(random, runs, quiet, quiet + 1_000)
        ours = np.array([each.first_alarm or np.inf for each in _watched(losses)])
        naive = watched_z(losses, LIMIT)
        what = f"10 % to 20 % after {quiet} labels: caught within, median"
        true = float(np.median(ours[ours > quiet] - quiet))
        rows.append(figure(what, runs, true, float(np.median(naive[naive > quiet] - quiet)), at_most=150))
    return rows


def _bursts(draws: int, random: np.random.Generator) -> list[Row]:
    runs, rows = min(draws, 400), []
    for quiet in (0.05, LIMIT):
        losses = bad_day(random, runs, quiet)
        days = np.arange(losses.shape[1]) // DAY
        for name, periods in (("days named", days), ("no days named", None)):
            found = [watch_mean(row, limit=LIMIT, alpha=ALPHA, periods=periods).verdict for row in losses]
            what = f"one bad day in {quiet:.0%}, {name}"
            rows.append(rate(f"{what}: called a burst", found.count("burst"), runs))
            rows.append(kept(f"{what}: called sustained", found.count("sustained"), runs))
    return [*rows, _sustained(min(draws, 100), random)]


def _sustained(runs: int, random: np.random.Generator) -> Row:
    """Looked at after every day."""
    labels = []
    for row in errors(random, runs, 300, 1_000):
        days = np.arange(len(row)) // DAY
        looks = range(300 + DAY, len(row) + 1, DAY)
        said = (
            seen
            for seen in looks
            if watch_mean(row[:seen], limit=LIMIT, alpha=ALPHA, periods=days[:seen]).verdict == "sustained"
        )
        labels.append(next(said, np.inf) - 300)
    return figure("10 % to 20 % after 300 labels: called sustained within, median", runs, float(np.median(labels)))
