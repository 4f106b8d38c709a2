"""Judging a challenger beside champion and baseline on the same rows, and measuring how the data moved."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import promotions, versions
from aiops_flows.drift import DriftReport, find_breaks, measure_drift
from aiops_flows.errors import RegistryAway, RegistryError, TrainingError
from aiops_flows.estimator_checks import probabilities_missing
from aiops_flows.evidence.comparison import Comparison
from aiops_flows.gate_results import GateResult
from aiops_flows.gates import METRICS, Scored, judge
from aiops_flows.steps.actions import actions_for
from aiops_flows.steps.class_answers import NO_CLASS, ClassAnswers
from aiops_flows.steps.costs import Costs, costs_of
from aiops_flows.steps.drifting import findings
from aiops_flows.steps.estimator_faults import reason_without_quotes
from aiops_flows.steps.inference import answer, features_of
from aiops_flows.steps.quantiles import Quantities
from aiops_flows.steps.rows import Labelled, arriving, learned_cases
from aiops_flows.steps.workspace import Workspace
from aiops_flows.steps.writings import Texts, texts_for
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["GATED_DRIFT", "Moved", "baseline_of", "drift_of", "fit", "judged", "metrics_of", "scored"]

_logger = logging.getLogger("aiops_flows.judging")
_LATENCY_CASES = 100
_LATENCY_REPEATS = 3
_DRIFT_ROWS = 5_000
GATED_DRIFT = "challenger_learned_from_vs_arriving"


@dataclass(frozen=True)
class Moved:
    """Drift reports by what was compared, and the rows of the gated comparison."""

    reports: dict[str, DriftReport]
    learned_from: pd.DataFrame
    arriving: pd.DataFrame


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
    features = features_of(spec, estimator, cases)
    with _unquoted(spec, estimator, "answer", cases):
        if spec.kind == "regressor":
            asked = Quantities.of(estimator)
            values, quantiles, confidence = asked.read(asked.ask(features))
            said = Scored(values, quantiles=quantiles if asked.levels else None, levels=asked.levels)
        else:
            classes = ClassAnswers.of(estimator)
            places, probabilities, confidence = classes.read(classes.ask(features))
            if (places == NO_CLASS).any():
                raise TrainingError(
                    f"{spec.name}: {type(estimator).__name__} answered {int((places == NO_CLASS).sum())} of "
                    f"{len(places)} cases with something that is none of its classes; predict must give one of classes_"
                )
            said = Scored(classes.named(places), probabilities, classes.classes)
    scales = None if spec.scale is None else cases[spec.scale].to_numpy(float)
    return replace(said, scales=scales, costs=None if costs is None else costs(said, confidence))


def _written(spec: ModelSpec, estimator: Any, cases: pd.DataFrame, texts: Texts | None) -> Scored:
    said = answer(spec, estimator, cases, texts)
    if len(said.failures) == len(cases):
        why = next(iter(said.failures.values()), "there is none")
        raise TrainingError(f"{spec.name}: {type(estimator).__name__} can answer none of {len(cases)} cases: {why}")
    return Scored(said.values)


def judged(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    trained: tuple[Any, Labelled, Labelled],
    drift: Mapping[str, DriftReport],
) -> tuple[list[GateResult], dict[str, Scored]]:
    """Gate results, and what challenger, champion and baseline said of the judging rows."""
    fitted, train, judging = trained
    baseline, texts, costs = baseline_of(spec), texts_for(place, use_case, spec), costs_of(use_case, spec, judging)
    scores = {
        "challenger": scored(spec, fitted, judging.cases, texts, costs),
        "baseline": Scored([], missing="none is declared")
        if baseline is None
        else scored(spec, fit(baseline, spec, train), judging.cases, texts, costs),
    }
    champion = _champion_scored(place, use_case, spec, judging.cases, costs)
    if champion is not None and len(champion.values):
        scores["champion"] = champion
    truth = judging.truth.astype(str) if spec.kind == "classifier" else judging.truth
    results = judge(
        spec,
        truth,
        scores["challenger"],
        champion,
        scores["baseline"],
        {GATED_DRIFT: drift[GATED_DRIFT]},
        _missing_share(train.cases[list(spec.features)]),
        _latency_ms(spec, fitted, judging.cases) if any(gate.metric == "latency" for gate in spec.gates) else None,
        cases=judging.cases,
    )
    return [*results, *_unbroken(drift[GATED_DRIFT])], scores


def _unbroken(drift: DriftReport) -> list[GateResult]:
    """A gate that does not pass where what the challenger learned from and what arrives do not fit together."""
    if not drift.breaks:
        return []
    reason = "; ".join(str(each) for each in drift.breaks)
    bound = "nothing broke between what it learned from and what arrives"
    return [GateResult("data_quality", bound, passed=False, reason=reason, rows=drift.rows_current)]


def _champion_scored(
    place: Workspace, use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame, costs: Costs | None
) -> Scored | None:
    """What the champion says of cases: nothing where it cannot be used, so that gates which compare with it fail.

    Raises:
        RegistryAway: MLflow does not answer; training waits.
    """
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    try:
        estimator = place.load(spec, champion.version, champion.digest)
        return scored(spec, estimator, cases, texts_for(place, use_case, spec), costs)
    except RegistryAway:
        raise
    except (RegistryError, TrainingError) as fault:
        why = str(fault)
    except KeyError:
        why = "it learned from columns that the cases no longer have"
    _logger.warning("champion %s version %d cannot be compared with: %s", spec.name, champion.version, why)
    return Scored([])


def baseline_of(spec: ModelSpec) -> Any:
    """The naive model that a challenger is held against, unfitted; None for a writer without one."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if spec.baseline is not None or spec.kind == "writer":
        return spec.baseline
    return DummyRegressor(strategy="median") if spec.kind == "regressor" else DummyClassifier(strategy="prior")


