"""Commands that copy the home folder and put it back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from aiops_flows.cli.output import AsJson, say, show_rows, working
from aiops_flows.settings import Settings

__all__ = ["backup", "restore"]

_NO = 1


def backup(
    folder: Annotated[Path, typer.Argument(help="new folder for the backup")],
    as_json: AsJson = False,
) -> None:
    """Copy the home folder while it is in use: case log, models, evidence, runs, reports, and a manifest of digests.

    Exit code 1: something is elsewhere, such as in PostgreSQL, and is not in the backup; how to copy it is printed.
    """
    from aiops_flows.stack import backup as copying

    with working("backing up", quiet=as_json):
        done = copying.backup(Settings(), folder)
    if as_json:
        say(json.dumps(dataclasses.asdict(done), indent=2))
    else:
        say(f"{done.files} files, {done.size:,} bytes in {done.folder}")
        for each in done.elsewhere:
            say(f"not in this backup: {each}")
    if done.elsewhere:
        raise typer.Exit(_NO)


def restore(
    folder: Annotated[Path, typer.Argument(help="folder that aiops-flows backup has made")],
    as_json: AsJson = False,
) -> None:
    """Put a backup into AIOPS_HOME, which must be missing or empty, and verify the record in it.

    Exit code 1: the restored record is not whole.
    """
    from aiops_flows.stack import backup as copying

    with working("restoring", quiet=as_json):
        done = copying.restore(Settings(), folder)
    if as_json:
        say(json.dumps(dataclasses.asdict(done), indent=2))
    else:
        say(f"{done.files} files in {done.home}\n")
        show_rows([dataclasses.asdict(each) for each in done.covered], as_json=False, empty="no case log")
        for each in (*(finding.what for finding in done.findings), *done.broken):
            say(f"the restored record is not whole: {each}")
        if done.holds and done.covered:
            say("\nthe audit trail holds")
    if not done.holds:
        raise typer.Exit(_NO)
