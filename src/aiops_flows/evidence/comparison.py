"""Qualities of several models on the same rows, with intervals that count how the rows happened to fall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence.answers import Answers, Counts, Floats, Kind, Scored, even_pair, read_answers
from aiops_flows.evidence.intervals import Interval, around, exact_interval
from aiops_flows.evidence.metrics import Metric
from aiops_flows.evidence.regression import scaled
from aiops_flows.evidence.resampling import resample_counts, stratified_sample

__all__ = ["FEWEST_OF_CLASS", "FEWEST_ROWS", "Comparison", "Estimate"]

FEWEST_ROWS = 30
"""Rows below which resampling says nothing reliable, so nothing is measured."""
FEWEST_OF_CLASS = 5
"""At least two classes must have so many rows."""
_SHARES = frozenset({"accuracy", "accepted", "written"})  # qualities that are shares of the rows
_RESAMPLED_ROWS = 5_000
_RESAMPLED_CELLS = 20_000  # rows times classes, so that many classes do not make it slow


@dataclass(frozen=True)
class Estimate:
    """A quality on all rows, and on the resamples."""

    value: float
    replicates: Floats
    exact: Interval | None = None
    """Where it lies, where that is known better than by its resamples."""


@dataclass(frozen=True)
class Comparison:
    """Models on the same rows, resampled alike, so that their differences are paired.

    Resamples keep each class's number of rows. Beyond 5,000 rows a seeded stratified sample is resampled, and the
    spread is scaled to the number of rows there are (Bickel, Goetze and van Zwet 1997, m out of n).
    """

    answers: Mapping[str, Answers | str]
    chosen: NDArray[np.int64]
    counts: Counts
    shrink: float
    confidence: float
    doubt: str
    of_slice: bool = False
    """Whether the rows are a slice, in which classes may be rare or but one."""

    @classmethod
    def of(
        cls,
        kind: Kind,
        truth: Sequence[Any] | NDArray[Any],
        models: Mapping[str, Scored],
        *,
        confidence: float = 0.90,
        resamples: int = 300,
        seed: int = 0,
        of_slice: bool = False,
    ) -> Comparison:
        """The models by name, ready to be compared; of a slice, resamples do not keep each class's number of rows."""
        answers = read_answers(kind, truth, models)
        read = next((each for each in answers.values() if not isinstance(each, str)), None)
        if read is None or (doubt := "" if of_slice else _too_few(kind, read.truth)):
            doubt = "" if read is None else doubt
            return cls(answers, np.empty(0, np.int64), np.empty((0, 0)), 1.0, confidence, doubt)
        # in a slice classes are rare, and would hardly vary from resample to resample
        by_class = kind == "classifier" and not of_slice
        strata = read.truth.astype(np.int64) if by_class else np.zeros(len(read.truth), np.int64)
        width = 1 if read.probabilities is None else read.probabilities.shape[1]
        chosen = stratified_sample(strata, max(1_000, min(_RESAMPLED_ROWS, _RESAMPLED_CELLS // width)), seed)
        shrink = math.sqrt(len(chosen) / len(strata))
        counts = resample_counts(strata[chosen], resamples, seed)
        return cls(answers, chosen, counts, shrink, confidence, "", of_slice)

    def value(self, metric: Metric, model: str) -> float | str:
        """A quality of one model on all rows, or the reason why it cannot be measured."""
        answers = self._measurable(metric, model)
        if isinstance(answers, str):
            return answers
        value = metric.of(answers)
        return value if math.isfinite(value) else f"{metric.name} is undefined on these rows"

    def estimate(self, metric: Metric, model: str) -> Estimate | str:
        """A quality of one model with its resamples, or the reason why it cannot be measured."""
        answers, value = self._measurable(metric, model), self.value(metric, model)
        if isinstance(answers, str) or isinstance(value, str):
            return str(value)
        whole = len(self.chosen) == len(answers.truth)
        replicates = metric.resampled(answers if whole else answers.rows(self.chosen), self.counts)
        if not np.isfinite(replicates).all():
            return f"{metric.name} is undefined on these rows"
        return Estimate(value, replicates, metric.exact(answers, self.confidence) if metric.exact else None)

    def _measurable(self, metric: Metric, model: str) -> Answers | str:
        """The answers of one model, or the reason why this quality says nothing of them."""
        answers = self.answers[model]
        if isinstance(answers, str):
            return answers
        if self.doubt:
            return self.doubt
        if doubt := _lacking(metric, answers):
            return doubt
        known, rows = int(answers.truth.sum()), len(answers.truth)
        if metric.needs == "texts" and known < FEWEST_ROWS and not (self.of_slice and known == rows):
            return f"the true text of {known} of {rows} rows is known; at least {FEWEST_ROWS} are needed"
        return answers

    def interval(self, metric: Metric, estimate: Estimate) -> Interval:
        """Where the quality lies; of a slice a share by Clopper and Pearson (1934), as few rows resample too well."""
        if estimate.exact is not None:
            return estimate.exact
        if self.of_slice and metric.name in _SHARES:
            rows = max(_told(metric, each) for each in self.answers.values() if not isinstance(each, str))
            return exact_interval(round(estimate.value * rows), rows, self.confidence)
        found = around(estimate.value, estimate.replicates, self.confidence, self.shrink)
        return Interval(max(found.low, metric.lowest), min(found.high, metric.highest))

    def difference(self, one: Estimate, other: Estimate) -> Interval:
        """Where the first quality minus the second lies, resample by resample."""
        return around(one.value - other.value, one.replicates - other.replicates, self.confidence, self.shrink)


def _told(metric: Metric, answers: Answers) -> int:
    """How many rows a quality is the mean of."""
    return int(answers.truth.sum()) if metric.needs == "texts" else len(answers.truth)


def _lacking(metric: Metric, answers: Answers) -> str:
    """What these answers lack for a quality; empty where they have all."""
    if metric.needs == "probabilities" and answers.probabilities is None:
        return "no probabilities are given"
    if metric.needs in {"quantiles", "interval"} and answers.quantiles is None:
        return "no quantiles are given"
    if metric.needs == "interval" and even_pair(answers.levels) is None:
        return "no two levels of its quantiles lie evenly about the median"
    if metric.needs == "scales" and (known := int(scaled(answers).sum())) < FEWEST_ROWS:
        return f"{known} of {len(answers.truth)} rows have a scale above 0; at least {FEWEST_ROWS} are needed"
    return _cost_doubt(answers.costs) if metric.needs == "costs" else ""


def _cost_doubt(costs: Floats | None) -> str:
    if costs is None:
        return "the cost of its answers is not known"
    odd = int((~(np.isfinite(costs) & (costs >= 0))).sum())
    return f"the cost of {odd} of {len(costs)} rows is missing or below 0" if odd else ""


def _too_few(kind: Kind, truth: Floats) -> str:
    if len(truth) < FEWEST_ROWS:
        return f"{len(truth)} rows to judge on; at least {FEWEST_ROWS} are needed"
    if kind != "classifier":
        return ""
    rows = np.sort(np.unique(truth, return_counts=True)[1])[::-1]
    if len(rows) < 2:
        return "all rows to judge on are of one class"
    return "" if rows[1] >= FEWEST_OF_CLASS else f"only {rows[1]} rows are not of the most frequent class"
