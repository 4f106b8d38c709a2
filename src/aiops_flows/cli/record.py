"""Commands about the record: trace a case, verify the audit trail, look at the set-up."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from aiops_flows.cli.naming import name_of
from aiops_flows.cli.output import AsJson, UseCaseName, say, show_rows

__all__ = ["doctor", "trace", "verify"]

FOUND = 1
_SHOWN = 16  # digits of a hash


def trace(use_case: UseCaseName, case_id: str, as_json: AsJson = False) -> None:
    """Everything that happened to one case: content, predictions with model digests, reviews, decisions, outcomes."""
    from aiops_flows.case_log import questions
    from aiops_flows.steps.workspace import Workspace

    log = Workspace.existing().log
    found = questions.trace(log, name_of(log, use_case), case_id)
    if as_json:
        say(json.dumps(found, indent=2, default=str))
        return
    for part, content in found.items():
        title = part.replace("_", " ")
        rows = content if isinstance(content, list) else [content]
        if not rows:
            say(f"{title}: none\n")
        for row in rows:
            show_rows([{"field": name, "value": value} for name, value in row.items()], as_json=False, title=title)
            say("")


def verify(
    head: Annotated[bool, typer.Option("--head", help="only print the heads of the chains, to keep elsewhere")] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute the audit trail: is every stored row what was written, and is nothing missing?"""
    from aiops_flows.case_log import audit
    from aiops_flows.steps.workspace import Workspace

    log = Workspace.existing().log
    if head:
        rows = [{"use_case": name, "seq": seq, "hash": digest} for name, (seq, digest) in audit.head(log).items()]
        show_rows(rows, as_json=as_json, empty="the audit trail is empty")
        return
    findings = [dataclasses.asdict(finding) for finding in audit.verify(log)]
    broken = audit.check_invariants(log)
    rows = findings + [{"use_case": "", "seq": None, "what": what} for what in broken]
    covered = [dataclasses.asdict(each) for each in audit.coverage(log)]
    if as_json:
        say(json.dumps({"findings": rows, "covered": covered}, indent=2))
    else:
        show_rows([{**each, "head": each["head"][:_SHOWN]} for each in covered], as_json=False, title="what was read")
        say("")
        holds = "the audit trail holds" if covered else f"the case log {log!r} is empty: nothing was verified"
        show_rows(rows, as_json=False, title="the audit trail does not hold", empty=holds)
    if rows:
        raise typer.Exit(FOUND)


def doctor(as_json: AsJson = False) -> None:
    """Look at this installation: databases, MLflow, Prefect, versions, telemetry, rights; say what to mend and how."""
    from aiops_flows.steps import examining

    rows = [dataclasses.asdict(found) for found in examining.examine()]
    show_rows(rows, as_json=as_json)
    if any(row["verdict"] == "broken" for row in rows):
        raise typer.Exit(FOUND)
