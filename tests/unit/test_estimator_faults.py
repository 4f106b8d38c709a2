"""An estimator that cannot be used is refused early, with the reason and the way out, and no case is quoted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from aiops_flows.errors import TrainingError, UseCaseError
from aiops_flows.steps.estimator_faults import stand_in_rows
from aiops_flows.steps.fitting import fit, scored
from aiops_flows.steps.rows import Labelled
from aiops_flows.use_case import ModelSpec

SECRET = "Mustermann"


def spec_of(estimator: Any, *, baseline: Any = None) -> ModelSpec:
    return ModelSpec("things-kind", ["size", "word"], "kind", estimator, baseline=baseline)


def labelled(rows: int = 60, **columns: Any) -> Labelled:
    frame = pd.DataFrame({"size": np.arange(rows) + 0.5, "word": np.arange(rows) % 3.0} | columns)
    frame["case_id"] = [f"{SECRET} {row}" for row in range(rows)]
    truth = np.array([f"{SECRET} {row % 2}" for row in range(rows)], dtype=object)
    return Labelled(frame, truth, "", pd.Series(pd.Timestamp("2026-01-01", tz="UTC"), index=range(rows)))


class WholeNumbersOnly(ClassifierMixin, BaseEstimator):
    """Learns from labels 0, 1, 2, ... alone, as gradient boosting of other packages does."""

    def fit(self, X: Any, y: Any) -> WholeNumbersOnly:  # noqa: N803
        """Learn."""
        self.classes_ = np.unique(y)
        if self.classes_.tolist() != list(range(len(self.classes_))):
            expected = np.arange(len(self.classes_))
            raise ValueError(
                f"Invalid classes inferred from unique values of `y`.  Expected: {expected}, got {self.classes_}"
            )
        self.inner_ = GaussianNB().fit(X, y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """What it decides."""
        return self.inner_.predict(X)

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """One row of probabilities a row."""
        return self.inner_.predict_proba(X)


class OfAnOldRelease:
    """An estimator whose package knows nothing of tags."""

    def fit(self, X: Any, y: Any) -> OfAnOldRelease:  # noqa: ARG002, N803
        """Learn."""
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """What it decides."""
        return [0] * len(X)


WRAP = "wrap it in CalibratedClassifierCV: CalibratedClassifierCV"
WITHOUT = [
    (LinearSVC(), "LinearSVC has no predict_proba", f"{WRAP}(LinearSVC(...))"),
    (make_pipeline(StandardScaler(), LinearSVC()), "LinearSVC has no predict_proba", f"{WRAP}(LinearSVC(...))"),
    (SVC(), "SVC has no predict_proba", f"{WRAP}(SVC(...))"),
    (RidgeClassifier(), "RidgeClassifier has no predict_proba", WRAP),
    (Perceptron(), "Perceptron has no predict_proba", WRAP),
    (SGDClassifier(), "SGDClassifier has no predict_proba (probability estimates are not available", WRAP),
    (GridSearchCV(LinearSVC(), {"C": [1.0]}), "GridSearchCV has no predict_proba", WRAP),
    (
        VotingClassifier([("one", LogisticRegression())]),
        "VotingClassifier has no predict_proba (predict_proba is not available when voting='hard')",
        "voting='soft'",
    ),
]


@pytest.mark.parametrize(("estimator", "reason", "way_out"), WITHOUT, ids=[each[1].split()[0] for each in WITHOUT])
def test_a_classifier_without_probabilities_is_refused_when_it_is_declared(
    estimator: Any, reason: str, way_out: str
) -> None:
    """Before anything is trained, with the name of the estimator and the way out."""
    with pytest.raises(UseCaseError) as refused:
        spec_of(estimator)
    assert reason in str(refused.value)
    assert way_out in str(refused.value)


def test_a_baseline_without_probabilities_is_refused_too() -> None:
    """It is compared by the same measures."""
    with pytest.raises(UseCaseError, match="its baseline LinearSVC has no predict_proba"):
        spec_of(LogisticRegression(), baseline=LinearSVC())


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(LinearSVC()),
        SGDClassifier(loss="log_loss"),
        StackingClassifier([("one", LinearSVC())]),
        make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), {"C": [1.0]})),
        VotingClassifier([("one", GaussianNB())], voting="soft"),
        LinearRegression(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_gives_probabilities_is_taken(estimator: Any) -> None:
    """Also where they come from a part of it, and where it predicts quantities and needs none."""
    assert spec_of(estimator).name == "things-kind"


def test_probabilities_that_are_missing_only_after_the_training_stop_it() -> None:
    """A stack says before the training that it has them; the reason comes before anything is judged."""
    stack = StackingClassifier([("one", GaussianNB())], cv=2)
    spec = spec_of(stack)
    stack.final_estimator = LinearSVC()
    with pytest.raises(TrainingError, match=r"StackingClassifier has no predict_proba.*CalibratedClassifierCV"):
        fit(stack, spec, labelled())


def test_an_estimator_of_another_scikit_learn_is_named() -> None:
    """Not an AttributeError of scikit-learn."""
    with pytest.raises(UseCaseError, match=r"what kind of estimator OfAnOldRelease is .*__sklearn_tags__"):
        spec_of(OfAnOldRelease())


def test_labels_that_must_be_numbers_are_the_reason() -> None:
    """The words of the package are shown with made-up labels, and the way out works."""
    with pytest.raises(TrainingError) as refused:
        fit(WholeNumbersOnly(), spec_of(WholeNumbersOnly()), labelled())
    assert "Invalid classes inferred from unique values of `y`. Expected: [0 1], got ['label 0' 'label 1']" in str(
        refused.value
    )
    assert "VotingClassifier([('model', WholeNumbersOnly(...))], voting='soft')" in str(refused.value)
    assert SECRET not in str(refused.value)
    wrapped = VotingClassifier([("model", WholeNumbersOnly())], voting="soft")
    fitted = fit(wrapped, spec_of(wrapped), labelled())
    assert set(scored(spec_of(wrapped), fitted, labelled().cases).values) <= {f"{SECRET} 0", f"{SECRET} 1"}


GAPS = np.where(np.arange(60) % 9 == 0, np.nan, 1.0)
NAMES = [f"{SECRET} {row % 3}" for row in range(60)]


@pytest.mark.parametrize(
    ("estimator", "columns", "words"),
    [
        (LogisticRegression(), {"word": GAPS}, "Input X contains NaN"),
        (MultinomialNB(), {"size": np.arange(60) - 30.0}, "Negative values in data passed to MultinomialNB"),
        (LogisticRegression(), {"word": NAMES}, "could not convert string to float: 'word a'"),
        (CalibratedClassifierCV(GaussianNB(), cv=40), {}, "Requesting 40-fold cross-validation"),
        (LogisticRegression(C=-1.0), {}, "The 'C' parameter of LogisticRegression must be a float in the range"),
    ],
    ids=["gaps", "signs", "text", "folds", "setting"],
)
def test_the_reason_is_given_and_quotes_no_case(estimator: Any, columns: dict[str, Any], words: str) -> None:
    """What a package says of a setting, a type, a gap or a sign is shown; no value of a case is."""
    spec, rows = spec_of(estimator), labelled(**columns)
    with pytest.raises(TrainingError) as refused:
        fit(estimator, spec, rows)
    assert words in str(refused.value)
    assert SECRET not in str(refused.value)


class RefusesOne(RegressorMixin, BaseEstimator):
    """Fails at one value of the cases, and quotes it."""

    def fit(self, X: pd.DataFrame, y: Any) -> RefusesOne:  # noqa: ARG002, N803
        """Learn."""
        if (X["word"] == SECRET).any():
            raise ValueError(f"cannot take {SECRET!r}")
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """What it decides."""
        return np.zeros(len(X))


def test_words_that_depend_on_a_value_stay_hidden() -> None:
    """Where made-up rows do not fail alike, only the place of the failure is shown."""
    rows = labelled(word=[SECRET] * 60)
    spec = ModelSpec("things-size", ["size", "word"], "size", RefusesOne())
    with pytest.raises(TrainingError) as refused:
        fit(RefusesOne(), spec, Labelled(rows.cases, np.arange(60.0), "", rows.known_at))
    assert SECRET not in str(refused.value)
    assert "ValueError in test_estimator_faults.py" in str(refused.value)


def _frame() -> pd.DataFrame:
    texts = pd.Series(["Anna", None, "12.5", ""] * 3, dtype=object)
    numbers = {
        "float": [-7.5, np.nan, 4e4, 0.0] * 3,
        "int": [19, 20, 21, 22] * 3,
        "bool": [True, False, True, True] * 3,
    }
    dates = pd.to_datetime(pd.Series(["1999-05-05", None, "2001-01-01", "2002-02-02"] * 3), utc=True)
    return pd.DataFrame(numbers | {"text": texts, "date": dates})


def test_stand_in_rows_have_the_shape_of_the_cases_and_none_of_their_values() -> None:
    """Types, gaps and signs stay; what a case said does not."""
    frame = _frame()
    made = stand_in_rows(frame)
    assert made is not None
    assert [kind.kind for kind in made.dtypes] == [kind.kind for kind in frame.dtypes]
    assert (made.isna() == frame.isna()).all().all()
    assert (np.sign(made["float"].fillna(0)) == np.sign(frame["float"].fillna(0))).all()
    assert not {"Anna", "12.5"} & set(made["text"].dropna())
    assert stand_in_rows(frame.assign(thread=pd.Series([[{"text": SECRET}]] * 12))) is None
