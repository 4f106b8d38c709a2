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
from aiops_flows.steps.likeness import Before, unlike_parts
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
    before: Before | None = None,
) -> Proposal:
    """What policy would do with each case; pure: nothing is read or stored.

    Args:
        use_case: the business process with its policy.
        cases: frame as `predict` gives it.
        certificate: under which policy decides.
        at: the moment at which it must be valid; default now.
        alarms: those that stand; one that sends cases to people keeps policy from deciding them.
        holds: those that are in force; under one policy decides nothing.
        before: the latest cases before these (may be empty). With it, the cases are compared with the certified rows,
            and those that are not like them go to people. None where the cases were chosen, as in a recall.

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
        allowed = _by_certified_versions(asked, _without_alarm(asked, alarms, allowed))
        allowed = _certified(asked, _like_the_certified(asked, before, allowed))
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


def _like_the_certified(asked: _Asked, before: Before | None, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the allowed cases those that are like the certified rows; the others get the reason."""
    certified = asked.certificate.rows
    if before is None or certified is None or not asked.use_case.review.batch_false_alarms:
        return allowed
    for part in unlike_parts(asked.use_case, certified, asked.cases, before):
        stopped = allowed & part.cases
        asked.reasons[stopped] = part.reason
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
    """Of the allowed cases those that reach the threshold of their verdict and segment; all get the reason."""
    confidence = confidence_of(asked.certificate.sure, asked.cases)
    sure = np.zeros(len(asked.cases), dtype=bool)
    for segment, of_segment in _by_segment(asked.use_case, asked.segments, allowed):
        for verdict in asked.use_case.review.auto:
            these = of_segment & (asked.verdicts == verdict)
            if not these.any():
                continue
            threshold, why = _threshold(asked.use_case, asked.certificate, verdict, segment)
            if threshold is None:
                asked.reasons[these] = why
                continue
            reached = these & (confidence >= threshold)
            asked.reasons[these & ~reached] = (
                f"{_judges(asked.use_case)} is less sure than the certified threshold {threshold:.4f}"
            )
            asked.reasons[reached] = _reason_of(asked.use_case, verdict, asked.certificate, threshold)
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


def _threshold(use_case: UseCase, certificate: Certificate, verdict: str, segment: str) -> tuple[float | None, str]:
    """The threshold for a verdict in a segment, or why there is none."""
    column = use_case.review.segments
    if column is not None and not segment:
        return None, f"{column} is missing, so no certified threshold applies"
    part = certificate.part(verdict, segment)
    where = f"verdict {verdict!r}" if column is None else f"{column} {segment!r}"
    if part is None:
        return None, f"{where} has no certified threshold: no labelled row has that value"
    return part.threshold, f"{where} has no certified threshold: {part.reason}"


def _judges(use_case: UseCase) -> str:
    names = [use_case.model(output).name for output in use_case.judges]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _reason_of(use_case: UseCase, verdict: str, certificate: Certificate, threshold: float) -> str:
    proved = certificate.verdicts.get(verdict)
    share = f"{100 * (proved.max_error if proved else certificate.max_error):.3g}%"
    promised = f"a mean loss of at most {share} of the worst" if needs_cases(use_case) else f"at most {share} wrong"
    missed = max((each.limit for each in certificate.missed.values()), default=None)
    of_classes = "" if missed is None else f", at most {100 * missed:.3g}% of any true class missed,"
    return (
        f"rule '{verdict}', certified: {promised}{of_classes} with probability "
        f"{certificate.confidence:.0%} from confidence {threshold:.4f} up"
    )
