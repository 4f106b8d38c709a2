"""Taking what people answer: decisions, corrections, and readings of cases whose decision stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from aiops_flows.case_log import questions, writes
from aiops_flows.case_log.writes import Decision, Reading
from aiops_flows.errors import AlreadyDecided, UseCaseError
from aiops_flows.steps.outcomes import told_outcomes
from aiops_flows.steps.proposed_terms import answered_cases, proposed_terms, said_terms
from aiops_flows.steps.terms import with_terms
from aiops_flows.steps.verdicts import verdict_loss
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["decide", "overdue"]


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
    terms: Mapping[str, Any] | None = None,
) -> Decision | Reading:
    """A person's answer to what is open of a case: the decision where one is asked for, else the oldest reading.

    An answer to an ordinary review, and a correction, become the effective decision. An answer in the audit lane is a
    reading: the decision stands, but where an audit says another verdict than policy, or other outcomes than those the
    verdict rests on, or, not blind, other terms, which it corrects.

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
        terms: term of the use case -> what the decision says beyond its verdict, such as ``{"order": 120}``: a number,
            text or truth value, as was proposed. What is not said is taken over, so that a decision has all its terms:
            from the proposal, or in a correction from the decision that it corrects. A reading keeps what was said.

    Raises:
        UseCaseError: the policy does not know the verdict, reason or actor is empty, an outcome is none that a model
            predicts, or not of its kind, a term is unknown or not of its kind, or an audit of a policy that is judged
            by outcomes alone says neither them nor a term.
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
    proposed = proposed_terms(place, use_case, case_id)
    told, changed = told_outcomes(use_case, outcomes), said_terms(use_case, terms, proposed)
    said: dict[str, Any] = {"verdict": verdict, "reason": reason.strip(), "actor": actor.strip(), "outcomes": told}
    said |= {"seconds": seconds, "shown": shown, "channel": channel, "terms": changed, "proposed": proposed}
    try:
        return writes.decide(place.log, use_case.name, case_id, replaces=replaces, **said)
    except AlreadyDecided:
        lane = _lane(place, use_case, case_id)
        if replaces is not None or lane is None:
            raise
    corrects = lane[0] == "audit" and (
        _contradicts(place, use_case, case_id, told, changed)
        or (not lane[1] and _amends(place, use_case, case_id, changed or {}))
    )
    return writes.read_case(place.log, use_case.name, case_id, corrects=corrects, **said)


def _lane(place: Workspace, use_case: UseCase, case_id: str) -> tuple[str, bool] | None:
    """The kind of the reading that a case waits for longest, and whether it is blind; or None."""
    lane = questions.open_reviews(place.log, use_case.name, lane=True)
    waiting = lane[lane["case_id"] == case_id].sort_values("round")
    return None if waiting.empty else (str(waiting["kind"].iloc[0]), bool(waiting["blind"].iloc[0]))


def _contradicts(
    place: Workspace, use_case: UseCase, case_id: str, told: Mapping[str, Any], terms: Mapping[str, Any] | None
) -> bool:
    """Whether what a reader says is true makes the verdict wrong, where it is judged by outcomes and not by itself.

    Outcomes that only time can tell are left out by a reader who says terms instead: those are no truth, so nothing is
    contradicted by them.

    Raises:
        UseCaseError: the reader says neither, so that the reading would tell nothing of the decision.
    """
    if next(iter(use_case.judges.values())) is None:  # the verdict itself is right or wrong: the reader's word tells
        return False
    if missing := [output for output in use_case.judges if output not in told]:
        if terms:
            return False
        raise UseCaseError(
            f"{use_case.name} is judged by {list(use_case.judges)}, so an audit says what is true of them; "
            f"{missing} is missing (outcomes={{...}}, or --says {missing[0]}=...){_or_terms(use_case)}"
        )
    cases = with_terms(use_case, answered_cases(place, use_case, [case_id]))
    truth = {output: [told[output]] for output in use_case.judges}
    return bool(verdict_loss(use_case, [None], cases, truth)[0] > 0)


def _or_terms(use_case: UseCase) -> str:
    """What a reader may say instead, where only time can tell what is true."""
    names = list(use_case.terms)
    return f"; where only time can tell, say at least one of its terms {names} (--term {names[0]}=...)" if names else ""


def _amends(place: Workspace, use_case: UseCase, case_id: str, terms: Mapping[str, Any]) -> bool:
    """Whether a reader says other terms than the decision that holds."""
    held = questions.effective(place.log, use_case.name, case_ids=[case_id])["terms"].iloc[0] or {}
    return any(held.get(name) != value for name, value in terms.items())


def overdue(place: Workspace, use_case: UseCase, at: datetime | None = None) -> pd.DataFrame:
    """The open reviews whose answer was due before a moment (now), longest overdue first."""
    open_now = questions.open_reviews(place.log, use_case.name)
    moment = at or place.now()
    return open_now[open_now["due_at"] < moment].sort_values("due_at", ignore_index=True)
