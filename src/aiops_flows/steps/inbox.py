"""Working through a folder into which files are dropped."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aiops_flows.case_log import writes
from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import BatchBusy, SourceError
from aiops_flows.private_files import private_folder
from aiops_flows.steps.sources import Delivery, inbox_files, read_file
from aiops_flows.steps.workspace import Workspace

__all__ = ["work_through"]

_logger = logging.getLogger("aiops_flows.inbox")
Taken = TypeVar("Taken")


def work_through(place: Workspace, use_case: str, folder: Path, take: Callable[[Delivery], Taken]) -> list[Taken]:
    """What ``take`` gives for each waiting file of a folder, in the order of their names.

    A file that was taken moves to the subfolder ``done``; one that cannot be read moves to ``refused`` and stands in
    the quarantine with the reason; one that another live worker has in hand is left to it.
    """
    taken = []
    for path in inbox_files(folder):
        seen = _mark(path)
        try:
            taken.append(take(read_file(path)))
        except BatchBusy as busy:
            _logger.info("%s: left to the worker that has it: %s", path.name, busy)
        except FileNotFoundError:
            _logger.info("%s was taken by another worker", path.name)
        except SourceError as fault:
            if path.exists():  # else another worker has just finished with it
                _logger.warning("%s goes to 'refused': %s", path.name, fault)
                writes.add_quarantine(place.log, use_case, [_whole_file(path, str(fault))])
                _move(path, "refused", seen)
        else:
            _move(path, "done", seen)
    return taken


Mark = tuple[int, int, int]


def _mark(path: Path) -> Mark | None:
    """What changes when another file takes this one's name, or when it is written on; None for one that is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _whole_file(path: Path, reason: str) -> QuarantineRow:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    raw = json.dumps({"file": path.name, "sha256": digest, "moved_to": "refused"})
    return QuarantineRow(case_id=None, digest=digest, stage="read", reason=reason, raw=raw, source=path.name)


def _move(path: Path, folder: str, seen: Mark | None) -> None:
    """Move a file aside, never over another one; what came under its name since it was seen stays."""
    place = path.parent / folder
    private_folder(place)
    number, target = 1, place / path.name
    while target.exists():
        number += 1
        target = place / f"{number}-{path.name}"
    try:
        path.rename(target)
    except FileNotFoundError:  # another worker took the same file and was faster
        _logger.info("%s was moved by another worker", path.name)
        return
    if _mark(target) != seen and not path.exists():
        _logger.warning("%s was written to while it was read: it is read again", path.name)
        target.rename(path)
