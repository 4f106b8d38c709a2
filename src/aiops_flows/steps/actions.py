"""What follows from a finding: the one table, for alarms, reports, evidence and people alike.

Drift says that the world looks different, not that the model is wrong: it has more read, and never decides by itself.
A broken column and the evidence of outcomes block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiops_flows.case_log.alarms import AlarmAction, AlarmKind
from aiops_flows.use_case import ReviewPolicy

__all__ = ["TABLE", "Action", "Consequence", "Finding", "FindingKind", "actions_for"]

FindingKind = Literal[
    "drift",
    "harmless drift",
    "column drift",
    "slice drift",
    "prediction drift",
    "broken feature",
    "broken column",
    "error",
    "overrides",
    "calibration",
    "error burst",
    "overrides burst",
    "calibration burst",
]


@dataclass(frozen=True)
class Finding:
    """Something that was found of a model or of its data."""

    kind: FindingKind
    what: str
    """In one sentence, without a value of a case."""
    segment: str | None = None
    """The segment of the policy that it is about; None for all cases."""


@dataclass(frozen=True)
class Consequence:
    """One row of the table."""

    alarm: AlarmKind
    action: AlarmAction
    why: str
    when: str = "always"
    """In words, what the policy must say for it to follow."""
    applies: Callable[[ReviewPolicy], bool] | None = None


@dataclass(frozen=True)
class Action:
    """What follows from a finding, and why."""

    finding: Finding
    action: AlarmAction
    why: str

    @property
    def alarm(self) -> AlarmKind:
        """The kind of the alarm that asks for it."""
        return next(each.alarm for each in TABLE[self.finding.kind] if each.action == self.action)

    def as_row(self) -> dict[str, str]:
        """The action as plain text: finding, action, why; without a value of a case."""
        segment = "" if self.finding.segment is None else " in one segment"  # its name is a value of cases
        return {
            "finding": f"{self.finding.kind}{segment}: {self.finding.what}",
            "action": self.action,
            "why": self.why,
        }


def _is_read(policy: ReviewPolicy) -> bool:
    return policy.audit > 0 or policy.audit_floor > 0


def _is_not_read(policy: ReviewPolicy) -> bool:
    return not _is_read(policy)


def _more_is_read(policy: ReviewPolicy) -> bool:
    return policy.audit_on_drift > 1 and _is_read(policy)


def _somebody_looks(policy: ReviewPolicy) -> bool:
    return policy.audit_on_drift > 1 and _is_not_read(policy)


def _approval_is_asked(policy: ReviewPolicy) -> bool:
    return policy.approval_on_drift


def _goes_to_people(policy: ReviewPolicy) -> bool:
    return policy.on_alarm == "to people"


def _is_rolled_back(policy: ReviewPolicy) -> bool:
    return policy.on_alarm == "roll back"


_MOVED = "the data moved, which alone does not say that the model is wrong"
_READ_MORE = Consequence(
    "drift",
    "audit more",
    f"{_MOVED}: more readings will tell",
    "audit_on_drift is above 1, and decisions are audited",
    _more_is_read,
)
_LOOK = Consequence(
    "drift",
    "look",
    f"{_MOVED}: outcomes will tell, as no decision is read",
    "audit_on_drift is above 1, and nothing is audited",
    _somebody_looks,
)
_ASK = Consequence(
    "drift",
    "approval",
    "a challenger that is judged on data that moves is looked at by a person first",
    "approval_on_drift is set",
    _approval_is_asked,
)
_NO_PROMOTION = Consequence(
    "data quality",
    "block promotion",
    "what is judged or learned from a broken supply would be judged or learned wrongly",
)
_UNPROVED = Consequence(
    "data quality", "to people", "the certificate is no proof for a feature that no longer holds what it held"
)


def _proved_wrong(alarm: AlarmKind) -> tuple[Consequence, ...]:
    return (
        Consequence(
            alarm,
            "to people",
            "outcomes or people show the champion to be worse than certified",
            "on_alarm is 'to people'",
            _goes_to_people,
        ),
        Consequence(
            alarm,
            "rolled back",
            "outcomes or people show the champion to be worse than certified, and an earlier one is there",
            "on_alarm is 'roll back'",
            _is_rolled_back,
        ),
    )


def _burst(alarm: AlarmKind) -> tuple[Consequence, ...]:
    alone = "one day alone shows it"
    more, later = f"{alone}: more readings will tell whether it lasts", f"{alone}: outcomes will tell whether it lasts"
    return (
        Consequence(alarm, "audit more", more, "decisions are audited", _is_read),
        Consequence(alarm, "look", later, "nothing is audited", _is_not_read),
    )


TABLE: Mapping[FindingKind, tuple[Consequence, ...]] = {
    "drift": (_READ_MORE, _LOOK, _ASK),
    "harmless drift": (),
    "column drift": (_READ_MORE, _LOOK),
    "slice drift": (_READ_MORE, _LOOK),
    "prediction drift": (_READ_MORE, _LOOK, _ASK),
    "broken feature": (_NO_PROMOTION, _UNPROVED),
    "broken column": (_NO_PROMOTION,),
    "error": _proved_wrong("error"),
    "overrides": _proved_wrong("overrides"),
    "calibration": _proved_wrong("calibration"),
    "error burst": _burst("error"),
    "overrides burst": _burst("overrides"),
    "calibration burst": _burst("calibration"),
}
"""Finding -> what follows."""


def actions_for(findings: Sequence[Finding], policy: ReviewPolicy) -> list[Action]:
    """What follows from these findings under a policy, in their order; nothing where nothing was found."""
    return [
        Action(finding, each.action, each.why)
        for finding in findings
        for each in TABLE[finding.kind]
        if each.applies is None or each.applies(policy)
    ]
