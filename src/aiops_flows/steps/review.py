"""Deciding what policy may decide, and putting the rest to people; taking their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import leases, questions, writes
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.writes import Decision, Decisions, Reviews
from aiops_flows.errors import ChampionChanged, UseCaseError
from aiops_flows.steps.certifying import Certificate, certificate_in_force, rule_verdicts
from aiops_flows.steps.frames import grown
from aiops_flows.steps.leftovers import unfinished
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

_MOST_URGENT = 1e300
__all__ = ["Proposal", "decide", "overdue", "propose", "review"]


@dataclass(frozen=True)
class Proposal:
    """What policy would do with each case: a verdict, or None for a person; and the reason."""

    verdicts: list[str | None]
    reasons: list[str]


def review(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with their verdict: by policy where it may decide, else a review is opened for a person.

    A case that has a decision or an open review keeps it. When every case of a batch is through, the batch is finished.

    Args:
        place: where decisions and reviews are stored.
        use_case: the business process with its policy.
        cases: frame as `predict` gives it; no column of it is changed.

    Returns:
        The frame with ``verdict`` (None while a person must answer), ``verdict_reason`` and ``verdict_by``
        (``policy``, ``person``, or None while a person must answer).
    """
    place.hold(use_case.name, cases["batch"].unique())
    certificate = certificate_in_force(place, use_case)
    proposal = propose(use_case, cases, certificate)
    priorities = _priorities(use_case, cases)
    ids, tokens = cases["case_id"].tolist(), cases["batch"].tolist()
    due = moment_text(datetime.now(UTC) + use_case.review.due)
    verdicts, reasons = list(proposal.verdicts), list(proposal.reasons)
    by: list[str | None] = [None if verdict is None else "policy" for verdict in verdicts]
    start = 0
    while start < len(ids):
        part = range(start, min(start + place.settings.batch_size, len(ids)))
        auto = [position for position in part if verdicts[position] is not None]
        asked = [position for position in part if verdicts[position] is None]
        try:
            added = writes.add_verdicts(
                place.log,
                use_case.name,
                policy_version=use_case.review.version,
                certificate=certificate.name if certificate else None,
                decisions=_decisions(ids, proposal, auto),
                reviews=_reviews(ids, proposal.reasons, priorities, asked, due),
                rests_on=certificate.rests_on if certificate and auto else None,
                tokens=[tokens[position] for position in part],
            )
        except ChampionChanged:  # between two parts: the rest is decided by what holds now
            certificate = certificate_in_force(place, use_case)
            proposal = propose(use_case, cases, certificate)
            verdicts[start:], reasons[start:] = proposal.verdicts[start:], proposal.reasons[start:]
            by[start:] = [None if verdict is None else "policy" for verdict in verdicts[start:]]
            continue
        start = part.stop
        if added.stored:
            for position in part:
                if before := added.stored.get(ids[position]):
                    verdicts[position], reasons[position], by[position] = before.verdict, before.reason, before.by
    _finish(place, use_case, set(tokens))
    columns = {"verdict": verdicts, "verdict_reason": reasons, "verdict_by": by}
    return grown(cases, {name: pd.Series(said, dtype=object, index=cases.index) for name, said in columns.items()})


def _decisions(ids: Sequence[str], proposal: Proposal, positions: Sequence[int]) -> Decisions:
    return Decisions(
        case_ids=[ids[position] for position in positions],
        verdicts=[str(proposal.verdicts[position]) for position in positions],
        reasons=[proposal.reasons[position] for position in positions],
    )


def _reviews(
    ids: Sequence[str], reasons: Sequence[str], priorities: Sequence[float], positions: Sequence[int], due: str
) -> Reviews:
    return Reviews(
        case_ids=[ids[position] for position in positions],
        reasons=[reasons[position] for position in positions],
        priorities=[priorities[position] for position in positions],
        due_at=[due] * len(positions),
    )


def _finish(place: Workspace, use_case: UseCase, tokens: set[str]) -> None:
    for token in sorted(filter(None, tokens)):
        lease = leases.Lease.parse(use_case.name, token)
        if unfinished(place, use_case, lease).empty:
            leases.finish(place.log, lease)


def _priorities(use_case: UseCase, cases: pd.DataFrame) -> list[float]:
    if use_case.review.priority is None or cases.empty:
        return [0.0] * len(cases)
    given = np.asarray(pd.to_numeric(use_case.review.priority(cases)), dtype=float)
    if given.shape != (len(cases),):
        raise UseCaseError(
            f"the priority of {use_case.name} gave the shape {given.shape} for {len(cases)} cases; "
            "it takes the frame and gives one number a row"
        )
    return list(np.nan_to_num(given, posinf=_MOST_URGENT, neginf=-_MOST_URGENT).tolist())


# --- what policy says ----------------------------------------------------------------------------------------------


