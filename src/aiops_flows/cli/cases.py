"""Commands about cases: how things stand, what waits for people, what came true, what is in quarantine.

What a command needs is imported in it: most of them are quick questions, and the steps load scientific libraries.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_flows.cli.case_text import show_case, with_terms, write_page
from aiops_flows.cli.naming import is_path, load, name_of
from aiops_flows.cli.output import AsJson, UseCaseName, UseCasePath, printable, say, show_rows, working
from aiops_flows.cli.stopping import say_automation
from aiops_flows.errors import SourceError, UseCaseError

__all__ = ["quarantine", "record_outcomes", "review_app", "status"]

review_app = typer.Typer(
    help="What waits for a person: list it, look at a case, answer it.",
    short_help="what waits for a person: list it, look at a case, answer it",
    no_args_is_help=True,
)


def status(as_json: AsJson = False) -> None:
    """How many cases came, were decided, wait for a person, or are in quarantine, for every use case."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps.automation import automation
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    rows = questions.counts(place.log).to_dict("records")
    if as_json or not rows:
        found = [{**row, "automation": str(automation(place, str(row["use_case"])))} for row in rows]
        show_rows(found, as_json=as_json, empty="no cases yet: aiops-flows run SOURCE takes some in")
        return
    for row in rows:
        _show_counts(row)
        say(f"  {printable(str(automation(place, str(row['use_case']))))}")


_STATES = {
    "decided_by_policy": "decided by policy",
    "decided_by_person": "decided by people",
    "waiting": "waiting for a person",
    "unfinished": "unfinished",
    "history": "history",
}
_WORK = {
    "asked_again": "decided and asked again",
    "open_audits": "audits open",
    "quarantined": "rows in quarantine",
    "outcomes": "outcomes",
    "open_batches": "batches open",
    "effects_waiting": "effects waiting",
    "effects_given_up": "effects given up",
}


def _show_counts(row: Mapping[Any, Any]) -> None:
    """The states of the cases of a use case, which add up to their number, and the work beside them."""
    say(f"{row['use_case']}: {row['cases']:,} cases")
    for name, words in _STATES.items():
        if row[name] or name in {"decided_by_policy", "decided_by_person", "waiting"}:
            say(f"  {words:<22}{row[name]:>10,}")
    if settled := row["waiting_with_outcome"]:
        say(f"  of those that wait, {settled:,} have a recorded outcome; to close them: aiops-flows review settle")
    work = [f"{row[name]:,} {words}" for name, words in _WORK.items() if row[name]]
    if work:
        say("  " + "\n  ".join(textwrap.wrap(f"beside them: {', '.join(work)}", 76)))


