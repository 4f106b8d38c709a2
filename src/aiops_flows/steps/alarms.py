"""Alarms that are open, and what they keep from happening until a person has cleared them."""

from __future__ import annotations

from aiops_flows.case_log import alarms
from aiops_flows.case_log.alarms import Alarm
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["approvals_asked_for", "blocked_by", "clear", "open_alarms"]


def open_alarms(place: Workspace, use_case: UseCase, model: str | None = None) -> list[Alarm]:
    """The alarms that nobody has cleared, oldest first; of one model, or of all."""
    name = None if model is None else use_case.model(model).name
    return list(alarms.open_alarms(place.log, use_case.name, model=name))


def clear(place: Workspace, use_case: UseCase, number: int, *, reason: str, actor: str | None = None) -> bool:
    """Whether an alarm is cleared now under a person's name; False where a second person must agree.

    What it kept from happening may happen again. The watch begins anew with what becomes known from then on.
    """
    return alarms.clear(
        place.log,
        use_case.name,
        number,
        reason=reason,
        actor=actor or place.settings.actor,
        four_eyes=use_case.restart_takes_two,
    )


def blocked_by(place: Workspace, use_case: UseCase, spec: ModelSpec) -> list[str]:
    """Why no version of the model may be promoted now: one reason for each open alarm that blocks it."""
    return [
        f"alarm {alarm.number} ({alarm.kind}: {alarm.reason}) blocks promotions; see to it, then clear it "
        f"(aiops-flows alarms clear {alarm.number})"
        for alarm in open_alarms(place, use_case, spec.name)
        if alarm.action == "block promotion"
    ]


def approvals_asked_for(place: Workspace, use_case: UseCase, spec: ModelSpec) -> list[str]:
    """Why a promotion of the model needs a second person now: one reason for each open alarm that asks for it."""
    return [
        f"alarm {alarm.number} ({alarm.kind}: {alarm.reason}) asks for the approval of a second person"
        for alarm in open_alarms(place, use_case, spec.name)
        if alarm.action == "approval"
    ]
