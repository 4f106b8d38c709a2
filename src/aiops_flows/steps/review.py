"""Deciding what policy may decide, and putting the rest to people; taking their answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import alarms, leases, questions, writes
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.writes import Decision, Decisions, Reading, Reviews, VerdictsAdded
from aiops_flows.errors import AlreadyDecided, ChampionChanged, UseCaseError
from aiops_flows.steps.audit_lane import Draw, audits, draw
from aiops_flows.steps.certifying import Certificate, certificate_in_force
from aiops_flows.steps.frames import grown
from aiops_flows.steps.leftovers import unfinished
from aiops_flows.steps.outcomes import told_outcomes
from aiops_flows.steps.proposing import Proposal, propose
from aiops_flows.steps.verdicts import verdict_loss
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

_MOST_URGENT = 1e300
__all__ = ["Proposal", "decide", "overdue", "propose", "review"]


@dataclass(frozen=True)
class _Plan:
    """What is to be done with each case of a frame as things stand now."""

    certificate: Certificate | None
    proposal: Proposal
    audited: Draw


@dataclass(frozen=True)
class _Frame:
    """What a write needs of the cases, one entry a case."""

    ids: list[str]
    tokens: list[str]
    priorities: list[float]
    due: str


def review(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with their verdict: by policy where it may decide, else a review is opened for a person.

    A case that has a decision or an open review keeps it. A share of what policy decides is put to a person as well,
    in the audit lane: the decision stands meanwhile. When every case of a batch is through, the batch is finished.

    Args:
        place: where decisions and reviews are stored.
        use_case: the business process with its policy.
        cases: frame as `predict` gives it; no column of it is changed.

    Returns:
        The frame with ``verdict`` (None while a person must answer), ``verdict_reason`` and ``verdict_by``
        (``policy``, ``person``, or None while a person must answer).
    """
    place.hold(use_case.name, cases["batch"].unique())
    plan = _plan(place, use_case, cases)
    due = moment_text(place.now() + use_case.review.due)
    frame = _Frame(cases["case_id"].tolist(), cases["batch"].tolist(), _priorities(use_case, cases), due)
    verdicts, reasons, by = _said(plan.proposal)
    start = 0
    while start < len(frame.ids):
        part = range(start, min(start + place.settings.batch_size, len(frame.ids)))
        try:
            added = _write(place, use_case, plan, frame, part)
        except ChampionChanged:  # between two parts: the rest is decided by what holds now
            plan = _plan(place, use_case, cases)
            now = _said(plan.proposal)
            verdicts[start:], reasons[start:], by[start:] = now[0][start:], now[1][start:], now[2][start:]
            continue
        start = part.stop
        if added.stored:
            for position in part:
                if before := added.stored.get(frame.ids[position]):
                    verdicts[position], reasons[position], by[position] = before.verdict, before.reason, before.by
    _finish(place, use_case, set(frame.tokens))
    columns = {"verdict": verdicts, "verdict_reason": reasons, "verdict_by": by}
    return grown(cases, {name: pd.Series(said, dtype=object, index=cases.index) for name, said in columns.items()})


