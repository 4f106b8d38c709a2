"""Confidence thresholds with a guarantee: at most so much wrong above them, this sure, whatever the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincc

from aiops_flows.certified import NaiveRule
from aiops_flows.evidence.bounded import log_evidence, mean_below
from aiops_flows.evidence.intervals import upper_bound
from aiops_flows.evidence.periods import next_periods_below

__all__ = ["ThresholdCertificate", "certify_threshold", "fewest_rows", "rows_to_certify"]

_FOR_NAIVE = 0.2
"""The part of the error budget that bounds the naive rule's loss; the rest bounds the loss of what is decided."""


@dataclass(frozen=True)
class ThresholdCertificate:
    """A threshold with what is sure of it, or None and the reason why there is none."""

    threshold: float | None
    """Cases with at least this confidence may be decided without a person."""
    coverage: float
    """Share of the labelled rows that reach it."""
    labels_used: int
    """Labelled rows that the certificate rests on."""
    wrong: float
    """How many of those that reach the threshold were wrong, or the sum of their losses."""
    error_upper: float
    """What the mean loss stays below with ``confidence_level``, search included; 1 without a threshold."""
    max_error: float
    confidence_level: float
    reason: str
    naive: NaiveRule | None = None
    """The naive rule that it was compared with; None where it was not."""


@dataclass(frozen=True)
class _Steps:
    """The distinct confidences from the highest down, with the rows and the sum of losses at or above each."""

    confidence: NDArray[np.float64]
    rows: NDArray[np.int64]
    wrong: NDArray[np.float64]
    losses: NDArray[np.float64]
    """Row by row, the most confident first."""
    periods: NDArray[Any] | None = None
    """The same order; None where rows are independent draws."""

    @property
    def binary(self) -> bool:
        """Whether a row is either right or wrong."""
        return bool(((self.losses == 0) | (self.losses == 1)).all())


def certify_threshold(
    confidence: ArrayLike,
    loss: ArrayLike,
    *,
    max_error: float,
    confidence_level: float,
    starts: Sequence[float] | None = None,
    periods: ArrayLike | None = None,
    ahead: int = 1,
    naive_loss: ArrayLike | None = None,
    not_below: float = 0.0,
) -> ThresholdCertificate:
    """The lowest threshold above which the mean loss is at most ``max_error``, with probability ``confidence_level``.

    ``loss`` tells of each row whether it was wrong, or how bad it was between 0 and 1. The probability is over the
    draw of the labelled rows; it holds at any number of them for any model, as long as they are drawn as the future
    cases are and were not learned from. Learn then Test (Angelopoulos, Bates, Candes, Jordan and Lei 2021) with
    fixed-sequence testing: from each start downwards, a threshold is certified while the chance of so small a loss
    above it is at most the error budget divided by the number of starts (Bonferroni). Where rows are right or wrong,
    that chance is the exact binomial tail; for losses in between it comes from betting (see `evidence.bounded`). Rows
    whose confidence is NaN count as never decided.

    ``starts`` are thresholds chosen without looking at these rows. By default the search starts at ranks: at twice the
    fewest rows that can certify anything, and from there at each threefold up to half of the rows. That suits
    confidences on any scale; it is exact where the error above a threshold does not fall as the threshold does, and
    held wherever else it was tried.

    Rows of one period that share their luck (the demand of a month) are no independent draws. With ``periods``, one
    value a row, a threshold must also keep the mean loss of the next ``ahead`` periods below ``max_error``, going by
    how much the periods seen differ (`evidence.periods`); there have to be two or more.

    ``naive_loss`` are the losses of a rule that does not look at the model, on the rows that it would decide. With
    them a threshold must also keep the mean loss below what the naive rule loses. Both claims hold together with
    ``confidence_level``: a fifth of the error budget bounds the naive rule's loss from below, the rest the loss of what
    is decided from above. A threshold has to pass both tests, so no correction for their number is needed.

    ``not_below`` is a threshold that another proof asks for: the search stops there.
    """
    scores, losses = np.asarray(confidence, np.float64), np.asarray(loss, np.float64)
    _check(scores, losses, max_error, confidence_level)
    there = ~np.isnan(scores)
    steps = _steps(scores[there], losses[there], None if periods is None else np.asarray(periods)[there])
    fewest = fewest_rows(max_error, confidence_level)
    begin = _ranks(steps, fewest) if starts is None else list(starts)
    budget = (1 - confidence_level) / max(len(begin), 1)
    shared = _of_next_periods(steps, ahead, budget)
    kept = _certified(steps, max_error, budget) & (shared <= max_error)
    naive = None if naive_loss is None else _naive_rule(np.asarray(naive_loss, np.float64), confidence_level)
    certified = kept if naive is None else kept & _better(steps, naive, budget)
    reached = [found for start in begin if (found := _walk(steps, certified, start, not_below)) is not None]
    if not reached:
        would_be = [found for start in begin if (found := _walk(steps, kept, start, not_below)) is not None]
        if naive is not None and would_be:
            reason = _why_no_better(steps, min(would_be), naive)
        else:
            reason = _why_none(steps, begin, fewest, max_error, confidence_level) + _why_not_next(steps, begin, shared)
            reason += _why_not_below(steps, kept, begin, not_below)
        return ThresholdCertificate(None, 0.0, len(scores), 0, 1.0, max_error, confidence_level, reason, naive)
    threshold = min(reached)
    rows, errors = _above(steps, threshold)
    upper = max(_upper(steps, rows, errors, max_error, budget), float(shared[_place(steps, threshold)]))
    reason = _why(steps, rows, errors, threshold, upper) + _of_how_many(steps)
    return ThresholdCertificate(
        threshold,
        rows / len(scores),
        len(scores),
        errors,
        upper,
        max_error,
        confidence_level,
        reason,
        naive,
    )


