"""Training a challenger, judging it beside champion and baseline on the same rows, and keeping the evidence."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, versions
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.drift import DriftReport, measure_drift, render_report
from aiops_flows.errors import RegistryAway, RegistryError, TrainingError
from aiops_flows.evidence.comparison import Comparison
from aiops_flows.gates import METRICS, GateResult, Scored, all_passed, as_json, judge
from aiops_flows.registry import Registered
from aiops_flows.steps.certifying import Certificate, certify
from aiops_flows.steps.figures import figures_of
from aiops_flows.steps.inference import features_of
from aiops_flows.steps.rows import Labelled, arriving, labelled_rows, learned_record, learned_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Retrained", "code_version", "in_order", "retrain", "scored"]

_logger = logging.getLogger("aiops_flows.training")
_LATENCY_CASES = 100
_LATENCY_REPEATS = 5
_GATED_DRIFT = "challenger_learned_from_vs_arriving"


@dataclass(frozen=True)
class Retrained:
    """A challenger with its evidence."""

    model: str
    version: int
    digest: str
    rows: int
    results: list[GateResult]
    drift: dict[str, DriftReport]
    certificate: Certificate | None
    evidence_digest: str
    run_id: str

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all_passed(self.results)

    @property
    def reasons(self) -> list[str]:
        """Why gates did not pass, one sentence each."""
        return [f"{result.gate}: {result.reason}" for result in self.results if not result.passed]


@dataclass(frozen=True)
class _Moved:
    """Drift reports by what was compared, and the rows of the gated comparison."""

    reports: dict[str, DriftReport]
    learned_from: pd.DataFrame
    arriving: pd.DataFrame


@dataclass(frozen=True)
class _Evidence:
    """What is kept of a judgement."""

    results: list[GateResult]
    moved: _Moved
    certificate: Certificate | None


def in_order(use_case: UseCase) -> list[ModelSpec]:
    """The models in the order of training: the one that judges verdicts last, as its certificate needs the others."""
    return sorted(use_case.models, key=lambda spec: spec.output == use_case.judged_by)


def retrain(
    place: Workspace,
    use_case: UseCase,
    model: str | ModelSpec,
    *,
    as_of: datetime | None = None,
    actor: str | None = None,
) -> Retrained:
    """Train a challenger on the labelled rows, judge it, and register it with all evidence; nothing is promoted.

    Args:
        place: where rows come from and versions go.
        use_case: the business process.
        model: the model, or its name.
        as_of: learn as if it were this moment: only cases received and outcomes known by then; default now.
        actor: who has it trained; default the settings' actor.

    Raises:
        TrainingError: there are too few labelled rows, only one class, or the estimator fails on them.
        RegistryAway: MLflow does not answer.
    """
    spec = model if isinstance(model, ModelSpec) else use_case.model(model)
    moment = as_of or datetime.now(UTC)
    train = labelled_rows(place, use_case, spec, as_of=moment, part="train", window=spec.train_window)
    judging = labelled_rows(place, use_case, spec, as_of=moment, part="judge", window=spec.train_window)
    _refuse_too_little(use_case, spec, train, judging)
    fitted = _fit(spec.estimator, spec, train)
    moved = _drift(place, use_case, spec, train, moment)
    results, scores = _judge(place, use_case, spec, (fitted, train, judging), moved.reports)
    registered = place.registry.register(
        spec.name,
        fitted,
        features=train.cases[list(spec.features)].iloc[:0],
        metrics=_metrics(spec, judging, scores, results),
        params=_params(spec, train, judging, moment),
        tags={"use_case": use_case.name, "policy_version": use_case.review.version},
        figures=figures_of(spec, judging.truth, scores),
        dataset_digest=train.digest,
        code_version=code_version(place, use_case),
        trusted=spec.trusted,
    )
    versions.register(
        place.log,
        use_case.name,
        VersionRecord(
            model=spec.name,
            version=registered.version,
            digest=registered.digest,
            run_id=registered.run_id,
            dataset_digest=train.digest,
            trained_by=actor or place.settings.actor,
            trained_at=datetime.now(UTC),
            code_version=code_version(place, use_case),
            learned=learned_record(spec, moment, len(train)),
            four_eyes=spec.four_eyes,
        ),
    )
    certificate = certify(place, use_case, spec, registered.version, fitted, as_of=moment)
    digest = _keep_evidence(place, use_case, spec, registered, _Evidence(results, moved, certificate))
    place.registry.project(spec.name, champion=_champion(place, use_case, spec), challenger=registered.version)
    return Retrained(
        spec.name,
        registered.version,
        registered.digest,
        len(train),
        results,
        moved.reports,
        certificate,
        digest,
        registered.run_id,
    )


def _champion(place: Workspace, use_case: UseCase, spec: ModelSpec) -> int | None:
    champion = promotions.champion(place.log, use_case.name, spec.name)
    return champion.version if champion else None


def _refuse_too_little(use_case: UseCase, spec: ModelSpec, train: Labelled, judging: Labelled) -> None:
    if len(train) < spec.min_rows or not len(judging):
        raise TrainingError(
            f"{use_case.name}: {spec.name} has {len(train)} labelled rows to learn from and {len(judging)} to be "
            f"judged on; {spec.min_rows} and 1 are needed. Record more outcomes of {spec.output!r}, or lower min_rows"
        )
    if spec.kind == "classifier" and len(set(train.truth)) < 2:
        raise TrainingError(
            f"{use_case.name}: every labelled row of {spec.name} has the outcome {train.truth[0]!r}; "
            "a classifier needs two classes at least"
        )


def _fit(estimator: Any, spec: ModelSpec, train: Labelled) -> Any:
    from sklearn.base import clone

    truth = train.truth.astype(str) if spec.kind == "classifier" else train.truth
    with _unquoted(spec, estimator, "learn from"):
        return clone(estimator).fit(train.cases[list(spec.features)], truth)


@contextmanager
def _unquoted(spec: ModelSpec, estimator: Any, doing: str) -> Iterator[None]:
    """Tells where an estimator failed on the cases, without its message, which quotes their values."""
    try:
        yield
    except (ValueError, TypeError) as fault:
        place = traceback.extract_tb(fault.__traceback__)[-1]
        raise TrainingError(
            f"{spec.name}: {type(estimator).__name__} cannot {doing} {list(spec.features)}: {type(fault).__name__} in "
            f"{Path(place.filename).name}, line {place.lineno}, {place.name}. Its words are left out, as they may quote "
            "a case; fit the estimator by hand on a few rows to see them"
        ) from None


def scored(spec: ModelSpec, estimator: Any, cases: pd.DataFrame) -> Scored:
    """What a fitted estimator says of cases, as the gates take it.

    Raises:
        TrainingError: it cannot answer them.
    """
    features = features_of(spec, estimator, cases)
    with _unquoted(spec, estimator, "answer"):
        if spec.kind == "regressor":
            return Scored(np.asarray(estimator.predict(features), dtype=float), None, None)
        probabilities = np.asarray(estimator.predict_proba(features), dtype=float)
    classes = [str(name) for name in estimator.classes_]
    return Scored(np.array(classes, dtype=object)[probabilities.argmax(axis=1)], probabilities, classes)


def _judge(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    trained: tuple[Any, Labelled, Labelled],
    drift: Mapping[str, DriftReport],
) -> tuple[list[GateResult], dict[str, Scored]]:
    """Gate results, and what challenger, champion and baseline said of the judging rows."""
    fitted, train, judging = trained
    baseline = _fit(_baseline(spec), spec, train)
    scores = {
        "challenger": scored(spec, fitted, judging.cases),
        "baseline": scored(spec, baseline, judging.cases),
    }
    champion = _champion_scored(place, use_case, spec, judging.cases)
    if champion is not None and len(champion.values):
        scores["champion"] = champion
    truth = judging.truth.astype(str) if spec.kind == "classifier" else judging.truth
    results = judge(
        spec,
        truth,
        scores["challenger"],
        champion,
        scores["baseline"],
        {_GATED_DRIFT: drift[_GATED_DRIFT]},
        _missing_share(train.cases[list(spec.features)]),
        _latency_ms(spec, fitted, judging.cases),
    )
    return results, scores


def _champion_scored(place: Workspace, use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame) -> Scored | None:
    """What the champion says of cases: nothing where it cannot be used, so that gates which compare with it fail.

    Raises:
        RegistryAway: MLflow does not answer; training waits.
    """
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    try:
        return scored(spec, place.load(spec, champion.version, champion.digest), cases)
    except RegistryAway:
        raise
    except (RegistryError, TrainingError) as fault:
        why = str(fault)
    except KeyError:
        why = "it learned from columns that the cases no longer have"
    _logger.warning("champion %s version %d cannot be compared with: %s", spec.name, champion.version, why)
    return Scored([])


def _baseline(spec: ModelSpec) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if spec.baseline is not None:
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


def _drift(place: Workspace, use_case: UseCase, spec: ModelSpec, train: Labelled, as_of: datetime) -> _Moved:
    """Drift between what the challenger learned from, what the champion learned from, and what arrives now."""
    columns = spec.drift_columns
    now = arriving(place, use_case, as_of=as_of)
    reports = {_GATED_DRIFT: measure_drift(train.cases, now, columns)}
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is not None:
        record = versions.get(place.log, use_case.name, spec.name, champion.version)
        before = learned_rows(place, use_case, spec, record.learned).cases
        reports["champion_learned_from_vs_arriving"] = measure_drift(before, now, columns)
        reports["champion_vs_challenger_learned_from"] = measure_drift(before, train.cases, columns)
    return _Moved(reports, train.cases, now)


def _metrics(
    spec: ModelSpec, judging: Labelled, scores: Mapping[str, Scored], results: list[GateResult]
) -> dict[str, float]:
    truth = judging.truth.astype(str) if spec.kind == "classifier" else judging.truth
    comparison = Comparison.of(spec.kind, truth, scores, resamples=1)
    found: dict[str, float] = {}
    for metric in METRICS.values():
        for who in scores if metric.kind == spec.kind else ():
            estimate = comparison.estimate(metric, who)
            if not isinstance(estimate, str):
                found[f"{who}_{metric.name}"] = estimate.value
    found["gates_passed"] = float(sum(result.passed for result in results))
    found["gates_failed"] = float(sum(not result.passed for result in results))
    return found


def _params(spec: ModelSpec, train: Labelled, judging: Labelled, as_of: datetime) -> dict[str, str]:
    return {
        "estimator": repr(spec.estimator)[:500],
        "features": ",".join(spec.features),
        "rows_learned_from": str(len(train)),
        "rows_judged_on": str(len(judging)),
        "as_of": as_of.isoformat(),
        "window": str(spec.train_window),
    }


def _keep_evidence(
    place: Workspace, use_case: UseCase, spec: ModelSpec, registered: Registered, evidence: _Evidence
) -> str:
    """Gate table, drift report and certificate as artifacts of the version; the digest of them all."""
    results, certificate, moved = evidence.results, evidence.certificate, evidence.moved
    rendered = render_report(moved.learned_from, moved.arriving, moved.reports[_GATED_DRIFT])
    document = {
        "model": spec.name,
        "version": registered.version,
        "champion": _champion(place, use_case, spec),
        "digest": registered.digest,
        "gates": json.loads(as_json(results)),
        "drift": {name: report.as_dict() for name, report in moved.reports.items()},
        "certificate": certificate.__dict__ if certificate else None,
        "report_sha256": hashlib.sha256(rendered.html).hexdigest(),
    }
    text = json.dumps(document, sort_keys=True, indent=2)
    digest = hashlib.sha256(text.encode()).hexdigest()
    place.registry.attach(
        registered.run_id,
        {
            "evidence/evidence.json": text.encode(),
            "evidence/gates.json": as_json(results).encode(),
            "evidence/drift_report.html": rendered.html,
            "evidence/drift_report.json": rendered.json,
        },
        tags={"gates": "passed" if all_passed(results) else "refused", "evidence_digest": digest},
    )
    versions.attach_evidence(
        place.log,
        use_case.name,
        spec.name,
        registered.version,
        evidence=text,
        evidence_digest=digest,
        certificate=certificate.to_json() if certificate else None,
    )
    return digest


def code_version(place: Workspace, use_case: UseCase) -> str:
    """The git commit of the use case's file (with ``+changes`` where it is edited), else the library's version."""
    if place.settings.code_version:
        return place.settings.code_version
    module = sys.modules.get(use_case.case.__module__)
    file = getattr(module, "__file__", None)
    if file:
        folder = Path(file).parent
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        if commit:
            return commit + ("+changes" if _git(folder, "status", "--porcelain", "--", file) else "")
        return f"sha256:{hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12]}"
    return "interactive"


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603, S607
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
