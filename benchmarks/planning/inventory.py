"""What orders from forecasts cost, beside rules of thumb, on the same held-out months of public series.

    python -m benchmarks.planning.inventory [--data FOLDER] [--years 1] [--only boosted]

``FOLDER`` holds ``aus_retail/`` and ``intermittent/``; by default ``AIOPS_SHARED_DATA``. Stock is simulated month by
month: an order is placed every month and arrives a month later, so that it has to last for two; a piece that is left at
the end of a month costs 1, a piece that customers wait for costs more. Everything that is chosen or learned (models,
the multiples of the rules) rests on months before the ones that settle the stock. The figures are written to
benchmarks/results/planning_inventory.md, unless other years or models are asked for.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.forecaster import LEVELS
from benchmarks.measuring import machine
from benchmarks.planning.data import Panel, car_parts, retail
from benchmarks.planning.stock import (
    Circumstances,
    Ledger,
    Orders,
    Packs,
    Said,
    by_level,
    by_quantiles,
    simulate,
    usual,
)

__all__ = ["ESTIMATORS", "forecaster", "known_throughout"]

Array = npt.NDArray[np.float64]
RESULTS = Path(__file__).resolve().parents[1] / "results" / "planning_inventory.md"
ESTIMATORS = {
    "seasonal naive": ("seasonal_naive", "SeasonalNaive"),
    "statistical": ("statistical", "StatisticalForecaster"),
    "torch": ("torch_series", "TorchForecaster"),
    "boosted": ("boosted_series", "BoostedForecaster"),
}
_LONGEST = 60
_SETTLING = 3
_PARTS_BACK = 9
_MULTIPLES = np.arange(0.5, 6.0, 0.05)
_COVERS_LEFT = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
_SHORTAGES = (4.0, 9.0, 19.0)


def forecaster(name: str) -> Any:
    """An unfitted forecaster of months that order have to last for up to two."""
    module, kind = ESTIMATORS[name]
    return getattr(import_module(f"aiops_flows.estimators.{module}"), kind)(season=12, horizon=2)


def known_throughout(panel: Panel, periods: int) -> Panel:
    """The series that are known in all of the last periods, and of these periods alone where that is fewer."""
    there = np.isfinite(panel.values[:, -periods:]).all(axis=1)
    return replace(
        panel, names=panel.names.iloc[np.flatnonzero(there)].reset_index(drop=True), values=panel.values[there]
    )


@dataclass(frozen=True)
class Trial:
    """Months in which policies are held against each other."""

    panel: Panel
    pack: Array
    ends: int
    """The first month after them."""
    counted: int
    """So many months count."""
    tuned: int
    """In so many months before the stock settles the multiples are chosen."""

    @property
    def begins(self) -> int:
        """The first month in which policies order; nothing after it is known to what is learned."""
        return self.ends - self.counted - _SETTLING

    def circumstances(self, shortage: float) -> Circumstances:
        """Costs of pieces and the packs of the series."""
        return Circumstances(np.ones(len(self.pack)), np.full(len(self.pack), shortage), self.pack)

    def held(self, orders: Orders, given: Circumstances) -> Ledger:
        """What a policy costs in the months that count."""
        months = range(self.begins, self.ends)
        return simulate(self.panel.values, orders, given, months, self.begins + _SETTLING, self._begin(self.begins))

    def tried(self, orders: Orders, given: Circumstances) -> Array:
        """What a policy would have cost each series in the months before."""
        first = self.begins - self.tuned
        months = range(first - _SETTLING, self.begins)
        begin = self._begin(first - _SETTLING)
        return simulate(self.panel.values, orders, given, months, first, begin).cost

    def _begin(self, month: int) -> Array:
        return 2 * usual(self.panel.values, month)


def rules(trial: Trial, given: Circumstances) -> Iterator[tuple[str, Orders]]:
    """Rules of thumb, with the multiples that would have been best in the months before."""
    values = trial.panel.values

    def recent(month: int) -> Array:
        return given.cover * usual(values, month)

    def last_year(month: int) -> Array:
        same: Array = values[:, month - 12 : month - 12 + given.cover].sum(axis=1)
        return same

    for name, base in (("usual demand", recent), ("last year's demand", last_year)):
        tried = np.stack([trial.tried(_times(base, times, given), given) for times in _MULTIPLES])
        yield f"{name}, one multiple", _times(base, float(_MULTIPLES[tried.sum(axis=1).argmin()]), given)
        if base is recent:
            yield f"{name}, a multiple for each series", _times(base, _MULTIPLES[tried.argmin(axis=0)], given)


def _times(base: Callable[[int], Array], times: float | Array, given: Circumstances) -> Orders:
    return by_level(lambda month: times * base(month), given)


def forecasts(trial: Trial, name: str, cover: int) -> tuple[dict[int, Said], float]:
    """What is said of each month by a model that learned before all of them, and how long both took in seconds."""
    begun = time.perf_counter()
    last = trial.begins - cover
    past = trial.panel.past_lines(list(range(last, last - 12, -2)), cover, _LONGEST)
    fitted = forecaster(name).fit(past[["history", "cover"]], past["demand"].to_numpy())
    months = range(trial.begins, trial.ends)
    asked = {month: trial.panel.lines(month, cover, _LONGEST)[["history", "cover"]] for month in months}
    said = {month: Said(fitted.predict(frame), fitted.predict_quantiles(frame)) for month, frame in asked.items()}
    return said, time.perf_counter() - begun


def compared(trial: Trial, names: list[str]) -> dict[str, dict[float, Ledger]]:
    """Policy → cost of a missing piece → what came of it."""
    said = {name: forecasts(trial, name, 2) for name in names}
    before, _ = forecasts(replace(trial, ends=trial.begins, counted=trial.tuned), names[-1], 2)
    found: dict[str, dict[float, Ledger]] = {}
    for shortage in _SHORTAGES:
        given = trial.circumstances(shortage)
        policies = dict(rules(trial, given))
        policies |= {f"order up to, {name}": by_quantiles(said[name][0], LEVELS, given) for name in names}
        policies |= dict(variants(trial, given, names[-1], said[names[-1]][0], before))
        policies["demand known beforehand"] = by_quantiles(_known(trial), [0.5], given)
        for policy, orders in policies.items():
            found.setdefault(policy, {})[shortage] = trial.held(orders, given)
    for name, (_, seconds) in said.items():
        print(f"  {name}: fitted and asked in {seconds:.0f} s", flush=True)
    return found


def variants(
    trial: Trial, given: Circumstances, name: str, said: dict[int, Said], before: dict[int, Said]
) -> Iterator[tuple[str, Orders]]:
    """The same forecasts, ordered by in other ways."""
    ways: tuple[Packs, ...] = ("nearer", "rounded up")
    for packs in ways:
        yield f"{name}, packs {packs}", by_quantiles(said, LEVELS, given, packs)
    yield f"{name}, left pieces charged for one cover", by_quantiles(said, LEVELS, given, longer=1.0)
    tried = [trial.tried(by_quantiles(before, LEVELS, given, longer=covers), given).sum() for covers in _COVERS_LEFT]
    best = _COVERS_LEFT[int(np.argmin(tried))]
    yield f"{name}, left pieces charged as was best before", by_quantiles(said, LEVELS, given, longer=best)


def _known(trial: Trial) -> dict[int, Said]:
    """The true demand of two months; in the last month, that of one and the usual."""
    values = np.column_stack([trial.panel.values, usual(trial.panel.values, trial.panel.periods)])
    sums = {month: values[:, month : month + 2].sum(axis=1) for month in range(trial.begins, trial.ends)}
    return {month: Said(demand, demand[:, None]) for month, demand in sums.items()}


def trials(folder: Path, years: int) -> Iterator[tuple[str, list[Trial]]]:
    """The months of every table; of retail, several years one by one, of parts an earlier half-year from two on."""
    shops = known_throughout(retail(folder), 60 + 12 * (years + 4))
    ends = [shops.periods - 12 * back for back in range(years)]
    packs = np.maximum(usual(shops.values, min(ends) - 60) / 10, 0.1)
    for back, end in enumerate(ends):
        yield (
            f"{len(packs)} retail series, packs of a tenth of a usual month, {2018 - back}",
            [Trial(shops, packs, end, 12, 24)],
        )
    parts = car_parts(folder)
    for back, pack in product(range(min(years, 2)), (1.0, 5.0)):
        size = np.full(len(parts.values), pack)
        told = "the last six months" if not back else f"the six months that end {_PARTS_BACK} before"
        yield (
            f"{len(size):,} spare parts, packs of {pack:g}, {told}",
            [Trial(parts, size, parts.periods - _PARTS_BACK * back, 6, 6 if back else 12)],
        )


def table(found: dict[str, dict[float, Ledger]]) -> str:
    """Costs for a piece of demand, beside the first rule, and fill rates."""
    heads = [f"missing piece {shortage:g}: cost | beside | served" for shortage in _SHORTAGES]
    lines = [f"| policy | {' | '.join(heads)} |", "|---|" + "---:|" * 3 * len(_SHORTAGES)]
    first = next(iter(found.values()))
    for policy, ledgers in found.items():
        cells = []
        for shortage, ledger in ledgers.items():
            cost = ledger.cost.sum() / ledger.demand.sum()
            cells += [f"{cost:.3f}", f"{ledger.cost.sum() / first[shortage].cost.sum():.2f}", f"{ledger.fill_rate:.1%}"]
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Simulate, print and write the tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=os.environ.get("AIOPS_SHARED_DATA"))
    asked.add_argument("--years", type=int, default=1)
    asked.add_argument("--only", nargs="*", choices=list(ESTIMATORS), default=list(ESTIMATORS))
    given = asked.parse_args()
    if given.data is None:
        asked.error("give in --data the folder that holds aus_retail/ and intermittent/, or set AIOPS_SHARED_DATA")
    parts = [_ABOUT.format(machine=machine())]
    for title, held in trials(given.data, given.years):
        print(title, flush=True)
        for trial in held:
            text = table(compared(trial, given.only))
            print(text, flush=True)
            parts.append(f"## {title}\n\n{text}\n")
    if given.only == list(ESTIMATORS) and given.years == 1:
        RESULTS.write_text("\n".join(parts), encoding="utf-8")
    return 0


_ABOUT = """# What orders cost

`python -m benchmarks.planning.inventory --data FOLDER`; {machine}.
Every month an order is placed that arrives a month later, so that it has to last for two; customers wait for what is
missing.
A piece that is left at the end of a month costs 1, one that is waited for 4, 9 or 19.
*Cost* is the money for each piece of demand in the months that count, *beside* is that as a share of the first rule,
*served* is the demand met at once.
Multiples are those that would have been cheapest in the months before; models learned from these months alone, and
nothing was learned or chosen in the months that count, nor in the three before them in which the stock settles.
*Order up to* charges a piece that is left until it is likely to be sold, when the level and the packs are chosen.
Beside that, with the forecasts of the last: other ways to round to packs; a piece left charged for one cover only; and
for as many covers as would have been cheapest in the months before (1 to 6, one number for all series).
What a month costs is counted alike for all.
*Demand known beforehand* orders in the same packs; what it costs is the stock that was there at the beginning, and
the rest of packs.
"""


if __name__ == "__main__":
    raise SystemExit(main())
