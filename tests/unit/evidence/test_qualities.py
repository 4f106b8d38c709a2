"""Qualities of classifiers and regressors, beside scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from aiops_flows.evidence import calibration_error
from aiops_flows.evidence.answers import Answers, Scored, read_answers
from aiops_flows.evidence.metrics import METRICS

Parts = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], list[str]]


def answered(classes: int, rows: int = 400, seed: int = 0) -> Parts:
    """Truth, prediction, probabilities with many ties, and the class names."""
    random = np.random.default_rng(seed)
    names = ["approve", "deny", "settle", "wait"][:classes]
    truth = random.choice(classes, rows, p=np.array([8, 4, 2, 1][:classes]) / sum([8, 4, 2, 1][:classes]))
    raw = random.random((rows, classes)) + np.eye(classes)[truth] * 0.7
    shares = np.round(raw / raw.sum(axis=1, keepdims=True), 2)
    shares[:, 0] += 1 - shares.sum(axis=1)
    shares = np.clip(shares, 0, 1)
    labels = np.array(names, object)
    return labels[truth], labels[shares.argmax(axis=1)], shares, names


def by_sklearn(name: str, parts: Parts) -> float:
    truth, predicted, shares, names = parts
    marked = (truth[:, None] == np.array(names, object)).astype(int)
    two = len(names) == 2
    simple = {
        "accuracy": lambda: sklearn_metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": lambda: sklearn_metrics.balanced_accuracy_score(truth, predicted),
        "f1_macro": lambda: sklearn_metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": lambda: sklearn_metrics.log_loss(truth, shares, labels=names),
        "roc_auc": lambda: (
            sklearn_metrics.roc_auc_score(marked[:, 1], shares[:, 1])
            if two
            else sklearn_metrics.roc_auc_score(truth, shares, multi_class="ovr", average="weighted", labels=names)
        ),
        "average_precision": lambda: (
            sklearn_metrics.average_precision_score(marked[:, 1], shares[:, 1])
            if two
            else sklearn_metrics.average_precision_score(marked, shares, average="weighted")
        ),
        "brier_score": lambda: (
            ((marked[:, 1] - shares[:, 1]) ** 2).mean() if two else ((marked - shares) ** 2).sum(axis=1).mean()
        ),
    }
    return float(simple[name]())


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "name",
    ["accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc", "average_precision", "brier_score"],
)
def test_a_classifier_is_measured_as_scikit_learn_does(name: str, classes: int) -> None:
    """On the plain rows each quality equals scikit-learn's, ties and several classes included."""
    parts = answered(classes)
    assert METRICS[name].function(*parts) == pytest.approx(by_sklearn(name, parts), abs=1e-9)


@pytest.mark.parametrize("rows", [200, 201])
def test_a_regressor_is_measured_as_scikit_learn_does(rows: int) -> None:
    """On the plain rows each quality equals scikit-learn's or its formula."""
    random = np.random.default_rng(1)
    truth = random.gamma(2, 100, rows)
    said = truth * random.normal(1.1, 0.3, rows)
    expected = {
        "mean_absolute_error": sklearn_metrics.mean_absolute_error(truth, said),
        "median_absolute_error": sklearn_metrics.median_absolute_error(truth, said),
        "root_mean_squared_error": sklearn_metrics.root_mean_squared_error(truth, said),
        "r2": sklearn_metrics.r2_score(truth, said),
        "wape": np.abs(truth - said).sum() / truth.sum(),
        "bias": abs((said - truth).sum()) / truth.sum(),
    }
    for name, value in expected.items():
        assert METRICS[name].function(truth, said) == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("name", METRICS)
def test_counting_a_row_twice_is_having_it_twice(name: str) -> None:
    """A resample given as counts has the quality of the rows written out."""
    metric, random = METRICS[name], np.random.default_rng(3)
    if metric.kind == "classifier":
        truth, predicted, shares, names = answered(3, 120)
        answers = read_answers("classifier", truth, {"": Scored(predicted, shares, names)})[""]
    else:
        answers = Answers(random.normal(5, 1, 120), random.normal(5, 1, 120))
    assert isinstance(answers, Answers)
    counts = random.integers(0, 4, (5, 120))
    found = metric.resampled(answers, counts.astype(float))
    written_out = [metric.of(answers.rows(np.arange(120).repeat(each))) for each in counts]
    np.testing.assert_allclose(found, written_out, rtol=1e-9)


def test_calibration_error_is_zero_where_shares_come_true_and_their_distance_where_not() -> None:
    """Stated 0.2 and observed 0.2 is no error; stated 0.9 and observed 0.5 is 0.4."""
    assert calibration_error([1, 0, 0, 0, 0], [0.2] * 5) == pytest.approx(0)
    assert calibration_error([1, 0] * 5, [0.9] * 10) == pytest.approx(0.4)
    assert calibration_error([1], [1.0]) == 0


def test_the_calibration_error_of_many_classes_is_of_the_likeliest() -> None:
    """With more than two classes, confidence in the likeliest class is held against how often it was right."""
    shares = np.tile([0.7, 0.2, 0.1], (10, 1))
    truth = ["a"] * 5 + ["b"] * 5
    assert METRICS["calibration_error"].function(truth, ["a"] * 10, shares, ["a", "b", "c"]) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("name", "truth", "said"),
    [
        ("roc_auc", ["a"] * 9, Scored(["a"] * 9, np.full((9, 2), 0.5), ["a", "b"])),
        ("roc_auc", ["a", "b"], Scored(["a", "b"])),
        ("accuracy", [None, "a"], Scored(["a", "a"])),
        ("accuracy", ["a", "b"], Scored(["a"])),
        ("log_loss", ["a", "b"], Scored(["a", "b"], np.array([[np.nan, 1.0], [0.5, 0.5]]), ["a", "b"])),
        ("accuracy", [1, 0], Scored(["1", "0"])),
        ("r2", [1.0, 1.0], Scored([1.0, 2.0])),
        ("wape", [0.0, 0.0], Scored([1.0, 2.0])),
        ("mean_absolute_error", [1.0, 2.0], Scored([np.nan, 2.0])),
        ("mean_absolute_error", ["x", "y"], Scored([1.0, 2.0])),
        ("mean_absolute_error", [np.inf, 1.0], Scored([1.0, 2.0])),
        ("accuracy", [], Scored([])),
    ],
)
def test_what_cannot_be_measured_is_nan(name: str, truth: list[Any], said: Scored) -> None:
    """One class, no probabilities, missing or infinite values, other types: no number rather than a wrong one."""
    assert np.isnan(METRICS[name].function(truth, said.values, said.probabilities, said.classes))


def test_a_class_that_a_model_does_not_know_has_probability_zero() -> None:
    """Classes are those of the truth and of all models, so that two models are measured on the same scale."""
    truth = ["a", "b", "c", "a"]
    known = Scored(["a", "b", "b", "a"], np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.8, 0.2]]), ["a", "b"])
    answers = read_answers("classifier", truth, {"": known})[""]
    assert isinstance(answers, Answers)
    assert answers.shares[:, 2].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("truth", "said"), [([1, 0], [1.0, 0.0]), ([True, False], [1, 0]), (np.array([1, 0]), [1, 0])])
def test_classes_that_are_equal_are_the_same(truth: Any, said: Any) -> None:
    """1, 1.0 and True are one class, as in scikit-learn."""
    assert METRICS["accuracy"].function(truth, said) == 1
