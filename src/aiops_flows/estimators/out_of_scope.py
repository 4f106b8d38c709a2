"""What lies out of scope: a text that belongs to none of the classes gets an answer of its own."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

__all__ = ["Held", "Scope", "learned_scope", "with_out_of_scope"]

Array = npt.NDArray[Any]

_FEWEST = 20  # rows out of scope below which their signals are not weighed by what they show
_AT_THRESHOLD_IN_SCOPE = 1 - 1e-9  # a row that lies exactly on it keeps its class, whatever is rounded
_STEEPEST, _FLATTEST = 8.0, 0.5  # how fast doubt grows, in standard deviations of strangeness


class Scope(TypedDict):
    """What was learned of what lies out of scope: plain numbers."""

    weights: npt.NDArray[np.float64]
    """What each signal adds to strangeness."""
    threshold: float
    """The strangeness beyond which a row is out of scope."""
    steepness: float


class Held(TypedDict):
    """Rows that the scores were not learned from."""

    probabilities: Array
    """Of each class in scope, a row a case."""
    signals: Array
    """The stranger a row, the higher each of them."""
    plain: int
    """How many of them, the first ones, are relied on where no rows out of scope weigh them."""
    classes: Array
    """The true class as a number; -1 for rows out of scope."""


def learned_scope(held: Held, accuracy_given_up: float) -> Scope:
    """Where scope ends: so that on these rows the accuracy in scope falls by ``accuracy_given_up`` and no more.

    Signals are weighed by logistic regression where there are enough rows out of scope; else the plain ones count
    equally, each in units of its spread in scope.
    """
    outside = held["classes"] < 0
    weights = _weights(held["signals"], outside, held["plain"])
    strangeness = held["signals"] @ weights
    right = ~outside & (held["probabilities"].argmax(axis=1) == held["classes"])
    kept = max(1 - accuracy_given_up * (~outside).sum() / max(right.sum(), 1), 0.0)
    threshold = float(np.quantile(strangeness[right if right.any() else ~outside], kept, method="higher"))
    spread = float(strangeness[~outside].std()) or 1.0
    scope = Scope(weights=weights, threshold=threshold, steepness=1.0 / spread)
    return Scope(weights=weights, threshold=threshold, steepness=_steepness(held, scope, spread))


def with_out_of_scope(probabilities: Array, signals: Array, scope: Scope) -> Array:
    """The probabilities with one more column, of being out of scope; it is the largest beyond the threshold only.

    The odds of being out of scope are the largest probability in scope times exp(steepness · (strangeness -
    threshold)): equal to it at the threshold, however sure the classes are.
    """
    distance = scope["steepness"] * (signals @ scope["weights"] - scope["threshold"])
    odds = probabilities.max(axis=1) * np.exp(np.clip(distance, -50.0, 50.0)) * _AT_THRESHOLD_IN_SCOPE
    share = odds / (1 + odds)
    return np.column_stack([probabilities * (1 - share)[:, None], share])


def _weights(signals: Array, outside: Array, plain: int) -> npt.NDArray[np.float64]:
    spread = signals[~outside].std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    if outside.sum() < _FEWEST:
        return np.where((spread > 0) & (np.arange(len(scale)) < plain), 1 / scale, 0.0)
    model = LogisticRegression(C=0.3, class_weight="balanced").fit(signals / scale, outside)
    weights: npt.NDArray[np.float64] = model.coef_[0] / scale
    return weights


def _steepness(held: Held, scope: Scope, spread: float) -> float:
    """How fast doubt grows beyond the threshold, so that all probabilities together fit these rows best."""
    rows = np.arange(len(held["classes"]))
    answers = np.where(held["classes"] < 0, held["probabilities"].shape[1], held["classes"])

    def surprise(logarithm: float) -> float:
        tried = Scope(weights=scope["weights"], threshold=scope["threshold"], steepness=np.exp(logarithm) / spread)
        said = with_out_of_scope(held["probabilities"], held["signals"], tried)[rows, answers]
        return -float(np.log(np.maximum(said, 1e-12)).mean())

    bounds = (np.log(_FLATTEST), np.log(_STEEPEST))
    return float(np.exp(minimize_scalar(surprise, bounds=bounds, method="bounded").x)) / spread
