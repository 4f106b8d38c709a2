"""A disk that is full: nothing acknowledged is lost, and work goes on when there is space again (P11)."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiops_flows.drill.counting import count
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage, champions
from aiops_flows.drill.work import case_ids, finish_cases
from aiops_flows.errors import CaseLogError
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace

__all__ = ["full_disk"]

_MEGABYTE = 2**20
_DISK = 12 * _MEGABYTE
_SPACE = _MEGABYTE
_REFUSALS = 4


def full_disk(stage: Stage, *, size: int = 200, told: Callable[[str], None] = lambda _: None) -> DrillResult:
    """Fill a small file system under the log while cases come in, then make space and go on.

    It needs SQLite and the right to mount a file system in memory; elsewhere it is skipped, with the reason.
    """
    begun = time.monotonic()
    if os.geteuid() != 0:
        return DrillResult("full-disk", {}, [], "only root may mount a small file system")
    disk = stage.folder / "disk"
    try:
        with _mounted(disk):
            return _on(disk, stage, size, told, begun)
    except (OSError, subprocess.CalledProcessError) as fault:
        return DrillResult("full-disk", {}, [], f"a small file system could not be mounted: {fault}")


@contextmanager
def _mounted(disk: Path) -> Iterator[None]:
    disk.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={_DISK}", "drill", str(disk)]
    subprocess.run(["mount", *options], check=True, capture_output=True)  # noqa: S603, S607
    try:
        yield
    finally:
        subprocess.run(["umount", str(disk)], check=False, capture_output=True)  # noqa: S603, S607


def _on(disk: Path, stage: Stage, size: int, told: Callable[[str], None], begun: float) -> DrillResult:
    settings = stage.settings.model_copy(update={"database_url": f"sqlite:///{disk / 'log.db'}"})
    stage = dataclasses.replace(stage, settings=settings)
    with stage.workspace() as place:
        champions(place, stage.use_case)
        ballast = disk / "ballast"
        _fill(ballast, disk)
        acknowledged, sent, refusals = _until_full(place, stage, size)
        told(f"{len(acknowledged)} cases acknowledged, then {refusals} refusals")
        held = count(place, stage.name, acknowledged)
        ballast.unlink()
        for number in range(sent):
            finish_cases(place, stage.use_case, take_in(place, stage.use_case, stage.rows(size, number)))
        everything = [name for n in range(sent) for name in case_ids(stage.use_case, stage.rows(size, n))]
        counted = count(place, stage.name, everything)
    violations = [*counted.violations, *held.faults]
    if held.lost:
        violations.append(f"{held.lost} acknowledged cases were lost while the disk was full")
    if not refusals:
        violations.append("the disk was never full, so the drill proves nothing")
    figures = {"acknowledged": len(acknowledged), "refusals": refusals, "lost_while_full": held.lost}
    figures |= {"seconds": round(time.monotonic() - begun), **counted.figures()}
    return DrillResult("full-disk", figures, violations)


def _until_full(place: Workspace, stage: Stage, size: int) -> tuple[set[str], int, int]:
    """Send cases until they are refused; the acknowledged ids, and how many deliveries were sent and refused."""
    acknowledged: set[str] = set()
    refusals = number = 0
    while refusals < _REFUSALS:
        rows = stage.rows(size, number)
        number += 1
        try:
            cases = take_in(place, stage.use_case, rows)
            acknowledged.update(case_ids(stage.use_case, rows))
            finish_cases(place, stage.use_case, cases)
        except CaseLogError:
            refusals += 1
    return acknowledged, number, refusals


def _fill(ballast: Path, disk: Path) -> None:
    """Leave little space."""
    space = os.statvfs(disk)
    ballast.write_bytes(b"\0" * max(0, space.f_bavail * space.f_frsize - _SPACE))
