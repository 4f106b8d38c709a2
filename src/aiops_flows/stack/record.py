"""What is running, kept in a file of the home folder, so that any later process can look at it and stop it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from aiops_flows.private_files import write_private
from aiops_flows.settings import Settings
from aiops_flows.stack.processes import Part

__all__ = ["Profile", "Stack", "forget", "one_at_a_time", "read", "write"]

Profile = Literal["one-machine", "postgresql"]


_RECORD = "stack.json"


@dataclass(frozen=True)
class Stack:
    """What was started on this machine."""

    profile: Profile
    project: str
    """The folder whose ``prefect.yaml`` was deployed."""
    parts: tuple[Part, ...]
    api_url: str = ""
    """Prefect's address for programs; nothing where nothing was started."""

    @property
    def runs(self) -> bool:
        """Whether all of it is alive."""
        return bool(self.parts) and all(part.runs for part in self.parts)

    def url(self, part: str) -> str:
        """Where people look at a part (``prefect``, ``mlflow``); nothing where it has no page or does not run."""
        return next((one.url for one in self.parts if one.name == part), "")

    def rows(self) -> list[dict[str, str | int | bool]]:
        """One row per part: its name, whether it runs, where to look, its process and its log."""
        return [
            {"part": part.name, "runs": part.runs, "url": part.url, "pid": part.pid, "log": part.log}
            for part in self.parts
        ]


def read(settings: Settings) -> Stack:
    """What was started last and not stopped; without parts where nothing was."""
    try:
        kept = json.loads((settings.home_folder / _RECORD).read_text())
        if kept.pop("home") != str(
            settings.home_folder.resolve()
        ):  # a copy must not use or end the original's processes
            return Stack("one-machine", "", ())
        return Stack(**{**kept, "parts": tuple(Part(**part) for part in kept["parts"])})
    except (OSError, ValueError, TypeError, KeyError):
        return Stack("one-machine", "", ())


def write(settings: Settings, stack: Stack) -> None:
    """Remember what runs; the file is there as a whole or not at all."""
    new = _file(settings).with_suffix(".new")
    write_private(new, json.dumps({**asdict(stack), "home": str(settings.folder.resolve())}, indent=2))
    new.replace(_file(settings))


def forget(settings: Settings) -> None:
    """Nothing runs any more."""
    _file(settings).unlink(missing_ok=True)


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Only one process of this home folder starts or stops things at a time."""
    lock = os.open(settings.folder / "stack.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _file(settings: Settings) -> Path:
    return settings.folder / _RECORD
