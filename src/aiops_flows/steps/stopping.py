"""Stopping automatic decisions and starting them again: holds and alarms, and what starting again sets free."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiops_flows.case_log import alarms, holds, questions, versions
from aiops_flows.case_log.holds import ALL, Hold
from aiops_flows.steps.automation import Automation, automation
from aiops_flows.steps.health import audited_error
from aiops_flows.steps.quality import quality
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["ALL", "Restart", "Restarted", "clear_alarm", "hold", "release", "restart_after"]


@dataclass(frozen=True)
class Restart:
    """What clearing an alarm or releasing a hold would set free; nothing is changed by asking."""

    use_case: str
    what: str
    """The alarm or the hold, in words."""
    stops: bool
    """Whether it stops automatic decisions, so that its end sets any free."""
    afterwards: Automation
    """How automation would stand then."""
    undecided: int
    """Cases without a verdict or review: they would be decided next."""
    kept_in_review: int
    """Open reviews that it caused: they stay with people."""
    error: str
    """The audited error of automatic decisions, and the limit of the policy."""

    def lines(self) -> list[str]:
        """What it would set free, for people; it holds no value of a case."""
        kept = f"{self.kept_in_review} open reviews that it caused stay with people"
        next_ones = f"{self.undecided} cases without a verdict or review would be decided next"
        return [self.what, f"afterwards, {self.afterwards}", f"{next_ones}; {kept}", self.error]

    def as_json(self) -> str:
        """The same as JSON text, which is stored with what the person did."""
        return json.dumps({"shown": self.lines()}, ensure_ascii=False)


@dataclass(frozen=True)
class Restarted:
    """What came of clearing an alarm or releasing a hold."""

    done: bool
    """False: a second person must agree."""
    what: str
    actor: str

    def __str__(self) -> str:
        if self.done:
            return f"{self.what} by {self.actor}"
        return f"not yet: {self.actor} agrees; a second person must agree too, by the same command"


def hold(
    place: Workspace,
    use_case: UseCase | str,
    *,
    reason: str,
    actor: str | None = None,
    until: datetime | None = None,
    effects: bool = False,
    four_eyes: bool = False,
) -> Hold:
    """Stop the automatic decisions of a use case, or of all, until a release or a time; the hold.

    Once this call has returned, none is committed. Cases go to review, with the hold as the reason.

    Args:
        place: the case log.
        use_case: the use case, or its name; `ALL` for every one, those that are not there yet included.
        reason: why, for people.
        actor: who holds; default the settings' actor.
        until: when it ends by itself, by the case log's clock; default when it is released.
        effects: send no effects either. What a worker is sending at this moment may still arrive.
        four_eyes: a release takes two people. It does anyway where the policy or a model asks for four eyes.

    Raises:
        CaseLogError: nobody is named, no reason is given, or ``until`` has passed.
    """
    name = use_case if isinstance(use_case, str) else use_case.name
    two = four_eyes or _takes_two(place, use_case)
    who = (actor or place.settings.actor).strip()
    number = holds.hold(place.log, name, reason=reason, actor=who, until=until, effects=effects, four_eyes=two)
    return next(each for each in holds.in_force(place.log, name) if (each.use_case, each.number) == (name, number))


def release(
    place: Workspace, use_case: UseCase | str, number: int, *, reason: str, actor: str | None = None
) -> Restarted:
    """Let the automatic decisions that a hold stopped go on; where it takes two people, the second one's call does.

    Args:
        place: the case log.
        use_case: the use case, or its name; `ALL` for a hold of all.
        number: of the hold.
        reason: why, for people.
        actor: who releases; default the settings' actor.

    Raises:
        CaseLogError: nobody is named, or no reason is given.
        ConflictingWrite: there is no hold of that number.
    """
    name = use_case if isinstance(use_case, str) else use_case.name
    who = (actor or place.settings.actor).strip()
    shown = "{}" if name == ALL else restart_after(place, use_case, hold_number=number).as_json()
    done = holds.release(
        place.log, name, number, reason=reason, actor=who, four_eyes=_takes_two(place, use_case), evidence=shown
    )
    return Restarted(done, f"hold {number} released", who)


def clear_alarm(
    place: Workspace, use_case: UseCase | str, number: int, *, reason: str, actor: str | None = None
) -> Restarted:
    """Clear an alarm under a person's name: what it kept from happening may happen again.

    The watch begins anew with what becomes known from then on. Where the alarm stops automatic decisions and the policy
    or the model asks for four eyes, the call of a second person clears it.

    Args:
        place: the case log.
        use_case: the use case, or its name.
        number: of the alarm.
        reason: what was seen, and done about it.
        actor: who clears it; default the settings' actor.

    Raises:
        ConflictingWrite: there is no alarm of that number.
    """
    name = use_case if isinstance(use_case, str) else use_case.name
    who = (actor or place.settings.actor).strip()
    restart = restart_after(place, use_case, alarm_number=number)
    two = not isinstance(use_case, str) and use_case.restart_takes_two
    done = alarms.clear(place.log, name, number, reason=reason, actor=who, four_eyes=two, evidence=restart.as_json())
    return Restarted(done, f"alarm {number} cleared", who)


def _takes_two(place: Workspace, use_case: UseCase | str) -> bool:
    """Whether a release takes two people; of a bare name as far as the case log can tell, by the models' four eyes."""
    if isinstance(use_case, str):
        return versions.ask_for_four_eyes(place.log, None if use_case == ALL else use_case)
    return use_case.restart_takes_two


