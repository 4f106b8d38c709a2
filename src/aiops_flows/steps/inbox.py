"""Working through a folder into which files are dropped."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aiops_flows.case_log import writes
from aiops_flows.case_log.writes import QuarantineRow
from aiops_flows.errors import BatchBusy, SourceError
from aiops_flows.steps.delivery import printed_name
from aiops_flows.steps.intake_report import IntakeReport, publish_report
from aiops_flows.steps.sources import Delivery, inbox_files, read_file
from aiops_flows.steps.workspace import Workspace

__all__ = ["work_through"]

_logger = logging.getLogger("aiops_flows.inbox")
Taken = TypeVar("Taken")
Mark = tuple[int, int, int]
_LONGEST_NAME = 255  # bytes, on every usual file system
_LONGEST_ENDING = 20


def work_through(place: Workspace, use_case: str, folder: Path, take: Callable[[Delivery], Taken]) -> list[Taken]:
    """What ``take`` gives for each waiting file of a folder, in the order of their names.

    A file that was taken moves to the subfolder ``done``; one that cannot be read moves to ``refused`` and stands in
    the quarantine with the reason; one that another live worker has in hand is left to it.
    """
    taken = []
    for path in inbox_files(folder):
        seen = _mark(path)
        try:
            taken.append(take(_read(path)))
        except BatchBusy as busy:
            _logger.info("%s: left to the worker that has it: %s", printed_name(path), busy)
        except FileNotFoundError:
            _logger.info("%s was taken by another worker", printed_name(path))
        except SourceError as fault:
            if path.exists():  # else another worker has just finished with it
                _refuse(place, use_case, path, str(fault), seen)
        else:
            _move(path, "done", seen)
    return taken


def _read(path: Path) -> Delivery:
    """The rows of a file; whatever a parser fails at, it is this file that cannot be read, and the others can.

    Raises:
        SourceError: it cannot be read.
        FileNotFoundError: it is gone.
    """
    try:
        path.name.encode()
    except UnicodeEncodeError as fault:
        raise SourceError(
            f"{printed_name(path)}: the name of the file is not UTF-8. Rename it, and send it again"
        ) from fault
    try:
        return read_file(path)
    except (SourceError, FileNotFoundError):
        raise
    except Exception as fault:
        raise SourceError(
            f"{printed_name(path)}: cannot be read ({type(fault).__name__}). Save it again, or send it in another form"
        ) from fault


def _refuse(place: Workspace, use_case: str, path: Path, reason: str, seen: Mark | None) -> None:
    """Put a file aside, with the reason in the quarantine, in the log and in the report of the run."""
    _logger.warning("%s goes to 'refused': %s", printed_name(path), reason)
    writes.add_quarantine(place.log, use_case, [_whole_file(path, reason)])
    publish_report(IntakeReport((printed_name(path),), refused=1))
    _move(path, "refused", seen)


def _mark(path: Path) -> Mark | None:
    """What changes when another file takes this one's name, or when it is written on; None for one that is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _whole_file(path: Path, reason: str) -> QuarantineRow:
    name = printed_name(path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # it may not be read, or is gone: the reason says so
        digest = hashlib.sha256(f"{name} {reason}".encode()).hexdigest()
    raw = json.dumps({"file": name, "sha256": digest, "moved_to": "refused"})
    return QuarantineRow(case_id=None, digest=digest, stage="read", reason=reason, raw=raw, source=name)


def _move(path: Path, folder: str, seen: Mark | None) -> None:
    """Move a file aside, never over another one; what came under its name since it was seen stays."""
    place = path.parent / folder
    try:
        place.mkdir(exist_ok=True)
        target = _free_name(place, path.name)
        path.rename(target)
    except FileNotFoundError:  # another worker took the same file and was faster
        _logger.info("%s was moved by another worker", printed_name(path))
        return
    except OSError as fault:  # taken again, it changes nothing: it must not keep the others from being taken
        _logger.error("%s cannot be moved to %r: %s", printed_name(path), folder, fault.strerror)  # noqa: TRY400
        return
    if _mark(target) != seen and not path.exists():
        _logger.warning("%s was written to while it was read: it is read again", printed_name(path))
        target.rename(path)


def _free_name(folder: Path, name: str) -> Path:
    """The name in a folder, with a number before it where it is taken; never longer than names of files may be."""
    number, target = 1, folder / name
    while target.exists():
        number += 1
        numbered = os.fsencode(f"{number}-{name}")
        ending = os.fsencode(Path(name).suffix)[:_LONGEST_ENDING]
        if len(numbered) > _LONGEST_NAME:
            numbered = numbered[: _LONGEST_NAME - len(ending)] + ending
        target = folder / os.fsdecode(numbered)
    return target
