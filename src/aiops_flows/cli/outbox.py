"""Commands about effects: what waits to be sent or never arrived, sending it, and trying again what was given up."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from aiops_flows.cli.naming import load, name_of
from aiops_flows.cli.output import AsJson, UseCaseName, UseCasePath, say, show_rows, working

__all__ = ["effects_app"]

FOUND = 1

effects_app = typer.Typer(
    help="What decisions send to other systems: list it, send it, try again what was given up.",
    short_help="what decisions send: list it, send it, try it again",
    no_args_is_help=True,
)


@effects_app.command("list")
def effects_list(
    use_case: UseCaseName,
    limit: Annotated[int, typer.Option(help="effects shown of those that wait")] = 20,
    as_json: AsJson = False,
) -> None:
    """The effects that have not arrived: first those that were given up, then those that wait, longest due first."""
    from aiops_flows.case_log import undelivered
    from aiops_flows.steps.workspace import Workspace

    log = Workspace.existing().log
    name = name_of(log, use_case)
    gone = undelivered.given_up(log, name)
    rows: list[dict[str, Any]] = [
        _row(row, "replaced" if row.replaced else "given up", row.at, row.attempts)
        for row in gone.itertuples(index=False)
    ]
    waits = undelivered.waiting(log, name, limit=limit)
    rows += [_row(row, "waits", row.due_at, row.failures) for row in waits.itertuples(index=False)]
    show_rows(rows, as_json=as_json, empty="every effect has arrived")
    if not as_json and (waiting := undelivered.counts(log, name).waiting) > len(waits):
        say(f"{waiting - len(waits)} more wait")


def _row(row: Any, state: str, at: Any, failures: Any) -> dict[str, Any]:
    return {
        "effect_id": row.effect_id,
        "name": row.name,
        "case_id": row.case_id,
        "revision": row.revision,
        "state": state,
        "since_or_due": at,
        "failures": failures,
        "reason": row.reason,
    }


@effects_app.command("deliver")
def effects_deliver(
    use_case: UseCasePath,
    sink: Annotated[str, typer.Argument(help="URL of a webhook, env:NAME of the variable that holds it, or a folder")],
    name: Annotated[list[str] | None, typer.Option(help="only effects of this name; may be repeated")] = None,
    secret_setting: Annotated[
        str | None, typer.Option(help="environment variable that holds the webhook's secret; without it no signature")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send what decisions have to tell another system, once, now. Exit code 1 says that something was given up."""
    from aiops_flows.steps.outbox import deliver
    from aiops_flows.steps.sinks import sink_at
    from aiops_flows.steps.workspace import Workspace

    to = sink_at(sink, secret_setting)
    with working("sending", quiet=as_json):
        done = deliver(Workspace.existing(), load(use_case), to, names=name or None)
    show_rows([dataclasses.asdict(done)], as_json=as_json)
    if done.given_up:
        raise typer.Exit(FOUND)


@effects_app.command("retry")
def effects_retry(
    use_case: UseCaseName,
    effect_id: Annotated[list[str] | None, typer.Argument(help="which; may be repeated")] = None,
    everything: Annotated[bool, typer.Option("--all", help="every one that was given up")] = False,
    reason: Annotated[str, typer.Option(help="what was mended, for the record")] = "asked for again",
    actor: Annotated[str | None, typer.Option("--name", help="who asks; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Put effects that were given up back among those that wait; the next delivery tries them as if they were new."""
    from aiops_flows.case_log import undelivered
    from aiops_flows.steps.workspace import Workspace

    if everything == bool(effect_id):
        raise typer.BadParameter("name the effects, or say --all")
    place = Workspace.existing()
    use = name_of(place.log, use_case)
    again = undelivered.ask_again(place.log, use, effect_id or None, reason=reason, actor=actor or place.settings.actor)
    show_rows([{"use_case": use, "tried_again": again}], as_json=as_json)