def fewest_rows(max_error: float, confidence_level: float) -> int:
    """The fewest rows, none of them wrong, that can certify anything."""
    return math.ceil(math.log((1 - confidence_level) / 2) / math.log1p(-max_error))


def rows_to_certify(max_error: float, confidence_level: float) -> int:
    """How many rows it takes to certify a share of wrong ones that is half of the limit.

    It does not depend on any label, so it may decide which groups of rows are certified alone.
    """
    rows = fewest_rows(max_error, confidence_level)
    while upper_bound(math.ceil(rows * max_error / 2), rows, (1 + confidence_level) / 2) > max_error:
        rows += max(1, rows // 50)
    return rows


def _naive_rule(losses: NDArray[np.float64], level: float) -> NaiveRule:
    """The mean loss of the naive rule, and its lower bound: exact where rows are right or wrong, else by betting."""
    if not len(losses):
        return NaiveRule(0, 0.0, 0.0)
    chance = _FOR_NAIVE * (1 - level)
    if ((losses == 0) | (losses == 1)).all():
        at_least = 1 - upper_bound(int((losses == 0).sum()), len(losses), 1 - chance)
    else:
        at_least = 1 - mean_below(1 - losses, limit=0.5, chance=chance)
    return NaiveRule(len(losses), float(losses.mean()), max(at_least, 0.0))


def _better(steps: _Steps, naive: NaiveRule, budget: float) -> NDArray[np.bool_]:
    """Whether each threshold would be certified to lose less than the naive rule, were it the only one."""
    if naive.at_least <= 0:
        return np.zeros(len(steps.rows), dtype=bool)
    return _certified(steps, min(naive.at_least, 1 - 1e-9), (1 - _FOR_NAIVE) * budget)


def _check(scores: NDArray[np.float64], losses: NDArray[np.float64], max_error: float, level: float) -> None:
    if scores.shape != losses.shape:
        raise ValueError(f"{scores.shape} confidences and {losses.shape} labels: expected one of each a row")
    if not (0 < max_error < 1 and 0 < level < 1):
        raise ValueError(f"max_error {max_error} and confidence_level {level} must lie strictly between 0 and 1")
    if not ((losses >= 0) & (losses <= 1)).all():
        raise ValueError("losses that are not numbers between 0 and 1; scale them with the worst that counts")


def _steps(scores: NDArray[np.float64], losses: NDArray[np.float64], periods: NDArray[Any] | None) -> _Steps:
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])
    in_order = None if periods is None else periods[order]
    return _Steps(scores[order][last], last + 1, np.cumsum(losses[order])[last], losses[order], in_order)


def _of_next_periods(steps: _Steps, ahead: int, budget: float) -> NDArray[np.float64]:
    """What the next periods stay below at each threshold; nothing to be held to where rows have no periods."""
    if steps.periods is None:
        return np.full(len(steps.rows), -np.inf)
    return next_periods_below(steps.losses, steps.periods, steps.rows, ahead=ahead, chance=budget)


def _certified(steps: _Steps, max_error: float, budget: float) -> NDArray[np.bool_]:
    """Whether each threshold would be certified, were it the only one."""
    certified: NDArray[np.bool_]
    if steps.binary:
        certified = _binomial_tail(steps.wrong, steps.rows, max_error) <= budget
    else:
        certified = log_evidence(steps.losses, steps.rows, limit=max_error, chance=budget) >= -math.log(budget)
    return certified


