"""Commands that run things: the demo, everything on this machine, one flow."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_flows.cli.output import AsJson, UseCasePath, say, show_rows, working
from aiops_flows.errors import UseCaseError
from aiops_flows.settings import Settings
from aiops_flows.use_case import load_use_case

__all__ = ["demo", "down", "run", "up"]


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
    use_case: UseCasePath = "flows.claims:CLAIMS",
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine: Prefect server, worker, MLflow UI, deployments with their schedules."""
    stack = importlib.import_module("aiops_flows.stack")
    load_use_case(use_case)
    with working("starting", quiet=as_json):
        started = stack.start(Settings())
    show_rows(_parts(started), as_json=as_json)


def _parts(started: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in started.rows()]


def down() -> None:
    """Stop everything that ``up`` started."""
    stopped = importlib.import_module("aiops_flows.stack").stop(Settings())
    say("stopped: " + ", ".join(stopped) if stopped else "nothing was running")


def run(
    source: Annotated[str, typer.Argument(help="file or inbox folder to take cases from")],
    flow: Annotated[str, typer.Option(help="path of the business flow")] = "flows.claims:claims",
    as_json: AsJson = False,
) -> None:
    """Run a business flow over a source once, now, and say what became of the cases."""
    stack = importlib.import_module("aiops_flows.stack")
    logging.getLogger("aiops_flows").setLevel(logging.INFO)
    with working("running", quiet=as_json), stack.prefect_server(Settings()):
        frame = pkgutil.resolve_name(flow)(source)
    by = frame["verdict_by"].fillna("waits for a person").value_counts() if len(frame) else {}
    rows = [{"decided_by": name, "cases": int(count)} for name, count in dict(by).items()]
    show_rows(rows, as_json=as_json, empty="no cases came")
