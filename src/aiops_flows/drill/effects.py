"""A sink fails half the time, four workers send to it, and they are killed: every effect arrives (P28)."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiops_flows.case_log import CaseLog, audit, questions, undelivered, writes
from aiops_flows.case_log import effects as planned
from aiops_flows.drill.flaky_sink import FlakySink, receipts
from aiops_flows.drill.naive import control_url
from aiops_flows.drill.naive_outbox import (
    lost_by_marking,
    prepare_marking,
    send_after_marking,
    skipped_by_asking_after_the_last,
)
from aiops_flows.drill.processes import Crew
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage
from aiops_flows.drill.work import delivery, finish_cases
from aiops_flows.effects import Effect
from aiops_flows.errors import AlreadyDecided, BatchBusy
from aiops_flows.registry import Registry
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outbox import deliver
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["SendingUnderKills", "effects"]

_SENDERS = 4
_PAUSE = (0.05, 0.30)  # seconds between two kills
_TEND_SECONDS = 0.05
_HURRY = 2_000.0  # the log's clock runs so many times faster, so that waits of minutes pass in a moment
_CONTROL_MESSAGES = 400
_CONTROL_KILLS = 8
_NAME = "drill"
_DECIDED = "decided.txt"
_SHOWN = 3


@dataclass(frozen=True)
class SendingUnderKills:
    """How much of it."""

    kills: int = 60
    seed: int = 0
    size: int = 40
    """Cases a delivery."""
    deliveries: int = 10
    """At least so many are decided, after the last kill if need be."""
    seconds: float = 300.0
    """After so long, work that is not through counts as stuck."""


@dataclass(frozen=True)
class _Clock:
    """The log's clock in a hurry, the same in every process."""

    begun: float

    def __call__(self) -> datetime:
        now = time.time()
        return datetime.fromtimestamp(self.begun + (now - self.begun) * _HURRY, UTC)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"case": row["case_id"], "verdict": row["verdict"], "revision": row["revision"]}


def _use_case(stage: Stage) -> UseCase:
    """The use case with its own effects and one that every decision has."""
    use_case = stage.use_case
    return dataclasses.replace(use_case, effects=[*use_case.effects, Effect(_NAME, _told)])


def _sending(stage: Stage, clock: _Clock) -> CaseLog:
    return CaseLog.open(stage.settings.case_log_url, clock=clock)


def _send(stage: Stage, clock: _Clock, over: Path) -> None:
    """Plan and send, again and again, until all is over."""
    use_case, sink = _use_case(stage), FlakySink(stage.folder / "receipts.txt")
    with _sending(stage, clock) as log:
        place = Workspace(log, Registry(stage.settings.tracking_url, stage.settings.model_cache), stage.settings)
        while not over.exists():
            deliver(place, use_case, sink)
            time.sleep(_TEND_SECONDS)


def _decide(stage: Stage, size: int, enough: Path) -> None:
    """Take cases in and decide them, correct some, answer what people are asked, until it is enough."""
    number = _decided(stage)
    with stage.workspace() as place:
        while not enough.exists():
            try:
                taken = take_in(place, stage.use_case, delivery(stage, 0, number, size))
            except BatchBusy:
                time.sleep(_TEND_SECONDS)
                continue
            cases = finish_cases(place, stage.use_case, taken)
            for case_id in cases["case_id"].tolist()[::3]:
                _answer(place, stage, case_id)
            number += 1
            (stage.folder / _DECIDED).write_text(str(number))


def _decided(stage: Stage) -> int:
    """How many deliveries are decided."""
    done = stage.folder / _DECIDED
    return int(done.read_text() or 0) if done.exists() else 0


def _answer(place: Workspace, stage: Stage, case_id: str) -> None:
    """A person decides a case, or corrects policy: the effect of that takes the place of the first."""
    held = questions.effective(place.log, stage.name, case_ids=[case_id])
    said: dict[str, Any] = {
        "verdict": stage.use_case.review.verdicts[0],
        "reason": "drill",
        "actor": "drill",
        "channel": "drill",
    }
    try:
        writes.decide(place.log, stage.name, case_id, replaces=None if held.empty else 0, **said)
    except AlreadyDecided:  # by this drill, before it was killed
        return


