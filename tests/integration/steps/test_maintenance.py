"""Machines from rows of sensors to a work order: two models, terms, a certificate over machines, findings, drift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from aiops_flows import UseCase
from aiops_flows.case_log import audit, questions
from aiops_flows.registry.trusted import OURS
from aiops_flows.replay.reproduce import reproduce
from aiops_flows.series.lives import life_outcomes
from aiops_flows.steps import promotion, training
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.parts import parts_of
from aiops_flows.steps.review import decide, review
from aiops_flows.steps.sensor_rows import past_looks
from aiops_flows.steps.workspace import Workspace
from flows.lookalike_machines import Fleet
from flows.maintenance import HORIZON, LONGEST_LIFE, MAINTENANCE, MachineState, failure, remaining, work_order
from tests.homes import living_in

USE_CASE: UseCase = replace(
    MAINTENANCE, review=replace(MAINTENANCE.review, max_error={"run on": 0.03, "service": 0.05})
)
"""A small fleet certifies less than the flow asks for."""


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """A year of pumps that ran until they failed."""
    return Fleet(60, seed=1, today=date(2025, 1, 1))


@pytest.fixture(scope="module")
def cycles(fleet: Fleet) -> pd.DataFrame:
    """Its rows."""
    return fleet.run(330)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, fleet: Fleet, cycles: pd.DataFrame) -> Iterator[Workspace]:
    """A home folder whose champions learned from it."""
    with living_in(tmp_path_factory.mktemp("home")):
        place = Workspace.here()
        cases = take_in(place, USE_CASE, cycles, history=True)
        assert len(cases) == len(past_looks(MachineState.rows, cycles))
        record_outcomes(
            place, USE_CASE, life_outcomes(cases, fleet.known_ends(), horizon=HORIZON, longest=LONGEST_LIFE)
        )
        as_of = datetime.combine(fleet.today, datetime.min.time(), UTC)
        for spec in (remaining, failure):
            trained = training.retrain(place, USE_CASE, spec, as_of=as_of)
            assert trained.passed, trained.reasons
            promotion.promote(place, USE_CASE, spec)
        yield place
        assert audit.verify(place.log) == []


def looked_at(place: Workspace, fleet: Fleet, cycles: pd.DataFrame) -> pd.DataFrame:
    """Three more days through the steps of the flow."""
    rows = pd.concat([cycles.tail(45 * fleet.machines), fleet.run(3)], ignore_index=True)
    cases = take_in(place, USE_CASE, rows)
    for spec in USE_CASE.models:
        cases = predict(place, USE_CASE, spec, cases)
    return review(place, USE_CASE, cases)


def test_machines_go_from_rows_to_work_orders_and_findings_come_back(
    place: Workspace, fleet: Fleet, cycles: pd.DataFrame
) -> None:
    """What pays is serviced, with its terms in the order; sent again nothing changes; a finding is an outcome."""
    before = len(questions.cases(place.log, USE_CASE.name))
    looked = looked_at(place, fleet, cycles)
    assert looked["machine"].is_unique
    by_policy = looked[looked["verdict_by"] == "policy"]
    assert len(by_policy) > 0.5 * len(looked)
    assert (by_policy["verdict"] == np.where(by_policy["saving"] > 0, "service", "run on")).all()
    quantiles = looked[remaining.quantile_columns].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert ((quantiles >= 0) & (quantiles <= LONGEST_LIFE)).all()
    assert (looked["service_by"] >= looked["age"]).all()
    assert list(work_order(dict(zip(map(str, looked), looked.iloc[0], strict=True)))) == [
        "case_id",
        "machine",
        "age",
        "risk",
        "service_by",
    ]

    chosen = by_policy.iloc[0]["case_id"]
    decide(
        place, USE_CASE, chosen, verdict="run on", reason="opened", actor="t", outcomes={"failure": "no"}, replaces=0
    )
    told = questions.outcomes(place.log, USE_CASE.name, name="failure", case_ids=[chosen])
    assert told["value"].tolist() == ["no"]

    assert len(questions.cases(place.log, USE_CASE.name)) == before + len(looked)
    again = reproduce(place, USE_CASE)
    assert again.decisions == len(by_policy)
    assert again.holds, again.differences[:3]
    assert again.worst <= 1e-9


def test_looks_at_one_machine_stay_in_one_part(place: Workspace) -> None:
    """No model is judged or certified on a machine it has learned from."""
    stored = questions.cases(place.log, USE_CASE.name)
    machine = stored["case_id"].str.split("/").str[0]
    parts = pd.Series(parts_of(USE_CASE, stored.assign(value="no", known_at=stored["received_at"])))
    assert parts.groupby(machine.to_numpy()).nunique().max() == 1
    assert set(parts) == {"train", "judge", "certify"}


def test_a_model_file_of_windows_needs_no_trust_of_its_user() -> None:
    """The estimators of machines are on the library's list."""
    names = {"windows.WindowParts", "quantile_regressor.QuantileRegressor"}
    assert {f"aiops_flows.estimators.{name}" for name in names} <= OURS
