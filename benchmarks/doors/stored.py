"""The same table into one case log through every door: nothing is new after the first, and nothing in conflict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pandas as pd
from sklearn.linear_model import LogisticRegression

from aiops_flows import Gate, ModelSpec, ReviewPolicy, UseCase
from aiops_flows.case_log import CaseLog, questions
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.workspace import Workspace
from benchmarks.doors.checking import Difference
from benchmarks.doors.doors import DOORS, outcomes_at_doors
from benchmarks.doors.table import Shipment, Table

__all__ = ["stored_differences"]

_SHIPMENTS = UseCase(
    name="shipments",
    case=Shipment,
    models=[
        ModelSpec(
            name="shipments-fate",
            features=["weight"],
            output="fate",
            estimator=LogisticRegression(),
            gates=[Gate("accuracy", at_least=0.5)],
        )
    ],
    review=ReviewPolicy(verdicts=["1", "2"], auto={}, due=timedelta(days=1)),
)


def stored_differences(random: Random, table: Table, home: Path) -> Iterator[Difference]:
    """What is new, or refused, where the first door stored the same before."""
    home.mkdir()
    settings = Settings(home=home)
    place = Workspace(
        CaseLog.open(f"sqlite:///{home / 'case_log.db'}"),
        Registry(settings.tracking_url, settings.model_cache),
        settings,
    )
    first: pd.DataFrame | None = None
    for door in DOORS:
        frame = take_in(place, _SHIPMENTS, DOORS[door](random, table, home), history=True)
        frame = frame.drop(columns=["batch", "received_at"])
        first = frame if first is None else first
        if not frame.equals(first):
            yield Difference(door, "the frame of a known batch differs")
    if len(questions.cases(place.log, "shipments")) != len(table) or len(questions.quarantine(place.log, "shipments")):
        yield Difference("all", "rows are in quarantine, or stored twice")
    yield from _outcomes(random, place, table)


def _outcomes(random: Random, place: Workspace, table: Table) -> Iterator[Difference]:
    """What became of the same outcomes through every door."""
    for number, source in enumerate(outcomes_at_doors(random, table)):
        told = record_outcomes(place, _SHIPMENTS, source)
        if (told.new, told.known, told.quarantined) != ((0, len(table), 0) if number else (len(table), 0, 0)):
            yield Difference("outcomes", f"{number}: {told}")
    place.log.close()
