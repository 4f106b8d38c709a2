"""A sink that fails half the time: before it took the message, or after, so that nobody knows it did.

Before, it fails as a sink should, or by an error that nobody foresaw: neither is a delivery.
"""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from aiops_flows.errors import NotDelivered

__all__ = ["FlakySink", "receipts"]

_BROKEN, _LOST, _UNANSWERED = 0.10, 0.25, 0.5


@dataclass(frozen=True)
class FlakySink:
    """Takes a message by adding a line to a file; a quarter is not taken, and of another the answer is lost."""

    notes: Path
    name: str = "flaky"
    at_once: ClassVar[int] = 4

    def send(self, effect_id: str, message: bytes) -> None:
        """Take it, or not.

        Raises:
            NotDelivered: two times in five.
            RuntimeError: one time in ten.
        """
        lot = random.random()  # noqa: S311  not for secrets; processes are to differ
        if lot < _BROKEN:
            raise RuntimeError("an error of the sink's own")
        if lot < _LOST:
            raise NotDelivered("away")
        file = os.open(self.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, f"{effect_id} {hashlib.sha256(message).hexdigest()}\n".encode())
        os.close(file)
        if lot < _UNANSWERED:
            raise NotDelivered("the answer was lost")


def receipts(notes: Path) -> list[tuple[str, str]]:
    """What arrived, in order and as often as it did: effect id and digest of the message."""
    if not notes.exists():
        return []
    pairs = (line.split() for line in notes.read_text(encoding="utf-8").splitlines())
    return [(name, digest) for name, digest in pairs]
