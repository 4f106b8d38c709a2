"""Confidence thresholds with a guarantee: at most so many wrong above them, this sure, whatever the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from aiops_flows.evidence.intervals import upper_bound

__all__ = ["ThresholdCertificate", "certify_threshold"]


@dataclass(frozen=True)
class ThresholdCertificate:
    """A threshold with what is sure of it, or None and the reason why there is none."""

    threshold: float | None
    """Cases with at least this confidence may be decided without a person."""
    coverage: float
    """Share of the labelled rows that reach it."""
    labels_used: int
    """Labelled rows that the certificate rests on."""
    wrong: int
    """How many of those that reach the threshold were wrong."""
    error_upper: float
    """What the share of wrong ones stays below with ``confidence_level``, search included; 1 without a threshold."""
    max_error: float
    confidence_level: float
    reason: str


@dataclass(frozen=True)
class _Steps:
    """The distinct confidences from the highest down, with the rows and the wrong ones at or above each."""

    confidence: NDArray[np.float64]
    rows: NDArray[np.int64]
    wrong: NDArray[np.int64]


def certify_threshold(
    confidence: ArrayLike,
    wrong: ArrayLike,
    *,
    max_error: float,
    confidence_level: float,
    starts: Sequence[float] | None = None,
) -> ThresholdCertificate:
    """The lowest threshold above which at most ``max_error`` are wrong, with probability ``confidence_level``.

    The probability is over the draw of the labelled rows; it holds at any number of them for any model, as long as
    they are drawn as the future cases are and were not learned from. Learn then Test (Angelopoulos, Bates, Candes,
    Jordan and Lei 2021) with fixed-sequence testing: from each start downwards, a threshold is certified while the
    exact binomial tail of the wrong rows above it is at most the error budget divided by the number of starts
    (Bonferroni). Rows whose confidence is NaN count as never decided.

    ``starts`` are thresholds chosen without looking at these rows. By default the search starts at ranks: at twice the
    fewest rows that can certify anything, and from there at each threefold up to half of the rows. That suits
    confidences on any scale; it is exact where the error above a threshold does not fall as the threshold does, and
    held wherever else it was tried.
    """
    scores, failed = np.asarray(confidence, np.float64), np.asarray(wrong, np.bool_)
    _check(scores, failed, max_error, confidence_level)
    there = ~np.isnan(scores)
    steps = _steps(scores[there], failed[there])
    fewest = math.ceil(math.log((1 - confidence_level) / 2) / math.log1p(-max_error))
    begin = _ranks(steps, fewest) if starts is None else list(starts)
    budget = (1 - confidence_level) / max(len(begin), 1)
    certified = binom.cdf(steps.wrong, steps.rows, max_error) <= budget
    reached = [found for start in begin if (found := _walk(steps, certified, start)) is not None]
    if not reached:
        reason = _why_none(steps, begin, fewest, max_error, confidence_level)
        return ThresholdCertificate(None, 0.0, len(scores), 0, 1.0, max_error, confidence_level, reason)
    threshold = min(reached)
    rows, errors = _above(steps, threshold)
    upper = upper_bound(errors, rows, 1 - budget)
    reason = f"{errors} of {rows} rows from {threshold:.6g} up were wrong; at most {upper:.2%} are"
    coverage = rows / len(scores)
    return ThresholdCertificate(threshold, coverage, len(scores), errors, upper, max_error, confidence_level, reason)


def _check(scores: NDArray[np.float64], failed: NDArray[np.bool_], max_error: float, level: float) -> None:
    if scores.shape != failed.shape:
        raise ValueError(f"{scores.shape} confidences and {failed.shape} labels: expected one of each a row")
    if not (0 < max_error < 1 and 0 < level < 1):
        raise ValueError(f"max_error {max_error} and confidence_level {level} must lie strictly between 0 and 1")


def _steps(scores: NDArray[np.float64], failed: NDArray[np.bool_]) -> _Steps:
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])
    return _Steps(scores[order][last], last + 1, np.cumsum(failed[order].astype(np.int64))[last])


def _ranks(steps: _Steps, fewest: int) -> list[float]:
    """The confidences at which the default search starts, as many as there are rows for."""
    rows = int(steps.rows[-1]) if len(steps.rows) else 0
    ranks = [min(2 * fewest, rows)] if rows >= fewest else []
    while ranks and 3 * ranks[-1] <= rows / 2:
        ranks.append(3 * ranks[-1])
    return [float(steps.confidence[np.searchsorted(steps.rows, rank)]) for rank in ranks]


def _walk(steps: _Steps, certified: NDArray[np.bool_], start: float) -> float | None:
    """The last threshold certified without a gap from this start downwards."""
    first = int(np.searchsorted(-steps.confidence, -start, side="right")) - 1
    if first < 0 or not certified[first]:
        return None
    refused = np.flatnonzero(~certified[first:])
    last = first + int(refused[0]) - 1 if len(refused) else len(certified) - 1
    return min(start, float(steps.confidence[last]))


def _above(steps: _Steps, threshold: float) -> tuple[int, int]:
    """Rows and wrong ones at or above a threshold."""
    place = int(np.searchsorted(-steps.confidence, -threshold, side="right")) - 1
    return (int(steps.rows[place]), int(steps.wrong[place])) if place >= 0 else (0, 0)


def _why_none(steps: _Steps, begin: list[float], fewest: int, max_error: float, level: float) -> str:
    rows = int(steps.rows[-1]) if len(steps.rows) else 0
    if rows < fewest:
        return (
            f"{rows} labelled rows with a confidence; at least {fewest} are needed, none of them wrong, "
            f"to be {level:.0%} sure of at most {max_error:.1%} wrong"
        )
    seen = "; ".join(f"{wrong} of the {count} most confident rows were wrong" for count, wrong in _counts(steps, begin))
    return f"no threshold is {level:.0%} sure to have at most {max_error:.1%} wrong above it: {seen}"


def _counts(steps: _Steps, begin: list[float]) -> list[tuple[int, int]]:
    return [_above(steps, start) for start in begin]
