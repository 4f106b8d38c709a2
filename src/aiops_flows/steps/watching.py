"""Watching what runs: drift of what arrives, quality of what was decided, work that waits."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import audit, promotions, questions, versions
from aiops_flows.drift import DriftReport, RenderedReport, measure_drift, render_report
from aiops_flows.errors import RegistryError
from aiops_flows.evidence import exact_interval
from aiops_flows.steps.promotion import repair_aliases
from aiops_flows.steps.review import overdue
from aiops_flows.steps.rows import arriving, learned_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["DriftCheck", "ModelHealth", "UseCaseHealth", "check_drift", "is_news", "keep_report", "monitor"]

_logger = logging.getLogger("aiops_flows.watching")


@dataclass(frozen=True)
class DriftCheck:
    """Drift between what a champion learned from and what arrives now."""

    model: str
    version: int | None
    report: DriftReport | None
    rendered: RenderedReport | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """``drift``, ``no drift`` or ``unknown``."""
        return self.report.verdict if self.report else "unknown"


def check_drift(
    place: Workspace, use_case: UseCase, *, as_of: datetime | None = None, rows: int = 2_000, render: bool = True
) -> list[DriftCheck]:
    """For each model, drift between what its champion learned from and the latest cases.

    Args:
        place: where cases are read.
        use_case: the business process.
        as_of: look as if it were this moment; default now.
        rows: how many of the latest cases are looked at.
        render: also make Evidently's report for people.
    """
    moment = as_of or datetime.now(UTC)
    now = arriving(place, use_case, as_of=moment, rows=rows)
    return [_check(place, use_case, spec, now, render=render) for spec in use_case.models]


def _check(place: Workspace, use_case: UseCase, spec: ModelSpec, now: pd.DataFrame, *, render: bool) -> DriftCheck:
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return DriftCheck(spec.name, None, None, reason=f"{spec.name} has no champion to compare with")
    record = versions.get(place.log, use_case.name, spec.name, champion.version)
    before = learned_rows(place, use_case, spec, record.learned).cases
    report = measure_drift(before, now, spec.drift_columns)
    rendered = render_report(before, now, report) if render and len(before) and len(now) else None
    return DriftCheck(spec.name, champion.version, report, rendered, report.reason)


def is_news(place: Workspace, use_case: UseCase, check: DriftCheck) -> bool:
    """Whether a check says drift and the check before, of the same champion, did not: one alarm calls one retraining.

    Asked before `keep_report`, which remembers the verdict beside the champion in MLflow; in doubt it is news.
    """
    if check.verdict != "drift" or check.version is None:
        return False
    record = versions.get(place.log, use_case.name, check.model, check.version)
    try:
        return place.registry.tag_of(record.run_id, "drift") != "drift"
    except RegistryError:
        return True


def keep_report(place: Workspace, use_case: UseCase, check: DriftCheck) -> Path:
    """Keep Evidently's report of a check: in the home folder, and beside the champion in MLflow where it answers."""
    if check.rendered is None or check.version is None:
        raise ValueError(f"{check.model}: there is no report to keep; check with render=True, and with a champion")
    folder = place.settings.folder / "reports" / use_case.name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{check.model}-drift.html"
    file.write_bytes(check.rendered.html)
    record = versions.get(place.log, use_case.name, check.model, check.version)
    try:
        place.registry.attach(record.run_id, {"watching/drift.html": check.rendered.html}, {"drift": check.verdict})
    except RegistryError as fault:
        _logger.warning("the drift report is only in %s: %s", file, fault)
    return file


@dataclass(frozen=True)
class ModelHealth:
    """How one model does, on the outcomes known by now."""

    model: str
    champion: int | None
    challenger: int | None
    labels: int
    error: float | None
    """Share of wrong classes, or mean absolute error."""
    low: float | None = None
    high: float | None = None
    aliases_repaired: bool = False


