"""P20 where the version learns from all labels: how often what was certified by cross-fitting is broken by the refit.

Labels are drawn from a larger table. Each fold is answered by a model of the other folds; half of these answers
certify, as the library does it. What is decided with the threshold is what a model of all labels answers to the other
rows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.promises import Row, Table, figure
from benchmarks.promises.certificates import LEVEL, Draw, World, rows_of

__all__ = ["PROMISES", "Labels", "labels", "table"]

PROMISES = ("P20",)
_FOLDS = 5
_OTHERS = 10_000
_ACCURACY_DRAWS = 20
_FOREST_DRAWS = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """A table from which labelled rows are drawn, and what learns from them."""

    name: str
    drawn: int
    max_error: float
    estimator: Any
    read: Callable[[], tuple[Any, NDArray[np.int64]]]
    """The features and classes of the whole table."""

    @cached_property
    def rows(self) -> tuple[Any, NDArray[np.int64]]:
        """Read once."""
        return self.read()

    @property
    def world(self) -> World:
        """As the tables of P20 take it."""
        return World(f"{self.name}, limit {self.max_error:.0%}", self.max_error, self.draw)

    def draw(self, random: np.random.Generator) -> Draw:
        """Cross-fitted answers to the half that certifies, and the truth about the version that learned from all."""
        features, classes = self.rows
        drawn, others = self._drawn(random)
        sure, wrong = self._cross_fitted(features[drawn], classes[drawn], random.integers(0, _FOLDS, len(drawn)))
        certify = random.random(len(drawn)) < 1 / 2
        now, errors = _answers(clone(self.estimator).fit(features[drawn], classes[drawn]), features[others])
        errors = (errors != classes[others]).astype(np.float64)
        order = np.argsort(-now, kind="stable")
        shares = np.cumsum(errors[order]) / np.arange(1, len(order) + 1)

        def true_above(threshold: float) -> float:
            place = int(np.searchsorted(-now[order], -threshold, side="right"))
            return float(shares[place - 1]) if place else 0.0

        kept = np.flatnonzero(shares <= self.max_error)
        return sure[certify], wrong[certify], true_above, (kept[-1] + 1) / len(order) if len(kept) else 0.0

    def accuracy(self, draws: int, seed: int) -> Iterator[float]:
        """Share of right answers to other rows: of a model of all drawn labels, and of one of 70 % of them."""
        features, classes = self.rows
        found = np.zeros(2)
        for draw in range(draws):
            random = np.random.default_rng((seed, draw))
            drawn, others = self._drawn(random)
            held_out = random.random(len(drawn)) < 0.7
            for place, rows in enumerate((drawn, drawn[held_out])):
                model = clone(self.estimator).fit(features[rows], classes[rows])
                found[place] += (_answers(model, features[others])[1] == classes[others]).mean()
        yield from (found / draws).tolist()

    def _drawn(self, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = random.permutation(len(self.rows[1]))
        return order[: self.drawn], order[self.drawn : self.drawn + _OTHERS]

    def _cross_fitted(
        self, features: Any, classes: NDArray[np.int64], folds: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        sure, wrong = np.empty(len(classes)), np.empty(len(classes))
        for fold in range(_FOLDS):
            out = folds == fold
            model = clone(self.estimator).fit(features[~out], classes[~out])
            sure[out], said = _answers(model, features[out])
            wrong[out] = said != classes[out]
        return sure, wrong


def _answers(model: Any, features: Any) -> tuple[Floats, NDArray[np.int64]]:
    shares = model.predict_proba(features)
    return shares.max(axis=1), model.classes_[shares.argmax(axis=1)]


def table(draws: int, seed: int) -> Table:
    """Violations and coverage of versions that learned from all labels, and what the labels are worth."""
    given = labels()
    rows: list[Row] = []
    for each in given:
        forest = isinstance(each.estimator, RandomForestClassifier)
        rows += rows_of(each.world, min(draws, _FOREST_DRAWS) if forest else draws, seed)
        many = min(draws, _ACCURACY_DRAWS)
        rows.append(figure(f"{each.name}: right answers (naive: of 70 %)", many, *each.accuracy(many, seed)))
    left_out = [] if len(given) > len(_made()) else ["77 intents: their file is not there (AIOPS_SHARED_DATA)"]
    return Table(
        "P20",
        f"what is certified at {LEVEL:.0%} by cross-fitting is broken by the refit in at most {1 - LEVEL:.0%} of draws",
        "the lowest threshold above which the cross-fitted answers keep to the limit",
        rows,
        left_out,
    )


def labels() -> list[Labels]:
    """Tables as large as published ones: 1,900 rows of 27 numbers and 7 classes; 8,000 questions of 77 intents."""
    file = Path(os.environ.get("AIOPS_SHARED_DATA", ""), "clinc150", "data_full.json")
    made = _made()
    if os.environ.get("AIOPS_SHARED_DATA") and file.is_file():
        made.append(Labels("77 intents, naive Bayes", 8_000, 0.05, MultinomialNB(alpha=0.1), lambda: _intents(file)))
    return made


def _made() -> list[Labels]:
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    return [
        Labels("1,900 rows, nearest neighbours", 1_900, 0.10, KNeighborsClassifier(7), _plates),
        Labels("1,900 rows, logistic regression", 1_900, 0.10, linear, _plates),
        Labels(
            "1,900 rows, forest", 1_900, 0.10, RandomForestClassifier(30, min_samples_leaf=2, random_state=0), _plates
        ),
    ]


def _plates() -> tuple[Any, NDArray[np.int64]]:
    """Seven classes, the rarest of 4 %, that overlap: a model of 1,900 rows is right in about four of five."""
    features, classes = make_classification(
        30_000,
        27,
        n_informative=12,
        n_redundant=8,
        n_classes=7,
        n_clusters_per_class=2,
        weights=[0.35, 0.2, 0.18, 0.1, 0.08, 0.05, 0.04],
        class_sep=1.8,
        flip_y=0.03,
        random_state=1,
    )
    return features.astype(np.float32), classes


def _intents(file: Path) -> tuple[Any, NDArray[np.int64]]:
    """The questions of the first 77 intents by name, as counts of words and pairs of words."""
    read = json.loads(file.read_text())
    rows = [row for part in ("train", "val", "test") for row in read[part]]
    names = sorted({intent for _, intent in rows})[:77]
    place = {name: code for code, name in enumerate(names)}
    chosen = [(text, place[intent]) for text, intent in rows if intent in place]
    words = HashingVectorizer(n_features=2**14, ngram_range=(1, 2), alternate_sign=False)
    return words.transform([text for text, _ in chosen]), np.array([code for _, code in chosen])