def _plan(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> _Plan:
    certificate = certificate_in_force(place, use_case)
    standing = alarms.open_alarms(place.log, use_case.name)
    proposal = propose(use_case, cases, certificate, at=place.now(), alarms=standing)
    return _Plan(certificate, proposal, draw(place, use_case, cases, proposal.verdicts, standing))


def _said(proposal: Proposal) -> tuple[list[str | None], list[str], list[str | None]]:
    by = [None if verdict is None else "policy" for verdict in proposal.verdicts]
    return list(proposal.verdicts), list(proposal.reasons), list[str | None](by)


def _write(place: Workspace, use_case: UseCase, plan: _Plan, frame: _Frame, part: range) -> VerdictsAdded:
    """Store what the plan says of a part of the cases."""
    certificate, said = plan.certificate, plan.proposal.verdicts
    auto = [position for position in part if said[position] is not None]
    asked = [position for position in part if said[position] is None]
    read = [position for position in auto if plan.audited.chosen[position]]
    priority = median(frame.priorities) if read else 0.0
    return writes.add_verdicts(
        place.log,
        use_case.name,
        policy_version=use_case.review.version,
        certificate=certificate.name if certificate else None,
        decisions=_decisions(frame.ids, plan, auto),
        reviews=_reviews(frame, plan.proposal.reasons, asked),
        rests_on=certificate.rests_on if certificate and auto else None,
        tokens=[frame.tokens[position] for position in part],
        audits=audits(use_case, frame.ids, read, priority, frame.due) if read else None,
    )


def _decisions(ids: Sequence[str], plan: _Plan, positions: Sequence[int]) -> Decisions:
    return Decisions(
        case_ids=[ids[position] for position in positions],
        verdicts=[str(plan.proposal.verdicts[position]) for position in positions],
        reasons=[plan.proposal.reasons[position] for position in positions],
        audit_probabilities=[plan.audited.probabilities[position] for position in positions],
    )


def _reviews(frame: _Frame, reasons: Sequence[str], positions: Sequence[int]) -> Reviews:
    return Reviews(
        case_ids=[frame.ids[position] for position in positions],
        reasons=[reasons[position] for position in positions],
        priorities=[frame.priorities[position] for position in positions],
        due_at=[frame.due] * len(positions),
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
    seconds: float | None = None,
    channel: str = "python",
    outcomes: Mapping[str, Any] | None = None,
) -> Decision | Reading:
    """A person's answer to what is open of a case: the decision where one is asked for, else the oldest reading.

    An answer to an ordinary review, and a correction, become the effective decision. An answer in the audit lane is a
    reading: the decision stands, but where an audit says another verdict than policy, or other outcomes than those the
    verdict rests on, which it corrects.

    Args:
        place: where decisions are stored.
        use_case: the business process; its policy lists the verdicts.
        case_id: the case.
        verdict: one of the policy's verdicts.
        reason: why, in the person's words.
        actor: who answers.
        replaces: for a correction, the revision of the decision that it replaces.
        shown: what the person was shown, as JSON text.
        seconds: how long the person took, where that is known.
        channel: through what the answer came: ``python``, ``cli`` or ``prefect``.
        outcomes: output of a model -> what the person says is true of the case: a label, a number, or the text that
            was made of a writing. Known from now on, and stored with the answer or not at all; only what is said in a
            second reading or of a case whose truth is known is not kept, as there the person is what is looked at.

    Raises:
        UseCaseError: the policy does not know the verdict, reason or actor is empty, an outcome is none that a model
            predicts, or not of its kind, or an audit of a policy that is judged by outcomes alone does not say them.
        CaseUnknown: no such case.
        AlreadyDecided: it is decided, nothing is open, and ``replaces`` does not name that decision.
        ConflictingWrite: who decided the case cannot read it a second time.
    """
    if verdict not in use_case.review.verdicts:
        raise UseCaseError(
            f"{use_case.name} has no verdict {verdict!r}; choose one of {list(use_case.review.verdicts)}"
        )
    if not reason.strip() or not actor.strip():
        raise UseCaseError("a decision needs a reason and the name of who decides; one of them is empty")
    if seconds is not None and not 0 <= seconds < math.inf:
        raise UseCaseError(f"seconds is {seconds}; give how long the person took, 0 or more, or leave it out")
    said: dict[str, Any] = {"verdict": verdict, "reason": reason.strip(), "actor": actor.strip()}
    told = told_outcomes(use_case, outcomes)
    said |= {"seconds": seconds, "shown": shown, "channel": channel, "outcomes": told}
    try:
        return writes.decide(place.log, use_case.name, case_id, replaces=replaces, **said)
    except AlreadyDecided:
        kind = _lane_kind(place, use_case, case_id)
        if replaces is not None or kind is None:
            raise
    corrects = kind == "audit" and _contradicts(place, use_case, case_id, told)
    return writes.read_case(place.log, use_case.name, case_id, corrects=corrects, **said)


def _lane_kind(place: Workspace, use_case: UseCase, case_id: str) -> str | None:
    """The kind of the reading that a case waits for longest, or None."""
    lane = questions.open_reviews(place.log, use_case.name, lane=True)
    waiting = lane[lane["case_id"] == case_id].sort_values("round")
    return None if waiting.empty else str(waiting["kind"].iloc[0])


def _contradicts(place: Workspace, use_case: UseCase, case_id: str, told: Mapping[str, Any]) -> bool:
    """Whether what a reader says is true makes the verdict wrong, where it is judged by outcomes and not by itself.

    Raises:
        UseCaseError: the reader does not say it, so that the reading would tell nothing of the decision.
    """
    if next(iter(use_case.judges.values())) is None:  # the verdict itself is right or wrong: the reader's word tells
        return False
    if missing := [output for output in use_case.judges if output not in told]:
        raise UseCaseError(
            f"{use_case.name} is judged by {list(use_case.judges)}, so an audit says what is true of them; "
            f"{missing} is missing (outcomes={{...}}, or --says {missing[0]}=...)"
        )
    said = {output: [_last_said(place, use_case, output, case_id)] for output in use_case.judges}
    truth = {output: [told[output]] for output in use_case.judges}
    return bool(verdict_loss(use_case, [None], said, truth)[0] > 0)


def _last_said(place: Workspace, use_case: UseCase, output: str, case_id: str) -> Any:
    """What the model of an output said of a case, latest."""
    found = questions.predictions(place.log, use_case.name, model=use_case.model(output).name, case_ids=[case_id])
    return None if found.empty else found.sort_values("revision")["value"].iloc[-1]


def overdue(place: Workspace, use_case: UseCase, at: datetime | None = None) -> pd.DataFrame:
    """The open reviews whose answer was due before a moment (now), longest overdue first."""
    open_now = questions.open_reviews(place.log, use_case.name)
    moment = at or place.now()
    return open_now[open_now["due_at"] < moment].sort_values("due_at", ignore_index=True)
