"""Qualities of several models on the same rows, with intervals that count how the rows happened to fall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence.answers import Answers, Counts, Floats, Scored, read_answers
from aiops_flows.evidence.intervals import Interval, around
from aiops_flows.evidence.metrics import Metric
from aiops_flows.evidence.resampling import resample_counts, stratified_sample

__all__ = ["FEWEST_OF_CLASS", "FEWEST_ROWS", "Comparison", "Estimate"]

FEWEST_ROWS = 30
"""Rows below which resampling says nothing reliable, so nothing is measured."""
FEWEST_OF_CLASS = 5
"""At least two classes must have so many rows."""
_RESAMPLED_ROWS = 5_000
_RESAMPLED_CELLS = 20_000  # rows times classes, so that many classes do not make it slow


@dataclass(frozen=True)
class Estimate:
    """A quality on all rows, and on the resamples."""

    value: float
    replicates: Floats


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

    @classmethod
    def of(
        cls,
        kind: Literal["classifier", "regressor"],
        truth: Sequence[Any] | NDArray[Any],
        models: Mapping[str, Scored],
        *,
        confidence: float = 0.90,
        resamples: int = 300,
        seed: int = 0,
    ) -> Comparison:
        """The models by name, ready to be compared."""
        answers = read_answers(kind, truth, models)
        read = next((each for each in answers.values() if not isinstance(each, str)), None)
        if read is None or (doubt := _too_few(kind, read.truth)):
            doubt = "" if read is None else doubt
            return cls(answers, np.empty(0, np.int64), np.empty((0, 0)), 1.0, confidence, doubt)
        strata = read.truth.astype(np.int64) if kind == "classifier" else np.zeros(len(read.truth), np.int64)
        width = 1 if read.probabilities is None else read.probabilities.shape[1]
        chosen = stratified_sample(strata, max(1_000, min(_RESAMPLED_ROWS, _RESAMPLED_CELLS // width)), seed)
        shrink = math.sqrt(len(chosen) / len(strata))
        return cls(answers, chosen, resample_counts(strata[chosen], resamples, seed), shrink, confidence, "")

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
        return Estimate(value, replicates)

    def _measurable(self, metric: Metric, model: str) -> Answers | str:
        """The answers of one model, or the reason why this quality says nothing of them."""
        answers = self.answers[model]
        if isinstance(answers, str):
            return answers
        if self.doubt:
            return self.doubt
        if metric.needs == "probabilities" and answers.probabilities is None:
            return "no probabilities are given"
        return answers

    def interval(self, metric: Metric, estimate: Estimate) -> Interval:
        """Where the quality lies."""
        found = around(estimate.value, estimate.replicates, self.confidence, self.shrink)
        return Interval(max(found.low, metric.lowest), min(found.high, metric.highest))

    def difference(self, one: Estimate, other: Estimate) -> Interval:
        """Where the first quality minus the second lies, resample by resample."""
        return around(one.value - other.value, one.replicates - other.replicates, self.confidence, self.shrink)


def _too_few(kind: Literal["classifier", "regressor"], truth: Floats) -> str:
    if len(truth) < FEWEST_ROWS:
        return f"{len(truth)} rows to judge on; at least {FEWEST_ROWS} are needed"
    if kind == "regressor":
        return ""
    rows = np.sort(np.unique(truth, return_counts=True)[1])[::-1]
    if len(rows) < 2:
        return "all rows to judge on are of one class"
    return "" if rows[1] >= FEWEST_OF_CLASS else f"only {rows[1]} rows are not of the most frequent class"
