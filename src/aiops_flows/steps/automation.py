"""Whether policy may decide now, of what it rests on, and why not: asked in one place and said in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiops_flows.case_log import CaseLog, alarms, audit, holds, promotions, versions
from aiops_flows.case_log.alarms import Alarm
from aiops_flows.case_log.holds import Hold
from aiops_flows.case_log.permission import Permission
from aiops_flows.steps.certificate import Certificate, why_nothing_is_allowed
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["Automation", "Grounds", "automation", "effects_held", "grounds"]


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
    return _grounds(place.log, use_case.name, use_case.model(use_case.judged_by).name)


def _grounds(log: CaseLog, use_case: str, judge: str) -> Grounds:
    stored = _stored_certificate(log, use_case, judge)
    return Grounds(
        at=log.now(),
        certificate=Certificate.from_json(stored) if stored else None,
        stored=stored,
        alarms=alarms.open_alarms(log, use_case),
        holds=holds.in_force(log, use_case),
    )


def _stored_certificate(log: CaseLog, use_case: str, model: str) -> str:
    champion = promotions.champion(log, use_case, model)
    if champion is None:
        return ""
    return versions.get(log, use_case, model, champion.version).certificate or ""


@dataclass(frozen=True)
class Automation:
    """Whether policy decides cases of a use case now, how many, until when, and why not."""

    use_case: str
    on: bool
    share: float
    """Of cases like the labelled ones, how many are decided without a person now; 0 where automation is off."""
    until: datetime | None
    """When the certificate expires; None where automation is off."""
    reason: str = ""
    """Why it is off, or what is left out."""
    effects_held: bool = False
    """Whether a hold stops effects as well."""

    def __str__(self) -> str:
        """One line for people; it holds no value of a case."""
        effects = "; effects are held too" if self.effects_held else ""
        if not self.on:
            return f"automation: off \N{EM DASH} {self.reason}{effects}"
        until = f", until {self.until:%Y-%m-%d}" if self.until else ""
        return f"automation: on, {_percent(self.share)} of cases{until}{self.reason and '; '}{self.reason}{effects}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else f"{100 * share:.1g} %"


def automation(
    place: Workspace, use_case: UseCase | str, *, without_alarm: int | None = None, without_hold: int | None = None
) -> Automation:
    """Whether policy decides cases of a use case now, and why not; the one answer that every page and command shows.

    Args:
        place: the case log.
        use_case: the use case, or its name alone. Then nothing of the user's code is loaded, and its policy is taken to
            be the one that cases were last reviewed by.
        without_alarm: how it would be without this alarm.
        without_hold: how it would be without this hold of the use case.
    """
    if isinstance(use_case, str):
        name, judge, policy = use_case, _judge(place.log, use_case), _latest_policy(place.log, use_case)
    else:
        name, judge, policy = use_case.name, use_case.model(use_case.judged_by).name, use_case.review.version
    now = _grounds(place.log, name, judge)
    left = replace(
        now,
        alarms=[alarm for alarm in now.alarms if alarm.number != without_alarm],
        holds=[hold for hold in now.holds if (hold.use_case, hold.number) != (name, without_hold)],
    )
    return _automation(name, judge, policy, left)


def _judge(log: CaseLog, use_case: str) -> str:
    """The model whose champion has a certificate; else any that has a champion."""
    models = promotions.models(log, use_case)
    return next((model for model in models if _stored_certificate(log, use_case, model)), next(iter(models), ""))


def _latest_policy(log: CaseLog, use_case: str) -> str | None:
    """The version of the policy that cases were last reviewed by; None where none were."""
    detail = audit.latest_detail(log, use_case, kind="review")
    return None if detail is None else json.loads(detail).get("policy")


def _automation(use_case: str, judge: str, policy: str | None, now: Grounds) -> Automation:
    effects = any(hold.effects for hold in now.holds)
    certificate = now.certificate
    known_policy = policy or (certificate.policy_version if certificate else "")
    why = _held(now.holds) or why_nothing_is_allowed(certificate, judge=judge, policy=known_policy, at=now.at)
    stopping = [] if certificate is None else _stopping(now.alarms, certificate)
    whole = [alarm for alarm in stopping if alarm.segment is None or not (certificate and certificate.segments)]
    if not why and whole:
        why = _alarmed(whole[0])
    if why or certificate is None:
        return Automation(use_case, on=False, share=0.0, until=None, reason=why, effects_held=effects)
    left_out = {str(alarm.segment) for alarm in stopping}
    share = _share(certificate, left_out)
    noted = "; ".join(f"not in one segment: {_alarmed(alarm)}" for alarm in stopping)
    return Automation(use_case, on=True, share=share, until=certificate.ends, reason=noted, effects_held=effects)


def _held(held: Sequence[Hold]) -> str:
    """The hold in one clause: who, since when, until when, why."""
    if not held:
        return ""
    first = held[0]
    which = f"hold {first.number} of all use cases" if first.use_case == holds.ALL else f"hold {first.number}"
    until = f" until {first.until:%Y-%m-%d %H:%M} UTC" if first.until else ""
    more = f"; {len(held) - 1} more in force" if len(held) > 1 else ""
    return f"held by {first.actor} since {first.at:%Y-%m-%d %H:%M} UTC{until} because {first.reason} ({which}{more})"


def _alarmed(alarm: Alarm) -> str:
    return f"alarm {alarm.number} sends cases to review since {alarm.at:%Y-%m-%d}: {alarm.reason}"


def _stopping(open_alarms: Sequence[Alarm], certificate: Certificate) -> list[Alarm]:
    """The open alarms that send cases of the certified versions to review."""
    rests_on = certificate.rests_on
    return [
        alarm
        for alarm in open_alarms
        if alarm.action == "to people" and alarm.model in rests_on and alarm.version in {None, rests_on[alarm.model]}
    ]


def _share(certificate: Certificate, left_out: set[str]) -> float:
    """The share of labelled rows that policy would have decided, without some of the segments."""
    if not left_out:
        return certificate.coverage
    rows = sum(each.labels_used for each in certificate.segments.values())
    decided = sum(
        each.coverage * each.labels_used for name, each in certificate.segments.items() if name not in left_out
    )
    return decided / rows if rows else 0.0


def effects_held(log: CaseLog, use_case: str) -> str:
    """The hold that stops effects of a use case now, in words; empty where none does."""
    stopping = [hold for hold in holds.in_force(log, use_case) if hold.effects]
    return _held(stopping)
