"""Proving on rows that no model has seen how much may be decided without a person, and until when."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import promotions, versions
from aiops_flows.errors import RegistryError
from aiops_flows.steps.certificate import Certificate, SegmentCertificate
from aiops_flows.steps.labelled_counts import labelled_counts
from aiops_flows.steps.likeness import describe_rows
from aiops_flows.steps.proving import JudgedRows, prove
from aiops_flows.steps.rows import Labelled
from aiops_flows.steps.unlearned import predict_unlearned
from aiops_flows.steps.unseen import evenly_recent, latest_of_segments, unseen_rows
from aiops_flows.steps.verdicts import (
    confidence_of,
    naive_losses,
    promises_classes,
    rule_verdicts,
    segmenting_model,
    segments_of,
    sure_outputs,
    verdict_loss,
)
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = [
    "Certificate",
    "SegmentCertificate",
    "certificate_in_force",
    "certify",
    "judged_rows",
    "periods_of",
    "renew",
    "rule_verdicts",
    "would_certify",
]

_logger = logging.getLogger("aiops_flows.certifying")


def certify(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    version: int,
    fitted: Any,
    rows: Labelled | None = None,
    *,
    as_of: datetime,
) -> Certificate | None:
    """The certificate of a version for the policy as it stands; None where another model's holds the policy's.

    On labelled rows that no model has learned from (`aiops_flows.steps.unseen` says which, and what is assumed of
    them), the policy's rules are applied to the predictions of the version and of the other models' champions. Each
    verdict has a threshold of its own: the lowest confidence (of the least sure of the judged models) from which the
    mean loss of the verdict is at most its ``max_error`` and below that of a naive rule, and from which no true class
    is decided wrongly too often, with the policy's probability; a case's loss is the largest over the outputs that must
    be right. With segments each is proved by itself, the rare ones together (`aiops_flows.steps.proving`): for each of
    them the guarantee holds, not for all at once. Where no judged model says how sure it is, all that the rules decide
    is certified together, or nothing.

    Where the cut is by time, rows of one period of receipt count together, as they share their luck: what the periods
    within ``valid_for`` may lose is bounded by how much the periods seen differ, and there have to be two or more.

    The probability is that of each certificate by itself. What none can know: a world that changes after the last row.
    So they expire, the reason says when their rows were received, and the audit lane runs beside them.
    """
    if spec.output != use_case.judged_by or spec.kind == "writer":
        return None
    unseen = unseen_rows(place, use_case, spec, version, rows, as_of=as_of)
    frame = predict_unlearned(place, use_case, spec, version, fitted, unseen.cases)
    companions: dict[str, int] = {}
    for other in use_case.decisive:
        if other.output == spec.output:
            continue
        found = _champion_of(place, use_case, other)
        if isinstance(found, str):
            return _issued(place, use_case, spec, version, unseen.digest, reason=found)
        number, estimator = found
        try:
            frame = predict_unlearned(place, use_case, other, number, estimator, frame)
        except RegistryError as fault:
            reason = f"what {other.name} version {number} answered to labelled rows cannot be read: {fault}"
            return _issued(place, use_case, spec, version, unseen.digest, reason=reason)
        companions[other.name] = number
    if not len(unseen):
        why = f"no case has a known outcome of {', '.join(use_case.judges)} that no model has learned from"
        counts = labelled_counts(place, use_case, spec, as_of=as_of, window=spec.train_window)
        why = "; ".join([why, *counts.reasons])
        return _issued(place, use_case, spec, version, unseen.digest, reason=why)
    if segmenting_model(use_case) is not None:
        latest = latest_of_segments(use_case, segments_of(use_case, frame))
        unseen, frame = unseen.some(latest), frame[latest].reset_index(drop=True)
    verdicts, ruled = rule_verdicts(use_case, frame)
    if not ruled.any():
        why = "no rule of the policy holds for any labelled row"
        return _issued(place, use_case, spec, version, unseen.digest, reason=why)
    sure = sure_outputs(use_case, frame)
    judged = judged_rows(use_case, frame, unseen.truth, verdicts, confidence_of(sure, frame))
    proved = prove(use_case.review, judged)
    notes = [proved.reason, unseen.period, "" if sure else _ALL_OR_NOTHING, unseen.note]
    said = {
        "companions": companions,
        "sure": sure,
        "labels_used": len(unseen),
        "rows": describe_rows(use_case, frame[evenly_recent(use_case, frame)]),
        "reason": "; ".join(filter(None, notes)),
    }
    return _issued(place, use_case, spec, version, unseen.digest, **(vars(proved) | said))


def judged_rows(
    use_case: UseCase,
    frame: pd.DataFrame,
    truth: Mapping[str, NDArray[Any]],
    verdicts: NDArray[Any],
    confidence: NDArray[np.float64],
) -> JudgedRows:
    """Labelled rows as policy would have had them.

    Args:
        use_case: whose policy.
        frame: the cases with their predictions, and ``received_at`` where the cut is by time.
        truth: output -> what turned out true, one entry a row.
        verdicts: of the rules, one entry a row; None where none holds.
        confidence: of the least sure of the judged models.
    """
    policy = use_case.review
    judged = JudgedRows(
        segments_of(use_case, frame),
        verdicts,
        confidence,
        verdict_loss(use_case, verdicts, frame, truth),
        naive={} if policy.allow_naive else naive_losses(use_case, frame, truth),
        by_answer=segmenting_model(use_case) is not None,
    )
    if promises_classes(use_case):
        first = use_case.judged_by
        judged = replace(
            judged,
            classes=np.asarray(truth[first], dtype=object),
            wrong=verdict_loss(use_case, verdicts, frame, truth, only=first) > 0,
        )
    if use_case.cut == "received_at":
        periods, ahead = periods_of(frame["received_at"], policy.valid_for)
        judged = replace(judged, periods=periods, ahead=ahead)
    return judged


_ALL_OR_NOTHING = (
    "no judged model says how sure it is, so all that the rules decide is certified together or not at all"
)


def _champion_of(place: Workspace, use_case: UseCase, spec: ModelSpec) -> tuple[int, Any] | str:
    """Number and estimator of a companion's champion, or why there is none to be had."""
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return f"{spec.name} has no champion yet, and rules may use it"
    try:
        return champion.version, place.load(spec, champion.version, champion.digest)
    except RegistryError as fault:
        return f"{spec.name} version {champion.version} could not be loaded: {type(fault).__name__}"


