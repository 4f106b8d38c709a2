"""Stock for a demand that is known by quantiles only: how much to hold, how many packs to order, what that costs.

One order has to last for one *cover*: the periods until the next order arrives. A piece that is left at its end costs
``holding``, a piece that was missing costs ``shortage``. The level that costs least on average is the quantile of the
demand at the *critical ratio* ``shortage / (shortage + holding)`` (the newsvendor: Arrow, Harris and Marschak 1951).
What seldom sells is left for longer than one cover: see `covers_left`.
All functions take arrays with one entry a row, and quantiles as one row a case and one column a level.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

__all__ = [
    "avoidable_cost",
    "best_ratio",
    "cheapest_packs",
    "cost_of_stock",
    "covers_left",
    "critical_ratio",
    "likely_demands",
    "packs_up_to",
    "quantile_at",
]

Floats = NDArray[np.float64]

_HALVINGS = 40  # until a ratio is known to twelve digits
_SLACK = 1e-9  # 2.9999999999 packs are 3, whatever binary fractions make of it


def critical_ratio(holding: ArrayLike, shortage: ArrayLike) -> Floats:
    """The share of cases in which the best level meets all demand; NaN where the costs are negative, missing or both 0.

    A ratio of 0.9 says that a missing piece costs nine times as much as one that is left.
    """
    left, missing = np.asarray(holding, np.float64), np.asarray(shortage, np.float64)
    total = left + missing
    valid = (left >= 0) & (missing >= 0) & (total > 0) & np.isfinite(total)
    ratio: Floats = np.where(valid, missing / np.where(valid, total, 1.0), np.nan)
    return ratio


def covers_left(level: ArrayLike, expected: ArrayLike) -> Floats:
    """After how many covers the last piece of a stock is likely to be sold: level by expected demand; one at least.

    One too where either is missing.
    """
    covers: Floats = np.fmax(np.asarray(level, np.float64) / np.maximum(expected, _SLACK), 1.0)
    return covers


def best_ratio(
    quantiles: Floats, levels: ArrayLike, holding: ArrayLike, shortage: ArrayLike, expected: ArrayLike
) -> Floats:
    """The critical ratio where ``holding`` is charged for each of the `covers_left` of the level that follows from it.

    The higher the level, the longer its last piece is left, and the lower the ratio that pays for it: the two meet in
    one place. It is the plain critical ratio where the level sells within one cover.

    Args:
        quantiles: of the demand over a cover, one row a case, one column a level.
        levels: as in `quantile_at`.
        holding: money for a piece that is left, each cover.
        shortage: money for a piece that is missing.
        expected: demand over a cover.
    """
    left, missing = np.asarray(holding, np.float64), np.asarray(shortage, np.float64)
    plain = critical_ratio(left, missing)

    def pays(ratio: Floats) -> NDArray[np.bool_]:
        covers = covers_left(quantile_at(quantiles, levels, ratio), expected)
        return critical_ratio(left * covers, missing) >= ratio

    low, high = np.zeros_like(plain), plain
    sold_at_once = pays(plain)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        more = pays(middle)
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.where(sold_at_once | np.isnan(plain), plain, low)


def quantile_at(quantiles: Floats, levels: ArrayLike, wanted: ArrayLike) -> Floats:
    """The quantile of each row at the level it wants, between the known ones; never below a lower level's.

    Between two levels it is drawn as a straight line over normal scores, which is exact for a normal demand and keeps
    the part of a demand that is 0 at 0. Beyond the outermost level nothing is known: the outermost quantile is given.

    Args:
        quantiles: one row a case, one column a level; NaN in, NaN out.
        levels: ascending, strictly between 0 and 1, one a column.
        wanted: one level a row.
    """
    grid, rows = _scores(levels, quantiles), np.arange(len(quantiles))
    rising = np.maximum.accumulate(quantiles, axis=1)
    score = np.clip(ndtri(np.clip(np.asarray(wanted, np.float64), 0.0, 1.0)), grid[0], grid[-1])
    if len(grid) == 1:
        return np.where(np.isnan(score), np.nan, rising[:, 0])
    place = np.clip(np.searchsorted(grid, score, side="right") - 1, 0, len(grid) - 2)
    share = (score - grid[place]) / (grid[place + 1] - grid[place])
    below, above = rising[rows, place], rising[rows, place + 1]
    found: Floats = below + share * (above - below)
    return found


def likely_demands(quantiles: Floats, levels: ArrayLike, count: int = 100) -> Floats:
    """So many equally likely demands of each row, ascending: what its quantiles say, one row a case.

    Beyond the outermost levels they are the outermost quantiles, so the rarest demands are missing.
    """
    grid = _scores(levels, quantiles)
    rising = np.maximum.accumulate(quantiles, axis=1)
    place = np.interp(ndtri((np.arange(count) + 0.5) / count), grid, np.arange(len(grid)))
    below = np.minimum(place.astype(np.int64), max(len(grid) - 2, 0))
    above = np.minimum(below + 1, len(grid) - 1)
    share = place - below  # no matrix product: its last digits would depend on the other rows
    demands: Floats = rising[:, below] * (1 - share) + rising[:, above] * share
    return demands


def packs_up_to(level: ArrayLike, position: ArrayLike, pack: ArrayLike) -> Floats:
    """Pieces to order, in whole packs, so that stock is at least the level; 0 where it is already.

    ``position`` is stock on hand and on order less what customers wait for, so it may be negative. NaN where something
    is missing or a pack holds nothing.
    """
    packs, lacking = _lacking(level, position, pack)
    pieces: Floats = np.ceil(lacking - _SLACK) * packs
    return pieces


def cheapest_packs(
    level: ArrayLike, position: ArrayLike, pack: ArrayLike, demands: Floats, holding: ArrayLike, shortage: ArrayLike
) -> Floats:
    """Pieces to order, in whole packs: the last pack below the level, or the first above it, whichever costs less.

    The expected cost is convex in the stock, so the best number of packs is one of the two that enclose the best
    level. ``demands`` are equally likely ones (`likely_demands`); where one is missing, the nearer pack is taken.
    """
    packs, lacking = _lacking(level, position, pack)
    fewer = np.floor(lacking + _SLACK)
    more = np.ceil(lacking - _SLACK)
    costs = [_expected(np.asarray(position) + count * packs, demands, holding, shortage) for count in (fewer, more)]
    known = np.isfinite(costs[0]) & np.isfinite(costs[1])
    cheaper = costs[1] < costs[0] * (1 - _SLACK)  # counts tie often; then the fewer, whatever the last digits say
    take_more = np.where(known, cheaper, lacking - fewer >= 0.5)
    pieces: Floats = np.where(take_more, more, fewer) * packs
    return pieces


def cost_of_stock(stock: ArrayLike, demand: ArrayLike, holding: ArrayLike, shortage: ArrayLike) -> Floats:
    """What is lost where so much stock meets so much demand: pieces left and pieces missing, each at its cost."""
    left = np.asarray(stock, np.float64) - np.asarray(demand, np.float64)
    cost: Floats = np.where(left >= 0, np.asarray(holding) * left, -np.asarray(shortage) * left)
    return cost


def avoidable_cost(
    order: ArrayLike, position: ArrayLike, pack: ArrayLike, demand: ArrayLike, holding: ArrayLike, shortage: ArrayLike
) -> Floats:
    """What an order lost beside the best one in hindsight: whole packs, chosen with the demand known.

    Stock that was there before and the size of packs cost the best order too, so they do not count. An order that is
    missing counts as none; where the size of a pack is unknown, any number of pieces could have been ordered.
    """
    ordered, there = np.nan_to_num(np.asarray(order, np.float64)), np.asarray(position, np.float64)
    packs, lacking = _lacking(demand, there, pack)
    fewer, more = (packs * rounded for rounded in (np.floor(lacking + _SLACK), np.ceil(lacking - _SLACK)))
    exact = np.maximum(np.asarray(demand, np.float64) - there, 0.0)
    fewer, more = (np.where(np.isnan(pieces), exact, pieces) for pieces in (fewer, more))
    best = np.minimum(*(cost_of_stock(there + pieces, demand, holding, shortage) for pieces in (fewer, more)))
    lost: Floats = np.maximum(cost_of_stock(there + ordered, demand, holding, shortage) - best, 0.0)
    return lost


def _scores(levels: ArrayLike, quantiles: Floats) -> Floats:
    grid = np.asarray(levels, np.float64)
    if quantiles.ndim != 2 or grid.shape != quantiles.shape[1:] or not len(grid):
        raise ValueError(f"quantiles of shape {quantiles.shape} for {grid.shape} levels: expected one column a level")
    if not ((grid > 0) & (grid < 1)).all() or not (np.diff(grid) > 0).all():
        raise ValueError(f"levels {grid.tolist()}: they must ascend, each strictly between 0 and 1")
    return np.asarray(ndtri(grid), np.float64)


def _lacking(level: ArrayLike, position: ArrayLike, pack: ArrayLike) -> tuple[Floats, Floats]:
    """The size of a pack, and how many packs are lacking; NaN where a pack holds nothing."""
    size = np.asarray(pack, np.float64)
    size = np.where(size > 0, size, np.nan)
    lacking = (np.asarray(level, np.float64) - np.asarray(position, np.float64)) / size
    return size, np.maximum(lacking, 0.0)


def _expected(stock: Floats, demands: Floats, holding: ArrayLike, shortage: ArrayLike) -> Floats:
    left, missing = (np.asarray(each, np.float64).reshape(-1, 1) for each in (holding, shortage))
    expected: Floats = cost_of_stock(stock[:, None], demands, left, missing).mean(axis=1)
    return expected
