"""A standing watch on a mean (an error, an override rate, a calibration gap), looked at after every label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiops_flows.evidence.betting import (
    Floats,
    confidence_bounds,
    from_unit,
    relative_weights,
    stakes,
    unit_limit,
    unit_losses,
    wealth,
)

__all__ = ["Watch", "log_watch_process", "watch_mean"]

Verdict = Literal["quiet", "burst", "sustained", "too few"]

_BETS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Bets as multiples of the one that is best where the mean has doubled."""
_BET_SHARES = (0.05, 0.1, 0.5, 0.2, 0.1, 0.05)
_LARGEST_BET = 0.95
_AT_START = 0.15
"""The share of the bets that begins with the first label: many changes are there from the first day."""
_LIFE = 1_500.0
"""About the labels of a certificate's life; three quarters of the other bets have begun by then."""
_RUN = 32
"""Labels that count as one period where none are named: a bad day of about 25 fits into them."""


@dataclass(frozen=True)
class Watch:
    """What the labels say of a mean that must stay within a limit."""

    verdict: Verdict
    """``too few``: no alarm, and too few labels for that to mean anything. ``quiet``: no alarm. ``burst``: an alarm
    that one period alone has raised. ``sustained``: an alarm also without the worst period."""
    evidence: float
    """The most that bets on "the mean is above the limit" were ever worth; ``1 / alpha`` is an alarm."""
    labels: int
    value: float | None
    """The mean over all labels; None without labels."""
    low: float
    high: float
    """Ends of the interval of the mean; while the mean is one, right at all numbers of labels together."""
    first_alarm: int | None
    """The number of labels at which the alarm was first raised."""
    reason: str


def watch_mean(
    loss: ArrayLike,
    *,
    limit: float,
    alpha: float,
    periods: Sequence[Any] | NDArray[Any] | None = None,
    weights: ArrayLike | None = None,
    largest_weight: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Watch:
    """Whether the mean loss has risen above its limit, from all losses of a life in the order of their labels.

    While the limit holds, an alarm is ever raised with probability ``alpha`` at most, over the whole life and all
    looks together; one that is raised stays. ``periods`` names the period of each label, such as its day: long enough
    for one bad episode. Without them the worst 32 labels in a row count as the worst period. One that is bad among
    healthy ones is called ``sustained`` with probability ``alpha`` at most, as long as it is the worst of them.

    Losses lie between ``low`` and ``high``. A question of differences has a range of its own: for a calibration gap,
    give ``wrong - (1 - confidence)`` with ``low=-1`` (or minus the largest doubt that occurs, which is sharper) and
    the tolerance as the limit. ``weights`` and ``largest_weight`` are those of
    :func:`~aiops_flows.evidence.betting.e_process`.

    Raises:
        ValueError: losses outside of ``low`` to ``high``, a limit at their edge, periods or weights of other length.
    """
    unit, edge = unit_losses(loss, low=low, high=high), unit_limit(limit, low=low, high=high)
    relative = relative_weights(weights, unit.shape, largest_weight)
    _check(unit, periods, alpha)
    won = stakes(unit, edge, "greater", relative)
    path = log_watch_process(won, edge)
    alarms = np.flatnonzero(path >= math.log(1 / alpha))
    ends = confidence_bounds(unit, alpha=alpha, weights=relative, largest_weight=None if relative is None else 1.0)
    bottom, top = from_unit(ends, low=low, high=high).tolist()
    found = Watch(
        "quiet",
        float(wealth(path).max(initial=1.0)),
        len(unit),
        float(from_unit(np.average(unit, weights=relative), low=low, high=high)) if len(unit) else None,
        bottom,
        top,
        int(alarms[0]) + 1 if len(alarms) else None,
        "",
    )
    verdict, why = _verdict(found, won, edge, periods, alpha)
    return replace(found, verdict=verdict, reason=f"{_seen(found, limit)}: {why}")


def log_watch_process(won: Floats, limit: float) -> Floats:
    """The logarithm of the evidence after each label, from the stakes won (labels along the last axis).

    A mixture over the label at which the change came and over the size of the bet: the e-detector of Shin, Ramdas and
    Rinaldo (2024), with shares of the starts that sum to 1, so that it is one e-process for the whole life.
    """
    labels = won.shape[-1]
    waiting = np.log(_waiting(labels))
    begins = np.log(_beginning(labels))
    total = np.broadcast_to(waiting[1:], won.shape)
    for bet, share in zip(_bets(limit), _BET_SHARES, strict=True):
        logs = np.log1p(bet * won)
        grown = np.cumsum(logs, axis=-1)
        begun = np.logaddexp.accumulate(begins - (grown - logs), axis=-1)
        total = np.logaddexp(total, math.log(share) + grown + begun)
    return total


def _doubled(limit: float) -> float:
    return min(2 * limit, (1 + limit) / 2)


def _bets(limit: float) -> list[float]:
    best = (_doubled(limit) - limit) / (1 - limit)
    return [min(best * times, _LARGEST_BET) for times in _BETS]


def _waiting(labels: int) -> Floats:
    """The share of the bets that has not begun after 0, 1, ... labels."""
    left: Floats = (1 - _AT_START) / (1 + np.arange(labels + 1) / _LIFE) ** 2
    return left


def _beginning(labels: int) -> Floats:
    """The share of the bets that begins with each label."""
    begun = -np.diff(_waiting(labels))
    begun[:1] += _AT_START
    return begun


def _check(unit: Floats, periods: Sequence[Any] | NDArray[Any] | None, alpha: float) -> None:
    if unit.ndim != 1:
        raise ValueError(f"losses of shape {unit.shape}; expected one a label")
    if periods is not None and len(periods) != len(unit):
        raise ValueError(f"{len(periods)} periods for {len(unit)} losses: expected one of each a label")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha}: expected a share strictly between 0 and 1")


