"""Pumps that wear: which fail before the next look, which are serviced now, and by when the others are due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from prefect import flow
from pydantic import PositiveFloat, PositiveInt
from sklearn.dummy import DummyClassifier

from aiops_flows import Case, Effect, Gate, ModelSpec, ReviewPolicy, UseCase, deliver, intake, predict, review
from aiops_flows.evidence.losses import share_of_worst
from aiops_flows.series.windows import SensorGaps, SensorLevel, Windows
from aiops_flows.steps.sensor_rows import SensorRows
from aiops_flows.work_orders import ExpectedSaving, FailureRisk, ServiceBy, WorkOrderCost
from flows.machine_estimators import failure_risk, remaining_life

if TYPE_CHECKING:
    import pandas as pd

LOOK, HORIZON, LONGEST_LIFE = 3, 6, 60  # days: between looks, until a crew is there as well, and told at most
SENSORS = ["vibration", "temperature", "pressure", "voltage"]


class MachineState(Case):
    """A pump on the morning of a look: its age, and what its sensors said in the thirty days before."""

    rows: ClassVar = SensorRows(SENSORS, every=LOOK, limits={"voltage": (100, 400), "temperature": (-50, 200)})
    machine: str
    age: PositiveInt  # days since it was new or overhauled
    sensors: Windows
    service_cost: PositiveFloat  # EUR of a planned service
    failure_cost: PositiveFloat  # EUR that a failure costs more
    early_cost: PositiveFloat  # EUR lost by servicing now and not at the next look
    derived: ClassVar = {"voltage": SensorLevel("sensors", "voltage"), "gaps": SensorGaps("sensors")}


def work_order(machine: Mapping[str, Any]) -> dict[str, Any]:
    """What the workshop is sent: which machine, why, and the age by which it is due at the latest."""
    return {name: machine[name] for name in ("case_id", "machine", "age", "risk", "service_by")}


WATCHED = ["voltage", "gaps"]  # what wear does not move: all else drifts as each pump ages, and is meant to
failure = ModelSpec(
    name="maintenance-failure", features=["sensors", "age"], output="failure", estimator=failure_risk(),
    baseline=DummyClassifier(strategy="prior"), cost=WorkOrderCost(), watched=WATCHED, watched_by="machine",
    gates=[Gate("average_precision", at_least=0.3, max_drop=0.05), Gate("calibration_error", at_most=0.05),
           Gate("mean_cost", max_drop_share=0.25, beats_baseline=True)],
)  # fmt: skip
remaining = ModelSpec(
    name="maintenance-remaining", features=["sensors", "age", "machine"], output="remaining",
    estimator=remaining_life(LONGEST_LIFE), watched=WATCHED, watched_by="machine",
    gates=[Gate("mean_absolute_error", max_drop=1.0, beats_baseline=True), Gate("coverage_error", at_most=0.1)],
)  # fmt: skip

MAINTENANCE = UseCase(
    name="maintenance", case=MachineState, models=[failure, remaining], cut="machine",
    terms={"risk": FailureRisk(), "saving": ExpectedSaving(), "service_by": ServiceBy()},
    review=ReviewPolicy(
        verdicts=["run on", "service"], auto={"run on": lambda m: m.saving <= 0, "service": lambda m: m.saving > 0},
        judged_by={"failure": share_of_worst(WorkOrderCost(), "failure_cost")},
        max_error={"run on": 0.01, "service": 0.05},  # 90 and 450 of 9,000 EUR: a service in vain costs its price
        allow_naive=True,  # a service pays by its own limit, though leaving every machine alone loses little on average
        confidence=0.90, audit=0.05, due=timedelta(days=1), priority=lambda m: m.saving,
    ),
    effects=[Effect("work-order", work_order, verdicts=["service"])],
)  # fmt: skip


@flow
def maintenance(source: str, sink: str | None = None) -> pd.DataFrame:
    """Look at the machines of a file or inbox folder: risk, remaining life, a work order or a technician's look."""
    machines = intake(MAINTENANCE, source)
    for model in MAINTENANCE.models:
        machines = predict(MAINTENANCE, model, machines)
    machines = review(MAINTENANCE, machines)
    if sink:
        deliver(MAINTENANCE, sink)
    return machines