def restart_after(
    place: Workspace, use_case: UseCase | str, *, alarm_number: int | None = None, hold_number: int | None = None
) -> Restart:
    """What clearing an alarm, or releasing a hold, of a use case would set free; nothing is written.

    Args:
        place: the case log.
        use_case: the use case; with its name alone the audited error is not computed.
        alarm_number: of the alarm.
        hold_number: of the hold.
    """
    name = use_case if isinstance(use_case, str) else use_case.name
    what, why, stops = _described(place, name, alarm_number, hold_number)
    waiting = questions.open_reviews(place.log, name, lane=False)["reason"].astype(str)
    counts = questions.counts(place.log, name).to_dict("records")
    return Restart(
        use_case=name,
        what=what,
        stops=stops,
        afterwards=automation(place, use_case, without_alarm=alarm_number, without_hold=hold_number),
        undecided=int(counts[0]["unfinished"]) if counts else 0,
        kept_in_review=int(waiting.str.contains(why, regex=False).sum()),
        error=_error(place, use_case),
    )


def _described(place: Workspace, name: str, alarm_number: int | None, hold_number: int | None) -> tuple[str, str, bool]:
    """The alarm or hold in words, the words by which reviews name it, and whether it stops automatic decisions."""
    if alarm_number is not None:
        for alarm in alarms.open_alarms(place.log, name):
            if alarm.number == alarm_number:
                about = "all versions" if alarm.version is None else f"version {alarm.version}"
                what = f"alarm {alarm.number} ({alarm.kind} of {alarm.model}, {about}: {alarm.action}): {alarm.reason}"
                return what, f"alarm {alarm.number} sends it", alarm.action == "to people"
        return f"alarm {alarm_number} is not open", f"alarm {alarm_number} sends it", False
    for each in holds.in_force(place.log, name):
        if (each.use_case, each.number) == (name, hold_number):
            return str(each), str(each), True
    return f"hold {hold_number} is not in force", f"hold {hold_number} by", False


def _error(place: Workspace, use_case: UseCase | str) -> str:
    if isinstance(use_case, str):
        return "audited error: give the path of the use case, such as flows.claims:CLAIMS, to have it computed"
    total = quality(place, use_case)[-1]
    return f"audited error of automatic decisions: {audited_error(total)}; the policy allows {_limit(use_case)}"


def _limit(use_case: UseCase) -> str:
    limit: Any = use_case.review.max_error
    return f"{limit:g}" if isinstance(limit, float | int) else ", ".join(f"{v}: {x:g}" for v, x in limit.items())