def periods_of(received: pd.Series[Any], valid_for: timedelta) -> tuple[NDArray[np.int64], int]:
    """The period of receipt of each row, and how many such periods a time is likely to bring.

    A period is a moment of receipt, as with plans that are made for all items at once; where most rows have a moment of
    their own, it is a day.
    """
    moments = received if 2 * received.nunique() <= len(received) else received.dt.floor("D")
    codes, distinct = pd.factorize(moments, sort=True)
    span = (moments.max() - moments.min()).total_seconds()
    ahead = valid_for.total_seconds() * (len(distinct) - 1) / span if span else 1.0
    return codes.astype(np.int64), max(1, round(ahead))


def _issued(
    place: Workspace, use_case: UseCase, spec: ModelSpec, version: int, digest: str, **proved: Any
) -> Certificate:
    """A certificate from now on; one that allows nothing where only a reason is given."""
    policy, now = use_case.review, place.now()
    nothing: dict[str, Any] = {
        "threshold": None,
        "coverage": 0.0,
        "labels_used": 0,
        "error_upper": None,
        "companions": {},
    }
    return Certificate(
        model=spec.name,
        version=version,
        policy_version=policy.version,
        max_error=policy.error_limit(),
        confidence=policy.confidence,
        rows_digest=digest,
        issued_at=now.isoformat(),
        expires_at=(now + policy.valid_for).isoformat(),
        outputs=list(use_case.judges),
        **(nothing | proved),
    )


def renew(
    place: Workspace, use_case: UseCase, *, as_of: datetime | None = None, actor: str | None = None
) -> Certificate | None:
    """Certify the judging model's champion anew, on what is known now, and put the certificate in force.

    Where there is no champion, or its files cannot be had now, nothing changes and None is returned: cases that the old
    certificate does not cover go to people.

    Args:
        place: where certificates are kept.
        use_case: the business process.
        as_of: only outcomes known by then, and only cases received by then; default now. Of a day before today the
            certificate is an older one, and it is put in force all the same: to only look, see `would_certify`.
        actor: who certifies; default the settings' actor.
    """
    certificate = would_certify(place, use_case, as_of or place.now())
    if certificate is not None:
        record = versions.get(place.log, use_case.name, certificate.model, certificate.version)
        versions.attach_evidence(
            place.log,
            use_case.name,
            certificate.model,
            certificate.version,
            evidence=str(record.evidence),
            evidence_digest=str(record.evidence_digest),
            certificate=certificate.to_json(),
            actor=(actor or place.settings.actor).strip(),
        )
    return certificate


def would_certify(place: Workspace, use_case: UseCase, as_known: datetime) -> Certificate | None:
    """What the judging model's champion would be certified for on what was known at a time; nothing is stored.

    None where there is no champion, where its files cannot be had now, or where another model holds the certificate.
    """
    spec = use_case.model(use_case.judged_by)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    try:
        fitted = place.load(spec, champion.version, champion.digest)
        return certify(place, use_case, spec, champion.version, fitted, as_of=as_known)
    except RegistryError as fault:
        _logger.warning("%s version %d is not certified anew: %s", spec.name, champion.version, fault)
        return None


def certificate_in_force(place: Workspace, use_case: UseCase) -> Certificate | None:
    """The certificate of the judging model's champion, where it has one; whether it allows anything, `propose` says."""
    spec = use_case.model(use_case.judged_by)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    text = versions.get(place.log, use_case.name, spec.name, champion.version).certificate
    return Certificate.from_json(text) if text else None
