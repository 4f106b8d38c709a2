"""Commands of whoever brings a new use case: make one, bring its past in, see that it keeps what all must keep."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiops_flows.cli.naming import load, path_of
from aiops_flows.cli.output import AsJson, UseCasePath, say, show_rows, working
from aiops_flows.errors import SourceError, UseCaseError

if TYPE_CHECKING:
    from aiops_flows.starting import Plan, Trial

__all__ = ["conform", "history", "new"]

FAILED = 1
_MOST_REASONS = 10
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""


def new(
    name: Annotated[str, typer.Argument(help="of the use case: lower-case letters, digits and hyphens")],
    folder: Annotated[Path | None, typer.Option(help="where to write; default a folder of that name")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="file of past cases with their outcome; default made-up ones")
    ] = None,
    outcome: Annotated[str, typer.Option(help="of --from: the column that tells what became of a case")] = "",
    case_id: Annotated[str, typer.Option("--id", help="of --from: the column that names a case; default guessed")] = "",
    keep: Annotated[
        list[str] | None,
        typer.Option(help="of --from: a column that models may see though it is set aside; repeatable"),
    ] = None,
    accept_spellings: Annotated[
        bool, typer.Option("--accept-spellings", help="of --from: take the classes proposed for misread outcomes")
    ] = False,
    distinct: Annotated[
        list[str] | None, typer.Option(help="of --from: an outcome that is a class of its own; repeatable")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a use case file, its test, its deployments and sample data, which run as made; nothing is written over."""
    from aiops_flows.starting import Choices, Settled, plan_made_up, plan_of_file, write

    if source is None and (outcome or case_id or keep or accept_spellings or distinct):
        raise UseCaseError("these options are about a file; name the file too: --from data.csv")
    if source is not None and not outcome:
        raise UseCaseError(f"say which column of {source} tells what became of a case: --outcome COLUMN")
    with working("reading", quiet=as_json):
        choices = Choices(case_id, keep or (), Settled(accept_spellings, distinct or ()))
        plan = plan_of_file(name, source, outcome, choices) if source else plan_made_up(name)
        with _ended_in_order():
            written = write(plan, folder or Path(name))
    trial, limits = _trial(written.trial), list(plan.limits.reasons)
    if as_json:
        rows: list[dict[str, Any]] = [{"file": str(path)} for path in written.files]
        show_rows([*rows, *({"note": note} for note in [*plan.notes, *limits, *trial, *written.notes])], as_json=True)
        return
    if source is not None:
        show_rows(_guessed(plan), as_json=False, title=f"what was guessed from {source}")
    show_rows([{"written": str(path)} for path in written.files], as_json=False)
    for line in [*plan.notes, *limits, *trial, *written.notes]:
        say(line)
    say(f"next: cd {written.folder} and do what its README.md says")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Turns the signal that ends a process into an exit, so that what was begun is removed."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(_SIGNALLED + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _guessed(plan: Plan) -> list[dict[str, Any]]:
    """What each column was taken for."""
    special = [(plan.case_id, "names the case"), (plan.received, "when it came in")]
    rows = [{"column": each.source, "becomes": told, "because": each.why} for each, told in special if each]
    rows += [{"column": each.source, "becomes": each.holds, "because": plan.told(each)} for each in plan.columns]
    return [*rows, {"column": plan.outcome.source, "becomes": "the outcome", "because": plan.outcome.why}]


def _trial(trial: Trial) -> list[str]:
    """How many of the past rows the new case type takes, and why not the others."""
    first = f"{trial.taken} rows of the file are cases, {trial.refused} would go to quarantine"
    return [first, *(f"  {refusal}" for refusal in trial.refusals[:_MOST_REASONS])]


def history(
    use_case: UseCasePath,
    cases: Annotated[str, typer.Argument(help="file or folder of cases that were decided before")],
    outcomes: Annotated[
        str | None, typer.Argument(help="file or folder that tells what came true of them; default the same")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in cases that were decided before this record began, with their outcomes: models learn from them.

    Of rows of series or sensors, the cases that would have been made of them in the past.
    """
    from aiops_flows.steps.intake import take_in
    from aiops_flows.steps.outcomes import record_outcomes
    from aiops_flows.steps.workspace import Workspace

    for source in (cases, outcomes or cases):
        if not Path(source).exists():
            raise SourceError(f"{source}: no such file or folder; name the past cases, then their outcomes")
    if outcomes is None and Path(cases).is_dir():
        raise SourceError(f"{cases} is a folder, whose files move away once they are taken in; name the outcomes too")
    place, declared = Workspace.here(), load(use_case, try_it=True)
    with working("taking in", quiet=as_json):
        taken = take_in(place, declared, cases, history=True)
        told = record_outcomes(place, declared, outcomes or cases)
    show_rows(
        [{"cases": len(taken), "outcomes": told.new, "known": told.known, "quarantined": told.quarantined}],
        as_json=as_json,
    )


def conform(
    use_case: UseCasePath,
    source: Annotated[str, typer.Option(help="file of past cases: a few hundred")],
    outcomes: Annotated[str, typer.Option(help="file that tells what came true of them")],
    only: Annotated[list[str] | None, typer.Option(help="one check by name; may be given again")] = None,
    as_json: AsJson = False,
) -> None:
    """See in a scratch folder whether a use case keeps what every one must keep; exit code 1 where a check fails."""
    import os

    from aiops_flows.testing import conformance

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the drill has many small processes
    with working("conformance", quiet=as_json):
        report = conformance(path_of(use_case), source, outcomes, only=only or ())
    show_rows(report.as_rows(), as_json=as_json, title=f"{report.use_case}: {'passed' if report.passed else 'FAILED'}")
    if not report.passed:
        raise typer.Exit(FAILED)
