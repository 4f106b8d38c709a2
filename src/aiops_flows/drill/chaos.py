"""Producers, workers and database back ends are killed again and again; nothing may be lost or doubled (P1, P2)."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from aiops_flows.case_log import audit, questions
from aiops_flows.drill.counting import Counted, count
from aiops_flows.drill.naive import NaiveCounts, control_url, naive_count, naive_work, prepare
from aiops_flows.drill.processes import Crew
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage
from aiops_flows.drill.work import accepted, delivery, finish_cases, produce, sent, work
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace

__all__ = ["Chaos", "chaos"]

_PAUSE = (0.05, 0.40)  # seconds between two kills: a run of a batch takes about as long
_TEND_SECONDS = 0.05
_CONTROL_KILLS = 10


@dataclass(frozen=True)
class Chaos:
    """How much of it."""

    kills: int = 200
    seed: int = 0
    producers: int = 2
    workers: int = 2
    size: int = 50
    """Cases a delivery."""
    seconds: float = 600.0
    """After so long, work that is not through counts as stuck."""
    kill_backends: bool = False
    """Also kill -9 of database back ends, where they run on this machine: the whole server recovers each time."""


@dataclass
class _Killer:
    """Kills processes and database sessions at random moments."""

    crew: Crew
    chaos: Chaos
    url: str
    luck: random.Random
    sessions: int = 0
    backends: int = 0
    _next: float = field(default_factory=time.monotonic)

    def strike(self) -> None:
        """Kill one, when it is time to."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.luck.uniform(*_PAUSE)
        lot = self.luck.random()
        if self.url.startswith("postgresql") and lot < 0.3:
            self._end_session(hard=self.chaos.kill_backends and lot < 0.03)
        else:
            self.crew.kill_one()

    @property
    def struck(self) -> int:
        """How often."""
        return self.crew.kills + self.sessions + self.backends

    def _end_session(self, *, hard: bool) -> None:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        try:
            with psycopg.connect("postgresql://" + self.url.split("://", 1)[1]) as session:
                found = session.execute(f"SELECT pid {others} ORDER BY random() LIMIT 1").fetchone()
                if found is None:
                    return
                if hard and _kill(found[0]):
                    self.backends += 1
                elif session.execute("SELECT pg_terminate_backend(%s)", found).fetchone():
                    self.sessions += 1
        except psycopg.OperationalError:  # it recovers from the last time
            return


def _kill(process: int) -> bool:
    try:
        os.kill(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def chaos(stage: Stage, asked: Chaos, *, told: Callable[[str], None] = lambda _: None) -> DrillResult:
    """Hold the drill: ours must come through whole, and the control must not.

    Args:
        stage: where.
        asked: how much.
        told: is told how it goes.
    """
    begun = time.monotonic()
    killer, stuck = _ours(stage, asked, told)
    with stage.workspace() as place:
        counted = count(place, stage.name, accepted(stage.folder))
        changed = _once_more(place, stage, asked)
    control, control_kills = _control(stage, asked)
    violations = [*counted.violations, *stuck]
    if changed:
        violations.append(f"running everything once more wrote {changed} times")
    if not counted.stored:
        violations.append(
            "everybody was killed before a case was sent, so the drill proves nothing; ask for more kills"
        )
    if not control.doubled and not control.without_audit:
        violations.append("the control came through whole, so the drill proves nothing; ask for more kills")
    figures = {**_figures(killer, counted), "changed_by_running_again": changed, "control_kills": control_kills}
    figures |= {f"control_{name}": value for name, value in control._asdict().items()}
    return DrillResult("chaos", {**figures, "seconds": round(time.monotonic() - begun)}, violations)


def _figures(killer: _Killer, counted: Counted) -> dict[str, int]:
    return {
        "kills_of_processes": killer.crew.kills,
        "sessions_terminated": killer.sessions,
        "backends_killed": killer.backends,
        "failed_runs": killer.crew.failed_runs,
        **counted.figures(),
    }


def _ours(stage: Stage, asked: Chaos, told: Callable[[str], None]) -> tuple[_Killer, list[str]]:
    """Kill until it is enough, then let the crew finish; the killer, and what is stuck."""
    enough, over = stage.folder / "enough", stage.folder / "over"
    luck = random.Random(asked.seed)  # noqa: S311  not for secrets
    with Crew(stage.folder, luck).at_work() as crew, stage.workspace() as place:
        for number in range(asked.producers):
            crew.add(f"producer-{number}", produce, stage, number, asked.size, enough)
        for number in range(asked.workers):
            crew.add(f"worker-{number}", work, stage, over)
        killer = _Killer(crew, asked, stage.settings.case_log_url, luck)
        until = time.monotonic() + asked.seconds
        while time.monotonic() < until:
            crew.tend(_TEND_SECONDS)
            if killer.struck < asked.kills:
                killer.strike()
                told(f"{killer.struck} of {asked.kills} kills")
                continue
            enough.touch()
            if not over.exists() and _is_through(place, stage, crew):
                over.touch()
            if crew.have_ended():
                return killer, []
    return killer, [f"not through after {asked.seconds:.0f} s: see {stage.folder}"]


def _is_through(place: Workspace, stage: Stage, crew: Crew) -> bool:
    """Whether the producers have ended, the inbox is empty, and no case is unfinished."""
    if any(stage.inbox.glob("*.jsonl")) or not crew.have_ended("producer"):
        return False
    return int(questions.counts(place.log, stage.name)[["history", "unfinished"]].to_numpy().sum()) == 0


def _once_more(place: Workspace, stage: Stage, asked: Chaos) -> int:
    """Send and work on every delivery again, in another order; how many audit rows that wrote (it must be none)."""
    before = audit.head(place.log)[stage.name][0]
    luck = random.Random(asked.seed + 1)  # noqa: S311
    for producer in range(asked.producers):
        numbers = list(range(sent(stage.folder / f"accepted-{producer}.txt")))
        luck.shuffle(numbers)
        for number in numbers:
            rows = delivery(stage, producer, number, asked.size)
            luck.shuffle(rows)
            finish_cases(place, stage.use_case, take_in(place, stage.use_case, rows))
    return audit.head(place.log)[stage.name][0] - before


def _control(stage: Stage, asked: Chaos) -> tuple[NaiveCounts, int]:
    """What became of workers that do not know better, and how often they were killed: until harm is done, or long."""
    url = control_url(stage.settings.case_log_url, stage.folder)
    over = stage.folder / "control-over"
    prepare(url, asked.workers)
    with Crew(stage.folder, random.Random(asked.seed)).at_work() as crew:  # noqa: S311
        for number in range(asked.workers):
            crew.add(f"naive-worker-{number}", naive_work, url, number, over)
        worked = 0
        until = time.monotonic() + asked.seconds
        while time.monotonic() < until and not crew.have_ended():
            crew.tend(_TEND_SECONDS)
            so_far = naive_count(url)
            harmed = so_far.doubled and crew.kills >= _CONTROL_KILLS
            if harmed or crew.kills >= _CONTROL_KILLS * 10:
                over.touch()
            elif so_far.decisions > worked:  # a worker that has only just begun has nothing to lose
                worked = so_far.decisions
                crew.kill_one()
    return naive_count(url), crew.kills
