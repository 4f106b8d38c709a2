"""Qualities of a classifier, for many resamples of the rows at once; on the plain rows each equals scikit-learn's.

Each takes the answers and the counts of the resamples (resamples by rows) and gives one number a resample, NaN where
the measure is undefined. With two classes the second is the positive one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence.answers import Answers, Counts, Floats

__all__ = ["accuracy", "average_precision", "balanced_accuracy", "brier_score", "f1_macro", "log_loss", "roc_auc"]


def roc_auc(answers: Answers, counts: Counts) -> Floats:
    """Share of pairs ranked rightly; of more than two classes each against the rest, weighted by frequency."""
    return _over_classes(answers, counts, _area_under_curve)


def average_precision(answers: Answers, counts: Counts) -> Floats:
    """Mean precision over the positives in order of score; of more than two classes weighted by frequency."""
    return _over_classes(answers, counts, _average_precision)


def log_loss(answers: Answers, counts: Counts) -> Floats:
    """Mean surprise at the truth in natural units; a probability of 0 counts as the smallest one above it."""
    given = answers.shares[np.arange(len(answers.truth)), answers.truth.astype(np.int64)]
    return _mean(-np.log(np.clip(given, np.finfo(np.float64).eps, 1.0)), counts)


def brier_score(answers: Answers, counts: Counts) -> Floats:
    """Mean squared error of the probabilities: of the positive class for two, summed over the classes for more."""
    shares = answers.shares
    squares = (shares - _one_hot(answers.truth, shares.shape[1])) ** 2
    return _mean(squares[:, 1] if shares.shape[1] == 2 else squares.sum(axis=1), counts)


def accuracy(answers: Answers, counts: Counts) -> Floats:
    """Share of rows whose predicted class is the true one."""
    return _mean((answers.truth == answers.predicted).astype(np.float64), counts)


def balanced_accuracy(answers: Answers, counts: Counts) -> Floats:
    """Mean over the true classes of the share found."""
    size = _classes(answers)
    hits = counts @ (_one_hot(answers.truth, size) * (answers.truth == answers.predicted)[:, None])
    total = counts @ _one_hot(answers.truth, size)
    return _mean_where(np.divide(hits, total, out=np.zeros_like(hits), where=total > 0), total > 0)


def f1_macro(answers: Answers, counts: Counts) -> Floats:
    """Mean over the classes, true or predicted, of the harmonic mean of precision and recall."""
    size = _classes(answers)
    hits = counts @ (_one_hot(answers.truth, size) * (answers.truth == answers.predicted)[:, None])
    both = counts @ (_one_hot(answers.truth, size) + _one_hot(answers.predicted, size))
    return _mean_where(np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0), both > 0)


def _over_classes(
    answers: Answers, counts: Counts, measure: Callable[[NDArray[np.bool_], Floats, Counts], Floats]
) -> Floats:
    """A measure of one class against the rest: of the second of two, or of all, weighted by their rows."""
    shares = answers.shares
    if shares.shape[1] == 2:
        return measure(answers.truth == 1, shares[:, 1], counts)
    present = np.unique(answers.truth).astype(np.int64)
    if len(present) < 2:
        return np.full(len(counts), np.nan)
    weights = counts @ _one_hot(answers.truth, shares.shape[1])[:, present]
    found = np.stack([measure(answers.truth == place, shares[:, place], counts) for place in present], axis=1)
    averaged: Floats = (found * weights).sum(axis=1) / weights.sum(axis=1)
    return averaged


def _by_score(positive: NDArray[np.bool_], score: Floats, counts: Counts) -> tuple[Counts, Counts]:
    """Counts of positives and negatives at each distinct score, the highest score first."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.inf))
    ordered = counts[:, order]
    return (
        np.add.reduceat(ordered * positive[order], starts, axis=1),
        np.add.reduceat(ordered * ~positive[order], starts, axis=1),
    )


def _area_under_curve(positive: NDArray[np.bool_], score: Floats, counts: Counts) -> Floats:
    """Mann and Whitney's (1947) statistic as a share; ties count half (Hanley and McNeil 1982)."""
    columns = np.ascontiguousarray(counts.T)  # rows by resamples: one row of it is one copy
    ranked = np.flatnonzero(positive)[np.argsort(-score[positive], kind="stable")]
    others = np.flatnonzero(~positive)
    found = np.zeros((len(ranked) + 1, len(counts)))
    np.cumsum(columns[ranked], axis=0, out=found[1:])
    before, tied = (np.searchsorted(-score[ranked], -score[others], side) for side in ("left", "right"))
    above = found[before]
    if (before != tied).any():
        above = (above + found[tied]) / 2
    negatives = columns[others]
    return _ratio((negatives * above).sum(axis=0), found[-1] * negatives.sum(axis=0))


def _average_precision(positive: NDArray[np.bool_], score: Floats, counts: Counts) -> Floats:
    positives, negatives = _by_score(positive, score, counts)
    found = np.cumsum(positives, axis=1)
    taken = found + np.cumsum(negatives, axis=1)
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    return _ratio((positives * precision).sum(axis=1), positives.sum(axis=1))


def _classes(answers: Answers) -> int:
    return int(max(answers.truth.max(), answers.predicted.max())) + 1


def _one_hot(places: Floats, size: int) -> Floats:
    marked: Floats = (places[:, None] == np.arange(size)).astype(np.float64)
    return marked


def _mean(values: Floats, counts: Counts) -> Floats:
    return _ratio(counts @ values, counts.sum(axis=1))


def _mean_where(values: Floats, there: NDArray[np.bool_]) -> Floats:
    return _ratio((values * there).sum(axis=1), there.sum(axis=1).astype(np.float64))


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
