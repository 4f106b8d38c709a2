"""The application: its commands, and how its errors reach the terminal."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import typer

from aiops_flows.cli import cases, drilling, models, record, running
from aiops_flows.errors import AiopsError

__all__ = ["app", "main"]

FAULT = 3
_QUIET = {
    "DO_NOT_TRACK": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}

app = typer.Typer(
    name="aiops-flows",
    help="Run AI inside a business process: cases, reviews, gated promotion, rollback and recall.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo", short_help="a season of business through everything, told in acts")(running.demo)
app.command("up", short_help="start everything on this machine")(running.up)
app.command("down", short_help="stop everything that up started")(running.down)
app.command("run", short_help="run a business flow over a source once, now")(running.run)
app.command("status", short_help="how many cases came, were decided, or wait")(cases.status)
app.add_typer(cases.review_app, name="review")
app.command("quarantine", short_help="rows that could not be taken, with the reason")(cases.quarantine)
app.command("retrain", short_help="train and judge a challenger")(models.retrain)
app.command("check-drift", short_help="has what arrives moved?")(models.check_drift)
app.command("promote", short_help="make a challenger champion, or say why not")(models.promote)
app.command("approve", short_help="approve a version, bound to its evidence")(models.approve)
app.command("rollback", short_help="make an earlier champion champion again")(models.rollback)
app.command("recall", short_help="decide again what a bad version decided")(models.recall)
app.command("champion", short_help="who is, or was, champion")(models.champion)
app.command("trace", short_help="everything that happened to one case")(record.trace)
app.command("verify", short_help="does the audit trail hold?")(record.verify)
app.command("doctor", short_help="look at this installation")(record.doctor)
app.command("drill", short_help="kill, stop and poison a scratch copy, and count")(drilling.drill)


def main() -> None:
    """Run the command line; an error of ours is a message on standard error and exit code 3, never a traceback."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=FutureWarning)
    sys.path.insert(0, str(Path.cwd()))  # use cases are named by module, from the folder one stands in
    try:
        app()
    except AiopsError as fault:
        typer.echo(f"aiops-flows: {fault}", err=True)
        raise SystemExit(FAULT) from None
