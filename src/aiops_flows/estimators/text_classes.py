"""What the classifiers of text share: columns, calibration on held-out rows, and an answer for what is out of scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.hashed_columns import (
    Array,
    Block,
    Matrix,
    Weights,
    counted,
    learned_blocks,
    texts_and_labels,
    weighted,
)
from aiops_flows.estimators.linear_text import better_penalty
from aiops_flows.estimators.out_of_scope import Held, Scope, learned_scope, with_out_of_scope

__all__ = ["OUT_OF_SCOPE", "Rows", "TextClassifier"]

OUT_OF_SCOPE = "out of scope"
"""The answer for texts that belong to none of the classes."""

_FEWEST_ROWS = 20


@dataclass(frozen=True)
class Rows:
    """Cases as numbers: hashed columns, which share of the text is new, and the vectors of sentences if there are."""

    hashed: Matrix
    unseen: Array
    vectors: Array

    def __getitem__(self, chosen: Array) -> Rows:
        return Rows(self.hashed[chosen], self.unseen[chosen], self.vectors[chosen])


class TextClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of text; subclasses say how scores are learned (`learned`), given, and what is strange."""

    text: Sequence[str] | None
    out_of_scope: str | None
    accuracy_given_up: float
    penalty: float | None
    min_rows: int
    folds: int
    random_state: int
    plain_signals = 1
    """How many of the signals, the first ones, are relied on where nothing out of scope was learned from."""

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  scikit-learn's name
        """Learn from a frame of cases and their classes.

        Raises:
            TrainingError: there are too few rows, or only one class in scope.
        """
        table = _table(X)
        answers = np.asarray(np.asarray(y).tolist())
        outside = np.zeros(len(answers), bool) if self.out_of_scope is None else answers == self.out_of_scope
        self._refuse_too_little(answers[~outside])
        self.feature_names_in_ = np.asarray(table.columns, dtype=object)
        self.n_features_in_ = table.shape[1]
        rows = self._learn_columns(table)
        inside, codes = np.unique(answers[~outside], return_inverse=True)
        classes = np.full(len(answers), -1)
        classes[~outside] = codes
        self._calibrate(rows, classes, len(inside))
        self.weights_: Weights = self.learned(rows[np.flatnonzero(~outside)], codes, len(inside))
        self.classes_ = inside if self.scope_ is None else np.append(inside, str(self.out_of_scope))
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """The probability of each class, a row a case, in the order of ``classes_``; out of scope is the last."""
        check_is_fitted(self, "weights_")
        rows = self._rows(*self._taken_apart(_table(X)))
        scores = self.scores(self.weights_, rows)
        probabilities: npt.NDArray[np.float64] = softmax(scores / self.temperature_, axis=1)
        if self.scope_ is None:
            return probabilities
        return with_out_of_scope(probabilities, self.signals(self.weights_, rows, scores), self.scope_)

    def predict(self, X: Any) -> Array:  # noqa: N803
        """The most probable class of each case."""
        likely: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return likely

    def learned(self, rows: Rows, classes: Array, count: int) -> Weights:
        """What was learned from these rows, as arrays."""
        raise NotImplementedError

    def scores(self, weights: Weights, rows: Rows) -> Array:
        """A score for each class, a row a case."""
        raise NotImplementedError

    def signals(self, weights: Weights, rows: Rows, scores: Array) -> Array:
        """Numbers that are the higher the stranger a row is."""
        raise NotImplementedError

    def learn_vectors(self, texts: Sequence[str], hashed: Matrix) -> None:
        """Whatever must be known to give vectors; nothing, unless a subclass has some."""

    def vectors(self, texts: Sequence[str], hashed: Matrix) -> Array:  # noqa: ARG002
        """The vectors of texts; none, unless a subclass has some."""
        return np.empty((len(texts), 0))

    def __sklearn_tags__(self) -> Any:
        """Texts, labels and missing values are all welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _refuse_too_little(self, inside: Array) -> None:
        name = type(self).__name__
        if len(inside) < _FEWEST_ROWS:
            raise TrainingError(f"{name} was given {len(inside)} rows in scope; it needs {_FEWEST_ROWS} or more")
        counts = np.unique(inside, return_counts=True)[1]
        if len(counts) < 2 or counts.max() < 2:
            raise TrainingError(
                f"{name} was given {len(counts)} classes in scope, the largest with {counts.max()} rows; it needs two "
                "classes or more, and one with two rows"
            )

    def _learn_columns(self, table: pd.DataFrame) -> Rows:
        self.text_ = [str(name) for name in self.text] if self.text is not None else [str(table.columns[0])]
        texts, counts = self._taken_apart(table)
        self.blocks_: list[Block] = learned_blocks(counts, self.min_rows)
        self.learn_vectors(texts, weighted(counts, self.blocks_)[0])
        rows = self._rows(texts, counts)
        others = weighted(counts, learned_blocks(counts, self.min_rows + 1))[1]
        return replace(rows, unseen=others)  # a row is no witness of its own words

    def _taken_apart(self, table: pd.DataFrame) -> tuple[list[str], list[Matrix]]:
        names = [str(name) for name in self.feature_names_in_]
        if missing := [name for name in names if name not in table.columns]:
            raise ValueError(f"{type(self).__name__} learned from columns that are not there: {missing[:10]}")
        texts, labels = texts_and_labels(table[names], self.text_)
        return texts, counted(texts, labels)

    def _rows(self, texts: list[str], counts: list[Matrix]) -> Rows:
        hashed, unseen = weighted(counts, self.blocks_)
        return Rows(hashed, unseen, self.vectors(texts, hashed))

    def _calibrate(self, rows: Rows, classes: Array, count: int) -> None:
        """Set penalty, temperature and scope by rows that were not learned from, each fold in its turn."""
        fold = _folds(classes, self.folds, self.random_state)
        self.penalty_ = self._penalty(rows, classes, fold, count)
        turns = [self._turn(rows, classes, (fold != number, fold == number), count) for number in range(self.folds)]
        scores, signals, truth = (np.concatenate(parts) for parts in zip(*turns, strict=True))
        known = truth >= 0
        self.temperature_ = _temperature(scores[known], truth[known])
        self.scope_: Scope | None = None
        if self.out_of_scope is not None:
            shares = softmax(scores / self.temperature_, axis=1)
            held = Held(probabilities=shares, signals=signals, plain=self.plain_signals, classes=truth)
            self.scope_ = learned_scope(held, self.accuracy_given_up)

    def _turn(self, rows: Rows, classes: Array, parts: tuple[Array, Array], count: int) -> tuple[Array, Array, Array]:
        """Scores, signals and classes of the rows of one fold, learned from the others."""
        learning, held = np.flatnonzero(parts[0] & (classes >= 0)), np.flatnonzero(parts[1])
        weights = self.learned(rows[learning], classes[learning], count)
        scores = self.scores(weights, rows[held])
        return scores, self.signals(weights, rows[held], scores), classes[held]

    def _penalty(self, rows: Rows, classes: Array, fold: Array, count: int) -> float:
        if self.penalty is not None:
            return self.penalty
        known = classes >= 0
        learning, held = np.flatnonzero(known & (fold != 0)), np.flatnonzero(known & (fold == 0))
        learned = (rows.hashed[learning], classes[learning])
        return better_penalty(learned, (rows.hashed[held], classes[held]), count, self.random_state)


def _table(X: Any) -> pd.DataFrame:  # noqa: N803
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    return table.set_axis([str(name) for name in table.columns], axis=1)


def _folds(classes: Array, folds: int, seed: int) -> Array:
    """The fold of each row, every class dealt out evenly; -1 for the only row of a class, which is always learned."""
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    ordered = shuffled[np.argsort(classes[shuffled], kind="stable")]
    fold = np.empty(len(classes), dtype=np.int64)
    fold[ordered] = np.arange(len(classes)) % folds
    known = classes >= 0
    alone = known & (np.bincount(classes[known])[np.where(known, classes, 0)] < 2)
    return np.where(alone, -1, fold)


def _temperature(scores: Array, classes: Array) -> float:
    """What scores are divided by so that the probabilities fit rows that were not learned from (Guo et al. 2017)."""

    def surprise(logarithm: float) -> float:
        return -float(log_softmax(scores / np.exp(logarithm), axis=1)[np.arange(len(classes)), classes].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-5.0, 3.0), method="bounded").x))
