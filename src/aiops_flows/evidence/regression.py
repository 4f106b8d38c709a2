"""Qualities of a regressor, for many resamples of the rows at once; on the plain rows each equals scikit-learn's.

Each takes the answers and the counts of the resamples (resamples by rows) and gives one number a resample, NaN where
the measure is undefined.
"""

from __future__ import annotations

import numpy as np

from aiops_flows.evidence.answers import Answers, Counts, Floats

__all__ = [
    "bias",
    "mean_absolute_error",
    "median_absolute_error",
    "r2",
    "root_mean_squared_error",
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


def _errors(answers: Answers) -> Floats:
    return answers.predicted - answers.truth


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
