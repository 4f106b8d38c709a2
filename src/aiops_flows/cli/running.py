"""Commands that run things: the demo, everything on this machine, one flow."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiops_flows import stack
from aiops_flows.cli.naming import flow_at, flow_of, load, path_of
from aiops_flows.cli.output import AsJson, printable, say, show_rows, working
from aiops_flows.cli.stopping import say_automation
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.progress import logging_from
from aiops_flows.settings import Settings

if TYPE_CHECKING:
    from aiops_flows.steps.intake_report import IntakeReport

__all__ = ["demo", "down", "run", "up"]

NOTHING_TAKEN = 1
"""The exit code of a run that took no case, although rows or files came."""


def demo(
    story: Annotated[str, typer.Argument(help="path of the story to tell")] = "flows.claims_story:tell",
    home: Annotated[Path, typer.Option(help="folder that the demo works in; it is emptied first")] = Path(
        ".aiops-demo"
    ),
) -> None:
    """A season of business through everything: champion, batches, review, drift, gates, promotion, rollback, recall."""
    try:
        tell = pkgutil.resolve_name(story)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UseCaseError(
            f"no story at {story!r}: {fault}. Run it in a checkout of the project, or name your own"
        ) from fault
    tell(home)


def up(
    postgres: Annotated[
        str,
        typer.Option(envvar="AIOPS_POSTGRES_URL", help="keep everything on this PostgreSQL server, with two workers"),
    ] = "",
    workers: Annotated[int | None, typer.Option(min=1, help="default one, or two on PostgreSQL")] = None,
    use_case: Annotated[
        str,
        typer.Option(
            "--use-case",
            "-u",
            envvar="AIOPS_USE_CASE",
            help="path or name of a use case: deploy only what belongs to it; default the whole prefect.yaml",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Start Prefect server, MLflow and workers on this machine, and deploy the prefect.yaml of this folder."""
    only = [path_of(use_case)] if use_case else []
    report = _reporter(quiet=as_json)
    started = stack.start(Settings(), postgres_url=postgres, workers=workers, tell=report, only=only)
    show_rows(started.rows(), as_json=as_json)
    if not as_json:
        say(f"\nruns: {started.url('prefect')}   models: {started.url('mlflow')}   stop: aiops-flows down")
        if postgres:
            say("other terminals: set AIOPS_DATABASE_URL to the database aiops_case_log of that server,")
            say(f"and AIOPS_MLFLOW_URL={started.url('mlflow')}")


def _reporter(*, quiet: bool) -> Callable[[str], None]:
    return (lambda _: None) if quiet else (lambda what: typer.echo(f"{what} ...", err=True))


def down(as_json: AsJson = False) -> None:
    """Stop everything that ``up`` started."""
    stopped = stack.stop(Settings())
    if as_json:
        show_rows([{"stopped": name} for name in stopped], as_json=True)
        return
    say("stopped: " + ", ".join(stopped) if stopped else "nothing was running")


def run(
    source: Annotated[str, typer.Argument(help="file or inbox folder to take cases from")],
    use_case: Annotated[
        str,
        typer.Option(
            "--use-case",
            "-u",
            envvar="AIOPS_USE_CASE",
            help="path or name of the use case; default the only one declared in this folder",
        ),
    ] = "",
    flow: Annotated[str, typer.Option(help="path of the business flow; default the one beside the use case")] = "",
    as_json: AsJson = False,
) -> None:
    """Run a business flow over a source once, now, and say what became of the cases."""
    from aiops_flows.steps.intake_report import IntakeReport, collected_reports

    if not Path(source).exists():
        raise SourceError(f"{source}: no such file or folder; name a file of cases, or an inbox folder")
    with working("running", quiet=as_json), collected_reports() as reports:
        business = flow_at(flow) if flow else flow_of(use_case)
        with logging_from(logging.INFO), stack.prefect_server(Settings()):
            for handler in logging.getLogger().handlers:
                handler.addFilter(_worth_showing)
            frame = business(source)
    if "verdict_by" not in getattr(frame, "columns", ()):
        raise UseCaseError(
            f"the flow {business.__name__} returned no frame with verdicts; end it with: return review(...)"
        )
    by = frame["verdict_by"].fillna("waits for a person").value_counts() if len(frame) else {}
    rows = [{"decided_by": name, "cases": int(count)} for name, count in dict(by).items()]
    report = sum(reports, IntakeReport())
    show_rows(rows, as_json=as_json, empty="no cases came")
    for line in _beside_the_cases(report):
        typer.echo(line, err=as_json)
    if not as_json:
        _say_automation(business, use_case)
    if not rows and (report.quarantined or report.refused):
        raise typer.Exit(NOTHING_TAKEN)


def _beside_the_cases(report: IntakeReport) -> Iterator[str]:
    """What became of the rest of the source, a line each."""
    from aiops_flows.sources.left_out import counted

    if report.quarantined:
        rows = counted(report.quarantined, "row")
        yield f"{rows} went to quarantine; aiops-flows quarantine shows the reasons"
    if report.refused:
        files = counted(report.refused, "file")
        yield f"{files} could not be read: in the subfolder refused, with the reason in quarantine"
    for part in report.left_out:
        yield printable(f"left out: {part}{': ' + ', '.join(part.names) if part.names else ''}")


def _say_automation(business: Callable[..., Any], use_case: str) -> None:
    """Whether policy decides cases of the flow's use case now; nothing where the flow's module names none, or many."""
    from aiops_flows.serving.resident import use_case_of
    from aiops_flows.steps.workspace import Workspace

    with suppress(UseCaseError):
        say_automation(Workspace.here(), load(use_case) if use_case else use_case_of(business))


def _worth_showing(record: logging.LogRecord) -> bool:
    """Leaves out what Prefect says of a run that failed: the error itself ends the command, and is told once."""
    return not (record.levelno >= logging.ERROR and record.name in {"prefect.flow_runs", "prefect.task_runs"})
