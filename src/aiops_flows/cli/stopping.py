"""Commands that stop automatic decisions and start them again.

They work with the bare name of a use case, so that an operator can stop what runs where its code is not, or is broken.
What a command needs is imported in it.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from aiops_flows.cli.models import moment_of
from aiops_flows.cli.naming import is_path, load, name_of
from aiops_flows.cli.output import AsJson, printable, say, show_rows
from aiops_flows.errors import UseCaseError

if TYPE_CHECKING:
    from aiops_flows.case_log import CaseLog
    from aiops_flows.steps.stopping import Restart
    from aiops_flows.steps.workspace import Workspace
    from aiops_flows.use_case import UseCase

__all__ = ["agreed_to", "hold", "release", "say_automation"]

WAITS = 1
_SPAN = re.compile(r"(\d+)\s*(m|min|h|d)", re.IGNORECASE)
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}

MaybeUseCase = Annotated[
    str | None,
    typer.Option("--use-case", "-u", envvar="AIOPS_USE_CASE", help="path of the use case, or its name"),
]
EveryUseCase = Annotated[bool, typer.Option("--all", help="every use case of the case log")]
Reason = Annotated[str | None, typer.Option(help="why, for those who come after you")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]


def hold(
    use_case: MaybeUseCase = None,
    everything: EveryUseCase = False,
    reason: Reason = None,
    until: Annotated[
        str | None, typer.Option(help="when it ends by itself: 2026-12-01T18:00, or in 30m, 4h, 2d; default never")
    ] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="send no effects either; by default only decisions are held")
    ] = False,
    two_people: Annotated[bool, typer.Option("--two-people", help="its release takes two people")] = False,
    show: Annotated[bool, typer.Option("--list", help="only list the holds that are in force, and what was")] = False,
    name: Annotated[str | None, typer.Option(help="who holds; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Stop automatic decisions, of a use case or of all, now: none is committed once this command has ended."""
    from aiops_flows.case_log import holds
    from aiops_flows.steps import stopping
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    about = _about(place.log, use_case, everything)
    if show:
        rows = holds.history(place.log, _name(about)).astype(object).to_dict("records")
        show_rows(rows, as_json=as_json, empty="nothing was ever held")
        return
    if reason is None:
        raise typer.BadParameter("a hold needs its reason; say it with --reason")
    ends = _until(until, place.log.now())
    made = stopping.hold(place, about, reason=reason, actor=name, until=ends, effects=effects, four_eyes=two_people)
    if as_json:
        show_rows([dict(vars(made))], as_json=True)
        return
    say(printable(f"held: {made}"))
    say("effects of earlier decisions are not sent either" if effects else "effects of earlier decisions go on")
    _say_every(place, about)


def release(
    number: Annotated[int | None, typer.Argument(help="of the hold; default the only one in force")] = None,
    use_case: MaybeUseCase = None,
    everything: EveryUseCase = False,
    reason: Reason = None,
    name: Annotated[str | None, typer.Option(help="who releases; default AIOPS_ACTOR or the login")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Release a hold: says what it sets free, and asks. A second person must agree where four eyes are asked for."""
    from aiops_flows.steps import stopping
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    about = _about(place.log, use_case, everything)
    if reason is None:
        raise typer.BadParameter("a release needs its reason; say it with --reason")
    chosen = _chosen(place.log, _name(about), number)
    if chosen is None:
        say("[]" if as_json else f"{_called(about)}: no hold is in force")
        raise typer.Exit(WAITS)
    restart = stopping.restart_after(place, about, hold_number=chosen)
    agreed_to(restart, yes=yes, quiet=as_json)
    done = stopping.release(place, about, chosen, reason=reason, actor=name)
    if as_json:
        show_rows([{"hold": chosen, "released": done.done, "by": done.actor}], as_json=True)
    else:
        say(printable(str(done)))
        _say_every(place, about)
    if not done.done:
        raise typer.Exit(WAITS)


def agreed_to(restart: Restart, *, yes: bool, quiet: bool) -> None:
    """Show what would be set free, and go on only where the person agrees.

    Raises:
        typer.Exit: the person does not, or nobody is there to ask.
    """
    if not restart.stops:
        return
    if not quiet:
        for line in restart.lines():
            say(printable(line))
    if yes:
        return
    if quiet or not sys.stdin.isatty():
        typer.echo("nothing was changed: automatic decisions would start again; say --yes to agree", err=True)
        raise typer.Exit(WAITS)
    if not typer.confirm("start automatic decisions again?"):
        say("nothing was changed")
        raise typer.Exit(WAITS)


def say_automation(place: Workspace, use_case: UseCase | str, *, named: bool = False) -> None:
    """The one line that says whether automation is on, and why not."""
    from aiops_flows.steps.automation import automation

    found = automation(place, use_case)
    say(printable(f"{found.use_case}: {found}" if named else str(found)))


def _say_every(place: Workspace, about: UseCase | str) -> None:
    from aiops_flows.case_log import holds, questions

    names = questions.use_cases(place.log) if about == holds.ALL else [about]
    for each in names:
        say_automation(place, each, named=True)


def _about(log: CaseLog, use_case: str | None, everything: bool) -> UseCase | str:
    """The use case where its code is at hand, else its name; or all of them."""
    from aiops_flows.case_log import holds

    if everything:
        return holds.ALL
    if use_case is None:
        raise UseCaseError("which use case? Name it with --use-case or AIOPS_USE_CASE, or say --all for every one")
    if is_path(use_case):
        return load(use_case)
    return name_of(log, use_case)


def _name(about: UseCase | str) -> str:
    return about if isinstance(about, str) else about.name


def _called(about: UseCase | str) -> str:
    from aiops_flows.case_log import holds

    return "all use cases" if about == holds.ALL else _name(about)


def _chosen(log: CaseLog, name: str, number: int | None) -> int | None:
    """The hold to release: the one named, or the only one in force; None where there is none."""
    from aiops_flows.case_log import holds

    if number is not None:
        return number
    numbers = [each.number for each in holds.in_force(log, name) if each.use_case == name]
    if len(numbers) > 1:
        raise UseCaseError(f"{name} has the holds {numbers} in force; name the one to release")
    return numbers[0] if numbers else None


def _until(text: str | None, now: datetime) -> datetime | None:
    """A time, or a span from now by the case log's clock."""
    if text is None:
        return None
    span = _SPAN.fullmatch(text.strip())
    if span is None:
        return moment_of(text)
    return now + timedelta(**{_UNITS[span[2].lower()]: int(span[1])})
