"""Letting estimators learn from labelled rows, and asking them about others; no message quotes a case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.errors import TrainingError
from aiops_flows.estimator_checks import probabilities_missing
from aiops_flows.evidence.answers import Scored
from aiops_flows.steps.answer_numbers import AnswerNumbers
from aiops_flows.steps.costs import Costs
from aiops_flows.steps.estimator_faults import reason_without_quotes
from aiops_flows.steps.inference import answer, features_of
from aiops_flows.steps.rows import Labelled
from aiops_flows.steps.writings import Texts
from aiops_flows.use_case import ModelSpec

__all__ = ["asked", "baseline_of", "fit", "measured", "scored", "seen_by"]


def fit(estimator: Any, spec: ModelSpec, train: Labelled) -> Any:
    """A fitted clone of an estimator; a writer is given frames whose index is the case id.

    Raises:
        TrainingError: it fails on the rows, or a classifier gives no probabilities. The reason quotes no case.
    """
    from sklearn.base import clone

    truth = train.truth.astype(str) if spec.kind == "classifier" else train.truth
    with _unquoted(spec, estimator, "learn from", train.cases, truth):
        fitted = clone(estimator).fit(seen_by(spec, train.cases, list(spec.features)), truth)
    if spec.kind == "classifier" and (problem := probabilities_missing(fitted)):
        raise TrainingError(f"{spec.name}: {problem}")
    return fitted


def seen_by(spec: ModelSpec, cases: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The columns as an estimator of this kind is given them."""
    features = cases[columns]
    return features.set_axis(pd.Index(cases["case_id"], name=None)) if spec.kind == "writer" else features


@contextmanager
def _unquoted(
    spec: ModelSpec, estimator: Any, doing: str, cases: pd.DataFrame, truth: NDArray[Any] | None = None
) -> Iterator[None]:
    """Reports why an estimator failed on the cases, without its message, which may quote their values."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as fault:
        reason = reason_without_quotes(spec, estimator, fault, cases, truth)
        raise TrainingError(
            f"{spec.name}: {type(estimator).__name__} cannot {doing} {list(spec.features)}: {reason}"
        ) from None


def scored(
    spec: ModelSpec,
    estimator: Any,
    cases: pd.DataFrame,
    texts: Texts | None = None,
    costs: Costs | None = None,
) -> Scored:
    """What a fitted estimator says of cases, as the gates take it.

    Args:
        spec: the model.
        estimator: one of its versions, or its baseline.
        cases: the judging rows.
        texts: for writers that point at some.
        costs: what acting on answers costs on these rows; by default that is not asked.

    Raises:
        TrainingError: it cannot answer them.
    """
    if spec.kind == "writer":
        return _written(spec, estimator, cases, texts)
    found, confidence = asked(spec, estimator, cases).scored()
    return measured(spec, cases, found, confidence, costs)


def measured(
    spec: ModelSpec, cases: pd.DataFrame, said: Scored, confidence: NDArray[np.float64], costs: Costs | None
) -> Scored:
    """The answers with what the measures need of the cases: the unit of errors, and the cost of each answer."""
    scales = None if spec.scale is None else cases[spec.scale].to_numpy(float)
    return replace(said, scales=scales, costs=None if costs is None else costs(said, confidence))


def asked(spec: ModelSpec, estimator: Any, cases: pd.DataFrame) -> AnswerNumbers:
    """What a fitted classifier or regressor says of cases.

    Raises:
        TrainingError: it cannot answer them. The reason quotes no case.
    """
    features = features_of(spec, estimator, cases)
    with _unquoted(spec, estimator, "answer", cases):
        said = AnswerNumbers.asked(spec, estimator, features)
    if strange := said.strange:
        raise TrainingError(
            f"{spec.name}: {type(estimator).__name__} answered {strange} of {len(cases)} cases with something that is "
            "none of its classes; predict must give one of classes_"
        )
    return said


def _written(spec: ModelSpec, estimator: Any, cases: pd.DataFrame, texts: Texts | None) -> Scored:
    said = answer(spec, estimator, cases, texts)
    if len(said.failures) == len(cases):
        why = next(iter(said.failures.values()), "there is none")
        raise TrainingError(f"{spec.name}: {type(estimator).__name__} can answer none of {len(cases)} cases: {why}")
    return Scored(said.values)


def baseline_of(spec: ModelSpec) -> Any:
    """The naive model that a challenger is held against, unfitted; None for a writer without one."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if spec.baseline is not None or spec.kind == "writer":
        return spec.baseline
    return DummyRegressor(strategy="median") if spec.kind == "regressor" else DummyClassifier(strategy="prior")
