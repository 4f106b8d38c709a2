"""Evidence that may be looked at after every label: bets against a limit, and what they won.

A bettor starts with 1 and bets on every next loss that the mean is beyond the limit, at odds that are fair where the
mean is at the limit. Their wealth is an e-process: where the limit holds, it ever reaches ``1 / alpha`` with
probability ``alpha`` at most, however often it is looked at (Ville 1939). The bets are a mixture over a fixed grid of
sizes (Waudby-Smith and Ramdas 2024, section 4.4), so that nothing depends on the order of looks.

What is assumed: given all that came before, the mean of the next loss is within the limit. Losses need not be
independent, nor drawn from one distribution.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BETS",
    "Floats",
    "confidence_bounds",
    "confidence_sequence",
    "e_process",
    "from_unit",
    "log_e_process",
    "relative_weights",
    "stakes",
    "to_unit",
    "unit_limit",
    "unit_losses",
    "wealth",
]

Floats = NDArray[np.float64]
Alternative = Literal["greater", "less", "two-sided"]

BETS = (0.01, 0.03, 0.08, 0.18, 0.38, 0.75)
"""Shares of the largest bet that cannot lose more than there is."""
_LARGEST_LOG = 700.0  # exp of more overflows
_PRECISION = 1e-6
_SMALLEST = 1e-6
_CANDIDATES = 80


def e_process(
    losses: ArrayLike,
    *,
    limit: float,
    alternative: Alternative = "greater",
    weights: ArrayLike | None = None,
    largest_weight: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Floats:
    """The wealth after each loss, in the shape of ``losses`` (labels along the last axis); 1 is the wealth before.

    ``alternative`` says on which side of ``limit`` the mean is suspected. Losses lie between ``low`` and ``high``;
    a difference in [-1, 1] is given with ``low=-1``. ``weights`` are inverse inclusion probabilities: the wealth then
    speaks of the mean over all cases, not only of those that were read. ``largest_weight`` is the largest that a case
    could have had at that time (one number or one a loss); by default the largest seen until then, which is exact
    where the limit holds in every stratum.

    Raises:
        ValueError: losses outside of ``low`` to ``high``, a limit at their edge or beyond, weights that are not
            positive numbers or above ``largest_weight``.
    """
    unit, edge = unit_losses(losses, low=low, high=high), unit_limit(limit, low=low, high=high)
    relative = relative_weights(weights, unit.shape, largest_weight)
    return wealth(log_e_process(unit, edge, alternative, relative))


def confidence_sequence(x: ArrayLike, *, alpha: float, low: float = 0.0, high: float = 1.0) -> tuple[Floats, Floats]:
    """Ends of the interval of the mean after each value; all of them hold together with probability 1 - ``alpha``.

    ``low`` and ``high`` are the range of the values. Both ends only ever close in. The means that a bettor with
    ``2 / alpha`` in hand has refuted lie outside (Waudby-Smith and Ramdas 2024); the ends are rounded outwards to a
    grid, which is fine where the interval ends up. The interval is of one mean: after a change it means nothing.

    Raises:
        ValueError: values outside of ``low`` to ``high``, or not in one row.
    """
    unit = unit_losses(x, low=low, high=high)
    if unit.ndim != 1:
        raise ValueError(f"values of shape {unit.shape}; expected one row of them")
    bottom, top = np.zeros(len(unit)), np.ones(len(unit))
    means, enough = _candidates(unit, alpha), math.log(2 / alpha)
    for mean in means:
        bottom[log_e_process(unit, mean, "greater", None) >= enough] = mean
    for mean in means[::-1]:
        top[log_e_process(unit, mean, "less", None) >= enough] = mean
    return (
        from_unit(np.maximum.accumulate(bottom), low=low, high=high),
        from_unit(np.minimum.accumulate(top), low=low, high=high),
    )


def confidence_bounds(
    x: ArrayLike,
    *,
    alpha: float,
    low: float = 0.0,
    high: float = 1.0,
    weights: ArrayLike | None = None,
    largest_weight: ArrayLike | None = None,
) -> tuple[float, float]:
    """The interval of the mean after all values; asked for at every number of values, all of them hold together.

    ``weights`` and ``largest_weight`` are those of :func:`e_process`.
    """
    unit = unit_losses(x, low=low, high=high)
    relative = relative_weights(weights, unit.shape, largest_weight)
    if not unit.size:
        return float(low), float(high)
    bottom = _refuted(unit, relative, math.log(2 / alpha))
    top = 1 - _refuted(1 - unit, relative, math.log(2 / alpha))
    return float(from_unit(bottom, low=low, high=high)), float(from_unit(top, low=low, high=high))


def to_unit(values: ArrayLike, *, low: float = -1.0, high: float = 1.0) -> Floats:
    """Values between ``low`` and ``high`` as values between 0 and 1."""
    mapped: Floats = (np.asarray(values, np.float64) - low) / (high - low)
    return mapped


def from_unit(values: ArrayLike, *, low: float = -1.0, high: float = 1.0) -> Floats:
    """Values between 0 and 1 as values between ``low`` and ``high``."""
    mapped: Floats = low + (high - low) * np.asarray(values, np.float64)
    return mapped


def unit_losses(losses: ArrayLike, *, low: float = 0.0, high: float = 1.0) -> Floats:
    """The losses as values between 0 and 1, or the error that says which are not."""
    given = np.asarray(losses, np.float64)
    if not low < high:
        raise ValueError(f"losses between {low} and {high}: expected low < high")
    outside = int((~((given >= low - 1e-9) & (given <= high + 1e-9))).sum())
    if outside:
        raise ValueError(
            f"{outside} of {given.size} losses are missing or not between {low:g} and {high:g}; "
            "scale or clip them, and leave out cases without a label"
        )
    return np.clip(to_unit(given, low=low, high=high), 0.0, 1.0)


def unit_limit(limit: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """The limit on the scale from 0 to 1, or the error that says that nothing can be shown there."""
    if not low < limit < high:
        raise ValueError(f"limit {limit} for losses between {low:g} and {high:g}: expected one strictly between")
    return float(to_unit(limit, low=low, high=high))


def relative_weights(
    weights: ArrayLike | None, shape: tuple[int, ...], largest: ArrayLike | None = None
) -> Floats | None:
    """Weights as shares of the largest possible, so that no bet can lose more than there is."""
    if weights is None:
        return None
    given = np.broadcast_to(np.asarray(weights, np.float64), shape)
    if not (np.isfinite(given).all() and (given > 0).all()):
        raise ValueError("weights that are not positive numbers; give 1 / (probability that the case was read)")
    most = np.maximum.accumulate(given, axis=-1) if largest is None else np.asarray(largest, np.float64)
    relative: Floats = given / most
    if relative.size and relative.max() > 1 + 1e-9:
        raise ValueError("a weight is above largest_weight; give the largest that a case could have had")
    return np.minimum(relative, 1.0)


def stakes(unit: Floats, limit: float, alternative: Literal["greater", "less"], relative: Floats | None) -> Floats:
    """What a bet of 1 wins on each loss: at least -1, and 0 or less on average where the limit holds."""
    won = unit / limit - 1 if alternative == "greater" else (limit - unit) / (1 - limit)
    return won if relative is None else won * relative


def log_e_process(unit: Floats, limit: float, alternative: Alternative, relative: Floats | None) -> Floats:
    """The logarithm of the wealth after each loss between 0 and 1."""
    if alternative == "two-sided":
        sides = [log_e_process(unit, limit, side, relative) for side in ("greater", "less")]
        return np.logaddexp(sides[0], sides[1]) - math.log(2)
    won = stakes(unit, limit, alternative, relative)
    total = np.full(won.shape, -np.inf)
    for bet in BETS:
        total = np.logaddexp(total, np.cumsum(np.log1p(bet * won), axis=-1))
    return total - math.log(len(BETS))


def wealth(logs: Floats) -> Floats:
    """The wealth whose logarithm this is; what is too large for a number is 1e304."""
    return np.exp(np.minimum(logs, _LARGEST_LOG))


def _log_wealth(won: Floats, counts: Floats | None = None) -> float:
    """The logarithm of the wealth after all stakes, each counted so often."""
    grown = np.log1p(np.multiply.outer(np.array(BETS), won))
    logs = grown.sum(axis=1) if counts is None else grown @ counts
    return float(np.logaddexp.reduce(logs)) - math.log(len(BETS))


def _refuted(unit: Floats, relative: Floats | None, enough: float) -> float:
    """The largest mean that is shown to be too low; 0 where none is. The wealth falls as the mean rises."""
    counts: Floats | None = None
    mean = float(np.average(unit, weights=relative))
    if relative is None:
        unit, numbers = np.unique(unit, return_counts=True)
        counts = numbers.astype(np.float64)

    def missing(candidate: float) -> float:
        return _log_wealth(stakes(unit, candidate, "greater", relative), counts) - enough

    below = mean / 2
    while below > _SMALLEST and missing(below) < 0:
        below /= 4
    if below <= _SMALLEST:
        return 0.0
    from scipy.optimize import brentq  # here, as whatever decides cases loads this module

    return max(float(brentq(missing, below, min(mean, 1.0), xtol=_PRECISION)) - _PRECISION, 0.0)


def _candidates(unit: Floats, alpha: float) -> Floats:
    """Means to test: all over the scale, and closely where the interval ends up."""
    bottom, top = confidence_bounds(unit, alpha=alpha)
    reach = top - bottom
    close = np.linspace(bottom - reach / 2, top + reach / 2, _CANDIDATES)
    means = np.concatenate([np.arange(1, _CANDIDATES) / _CANDIDATES, close])
    return np.unique(means[(means > 0) & (means < 1)])
