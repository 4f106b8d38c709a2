"""The measurements of `benchmarks.tickets.speed`, each as a Markdown table."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from aiops_flows import Settings
from aiops_flows.serving import Resident
from aiops_flows.stack import prefect_server
from aiops_flows.steps import inference
from aiops_flows.steps.workspace import Workspace
from aiops_flows.tasks.batches import without_runs
from benchmarks.measuring import cpu_seconds, server_cpu_seconds
from benchmarks.tickets.business import Business

__all__ = ["tables"]

_HEAD = ("median ms", "95 % ms", "99 % ms")
_seeds = iter(range(1_000, 10_000))


def tables(business: Business, place: Workspace, asked: argparse.Namespace) -> Iterator[str]:
    """Each measurement that was asked for."""
    if "price" in asked.parts:
        yield _price(business, place, asked.cases)
    if "runs" in asked.parts:
        yield _runs(business, max(20, asked.cases // 5))
    if "rates" in asked.parts:
        yield _rates(business, asked.cases, asked.rates)
    if "batches" in asked.parts:
        yield _batches(business, asked.cases)


def _share(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return 1_000 * ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _figures(seconds: Sequence[float]) -> list[str]:
    return [f"{_share(seconds, share):.1f}" for share in (0.5, 0.95, 0.99)]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|---{'|---:' * (len(head) - 1)}|"]
    return "\n".join([f"{title}\n", *lines, *(f"| {' | '.join(row)} |" for row in rows)])


# --- where the time goes -------------------------------------------------------------------------------------------


@dataclass
class _Clock:
    """Seconds spent in what is timed."""

    spent: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, and its time under a name."""

        def called(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - begun

        return called


@contextmanager
def _timed(place: Workspace, clock: _Clock) -> Iterator[None]:
    """The models and the database under the clock."""
    dialect, answer = place.log.engine.dialect, inference.answer
    names = ("do_execute", "do_executemany", "do_commit")
    before = {name: getattr(dialect, name) for name in names}
    for name, function in before.items():
        setattr(dialect, name, clock.timed("commits" if name == "do_commit" else "statements", function))
    inference.answer = clock.timed("models", answer)
    try:
        yield
    finally:
        inference.answer = answer
        for name in names:
            delattr(dialect, name)


def _price(business: Business, place: Workspace, cases: int) -> str:
    """One case after the other, in this process, without HTTP: the whole path, and its parts."""
    resident = Resident(business.function, business.declared)
    rows = business.rows(cases + 20, next(_seeds))
    with without_runs():
        resident.warm_up()
        for row in rows[:20]:
            resident._function([row])  # noqa: SLF001
        clock, seconds, cpu = _Clock(), [], time.process_time()
        with _timed(place, clock):
            for row in rows[20:]:
                begun = time.perf_counter()
                resident._function([row])  # noqa: SLF001
                seconds.append(time.perf_counter() - begun)
        cpu = time.process_time() - cpu
    parts = {name: 1_000 * clock.spent.get(name, 0.0) / cases for name in ("models", "statements", "commits")}
    whole = 1_000 * sum(seconds) / cases
    rest = whole - sum(parts.values())
    lines = [["the whole path", *_figures(seconds), f"{whole:.1f}"]]
    words = {"models": f"{len(business.declared.models)} models", "statements": "case log: statements"}
    words |= {"commits": "case log: commits"}
    lines += [[words[name], "", "", "", f"{value:.1f}"] for name, value in parts.items()]
    lines += [["checking, frames, policy", "", "", "", f"{rest:.1f}"]]
    title = f"where the time goes, {cases} cases one after the other ({1_000 * cpu / cases:.1f} ms of CPU a case)"
    return _table(title, ["", *_HEAD, "mean ms"], lines)


# --- one flow run per case ------------------------------------------------------------------------------------------


def _runs(business: Business, cases: int) -> str:
    """The same in one flow run per case, each from a file with one row; without Prefect beside it."""
    flow = business.function
    with tempfile.TemporaryDirectory() as folder, prefect_server(Settings(), own=True):
        files = _files(business, cases + 5, Path(folder))
        for file in files[:5]:
            flow(file)
        server, cpu = server_cpu_seconds(), cpu_seconds()
        in_runs = [_seconds(flow, file) for file in files[5:]]
        cpu, server = cpu_seconds() - cpu, server_cpu_seconds() - server
        plain = _files(business, cases, Path(folder))
        with without_runs():
            alone = [_seconds(flow.fn, file) for file in plain]
    price = 1_000 * (median(in_runs) - median(alone))
    lines = [["one flow run per case", *_figures(in_runs)], ["the same function, resident", *_figures(alone)]]
    lines += [["price of orchestration", f"{price:.1f}", "", ""]]
    used = f"{1_000 * cpu / cases:.0f} ms of CPU here and {1_000 * server / cases:.0f} ms in Prefect's server a run"
    return _table(f"orchestration, {cases} cases one after the other ({used})", ["", *_HEAD], lines)


def _files(business: Business, count: int, folder: Path) -> list[str]:
    seed = next(_seeds)
    paths = [folder / f"{seed}-{number}.jsonl" for number in range(count)]
    for path, row in zip(paths, business.rows(count, seed), strict=True):
        path.write_text(json.dumps(row), encoding="utf-8")
    return [str(path) for path in paths]


def _seconds(function: Callable[[str], Any], source: str) -> float:
    begun = time.perf_counter()
    function(source)
    return time.perf_counter() - begun


# --- over HTTP -----------------------------------------------------------------------------------------------------


@contextmanager
def _served(business: Business, *options: str) -> Iterator[tuple[int, int]]:
    """The port and the process id of a resident process."""
    command = [sys.executable, "-c", "from aiops_flows.cli import main; main()", "serve", "--port", "0"]
    command += ["--flow", business.flow, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield int(line.split("/cases")[0].rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        process.wait(60)


@dataclass
class _Sender:
    """One connection that sends its cases at their times, and notes when each was answered."""

    port: int
    due: list[tuple[float, bytes]]
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def send(self) -> None:
        """All of them; a case is late from the moment it was due, not from when there was time to send it."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        for at, body in self.due:
            time.sleep(max(0.0, at - time.perf_counter()))
            begun = at or time.perf_counter()
            connection.request("POST", "/cases", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.refused += answer.status != 200
            self.seconds.append(time.perf_counter() - begun)
        connection.close()


def _sent(business: Business, port: int, cases: int, rate: float | None) -> tuple[list[float], int, float]:
    """Seconds to each answer, refusals, and the seconds of all, at a rate; None: one after the other."""
    bodies = [json.dumps(row).encode() for row in business.rows(cases, next(_seeds))]
    senders = 1 if rate is None else 64
    first = time.perf_counter() + 0.2
    due = [(0.0 if rate is None else first + number / rate, body) for number, body in enumerate(bodies)]
    sending = [_Sender(port, due[number::senders]) for number in range(senders)]
    threads = [threading.Thread(target=sender.send) for sender in sending]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = [each for sender in sending for each in sender.seconds]
    return seconds, sum(sender.refused for sender in sending), time.perf_counter() - begun


def _cpu_of(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100


def _measured(business: Business, port: int, pid: int, cases: int, rate: float | None) -> list[str]:
    cpu = _cpu_of(pid)
    seconds, refused, whole = _sent(business, port, cases, rate)
    cpu = 1_000 * (_cpu_of(pid) - cpu) / cases
    return [*_figures(seconds), f"{cases / whole:.0f}", f"{cpu:.1f}", str(refused)]


_SERVED = (*_HEAD, "cases a second", "CPU ms a case", "refused")


def _rates(business: Business, cases: int, rates: Sequence[float]) -> str:
    """The resident process over HTTP: one after the other, then at rates."""
    with _served(business) as (port, pid):
        _sent(business, port, 30, None)
        lines = [["one after the other", *_measured(business, port, pid, cases, None)]]
        for rate in rates:
            measured = _measured(business, port, pid, max(cases, int(8 * rate)), rate)
            lines.append([f"{rate:g} a second", *measured])
        lines.append(["all at once", *_measured(business, port, pid, max(cases, 500), 1e6)])
    return _table("a resident process over HTTP", ["cases sent", *_SERVED], lines)


def _batches(business: Business, cases: int) -> str:
    """What waiting for others to come, and the size of a micro-batch, do at a rate near the limit."""
    kinds: list[Mapping[str, str]] = [{"--within-ms": ms, "--at-most": "32"} for ms in ("0", "5", "20")]
    kinds += [{"--within-ms": "0", "--at-most": most} for most in ("1", "8", "128")]
    lines = []
    for kind in kinds:
        with _served(business, *(word for pair in kind.items() for word in pair)) as (port, pid):
            _sent(business, port, 30, None)
            for rate in (20.0, 80.0):
                measured = _measured(business, port, pid, max(cases, int(6 * rate)), rate)
                lines.append([f"{kind['--within-ms']} ms, {kind['--at-most']} at most, {rate:g} a second", *measured])
    return _table("micro-batches", ["", *_SERVED], lines)
