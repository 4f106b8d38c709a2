"""The command that feeds a history through the library again, or decides again what was decided."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aiops_flows.cli.naming import load
from aiops_flows.cli.output import AsJson, UseCasePath, say, show_rows
from aiops_flows.progress import logging_from

if TYPE_CHECKING:
    from aiops_flows.replay import History, Replayed, Schedule
    from aiops_flows.use_case import UseCase

__all__ = ["replay"]

DIFFERENT = 1
_SHOWN = {
    "period": "period", "cases": "cases", "by policy": "by_policy", "coverage": "coverage",
    "target": "certified_target", "wrong": "error", "audit says": "audit_estimate", "hours": "reviewer_hours",
    "promoted": "promotions", "refused": "refusals", "rolled back": "rollbacks", "alarms": "alarms",
}  # fmt: skip
Days = float


def replay(
    use_case: UseCasePath,
    history: Annotated[
        Path | None, typer.Argument(help="file of cases (CSV, Parquet, JSON lines); default the use case's own record")
    ] = None,
    outcomes: Annotated[
        str | None,
        typer.Option(help="file of outcomes, or module:function that makes them of the cases; default the same file"),
    ] = None,
    known_after: Annotated[
        Days | None, typer.Option(help="days after receipt at which outcomes became known, where no known_at is told")
    ] = None,
    amount: Annotated[str | None, typer.Option(help="column that says what a case is worth")] = None,
    candidate: Annotated[str | None, typer.Option(help="path of another use case to run beside it")] = None,
    start: Annotated[str | None, typer.Option(help="first day of decisions; default after a quarter")] = None,
    end: Annotated[str | None, typer.Option(help="cases received from this day on are left out")] = None,
    batch_every: Annotated[Days, typer.Option(help="days of cases that come in together")] = 7,
    retrain_every: Annotated[Days, typer.Option(help="days between trainings; 0: only the first one")] = 28,
    monitor_every: Annotated[Days, typer.Option(help="days between looks at the live champion; 0: never")] = 7,
    drift_every: Annotated[Days, typer.Option(help="days between checks of drift; 0: never")] = 28,
    reviewers_per_day: Annotated[float, typer.Option(help="answers a day by simulated people")] = 50,
    reviewer_error: Annotated[float, typer.Option(help="share of their answers that are wrong")] = 0.0,
    minutes_per_case: Annotated[float, typer.Option(help="their minutes per case")] = 10,
    seed: Annotated[int, typer.Option(help="another seed: other wrong answers")] = 0,
    by: Annotated[Literal["month", "quarter", "year"], typer.Option(help="the periods of the table")] = "quarter",
    out: Annotated[Path, typer.Option(help="folder for the page, the JSON and the CSV")] = Path("replay"),
    reproduce: Annotated[
        bool, typer.Option("--reproduce", help="decide again what policy decided, and compare; nothing else")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="of --reproduce: only the latest so many decisions")] = None,
    as_json: AsJson = False,
) -> None:
    """Feed a history through the same steps in a workspace of its own, with a candidate beside the present use case.

    Labels come as late as they did, people are simulated, and nothing touches the case log and models in use.
    With --reproduce: every automatic decision of the record again; exit code 1 where one comes out otherwise.
    """
    from aiops_flows.replay import Reviewers
    from aiops_flows.replay import replay as run

    with logging_from(logging.ERROR):  # what it warns of happened in the history: the page tells
        declared = load(use_case, try_it=True)
        told = _progress(quiet=as_json)
        if reproduce:
            _reproduce(declared, limit, told, as_json=as_json)
            return
        other = load(candidate) if candidate else None
        done = run(
            declared,
            _history(declared, history, outcomes, known_after, amount),
            candidate=other,
            start=start,
            end=end,
            schedule=_schedule(batch_every, retrain_every, monitor_every, drift_every),
            reviewers=Reviewers(reviewers_per_day, reviewer_error, minutes_per_case, seed),
            by=by,
            say=told,
        )
    _show(done, out, as_json=as_json)


def _progress(*, quiet: bool) -> Callable[[str], None]:
    """Lines about what happens, on standard error."""
    return lambda line: None if quiet else typer.echo(line, err=True)


def _history(
    use_case: UseCase, history: Path | None, outcomes: str | None, known_after: float | None, amount: str | None
) -> History:
    from aiops_flows.replay import history_of, read_history
    from aiops_flows.steps.workspace import Workspace

    if history is None:
        return history_of(Workspace.existing(), use_case, amount=amount)
    after = None if known_after is None else timedelta(days=known_after)
    return read_history(use_case, history, _outcomes(outcomes), amount=amount, known_after=after)


def _outcomes(named: str | None) -> Any:
    """A file, or the function at a path such as flows.published_claims:published_outcomes."""
    import pkgutil

    if named is None or ":" not in named or Path(named).exists():
        return named
    try:
        return pkgutil.resolve_name(named)
    except (ImportError, AttributeError, ValueError) as fault:
        raise typer.BadParameter(f"{named!r} is neither a file nor a function: {fault}") from fault


def _schedule(batch: float, retrain: float, monitor: float, drift: float) -> Schedule:
    from aiops_flows.replay import Schedule

    often = {"retrain": retrain, "monitor": monitor, "drift": drift}
    every = {name: timedelta(days=days) if days else None for name, days in often.items()}
    return Schedule(timedelta(days=batch), every["retrain"], every["monitor"], every["drift"])


def _show(done: Replayed, out: Path, *, as_json: bool) -> None:
    from aiops_flows.replay import write

    files = write(done, out)
    if as_json:
        say(json.dumps(done.as_dict(), indent=2))
        return
    for name, side in done.sides.items():
        rows = side.as_dict()["periods"]
        show_rows(
            [{head: row[each] for head, each in _SHOWN.items()} for row in rows],
            as_json=False,
            title=f"{name} {side.use_case}",
        )
    if done.candidate is not None:
        say(f"{len(done.changes)} decisions would change")
        show_rows(done.moves.to_dict("records"), as_json=False)
    say(f"for people: {files[0]}; for machines: {', '.join(str(file) for file in files[1:])}")


def _reproduce(use_case: UseCase, limit: int | None, told: Callable[[str], None], *, as_json: bool) -> None:
    from aiops_flows.replay import reproduce
    from aiops_flows.steps.workspace import Workspace

    found = reproduce(Workspace.existing(), use_case, limit=limit, say=told)
    differences = [dict(each.__dict__) for each in found.differences]
    if as_json:
        say(json.dumps(dict(found.__dict__) | {"holds": found.holds, "differences": differences}, indent=2))
    else:
        figures = ("decisions", "same", "other_policy", "predictions", "worst")
        show_rows([{name: getattr(found, name) for name in figures}], as_json=False)
        show_rows(differences[:20], as_json=False, empty="every decision came out the same")
    if not found.holds:
        raise typer.Exit(DIFFERENT)
