"""Processes are ours only by pid and birth together, and are ended with everything they started."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aiops_flows.errors import StackError
from aiops_flows.stack.processes import HOST, Part, _born, end, free_port, spawn, wait_until

CHILD = "import time; time.sleep(60)"
PARENT = f"""
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", {CHILD!r}], start_new_session=True).pid, flush=True)
time.sleep(60)
"""
LATE_PARENT = f"""
import signal, subprocess, sys, time

def last_order(number, frame):
    print(subprocess.Popen([sys.executable, "-c", {CHILD!r}], start_new_session=True).pid, flush=True)
    time.sleep(0.5)
    sys.exit()

signal.signal(signal.SIGTERM, last_order)
print("ready", flush=True)
time.sleep(60)
"""
SLEEPS = [sys.executable, "-c", CHILD]


def started(command: list[str], folder: Path) -> Part:
    return spawn("part", command, os.environ, folder / "part.log")


def test_a_part_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """A child in a session of its own, as a worker's runs are, does not outlive its parent."""
    part = started([sys.executable, "-c", PARENT], tmp_path)
    log = tmp_path / "part.log"
    wait_until(lambda: log.read_text().strip() != "", "the child's pid", [part])
    pid = int(log.read_text())
    child = replace(part, pid=pid, born=_born(pid))
    assert child.runs
    end([part])
    assert not part.runs
    assert not child.runs


def test_what_a_part_starts_while_it_ends_is_ended_too(tmp_path: Path) -> None:
    """A run that a worker was about to start when it was asked to end does not outlive it."""
    part = started([sys.executable, "-c", LATE_PARENT], tmp_path)
    wait_until(lambda: "ready" in part.last_words(), "its first word", [part])
    end([part])
    pid = int(part.last_words().removeprefix("ready"))
    assert not part.runs
    assert _born(pid) == ""


def test_a_part_that_ignores_being_asked_is_killed(tmp_path: Path) -> None:
    """What does not end when asked is killed after the time that was given."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    part = started([sys.executable, "-c", stubborn], tmp_path)
    wait_until(lambda: "ready" in part.last_words(), "its first word", [part])
    end([part], seconds=0.3)
    assert not part.runs


def test_a_pid_that_went_to_another_process_is_left_alone(tmp_path: Path) -> None:
    """A process with our pid but another birth is not ours: it is neither running for us nor ended by us."""
    part = started(SLEEPS, tmp_path)
    stranger = replace(part, born="long ago")
    assert not stranger.runs
    end([stranger])
    assert part.runs
    end([part])


def test_waiting_ends_with_the_process_and_tells_its_last_words(tmp_path: Path) -> None:
    """A part that dies while it is waited for is an error that shows the end of its log."""
    part = started([sys.executable, "-c", "print('no room left')"], tmp_path)
    with pytest.raises(StackError, match="no room left"):
        wait_until(lambda: False, "a miracle", [part], seconds=20)


def test_a_taken_port_gives_way_to_another() -> None:
    """The wanted port is given when free, and another when it is in use."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_a_log_that_grew_large_is_put_aside(tmp_path: Path) -> None:
    """A log over five megabytes is kept once under another name when its part starts again."""
    (tmp_path / "part.log").write_bytes(b"x" * 5_000_001)
    end([started(SLEEPS, tmp_path)])
    assert (tmp_path / "part.old.log").stat().st_size == 5_000_001
    assert (tmp_path / "part.log").stat().st_size == 0