def _missing_share(features: pd.DataFrame) -> float:
    """Share of missing values in the feature that lacks most."""
    return float(features.isna().mean().max())


def _latency_ms(spec: ModelSpec, estimator: Any, cases: pd.DataFrame) -> float:
    """Median time for a batch of 100 cases, in milliseconds."""
    rows = cases.iloc[np.arange(_LATENCY_CASES) % len(cases)]
    times = []
    for _ in range(_LATENCY_REPEATS):
        begun = time.perf_counter()
        scored(spec, estimator, rows)
        times.append(time.perf_counter() - begun)
    return float(np.median(times) * 1e3)


def drift_of(place: Workspace, use_case: UseCase, spec: ModelSpec, train: Labelled, as_of: datetime) -> Moved:
    """Drift between what the challenger learned from, what the champion learned from, and what arrives now."""
    columns = spec.drift_columns
    now = arriving(place, use_case, as_of=as_of)
    measure = partial(measure_drift, columns=columns, texts=use_case.case.texts())
    breaks = find_breaks(train.cases, now, columns, texts=use_case.case.texts())
    gated = replace(measure(train.cases, now), breaks=breaks)
    follows = actions_for(findings(spec, gated, None), use_case.review)
    reports = {GATED_DRIFT: replace(gated, actions=[action.as_row() for action in follows])}
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is not None:
        record = versions.get(place.log, use_case.name, spec.name, champion.version)
        before = learned_cases(place, use_case, spec, record.learned, train, as_of=as_of, most=_DRIFT_ROWS)
        reports["champion_learned_from_vs_arriving"] = measure(before, now)
        reports["champion_vs_challenger_learned_from"] = measure(before, train.cases)
    return Moved(reports, train.cases, now)


def metrics_of(
    spec: ModelSpec, judging: Labelled, scores: Mapping[str, Scored], results: list[GateResult]
) -> dict[str, float]:
    """Every metric that can be measured, for each of challenger, champion and baseline; and how many gates passed."""
    truth = judging.truth.astype(str) if spec.kind == "classifier" else judging.truth
    comparison = Comparison.of(spec.kind, truth, scores, resamples=1)
    found: dict[str, float] = {}
    for metric in METRICS.values():
        for who in scores if metric.measures(spec.kind) else ():
            value = comparison.value(metric, who)
            if not isinstance(value, str):
                found[f"{who}_{metric.name}"] = value
    found["gates_passed"] = float(sum(result.passed is True for result in results))
    found["gates_failed"] = float(sum(result.passed is False for result in results))
    return found