def _verdict(
    found: Watch, won: Floats, limit: float, periods: Sequence[Any] | NDArray[Any] | None, alpha: float
) -> tuple[Verdict, str]:
    if found.first_alarm is None:
        fewest = _fewest(limit, alpha)
        if found.labels < fewest:
            return "too few", f"no alarm, but it takes about {fewest} labels for that to mean anything"
        return "quiet", f"no alarm; evidence {found.evidence:.3g} of {1 / alpha:.3g} needed"
    worst, name = _worst(won, periods)
    stands = log_watch_process(np.where(worst, 0.0, won), limit).max() >= math.log(1 / alpha)
    shown = f"left, first shown at label {found.first_alarm}"
    if stands:
        return "sustained", f"{shown}, and shown without {name} as well"
    return "burst", f"{shown}, and not shown without {name}"


def _worst(won: Floats, periods: Sequence[Any] | NDArray[Any] | None) -> tuple[NDArray[np.bool_], str]:
    """The labels of the period in which most was lost, and what it is called."""
    places = np.arange(len(won))
    if periods is None:
        first = int(np.convolve(won, np.ones(min(_RUN, len(won))), "valid").argmax())
        last = min(first + _RUN, len(won))
        return (places >= first) & (places < last), f"the labels {first + 1} to {last}"
    names, codes = np.unique(np.asarray(periods), return_inverse=True)
    worst = int(np.bincount(codes, weights=won).argmax())
    return codes == worst, f"the period {names[worst]}"


def _fewest(limit: float, alpha: float) -> int:
    """Labels that it takes on average to show a doubled mean, were the change and its start known (Wald 1945)."""
    doubled = _doubled(limit)
    speed = doubled * math.log(doubled / limit) + (1 - doubled) * math.log((1 - doubled) / (1 - limit))
    return math.ceil(math.log(1 / alpha) / speed)


def _seen(found: Watch, limit: float) -> str:
    if found.value is None:
        return "no labels"
    return f"mean {found.value:.4f} ({found.low:.4f} to {found.high:.4f}) on {found.labels} labels, limit {limit:g}"
