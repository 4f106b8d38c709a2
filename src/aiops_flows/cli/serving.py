"""The command that keeps a business flow resident, and takes cases as they come."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from aiops_flows.cli.naming import flow_at, flow_of, load
from aiops_flows.cli.output import say
from aiops_flows.errors import SourceError, UseCaseError

__all__ = ["serve"]


def serve(
    flow: Annotated[str, typer.Option(help="path of the business flow; default the one beside the use case")] = "",
    use_case: Annotated[
        str,
        typer.Option(
            "--use-case",
            "-u",
            envvar="AIOPS_USE_CASE",
            help="path or name of the use case; default the one beside the flow, or the only one in this folder",
        ),
    ] = "",
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE: what the flow takes beside the source; may be given again")
    ] = None,
    inbox: Annotated[Path | None, typer.Option(help="folder to look into for files of cases")] = None,
    host: Annotated[str, typer.Option(help="address to listen on; a public one needs AIOPS_SERVE_TOKEN")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free")] = 4210,
    window: Annotated[float, typer.Option(min=0.01, help="minutes that one Prefect flow run shows")] = 10.0,
    at_most: Annotated[int, typer.Option(min=1, max=1_000, help="cases in a micro-batch")] = 32,
    within_ms: Annotated[float, typer.Option(min=0, max=1_000, help="so long a case waits for others to come")] = 0.0,
    waiting: Annotated[int, typer.Option(min=1, help="cases that may wait; more are told to come again")] = 1_000,
) -> None:
    """Keep a business flow resident: cases come over HTTP or into an inbox, and are answered when they are stored."""
    from aiops_flows.serving import Limits, Place, Resident, serve, use_case_of

    if inbox is not None and not inbox.is_dir():
        raise SourceError(f"{inbox}: no such folder; make it, or leave --inbox out")
    business = flow_at(flow) if flow else flow_of(use_case)
    declared = load(use_case) if use_case else use_case_of(business)
    limits = Limits(at_most=at_most, within=within_ms / 1_000, waiting=waiting)
    resident = Resident(business, declared, inbox, limits, dict(_pair(given) for given in param or []))
    _log_to_terminal()
    serve(resident, Place(host, port, window * 60), lambda url: say(_listening(declared.name, url, inbox)))
    say("ended; everything that was accepted is stored")


def _pair(given: str) -> tuple[str, str]:
    name, mark, value = given.partition("=")
    if not mark or not name.isidentifier():
        raise UseCaseError(f"--param {given!r} is no parameter; write it as NAME=VALUE")
    return name, value


def _listening(use_case: str, url: str, inbox: Path | None) -> str:
    beside = f", and files in {inbox}" if inbox else ""
    return f"{use_case}: cases are taken at {url}/cases{beside}; end: Ctrl-C"


def _log_to_terminal() -> None:
    """What the library warns of, on standard error: figures and kinds of errors, never a case."""
    ours = logging.getLogger("aiops_flows")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    ours.addHandler(handler)
    ours.setLevel(logging.WARNING)
    ours.propagate = False
