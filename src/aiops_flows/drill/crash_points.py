"""Dying at every n-th statement or commit of a batch's whole life, and doing the same again (P3, P10)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aiops_flows.case_log import audit, noticing, questions
from aiops_flows.drill.counting import count
from aiops_flows.drill.processes import begin
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage, champions
from aiops_flows.drill.work import case_ids, drop, finish_cases
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["crash_points", "live"]

_DIED = 99
_ROWS = 6
_KNOWN = "2026-04-01T00:00:00Z"


def live(stage: Stage, die_at: int = 0) -> None:
    """The whole life of a batch: taken in from an inbox, predicted, decided, answered by a person, with outcomes.

    At the event ``die_at`` (a begin, statement or commit) the process ends without a word.
    """
    use_case = stage.use_case
    rows = stage.rows(_ROWS, 0)
    with stage.workspace() as place:
        if die_at:
            noticing.notice(place.log, _dying(die_at))
        finish_cases(place, use_case, take_in(place, use_case, stage.inbox))
        _answer(place, use_case)
        names = case_ids(use_case, rows)
        record_outcomes(place, use_case, [_outcome(use_case, name) for name in names])


def _dying(die_at: int) -> Callable[[str], None]:
    seen = 0

    def told(_happening: str) -> None:
        nonlocal seen
        seen += 1
        if seen == die_at:
            os._exit(_DIED)

    return told


def _answer(place: Workspace, use_case: UseCase) -> None:
    """A person answers every case that waits for one."""
    for case_id in sorted(questions.open_reviews(place.log, use_case.name)["case_id"]):
        decide(place, use_case, case_id, verdict=use_case.review.verdicts[0], reason="a drill", actor="drill")


def _outcome(use_case: UseCase, case_id: str) -> dict[str, Any]:
    told = {spec.output: 1.0 if spec.kind == "regressor" else use_case.review.verdicts[0] for spec in use_case.models}
    return {"case_id": case_id, "known_at": _KNOWN, "event_at": _KNOWN, **told}


def crash_points(stage: Stage, *, every: int = 1, told: Callable[[str], None] = lambda _: None) -> DrillResult:
    """Die at each n-th event in turn, each time with a fresh batch, and do the same again until it is through.

    Args:
        stage: where.
        every: only each so many-th event.
        told: is told how it goes.
    """
    expected = _counts(_through(stage, "whole", []))
    violations: list[str] = []
    points = 0
    for die_at in range(1, 100_000, every):
        told(f"event {die_at}")
        scene = _scene(stage, f"point-{die_at}")
        if _run(scene, die_at) != _DIED:
            break
        points += 1
        found = _counts(_through(scene, f"point-{die_at}", violations, ready=True))
        if found != expected:
            violations.append(f"after dying at event {die_at}: {_difference(found, expected)}")
    with stage.workspace() as place:
        counted = count(place, stage.name)
    figures = {"points": points, "every": every, "violations": len(violations), "without_audit": counted.without_audit}
    return DrillResult("crash-points", figures, violations + counted.faults)


def _scene(stage: Stage, name: str) -> Stage:
    """A use case and an inbox of its own, with one file in it."""
    scene = dataclasses.replace(stage, name=f"{stage.name}-{name}", folder=stage.folder / name)
    with scene.workspace() as place:
        champions(place, scene.use_case)
    drop(scene.inbox, "cases.jsonl", scene.rows(_ROWS, 0))
    return scene


def _run(scene: Stage, die_at: int) -> int | None:
    process = begin(live, scene, die_at, notes=scene.folder / "notes.txt")
    process.join()
    return process.exitcode


def _through(stage: Stage, name: str, violations: list[str], *, ready: bool = False) -> Stage:
    """Live through it, twice: the second time must write nothing."""
    scene = stage if ready else _scene(stage, name)
    if _run(scene, 0) != 0:
        violations.append(f"{name}: the same again did not come through, see {scene.folder / 'notes.txt'}")
    with scene.workspace() as place:
        before = audit.head(place.log)[scene.name]
        _restore(scene.inbox)
        live(scene)
        if audit.head(place.log)[scene.name] != before:
            violations.append(f"{name}: running it once more wrote something")
    return scene


def _restore(inbox: Path) -> None:
    for file in (inbox / "done").glob("*"):
        file.rename(inbox / file.name)


def _counts(scene: Stage) -> dict[str, int]:
    with scene.workspace() as place:
        rows: Iterable[dict[Any, Any]] = questions.counts(place.log, scene.name).to_dict("records")
        found = {str(name): int(value) for row in rows for name, value in row.items() if name != "use_case"}
        decided = questions.effective(place.log, scene.name)
        return {**found, "decisions": len(decided), "revisions": int(decided["revision"].sum())}


def _difference(found: dict[str, int], expected: dict[str, int]) -> str:
    differing = [name for name in expected if found.get(name) != expected[name]]
    return ", ".join(f"{name} {found.get(name)} (expected {expected[name]})" for name in differing)
