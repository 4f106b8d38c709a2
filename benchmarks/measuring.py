"""CPU time by process, peak memory, medians of interleaved runs, and the table of what was held to which limit."""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

__all__ = ["Figures", "cpu_seconds", "interleaved", "peak_memory_mb", "server_cpu_seconds", "told"]


def cpu_seconds() -> float:
    """CPU time of this process with all its threads, and of the children it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def server_cpu_seconds() -> float:
    """CPU time of the children that are still running: the Prefect server, where this process has started it."""
    tasks = Path("/proc/self/task")
    children = [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
    return sum(_cpu_of(pid) for pid in children)


def _cpu_of(pid: str) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_memory_mb() -> float:
    """The most memory this process has held so far (unlike getrusage's figure, not that of the parent it came from)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1_024


def interleaved(
    runs: Mapping[str, Callable[[], object]], repeats: int, before: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """CPU seconds of each run, repeated in turn, so that whatever else the machine does meets all of them alike.

    ``before`` makes room for each run and is not measured.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats):
        for name in list(runs)[:: 1 if repeat % 2 else -1]:
            before()
            gc.collect()
            begun = cpu_seconds()
            runs[name]()
            seconds[name].append(cpu_seconds() - begun)
    return seconds


def told(seconds: Sequence[float]) -> str:
    """The median with the range."""
    return f"{median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"


@dataclass
class Figures:
    """What was measured, and which of it missed its limit."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def note(self, what: str, value: str) -> None:
        """A figure that is held to nothing."""
        self._add(what, value, "", "")

    def hold(self, what: str, value: float, *, at_most: float | None = None, at_least: float | None = None) -> None:
        """A figure that is held to a limit."""
        good = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        limit = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}"
        if not good:
            self.missed.append(what)
        self._add(what, f"{value:.3g}", limit, "held" if good else "MISSED")

    def _add(self, *row: str) -> None:
        self.rows.append((row[0], row[1], row[2], row[3]))
        print(f"  {row[0]:74} {row[1]:>28}  {row[2]:>9}  {row[3]}", flush=True)

    def end(self) -> int:
        """The exit code: 1 where a limit was missed."""
        print(f"\n{len(self.missed)} limits missed" + (": " + "; ".join(self.missed) if self.missed else ""))
        return 1 if self.missed else 0


def machine() -> str:
    """What it was measured on."""
    names = ("prefect", "mlflow", "evidently", "pandas", "scikit-learn", "pydantic", "SQLAlchemy")
    used = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {sys.platform}; {used}"
