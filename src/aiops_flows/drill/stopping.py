"""Automatic decisions are stopped while workers are busy and one is paused: none may be committed afterwards (P16)."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from aiops_flows.case_log import alarms, audit, holds, noticing, promotions, questions, versions
from aiops_flows.drill.counting import count
from aiops_flows.drill.naive import NaiveDatabase, control_url
from aiops_flows.drill.pausing import go_on, stands_still
from aiops_flows.drill.processes import Crew, begin
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage
from aiops_flows.drill.work import drop, work
from aiops_flows.errors import LeaseLost
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.review import review
from aiops_flows.steps.workspace import Workspace

__all__ = ["naive_deciding", "stopping"]

_WAYS = {"hold": "hold", "hold of all": "", "alarm": "alarm", "certificate": "evidence"}
"""The ways to stop, and the kind of the audit row that each writes; that of all use cases is in another chain."""
_WORKERS = 2
_AT_ONCE = 5  # cases a transaction: a frame takes many, so that a stop comes in its middle
_EARLIEST, _LATEST = 8, 16  # transactions of a review, from its plan to the middle of its writes
_BUSY_AT = 10  # automatic decisions of a round before it is stopped
_LOOK_SECONDS = 0.01
_REST_SECONDS = 0.25  # between two looks at whether all is done, which counts every table
_PATIENCE_SECONDS = 60.0
_CONTROL_FRAME = 500


@dataclass(frozen=True)
class _Stopped:
    """What one stop came to."""

    before: int
    """Automatic decisions of the round that were committed before the call returned."""
    after: int
    """Those that were committed afterwards."""
    paused: bool
    """Whether a worker stood still in the middle of its frame."""


def stopping(
    stage: Stage,
    *,
    rounds: int = 8,
    size: int = 100,
    seed: int = 0,
    told: Callable[[str], None] = lambda _: None,
) -> DrillResult:
    """Stop automatic decisions again and again by a hold, a hold of all, an alarm and the end of the certificate.

    Two workers are busy, and one stands still in the middle of its frame until the call has returned.

    Args:
        stage: where.
        rounds: how often it is stopped.
        size: cases a delivery.
        seed: for the times at which the paused worker stands still.
        told: is called with how it goes.
    """
    luck = random.Random(seed)  # noqa: S311  not for secrets
    begun = time.monotonic()
    stage = replace(stage, settings=stage.settings.model_copy(update={"batch_size": _AT_ONCE}))
    over = stage.folder / "over"
    stops: list[_Stopped] = []
    with Crew(stage.folder, luck).at_work() as crew:
        for number in range(_WORKERS):
            crew.add(f"worker-{number}", work, stage, over)
        for number in range(rounds):
            stops.append(_stop_once(stage, number, size, luck.randint(_EARLIEST, _LATEST)))
            told(f"{number + 1} of {rounds} stops")
        over.touch()
        while not crew.have_ended():
            crew.tend(_LOOK_SECONDS)
    with stage.workspace() as place:
        counted = count(place, stage.name)
    control = _control(stage)
    violations = [
        f"stop {number} by {_way(number)}: {stop.after} automatic decisions were committed afterwards"
        for number, stop in enumerate(stops)
        if stop.after
    ]
    if not all(stop.before for stop in stops):
        violations.append("a stop came before any automatic decision, so the drill proves nothing; ask for larger ones")
    if not control:
        violations.append("the naive control stopped as well, so the drill proves nothing")
    figures = {
        "stops": len(stops),
        "decided_before": sum(stop.before for stop in stops),
        "decided_afterwards": sum(stop.after for stop in stops),
        "workers_paused": sum(stop.paused for stop in stops),
        "control_decided_afterwards": control,
        "seconds": round(time.monotonic() - begun, 1),
    }
    return DrillResult("stopping", {**figures, **counted.figures()}, violations + counted.violations)


def _way(number: int) -> str:
    return list(_WAYS)[number % len(_WAYS)]


def _aside(stage: Stage) -> Stage:
    """The same place with an inbox of its own."""
    return replace(stage, folder=stage.folder / "aside")


def _stop_once(stage: Stage, number: int, size: int, stop_at: int) -> _Stopped:
    """Stop automatic decisions once, while all workers are in the middle of a frame; what was committed when."""
    with stage.workspace() as place:
        drop(_aside(stage).inbox, f"{number:04d}.jsonl", stage.rows(size, number * 100 + 99))
        stopped = stage.folder / f"stopped-{number}"
        worker = begin(_paused_work, _aside(stage), stop_at, stopped, notes=stage.folder / "notes.txt")
        paused = stands_still(worker, stopped)
        first = audit.head(place.log).get(stage.name, (0, ""))[0]
        for part in range(_WORKERS):
            drop(stage.inbox, f"{number:04d}-{part}.jsonl", stage.rows(size, number * 100 + part))
        _wait(lambda: audit.automatic_since(place.log, stage.name, first) >= _BUSY_AT, _LOOK_SECONDS)
        way = _way(number)
        start_again = _STOPS[way](place, stage)
        returned = audit.head(place.log)[stage.name][0]
        if kind := _WAYS[way]:  # nothing may come between the stop itself and the return of its call either
            returned = audit.latest_seq(place.log, stage.name, kind=kind)
        if paused:
            go_on(worker)
        _wait(lambda: not _waits(place, stage), _REST_SECONDS)
        after = audit.automatic_since(place.log, stage.name, returned)
        start_again()
        return _Stopped(audit.automatic_since(place.log, stage.name, first) - after, after, paused)


def _paused_work(stage: Stage, stop_at: int, stopped: Path) -> None:
    """Work on the inbox, standing still before one of the transactions of its review until somebody says to go on."""
    seen = 0

    def told(happening: str) -> None:
        nonlocal seen
        seen += happening == "begin"
        if seen == stop_at and not stopped.exists():
            stopped.touch()
            os.kill(os.getpid(), signal.SIGSTOP)

    use_case = stage.use_case
    with stage.workspace() as place:
        cases = take_in(place, use_case, stage.inbox)
        for spec in use_case.models:
            cases = predict(place, use_case, spec, cases)
        noticing.notice(place.log, told)
        with suppress(LeaseLost):
            review(place, use_case, cases)


def _wait(done: Callable[[], bool], look_seconds: float) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not done() and time.monotonic() < until:
        time.sleep(look_seconds)


def _waits(place: Workspace, stage: Stage) -> bool:
    """Whether any case is neither decided nor in review yet."""
    if any(stage.inbox.glob("*.jsonl")):
        return True
    counts = questions.counts(place.log, stage.name)
    return int(counts[["history", "unfinished", "open_batches"]].to_numpy().sum()) > 0


# --- the ways to stop, each with how it is started again -----------------------------------------------------------


def _by_hold(place: Workspace, stage: Stage) -> Callable[[], object]:
    number = holds.hold(place.log, stage.name, reason="a drill", actor="drill")
    return lambda: holds.release(place.log, stage.name, number, reason="a drill", actor="drill")


def _by_hold_of_all(place: Workspace, stage: Stage) -> Callable[[], object]:  # noqa: ARG001  it stops every one
    number = holds.hold(place.log, holds.ALL, reason="a drill", actor="drill")
    return lambda: holds.release(place.log, holds.ALL, number, reason="a drill", actor="drill")


def _by_alarm(place: Workspace, stage: Stage) -> Callable[[], object]:
    model = _judge(stage)
    number = alarms.raise_alarm(
        place.log,
        stage.name,
        model=model,
        version=None,
        kind="error",
        action="to people",
        reason="a drill",
        evidence="{}",
        actor="drill",
    )

    def clear() -> None:
        for actor in ("drill", "a second person"):  # where the model asks for four eyes
            alarms.clear(place.log, stage.name, number, reason="a drill", actor=actor)

    return clear


def _by_certificate(place: Workspace, stage: Stage) -> Callable[[], object]:
    model = _judge(stage)
    champion = promotions.champion(place.log, stage.name, model)
    version = champion.version if champion else 0
    record = versions.get(place.log, stage.name, model, version)
    ended = json.dumps(json.loads(str(record.certificate)) | {"expires_at": "2000-01-01T00:00:00+00:00"})

    def attach(certificate: str) -> None:
        versions.attach_evidence(
            place.log,
            stage.name,
            model,
            version,
            evidence=str(record.evidence),
            evidence_digest=str(record.evidence_digest),
            certificate=certificate,
            actor="drill",
        )

    attach(ended)
    return lambda: attach(str(record.certificate))


def _judge(stage: Stage) -> str:
    use_case = stage.use_case
    return use_case.model(use_case.judged_by).name


_STOPS: dict[str, Callable[[Workspace, Stage], Callable[[], object]]] = {
    "hold": _by_hold,
    "hold of all": _by_hold_of_all,
    "alarm": _by_alarm,
    "certificate": _by_certificate,
}


# --- the control ---------------------------------------------------------------------------------------------------


def naive_deciding(url: str, worker: int) -> None:
    """Ask once a frame whether policy may decide, then write its decisions, each in a transaction of its own."""
    database = NaiveDatabase(url)
    frame = 0
    while not database.run("SELECT stopped FROM drill_naive_stop")[0][0]:
        database.connection.commit()
        for number in range(_CONTROL_FRAME):
            database.write("INSERT INTO drill_naive_stop_decisions VALUES (?)", f"{worker}-{frame}-{number}")
        frame += 1


def _control(stage: Stage) -> int:
    """How many decisions two naive workers commit after they were stopped."""
    url = control_url(stage.settings.case_log_url, stage.folder)
    database = NaiveDatabase(url)
    for table, column in (("drill_naive_stop", "stopped INTEGER"), ("drill_naive_stop_decisions", "case_id TEXT")):
        database.write(f"DROP TABLE IF EXISTS {table}")
        database.write(f"CREATE TABLE {table} ({column})")
    database.write("INSERT INTO drill_naive_stop VALUES (0)")
    workers = [begin(naive_deciding, url, each, notes=stage.folder / "naive.txt") for each in range(_WORKERS)]
    _wait(lambda: _naive_decisions(database) > _BUSY_AT, _LOOK_SECONDS)
    database.write("UPDATE drill_naive_stop SET stopped = 1")
    returned = _naive_decisions(database)
    for worker in workers:
        worker.join(_PATIENCE_SECONDS)
    after = _naive_decisions(database) - returned
    database.connection.close()
    return after


def _naive_decisions(database: NaiveDatabase) -> int:
    found = int(database.run("SELECT count(*) FROM drill_naive_stop_decisions")[0][0])
    database.connection.commit()
    return found
