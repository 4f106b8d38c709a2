"""Closing reviews of cases that were settled elsewhere while they waited."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from aiops_flows.case_log import questions, writes
from aiops_flows.errors import AlreadyDecided, ConflictingWrite, UseCaseError
from aiops_flows.review_policy import SETTLED_ELSEWHERE
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["Settled", "settle_elsewhere", "settled_elsewhere"]


@dataclass(frozen=True)
class Settled:
    """How many reviews were closed."""

    closed: int
    answered_meanwhile: int
    """Reviews that somebody answered between the question and the write; their answers stand."""


def settled_elsewhere(place: Workspace, use_case: UseCase) -> pd.DataFrame:
    """The cases that wait for a first decision although every outcome that judges them is known.

    Returns:
        The rows of `questions.open_reviews`, the most urgent first.
    """
    waiting = questions.open_reviews(place.log, use_case.name, lane=False)
    waiting = waiting[waiting["question"].isna()]
    for output in use_case.judges:
        ids = waiting["case_id"].tolist()
        outcomes = questions.outcomes(place.log, use_case.name, name=output, case_ids=ids)
        waiting = waiting[waiting["case_id"].isin(outcomes["case_id"])]
    return waiting.reset_index(drop=True)


def settle_elsewhere(
    place: Workspace,
    use_case: UseCase,
    *,
    reason: str,
    actor: str,
    case_ids: Collection[str] | None = None,
    channel: str = "python",
) -> Settled:
    """Close the reviews of cases whose outcomes are known, because another system has settled them.

    The case gets the decision ``settled elsewhere``, which replaces no verdict of the policy: no effect follows from
    it, and no figure of the people who decide counts it.

    Args:
        place: where decisions are stored.
        use_case: the business process.
        reason: why, in the words of who closes them.
        actor: who closes them.
        case_ids: only these; default all of `settled_elsewhere`.
        channel: how the request came: ``python`` or ``cli``.

    Raises:
        UseCaseError: reason or actor is empty, or one of ``case_ids`` does not wait or has no known outcome.
    """
    if not reason.strip() or not actor.strip():
        raise UseCaseError("closing a review needs a reason and the name of who closes it; one of them is empty")
    waiting = settled_elsewhere(place, use_case)
    if case_ids is not None:
        if wrong := sorted(set(case_ids) - set(waiting["case_id"])):
            raise UseCaseError(
                f"{wrong[:10]} of {use_case.name} cannot be closed as settled elsewhere: a case must wait for its "
                f"first decision, and its outcome of {', '.join(use_case.judges)} must be recorded"
            )
        waiting = waiting[waiting["case_id"].isin(list(case_ids))]

    closed = answered = 0
    for case_id, review_round in zip(waiting["case_id"].tolist(), waiting["round"].tolist(), strict=True):
        try:
            writes.decide(
                place.log,
                use_case.name,
                case_id,
                verdict=SETTLED_ELSEWHERE,
                reason=reason.strip(),
                actor=actor.strip(),
                round=int(review_round),
                channel=channel,
            )
            closed += 1
        except (AlreadyDecided, ConflictingWrite):
            answered += 1
    return Settled(closed, answered)
