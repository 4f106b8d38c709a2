"""Classes of texts from hashed words: fast to learn, fast to answer, without torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aiops_flows.estimators.hashed_columns import Array, Weights
from aiops_flows.estimators.linear_text import linear_scores, linear_weights
from aiops_flows.estimators.text_classes import OUT_OF_SCOPE, Rows, TextClassifier

__all__ = ["SparseTextClassifier"]


class SparseTextClassifier(TextClassifier):
    """Classes of texts from hashed words and parts of words, with calibrated probabilities; a linear model.

    The first column of the frame is the text (or those named in ``text``); others are taken as labels. One linear
    support vector machine a class gives the scores; ``penalty`` (of errors) is chosen on held rows unless it is given.
    Rows held out in ``folds`` turns calibrate the scores, and say where scope ends: the answer ``out_of_scope`` may
    cost ``accuracy_given_up`` of the accuracy in scope. It is learned from rows with that label where there are 20 or
    more, else from distance alone; None leaves it out. What was fitted is arrays and plain values, no words.
    """

    def __init__(  # noqa: PLR0917  the settings of an estimator
        self,
        text: Sequence[str] | None = None,
        out_of_scope: str | None = OUT_OF_SCOPE,
        accuracy_given_up: float = 0.01,
        penalty: float | None = None,
        min_rows: int = 2,
        folds: int = 3,
        random_state: int = 0,
    ) -> None:
        self.text = text
        self.out_of_scope = out_of_scope
        self.accuracy_given_up = accuracy_given_up
        self.penalty = penalty
        self.min_rows = min_rows
        self.folds = folds
        self.random_state = random_state

    def learned(self, rows: Rows, classes: Array, count: int) -> Weights:
        """One column of coefficients a class; a class that these rows lack scores lowest."""
        return linear_weights(rows.hashed, classes, count, self.penalty_, self.random_state)

    def scores(self, weights: Weights, rows: Rows) -> Array:
        """The distance from the border of each class, positive inside."""
        return linear_scores(weights, rows.hashed)

    def signals(self, weights: Weights, rows: Rows, scores: Array) -> Array:  # noqa: ARG002
        """How far outside the best class a row lies, and which share of its words and of their parts is new."""
        return np.column_stack([-scores.max(axis=1), rows.unseen[:, :2]])
