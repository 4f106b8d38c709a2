"""What the processes of a drill do: send cases in, and work on them until a person must."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import Lease, leases
from aiops_flows.drill.stage import Stage
from aiops_flows.errors import BatchBusy, LeaseLost
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.review import review
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["accepted", "case_ids", "delivery", "drop", "finish_cases", "hand_over", "produce", "sent", "work"]

_IDLE_SECONDS = 0.02
_BACKLOG = 5  # files that wait: beyond it the workers, who are killed, would need hours afterwards


def case_ids(use_case: UseCase, rows: Iterable[dict[str, Any]]) -> list[str]:
    """The ids that rows give to their cases."""
    names = ("case_id", use_case.case.source_name("case_id"))
    return [str(next(row[name] for name in names if name in row)).strip() for row in rows]


def delivery(stage: Stage, producer: int, number: int, size: int) -> list[dict[str, Any]]:
    """The rows of one delivery of one producer; asked again, the same."""
    return stage.rows(size, producer * 1_000_000 + number)


def produce(stage: Stage, producer: int, size: int, enough: Path) -> None:
    """Send delivery after delivery until it is enough; some as files, some as rows, some twice and shuffled.

    An id is noted as accepted once its intake returned, or its file lies in the inbox.
    """
    notes = stage.folder / f"accepted-{producer}.txt"
    number = sent(notes)
    with stage.workspace() as place:
        while not enough.exists():
            if sum(1 for _ in stage.inbox.glob("*.jsonl")) > _BACKLOG:
                time.sleep(_IDLE_SECONDS)
                continue
            rows = delivery(stage, producer, number, size)
            if number % 2:
                drop(stage.inbox, f"{producer}-{number:06d}.jsonl", rows)
            else:
                _send(place, stage.use_case, rows)
            _note(notes, case_ids(stage.use_case, rows))
            if number % 3 == 2:  # every third is followed by an earlier one, in another order
                again = delivery(stage, producer, random.randrange(number), size)  # noqa: S311
                random.shuffle(again)
                _send(place, stage.use_case, again)
            number += 1


def sent(notes: Path) -> int:
    """How many deliveries were acknowledged to this producer."""
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def accepted(folder: Path) -> set[str]:
    """Every id that was acknowledged to a producer."""
    return {
        name
        for notes in folder.glob("accepted-*.txt")
        for line in notes.read_text().splitlines()
        for name in json.loads(line)
    }


def _note(notes: Path, ids: list[str]) -> None:
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, (json.dumps(ids) + "\n").encode())
    os.close(file)


def drop(inbox: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Put rows into an inbox, as a whole file or not at all."""
    half = inbox / f"{name}.part"
    half.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
    half.rename(inbox / name)


def _send(place: Workspace, use_case: UseCase, rows: list[dict[str, Any]]) -> None:
    """Take rows in and leave them to the workers."""
    hand_over(place, use_case, take_in(place, use_case, rows))


def hand_over(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> None:
    """Leave cases that were taken in to whoever works on what was left."""
    for token in sorted(set(cases["batch"])):
        try:
            leases.release(place.log, Lease.parse(use_case.name, token))
        except LeaseLost:  # somebody has it already
            continue


def work(stage: Stage, over: Path) -> None:
    """Work on whatever waits in the inbox, or was left by others, until all is over."""
    with stage.workspace() as place:
        while not over.exists():
            try:
                cases = take_in(place, stage.use_case, stage.inbox)
            except BatchBusy:
                continue
            if cases.empty:
                time.sleep(_IDLE_SECONDS)
            else:
                finish_cases(place, stage.use_case, cases)


def finish_cases(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with predictions and verdicts."""
    for spec in use_case.models:
        cases = predict(place, use_case, spec, cases)
    return review(place, use_case, cases)
