"""A text file beside the database that remembers each audit head, so that a shortened log is found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from aiops_flows.private_files import private_folder

__all__ = ["Witness"]


class Witness:
    """An append-only file with one line ``use case, seq, hash`` for each committed write.

    It is written after the commit: a process that dies in between leaves a line out, never one too many.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / "case_log.witness" if path.is_dir() else path

    def append(self, use_case: str, seq: int, head: str) -> None:
        """Remember a head. Lines of several processes do not mix: each is one write to the end of the file."""
        private_folder(self.path.parent)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, f"{use_case} {seq} {head}\n".encode())
        finally:
            os.close(file)

    def heads(self) -> Iterator[tuple[str, int, str]]:
        """Each head that was remembered; lines that are none (a torn last one) are left out."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                parts = line.split()
                if len(parts) == 3 and parts[1].isdecimal() and len(parts[2]) == 64 and line.endswith("\n"):
                    yield parts[0], int(parts[1]), parts[2]
