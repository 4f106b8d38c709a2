"""Whatever moment a worker dies at, running again finishes its work, and nothing is there twice or half."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from aiops_flows.case_log import CaseLog
from tests.integration.case_log.life import LIVED, counted, live

ROOT = Path(__file__).parents[3]


class PowerCut(Exception):
    """The worker stops here."""


class Cutter:
    """Raises at the n-th SQL event of an engine, counted from `set`."""

    def __init__(self, engine: Engine) -> None:
        self.seen = self.number = 0
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(engine, name, self.on_event)

    def set(self, number: int) -> None:
        """Raise at that event, counted from now."""
        self.seen, self.number = 0, number

    def on_event(self, *_args: object) -> None:
        """Count one event."""
        self.seen += 1
        if self.seen == self.number:
            raise PowerCut


def is_cut(log: CaseLog, use_case: str) -> bool:
    """Whether the life that was begun was cut off."""
    try:
        live(log, use_case)
    except PowerCut:
        return True
    return False


def test_an_error_at_any_sql_event_leaves_nothing_half(case_log: CaseLog) -> None:
    """A life cut by an exception at its n-th SQL event and lived again ends with the counts of one that was not cut."""
    cutter = Cutter(case_log.engine)
    points = 0
    cutter.set(1)
    while is_cut(case_log, f"claims-{points}"):
        live(case_log, f"claims-{points}")
        assert counted(case_log, f"claims-{points}") == LIVED
        points += 1
        cutter.set(points + 1)
    cutter.set(0)
    assert points > 50


@pytest.mark.slow
def test_a_process_killed_at_any_sql_event_leaves_nothing_half(database_url: str) -> None:
    """A process that dies without a word at its n-th SQL event, and is run again, leaves the usual counts."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.case_log.crash", database_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    points, state = done.stdout.split()[-2:]
    assert (int(points) > 50, state, len(done.stdout.splitlines())) == (True, "whole", 1), done.stdout


def test_a_half_life_is_told_from_a_whole_one(case_log: CaseLog) -> None:
    """The same counts find a life that was cut and not lived again: the check itself is proved."""
    cutter = Cutter(case_log.engine)
    cutter.set(40)
    assert is_cut(case_log, "claims")
    cutter.set(0)
    assert counted(case_log, "claims") != LIVED
