"""Stock that is simulated month by month: orders, arrivals, demand, pieces left and pieces missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aiops_flows.evidence.inventory import (
    best_ratio,
    cheapest_packs,
    cost_of_stock,
    covers_left,
    critical_ratio,
    likely_demands,
    packs_up_to,
    quantile_at,
)

__all__ = ["Circumstances", "Ledger", "Orders", "Packs", "Said", "by_level", "by_quantiles", "simulate", "usual"]

Array = npt.NDArray[np.float64]
Orders = Callable[[int, Array], Array]
"""Month, stock on hand and on order → pieces to order."""
Packs = Literal["cheapest", "nearer", "rounded up"]
"""How a level becomes a number of packs."""


@dataclass(frozen=True)
class Circumstances:
    """What an order costs and how long it has to last, one entry a series."""

    holding: Array
    """Money for a piece that is left at the end of a month."""
    shortage: Array
    """Money for a piece that customers wait for at the end of a month."""
    pack: Array
    lead: int = 1
    """Months until an order arrives; one is placed every month."""

    @property
    def cover(self) -> int:
        """Months that an order has to last."""
        return self.lead + 1


@dataclass(frozen=True)
class Ledger:
    """What came of it, one entry a series."""

    cost: Array
    demand: Array
    served: Array
    """Demand that was met at once."""

    @property
    def fill_rate(self) -> float:
        """The share of all demand that was met at once."""
        return float(self.served.sum() / self.demand.sum())


def simulate(demand: Array, orders: Orders, given: Circumstances, months: range, counted: int, begin: Array) -> Ledger:
    """What orders cost over months: customers wait for what is missing.

    Args:
        demand: a row a series, a column a month, beyond the months as well.
        orders: the rule that orders at the beginning of each month.
        given: costs, packs and lead time.
        months: the columns in which orders are placed.
        counted: the first month that counts: before it, stocks settle.
        begin: stock at the beginning.
    """
    stock, coming = begin.copy(), [np.zeros(len(demand)) for _ in range(given.lead)]
    cost, asked, served = (np.zeros(len(demand)) for _ in range(3))
    for month in months:
        coming.append(np.maximum(orders(month, stock + np.sum(coming, axis=0)), 0.0))
        stock = stock + coming.pop(0)
        now = demand[:, month]
        met = np.minimum(np.maximum(stock, 0.0), now)
        stock = stock - now
        if month >= counted:
            cost += cost_of_stock(stock, 0.0, given.holding, given.shortage)
            asked += now
            served += met
    return Ledger(cost, asked, served)


def usual(demand: Array, month: int, periods: int = 12) -> Array:
    """Mean demand of the months before, where it is known."""
    known = demand[:, max(0, month - periods) : month]
    there = np.isfinite(known)
    mean: Array = np.where(there, known, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return mean


def by_level(levels: Callable[[int], Array], given: Circumstances) -> Orders:
    """Orders up to a level, to the nearer pack."""

    def orders(month: int, position: Array) -> Array:
        unknown = np.full((len(position), 1), np.nan)
        return cheapest_packs(levels(month), position, given.pack, unknown, given.holding, given.shortage)

    return orders


@dataclass(frozen=True)
class Said:
    """What a forecaster said of the demand of a month's cover, one entry a series."""

    expected: Array
    quantiles: Array
    """One column a level."""


def by_quantiles(
    said: dict[int, Said], levels: npt.ArrayLike, given: Circumstances, packs: Packs = "cheapest", longer: float = 0.0
) -> Orders:
    """Orders up to the quantile at the critical ratio: in the number of packs that is expected to cost least.

    A piece that is left is charged until it is likely to be sold, as the library does it; with ``longer``, for so many
    covers whatever the series.
    """

    def orders(month: int, position: Array) -> Array:
        expected, quantiles = said[month].expected, said[month].quantiles
        if longer:
            holding = given.holding * longer
            level = quantile_at(quantiles, levels, critical_ratio(holding, given.shortage))
        else:
            ratio = best_ratio(quantiles, levels, given.holding, given.shortage, expected)
            level = quantile_at(quantiles, levels, ratio)
            holding = given.holding * covers_left(level, expected)
        if packs == "rounded up":
            return packs_up_to(level, position, given.pack)
        likely = likely_demands(quantiles, levels) if packs == "cheapest" else np.full((len(level), 1), np.nan)
        return cheapest_packs(level, position, given.pack, likely, holding, given.shortage)

    return orders
