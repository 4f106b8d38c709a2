"""The application: its commands, and how its errors reach the terminal."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from aiops_flows import __version__
from aiops_flows.cli import (
    backup,
    cases,
    drilling,
    kit,
    models,
    outbox,
    quality,
    record,
    replaying,
    running,
    serving,
    stopping,
)
from aiops_flows.cli.output import print_anywhere
from aiops_flows.errors import AiopsError
from aiops_flows.settings import Settings
from aiops_flows.telemetry import switch_off

__all__ = ["app", "main"]

FAULT = 3
_PRIVATE = 0o077

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
app.command("new", short_help="make a use case, its test, its deployments and sample data")(kit.new)
app.command("history", short_help="take in past cases with their outcomes, to learn from")(kit.history)
app.command("conform", short_help="does a use case keep what every one must keep?")(kit.conform)
app.command("run", short_help="run a business flow over a source once, now")(running.run)
app.command("serve", short_help="keep a business flow resident and take cases as they come")(serving.serve)
app.command("status", short_help="how many cases came, were decided, or wait")(cases.status)
app.add_typer(cases.review_app, name="review")
app.command("record-outcomes", short_help="store what came true of cases")(cases.record_outcomes)
app.add_typer(outbox.effects_app, name="effects")
app.command("quarantine", short_help="rows that could not be taken, with the reason")(cases.quarantine)
app.command("retrain", short_help="train and judge a challenger")(models.retrain)
app.command("check-drift", short_help="has what arrives moved?")(models.check_drift)
app.command("promote", short_help="make a challenger champion, or say why not")(models.promote)
app.command("approve", short_help="approve a version, bound to its evidence")(models.approve)
app.command("rollback", short_help="make an earlier champion champion again")(models.rollback)
app.command("recall", short_help="decide again what a bad version decided")(models.recall)
app.command("champion", short_help="who is, or was, champion")(models.champion)
app.command("compare", short_help="is the challenger better on live cases?")(quality.compare)
app.command("backtest", short_help="how would a model have done, trained again and again?")(quality.backtest)
app.command("certify", short_help="prove anew how much may be decided without a person")(quality.certify)
app.command("quality", short_help="how good were the decisions without a person?")(quality.quality)
app.command("corrections", short_help="what people changed, and labels that no champion knows")(quality.corrections)
app.command("reviewers", short_help="how do persons answer?")(quality.reviewers)
app.add_typer(quality.alarms_app, name="alarms")
app.command("hold", short_help="stop automatic decisions now")(stopping.hold)
app.command("release", short_help="release a hold, after saying what it sets free")(stopping.release)
app.command("replay", short_help="what would have happened: a history once more")(replaying.replay)
app.command("trace", short_help="everything that happened to one case")(record.trace)
app.command("verify", short_help="does the audit trail hold?")(record.verify)
app.command("doctor", short_help="look at this installation")(record.doctor)
app.command("backup", short_help="copy the home folder while it is in use")(backup.backup)
app.command("restore", short_help="put a backup into another home folder, and verify it")(backup.restore)
app.command("drill", short_help="kill, stop and poison a scratch copy, and count")(drilling.drill)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"aiops-flows {__version__}")
        raise typer.Exit


@app.callback()
def begin(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  answered by its callback
        bool, typer.Option("--version", help="print the version and end", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Before every command: no telemetry and no noise, except where `doctor` looks at what the user has set."""
    if context.invoked_subcommand != "doctor":
        switch_off()
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
        # else OpenMP's threads spin while they wait for a busy core, and training beside other work takes far longer
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main() -> None:
    """Run the command line; what can be explained is a message on standard error and exit code 3, never a traceback."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    print_anywhere()
    if sys.argv[1:2] != ["new"]:  # a project's files are for its team; all else holds customers' data
        os.umask(_PRIVATE)
    sys.path.insert(0, str(Path.cwd()))  # use cases are named by module, from the folder one stands in
    try:
        app()
    except (AiopsError, ValidationError, OSError) as fault:
        explained = _explained(fault)
        if explained is None:
            raise
        typer.echo(f"aiops-flows: {explained}", err=True)
        raise SystemExit(FAULT) from None


def _explained(fault: Exception) -> str | None:
    """A fault of ours, a wrong setting or an unusable home folder in words; None for what nobody foresaw."""
    if isinstance(fault, AiopsError):
        return str(fault)
    if isinstance(fault, ValidationError) and fault.title == Settings.__name__:
        wrong = (f"AIOPS_{str(each['loc'][0]).upper()}={each['input']}: {each['msg']}" for each in fault.errors())
        return f"a setting is wrong: {'; '.join(wrong)}"
    home = Settings().home.expanduser().absolute()
    if isinstance(fault, OSError) and fault.filename and home.is_relative_to(str(fault.filename)):
        return f"the home folder {home} cannot be used: {fault.strerror}; set AIOPS_HOME to a folder of yours"
    return None
