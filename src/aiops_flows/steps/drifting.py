"""Drift of what arrives from what a champion learned from, breaks in its supply, and what follows from both."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import alarms, promotions, versions
from aiops_flows.case_log.promotions import Champion
from aiops_flows.drift import DriftReport, RenderedReport, find_breaks, measure_drift, render_report
from aiops_flows.drift.impact import DriftImpact
from aiops_flows.drift.measuring import FEWEST_ROWS
from aiops_flows.errors import RegistryError
from aiops_flows.private_files import private_folder, write_private
from aiops_flows.steps.actions import Action, Finding, actions_for
from aiops_flows.steps.predicted import columns_of, said_at_first, said_now
from aiops_flows.steps.rows import arriving, learned_rows
from aiops_flows.steps.slice_drift import slices_of
from aiops_flows.steps.verdicts import segments_of
from aiops_flows.steps.weighing_drift import impact_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["DriftCheck", "Rates", "check_drift", "findings", "is_news", "keep_report"]

_logger = logging.getLogger("aiops_flows.drifting")
_LEARNED_ROWS = 5_000
_MOST_SEGMENTS = 20
_WATCHED_KINDS = frozenset({"drift", "data quality"})


@dataclass(frozen=True)
class Rates:
    """How often unchanged data may be called drifted."""

    whole: float = 0.05
    """By each of the reports of a check (of the columns, of the answers, of the slices), over all they look at."""
    column: float | None = None
    """By any one column alone; by default no column is alarmed alone."""

    @classmethod
    def of(cls, spec: ModelSpec) -> Rates:
        """Those that a model declares."""
        return cls(spec.drift_rate, spec.column_drift_rate)


@dataclass(frozen=True)
class DriftCheck:
    """Drift between what a champion learned from and what arrives now, and what follows."""

    model: str
    version: int | None
    report: DriftReport | None
    rendered: RenderedReport | None = None
    reason: str = ""
    predictions: DriftReport | None = None
    """Drift of what the champion says, against what it said of the rows it was judged on; None without a champion."""
    actions: list[Action] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """``drift``, ``no drift`` or ``unknown``: of the watched columns, not of the predictions."""
        return self.report.verdict if self.report else "unknown"

    @property
    def summary(self) -> str:
        """The verdict in words, with whether the drift is expected to matter."""
        return "drift that is not expected to matter" if self.verdict == "drift" and not self.matters else self.verdict

    @property
    def matters(self) -> bool:
        """Whether there is drift that matters, or of which that is not known."""
        moved = self.verdict == "drift" or bool(self.drifted_slices)
        return moved and (bool(self.drifted_slices) or self.report is None or self.report.matters is not False)

    @property
    def drifted_slices(self) -> list[str]:
        """The values of the column that the model is watched by which moved away from their own past."""
        return self.report.slices.drifted if self.report and self.report.slices else []


def check_drift(
    place: Workspace,
    use_case: UseCase,
    *,
    as_of: datetime | None = None,
    rows: int = 2_000,
    render: bool = True,
    rates: Rates | None = None,
    alarm: bool | None = None,
) -> list[DriftCheck]:
    """For each model, drift between what its champion learned from and the latest cases, and what follows from it.

    Alarms are raised for what follows; those of earlier checks of the same model are cleared where this one does not
    find their cause again. Where too little was there to tell, they stand.

    Args:
        place: where cases are read, and alarms are kept.
        use_case: the business process.
        as_of: look as if it were this moment; default now.
        rows: how many of the latest cases are looked at.
        render: also make Evidently's report for people.
        rates: how often unchanged data may be called drifted; by default what each model declares.
        alarm: raise and clear alarms; otherwise nothing is written. By default where it looks at the present.
    """
    moment = as_of or place.now()
    now = arriving(place, use_case, as_of=moment, rows=rows)
    checks = [
        _check(place, use_case, spec, now, rates or Rates.of(spec), as_of=moment, render=render)
        for spec in use_case.models
    ]
    for check in checks if (as_of is None if alarm is None else alarm) else ():
        _keep_alarms(place, use_case, check)
    return checks


def _check(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    now: pd.DataFrame,
    rates: Rates,
    *,
    as_of: datetime,
    render: bool,
) -> DriftCheck:
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return DriftCheck(spec.name, None, None, reason=f"{spec.name} has no champion to compare with")
    learned = versions.get(place.log, use_case.name, spec.name, champion.version).learned
    before = learned_rows(place, use_case, spec, learned, _LEARNED_ROWS).cases
    columns, texts = spec.drift_columns, use_case.case.texts()
    report = measure_drift(before, now, columns, false_alarm_rate=rates.whole, column_rate=rates.column, texts=texts)
    report = replace(
        report,
        breaks=find_breaks(before, now, columns, texts=texts) if len(before) else [],
        slices=slices_of(place, use_case, spec, learned, as_of=as_of, rate=rates.whole),
    )
    present = said_now(place, use_case, spec, champion, now["case_id"].tolist())
    said = _said(place, use_case, spec, champion, learned, now, present, rates)
    impact = _impact(place, use_case, spec, champion, present, (report, said), as_of)
    report = replace(report, impact=impact if isinstance(impact, DriftImpact) else None)
    segments = _segments(use_case, before, now, columns, report)
    found = findings(spec, report, said, segments, of_slices=spec.watched_by == use_case.review.segments)
    actions = actions_for(found, use_case.review)
    report = replace(report, actions=[action.as_row() for action in actions])
    rendered = render_report(before, now, report, predictions=said) if render and len(before) and len(now) else None
    told = impact.reason if isinstance(impact, DriftImpact) else impact
    reason = "; ".join(filter(None, [report.reason, told, report.slices.reason if report.slices else ""]))
    return DriftCheck(spec.name, champion.version, report, rendered, reason, said, actions)


def _impact(  # noqa: PLR0917  all seven are what is weighed
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    champion: Champion,
    present: pd.DataFrame,
    moved: tuple[DriftReport, DriftReport],
    as_of: datetime,
) -> DriftImpact | str:
    """How much it matters that the columns or the answers moved; nothing to say where neither did."""
    if all(report.verdict != "drift" for report in moved):
        return ""
    return impact_of(place, use_case, spec, champion, present, as_of=as_of)


def _said(  # noqa: PLR0917  all eight are what is compared
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    champion: Champion,
    learned: str,
    now: pd.DataFrame,
    current: pd.DataFrame,
    rates: Rates,
) -> DriftReport:
    """Drift of the champion's answers; cases that stand on the current side are left out of the reference."""
    if len(current) < FEWEST_ROWS:
        reason = f"{spec.name} version {champion.version} answered {len(current)} of the latest {len(now)} cases"
        unknown = measure_drift(current, current, columns_of(spec), false_alarm_rate=rates.whole)
        return replace(unknown, reason=f"{reason}; at least {FEWEST_ROWS} are needed to tell drift from chance")
    reference = said_at_first(place, use_case, spec, champion, learned)
    if len(reference):
        reference = reference[~reference["case_id"].isin(current["case_id"])]
    return measure_drift(reference, current, columns_of(spec), false_alarm_rate=rates.whole, column_rate=rates.column)


