"""A worker is stopped until its lease has run out and another has its batch: the fence must refuse it (P6).

It goes on while the other has only begun: all that it would write is still to be written, so nothing but the fence
keeps it from writing.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd

from aiops_flows.case_log import audit, noticing, questions
from aiops_flows.drill.counting import count
from aiops_flows.drill.processes import begin
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage
from aiops_flows.drill.work import drop, finish_cases
from aiops_flows.errors import LeaseLost
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace

__all__ = ["go_on", "pausing", "stands_still"]

_REFUSED = 98
_EARLIEST, _LATEST = 4, 15  # transactions of a run, from where the batch is stored to where it is decided
_LOOK_SECONDS = 0.01
_PATIENCE_SECONDS = 30.0


def _stopped_work(stage: Stage, stop_at: int, stopped: Path) -> None:
    """Work on the inbox, standing still before one of the transactions until somebody says to go on."""
    seen = 0

    def told(happening: str) -> None:
        nonlocal seen
        seen += happening == "begin"
        if seen == stop_at and not stopped.exists():
            stopped.touch()
            os.kill(os.getpid(), signal.SIGSTOP)

    with stage.workspace() as place:
        noticing.notice(place.log, told)
        try:
            finish_cases(place, stage.use_case, take_in(place, stage.use_case, stage.inbox))
        except LeaseLost:
            os._exit(_REFUSED)


def pausing(
    stage: Stage, *, stops: int = 20, size: int = 5, seed: int = 0, told: Callable[[str], None] = lambda _: None
) -> DrillResult:
    """Stop a worker again and again, let another take its batch over and finish it, and let the first go on.

    Args:
        stage: where; its lease should be short.
        stops: how often.
        size: cases a batch.
        seed: for the moments.
        told: is told how it goes.
    """
    luck = random.Random(seed)  # noqa: S311  not for secrets
    begun = time.monotonic()
    refused = came_late = stood = 0
    violations: list[str] = []
    for number in range(stops):
        drop(stage.inbox, f"{number:06d}.jsonl", stage.rows(size, number))
        stopped = stage.folder / f"stopped-{number}"
        worker = begin(
            _stopped_work, stage, luck.randint(_EARLIEST, _LATEST), stopped, notes=stage.folder / "notes.txt"
        )
        if not stands_still(worker, stopped):
            continue
        stood += 1
        with stage.workspace() as place:
            taken = _taken_over(place, stage)
            wrote = _written(stage)
            go_on(worker)
            if _written(stage) != wrote:
                violations.append(f"stop {number}: the worker that lost its lease wrote all the same")
            _finish(place, stage, taken)
        refused += worker.exitcode == _REFUSED
        came_late += worker.exitcode == 0
        told(f"{number + 1} of {stops} stops")
    with stage.workspace() as place:
        counted = count(place, stage.name)
    if not refused:
        violations.append("the fence never had to refuse, so the drill proves nothing; ask for more stops")
    seconds = round(time.monotonic() - begun, 1)
    figures = {"stops": stood, "refused": refused, "had_nothing_left_to_write": came_late, "seconds": seconds}
    return DrillResult("pausing", {**figures, **counted.figures()}, violations + counted.violations)


def stands_still(worker: BaseProcess, stopped: Path) -> bool:
    """Wait until the worker stands still; False if it came to its end before."""
    while worker.is_alive():
        if stopped.exists() and _state(worker.pid) in {"T", "?"}:
            return True
        worker.join(_LOOK_SECONDS)
    return False


def _state(process: int | None) -> str:
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "?"
    return status.rpartition(")")[2].split()[0]


def _taken_over(place: Workspace, stage: Stage) -> pd.DataFrame:
    """The cases of the stopped worker's batch, claimed by another one as soon as the lease has run out.

    Empty where the batch had no case to work on any more.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    cases = take_in(place, stage.use_case, stage.inbox)
    while cases.empty and _unfinished(stage) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        cases = take_in(place, stage.use_case, stage.inbox)
    return cases


def _finish(place: Workspace, stage: Stage, cases: pd.DataFrame) -> None:
    """Work until nothing of the batch is left."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if not cases.empty:
            finish_cases(place, stage.use_case, cases)
        if not any(stage.inbox.glob("*.jsonl")) and not _unfinished(stage):
            return
        time.sleep(_LOOK_SECONDS)
        cases = take_in(place, stage.use_case, stage.inbox)


def _unfinished(stage: Stage) -> int:
    with stage.workspace() as place:
        counts = questions.counts(place.log, stage.name)
    return int(counts[["history", "unfinished", "open_batches"]].to_numpy().sum())


def _written(stage: Stage) -> int:
    with stage.workspace() as place:
        return audit.head(place.log)[stage.name][0]


def go_on(worker: BaseProcess) -> None:
    """Let a worker that stands still go on, and wait for its end."""
    if worker.pid is not None:
        os.kill(worker.pid, signal.SIGCONT)
    worker.join()
