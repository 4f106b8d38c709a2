"""Deciding what policy may decide, and putting the rest to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import leases, writes
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.writes import Decisions, Reviews, VerdictsAdded
from aiops_flows.errors import AutomationStopped, ChampionChanged, UseCaseError
from aiops_flows.steps.answering import decide, overdue
from aiops_flows.steps.audit_lane import Draw, audits, draw
from aiops_flows.steps.automation import Grounds, grounds
from aiops_flows.steps.frames import grown
from aiops_flows.steps.leftovers import unfinished
from aiops_flows.steps.proposing import Proposal, propose
from aiops_flows.steps.recent import cases_before
from aiops_flows.steps.terms import term_texts, with_terms
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

_MOST_URGENT = 1e300
__all__ = ["Proposal", "decide", "overdue", "propose", "review"]


@dataclass(frozen=True)
class _Plan:
    """What is to be done with each case of a frame as things stand now."""

    grounds: Grounds
    proposal: Proposal
    audited: Draw


@dataclass(frozen=True)
class _Frame:
    """What a write needs of the cases, one entry a case."""

    ids: list[str]
    tokens: list[str]
    priorities: list[float]
    due: str
    terms: list[str | None]


def review(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with their verdict: by policy where it may decide, else a review is opened for a person.

    Whether policy may decide is asked again in each transaction that writes decisions: a hold, an alarm that sends
    cases to review, or the end of the certificate stops it in mid-frame, and the rest goes to review with that reason.

    A case that has a decision or an open review keeps it. A share of what policy decides is put to a person as well,
    in the audit lane: the decision stands meanwhile. When every case of a batch is through, the batch is finished.

    Args:
        place: where decisions and reviews are stored.
        use_case: the business process with its policy.
        cases: frame as `predict` gives it; no column of it is changed.

    Returns:
        The frame with the columns of the use case's terms (as they were decided; while a person must answer, as they
        are proposed), ``verdict`` (None while a person must answer), ``verdict_reason`` and ``verdict_by`` (``policy``,
        ``person``, or None while a person must answer).
    """
    place.hold(use_case.name, cases["batch"].unique())
    cases = with_terms(use_case, cases)
    plan = _plan(place, use_case, cases)
    due = moment_text(place.now() + use_case.review.due)
    priorities, terms = _priorities(use_case, cases), term_texts(use_case, cases)
    frame = _Frame(cases["case_id"].tolist(), cases["batch"].tolist(), priorities, due, terms)
    verdicts, reasons, by = _said(plan.proposal)
    held: dict[int, Mapping[str, Any]] = {}
    start = 0
    while start < len(frame.ids):
        part = range(start, min(start + place.settings.batch_size, len(frame.ids)))
        try:
            added = _write(place, use_case, plan, frame, part)
        except (AutomationStopped, ChampionChanged):  # the rest is planned again, on what holds now
            plan = _plan(place, use_case, cases)
            now = _said(plan.proposal)
            verdicts[start:], reasons[start:], by[start:] = now[0][start:], now[1][start:], now[2][start:]
            continue
        start = part.stop
        if added.stored:
            for position in part:
                if before := added.stored.get(frame.ids[position]):
                    verdicts[position], reasons[position], by[position] = before.verdict, before.reason, before.by
                    held |= {position: before.terms or {}} if before.verdict is not None else {}
    _finish(place, use_case, set(frame.tokens))
    columns = {"verdict": verdicts, "verdict_reason": reasons, "verdict_by": by}
    said = {name: pd.Series(values, dtype=object, index=cases.index) for name, values in columns.items()}
    return grown(cases, {name: _as_held(cases[name], name, held) for name in use_case.terms} | said)


def _as_held(column: pd.Series[Any], name: str, held: Mapping[int, Mapping[str, Any]]) -> pd.Series[Any]:
    """A term's column, with what was decided before in the place of what would be now."""
    if not held:
        return column
    values = column.tolist()
    for position, terms in held.items():
        values[position] = terms.get(name)
    numbers = all(isinstance(value, int | float | None) and not isinstance(value, bool) for value in values)
    return pd.Series(values, dtype="float64" if numbers else object, index=column.index)


def _plan(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> _Plan:
    now = grounds(place, use_case)
    proposal = propose(
        use_case,
        cases,
        now.certificate,
        at=now.at,
        alarms=now.alarms,
        holds=now.holds,
        before=cases_before(place, use_case, cases, now.certificate),
    )
    return _Plan(now, proposal, draw(place, use_case, cases, proposal.verdicts, now.alarms))


def _said(proposal: Proposal) -> tuple[list[str | None], list[str], list[str | None]]:
    by = [None if verdict is None else "policy" for verdict in proposal.verdicts]
    return list(proposal.verdicts), list(proposal.reasons), list[str | None](by)


def _write(place: Workspace, use_case: UseCase, plan: _Plan, frame: _Frame, part: range) -> VerdictsAdded:
    """Store what the plan says of a part of the cases."""
    certificate, said = plan.grounds.certificate, plan.proposal.verdicts
    auto = [position for position in part if said[position] is not None]
    asked = [position for position in part if said[position] is None]
    read = [position for position in auto if plan.audited.chosen[position]]
    priority = median(frame.priorities) if read else 0.0
    return writes.add_verdicts(
        place.log,
        use_case.name,
        policy_version=use_case.review.version,
        certificate=certificate.name if certificate else None,
        decisions=_decisions(frame, plan, auto),
        reviews=_reviews(frame, plan.proposal.reasons, asked),
        permission=plan.grounds.permission,
        tokens=[frame.tokens[position] for position in part],
        audits=audits(use_case, frame.ids, read, priority, frame.due) if read else None,
    )


def _decisions(frame: _Frame, plan: _Plan, positions: Sequence[int]) -> Decisions:
    return Decisions(
        case_ids=[frame.ids[position] for position in positions],
        verdicts=[str(plan.proposal.verdicts[position]) for position in positions],
        reasons=[plan.proposal.reasons[position] for position in positions],
        audit_probabilities=[plan.audited.probabilities[position] for position in positions],
        terms=[frame.terms[position] for position in positions],
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