def _binomial_tail(wrong: NDArray[Any], rows: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """The chance of so few wrong rows or fewer. Not by `scipy.stats`, which takes 40 MB wherever cases are decided."""
    some_right = wrong < rows
    tail: NDArray[np.float64] = np.ones(len(rows))
    tail[some_right] = betaincc(wrong[some_right] + 1.0, (rows - wrong)[some_right], share)
    return tail


def _upper(steps: _Steps, rows: int, errors: float, max_error: float, budget: float) -> float:
    if steps.binary:
        return upper_bound(round(errors), rows, 1 - budget)
    return min(mean_below(steps.losses[:rows], limit=max_error, chance=budget), max_error)


def _ranks(steps: _Steps, fewest: int) -> list[float]:
    """The confidences at which the default search starts, as many as there are rows for."""
    rows = int(steps.rows[-1]) if len(steps.rows) else 0
    ranks = [min(2 * fewest, rows)] if rows >= fewest else []
    while ranks and 3 * ranks[-1] <= rows / 2:
        ranks.append(3 * ranks[-1])
    return [float(steps.confidence[np.searchsorted(steps.rows, rank)]) for rank in ranks]


def _walk(steps: _Steps, certified: NDArray[np.bool_], start: float, not_below: float) -> float | None:
    """The last threshold certified without a gap from this start downwards; never one below ``not_below``."""
    first = _place(steps, start)
    if first < 0 or not certified[first] or start < not_below:
        return None
    refused = np.flatnonzero(~certified[first:])
    last = first + int(refused[0]) - 1 if len(refused) else len(certified) - 1
    return max(min(start, float(steps.confidence[last])), not_below)


def _place(steps: _Steps, threshold: float) -> int:
    """Which step is the last at or above a threshold; -1 where none is."""
    return int(np.searchsorted(-steps.confidence, -threshold, side="right")) - 1


def _above(steps: _Steps, threshold: float) -> tuple[int, float]:
    """Rows at or above a threshold, and the sum of their losses."""
    place = _place(steps, threshold)
    return (int(steps.rows[place]), float(steps.wrong[place])) if place >= 0 else (0, 0.0)


def _why(steps: _Steps, rows: int, errors: float, threshold: float, upper: float) -> str:
    if steps.binary:
        return f"{errors:.0f} of {rows} rows from {threshold:.6g} up were wrong; at most {upper:.2%} are"
    return f"{rows} rows from {threshold:.6g} up lost {errors / rows:.2%} on average; at most {upper:.2%} is lost"


def _why_none(steps: _Steps, begin: list[float], fewest: int, max_error: float, level: float) -> str:
    rows = int(steps.rows[-1]) if len(steps.rows) else 0
    if rows < fewest:
        return (
            f"{rows} labelled rows; at least {fewest} are needed, none of them wrong, "
            f"to be {level:.0%} sure of at most {max_error:.1%} wrong"
        )
    seen = "; ".join(_seen(steps, *_above(steps, start)) for start in begin)
    return f"no threshold is {level:.0%} sure to have at most {max_error:.1%} wrong above it: {seen}"


def _of_how_many(steps: _Steps) -> str:
    return "" if steps.periods is None else f"; counted by {len(np.unique(steps.periods))} periods, which share luck"


def _why_not_next(steps: _Steps, begin: list[float], shared: NDArray[np.float64]) -> str:
    """What to know of periods where nothing is certified."""
    if steps.periods is None or not any(_place(steps, start) >= 0 for start in begin):
        return ""
    count = len(np.unique(steps.periods))
    least = min(float(shared[place]) for start in begin if (place := _place(steps, start)) >= 0)
    if count < 2:
        return "; they are of one period, and two or more are needed to see how much periods differ"
    return f"; going by how much {count} periods differ, the next ones lose up to {least:.2%}"


def _why_no_better(steps: _Steps, threshold: float, naive: NaiveRule) -> str:
    """Why what would keep to the limit is not certified: a naive rule gets it as well."""
    rows, errors = _above(steps, threshold)
    what = "wrong in" if steps.binary else "lost"
    naively = f"it would be {what} {naive.loss:.2%} on all {naive.rows} rows, and {naive.at_least:.2%} at least"
    return (
        f"no better than a naive rule that decides every case alike: {naively}; from {threshold:.6g} up "
        f"{what} {errors / max(rows, 1):.2%} of {rows} rows. Set allow_naive=True to allow it"
    )


def _why_not_below(steps: _Steps, kept: NDArray[np.bool_], begin: list[float], not_below: float) -> str:
    """What to know of the other proof's threshold where it is what leaves nothing."""
    if not any(_walk(steps, kept, start, 0.0) is not None for start in begin):
        return ""
    rows = _above(steps, not_below)[0]
    return f"; true classes are missed too often below {not_below:.6g}, and only {rows} rows reach that"


def _seen(steps: _Steps, rows: int, errors: float) -> str:
    if steps.binary:
        return f"{errors:.0f} of the {rows} most confident rows were wrong"
    return f"the {rows} most confident rows lost {errors / max(rows, 1):.2%} on average"
