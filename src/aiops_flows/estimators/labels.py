"""Labels as numbers: fast codes for columns with many rows and few values, and lists of labels taken apart."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

__all__ = ["LabelCodes", "LabelParts"]


class LabelCodes(TransformerMixin, BaseEstimator):
    """Each label as a whole number, the commonest first; labels seen in fewer than ``min_rows`` rows share the last.

    What scikit-learn's OrdinalEncoder gives with ``min_frequency`` and unknown values, at a tenth of its cost for
    columns of text, since each distinct label is looked up once per batch. A label never seen in training gets the
    number of the rare ones; a missing one is NaN, which histogram boosting takes as a value of its own.
    """

    def __init__(self, min_rows: int = 20, most: int = 250) -> None:
        self.min_rows = min_rows
        self.most = most

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Learn the labels of each column."""
        self.feature_names_in_ = np.asarray(list(X), dtype=object)
        self.n_features_in_ = X.shape[1]
        self.labels_ = [_common(X[name].dropna().tolist(), self.min_rows, self.most) for name in X]
        return self

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:  # noqa: N803
        """One column of codes for each column of labels."""
        columns = [_codes(X.iloc[:, place], labels) for place, labels in enumerate(self.labels_)]
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """The names of the columns that came in."""
        return self.feature_names_in_


class LabelParts(TransformerMixin, BaseEstimator):
    """How often each common label is named in a list of labels such as ``"Cameras; Clothing; Cameras"``.

    The last column counts all parts, the rare and new ones too; it is 0, like the others, where nothing was given.
    """

    def __init__(self, separator: str = ";", min_rows: int = 50) -> None:
        self.separator = separator
        self.min_rows = min_rows

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Learn which labels are common, in the one column given."""
        self.feature_names_in_ = np.asarray(list(X), dtype=object)
        self.n_features_in_ = X.shape[1]
        parts = [part for text in X.iloc[:, 0].dropna().tolist() for part in set(self._split(text))]
        self.labels_ = sorted(_common(parts, self.min_rows, len(parts)))
        return self

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:  # noqa: N803
        """One column of counts for each common label, and one of all."""
        places, texts = pd.factorize(X.iloc[:, 0].astype(object))
        table = np.zeros((len(texts) + 1, len(self.labels_) + 1))
        column = {label: place for place, label in enumerate(self.labels_)}
        for row, text in enumerate(texts.tolist()):
            parts = self._split(text)
            table[row, -1] = len(parts)
            for part in parts:
                if part in column:
                    table[row, column[part]] += 1
        counts: npt.NDArray[np.float64] = table[places]  # a missing text has the place -1: the last row, all zeros
        return counts

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """``column_label`` for each, and ``column_count``."""
        name = self.feature_names_in_[0]
        return np.asarray([*(f"{name}_{label}" for label in self.labels_), f"{name}_count"], dtype=object)

    def _split(self, text: Any) -> list[str]:
        return [part for part in (piece.strip() for piece in str(text).split(self.separator)) if part]


def _common(labels: list[Any], min_rows: int, most: int) -> list[str]:
    """The labels that occur in so many rows, the commonest first, equal ones by name."""
    counted = sorted(Counter(map(str, labels)).items(), key=lambda item: (-item[1], item[0]))
    return [label for label, rows in counted[:most] if rows >= min_rows]


def _codes(column: pd.Series[Any], labels: list[str]) -> npt.NDArray[np.float64]:
    code = {label: float(place) for place, label in enumerate(labels)}
    places, values = pd.factorize(column.astype(object))
    table = np.asarray([*(code.get(str(value), float(len(labels))) for value in values.tolist()), np.nan])
    codes: npt.NDArray[np.float64] = table[places]
    return codes
