"""Training a challenger, having it judged, and keeping the evidence with it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from aiops_flows.case_log import promotions, versions
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.drift import DriftReport, render_report
from aiops_flows.errors import TrainingError
from aiops_flows.gate_results import GateResult, all_passed, as_json
from aiops_flows.progress import step
from aiops_flows.registry import Registered
from aiops_flows.steps.certifying import Certificate, certify
from aiops_flows.steps.code import code_version
from aiops_flows.steps.cross_fitting import Trained, can_be_cross_fitted, train
from aiops_flows.steps.figures import figures_of
from aiops_flows.steps.judging import GATED_DRIFT, Moved, drift_of, judged, metrics_of
from aiops_flows.steps.labelled_counts import labelled_counts
from aiops_flows.steps.made_up import made_up_rows
from aiops_flows.steps.parts import BY_TIME, FEWEST_MOMENTS
from aiops_flows.steps.private_values import private_columns, refuse_private_values
from aiops_flows.steps.rows import Parted, learned_record, parted_rows
from aiops_flows.steps.unlearned import STORED_ANSWERS
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Retrained", "in_order", "retrain"]


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
        return [f"{result.gate}: {result.reason}" for result in self.results if result.passed is False]


@dataclass(frozen=True)
class _Evidence:
    """What is kept of a judgement."""

    results: list[GateResult]
    moved: Moved
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
    moment = as_of or place.now()
    step("%s: reading labelled rows", spec.name)
    rows = _rows(place, use_case, spec, moment)
    learned, judging = rows.learned, rows.parts["judge"]
    _refuse_too_little(place, use_case, spec, rows, moment)
    code = code_version(place, use_case)
    step("%s: training on %d rows%s", spec.name, len(learned), _more_fits(rows))
    trained = train(spec, rows)
    step("%s: comparing what arrives with what it learned from", spec.name)
    moved = drift_of(place, use_case, spec, learned, moment, learns_all=rows.cut.learns_all)
    step("%s: judging it on %d rows beside champion and baseline", spec.name, len(judging))
    results, scores = judged(place, use_case, spec, trained, moved.reports)
    step("%s: registering the version", spec.name)
    registered = place.registry.register(
        spec.name,
        trained.estimator,
        features=made_up_rows(use_case.case, learned.cases[list(spec.features)]),
        metrics=metrics_of(spec, judging, scores, results),
        params=_params(spec, rows, moment),
        tags={"use_case": use_case.name, "policy_version": use_case.review.version},
        figures=figures_of(spec, judging.truth, scores),
        dataset_digest=learned.digest,
        code_version=code,
        trusted=spec.trusted,
        inspect=partial(
            refuse_private_values, spec, learned.cases, private_columns(use_case.case, spec, learned.cases)
        ),
    )
    unlearned = _keep_answers(place, registered, trained)
    versions.register(
        place.log,
        use_case.name,
        VersionRecord(
            model=spec.name,
            version=registered.version,
            digest=registered.digest,
            run_id=registered.run_id,
            dataset_digest=learned.digest,
            trained_by=actor or place.settings.actor,
            trained_at=place.now(),
            code_version=code,
            learned=learned_record(spec, moment, len(learned), rows.cut, unlearned),
            four_eyes=spec.four_eyes,
        ),
    )
    step("%s: certifying how much may be decided without a person", spec.name)
    certificate = certify(
        place, use_case, spec, registered.version, trained.estimator, rows.parts["certify"], as_of=moment
    )
    step("%s: storing the evidence", spec.name)
    digest = _keep_evidence(place, use_case, spec, registered, _Evidence(results, moved, certificate))
    place.registry.project(spec.name, champion=_champion(place, use_case, spec), challenger=registered.version)
    return Retrained(
        spec.name,
        registered.version,
        registered.digest,
        len(learned),
        results,
        moved.reports,
        certificate,
        digest,
        registered.run_id,
    )


def _rows(place: Workspace, use_case: UseCase, spec: ModelSpec, as_of: datetime) -> Parted:
    """The labelled rows as the model declares; some are held out where a fold would leave one class only."""
    rows = parted_rows(place, use_case, spec, as_of=as_of, window=spec.train_window, cross_fit=True)
    if rows.cut.folds and not can_be_cross_fitted(spec, rows):
        return parted_rows(place, use_case, spec, as_of=as_of, window=spec.train_window)
    return rows


def _more_fits(rows: Parted) -> str:
    """How often the estimator is fitted, where that is more than once."""
    return f", and on {rows.cut.folds} times a part of them" if rows.cut.folds else ""


def _keep_answers(place: Workspace, registered: Registered, trained: Trained) -> str | None:
    """Attach the answers of models that had not learned from the rows; the SHA-256 of that file, if there is one."""
    if trained.stored is None:
        return None
    content = trained.stored.to_bytes()
    place.registry.attach(registered.run_id, {STORED_ANSWERS: content})
    return hashlib.sha256(content).hexdigest()


def _champion(place: Workspace, use_case: UseCase, spec: ModelSpec) -> int | None:
    champion = promotions.champion(place.log, use_case.name, spec.name)
    return champion.version if champion else None


def _refuse_too_little(place: Workspace, use_case: UseCase, spec: ModelSpec, rows: Parted, as_of: datetime) -> None:
    learned = rows.parts["train"] if rows.cut.column == BY_TIME else rows.learned
    judging = rows.parts["judge"]
    if len(learned) < spec.min_rows or not len(judging):
        raise TrainingError(
            f"{use_case.name}: {spec.name} has {len(learned)} labelled rows to learn from and {len(judging)} to be "
            f"judged on; {spec.min_rows} and 1 are needed. {_remedy(place, use_case, spec, rows, as_of)}"
        )
    if spec.kind == "classifier" and len(set(learned.truth)) < 2:
        raise TrainingError(
            f"{use_case.name}: every labelled row of {spec.name} has the outcome {learned.truth[0]!r}; "
            "a classifier needs two classes at least"
        )


def _remedy(place: Workspace, use_case: UseCase, spec: ModelSpec, rows: Parted, as_of: datetime) -> str:
    """What left rows out and what to do about it: their dates, or how they were parted."""
    counts = labelled_counts(place, use_case, spec, as_of=as_of, window=spec.train_window)
    if spec.needs_outcomes and counts.reasons:
        return f"{str(counts)[:1].upper()}{str(counts)[1:]}"
    parted = rows.cut
    if parted.column == BY_TIME and parted.judge_from is None:
        return (
            f"Rows are parted by time, which takes {FEWEST_MOMENTS} different moments of receipt with known outcomes, "
            "2 of them since those that the champion learned from; record more, or cut by another field"
        )
    if parted.column == BY_TIME and rows.left_out:
        return (
            f"{rows.left_out} more were received before {parted.judge_from:%Y-%m-%d %H:%M}, when judging begins, but "
            "their outcome was known only later, so they are left out; give outcomes the moment at which they became "
            "known (known_at), or record more"
        )
    if parted.column not in {BY_TIME, "case_id"} and not len(rows.parts["judge"]):
        return f"All cases with the same {parted.column} are in one part; take in cases of more of them"
    return f"Record more outcomes of {spec.output!r}, or lower min_rows" if spec.needs_outcomes else "Take in cases"


def _params(spec: ModelSpec, rows: Parted, as_of: datetime) -> dict[str, str]:
    return {
        "estimator": repr(spec.estimator)[:500],
        "features": ",".join(spec.features),
        "rows_learned_from": str(len(rows.learned)),
        "rows_judged_on": str(len(rows.parts["judge"])),
        "folds": str(rows.cut.folds),
        "as_of": as_of.isoformat(),
        "window": str(spec.train_window),
    }


def _keep_evidence(
    place: Workspace, use_case: UseCase, spec: ModelSpec, registered: Registered, evidence: _Evidence
) -> str:
    """Gate table, drift report and certificate as artifacts of the version; the digest of them all."""
    results, certificate, moved = evidence.results, evidence.certificate, evidence.moved
    rendered = render_report(moved.learned_from, moved.arriving, moved.reports[GATED_DRIFT])
    document = {
        "model": spec.name,
        "version": registered.version,
        "champion": _champion(place, use_case, spec),
        "digest": registered.digest,
        "gates": json.loads(as_json(results)),
        "drift": {name: report.as_dict() for name, report in moved.reports.items()},
        "certificate": json.loads(certificate.to_json()) if certificate else None,
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
