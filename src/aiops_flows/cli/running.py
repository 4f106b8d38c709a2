"""Commands that run things: the demo, everything on this machine, one flow."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_flows import stack
from aiops_flows.cli.output import AsJson, say, show_rows, working
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.settings import Settings

__all__ = ["demo", "down", "flow_at", "run", "up"]


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
    as_json: AsJson = False,
) -> None:
    """Start Prefect server, MLflow and workers on this machine, and deploy the prefect.yaml of this folder."""
    started = stack.start(Settings(), postgres_url=postgres, workers=workers, tell=_teller(quiet=as_json))
    show_rows(started.rows(), as_json=as_json)
    if not as_json:
        say(f"\nruns: {started.url('prefect')}   models: {started.url('mlflow')}   stop: aiops-flows down")
        if postgres:
            say("other terminals: set AIOPS_DATABASE_URL to the database aiops_case_log of that server,")
            say(f"and AIOPS_MLFLOW_URL={started.url('mlflow')}")


def _teller(*, quiet: bool) -> Callable[[str], None]:
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
    flow: Annotated[str, typer.Option(help="path of the business flow")] = "flows.claims:claims",
    as_json: AsJson = False,
) -> None:
    """Run a business flow over a source once, now, and say what became of the cases."""
    if not Path(source).exists():
        raise SourceError(f"{source}: no such file or folder; name a file of cases, or an inbox folder")
    with working("running", quiet=as_json):
        business = flow_at(flow)
        logging.getLogger("aiops_flows").setLevel(logging.INFO)
        with stack.prefect_server(Settings()):
            for handler in logging.getLogger().handlers:
                handler.addFilter(_worth_showing)
            frame = business(source)
    if "verdict_by" not in getattr(frame, "columns", ()):
        raise UseCaseError(f"{flow} ended, but gave no frame with verdicts to count; end it with: return review(...)")
    by = frame["verdict_by"].fillna("waits for a person").value_counts() if len(frame) else {}
    rows = [{"decided_by": name, "cases": int(count)} for name, count in dict(by).items()]
    show_rows(rows, as_json=as_json, empty="no cases came")


def flow_at(path: str) -> Callable[[str], Any]:
    """The business flow at a path.

    Raises:
        UseCaseError: nothing is there.
    """
    try:
        business: Callable[[str], Any] = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UseCaseError(
            f"no flow at {path!r}: {fault}; write it as package.module:name, importable from this folder"
        ) from fault
    return business


def _worth_showing(record: logging.LogRecord) -> bool:
    """Leaves out what Prefect says of a run that failed: the error itself ends the command, and is told once."""
    return not (record.levelno >= logging.ERROR and record.name in {"prefect.flow_runs", "prefect.task_runs"})
