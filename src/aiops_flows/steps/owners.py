"""Who holds a batch: processes of this machine by name, so that one that is gone need not be waited for."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import uuid
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from aiops_flows.case_log import leases

if TYPE_CHECKING:
    from aiops_flows.case_log import CaseLog

__all__ = ["is_gone", "let_go_of_the_gone", "this_process"]

_logger = logging.getLogger("aiops_flows.owners")


def this_process() -> str:
    """This process as owner of leases: host, process id, and a mark that tells machines of one name apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{_machine()}"


@lru_cache(maxsize=1)
def _machine() -> str:
    """Eight digits that differ between machines, between starts of one, and between containers."""
    marks = [str(uuid.getnode())]
    with suppress(OSError):  # no Linux: the network address must do
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:8]


def is_gone(owner: str) -> bool:
    """Whether an owner is a process of this machine that has ended; of others nothing is known."""
    host, _, rest = owner.partition(":")
    number, _, machine = rest.partition(":")
    if (host, machine) != (socket.gethostname(), _machine()) or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, under another user
        return False
    return _is_zombie(int(number))


def _is_zombie(process: int) -> bool:
    """Whether a process has ended, and only its parent has not taken note."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] == ["Z"]


def let_go_of_the_gone(log: CaseLog, use_case: str) -> None:
    """Let the leases of processes that have ended run out now, so that their batches can be taken over at once."""
    for owner in leases.holders(log, use_case):
        if is_gone(owner):
            batches = leases.lapse(log, use_case, owner)
            _logger.info("%s has ended: its %d batches are free", owner, batches)
