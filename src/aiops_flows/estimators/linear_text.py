"""A linear model of hashed words: one support vector machine a class, as arrays."""

from __future__ import annotations

import numpy as np
from sklearn.svm import LinearSVC

from aiops_flows.estimators.hashed_columns import Array, Matrix, Weights

__all__ = ["better_penalty", "linear_scores", "linear_weights"]

_PENALTIES = (0.2, 1.0)  # labels full of contradictions want the first, clean ones the second


def linear_weights(hashed: Matrix, classes: Array, count: int, penalty: float, seed: int) -> Weights:
    """The coefficients and the intercept of each class (Fan et al. 2008); one that these rows lack scores -1."""
    machine = LinearSVC(C=penalty, random_state=seed).fit(hashed, classes)
    coefficients, intercepts = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:
        coefficients, intercepts = np.vstack([-coefficients, coefficients]), np.append(-intercepts, intercepts)
    weights = np.zeros((hashed.shape[1], count), dtype=np.float32)
    base = np.full(count, -1.0)
    weights[:, machine.classes_], base[machine.classes_] = coefficients.T, intercepts
    return {"coefficients": weights, "intercepts": base}


def linear_scores(weights: Weights, hashed: Matrix) -> Array:
    """The distance from the border of each class, positive inside."""
    scores: Array = np.asarray(hashed @ weights["coefficients"], dtype=np.float64) + weights["intercepts"]
    return scores


def better_penalty(learning: tuple[Matrix, Array], held: tuple[Matrix, Array], count: int, seed: int) -> float:
    """The penalty on errors that is right more often on the held rows."""
    rows, classes = held

    def right(penalty: float) -> float:
        weights = linear_weights(*learning, count, penalty, seed)
        return float((linear_scores(weights, rows).argmax(axis=1) == classes).mean())

    return max(_PENALTIES, key=right)
