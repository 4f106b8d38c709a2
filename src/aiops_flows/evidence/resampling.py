"""Bootstrap resamples as counts of rows, so that a statistic of all resamples is one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample_counts", "stratified_sample"]


def resample_counts(strata: NDArray[np.int64], resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each row is in each resample (resamples by rows), drawn with replacement within its stratum.

    Every resample has each stratum's number of rows, so that a rare class is never missing (Efron and Tibshirani 1993,
    chapter 8). Statistics of two models on the same counts are paired.
    """
    random = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(strata)))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        drawn = random.integers(len(rows), size=(resamples, len(rows))) + len(rows) * np.arange(resamples)[:, None]
        counts[:, rows] = np.bincount(drawn.ravel(), minlength=resamples * len(rows)).reshape(resamples, -1)
    return counts


def stratified_sample(strata: NDArray[np.int64], rows: int, seed: int) -> NDArray[np.int64]:
    """At most about so many row numbers, each stratum at its share and with one row at least."""
    if len(strata) <= rows:
        return np.arange(len(strata))
    random = np.random.default_rng(seed)
    chosen = []
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        chosen.append(random.choice(members, max(1, round(rows * len(members) / len(strata))), replace=False))
    return np.sort(np.concatenate(chosen))
