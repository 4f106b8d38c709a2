"""How a use case and its models do, as figures for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, questions
from aiops_flows.case_log.alarms import Alarm
from aiops_flows.evidence import bootstrap_interval, exact_interval
from aiops_flows.steps.automation import Automation
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.comparing import writing_losses
from aiops_flows.steps.decided import live_answers, mature_part
from aiops_flows.steps.quality import Quality
from aiops_flows.steps.standing import Watched
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["ModelHealth", "UseCaseHealth", "audited_error", "certificate_row", "model_health"]


@dataclass(frozen=True)
class ModelHealth:
    """How one model does, on the outcomes known by a moment.

    Outcomes that are known early, or only because a person looked, are not typical. So the error is that of the
    longest beginning of the champion's live answers of which 90 % have an outcome. While there is none, it is that of
    the outcomes there are, and not mature.
    """

    model: str
    champion: int | None
    challenger: int | None
    answers: int
    """Live answers of the champion."""
    labels: int
    """Of these, the outcomes that the error is of."""
    error: float | None
    """Share of wrong classes, mean absolute error, or of writings the mean share of letters that people changed."""
    low: float | None = None
    high: float | None = None
    mature: bool = False
    aliases_repaired: bool = False

    def __str__(self) -> str:
        if self.error is None:
            return "no outcome known yet"
        sure = f"{self.low:.4g} to {self.high:.4g}" if self.low is not None and self.high is not None else "unsure"
        shown = f"{self.error:.4g} ({sure}) of {self.labels} outcomes"
        return shown if self.mature else f"{shown}; not mature: {self.answers} answers, early outcomes are not typical"


def model_health(
    place: Workspace, use_case: UseCase, spec: ModelSpec, known_by: datetime, *, repaired: bool = False
) -> ModelHealth:
    """How the champion of a model does, on the outcomes known by a moment."""
    champion = promotions.champion(place.log, use_case.name, spec.name)
    challenger = promotions.challenger(place.log, use_case.name, spec.name)
    waiting = challenger.version if challenger else None
    if champion is None:
        return ModelHealth(spec.name, None, waiting, 0, 0, None, aliases_repaired=repaired)
    said = live_answers(place, use_case, spec)
    said = said[(said["version"] == champion.version) & (said["at"] <= known_by)]
    truth = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=known_by)
    both = said.merge(truth[["case_id", "value"]].rename(columns={"value": "truth"}), on="case_id", how="left")
    both = both.sort_values(["at", "case_id"], ignore_index=True)
    known = both["truth"].notna()
    ripe = mature_part(both["at"], known)
    counted = both[known].iloc[: int(known[:ripe].sum()) or None]
    figures = _error(spec, counted)
    return ModelHealth(
        spec.name,
        champion.version,
        waiting,
        len(both),
        len(counted),
        *figures,
        mature=ripe > 0,
        aliases_repaired=repaired,
    )


def _error(spec: ModelSpec, labelled: pd.DataFrame) -> tuple[float | None, float | None, float | None]:
    """The error with its interval of 95 %."""
    if labelled.empty:
        return None, None, None
    if spec.kind != "classifier":
        distances = (
            writing_losses(labelled, "")
            if spec.kind == "writer"
            else np.abs(labelled["value"].to_numpy(float) - labelled["truth"].to_numpy(float))
        )
        spread = bootstrap_interval(distances)
        return float(distances.mean()), spread.low, spread.high
    wrong = int((labelled["value"].astype(str) != labelled["truth"].astype(str)).sum())
    sure = exact_interval(wrong, len(labelled))
    return wrong / len(labelled), sure.low, sure.high


@dataclass(frozen=True)
class UseCaseHealth:
    """How a use case does: work, certificate, quality, alarms, and whether its record holds."""

    use_case: str
    counts: dict[str, int]
    overdue: int
    models: list[ModelHealth]
    quality: Quality
    """Figures of all decisions without a person; the error is estimated from the audit lane, or known by outcomes."""
    certificate: Certificate | None = None
    """Of the judging model's champion, renewed where it was due."""
    renewed: bool = False
    watched: list[Watched] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    """Those that are open."""
    raised: list[Alarm] = field(default_factory=list)
    """Those of them that are new."""
    lane_opened: int = 0
    """Second readings and known cases put to persons now."""
    broken: list[str] = field(default_factory=list)
    writings: list[dict[str, Any]] = field(default_factory=list)
    """What people made of the texts of each version, as `steps.corrections.writing_figures` gives it."""
    new_labels: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By model, how many labels its champion does not know, and of how many cases; their names stay in the case log."""
    automation: Automation | None = None
    """Whether policy decides cases now, and why not."""
    terms: list[dict[str, Any]] = field(default_factory=list)
    """How often people said other terms, as `steps.terms_figures.term_figures` gives it."""

    def table(self) -> list[dict[str, Any]]:
        """The figures as rows for people: what, value."""
        figures: dict[str, Any] = {name.replace("_", " "): value for name, value in self.counts.items()}
        figures["reviews overdue"] = self.overdue
        if self.automation is not None:
            figures["automation"] = str(self.automation).removeprefix("automation: ")
        figures |= {f"certificate: {what}": value for what, value in certificate_row(self.certificate).items()}
        figures["decided without a person"] = _share(self.quality.coverage, self.quality.cases)
        figures["error of automatic decisions"] = audited_error(self.quality)
        figures["the same by outcomes"] = _by_outcomes(self.quality)
        figures |= {f"{model.model} version {model.champion}: error": str(model) for model in self.models}
        figures |= {f"{each['model']} version {each['version']}: writings": _writing(each) for each in self.writings}
        figures |= {
            f"{name}: labels unknown to it": f"{new[0]}, of {new[1]} cases" for name, new in self.new_labels.items()
        }
        stated = [each for each in self.terms if each["changed"]]  # most terms only inform, and nobody changes them
        figures |= {f"{each['term']}: said in {each['said_in']}": _term(each) for each in stated}
        figures |= {f"watch: {each.name}": f"{each.verdict} ({each.reason})" for each in self.watched}
        rows = [{"what": name, "value": value} for name, value in figures.items()]
        rows += [{"what": f"alarm {alarm.number} open", "value": _alarm(alarm)} for alarm in self.alarms]
        return rows + [{"what": "broken", "value": finding} for finding in self.broken]


def certificate_row(certificate: Certificate | None) -> dict[str, Any]:
    """What people ask of a certificate first: may anything be decided, how much, until when."""
    if certificate is None:
        return {"valid until": "none", "threshold": None, "coverage": 0.0}
    return {
        "valid until": certificate.expires_at[:16] or "expired",
        "threshold": certificate.threshold,
        "coverage": round(certificate.coverage, 4),
        "promise": f"an error of at most {certificate.max_error:g}, with probability {certificate.confidence:g}",
        "labels used": certificate.labels_used,
        "reason": certificate.reason,
    }


def _writing(found: dict[str, Any]) -> str:
    changed = f"on average {found['edit_similarity']:.3f} of a text was left"
    return f"{found['accepted']:.3f} of {found['answered']} sent as they were; {changed}"


def _term(found: dict[str, Any]) -> str:
    told = f"changed in {found['changed']:.3f} of {found['said']}"
    if found["mean_difference"] is None:
        return told
    size = f"where changed typically by {found['typical_change']:.4g}"
    return f"{told}; on average {found['mean_difference']:+.4g}, {size}"


def _share(value: float | None, of: int) -> str:
    return "nothing was worked on yet" if value is None else f"{value:.3f} of {of}"


def audited_error(found: Quality) -> str:
    """The error of automatic decisions in words, with its interval and what it rests on."""
    if found.rests_on == "outcomes":
        return f"{_by_outcomes(found)}; it rests on outcomes, as the policy has no decided case read"
    if found.error is None:
        return f"unknown: none of {found.decided} was read in the audit lane yet ({found.pending} wait)"
    sure = f"95 % sure: {found.low:.3f} to {found.high:.3f}"
    decided = f"the {found.decided} cases that policy decided first, whoever decides now"
    return f"{found.error:.3f} estimated from {found.read} of {decided} ({sure}; {found.pending} wait)"


def _by_outcomes(found: Quality) -> str:
    if found.outcome_error is None:
        return f"no period is mature yet; {found.outcomes} of {found.decided} outcomes are known"
    sure = f"95 % sure: {found.outcome_low:.3f} to {found.outcome_high:.3f}"
    return f"{found.outcome_error:.3f} in mature periods ({sure})"


def _alarm(alarm: Alarm) -> str:
    about = "" if alarm.segment is None else " in one segment"  # its name is a value of cases: not for artifacts
    which = "all versions" if alarm.version is None else f"version {alarm.version}"
    return f"{alarm.kind} of {alarm.model}, {which}{about}: {alarm.action}; {alarm.reason}"
