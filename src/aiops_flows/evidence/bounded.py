"""Evidence that the mean of losses between 0 and 1 is below a limit, at any number of rows.

Somebody who bets against "the mean is at least the limit" multiplies a stake of 1 by ``1 + bet * (limit - loss)`` at
every row. While that statement is true the stake does not grow on average, so that the chance ever to hold b times the
stake is at most 1 / b (Markov). The stake is spread over many bets and left there, so that the order of the rows does
not matter: the mixture of Orabona and Jun (2021), of the family of Waudby-Smith and Ramdas (2024). It uses how much
the losses vary, which the bounds of Hoeffding and Bentkus do not, and is much narrower where most losses are small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_evidence", "mean_below"]

Floats = NDArray[np.float64]

_BETS = tuple(float(bet) for bet in np.geomspace(0.001, 1, 28))
_PRECISION = 1e-7


def log_evidence(losses: Floats, rows: NDArray[np.int64], *, limit: float, chance: float) -> Floats:
    """The logarithm of the evidence that the mean is below the limit, from the first so many rows, for each of rows.

    Its exponential is an e-value: at least 1 / ``chance`` with at most that probability if the mean is not below.
    ``chance`` also says which bets are worth making at so many rows; it must be chosen without looking at the losses.
    """
    total, used = np.full(len(rows), -np.inf), np.zeros(len(rows))
    for bet, smallest in _bets(rows, limit, chance):
        grown = np.cumsum(np.log1p(bet * (limit - losses)))[rows - 1]
        total = np.where(smallest, np.logaddexp(total, grown), total)
        used += smallest
    evidence: Floats = total - np.log(used)
    return evidence


def mean_below(losses: Floats, *, limit: float, chance: float) -> float:
    """What the mean of such losses stays below, but for ``chance``; the bets are those that suit the limit."""
    rows = np.array([len(losses)])
    bets = [bet for bet, worthwhile in _bets(rows, limit, chance) if worthwhile[0]]
    values, counts = np.unique(losses, return_counts=True)
    from scipy.optimize import brentq  # here, as whatever decides cases loads this module

    def doubt(mean: float) -> float:
        grown = [float(counts @ np.log1p(bet * (mean - values))) for bet in bets]
        return float(np.logaddexp.reduce(grown)) - math.log(len(bets)) + math.log(chance)

    if doubt(1.0) <= 0:
        return 1.0
    observed = float(losses.mean())  # of a limit at the observed mean there is never evidence
    return min(1.0, float(brentq(doubt, observed, 1.0, xtol=_PRECISION)) + _PRECISION)


def _bets(rows: NDArray[np.int64], limit: float, chance: float) -> Iterator[tuple[float, NDArray[np.bool_]]]:
    """Each bet, and at which numbers of rows it is worth making.

    The bet that proves most is about sqrt(2 ln(1 / chance) / (rows * variance)), and losses with a mean below the
    limit vary by at most limit * (1 - limit), so that smaller bets are wasted. A bet of 1 never loses all.
    """
    smallest = np.minimum(0.7 * np.sqrt(-2 * math.log(chance) / (rows * limit * (1 - limit))), 1.0)
    for bet in _BETS:
        worthwhile = smallest <= bet
        if worthwhile.any():
            yield bet, worthwhile
