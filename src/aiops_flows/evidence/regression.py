"""Qualities of a regressor, for many resamples of the rows at once; on the plain rows each equals scikit-learn's.

Each takes the answers and the counts of the resamples (resamples by rows) and gives one number a resample, NaN where
the measure is undefined.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence.answers import Answers, Counts, Floats, even_pair
from aiops_flows.evidence.intervals import Interval, exact_interval

__all__ = [
    "bias",
    "coverage_error",
    "coverage_interval",
    "mean_absolute_error",
    "mean_scaled_error",
    "median_absolute_error",
    "pinball_loss",
    "r2",
    "root_mean_squared_error",
    "scaled",
    "wape",
]


def mean_absolute_error(answers: Answers, counts: Counts) -> Floats:
    """Mean distance from the truth, in its unit."""
    return _ratio(counts @ np.abs(_errors(answers)), counts.sum(axis=1))


def median_absolute_error(answers: Answers, counts: Counts) -> Floats:
    """The distance from the truth that half of the rows stay below, in its unit."""
    distances = np.abs(_errors(answers))
    order = np.argsort(distances, kind="stable")
    reached, half = np.cumsum(counts[:, order], axis=1), counts.sum(axis=1, keepdims=True) / 2
    lower, upper = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
    median: Floats = (distances[order][lower] + distances[order][upper]) / 2
    return median


def root_mean_squared_error(answers: Answers, counts: Counts) -> Floats:
    """Root of the mean squared distance from the truth, in its unit."""
    rooted: Floats = np.sqrt(_ratio(counts @ _errors(answers) ** 2, counts.sum(axis=1)))
    return rooted


def wape(answers: Answers, counts: Counts) -> Floats:
    """Summed distance from the truth as a share of the summed truth (Kolassa and Schuetz 2007)."""
    return _ratio(counts @ np.abs(_errors(answers)), counts @ np.abs(answers.truth))


def bias(answers: Answers, counts: Counts) -> Floats:
    """How far the sum of the predictions is from the summed truth, as a share of it; too high or too low alike."""
    return _ratio(np.abs(counts @ _errors(answers)), counts @ np.abs(answers.truth))


def r2(answers: Answers, counts: Counts) -> Floats:
    """Share of the truth's variance that the predictions explain."""
    total = counts.sum(axis=1)
    centred = answers.truth - answers.truth.mean()  # about the mean of all rows, which loses no digits
    variance = counts @ centred**2 - (counts @ centred) ** 2 / total
    floor = 1e-12 * max(float(centred @ centred), np.finfo(np.float64).tiny)
    explained: Floats = 1 - _ratio(counts @ _errors(answers) ** 2, np.where(variance > floor, variance, 0.0))
    return explained


def pinball_loss(answers: Answers, counts: Counts) -> Floats:
    """Mean over rows and levels of the quantile loss, in the truth's unit (Koenker and Bassett 1978)."""
    if answers.quantiles is None:
        return np.full(len(counts), np.nan)
    below = answers.truth[:, None] - answers.quantiles
    levels = np.asarray(answers.levels)
    return _ratio(counts @ np.maximum(levels * below, (levels - 1) * below).mean(axis=1), counts.sum(axis=1))


def coverage_error(answers: Answers, counts: Counts) -> Floats:
    """How far the share of truths between the outermost two even levels is from what these levels promise."""
    if (found := _covered(answers)) is None:
        return np.full(len(counts), np.nan)
    inside, promised = found
    return np.abs(_ratio(counts @ inside, counts.sum(axis=1)) - promised)


def coverage_interval(answers: Answers, confidence: float) -> Interval:
    """Where the coverage error lies, by the exact interval of the share: few rows outside resample too well.

    Raises:
        ValueError: no two levels lie evenly about the median.
    """
    if (found := _covered(answers)) is None:
        raise ValueError("no two levels lie evenly about the median; give the estimator such quantiles as 0.1 and 0.9")
    inside, promised = found
    share = exact_interval(int(inside.sum()), len(inside), confidence)
    ends = [abs(share.low - promised), abs(share.high - promised)]
    return Interval(0.0 if share.low <= promised <= share.high else min(ends), max(ends))


def _covered(answers: Answers) -> tuple[Floats, float] | None:
    """Whether each truth lies in the interval (1 or 0), and the share that should."""
    pair = even_pair(answers.levels)
    if answers.quantiles is None or pair is None:
        return None
    low, high = answers.quantiles[:, pair[0]], answers.quantiles[:, pair[1]]
    inside = ((low <= answers.truth) & (answers.truth <= high)).astype(np.float64)
    return inside, answers.levels[pair[1]] - answers.levels[pair[0]]


def mean_scaled_error(answers: Answers, counts: Counts) -> Floats:
    """Mean distance from the truth in units of each row's scale, as MASE does (Hyndman and Koehler 2006).

    Rows without a scale above 0 are left out.
    """
    if answers.scales is None:
        return np.full(len(counts), np.nan)
    known = scaled(answers)
    errors = np.divide(np.abs(_errors(answers)), answers.scales, out=np.zeros(len(known)), where=known)
    return _ratio(counts @ errors, counts @ known.astype(np.float64))


def scaled(answers: Answers) -> NDArray[np.bool_]:
    """Whether each row has a scale above 0."""
    if answers.scales is None:
        return np.zeros(len(answers.truth), bool)
    return np.isfinite(answers.scales) & (answers.scales > 0)


def _errors(answers: Answers) -> Floats:
    return answers.predicted - answers.truth


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
