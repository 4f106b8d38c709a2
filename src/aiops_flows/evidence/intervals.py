"""Intervals for shares and means that hold at the number of rows there is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from aiops_flows.evidence.resampling import resample_counts

__all__ = ["Interval", "around", "bootstrap_interval", "exact_interval", "upper_bound"]


class Interval(NamedTuple):
    """A range, both ends included."""

    low: float
    high: float


def exact_interval(hits: int, total: int, confidence: float = 0.95) -> Interval:
    """Where the share behind so many hits lies: Clopper and Pearson (1934), never too narrow at any ``total``."""
    tail = (1 - confidence) / 2
    high = upper_bound(hits, total, 1 - tail)
    return Interval(1 - upper_bound(total - hits, total, 1 - tail), high)


def upper_bound(hits: int, total: int, confidence: float = 0.95) -> float:
    """What the share behind so many hits stays below with this confidence (one-sided Clopper and Pearson 1934)."""
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} hits of {total}: expected hits between 0 and the total")
    return 1.0 if hits == total else float(betaincinv(hits + 1, total - hits, confidence))


def bootstrap_interval(values: ArrayLike, *, confidence: float = 0.95, resamples: int = 500, seed: int = 0) -> Interval:
    """Where the mean of such values lies, by resampling them (Efron 1979)."""
    rows = np.asarray(values, np.float64)
    if not len(rows):
        raise ValueError("no values to resample; give at least one")
    counts = resample_counts(np.zeros(len(rows), np.int64), resamples, seed)
    return around(float(rows.mean()), counts @ rows / len(rows), confidence)


def around(estimate: float, replicates: NDArray[np.float64], confidence: float, shrink: float = 1.0) -> Interval:
    """The interval that replicates of an estimate give: their deviations from their own mean, laid around it.

    Centring takes out the bias that resampling adds (large for calibration errors), so that the estimate always lies
    inside. ``shrink`` scales the deviations where the resamples have fewer rows than the estimate.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(replicates - replicates.mean(), [tail, 1 - tail])
    return Interval(estimate + shrink * min(float(low), 0.0), estimate + shrink * max(float(high), 0.0))
