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
from aiops_flows.evidence.writing import SCORES

__all__ = ["METRICS", "Metric"]

Needs = Literal["values", "probabilities", "texts"]
"""What a quality reads: the answers alone, their probabilities, or true texts beside them (some may be unknown)."""


@dataclass(frozen=True)
class Metric:
    """One quality of a model's answers."""

    name: str
    kind: Kind
    needs: Needs
    greater_is_better: bool
    lowest: float
    highest: float
    resampled: Callable[[Answers, Counts], Floats]
    """One number a resample of the rows, NaN where it is undefined."""

    def function(
        self,
        y: Sequence[Any] | NDArray[Any],
        prediction: Sequence[Any] | NDArray[Any],
        probabilities: NDArray[np.float64] | None = None,
        classes: Sequence[Any] | NDArray[Any] | None = None,
    ) -> float:
        """The quality on these rows, NaN where it cannot be measured."""
        answers = read_answers(self.kind, y, {"": Scored(prediction, probabilities, classes)})[""]
        if isinstance(answers, str) or not len(answers.truth):
            return math.nan
        return self.of(answers)

    def of(self, answers: Answers) -> float:
        """The quality of these answers, NaN where it is undefined or needs probabilities that are not there."""
        if self.needs == "probabilities" and answers.probabilities is None:
            return math.nan
        return float(self.resampled(answers, np.ones((1, len(answers.truth))))[0])


def _classifier(resampled: Callable[[Answers, Counts], Floats], name: str, *, needs: Needs, better: bool) -> Metric:
    highest = math.inf if name == "log_loss" else 2.0 if name == "brier_score" else 1.0
    return Metric(name, "classifier", needs, better, 0.0, highest, resampled)


def _regressor(resampled: Callable[[Answers, Counts], Floats], name: str) -> Metric:
    highest, lowest = (1.0, -math.inf) if name == "r2" else (math.inf, 0.0)
    return Metric(name, "regressor", "values", name == "r2", lowest, highest, resampled)


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
    *(Metric(name, "writer", "texts", *_SHARE, _writer(name)) for name in SCORES),
    Metric("written", "writer", "values", *_SHARE, _written),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Name -> metric."""