def findings(
    spec: ModelSpec,
    report: DriftReport,
    said: DriftReport | None,
    segments: Sequence[str] = (),
    *,
    of_slices: bool = False,
) -> list[Finding]:
    """What a check has found, in words without a value of a case; ``segments`` are those that drifted by themselves.

    Drift that is expected not to matter (`DriftImpact`) is a finding from which nothing follows. Where that is not
    known, it counts as drift.

    ``of_slices`` says that the values which are watched one by one are the policy's segments.
    """
    found = [
        Finding("broken feature" if each.column in spec.features else "broken column", str(each))
        for each in report.breaks
    ]
    harmless = report.matters is False
    if report.verdict == "drift":
        about: list[str | None] = [*segments] or [None]
        what = "; ".join(filter(None, [report.reason, report.impact.reason if report.impact else ""]))
        found += [Finding("harmless drift" if harmless else "drift", what, segment) for segment in about]
    elif report.alarmed_columns:
        found.append(Finding("column drift", _alone(report)))
    if report.slices is not None and report.slices.verdict == "drift":
        apart: list[str | None] = [*report.slices.drifted] if of_slices else [None]
        found += [Finding("slice drift", report.slices.reason, value) for value in apart]
    if said is not None and said.verdict == "drift" and not harmless:
        found.append(Finding("prediction drift", said.reason))
    return found


