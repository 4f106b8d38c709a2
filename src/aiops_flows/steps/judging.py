"""Judging a challenger beside champion and baseline on the same rows, and measuring how the data moved."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, versions
from aiops_flows.drift import DriftReport, find_breaks, measure_drift
from aiops_flows.errors import RegistryAway, RegistryError, TrainingError
from aiops_flows.evidence.comparison import Comparison
from aiops_flows.gate_results import GateResult
from aiops_flows.gates import METRICS, Scored, judge
from aiops_flows.steps.actions import actions_for
from aiops_flows.steps.costs import Costs, costs_of
from aiops_flows.steps.cross_fitting import Trained
from aiops_flows.steps.drifting import findings
from aiops_flows.steps.fitting import baseline_of, fit, measured, scored
from aiops_flows.steps.rows import Labelled, arriving, learned_cases
from aiops_flows.steps.unlearned import scored_unlearned
from aiops_flows.steps.workspace import Workspace
from aiops_flows.steps.writings import texts_for
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["GATED_DRIFT", "Moved", "drift_of", "judged", "metrics_of"]

_logger = logging.getLogger("aiops_flows.judging")
_LATENCY_CASES = 100
_LATENCY_REPEATS = 5
_DRIFT_ROWS = 5_000
GATED_DRIFT = "challenger_learned_from_vs_arriving"


@dataclass(frozen=True)
class Moved:
    """Drift reports by what was compared, and the rows of the gated comparison."""

    reports: dict[str, DriftReport]
    learned_from: pd.DataFrame
    arriving: pd.DataFrame


def judged(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    trained: Trained,
    drift: Mapping[str, DriftReport],
) -> tuple[list[GateResult], dict[str, Scored]]:
    """Gate results, and what challenger, champion and baseline said of the judging rows.

    Each of the three answers a row by a model that had not learned from it.
    """
    judging, costs = trained.judging, costs_of(use_case, spec, trained.judging)
    scores = {
        "challenger": _challenger_scored(place, use_case, spec, trained, costs),
        "baseline": _baseline_scored(place, use_case, spec, trained, costs),
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
        _missing_share(trained.learned.cases[list(spec.features)]),
        _latency_ms(spec, trained.estimator, judging.cases)
        if any(gate.metric == "latency" for gate in spec.gates)
        else None,
        cases=judging.cases,
    )
    return [*results, *_unbroken(drift[GATED_DRIFT])], scores


def _challenger_scored(
    place: Workspace, use_case: UseCase, spec: ModelSpec, trained: Trained, costs: Costs | None
) -> Scored:
    cases = trained.judging.cases
    if trained.stored is None:
        return scored(spec, trained.estimator, cases, texts_for(place, use_case, spec), costs)
    said = trained.stored.said.rows(trained.stored.places(cases["case_id"].tolist()))
    return measured(spec, cases, *said.scored(), costs)


def _baseline_scored(
    place: Workspace, use_case: UseCase, spec: ModelSpec, trained: Trained, costs: Costs | None
) -> Scored:
    baseline, cases = baseline_of(spec), trained.judging.cases
    if baseline is None:
        return Scored([], missing="none is declared")
    if trained.baseline is not None:
        return measured(spec, cases, *trained.baseline.scored(), costs)
    return scored(spec, fit(baseline, spec, trained.learned), cases, texts_for(place, use_case, spec), costs)


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
        if spec.kind == "writer":
            return scored(spec, estimator, cases, texts_for(place, use_case, spec), costs)
        return scored_unlearned(place, use_case, spec, champion.version, estimator, cases, costs=costs)
    except RegistryAway:
        raise
    except (RegistryError, TrainingError) as fault:
        why = str(fault)
    except KeyError:
        why = "it learned from columns that the cases no longer have"
    _logger.warning("champion %s version %d cannot be compared with: %s", spec.name, champion.version, why)
    return Scored([])


def _missing_share(features: pd.DataFrame) -> float:
    """Share of missing values in the feature that lacks most."""
    return float(features.isna().mean().max())


def _latency_ms(spec: ModelSpec, estimator: Any, cases: pd.DataFrame) -> float:
    """The shortest time that a batch of 100 cases took, in milliseconds: other work on the machine only adds to it."""
    rows = cases.iloc[np.arange(_LATENCY_CASES) % len(cases)]
    times = []
    for _ in range(_LATENCY_REPEATS):
        begun = time.perf_counter()
        scored(spec, estimator, rows)
        times.append(time.perf_counter() - begun)
    return min(times) * 1e3


def drift_of(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    train: Labelled,
    as_of: datetime,
    *,
    learns_all: bool = False,
) -> Moved:
    """Drift between what the challenger learned from, what the champion learned from, and what arrives now.

    ``learns_all`` says that the challenger learned from every labelled row.
    """
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
        before = learned_cases(
            place, use_case, spec, record.learned, train, as_of=as_of, most=_DRIFT_ROWS, learns_all=learns_all
        )
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
