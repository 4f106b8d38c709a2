"""A seeded maker of monthly demand for spare parts at several sites: trends, seasons, and parts that seldom sell.

For demo and tests on machines without a history of real demand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["FAMILIES", "in_dozens", "make_demand", "received_by"]

FAMILIES = ("filters", "gaskets", "pumps", "valves")
_SITES = ("east", "harbour", "north", "south", "west")
_SELDOM = 0.25
"""Share of items that sell in few months only."""


@dataclass(frozen=True)
class _Item:
    """What one item is like at every site."""

    name: str
    family: str
    level: float
    growth: float
    season: float
    peak: int
    seldom: bool
    price: float
    cover: int
    pack: int


def make_demand(
    items: int,
    *,
    seed: int = 0,
    first: date = date(2021, 1, 1),
    months: int = 60,
    sites: int = 5,
    turn: date | None = None,
) -> pd.DataFrame:
    """One row an item, site and month, in order of the months.

    Columns: ``item``, ``site``, ``family``, ``month`` (such as ``2024-03``), ``demand`` (pieces asked for, whole and
    never negative), ``stock`` (pieces on hand and on order when the month is over), ``cover`` (months that an order
    has to last: lead time and the time until the next order), ``pack`` (pieces a pack), ``holding_cost`` and
    ``shortage_cost`` (EUR for a piece that is left, or missing, at the end of the cover). A quarter of the items sell
    in one month of four. From ``turn`` on, demand for half of the families doubles within half a year, and their
    season is gone.
    """
    random = np.random.default_rng(seed)
    stocked = [_item(random, number) for number in range(items)]
    labels = pd.period_range(first, periods=months, freq="M").strftime("%Y-%m").to_numpy()
    turned = months if turn is None else (turn.year - first.year) * 12 + turn.month - first.month
    parts = [_series(random, item, site, labels, first.month, turned) for item in stocked for site in _SITES[:sites]]
    return pd.concat(parts).sort_values(["month", "item", "site"], kind="stable", ignore_index=True)


def _item(random: np.random.Generator, number: int) -> _Item:
    seldom = bool(random.random() < _SELDOM)
    return _Item(
        name=f"part-{number:03d}",
        family=FAMILIES[number % len(FAMILIES)],
        level=float(np.exp(random.normal(0.3 if seldom else 4.0, 0.6))),
        growth=float(random.normal(0.003, 0.004)),
        season=0.0 if seldom else float(random.uniform(0, 0.5)),
        peak=int(random.integers(12)),
        seldom=seldom,
        price=float(np.exp(random.normal(3.0, 0.8)).round(2)),
        cover=int(random.integers(2, 5)),
        pack=1 if seldom else int(random.choice([1, 6, 12, 24])),
    )


def _series(
    random: np.random.Generator, item: _Item, site: str, labels: NDArray[np.object_], begins: int, turned: int
) -> pd.DataFrame:
    """One item at one site: its demand, and the stock that a careless rule has kept of it."""
    size = float(random.uniform(0.4, 1.6))
    expected = size * _expected(item, len(labels), begins, turned)
    demand = _seldom(random, expected) if item.seldom else _steady(random, expected)
    usual = pd.Series(demand).rolling(12, min_periods=1).mean().to_numpy()
    stock = np.floor(usual * item.cover * random.uniform(0, 0.9, len(labels)))
    fixed = {"item": item.name, "site": site, "family": item.family}
    money = {"holding_cost": round(item.price * 0.03 * item.cover, 2), "shortage_cost": round(item.price * 0.4, 2)}
    moving = {"month": labels, "demand": demand, "stock": stock}
    return pd.DataFrame({**fixed, **moving, "cover": item.cover, "pack": item.pack, **money})


def _expected(item: _Item, months: int, begins: int, turned: int) -> NDArray[np.float64]:
    at = np.arange(months)
    season = 1 + item.season * np.cos(2 * np.pi * (at + begins - 1 - item.peak) / 12)
    level = item.level * np.exp(item.growth * at)
    if item.family not in FAMILIES[:2]:
        return np.asarray(level * season)
    since = np.clip(at - turned + 1, 0, 6) / 6
    return np.asarray(level * (1 + since) * np.where(since > 0, 1.0, season))


def _steady(random: np.random.Generator, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts that scatter more than Poisson's: customers order several at once."""
    spread = 60.0
    return random.poisson(random.gamma(spread, expected / spread)).astype(np.float64)


def _seldom(random: np.random.Generator, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some pieces at once in one month of four, nothing in the others."""
    sold = random.random(len(expected)) < 0.25
    return np.where(sold, 1.0 + random.poisson(3 * expected), 0.0)


def received_by(demand: pd.DataFrame, month: str, *, longest: int = 60) -> pd.DataFrame:
    """What a file that is sent at the beginning of a month holds: the months before it, of these the latest."""
    known = demand[demand["month"] < month]
    kept = sorted(known["month"].unique())[-longest:]
    return known[known["month"].isin(kept)].reset_index(drop=True)


def in_dozens(demand: pd.DataFrame, site: str, month: str) -> pd.DataFrame:
    """The same where a site has begun to count in dozens, from a month on, and told nobody."""
    changed = (demand["site"] == site) & (demand["month"] >= month)
    return demand.assign(demand=np.where(changed, np.round(demand["demand"] / 12), demand["demand"]))
