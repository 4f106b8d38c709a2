"""Stopping automatic decisions and asking about them, where the environment says; plain functions, no Prefect run."""

from __future__ import annotations

from datetime import datetime

from aiops_flows.case_log.holds import ALL, Hold
from aiops_flows.steps import automation as automating
from aiops_flows.steps import stopping
from aiops_flows.steps.automation import Automation
from aiops_flows.steps.stopping import Restarted
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["automation", "hold", "release"]


def automation(use_case: UseCase | str) -> Automation:
    """Whether policy decides cases of a use case now, how many, until when, and why not; as text it is one line.

    A text is the name under which the case log has the use case.
    """
    return automating.automation(Workspace.here(), use_case)


def hold(
    use_case: UseCase | str | None,
    *,
    reason: str,
    actor: str | None = None,
    until: datetime | None = None,
    effects: bool = False,
    four_eyes: bool = False,
) -> Hold:
    """Stop automatic decisions now: once this call has returned, none is committed, by whichever worker.

    Args:
        use_case: the use case, or the name under which the case log has it; None: every use case.
        reason: why, for people; it is shown with each case that goes to review meanwhile.
        actor: who holds; default ``AIOPS_ACTOR`` or the login.
        until: when it ends by itself, by the case log's clock; default when it is released.
        effects: send no effects either. What a worker is sending at this moment may still arrive.
        four_eyes: a release takes two people. It does anyway where the policy or a model asks for four eyes.

    Raises:
        CaseLogError: nobody is named, no reason is given, or ``until`` has passed.
    """
    about = ALL if use_case is None else use_case
    return stopping.hold(
        Workspace.here(), about, reason=reason, actor=actor, until=until, effects=effects, four_eyes=four_eyes
    )


def release(use_case: UseCase | str | None, number: int, *, reason: str, actor: str | None = None) -> Restarted:
    """Let automatic decisions go on that a hold stopped; where that takes two people, the second one's call does it.

    Args:
        use_case: as it was held.
        number: of the hold.
        reason: why, for people.
        actor: who releases; default ``AIOPS_ACTOR`` or the login.

    Raises:
        CaseLogError: nobody is named, or no reason is given.
        ConflictingWrite: there is no hold of that number.
    """
    about = ALL if use_case is None else use_case
    return stopping.release(Workspace.here(), about, number, reason=reason, actor=actor)
