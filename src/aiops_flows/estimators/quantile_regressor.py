"""Quantiles of a quantity around the answer of any regressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted

from aiops_flows.errors import TrainingError

__all__ = ["QuantileRegressor"]

Floats = npt.NDArray[np.float64]


class QuantileRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """A regressor whose answers come with quantiles, read from how far off it was where it said alike.

    Every training row is answered by a copy that has not learned from it (cross-fitting). The rows are put in bins by
    that answer, and of each bin the distances to the truth are kept as quantiles, with the correction that makes them
    conformal (Vovk, Gammerman and Shafer 2005; bins: Bostroem and Johansson 2020, "Mondrian conformal regressors").
    Between the middles of two bins the distances are interpolated. Of new rows like the training rows, a share of at
    least about ``level`` lies below the quantile of that level, among those with a like answer too.
    """

    def __init__(
        self,
        regressor: Any,
        quantiles: Sequence[float] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95),
        *,
        groups: str | None = None,
        lowest: float = -np.inf,
        highest: float = np.inf,
        bins: int = 20,
        fewest: int = 50,
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        """Nothing is fitted yet.

        Args:
            regressor: unfitted, with scikit-learn's manners, preprocessing included.
            quantiles: the levels, each between 0 and 1.
            groups: a column whose rows of one value (a machine, a customer) are left out together; the regressor does
                not see it. Without it, rows of a machine that the copy has seen would make it look too sure.
            lowest: no quantity is below; an answer that is, is set to it.
            highest: no quantity is above.
            bins: into how many bins of equal size the answers are put, at most.
            fewest: rows in a bin, at least.
            folds: into how many parts the rows are cut.
            random_state: seed of the cut.
        """
        self.regressor = regressor
        self.quantiles = quantiles
        self.groups = groups
        self.lowest = lowest
        self.highest = highest
        self.bins = bins
        self.fewest = fewest
        self.folds = folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  scikit-learn's signature
        """Learn the answers from all rows, and the distances from rows that were left out in turn.

        Raises:
            TrainingError: a level is not between 0 and 1, or there are fewer rows or groups than parts.
        """
        levels = sorted({float(level) for level in self.quantiles})
        if not levels or not 0 < levels[0] <= levels[-1] < 1:
            raise TrainingError(f"quantiles of {list(self.quantiles)}; give levels strictly between 0 and 1")
        truth = np.asarray(y, dtype=np.float64)
        self.quantiles_ = np.asarray(levels)
        self.n_features_in_ = np.shape(X)[1]
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        unseen = self._within(self._left_out(X, truth))
        self.middles_, self.distances_ = self._distances(unseen, truth - unseen)
        self.regressor_ = clone(self.regressor).fit(self._seen(X), truth)
        return self

    def _left_out(self, X: Any, truth: Floats) -> Floats:  # noqa: N803
        groups = None if self.groups is None else pd.factorize(X[self.groups])[0]
        apart = len(truth) if groups is None else len(np.unique(groups))
        if apart < self.folds:
            what = "rows" if self.groups is None else f"values of {self.groups}"
            raise TrainingError(f"QuantileRegressor was given {apart} {what} for {self.folds} parts; give more")
        kind = KFold if groups is None else GroupKFold
        parts = kind(self.folds, shuffle=True, random_state=self.random_state)
        copy = clone(self.regressor)
        return np.asarray(cross_val_predict(copy, self._seen(X), truth, cv=parts, groups=groups), dtype=np.float64)

    def _distances(self, said: Floats, distances: Floats) -> tuple[Floats, Floats]:
        """The middle answer of each bin, and the quantiles of its distances: bins by levels."""
        count = max(1, min(self.bins, len(said) // self.fewest))
        parts = np.array_split(np.argsort(said, kind="stable"), count)
        middles = np.asarray([np.median(said[part]) for part in parts])
        found = np.stack([_conformal(distances[part], self.quantiles_) for part in parts])
        middles, which = np.unique(middles, return_inverse=True)  # many answers may be alike, at a limit above all
        together = [np.concatenate([parts[at] for at in np.flatnonzero(which == at_)]) for at_ in range(len(middles))]
        if len(together) < len(parts):
            found = np.stack([_conformal(distances[part], self.quantiles_) for part in together])
        return middles, found

    def predict(self, X: Any) -> Floats:  # noqa: N803
        """The expected quantity of each row."""
        check_is_fitted(self)
        return self._within(np.asarray(self.regressor_.predict(self._seen(X)), dtype=np.float64))

    def predict_quantiles(self, X: Any) -> Floats:  # noqa: N803
        """The quantiles of each row, ascending along ``quantiles_``."""
        said = self.predict(X)
        distances = [np.interp(said, self.middles_, of_level) for of_level in self.distances_.T]
        return self._within(said[:, None] + np.column_stack(distances))

    def _within(self, quantities: Floats) -> Floats:
        limited: Floats = np.clip(quantities, self.lowest, self.highest)
        return limited

    def _seen(self, X: Any) -> Any:  # noqa: N803
        return X if self.groups is None else X.drop(columns=[self.groups])


def _conformal(distances: Floats, levels: Floats) -> Floats:
    """The quantiles of distances, each a little further out, so that a new one stays within as often as promised."""
    ordered, rows = np.sort(distances), len(distances)
    upper = np.clip(np.ceil((rows + 1) * levels), 1, rows).astype(int) - 1
    lower = np.clip(np.floor((rows + 1) * levels), 1, rows).astype(int) - 1
    found: Floats = np.where(levels > 0.5, ordered[upper], np.where(levels < 0.5, ordered[lower], np.median(ordered)))
    return found