@review_app.command("list")
def review_list(
    use_case: UseCaseName,
    limit: Annotated[int, typer.Option(help="rows shown")] = 20,
    as_json: AsJson = False,
) -> None:
    """The open reviews, most urgent first; of a blind one nothing is told that its reader must not know."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    log = place.log
    name = name_of(log, use_case)
    lane = questions.open_reviews(log, name, lane=True)
    blind = set(lane.loc[lane["blind"], "case_id"])
    rows = questions.open_reviews(log, name, limit=limit).to_dict("records")
    show_rows([_as_listed(row, row["case_id"] in blind) for row in rows], as_json=as_json, empty="no review is open")
    if not as_json:
        say_automation(place, load(use_case) if is_path(use_case) else name)


def _as_listed(row: Mapping[Any, Any], blind: bool) -> dict[str, Any]:
    """An open review as a person may see it: of a case that is read blind, nothing of why it is asked about."""
    listed = {**row, "outcome_known": "yes" if row["outcome_known"] else ""}
    return {**listed, "kind": None, "question": None, "reason": "blind: look at the case"} if blind else listed


@review_app.command("settle")
def review_settle(
    use_case: UseCasePath,
    reason: Annotated[str, typer.Option(help="why, in your words, such as: closed in the claims system")],
    case: Annotated[list[str] | None, typer.Option(help="only this case; may be given again")] = None,
    name: Annotated[str | None, typer.Option(help="who closes them; default AIOPS_ACTOR or the login")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="close them without asking")] = False,
    as_json: AsJson = False,
) -> None:
    """Close the reviews of cases that were settled elsewhere: they wait, and their outcome is recorded already."""
    from aiops_flows.steps import settling
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    waiting = settling.settled_elsewhere(place, declared)
    chosen = len(waiting) if case is None else len(case)
    if chosen and not yes:
        question = f"close {chosen} reviews of {declared.name} as settled elsewhere, without a verdict or effect?"
        typer.confirm(question, abort=True)
    actor = name or place.settings.actor
    done = settling.settle_elsewhere(place, declared, reason=reason, actor=actor, case_ids=case, channel="cli")
    if as_json:
        show_rows([dataclasses.asdict(done)], as_json=True)
        return
    meanwhile = f"; {done.answered_meanwhile} were answered meanwhile" if done.answered_meanwhile else ""
    say(f"{done.closed} reviews of {declared.name} closed as settled elsewhere by {actor}{meanwhile}")


@review_app.command("show")
def review_show(
    use_case: UseCasePath,
    case_id: str,
    picture: Annotated[
        Path | None, typer.Option(help="file for a page that draws the case's history and forecast")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One case as a reviewer sees it: its fields, and unless it is read blind the predictions and what is proposed."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps import explaining
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    shown = explaining.shown(place, declared, case_id)
    if picture is not None:
        write_page(picture, explaining.page(place, declared, case_id))
    decided = questions.effective(place.log, declared.name, case_ids=[case_id]).to_dict("records")
    if shown["blind"]:
        decided = []
    if as_json:
        say(json.dumps(shown | {"decision": decided[0] if decided else None}, indent=2, default=str))
        return
    show_case(shown, list(declared.terms))
    for decision in decided:
        what = f"{decision['verdict']}{with_terms(decision['terms'])}"
        revision = f"revision {decision['revision']}"
        say(printable(f"decided: {what} by {decision['actor']}, {revision}: {decision['reason']}"))
    if picture is not None:
        say(f"drawn: {picture}")


@review_app.command("answer")
def review_answer(
    use_case: UseCasePath,
    case_id: str,
    verdict: Annotated[str, typer.Option(help="one of the policy's verdicts")],
    reason: Annotated[str, typer.Option(help="why, in your words")],
    name: Annotated[str | None, typer.Option(help="who answers; default AIOPS_ACTOR or the login")] = None,
    replaces: Annotated[int | None, typer.Option(help="for a correction: the revision it replaces")] = None,
    seconds: Annotated[float | None, typer.Option(help="how long you took, where you measured it", min=0)] = None,
    says: Annotated[
        list[str] | None,
        typer.Option(help="what is true, as OUTPUT=VALUE or OUTPUT=@FILE for a text; may be given again"),
    ] = None,
    term: Annotated[
        list[str] | None,
        typer.Option(help="what you decide beyond the verdict, as TERM=VALUE such as order=120; may be given again"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer what is open of a case, or correct its decision; and say what is true of it, to be learned from."""
    from aiops_flows.case_log.writes import Decision
    from aiops_flows.steps import explaining
    from aiops_flows.steps.review import decide
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    shown = json.dumps(explaining.shown(place, declared, case_id), default=str, sort_keys=True)
    answer = decide(
        place,
        declared,
        case_id,
        verdict=verdict,
        reason=reason,
        actor=name or place.settings.actor,
        replaces=replaces,
        shown=shown,
        seconds=seconds,
        channel="cli",
        outcomes={name: _value(value) for name, value in _named("--says intent=refund", says).items()},
        terms=_named("--term order=120", term),
    )
    revision, terms = (answer.revision, answer.terms) if isinstance(answer, Decision) else (None, None)
    row: dict[str, Any] = {"case_id": case_id, "revision": revision, "verdict": verdict}
    if not isinstance(answer, Decision):
        row |= {"did": str(answer), "revision": answer.decision.revision if answer.decision else None}
    if as_json:
        show_rows([row | ({"terms": terms} if terms else {})], as_json=True)
        return
    did = f"{verdict}{with_terms(terms)}, revision {revision}" if isinstance(answer, Decision) else str(answer)
    say(printable(f"{case_id}: {did}"))


def _named(example: str, given: Sequence[str] | None) -> dict[str, str]:
    """Name -> value, as they were typed as NAME=VALUE."""
    told: dict[str, str] = {}
    for each in given or []:
        name, found, value = each.partition("=")
        if not found or name.strip() in told:
            raise UseCaseError(
                f"{example.split(maxsplit=1)[0]} needs NAME=VALUE, such as {example}, once for each name"
            )
        told[name.strip()] = value
    return told


def _value(typed: str) -> str:
    """What was typed, or what the file after ``@`` holds."""
    return _of_file(Path(typed[1:])) if typed.startswith("@") else typed


def _of_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SourceError(f"{path} is no text in UTF-8; save it as such") from None
    except OSError as fault:
        raise SourceError(
            f"{path} cannot be read: {fault.strerror}; --says OUTPUT=@FILE takes the path of a text"
        ) from None


def record_outcomes(
    use_case: UseCasePath,
    source: Annotated[str, typer.Argument(help="file or inbox folder that tells what came true")],
    as_json: AsJson = False,
) -> None:
    """Store what came true of cases, and say how many outcomes were new, known, or put to quarantine."""
    from aiops_flows.steps import outcomes
    from aiops_flows.steps.workspace import Workspace

    with working("recording", quiet=as_json):
        recorded = outcomes.record_outcomes(Workspace.existing(), load(use_case), source)
    show_rows([dataclasses.asdict(recorded)], as_json=as_json)
    if recorded.quarantined and not as_json:
        say(f"why rows went to quarantine: aiops-flows quarantine --use-case {use_case}")


def quarantine(
    use_case: UseCaseName, limit: Annotated[int, typer.Option(help="rows shown")] = 20, as_json: AsJson = False
) -> None:
    """The rows that could not become cases or outcomes, with the reason of each."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps.workspace import Workspace

    log = Workspace.existing().log
    rows = questions.quarantine(log, name_of(log, use_case), limit=limit)
    columns = [name for name in rows.columns if as_json or name != "raw"]
    show_rows(rows[columns].to_dict("records"), as_json=as_json, empty="the quarantine is empty")