def effects(stage: Stage, asked: SendingUnderKills, *, told: Callable[[str], None] = lambda _: None) -> DrillResult:
    """Hold the drill: every effect must arrive, always the same under its id, and the controls must lose some.

    Args:
        stage: where.
        asked: how much.
        told: is told how it goes.
    """
    begun = time.monotonic()
    clock = _Clock(time.time())
    kills, violations = _ours(stage, asked, clock, told)
    arrived = receipts(stage.folder / "receipts.txt")
    with stage.workspace() as place:
        figures, broken = _counted(place, stage, arrived)
    lost, skipped = _controls(stage, asked)
    violations += broken
    if not arrived or figures["doubled"] == 0:
        violations.append("no answer was ever lost, so the drill proves nothing; ask for more kills")
    if not lost:
        violations.append("the control that marks before it sends lost nothing, so the drill proves nothing")
    if skipped == 0:
        violations.append("the control that asks for what is after the last skipped nothing; ask again")
    figures = {"kills": kills, **figures, "control_lost": lost, "control_messages": _CONTROL_MESSAGES}
    told_skipped = "not on SQLite: it writes one at a time" if skipped is None else skipped
    figures |= {"control_skipped": told_skipped, "seconds": round(time.monotonic() - begun)}
    return DrillResult("effects", figures, violations)


def _ours(stage: Stage, asked: SendingUnderKills, clock: _Clock, told: Callable[[str], None]) -> tuple[int, list[str]]:
    """Kill until it is enough, then let the workers finish; how many kills, and what is stuck."""
    enough, over = stage.folder / "enough", stage.folder / "over"
    luck = random.Random(asked.seed)  # noqa: S311  not for secrets
    until, strike = time.monotonic() + asked.seconds, time.monotonic() + 1.0
    with Crew(stage.folder, luck).at_work() as crew, _sending(stage, clock) as log:
        crew.add("decider", _decide, stage, asked.size, enough)
        for number in range(_SENDERS):
            crew.add(f"sender-{number}", _send, stage, clock, over)
        while time.monotonic() < until:
            crew.tend(_TEND_SECONDS)
            if crew.kills < asked.kills:
                if time.monotonic() >= strike:
                    crew.kill_one()
                    strike = time.monotonic() + luck.uniform(*_PAUSE)
                    told(f"{crew.kills} of {asked.kills} kills")
                continue
            if _decided(stage) < asked.deliveries:
                continue
            enough.touch()
            if crew.have_ended("decider") and not over.exists() and _is_through(log, stage):
                over.touch()
            if crew.have_ended():
                return crew.kills, []
        return crew.kills, [f"not through after {asked.seconds:.0f} s: see {stage.folder}"]


def _is_through(log: CaseLog, stage: Stage) -> bool:
    """Whether nothing waits and nothing is to be planned; what was given up is asked for again."""
    if undelivered.counts(log, stage.name).given_up:
        undelivered.ask_again(log, stage.name, reason="drill", actor="drill")
    due = planned.due(log, stage.name, [planned.Wanted(_NAME)], limit=1)
    return not due.decisions and undelivered.counts(log, stage.name).waiting == 0


def _counted(place: Workspace, stage: Stage, arrived: list[tuple[str, str]]) -> tuple[dict[str, Any], list[str]]:
    """What must have arrived, computed from the decisions alone, against what did."""
    held = questions.effective(place.log, stage.name)
    pairs = zip(held["case_id"], held["revision"], strict=True)
    must = {planned.effect_id(stage.name, case_id, revision, _NAME) for case_id, revision in pairs}
    to_send = {name for name, body in planned.known_ids(place.log, stage.name).items() if body is not None}
    ids = Counter(name for name, _ in arrived)
    figures = {
        "decisions_in_force": len(must),
        "corrections": int((held["revision"] > 0).sum()),
        "effects": len(to_send),
        "skipped": len((must | to_send) - ids.keys()),
        "arrived": len(ids),
        "doubled": sum(times > 1 for times in ids.values()),
        "differing": len({*arrived}) - len(ids),
        "unknown": len(ids.keys() - to_send),
    }
    faults = [found.what for found in audit.verify(place.log)] + audit.check_invariants(place.log)
    broken = [f"{figures[name]} effects {name}" for name in ("skipped", "differing", "unknown") if figures[name]]
    return figures, broken + faults[:_SHOWN]


def _controls(stage: Stage, asked: SendingUnderKills) -> tuple[int, int | None]:
    """How many messages the first control lost, and how many the second skipped."""
    url = control_url(stage.settings.case_log_url, stage.folder)
    prepare_marking(url, _CONTROL_MESSAGES)
    sink = FlakySink(stage.folder / "control-receipts.txt")
    with Crew(stage.folder, random.Random(asked.seed)).at_work() as crew:  # noqa: S311
        for number in range(_SENDERS):
            crew.add(f"naive-{number}", send_after_marking, url, number, _SENDERS, sink)
        until = time.monotonic() + asked.seconds
        while time.monotonic() < until and not crew.have_ended():
            crew.tend(_TEND_SECONDS)
            if crew.kills < _CONTROL_KILLS:
                crew.kill_one()
    lost = lost_by_marking(url, {name for name, _ in receipts(sink.notes)})
    return lost, skipped_by_asking_after_the_last(stage.settings.case_log_url, asked.seed)
