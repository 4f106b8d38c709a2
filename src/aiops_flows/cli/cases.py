"""Commands about cases: how things stand, what waits for people, what is in quarantine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from aiops_flows.case_log import questions
from aiops_flows.cli.output import AsJson, UseCasePath, say, show_rows
from aiops_flows.steps import explaining
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import load_use_case

__all__ = ["quarantine", "review_app", "status"]

review_app = typer.Typer(help="What waits for a person: list it, look at a case, answer it.", no_args_is_help=True)


def status(as_json: AsJson = False) -> None:
    """How many cases came, were decided, wait for a person, or are in quarantine, for every use case."""
    place = Workspace.here()
    rows = questions.counts(place.log).to_dict("records")
    show_rows(rows, as_json=as_json, empty="no cases yet: aiops-flows run SOURCE takes some in")


@review_app.command("list")
def review_list(
    use_case: UseCasePath,
    limit: Annotated[int, typer.Option(help="rows shown")] = 20,
    as_json: AsJson = False,
) -> None:
    """The open reviews, most urgent first."""
    rows = questions.open_reviews(Workspace.here().log, load_use_case(use_case).name, limit=limit).to_dict("records")
    show_rows(rows, as_json=as_json, empty="no review is open")


@review_app.command("show")
def review_show(use_case: UseCasePath, case_id: str, as_json: AsJson = False) -> None:
    """One case as a reviewer sees it: its fields, the predictions, and what moved them."""
    shown = explaining.shown(Workspace.here(), load_use_case(use_case), case_id)
    if as_json:
        say(json.dumps(shown, indent=2, default=str))
        return
    show_rows([{"field": name, "value": value} for name, value in shown["case"].items()], as_json=False)
    for said in shown["predictions"]:
        say("")
        say(f"{said['model']} version {said['version']} says {said['value']} (confidence {said['confidence']})")
        show_rows(said["reasons"], as_json=False, empty="no reasons: the version cannot be loaded")
    say("")
    say(f"asked because: {shown['asked_because'] or 'no review is open'}")


@review_app.command("answer")
def review_answer(
    use_case: UseCasePath,
    case_id: str,
    verdict: Annotated[str, typer.Option(help="one of the policy's verdicts")],
    reason: Annotated[str, typer.Option(help="why, in your words")],
    name: Annotated[str | None, typer.Option(help="who answers; default AIOPS_ACTOR or the login")] = None,
    replaces: Annotated[int | None, typer.Option(help="for a correction: the revision it replaces")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a case, or correct its decision."""
    place, declared = Workspace.here(), load_use_case(use_case)
    shown = json.dumps(explaining.shown(place, declared, case_id), default=str, sort_keys=True)
    decision = decide(
        place,
        declared,
        case_id,
        verdict=verdict,
        reason=reason,
        actor=name or place.settings.actor,
        replaces=replaces,
        shown=shown,
        channel="cli",
    )
    row: dict[str, Any] = {"case_id": case_id, "revision": decision.revision, "verdict": verdict}
    if as_json:
        show_rows([row], as_json=True)
    else:
        say(f"{case_id}: {verdict}, revision {decision.revision}")


def quarantine(
    use_case: UseCasePath, limit: Annotated[int, typer.Option(help="rows shown")] = 20, as_json: AsJson = False
) -> None:
    """The rows that could not become cases or outcomes, with the reason of each."""
    rows = questions.quarantine(Workspace.here().log, load_use_case(use_case).name, limit=limit)
    columns = [name for name in rows.columns if as_json or name != "raw"]
    show_rows(rows[columns].to_dict("records"), as_json=as_json, empty="the quarantine is empty")
