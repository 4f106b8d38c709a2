"""Whether a column tells the outcome, as columns do that are filled in when a case is closed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from aiops_flows.starting.columns import Column
from aiops_flows.starting.outcome import Outcome

__all__ = ["numbers_rows", "tells_all"]

_NEARLY_ALL = 0.95
_MOST_ROWS = 2_000
_PARTS = 3
_FEW_VALUES = 20
_FEWEST = 10
_PURE = 0.99
_BY_CHANCE = 1e-9


def tells_all(column: Column, values: Sequence[str], outcomes: Sequence[str], outcome: Outcome) -> bool:
    """Whether a column alone leaves almost nothing of the outcome open.

    Of classes: a small tree on it is right in almost all that the most frequent class is wrong in, on rows left out;
    or one of few values comes with one and the same rare class, as a cause does that is noted after the failure.
    Of a quantity: its ranks go with those of the outcome, at a correlation of 0.95.
    """
    if column.distinct < 2:
        return False
    step = max(1, len(values) // _MOST_ROWS)
    seen, told = _numbers(column, values[::step]), list(outcomes[::step])
    if outcome.kind == "quantity":
        truth = pd.Series(pd.to_numeric(pd.Series(told)))
        return bool(abs(pd.Series(seen).corr(truth, method="spearman")) >= _NEARLY_ALL)
    if column.distinct <= _FEW_VALUES and _one_value_tells(values, outcomes):
        return True
    most = max(told.count(name) for name in set(told)) / len(told)
    rows = seen.reshape(-1, 1)
    tree = DecisionTreeClassifier(max_leaf_nodes=min(32, 4 * len(set(told))), random_state=0)
    with np.errstate(all="ignore"):
        right = float(np.mean(cross_val_score(tree, rows, told, cv=_PARTS, scoring="accuracy")))
    return most < 1 and (right - most) / (1 - most) >= _NEARLY_ALL


def _one_value_tells(values: Sequence[str], outcomes: Sequence[str]) -> bool:
    """Whether a value that is not the usual one has almost only one class, which most rows do not have."""
    table = pd.crosstab(pd.Series(list(values)), pd.Series(list(outcomes)))
    held, base = table.sum(axis=1).to_numpy(), table.sum(axis=0).to_numpy() / len(values)
    which = table.to_numpy().argmax(axis=1)
    pure = table.to_numpy().max(axis=1) >= _PURE * held
    rare = (base[which] < 0.5) & (base[which] ** held < _BY_CHANCE)
    return bool((pure & rare & (held >= _FEWEST) & (held < len(values) / 2)).any())


def numbers_rows(column: Column, values: Sequence[str]) -> bool:
    """Whether a column only counts the rows: whole numbers without a gap, none twice."""
    if column.holds != "whole number" or column.distinct != len(values):
        return False
    numbers = pd.to_numeric(pd.Series(list(values)), errors="coerce")
    return bool(numbers.max() - numbers.min() + 1 == len(values))


def _numbers(column: Column, values: Sequence[str]) -> np.ndarray:
    """The values as numbers: labels by an arbitrary code, what is missing below all."""
    if column.holds == "label":
        return np.asarray(OrdinalEncoder().fit_transform(np.array(values, dtype=object).reshape(-1, 1)))[:, 0]
    return pd.to_numeric(pd.Series(values), errors="coerce").fillna(-1e30).to_numpy(dtype=float)
