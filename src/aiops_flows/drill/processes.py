"""Real processes that are killed and begun again."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

__all__ = ["Crew", "begin", "load_for_all"]

_PRELOADED = ["aiops_flows.drill.work", "aiops_flows.drill.naive", "aiops_flows.drill.effects", "skops.io"]


def load_for_all(module: str) -> None:
    """Have a module loaded once, before the first process begins, for all of them."""
    _context().set_forkserver_preload([*_PRELOADED, module])


def _context() -> ForkServerContext:
    return multiprocessing.get_context("forkserver")


def begin(act: Callable[..., None], *said: Any, notes: Path) -> BaseProcess:
    """A process that acts; it is forked from one that has loaded everything and opened nothing.

    What it has to say goes to the file ``notes``.
    """
    process = _context().Process(target=_act, args=(act, said, notes), daemon=True)
    process.start()
    return process


def _act(act: Callable[..., None], said: tuple[Any, ...], notes: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    logging.disable(logging.CRITICAL)
    try:
        act(*said)
    except Exception:  # noqa: BLE001  a failed run is begun again, as a scheduler would
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _warm() -> None:
    """Nothing: the process it is forked from loads everything meanwhile."""


class Crew:
    """Processes by name; one that ends before its work is done is begun again."""

    def __init__(self, notes: Path, luck: random.Random) -> None:
        self._notes = notes
        self._luck = luck
        self._acts: dict[str, tuple[Callable[..., None], tuple[Any, ...]]] = {}
        self._processes: dict[str, BaseProcess] = {}
        self.kills = 0
        self.failed_runs = 0
        """Runs that ended with an error of their own, such as a lost lease or connection."""

    def add(self, name: str, act: Callable[..., None], *said: Any) -> None:
        """Begin a process."""
        self._acts[name] = (act, said)
        self._begin(name)

    def _begin(self, name: str) -> None:
        act, said = self._acts[name]
        self._processes[name] = begin(act, *said, notes=self._notes / f"{name}.txt")

    def kill_one(self) -> None:
        """SIGKILL to one of those that live, by lot."""
        living = [process for process in self._processes.values() if process.is_alive()]
        if living:
            self._luck.choice(living).kill()
            self.kills += 1

    def tend(self, seconds: float) -> None:
        """Wait until one ends, or so long; begin again those that ended without having done their work."""
        connection.wait([process.sentinel for process in self._processes.values() if process.is_alive()], seconds)
        for name, process in list(self._processes.items()):
            if process.is_alive() or process.exitcode == 0:
                continue
            self.failed_runs += process.exitcode == 1
            self._begin(name)

    def have_ended(self, kind: str = "") -> bool:
        """Whether all whose name holds the word have done their work."""
        return all(process.exitcode == 0 for name, process in self._processes.items() if kind in name)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Crew]:
        """The crew; whoever is left at the end is ended."""
        begin(_warm, notes=self._notes / "warm.txt").join()  # else the first ones are killed before they have begun
        try:
            yield self
        finally:
            for process in self._processes.values():
                process.kill()
            for process in self._processes.values():
                process.join()
