"""The application: its commands, and how its errors reach the terminal."""

from __future__ import annotations

import os
import sys
import warnings

import typer

from aiops_flows.cli import cases, models, record, running
from aiops_flows.errors import AiopsError

__all__ = ["app", "main"]

FAULT = 3
_QUIET = {
    "DO_NOT_TRACK": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
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
app.command("demo")(running.demo)
app.command("up")(running.up)
app.command("down")(running.down)
app.command("run")(running.run)
app.command("status")(cases.status)
app.add_typer(cases.review_app, name="review")
app.command("quarantine")(cases.quarantine)
app.command("retrain")(models.retrain)
app.command("check-drift")(models.check_drift)
app.command("promote")(models.promote)
app.command("approve")(models.approve)
app.command("rollback")(models.rollback)
app.command("recall")(models.recall)
app.command("champion")(models.champion)
app.command("trace")(record.trace)
app.command("verify")(record.verify)
app.command("doctor")(record.doctor)


def main() -> None:
    """Run the command line; an error of ours is a message on standard error and exit code 3, never a traceback."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=FutureWarning)
    sys.path.insert(0, os.getcwd())  # use cases are named by module, from the folder one stands in
    try:
        app()
    except AiopsError as fault:
        typer.echo(f"aiops-flows: {fault}", err=True)
        raise SystemExit(FAULT) from None
