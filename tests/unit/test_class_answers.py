"""The answer is what the estimator decides, and the confidence is the probability of that answer."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from aiops_flows.errors import TrainingError
from aiops_flows.steps.class_answers import ClassAnswers, answers_by_probability
from aiops_flows.steps.explaining import _likeliest
from aiops_flows.steps.fitting import scored
from aiops_flows.steps.inference import answer
from aiops_flows.use_case import ModelSpec

COLUMNS = ["a", "b", "c", "d"]


def spec_of(estimator: Any) -> ModelSpec:
    return ModelSpec("things-kind", COLUMNS, "kind", estimator)


def table(classes: int, rows: int = 400) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    features, codes = make_classification(
        rows, 4, n_informative=4, n_redundant=0, n_classes=classes, n_clusters_per_class=1, flip_y=0.2, random_state=3
    )
    names = np.array(["shelf", "scrap", "repair", "resale"])
    frame = pd.DataFrame(features, columns=COLUMNS)
    return frame.assign(case_id=[str(row) for row in range(rows)]), names[codes]


class MostCautious(ClassifierMixin, BaseEstimator):
    """Says the class of the fewest rows wherever it is a little probable, whatever is more probable."""

    def fit(self, X: Any, y: Any) -> MostCautious:  # noqa: N803
        """Learn."""
        self.inner_ = GaussianNB().fit(X, y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.rare_ = int(counts.argmin())
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """One row of probabilities a row."""
        return self.inner_.predict_proba(X)

    def predict(self, X: Any) -> Any:  # noqa: N803
        """What it decides."""
        shares = self.predict_proba(X)
        return self.classes_[np.where(shares[:, self.rare_] > 0.05, self.rare_, shares.argmax(axis=1))]


class NumbersForText(ClassifierMixin, BaseEstimator):
    """Learns codes of the classes, and answers with them."""

    def __init__(self, answers: Any = None) -> None:
        self.answers = answers

    def fit(self, X: Any, y: Any) -> NumbersForText:  # noqa: ARG002, N803
        """Learn."""
        self.classes_ = np.unique(y)
        self.shares_ = np.full(len(self.classes_), 1 / len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """One row of probabilities a row."""
        return np.tile(self.shares_, (len(X), 1))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """What it decides."""
        return [self.answers] * len(X)


LISTED = [
    BaggingClassifier(n_estimators=4, random_state=0),
    CalibratedClassifierCV(GaussianNB()),
    DecisionTreeClassifier(random_state=0),
    ExtraTreeClassifier(random_state=0),
    ExtraTreesClassifier(8, random_state=0),
    HistGradientBoostingClassifier(max_iter=5),
    LogisticRegression(),
    LogisticRegressionCV(Cs=2, cv=2, scoring="accuracy", l1_ratios=(0.0,), use_legacy_attributes=False),
    MLPClassifier((4,), max_iter=300, random_state=0),
    RandomForestClassifier(8, random_state=0),
    VotingClassifier([("one", GaussianNB()), ("two", DecisionTreeClassifier(random_state=0))], voting="soft"),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
ASKED = [
    DummyClassifier(),
    GaussianNB(),
    KNeighborsClassifier(4),
    SGDClassifier(loss="modified_huber", random_state=0),
    MostCautious(),
    make_pipeline(StandardScaler(), MostCautious()),
    StackingClassifier([("one", GaussianNB())], MostCautious(), cv=2),
    GridSearchCV(make_pipeline(StandardScaler(), MostCautious()), {}, cv=2),
    SVC(probability=True, random_state=0),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("estimator", [*LISTED, *ASKED], ids=lambda each: type(each).__name__)
def test_the_answer_is_what_predict_says(estimator: Any, classes: int) -> None:
    """Live and in gates, for every kind of classifier; the confidence is the probability of that answer."""
    frame, truth = table(classes)
    fitted = estimator.fit(frame[COLUMNS], truth)
    expected, shares = fitted.predict(frame[COLUMNS]).tolist(), fitted.predict_proba(frame[COLUMNS])
    live, judged = answer(spec_of(estimator), fitted, frame), scored(spec_of(estimator), fitted, frame)
    assert live.values == expected
    assert list(judged.values) == expected
    places = [list(fitted.classes_).index(value) for value in expected]
    assert live.confidences == shares[np.arange(len(frame)), places].tolist()


@pytest.mark.filterwarnings("ignore")
def test_only_listed_classifiers_are_asked_once() -> None:
    """A subclass, a wrapper that decides by itself, and a class of the user are asked for their decision."""
    frame, truth = table(2)

    class Mine(LogisticRegression):
        pass

    assert all(answers_by_probability(each.fit(frame[COLUMNS], truth)) for each in LISTED)
    assert answers_by_probability(FrozenEstimator(LISTED[0]))
    assert not any(answers_by_probability(each.fit(frame[COLUMNS], truth)) for each in [*ASKED, Mine()])


@pytest.mark.parametrize("labels", [("shelf", "scrap"), (0, 1), (False, True), (np.str_("b"), np.str_("a"))])
def test_a_threshold_of_the_estimator_decides(labels: tuple[Any, Any]) -> None:
    """With a threshold of 0.05, one class is answered far more often; labels may be text, numbers or truth values."""
    frame, truth = table(2)
    of_type = np.array([labels[int(value == "scrap")] for value in truth])
    plain = LogisticRegression()
    bold = FixedThresholdClassifier(plain, threshold=0.05, pos_label=labels[1], response_method="predict_proba")
    fitted = bold.fit(frame[COLUMNS], of_type)
    live = answer(spec_of(bold), fitted, frame)
    assert live.values == [str(value) for value in fitted.predict(frame[COLUMNS]).tolist()]
    assert live.values.count(str(labels[1])) > 1.3 * (truth == "scrap").sum()
    assert min(value for value in live.confidences if value is not None) < 0.1


def test_a_tuned_threshold_decides() -> None:
    """A threshold that was chosen in the training is part of the decision."""
    frame, truth = table(2)
    tuned = TunedThresholdClassifierCV(make_pipeline(StandardScaler(), GaussianNB()), scoring="recall_macro")
    fitted = tuned.fit(frame[COLUMNS], truth)
    assert answer(spec_of(tuned), fitted, frame).values == fitted.predict(frame[COLUMNS]).tolist()


def test_an_answer_that_is_no_class_goes_to_people() -> None:
    """The case is not answered, with the reason; a training on such an estimator is refused."""
    frame, truth = table(2, rows=40)
    odd = NumbersForText(answers=7).fit(frame[COLUMNS], truth)
    live = answer(spec_of(odd), odd, frame)
    assert live.values == [None] * 40
    assert set(live.failures.values()) == {"the model answered with something that is none of its classes"}
    with pytest.raises(TrainingError, match="answered 40 of 40 cases with something that is none of its classes"):
        scored(spec_of(odd), odd, frame)


def test_the_answer_is_among_the_probabilities_that_are_stored() -> None:
    """Of many classes ten are stored, and of those three are shown: the one that was answered is always there."""
    frame, _ = table(2, rows=40)
    many = NumbersForText(answers="class 99").fit(frame[COLUMNS], [f"class {code:02}" for code in range(100)])
    many.shares_ = np.arange(100, 0, -1) / 5_050
    live = answer(spec_of(many), many, frame)
    stored = json.loads((live.scores or [])[0])
    assert len(stored) == 10
    assert "class 99" in stored
    assert [each["class"] for each in _likeliest(json.dumps(stored), "class 99")] == [
        "class 00",
        "class 01",
        "class 99",
    ]


def test_what_comes_before_the_last_step_runs_once() -> None:
    """The steps of a Pipeline that read texts cost most: they are not run a second time for the decision."""
    frame, truth = table(2)
    calls: list[int] = []

    def counted(features: Any) -> Any:
        calls.append(len(features))
        return features

    fitted = make_pipeline(FunctionTransformer(counted), MostCautious()).fit(frame[COLUMNS], truth)
    calls.clear()
    ClassAnswers.of(fitted).ask(frame[COLUMNS])
    assert calls == [400]


def test_a_listed_classifier_costs_what_its_probabilities_cost() -> None:
    """The decision is read from them, so that nothing is computed twice."""
    frame, truth = table(4)
    fitted = RandomForestClassifier(60, random_state=0).fit(frame[COLUMNS], truth)
    times = []
    for ask in (fitted.predict_proba, ClassAnswers.of(fitted).ask):
        begun = time.process_time()
        for _ in range(5):
            ask(frame[COLUMNS])
        times.append(time.process_time() - begun)
    assert times[1] < 1.5 * times[0]
