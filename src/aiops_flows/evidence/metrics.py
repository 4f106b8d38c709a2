"""Every quality that a gate can name, by the name it has in scikit-learn where it has one there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence import classification, regression
from aiops_flows.evidence.answers import Answers, Counts, Floats, Kind, Scored, read_answers
from aiops_flows.evidence.calibration import expected_calibration_error
from aiops_flows.evidence.intervals import Interval
from aiops_flows.evidence.writing import SCORES

__all__ = ["METRICS", "Metric"]

Needs = Literal["values", "probabilities", "texts", "quantiles", "interval", "scales", "costs"]
"""What a quality reads: the answers alone, their probabilities, true texts beside them (some may be unknown), all
quantiles or two that lie evenly about the median, a scale, or what acting on each answer cost."""


@dataclass(frozen=True)
class Metric:
    """One quality of a model's answers."""

    name: str
    kind: Kind | None
    """None: of classes and of quantities alike."""
    needs: Needs
    greater_is_better: bool
    lowest: float
    highest: float
    resampled: Callable[[Answers, Counts], Floats]
    """One number a resample of the rows, NaN where it is undefined."""
    exact: Callable[[Answers, float], Interval] | None = None
    """Where the quality lies at a confidence, of such whose resamples vary too little."""

    def measures(self, kind: Kind) -> bool:
        """Whether it is a quality of such models."""
        return kind == self.kind or (self.kind is None and kind != "writer")

    def function(
        self,
        y: Sequence[Any] | NDArray[Any],
        prediction: Sequence[Any] | NDArray[Any],
        probabilities: NDArray[np.float64] | None = None,
        classes: Sequence[Any] | NDArray[Any] | None = None,
    ) -> float:
        """The quality on these rows, NaN where it cannot be measured."""
        answers = read_answers(self.kind or "regressor", y, {"": Scored(prediction, probabilities, classes)})[""]
        if isinstance(answers, str) or not len(answers.truth):
            return math.nan
        return self.of(answers)

    def of(self, answers: Answers) -> float:
        """The quality of these answers, NaN where it is undefined or needs something that is not there."""
        if self.needs == "probabilities" and answers.probabilities is None:
            return math.nan
        return float(self.resampled(answers, np.ones((1, len(answers.truth))))[0])


def _classifier(resampled: Callable[[Answers, Counts], Floats], name: str, *, needs: Needs, better: bool) -> Metric:
    highest = math.inf if name == "log_loss" else 2.0 if name == "brier_score" else 1.0
    return Metric(name, "classifier", needs, better, 0.0, highest, resampled)


def _regressor(
    resampled: Callable[[Answers, Counts], Floats],
    name: str,
    *,
    needs: Needs = "values",
    exact: Callable[[Answers, float], Interval] | None = None,
) -> Metric:
    highest, lowest = (1.0, -math.inf) if name == "r2" else (math.inf, 0.0)
    return Metric(name, "regressor", needs, name == "r2", lowest, highest, resampled, exact)


_SHARE = (True, 0.0, 1.0)  # greater is better, from 0 to 1


def _writer(name: str) -> Callable[[Answers, Counts], Floats]:
    """The mean of a score over the rows whose true text is known."""

    def resampled(answers: Answers, counts: Counts) -> Floats:
        if answers.writings is None:
            return np.full(len(counts), np.nan)
        scores = answers.writings.scores(name)
        known = np.isfinite(scores)
        return _ratio(counts @ np.where(known, scores, 0.0), counts @ known.astype(np.float64))

    return resampled


def _written(answers: Answers, counts: Counts) -> Floats:
    """Share of rows with a writing; needs no truth."""
    return _ratio(counts @ answers.predicted, counts.sum(axis=1))


def _mean_cost(answers: Answers, counts: Counts) -> Floats:
    """Mean money lost by acting on the answers."""
    if answers.costs is None:
        return np.full(len(counts), np.nan)
    return _ratio(counts @ answers.costs, counts.sum(axis=1))


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio


_ALL = (
    _classifier(classification.roc_auc, "roc_auc", needs="probabilities", better=True),
    _classifier(classification.average_precision, "average_precision", needs="probabilities", better=True),
    _classifier(classification.log_loss, "log_loss", needs="probabilities", better=False),
    _classifier(classification.brier_score, "brier_score", needs="probabilities", better=False),
    _classifier(expected_calibration_error, "calibration_error", needs="probabilities", better=False),
    _classifier(classification.accuracy, "accuracy", needs="values", better=True),
    _classifier(classification.balanced_accuracy, "balanced_accuracy", needs="values", better=True),
    _classifier(classification.f1_macro, "f1_macro", needs="values", better=True),
    _regressor(regression.mean_absolute_error, "mean_absolute_error"),
    _regressor(regression.median_absolute_error, "median_absolute_error"),
    _regressor(regression.root_mean_squared_error, "root_mean_squared_error"),
    _regressor(regression.wape, "wape"),
    _regressor(regression.bias, "bias"),
    _regressor(regression.r2, "r2"),
    _regressor(regression.mean_scaled_error, "mean_scaled_error", needs="scales"),
    _regressor(regression.pinball_loss, "pinball_loss", needs="quantiles"),
    _regressor(regression.coverage_error, "coverage_error", needs="interval", exact=regression.coverage_interval),
    Metric("mean_cost", None, "costs", greater_is_better=False, lowest=0.0, highest=math.inf, resampled=_mean_cost),
    *(Metric(name, "writer", "texts", *_SHARE, _writer(name)) for name in SCORES),
    Metric("written", "writer", "values", *_SHARE, _written),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Name -> metric."""
