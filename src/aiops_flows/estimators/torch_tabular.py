"""One small network for tables of numbers, moments and labels, with scikit-learn's manners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.mixed_columns import encoded, learned_columns
from aiops_flows.estimators.network import Array, Plan, Rows, Weights, answered, inner_split, trained

__all__ = ["TorchTabularClassifier", "TorchTabularRegressor"]

_FEWEST_ROWS = 20


class _TorchTabular(BaseEstimator):
    """What the classifier and the regressor share: the columns, and the network's settings."""

    def __init__(  # noqa: PLR0917  the settings of a network
        self,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.1,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 512,
        max_epochs: int = 100,
        patience: int = 8,
        random_state: int = 0,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Missing values, numbers and labels are all welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _learn(self, X: Any, target: Array, outputs: int) -> Array:  # noqa: N803  scikit-learn's name
        """Learn columns and weights; the raw outputs for the inner rows, which the weights were not fitted to."""
        table = _table(X)
        if len(table) < _FEWEST_ROWS:
            raise TrainingError(f"{type(self).__name__} was given {len(table)} rows; it needs {_FEWEST_ROWS} or more")
        self.feature_names_in_ = np.asarray(table.columns, dtype=object)
        self.n_features_in_ = table.shape[1]
        self.columns_ = learned_columns(table)
        numbers, codes = encoded(table, self.columns_)
        sizes = [len(column["labels"]) for column in self.columns_ if column["labels"] is not None]
        self.weights_: Weights = trained(Rows(numbers, codes, sizes, target, outputs), self._plan())
        _, inner = inner_split(target, self.random_state)
        return answered(self.weights_, numbers[inner], codes[inner])

    def _answers(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "weights_")
        table = _table(X)
        if not isinstance(X, pd.DataFrame):
            table.columns = pd.Index(self.feature_names_in_[: table.shape[1]])
        if missing := [name for name in self.feature_names_in_ if name not in table.columns]:
            raise ValueError(f"{type(self).__name__} learned from columns that are not there: {missing[:10]}")
        return answered(self.weights_, *encoded(table[list(self.feature_names_in_)], self.columns_))

    def _plan(self) -> Plan:
        return Plan(
            tuple(self.hidden),
            self.dropout,
            self.learning_rate,
            self.weight_decay,
            self.batch_size,
            self.max_epochs,
            self.patience,
            self.random_state,
        )


class TorchTabularClassifier(ClassifierMixin, _TorchTabular):
    """Classes of cases from mixed columns, with calibrated probabilities; rare, new and missing labels are allowed.

    A fifth of the rows is kept back inside `fit`: it says when to stop, and sets the temperature that calibrates the
    probabilities (Guo et al. 2017). What was fitted is arrays and plain values; torch is imported by `fit` only.
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  scikit-learn's name
        """Learn from a frame of cases and their classes.

        Raises:
            TrainingError: there are too few rows, or only one class.
        """
        self.classes_, target = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:
            raise TrainingError(f"TorchTabularClassifier was given one class only: {self.classes_.tolist()}")
        said = self._learn(X, target, len(self.classes_))
        self.temperature_ = _temperature(said, target[inner_split(target, self.random_state)[1]])
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """The probability of each class, a row a case, in the order of ``classes_``."""
        probabilities: npt.NDArray[np.float64] = softmax(self._answers(X) / self.temperature_, axis=1)
        return probabilities

    def predict(self, X: Any) -> Array:  # noqa: N803
        """The most probable class of each case."""
        likely: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return likely


class TorchTabularRegressor(RegressorMixin, _TorchTabular):
    """Quantities of cases (their mean) from mixed columns; rare, new and missing labels are allowed.

    A fifth of the rows is kept back inside `fit` and says when to stop. Quantities with a long tail are better learned
    through scikit-learn's ``TransformedTargetRegressor``.
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from a frame of cases and their quantities.

        Raises:
            TrainingError: there are too few rows.
        """
        quantities = np.asarray(y, dtype=np.float64)
        self.mean_ = float(quantities.mean())
        self.deviation_ = float(quantities.std()) or 1.0
        self._learn(X, (quantities - self.mean_) / self.deviation_, 1)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """The expected quantity of each case."""
        expected: npt.NDArray[np.float64] = self._answers(X)[:, 0] * self.deviation_ + self.mean_
        return expected


def _table(X: Any) -> pd.DataFrame:  # noqa: N803
    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))


def _temperature(said: Array, classes: Array) -> float:
    """What the outputs are divided by so that the probabilities fit rows that were not learned from."""

    def surprise(logarithm: float) -> float:
        return -float(log_softmax(said / np.exp(logarithm), axis=1)[np.arange(len(classes)), classes].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-2.0, 2.0), method="bounded").x))
