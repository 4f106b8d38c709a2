"""A case that ends whatever process works on it: quarantined and put to a person, and the others decided (P9)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from aiops_flows.case_log import questions
from aiops_flows.drill.counting import count
from aiops_flows.drill.processes import begin
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage
from aiops_flows.drill.work import case_ids, drop, finish_cases
from aiops_flows.steps.intake import take_in

__all__ = ["stopper"]


def _deadly_work(stage: Stage, deadly: frozenset[str]) -> None:
    """One run of the flow; it dies of certain cases, as of a file that brings the reader down."""
    with stage.workspace() as place:
        cases = take_in(place, stage.use_case, stage.inbox)
        if deadly & set(cases["case_id"]):
            os.kill(os.getpid(), signal.SIGKILL)
        finish_cases(place, stage.use_case, cases)


def stopper(
    stage: Stage, *, size: int = 100, deadly: int = 1, told: Callable[[str], None] = lambda _: None
) -> DrillResult:
    """Run a flow again and again over batches of which some cases kill it, until all are through.

    Args:
        stage: where.
        size: cases a batch; there are two batches, one of them without a deadly case.
        deadly: cases that kill.
        told: is told how it goes.
    """
    begun = time.monotonic()
    rows = stage.rows(size, 0)
    names = frozenset(case_ids(stage.use_case, rows)[:: max(1, size // deadly)][:deadly])
    drop(stage.inbox, "deadly.jsonl", rows)
    drop(stage.inbox, "harmless.jsonl", stage.rows(size, 1))
    limit = deadly * 4 * (stage.settings.attempts + size.bit_length()) + 10
    runs = deaths = 0
    while runs < limit and (not runs or _left(stage)):
        process = begin(_deadly_work, stage, names, notes=stage.folder / "notes.txt")
        process.join()
        runs += 1
        deaths += process.exitcode == -signal.SIGKILL
        told(f"{runs} runs, {deaths} deaths")
    with stage.workspace() as place:
        refused = questions.quarantine(place.log, stage.name)
        counted = count(place, stage.name, names)
    violations = [*counted.violations]
    if set(refused["case_id"]) != names:
        violations.append(f"in quarantine are {sorted(refused['case_id'])}, expected {sorted(names)}")
    figures = {"runs": runs, "deaths": deaths, "deadly": deadly, "quarantined": len(refused)}
    figures |= {"seconds": round(time.monotonic() - begun), **counted.figures()}
    return DrillResult("stopper", figures, violations)


def _left(stage: Stage) -> bool:
    with stage.workspace() as place:
        unfinished = int(questions.counts(place.log, stage.name)[["history", "unfinished"]].to_numpy().sum())
    return unfinished > 0 or any(stage.inbox.glob("*.jsonl"))