def propose(use_case: UseCase, cases: pd.DataFrame, certificate: Certificate | None) -> Proposal:
    """What policy would do with each case; pure: nothing is read or stored.

    Raises:
        UseCaseError: a rule does not give one truth value a row.
    """
    spec = use_case.model(use_case.judged_by)
    verdicts, ruled = rule_verdicts(use_case, cases)
    reasons = np.full(len(cases), "no rule of the policy decides this", dtype=object)
    allowed = ruled.copy()
    for model in use_case.models:
        silent = cases[f"{model.output}_version"].isna().to_numpy() if len(cases) else np.zeros(0, dtype=bool)
        notes = cases[f"{model.output}_note"].to_numpy(dtype=object)
        reasons[silent] = notes[silent]
        allowed &= ~silent
    reason = _why_not_certified(use_case, certificate)
    if certificate is None or reason:
        reasons[allowed] = reason
        allowed[:] = False
    else:
        allowed = _certified(use_case, spec, cases, certificate, allowed, reasons)
        for verdict in use_case.review.auto:
            reasons[allowed & (verdicts == verdict)] = _reason_of(verdict, certificate)
    return Proposal([verdict if ok else None for verdict, ok in zip(verdicts, allowed, strict=True)], reasons.tolist())


def _answered_by(spec: ModelSpec, cases: pd.DataFrame, version: int | None) -> np.ndarray[Any, Any]:
    """Whether each case has its prediction from this version."""
    if version is None:
        return np.zeros(len(cases), dtype=bool)
    return np.asarray((cases[f"{spec.output}_version"] == version).fillna(value=False), dtype=bool)


def _certified(
    use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame, certificate: Certificate, allowed: Any, reasons: Any
) -> np.ndarray[Any, Any]:
    """Of the allowed cases those that the certificate covers; the others get the reason why not."""
    same = _answered_by(spec, cases, certificate.version)
    for other in use_case.models:
        if other.name == spec.name:
            continue
        proved = _answered_by(other, cases, certificate.companions.get(other.name))
        reasons[allowed & ~proved] = f"answered by another version of {other.name} than it was certified with"
        allowed &= proved
    sure = cases[f"{spec.output}_confidence"].to_numpy(dtype=float) >= certificate.threshold
    reasons[allowed & ~same] = f"answered by another version of {spec.name} than the certified {certificate.version}"
    unsure = f"{spec.name} is less sure than the certified threshold {certificate.threshold:.4f}"
    reasons[allowed & same & ~sure] = unsure
    return np.asarray(allowed & same & sure)


def _why_not_certified(use_case: UseCase, certificate: Certificate | None) -> str:
    if certificate is None:
        return f"{use_case.model(use_case.judged_by).name} has no certificate for deciding without a person"
    if certificate.policy_version != use_case.review.version:
        return "the policy has changed since it was certified; the next training certifies it again"
    if certificate.threshold is None:
        return f"nothing may be decided without a person: {certificate.reason}"
    return ""


def _reason_of(verdict: str, certificate: Certificate) -> str:
    return (
        f"rule '{verdict}', certified: at most {certificate.max_error:.0%} wrong with probability "
        f"{certificate.confidence:.0%} from confidence {certificate.threshold:.4f} up"
    )


# --- people --------------------------------------------------------------------------------------------------------


def decide(
    place: Workspace,
    use_case: UseCase,
    case_id: str,
    *,
    verdict: str,
    reason: str,
    actor: str,
    replaces: int | None = None,
    shown: str | None = None,
    channel: str = "python",
) -> Decision:
    """A person's answer to a case, stored as its effective decision.

    Args:
        place: where decisions are stored.
        use_case: the business process; its policy lists the verdicts.
        case_id: the case.
        verdict: one of the policy's verdicts.
        reason: why, in the person's words.
        actor: who answers.
        replaces: for a correction, the revision of the decision that it replaces.
        shown: what the person was shown, as JSON text.
        channel: through what the answer came: ``python``, ``cli`` or ``prefect``.

    Raises:
        UseCaseError: the policy does not know the verdict, or reason or actor is empty.
        CaseUnknown: no such case.
        AlreadyDecided: it is decided, and ``replaces`` does not name that decision.
    """
    if verdict not in use_case.review.verdicts:
        raise UseCaseError(
            f"{use_case.name} has no verdict {verdict!r}; choose one of {list(use_case.review.verdicts)}"
        )
    if not reason.strip() or not actor.strip():
        raise UseCaseError("a decision needs a reason and the name of who decides; one of them is empty")
    return writes.decide(
        place.log,
        use_case.name,
        case_id,
        verdict=verdict,
        reason=reason.strip(),
        actor=actor.strip(),
        replaces=replaces,
        shown=shown,
        channel=channel,
    )


def overdue(place: Workspace, use_case: UseCase, at: datetime | None = None) -> pd.DataFrame:
    """The open reviews whose answer was due before a moment (now), longest overdue first."""
    open_now = questions.open_reviews(place.log, use_case.name)
    moment = at or datetime.now(UTC)
    return open_now[open_now["due_at"] < moment].sort_values("due_at", ignore_index=True)
