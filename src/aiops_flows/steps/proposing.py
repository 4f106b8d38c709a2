"""What policy would do with each case, and why: by its rules, under its certificate, unless an alarm stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log.alarms import Alarm
from aiops_flows.case_log.holds import Hold
from aiops_flows.steps.certificate import Certificate, why_nothing_is_allowed
from aiops_flows.steps.verdicts import confidence_of, needs_cases, rule_verdicts, segments_of
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Proposal", "propose"]


@dataclass(frozen=True)
class Proposal:
    """What policy would do with each case: a verdict, or None for a person; and the reason."""

    verdicts: list[str | None]
    reasons: list[str]


@dataclass(frozen=True)
class _Asked:
    """Cases that are looked at, and what is found of them so far, one entry a case."""

    use_case: UseCase
    cases: pd.DataFrame
    certificate: Certificate
    segments: NDArray[np.object_]
    verdicts: NDArray[np.object_]
    reasons: NDArray[np.object_]
    """Written as it is found."""


def propose(
    use_case: UseCase,
    cases: pd.DataFrame,
    certificate: Certificate | None,
    *,
    at: datetime | None = None,
    alarms: Sequence[Alarm] = (),
    holds: Sequence[Hold] = (),
) -> Proposal:
    """What policy would do with each case; pure: nothing is read or stored.

    Args:
        use_case: the business process with its policy.
        cases: frame as `predict` gives it.
        certificate: under which policy decides.
        at: the moment at which it must be valid; default now.
        alarms: those that stand; one that sends cases to people keeps policy from deciding them.
        holds: those that are in force; under one policy decides nothing.

    Raises:
        UseCaseError: a rule does not give one truth value a row.
    """
    verdicts, ruled = rule_verdicts(use_case, cases)
    reasons = np.full(len(cases), "no rule of the policy decides this", dtype=object)
    allowed = ruled.copy()
    for model in use_case.decisive:
        silent = cases[f"{model.output}_version"].isna().to_numpy() if len(cases) else np.zeros(0, dtype=bool)
        notes = cases[f"{model.output}_note"].to_numpy(dtype=object)
        reasons[silent] = notes[silent]
        allowed &= ~silent
    judge, policy = use_case.model(use_case.judged_by).name, use_case.review.version
    uncertified = why_nothing_is_allowed(certificate, judge=judge, policy=policy, at=at or datetime.now(UTC))
    reason = _why_held(holds) or uncertified
    if certificate is None or reason:
        reasons[allowed] = reason
        allowed[:] = False
    else:
        asked = _Asked(use_case, cases, certificate, segments_of(use_case, cases), verdicts, reasons)
        allowed = _certified(asked, _by_certified_versions(asked, _without_alarm(asked, alarms, allowed)))
    return Proposal([verdict if ok else None for verdict, ok in zip(verdicts, allowed, strict=True)], reasons.tolist())


def _why_held(holds: Sequence[Hold]) -> str:
    return f"automatic decisions are held: {holds[0]}" if holds else ""


def _without_alarm(asked: _Asked, alarms: Sequence[Alarm], allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the allowed cases those that no alarm sends to people; the others get its reason."""
    rests_on = asked.certificate.rests_on
    for alarm in alarms:
        if alarm.action != "to people" or alarm.model not in rests_on:
            continue
        if alarm.version not in {None, rests_on[alarm.model]}:
            continue
        everywhere = alarm.segment is None or asked.use_case.review.segments is None
        stopped = allowed & (everywhere | (asked.segments == alarm.segment))
        asked.reasons[stopped] = f"alarm {alarm.number} sends it to people: {alarm.reason}"
        allowed = allowed & ~stopped
    return allowed


def _answered_by(spec: ModelSpec, cases: pd.DataFrame, version: int | None) -> NDArray[np.bool_]:
    """Whether each case has its prediction from this version."""
    if version is None:
        return np.zeros(len(cases), dtype=bool)
    return np.asarray((cases[f"{spec.output}_version"] == version).fillna(value=False), dtype=bool)


def _by_certified_versions(asked: _Asked, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the allowed cases those that were answered by the versions of the certificate; the others get the reason."""
    for spec in asked.use_case.decisive:
        version = asked.certificate.rests_on.get(spec.name)
        same = _answered_by(spec, asked.cases, version)
        if spec.name == asked.certificate.model:
            why = f"answered by another version of {spec.name} than the certified {version}"
        else:
            why = f"answered by another version of {spec.name} than it was certified with"
        asked.reasons[allowed & ~same] = why
        allowed = allowed & same
    return allowed


def _certified(asked: _Asked, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the allowed cases those that reach the threshold of their segment; all get the reason."""
    confidence = confidence_of(asked.certificate.sure, asked.cases)
    sure = np.zeros(len(asked.cases), dtype=bool)
    for segment, these in _by_segment(asked.use_case, asked.segments, allowed):
        threshold, why = _threshold(asked.use_case, asked.certificate, segment)
        if threshold is None:
            asked.reasons[these] = why
            continue
        reached = these & (confidence >= threshold)
        unsure = f"{_judges(asked.use_case)} is less sure than the certified threshold {threshold:.4f}"
        asked.reasons[these & ~reached] = unsure
        for verdict in asked.use_case.review.auto:
            reason = _reason_of(asked.use_case, verdict, asked.certificate, threshold)
            asked.reasons[reached & (asked.verdicts == verdict)] = reason
        sure |= reached
    return sure


def _by_segment(
    use_case: UseCase, segments: NDArray[np.object_], allowed: NDArray[np.bool_]
) -> list[tuple[str, NDArray[np.bool_]]]:
    """The allowed cases, apart by segment."""
    if use_case.review.segments is None:
        return [("", allowed)]
    names = dict.fromkeys(segments[allowed].tolist())
    return [(name, allowed & (segments == name)) for name in names]


def _threshold(use_case: UseCase, certificate: Certificate, segment: str) -> tuple[float | None, str]:
    """The threshold for a segment's cases, or why there is none."""
    column = use_case.review.segments
    if column is None:
        return certificate.threshold, ""
    if not segment:
        return None, f"{column} is missing, so no certified threshold applies"
    found = certificate.segments.get(segment)
    if found is None:
        return None, f"{column} {segment!r} has no certified threshold: no labelled row has that value"
    return found.threshold, f"{column} {segment!r} has no certified threshold: {found.reason}"


def _judges(use_case: UseCase) -> str:
    names = [use_case.model(output).name for output in use_case.judges]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _reason_of(use_case: UseCase, verdict: str, certificate: Certificate, threshold: float) -> str:
    share = f"{100 * certificate.max_error:.3g}%"
    promised = f"a mean loss of at most {share} of the worst" if needs_cases(use_case) else f"at most {share} wrong"
    return (
        f"rule '{verdict}', certified: {promised} with probability "
        f"{certificate.confidence:.0%} from confidence {threshold:.4f} up"
    )