def _alone(report: DriftReport) -> str:
    told = [f"{each.name} (p = {each.p_value:.3g})" for each in report.columns if each.alarmed]
    return f"moved at the rate of a column alone, {report.column_rate:g}: {', '.join(told)}"


def _segments(
    use_case: UseCase, before: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str], report: DriftReport
) -> list[str]:
    """The segments that drifted by themselves, where the whole did; the rate is divided among those large enough.

    At most the twenty largest are looked at. None is named where all of them can be told from chance only together.
    Segments that a model's answers are, and no column of the cases, are not looked at apart.
    """
    if use_case.review.segments not in before.columns or report.verdict != "drift":
        return []
    marks = segments_of(use_case, before), segments_of(use_case, now)
    sizes = [Counter(mark.tolist()) for mark in marks]
    large = [name for name, size in sizes[1].most_common() if name and size >= FEWEST_ROWS <= sizes[0][name]]
    names = large[:_MOST_SEGMENTS]
    rate = max(report.alarm_rate / max(len(names), 1), 0.001)
    moved = [
        measure_drift(
            before[marks[0] == name],
            now[marks[1] == name],
            columns,
            false_alarm_rate=rate,
            texts=use_case.case.texts(),
        )
        for name in names
    ]
    return [name for name, each in zip(names, moved, strict=True) if each.verdict == "drift"]


def _keep_alarms(place: Workspace, use_case: UseCase, check: DriftCheck) -> None:
    """Raise what follows from a check; clear what stood for this model and does not follow any more."""
    if check.version is None or check.report is None:
        return
    actor = place.settings.actor
    standing = {
        alarms.raise_alarm(
            place.log,
            use_case.name,
            model=check.model,
            version=check.version,
            kind=action.alarm,
            segment=action.finding.segment,
            action=action.action,
            reason=action.finding.what,
            evidence=_evidence(check),
            actor=actor,
            four_eyes=use_case.restart_takes_two,
        )
        for action in check.actions
    }
    if check.verdict == "unknown":
        return
    for each in alarms.open_alarms(place.log, use_case.name, model=check.model):
        if each.kind in _WATCHED_KINDS and each.number not in standing:  # of earlier champions as well
            if each.four_eyes:
                continue  # no schedule starts again what takes two people to start again
            alarms.clear(place.log, use_case.name, each.number, reason=f"a later check: {check.reason}", actor=actor)


def _evidence(check: DriftCheck) -> str:
    """What was measured, as JSON text: both reports with breaks and actions; no value of a case but a slice's name."""
    reports: dict[str, Any] = {"report": check.report, "predictions": check.predictions}
    return json.dumps(
        {name: report.as_dict() if report else None for name, report in reports.items()},
        allow_nan=False,
        ensure_ascii=False,
    )


def is_news(place: Workspace, use_case: UseCase, check: DriftCheck) -> bool:
    """Whether a check found drift that matters and the check before, of the same champion, did not.

    So one alarm calls one retraining.

    Asked before `keep_report`, which remembers the verdict beside the champion in MLflow; in doubt it is news.
    """
    if check.verdict != "drift" or not check.matters or check.version is None:
        return False
    record = versions.get(place.log, use_case.name, check.model, check.version)
    try:
        return place.registry.tag_of(record.run_id, "drift") != "drift"
    except RegistryError:
        return True


def _remembered(check: DriftCheck) -> str:
    """The verdict that the next check compares with: drift that does not matter calls nobody, and is no news later."""
    return check.verdict if check.verdict != "drift" or check.matters else "harmless drift"


def keep_report(place: Workspace, use_case: UseCase, check: DriftCheck) -> Path:
    """Keep Evidently's report of a check: in the home folder, and beside the champion in MLflow where it answers."""
    if check.rendered is None or check.version is None:
        raise ValueError(f"{check.model}: there is no report to keep; check with render=True, and with a champion")
    folder = place.settings.folder / "reports" / use_case.name
    file = private_folder(folder) / f"{check.model}-drift.html"
    write_private(file, check.rendered.html)
    record = versions.get(place.log, use_case.name, check.model, check.version)
    try:
        place.registry.attach(
            record.run_id, {"watching/drift.html": check.rendered.html}, {"drift": _remembered(check)}
        )
    except RegistryError as fault:
        _logger.warning("the drift report is only in %s: %s", file, fault)
    return file
