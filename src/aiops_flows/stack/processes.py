"""Processes of ours: started quietly with a log file, recognised by pid and time of birth, waited for, and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiops_flows.errors import NoAnswer, StackError
from aiops_flows.outgoing import Caller
from aiops_flows.private_files import private_folder

__all__ = ["HOST", "PRIVATE", "Part", "ask", "end", "free_port", "spawn", "wait_until"]

HOST = "127.0.0.1"
PRIVATE = 0o077
"""The umask of processes of ours: what they write is their owner's alone."""
_LOOK_EVERY_SECONDS = 0.1
_ANSWER_BYTES = 50_000_000
_REFUSED = 300
_LOG_BYTES = 5_000_000
_PROC = Path("/proc/self/stat").exists()


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    pid: int
    born: str
    """When the process began, as the system tells it: a pid alone may have gone to another process since."""
    url: str
    """Where people look, or nothing."""
    log: str

    @property
    def runs(self) -> bool:
        """Whether this very process is alive."""
        _reap(self.pid)
        return bool(self.born) and _born(self.pid) == self.born

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        with suppress(OSError):
            return "\n".join(Path(self.log).read_text(errors="replace").splitlines()[-lines:])
        return ""


def spawn(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, url: str = "") -> Part:
    """Start a process that outlives this one, in a process group of its own, writing to a log file."""
    with _opened(log) as output:
        process = subprocess.Popen(  # noqa: S603  commands of ours, no shell
            command,
            env=environment,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=PRIVATE,
        )
    process.returncode = 0  # it is meant to outlive us: no warning when this object goes
    return Part(name, process.pid, _born(process.pid), url, str(log))


def _opened(log: Path) -> Any:
    private_folder(log.parent)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    return log.open("ab")


def end(parts: Iterable[Part], seconds: float = 15.0) -> None:
    """End processes and all they started: first asked, after so many seconds killed.

    Raises:
        StackError: one is still there.
    """
    for part in [part for part in parts if part.runs]:
        family = {part.pid: part.born}
        _follow(family)
        _signal({part.pid: part.born}, signal.SIGTERM)  # a worker ends its runs itself, and tells the server
        if not _gone(family, seconds, first=part.pid) or not _gone(family, 1):
            _signal(family, signal.SIGTERM)
        if not _gone(family, seconds):
            _signal(family, signal.SIGKILL)
        if not _gone(family, seconds):
            raise StackError(f"{part.name} (process {part.pid}) does not end; its log is {part.log}")


def wait_until(true: Callable[[], bool], what: str, parts: Sequence[Part] = (), seconds: float = 90.0) -> None:
    """Return as soon as something is true.

    Raises:
        StackError: it did not become true in time, or one of the processes it needs has ended.
    """
    until = time.monotonic() + seconds
    while True:
        if ended := [part for part in parts if not part.runs]:
            raise StackError(f"{ended[0].name} has ended; the end of {ended[0].log}:\n{ended[0].last_words()}")
        if true():
            return
        if time.monotonic() > until:
            logs = ", ".join(part.log for part in parts)
            raise StackError(f"waited {seconds:.0f} s for {what}" + (f"; look into {logs}" if logs else ""))
        time.sleep(_LOOK_EVERY_SECONDS)


def ask(url: str, body: Any = None, seconds: float = 10.0) -> Any:
    """What a server of ours answers, past any proxy; None where it gives no answer, or one that is no JSON."""
    method = "GET" if body is None else "POST"
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    try:
        answer = Caller(_ANSWER_BYTES).call(method, url, seconds=seconds, headers=headers, content=content)
    except NoAnswer:
        return None
    if answer.status >= _REFUSED:
        return {"refused": answer.status}
    if not answer.whole:
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        return answer.body.decode(errors="replace")


def free_port(wanted: int) -> int:
    """The port that was wanted, or another one where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise StackError("no port is free on this machine")


def _born(pid: int) -> str:
    """When the process began; nothing where there is none, or only its remains."""
    if not _PROC:
        return _ps("-o", "lstart=", "-p", str(pid))
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _follow(family: dict[int, str]) -> None:
    """Add to a family of pids and births what its living members have started; a worker's runs have own sessions."""
    children: dict[int, list[int]] = {}
    for line in _families().splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = [pid for pid, born in family.items() if born and _born(pid) == born]
    for pid in found:
        started = [child for child in children.get(pid, []) if child not in family]
        found.extend(started)
        family.update((child, _born(child)) for child in started)


def _families() -> str:
    """One line per process: its pid, and its parent's."""
    if not _PROC:
        return _ps("-A", "-o", "pid=,ppid=")
    lines = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            lines.append(f"{stat.parent.name} {stat.read_text().rsplit(')', 1)[1].split()[1]}")
    return "\n".join(lines)


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603, S607


def _reap(pid: int) -> None:
    """Let go of a child that has ended."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _signal(family: Mapping[int, str], number: signal.Signals) -> None:
    for pid, born in family.items():
        if born and _born(pid) == born:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _gone(family: dict[int, str], seconds: float, first: int | None = None) -> bool:
    """Whether a family, or its first member, ends in time. What it starts meanwhile joins it."""

    def over() -> bool:
        _follow(family)
        for pid in family:
            _reap(pid)
        waited_for = family.items() if first is None else [(first, family[first])]
        return not any(born and _born(pid) == born for pid, born in waited_for)

    with suppress(StackError):
        wait_until(over, "processes to end", seconds=seconds)
    return over()
