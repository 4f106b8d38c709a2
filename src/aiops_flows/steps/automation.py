"""Whether policy may decide now, of what it rests on, and why not: asked in one place and said in one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiops_flows.case_log import alarms, holds, promotions, versions
from aiops_flows.case_log.alarms import Alarm
from aiops_flows.case_log.holds import Hold
from aiops_flows.case_log.permission import Permission
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["Grounds", "grounds"]


@dataclass(frozen=True)
class Grounds:
    """What automatic decisions rest on, as it was at one time by the case log's clock."""

    at: datetime
    certificate: Certificate | None
    """Of the judging model's champion; None where there is no champion, or it has none."""
    stored: str
    """The certificate as it is stored; empty where there is none."""
    alarms: list[Alarm]
    """Those that are open, oldest first."""
    holds: list[Hold]
    """Those that are in force, of the use case and of all use cases."""

    @property
    def permission(self) -> Permission | None:
        """What a write of automatic decisions planned on these grounds must still find; None without a certificate."""
        if self.certificate is None:
            return None
        return Permission(
            rests_on=self.certificate.rests_on,
            judge=self.certificate.model,
            certificate=self.stored,
            expires_at=self.certificate.ends,
            alarms=frozenset(alarm.number for alarm in self.alarms),
        )


def grounds(place: Workspace, use_case: UseCase) -> Grounds:
    """What automatic decisions of a use case rest on now."""
    judge = use_case.model(use_case.judged_by).name
    stored = _stored_certificate(place, use_case.name, judge)
    return Grounds(
        at=place.now(),
        certificate=Certificate.from_json(stored) if stored else None,
        stored=stored,
        alarms=alarms.open_alarms(place.log, use_case.name),
        holds=holds.in_force(place.log, use_case.name),
    )


def _stored_certificate(place: Workspace, use_case: str, model: str) -> str:
    champion = promotions.champion(place.log, use_case, model)
    if champion is None:
        return ""
    return versions.get(place.log, use_case, model, champion.version).certificate or ""
