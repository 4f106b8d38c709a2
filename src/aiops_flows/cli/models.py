"""Commands about models: train, watch, promote, approve, roll back, recall, and who was champion when."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Annotated

import typer

from aiops_flows.cli.output import AsJson, UseCasePath, say, show_rows, working
from aiops_flows.errors import NoChampion, TrainingError
from aiops_flows.gates import gate_table
from aiops_flows.steps import promotion, training, watching
from aiops_flows.steps import recall as recalling
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import load_use_case

__all__ = ["approve", "champion", "check_drift", "promote", "recall", "retrain", "rollback"]

REFUSED = 1

Model = Annotated[str, typer.Argument(help="name of the model, or of its output")]
Moment = Annotated[str | None, typer.Option("--as-of", help="as known at this moment (ISO 8601); default now")]


def _moment(text: str | None) -> datetime | None:
    """A moment given on the command line; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise typer.BadParameter(f"{text!r} is no moment; write it as 2026-03-03 or 2026-03-03T14:00:00Z") from fault
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def retrain(
    use_case: UseCasePath,
    model: Annotated[str | None, typer.Argument(help="one model; default all of the use case")] = None,
    as_of: Moment = None,
    as_json: AsJson = False,
) -> None:
    """Train a challenger, judge it on the same rows as champion and baseline, and register it; nothing is promoted."""
    place, declared = Workspace.here(), load_use_case(use_case)
    chosen = [declared.model(model)] if model else training.in_order(declared)
    failed = False
    for spec in chosen:
        try:
            with working(f"training {spec.name}", quiet=as_json):
                made = training.retrain(place, declared, spec, as_of=_moment(as_of))
        except TrainingError as fault:
            say(f"aiops-flows: {fault}")
            failed = True
            continue
        failed |= not made.passed
        title = f"{made.model} version {made.version}: {'all gates passed' if made.passed else 'refused'}"
        show_rows(gate_table(made.results), as_json=as_json, title=title, empty="no gates are declared")
    if failed:
        raise typer.Exit(REFUSED)


def check_drift(use_case: UseCasePath, as_of: Moment = None, as_json: AsJson = False) -> None:
    """Compare what arrives with what each champion learned from."""
    place = Workspace.here()
    with working("measuring drift", quiet=as_json):
        checks = watching.check_drift(place, load_use_case(use_case), as_of=_moment(as_of), render=False)
    rows = [
        {"model": check.model, "version": check.version, "verdict": check.verdict, "reason": check.reason}
        for check in checks
    ]
    show_rows(rows, as_json=as_json)
    if any(check.verdict == "drift" for check in checks):
        raise typer.Exit(REFUSED)


def promote(
    use_case: UseCasePath,
    model: Model,
    version: Annotated[int | None, typer.Option(help="default: the newest challenger")] = None,
    name: Annotated[str | None, typer.Option(help="who proposes it; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a challenger champion if its gates passed and its approval is there; else say why not."""
    place, declared = Workspace.here(), load_use_case(use_case)
    result = promotion.promote(place, declared, declared.model(model), version=version, proposer=name)
    if as_json:
        show_rows([dataclasses.asdict(result)], as_json=True)
    else:
        say(str(result))
    if not result.promoted:
        raise typer.Exit(REFUSED)


def approve(
    use_case: UseCasePath,
    model: Model,
    version: int,
    name: Annotated[str | None, typer.Option(help="who approves; default AIOPS_ACTOR or the login")] = None,
    evidence: Annotated[str | None, typer.Option(help="digest of the evidence that was looked at")] = None,
    comment: str = "",
) -> None:
    """Approve a version, bound to its evidence, as somebody who neither trained nor proposes it."""
    place, declared = Workspace.here(), load_use_case(use_case)
    promotion.approve(
        place,
        declared,
        declared.model(model).name,
        version,
        approver=name or place.settings.actor,
        evidence_digest=evidence,
        comment=comment,
        channel="cli",
    )
    say(f"{model} version {version}: approved by {name or place.settings.actor}")


def rollback(
    use_case: UseCasePath,
    model: Model,
    reason: Annotated[str, typer.Option(help="why")],
    to: Annotated[int | None, typer.Option(help="an earlier champion; default the last that is not withdrawn")] = None,
    name: Annotated[str | None, typer.Option(help="who rolls back; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier champion champion again; the present one is withdrawn."""
    place, declared = Workspace.here(), load_use_case(use_case)
    result = promotion.rollback(place, declared, model, to=to, reason=reason, actor=name)
    if as_json:
        show_rows([dataclasses.asdict(result)], as_json=True)
        return
    say(str(result))
    withdrawn = f"aiops-flows recall --use-case {use_case} {model} {result.predecessor}"
    say(f"cases that version {result.predecessor} decided: {withdrawn}")


def recall(use_case: UseCasePath, model: Model, version: int, as_json: AsJson = False) -> None:
    """Find every case that a withdrawn version decided, decide it again, and put to people what would change."""
    place, declared = Workspace.here(), load_use_case(use_case)
    with working("deciding again", quiet=as_json):
        done = recalling.recall(place, declared, declared.model(model).name, version)
    show_rows([dataclasses.asdict(done)], as_json=as_json)


def champion(
    use_case: UseCasePath,
    model: Model,
    at: Annotated[str | None, typer.Option(help="moment asked for (ISO 8601); default now")] = None,
    as_json: AsJson = False,
) -> None:
    """Which version is, or was, champion, since when, and who approved it."""
    place, declared = Workspace.here(), load_use_case(use_case)
    found = promotion.champion_at(place, declared, model, _moment(at))
    if found is None:
        when = f"at {at}" if at else "now"
        raise NoChampion(f"{model} has no champion {when}; aiops-flows retrain and promote make one")
    show_rows([dataclasses.asdict(found)], as_json=as_json)
