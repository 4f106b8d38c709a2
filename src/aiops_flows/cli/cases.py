"""Commands about cases: how things stand, what waits for people, what came true, what is in quarantine.

What a command needs is imported in it: most of them are quick questions, and the steps load scientific libraries.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_flows.cli.output import AsJson, UseCaseName, UseCasePath, name_of, printable, say, show_rows, working
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
    from aiops_flows.steps.workspace import Workspace

    rows = questions.counts(Workspace.here().log).to_dict("records")
    show_rows(rows, as_json=as_json, empty="no cases yet: aiops-flows run SOURCE takes some in")


@review_app.command("list")
def review_list(
    use_case: UseCaseName,
    limit: Annotated[int, typer.Option(help="rows shown")] = 20,
    as_json: AsJson = False,
) -> None:
    """The open reviews, most urgent first; of a blind one nothing is told that its reader must not know."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps.workspace import Workspace

    log = Workspace.here().log
    name = name_of(log, use_case)
    lane = questions.open_reviews(log, name, lane=True)
    blind = set(lane.loc[lane["blind"], "case_id"])
    rows = questions.open_reviews(log, name, limit=limit).to_dict("records")
    show_rows([_as_listed(row, row["case_id"] in blind) for row in rows], as_json=as_json, empty="no review is open")


def _as_listed(row: Mapping[Any, Any], blind: bool) -> dict[str, Any]:
    """An open review as a person may see it: of a case that is read blind, nothing of why it is asked about."""
    return {**row, "kind": None, "question": None, "reason": "blind: look at the case"} if blind else dict(row)


@review_app.command("show")
def review_show(use_case: UseCasePath, case_id: str, as_json: AsJson = False) -> None:
    """One case as a reviewer sees it: its fields, and unless it is read blind the predictions and what moved them."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps import explaining
    from aiops_flows.steps.workspace import Workspace
    from aiops_flows.use_case import load_use_case

    place, declared = Workspace.here(), load_use_case(use_case)
    shown = explaining.shown(place, declared, case_id)
    decided = questions.effective(place.log, declared.name, case_ids=[case_id]).to_dict("records")
    if shown["blind"]:
        decided = []
    if as_json:
        say(json.dumps(shown | {"decision": decided[0] if decided else None}, indent=2, default=str))
        return
    show_rows([{"field": name, "value": _readable(value)} for name, value in shown["case"].items()], as_json=False)
    for said in shown["predictions"]:
        say("")
        _show_prediction(said)
    say("")
    say(f"asked because: {shown['asked_because'] or 'no review is open'}")
    for decision in decided:
        revision = f"revision {decision['revision']}"
        say(printable(f"decided: {decision['verdict']} by {decision['actor']}, {revision}: {decision['reason']}"))


def _readable(value: Any) -> Any:
    """A field of a case as text for people: turns of a conversation one below the other."""
    if isinstance(value, list) and value and all(isinstance(turn, dict) and "text" in turn for turn in value):
        return "\n".join(f"{turn.get('speaker', '?')}: {turn['text']}" for turn in value)
    return value


def _show_prediction(said: Mapping[str, Any]) -> None:
    """What a model says of the case, for people: classes with their probabilities, texts as texts."""
    about = f"{said['model']} version {said['version']}"
    if said["kind"] == "writer":
        _show_writing(about, said["value"])
        return
    say(printable(f"{about} says {said['value']} (confidence {said['confidence']})"))
    if len(said["likeliest"]) > 1:
        show_rows(said["likeliest"], as_json=False)
    show_rows(said["reasons"], as_json=False, empty="no reasons: the version cannot be loaded")


def _show_writing(about: str, writing: Any) -> None:
    """A writing as its text, and the candidates to choose from where it has any, with where each comes from."""
    writing = writing if isinstance(writing, dict) else {"text": writing}
    candidates = writing.get("candidates") or []
    if not writing.get("text"):
        say(f"{about} has nothing to say")
    elif not candidates:
        say(printable(f"{about} writes:\n{writing['text']}"))
    else:
        say(f"{about} offers, the best first:")
        named = ("source", "title", "similarity", "text")
        show_rows([{name: each.get(name) for name in named if name in each} for each in candidates], as_json=False)


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
    as_json: AsJson = False,
) -> None:
    """Answer what is open of a case, or correct its decision; and say what is true of it, to be learned from."""
    from aiops_flows.case_log.writes import Decision
    from aiops_flows.steps import explaining
    from aiops_flows.steps.review import decide
    from aiops_flows.steps.workspace import Workspace
    from aiops_flows.use_case import load_use_case

    place, declared = Workspace.here(), load_use_case(use_case)
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
        outcomes=_told(says or []),
    )
    revision = answer.revision if isinstance(answer, Decision) else None
    row: dict[str, Any] = {"case_id": case_id, "revision": revision, "verdict": verdict}
    if as_json:
        show_rows([row], as_json=True)
    else:
        say(f"{case_id}: {verdict}, " + ("read" if revision is None else f"revision {revision}"))


def _told(says: Sequence[str]) -> dict[str, str]:
    """Output -> value, as it was typed or as the file after ``@`` holds it."""
    told: dict[str, str] = {}
    for each in says:
        output, found, value = each.partition("=")
        if not found or output.strip() in told:
            raise UseCaseError("--says needs OUTPUT=VALUE, such as --says intent=refund, once for each output")
        told[output.strip()] = _of_file(Path(value[1:])) if value.startswith("@") else value
    return told


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
    from aiops_flows.use_case import load_use_case

    with working("recording", quiet=as_json):
        recorded = outcomes.record_outcomes(Workspace.here(), load_use_case(use_case), source)
    show_rows([dataclasses.asdict(recorded)], as_json=as_json)
    if recorded.quarantined and not as_json:
        say(f"why rows went to quarantine: aiops-flows quarantine --use-case {use_case}")


def quarantine(
    use_case: UseCaseName, limit: Annotated[int, typer.Option(help="rows shown")] = 20, as_json: AsJson = False
) -> None:
    """The rows that could not become cases or outcomes, with the reason of each."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps.workspace import Workspace

    log = Workspace.here().log
    rows = questions.quarantine(log, name_of(log, use_case), limit=limit)
    columns = [name for name in rows.columns if as_json or name != "raw"]
    show_rows(rows[columns].to_dict("records"), as_json=as_json, empty="the quarantine is empty")
