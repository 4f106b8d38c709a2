"""The class that a fitted classifier answers with, beside the probability of every class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["NO_CLASS", "ClassAnswers", "answers_by_probability", "with_answers"]

NO_CLASS = -1
"""The place of an answer that is none of the estimator's classes."""

Floats = NDArray[np.float64]

_BY_PROBABILITY = frozenset(
    {
        "aiops_flows.SparseTextClassifier",
        "aiops_flows.TorchTabularClassifier",
        "aiops_flows.TorchTextClassifier",
        "sklearn.BaggingClassifier",
        "sklearn.CalibratedClassifierCV",
        "sklearn.DecisionTreeClassifier",
        "sklearn.ExtraTreeClassifier",
        "sklearn.ExtraTreesClassifier",
        "sklearn.HistGradientBoostingClassifier",
        "sklearn.LogisticRegression",
        "sklearn.LogisticRegressionCV",
        "sklearn.MLPClassifier",
        "sklearn.RandomForestClassifier",
    }
)
"""Classifiers whose ``predict`` is the most probable class of ``predict_proba``, by package and exact class."""

_ASKS_ANOTHER = {
    "sklearn.FrozenEstimator": "estimator",
    "sklearn.GridSearchCV": "best_estimator_",
    "sklearn.RandomizedSearchCV": "best_estimator_",
}
"""Classifiers that pass both questions on, with the attribute that holds the one they ask."""


@dataclass(frozen=True)
class ClassAnswers:
    """How a fitted classifier is asked for its own decision together with its probabilities.

    The answer is what ``predict`` gives, which need not be the most probable class: an estimator may apply a threshold
    of its own, weigh costs, or decide by something else than its probabilities.
    """

    estimator: Any
    classes: list[str]
    """The classes as text, in the order of the probabilities."""

    @classmethod
    def of(cls, estimator: Any) -> ClassAnswers:
        """A fitted classifier, or a Pipeline that ends in one."""
        return cls(estimator, [str(name) for name in estimator.classes_])

    @property
    def width(self) -> int:
        """Numbers a row that `ask` gives: the place of the answer, and a probability for each class."""
        return 1 + len(self.classes)

    def ask(self, features: pd.DataFrame) -> Floats:
        """The place of the answer among the classes (`NO_CLASS` where it is none of them), then the probabilities."""
        answers, probabilities = _ask(self.estimator, features)
        shares = np.asarray(probabilities, np.float64).reshape(len(features), len(self.classes))
        places = shares.argmax(axis=1) if answers is None else self._places(answers, len(features))
        return np.column_stack([places, shares])

    def read(self, numbers: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Places of the answers, probabilities, and the confidence: the probability of the class that was answered."""
        places, shares = numbers[:, 0].astype(np.int64), numbers[:, 1:]
        return places, shares, shares[np.arange(len(places)), places]

    def named(self, places: NDArray[np.int64]) -> NDArray[np.object_]:
        """The classes at these places."""
        return np.array(self.classes, dtype=object)[places]

    def _places(self, answers: Any, rows: int) -> NDArray[np.int64]:
        texts = [str(answer) for answer in np.asarray(answers).reshape(rows).tolist()]
        places: NDArray[np.int64] = pd.Index(self.classes).get_indexer(pd.Index(texts, dtype=object))
        return places


def answers_by_probability(estimator: Any) -> bool:
    """Whether ``predict`` is certain to be the most probable class, so that asking for it would add nothing.

    Only exact classes that are listed count: a subclass may decide otherwise.
    """
    if not hasattr(estimator, "predict"):
        return True
    name = _name(estimator)
    if name == "sklearn.Pipeline":
        return answers_by_probability(estimator.steps[-1][1])
    if name in _ASKS_ANOTHER:
        return answers_by_probability(getattr(estimator, _ASKS_ANOTHER[name]))
    if name == "sklearn.VotingClassifier":
        return bool(estimator.voting == "soft")
    return name in _BY_PROBABILITY


def with_answers(best: NDArray[np.int64], places: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """The most probable classes of each row (rows by places), the last one replaced where the answer is not among them.

    Args:
        best: places of classes, the most probable first.
        places: the place of the answer, one a row.
    """
    answers = np.asarray(places, np.int64)
    absent = ~(best == answers[:, None]).any(axis=1)
    shown = best.copy()
    shown[absent, -1] = answers[absent]
    return shown


def _ask(estimator: Any, features: Any) -> tuple[Any, Any]:
    """What ``predict`` gives (None where it is the most probable class) and what ``predict_proba`` gives."""
    if answers_by_probability(estimator):
        return None, estimator.predict_proba(features)
    if _name(estimator) == "sklearn.Pipeline":  # the steps before the last are the expensive ones: they run once
        return _ask(estimator.steps[-1][1], _transformed(estimator, features))
    return estimator.predict(features), estimator.predict_proba(features)


def _transformed(pipeline: Any, features: Any) -> Any:
    seen = features
    for _, step in pipeline.steps[:-1]:
        seen = seen if step is None or isinstance(step, str) else step.transform(seen)
    return seen


def _name(estimator: Any) -> str:
    """The package and class of an estimator: ``sklearn.Pipeline``."""
    kind = type(estimator)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
