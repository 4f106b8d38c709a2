"""Whether a column tells the outcome, as columns do that are filled in when a case is closed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from aiops_flows.starting.columns import Column
from aiops_flows.starting.outcome import Outcome

__all__ = ["names_outcome", "numbers_rows", "tells_all"]

_NEARLY_ALL = 0.95
_MOST_ROWS = 2_000
_PARTS = 3
_FEW_VALUES = 20
_FEWEST = 10
_PURE = 0.99
_BY_CHANCE = 1e-9
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d[\d.,]*")


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


def names_outcome(texts: Sequence[str], told: Sequence[str], outcome: Outcome) -> float:
    """The share of texts in which their own outcome stands word for word; 0 where chance explains half of it.

    Chance is what they name of outcomes that are dealt out anew; an amount stands in a text as a number.
    """
    some = [(text, name) for text, name in zip(texts, told, strict=True) if text]
    if outcome.kind == "quantity":
        some = [(text, name) for text, name in some if float(name)]  # a 0 stands for nothing that was paid
        held, names = [_amounts(text) for text, _ in some], [float(name) for _, name in some]
        return _beyond_chance(held, names)
    return _beyond_chance([_plain(text) for text, _ in some], [_plain(name) for _, name in some])


def _beyond_chance(held: Sequence[Any], names: Sequence[Any]) -> float:
    """In which share a row's name is held, where that is more than if the names were dealt out anew."""
    if not names:
        return 0.0
    others = np.random.default_rng(0).permutation(len(names))
    own = np.mean([name in each for each, name in zip(held, names, strict=True)])
    chance = np.mean([names[other] in each for each, other in zip(held, others, strict=True)])
    explained = chance == 1 or (own - chance) / (1 - chance) < own / 2
    return 0.0 if explained else float(own)


def _plain(text: str) -> str:
    """Words in lower case between single blanks, so that one stands in another only as whole words."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _amounts(text: str) -> set[float]:
    """The numbers of a text, with a point or a comma before the decimals."""
    found = set()
    for number in _NUMBER.findall(text):
        for written in (number.replace(",", ""), number.replace(".", "").replace(",", ".")):
            try:
                found.add(float(written.rstrip(".")))
            except ValueError:
                continue
    return found
