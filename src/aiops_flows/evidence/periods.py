"""Losses of cases that come in periods and share their luck: how much the next periods may lose.

The demand of all items falls in a bad month, so the rows of a month are no independent draws, and a bound that counts
rows promises too much. Here each period counts once: how much periods differ says how far the next ones may be off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

__all__ = ["next_periods_below"]

Floats = NDArray[np.float64]


def next_periods_below(
    losses: Floats, periods: ArrayLike, rows: NDArray[np.int64], *, ahead: int, chance: float
) -> Floats:
    """What the mean loss of the next ``ahead`` periods stays below, from the first so many rows, for each of ``rows``.

    The mean over rows is a ratio of sums over periods; its variance is that of the periods' deviations (Cochran 1977,
    chapter 6), of the next periods as of those seen, and the quantile is Student's with one degree of freedom a period
    less one. That bounds what will be counted in these periods, with the luck of their few rows in it. It is right but
    for ``chance`` where periods are alike, independent and roughly normal; where they are not, it is a good deal nearer
    to the truth than counting rows. Infinite with fewer than two periods.

    Args:
        losses: row by row, the most confident first.
        periods: the period of each row: any value that is the same for all rows of a period.
        rows: of how many of the first rows the mean is asked for.
        ahead: over how many further periods.
        chance: how often the bound may be broken.
    """
    count, codes = _codes(periods)
    if count < 2:
        return np.full(len(rows), np.inf)
    at = rows - 1
    total, mean = rows.astype(np.float64), np.cumsum(losses)[at] / rows
    square, seen = np.zeros(len(rows)), np.zeros(len(rows))
    for period in range(count):
        mine = codes == period
        size = np.cumsum(mine)[at]
        square += (np.cumsum(np.where(mine, losses, 0.0))[at] - mean * size) ** 2
        seen += size > 0
    free = np.maximum(seen - 1, 1.0)
    spread = np.sqrt(square * seen / free) / total
    bound: Floats = mean + stdtrit(free, 1 - chance) * spread * np.sqrt(1 + seen / ahead)
    return np.where(seen < 2, np.inf, bound)


def _codes(periods: ArrayLike) -> tuple[int, NDArray[np.int64]]:
    values, codes = np.unique(np.asarray(periods), return_inverse=True)
    return len(values), codes.ravel()
