"""Commands about models: train, watch, promote, approve, roll back, recall, and who was champion when.

What a command needs is imported in it: `champion` is a quick question, and the steps load scientific libraries.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiops_flows.cli.naming import load, model_name, name_of
from aiops_flows.cli.output import AsJson, UseCaseName, UseCasePath, say, show_rows, working
from aiops_flows.errors import NoChampion, TrainingError

if TYPE_CHECKING:
    from aiops_flows.steps.drifting import DriftCheck
    from aiops_flows.steps.training import Retrained

__all__ = ["Model", "approve", "champion", "check_drift", "moment_of", "promote", "recall", "retrain", "rollback"]

REFUSED = 1

Model = Annotated[str, typer.Argument(help="name of the model, or of its output")]
Moment = Annotated[str | None, typer.Option("--as-of", help="as known at this moment (ISO 8601); default now")]


def moment_of(text: str | None) -> datetime | None:
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
    from aiops_flows.steps import training
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case, try_it=True)
    chosen = [declared.model(model)] if model else training.in_order(declared)
    became: list[dict[str, Any]] = []
    for spec in chosen:
        try:
            with working(f"training {spec.name}", quiet=as_json):
                made = training.retrain(place, declared, spec, as_of=moment_of(as_of))
        except TrainingError as fault:
            became.append({"model": spec.name, "version": None, "passed": False, "reasons": [str(fault)], "gates": []})
            if not as_json:
                say(f"aiops-flows: {fault}")
            continue
        became.append(_became(made))
        if not as_json:
            _show_judged(made)
    if as_json:
        show_rows(became, as_json=True)
    if not all(each["passed"] for each in became):
        raise typer.Exit(REFUSED)


def _became(made: Retrained) -> dict[str, Any]:
    return {
        "model": made.model,
        "version": made.version,
        "passed": made.passed,
        "reasons": made.reasons,
        "rows": made.rows,
        "evidence_digest": made.evidence_digest,
        "certificate": dataclasses.asdict(made.certificate) if made.certificate else None,
        "gates": [dataclasses.asdict(result) for result in made.results],
    }


def _show_judged(made: Retrained) -> None:
    from aiops_flows.gate_results import gate_table

    title = f"{made.model} version {made.version}: {'all gates passed' if made.passed else 'refused'}"
    show_rows(gate_table(made.results), as_json=False, title=title, empty=f"{title} (none is declared)")
    if made.certificate is not None:
        say(f"without a person: {made.certificate.reason}")


def check_drift(use_case: UseCasePath, as_of: Moment = None, as_json: AsJson = False) -> None:
    """Compare what arrives, and what champions say of it, with before; raises and clears alarms, as a schedule does.

    With --as-of it only looks.
    """
    from aiops_flows.steps import drifting
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    with working("measuring drift", quiet=as_json):
        checks = drifting.check_drift(place, load(use_case), as_of=moment_of(as_of), render=False)
    rows = [
        {
            "model": check.model,
            "version": check.version,
            "verdict": check.verdict,
            "answers": check.predictions.verdict if check.predictions else "unknown",
            "slices": _shown(check.drifted_slices) if not as_json else check.drifted_slices,
            "matters": _matters(check),
            "breaks": len(check.report.breaks) if check.report else 0,
            "actions": ", ".join(dict.fromkeys(action.action for action in check.actions)) or "none",
            "reason": check.reason,
        }
        for check in checks
    ]
    show_rows(rows, as_json=as_json)
    if any(check.matters for check in checks):
        raise typer.Exit(REFUSED)


def _matters(check: DriftCheck) -> str:
    """Whether the drift is expected to matter, in a word."""
    if check.verdict != "drift" or check.report is None:
        return "-"
    return {True: "yes", False: "no", None: "unknown"}[check.report.matters]


def _shown(values: list[str]) -> str:
    """The first ten of some values, and how many more there are."""
    more = f" and {len(values) - 10} more" if len(values) > 10 else ""
    return f"{', '.join(values[:10])}{more}"


def promote(
    use_case: UseCasePath,
    model: Model,
    version: Annotated[int | None, typer.Option(help="default: the newest challenger")] = None,
    name: Annotated[str | None, typer.Option(help="who proposes it; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a challenger champion if its gates passed and its approval is there; else say why not."""
    from aiops_flows.steps import promotion
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
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
    comment: Annotated[str, typer.Option(help="what was looked at")] = "",
    as_json: AsJson = False,
) -> None:
    """Approve a version, bound to its evidence, as somebody who neither trained nor proposes it."""
    from aiops_flows.steps import promotion
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    approver = name or place.settings.actor
    promotion.approve(
        place,
        declared,
        declared.model(model).name,
        version,
        approver=approver,
        evidence_digest=evidence,
        comment=comment,
        channel="cli",
    )
    if as_json:
        show_rows([{"model": declared.model(model).name, "version": version, "approver": approver}], as_json=True)
    else:
        say(f"{model} version {version}: approved by {approver}")


def rollback(
    use_case: UseCasePath,
    model: Model,
    reason: Annotated[str, typer.Option(help="why")],
    to: Annotated[int | None, typer.Option(help="an earlier champion; default the last that is not withdrawn")] = None,
    name: Annotated[str | None, typer.Option(help="who rolls back; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier champion champion again; the present one is withdrawn."""
    from aiops_flows.steps import promotion
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    result = promotion.rollback(place, declared, model, to=to, reason=reason, actor=name)
    if as_json:
        show_rows([dataclasses.asdict(result)], as_json=True)
        return
    say(str(result))
    withdrawn = f"aiops-flows recall --use-case {use_case} {model} {result.predecessor}"
    say(f"cases that version {result.predecessor} decided: {withdrawn}")


def recall(use_case: UseCasePath, model: Model, version: int, as_json: AsJson = False) -> None:
    """Find every case that a withdrawn version decided, decide it again, and put to people what would change."""
    from aiops_flows.case_log import versions
    from aiops_flows.steps import recall as recalling
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    spec = declared.model(model)
    versions.get(place.log, declared.name, spec.name, version)  # else a typing error reads as "nothing found"
    with working("deciding again", quiet=as_json):
        done = recalling.recall(place, declared, spec.name, version)
    show_rows([dataclasses.asdict(done)], as_json=as_json)


def champion(
    use_case: UseCaseName,
    model: Model,
    at: Annotated[str | None, typer.Option(help="moment asked for (ISO 8601); default now")] = None,
    as_json: AsJson = False,
) -> None:
    """Which version is, or was, champion, since when, and who approved it."""
    from aiops_flows.case_log import promotions
    from aiops_flows.steps.workspace import Workspace

    moment, log = moment_of(at), Workspace.existing().log
    name = name_of(log, use_case)
    found = promotions.champion(log, name, model_name(log, use_case, model), moment)
    if found is None:
        raise NoChampion(
            f"{model} had no champion at {at}"
            if at
            else f"{model} of {name} has no champion now; aiops-flows retrain and promote make one"
        )
    show_rows([dataclasses.asdict(found)], as_json=as_json)
