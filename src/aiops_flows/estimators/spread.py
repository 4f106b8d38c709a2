"""A regressor that says how sure it is of each quantity."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted

__all__ = ["RegressorWithSpread"]

Floats = npt.NDArray[np.float64]


class RegressorWithSpread(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """A regressor, and beside it a second one that has learned how far the first is off.

    The second learns from residuals of rows that the first had not seen (cross-fitting; Chernozhukov and others 2018),
    as residuals of rows it has learned from are too small. Its answer, the spread, is the scale of a locally weighted
    conformal score (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, section 5.2). It orders cases by doubt; what
    a confidence of 0.8 is worth, a certificate finds out.
    """

    def __init__(
        self,
        regressor: Any,
        spread: Any = None,
        *,
        relative: bool = False,
        folds: int = 5,
        random_state: int | None = 0,
    ) -> None:
        """Nothing is fitted yet.

        Args:
            regressor: unfitted, with scikit-learn's manners, preprocessing included.
            spread: another such, which learns the distances; by default a copy of ``regressor``.
            relative: distances as a share of the quantity predicted: for a tolerance of so many per cent.
            folds: into how many parts the rows are cut to find residuals of unseen ones.
            random_state: seed of the cut.
        """
        self.regressor = regressor
        self.spread = spread
        self.relative = relative
        self.folds = folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  scikit-learn's signature
        """Learn the quantities from all rows, and the distances from rows that were left out in turn."""
        truth = np.asarray(y, dtype=np.float64)
        parts = KFold(self.folds, shuffle=True, random_state=self.random_state)
        unseen = np.asarray(cross_val_predict(clone(self.regressor), X, truth, cv=parts), dtype=np.float64)
        distances = np.abs(truth - unseen)
        self.typical_ = self._typical(truth)
        if self.relative:
            distances = distances / np.maximum(np.abs(unseen), self.typical_)
        self.regressor_ = clone(self.regressor).fit(X, truth)
        self.spread_ = clone(self.regressor if self.spread is None else self.spread).fit(X, distances)
        self.scale_ = float(np.median(distances)) or 1.0
        self.n_features_in_ = np.shape(X)[1]
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        return self

    @staticmethod
    def _typical(truth: Floats) -> float:
        """A hundredth of the mean size: below it, a share of the quantity says nothing."""
        return float(np.abs(truth).mean()) / 100 or 1.0

    def predict(self, X: Any) -> Floats:  # noqa: N803
        """The quantity of each row."""
        check_is_fitted(self)
        said: Floats = np.asarray(self.regressor_.predict(X), dtype=np.float64)
        return said

    def predict_spread(self, X: Any) -> Floats:  # noqa: N803
        """How far off the quantity of each row is expected to be; as a share of it where ``relative``."""
        check_is_fitted(self)
        spread: Floats = np.maximum(np.asarray(self.spread_.predict(X), dtype=np.float64), 0.0)
        return spread

    def predict_confidence(self, X: Any) -> Floats:  # noqa: N803
        """How sure each quantity is, 0 to 1: 0.5 where it is expected to be as far off as the median row was."""
        confidence: Floats = 1.0 / (1.0 + self.predict_spread(X) / self.scale_)
        return confidence