@dataclass(frozen=True)
class UseCaseHealth:
    """How a use case does: work, quality, and whether its record holds."""

    use_case: str
    counts: dict[str, int]
    overdue: int
    models: list[ModelHealth]
    automatic_labels: int
    automatic_errors: int
    automatic_low: float | None
    automatic_high: float | None
    broken: list[str] = field(default_factory=list)

    def table(self) -> list[dict[str, Any]]:
        """The figures as rows for people: what, value."""
        rows: list[dict[str, Any]] = [
            {"what": name.replace("_", " "), "value": value} for name, value in self.counts.items()
        ]
        rows.append({"what": "reviews overdue", "value": self.overdue})
        shown = "no outcome known yet"
        if self.automatic_labels:
            share = self.automatic_errors / self.automatic_labels
            sure = f"95 % sure: {self.automatic_low:.3f} to {self.automatic_high:.3f}"
            shown = f"{share:.3f} of {self.automatic_labels} ({sure})"
        rows.append({"what": "wrong among automatic decisions", "value": shown})
        for model in self.models:
            error = "no outcome known yet" if model.error is None else f"{model.error:.4g} of {model.labels} outcomes"
            rows.append({"what": f"{model.model} version {model.champion}: error", "value": error})
        rows += [{"what": "broken", "value": finding} for finding in self.broken]
        return rows


def monitor(place: Workspace, use_case: UseCase, *, as_of: datetime | None = None) -> UseCaseHealth:
    """The figures of a use case as known at a moment; leftovers of killed runs are closed, aliases repaired.

    The error of automatic decisions is that of all whose outcome is known; early outcomes may not be typical of late
    ones.
    """
    moment = as_of or datetime.now(UTC)
    wrong, labels = _automatic_errors(place, use_case, moment)
    sure = exact_interval(wrong, labels) if labels else None
    counts = questions.counts(place.log, use_case.name)
    row = {} if counts.empty else counts.iloc[0].drop("use_case").to_dict()
    models = [_health(place, use_case, spec, moment) for spec in use_case.models]
    _close_leftovers(place)
    return UseCaseHealth(
        use_case.name,
        {str(name): int(value) for name, value in row.items()},
        len(overdue(place, use_case)),
        models,
        labels,
        wrong,
        sure.low if sure else None,
        sure.high if sure else None,
        audit.check_invariants(place.log),
    )


def _close_leftovers(place: Workspace) -> None:
    try:
        for run_id in place.registry.close_leftovers():
            _logger.info("MLflow run %s was left open by a process that ended; it is closed", run_id)
    except RegistryError as fault:
        _logger.warning("runs that were left open are closed later: %s", fault)


def _automatic_errors(place: Workspace, use_case: UseCase, as_of: datetime) -> tuple[int, int]:
    """Wrong and all automatic decisions whose outcome is known."""
    decided = questions.effective(place.log, use_case.name)
    decided = decided[decided["actor_kind"] == "policy"]
    truth = questions.outcomes(place.log, use_case.name, name=use_case.judged_by, known_by=as_of)
    both = decided.merge(truth, on="case_id")
    return int((both["verdict"].astype(str) != both["value"].astype(str)).sum()), len(both)


def _health(place: Workspace, use_case: UseCase, spec: ModelSpec, as_of: datetime) -> ModelHealth:
    champion = promotions.champion(place.log, use_case.name, spec.name)
    challenger = promotions.challenger(place.log, use_case.name, spec.name)
    waiting = challenger.version if challenger else None
    repaired = repair_aliases(place, use_case, spec)
    if champion is None:
        return ModelHealth(spec.name, None, waiting, 0, None, aliases_repaired=repaired)
    said = questions.predictions(place.log, use_case.name, model=spec.name)
    said = said[said["version"] == champion.version]
    truth = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=as_of)
    both = said.merge(truth, on="case_id", suffixes=("_said", "_true"))
    if both.empty:
        return ModelHealth(spec.name, champion.version, waiting, 0, None, aliases_repaired=repaired)
    if spec.kind == "regressor":
        errors = (both["value_said"].astype(float) - both["value_true"].astype(float)).abs()
        spread = 1.96 * float(errors.std()) / np.sqrt(len(errors)) if len(errors) > 1 else float("nan")
        error = float(errors.mean())
        return ModelHealth(
            spec.name, champion.version, waiting, len(both), error, error - spread, error + spread, repaired
        )
    wrong = int((both["value_said"].astype(str) != both["value_true"].astype(str)).sum())
    sure = exact_interval(wrong, len(both))
    return ModelHealth(
        spec.name, champion.version, waiting, len(both), wrong / len(both), sure.low, sure.high, repaired
    )
