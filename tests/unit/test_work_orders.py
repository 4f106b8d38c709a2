"""Work orders: the risk read from an answer, the saving, what a choice cost, and the cheapest age of service."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import UseCaseError
from aiops_flows.work_orders import ExpectedSaving, FailureRisk, ServiceBy, WorkOrderCost, cheapest_age


def answered() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "failure": ["yes", "no", "no", None],
            "failure_confidence": [0.7, 0.95, 0.999, np.nan],
            "failure_cost": 9_000.0,
            "early_cost": 300.0,
        }
    )


def test_risk_and_saving_follow_from_the_answer() -> None:
    """The risk is the probability of a failure, whichever class was said; a missing answer has neither."""
    frame = answered()
    frame["risk"] = FailureRisk()(frame)
    np.testing.assert_allclose(frame["risk"], [0.7, 0.05, 0.001, np.nan])
    np.testing.assert_allclose(ExpectedSaving()(frame), [6_000, 150, -291, np.nan])


def test_a_choice_costs_what_it_lost_beside_hindsight() -> None:
    """A needless service costs early work, a missed failure what service saves; what was not said ran on."""
    frame = answered().assign(saving=[1.0, 1.0, -1.0, np.nan])
    assert WorkOrderCost()(frame, np.array(["yes", "no", "yes", "yes"], dtype=object)).tolist() == [
        0,
        300,
        8_700,
        8_700,
    ]
    assert WorkOrderCost()(frame, np.array(["no", "yes", "no", "no"], dtype=object)).tolist() == [300, 0, 0, 0]


def test_acting_on_the_expected_saving_is_the_cheapest_rule() -> None:
    """Where risks are true, no other threshold on them costs less on average than the one the costs give."""
    random = np.random.default_rng(0)
    risk = random.beta(0.5, 4.0, 20_000)
    frame = pd.DataFrame({"risk": risk, "failure_cost": 9_000.0, "early_cost": 300.0})
    truth = np.where(random.random(len(risk)) < risk, "yes", "no").astype(object)
    ours = WorkOrderCost()(frame.assign(saving=ExpectedSaving()(frame)), truth).mean()
    others = [WorkOrderCost()(frame.assign(saving=risk - limit), truth).mean() for limit in (0.0, 0.01, 0.1, 0.5, 1.0)]
    assert ours < min(others)


def test_the_age_of_service_moves_with_costs_and_life() -> None:
    """Dear failures bring it forward, a dear service puts it off, and a machine that will last is left alone."""
    levels, quantiles = np.array([0.05, 0.25, 0.5, 0.75, 0.95]), np.array([[20.0, 40.0, 50.0, 60.0, 80.0]])
    age = np.array([100.0])

    def best(service: float, failure: float, left: float = 0.0) -> float:
        return float(cheapest_age(quantiles + left, levels, age, np.array([service]), np.array([failure]))[0])

    assert best(1.0, 1_000.0) == 100.0
    assert 100.0 < best(10.0, 30.0) <= best(100.0, 30.0)
    assert best(10.0, 30.0, left=30.0) > best(10.0, 30.0)


def test_quantiles_at_a_limit_count_as_that_long() -> None:
    """A remaining life that is told up to 60 only does not fail at 60: the machine may run until then."""
    levels, quantiles = np.array([0.05, 0.5, 0.95]), np.array([[58.0, 60.0, 60.0]])
    cost = np.array([3_000.0]), np.array([9_000.0])
    assert cheapest_age(quantiles, levels, np.array([10.0]), *cost).tolist() == [68.0]


def test_an_age_is_told_for_each_row_by_what_its_version_knows() -> None:
    """A version with fewer levels is judged by these; alone or together each row gets the same."""
    frame = pd.DataFrame(
        {
            "remaining_q5": [20.0, np.nan, np.nan], "remaining_q50": [50.0, 50.0, np.nan],
            "remaining_q97_5": [90.0, 90.0, np.nan], "age": 100, "service_cost": 10.0, "failure_cost": 30.0,
        }
    )  # fmt: skip
    together = ServiceBy()(frame)
    assert together[2] is None
    assert together == [ServiceBy()(frame.iloc[[place]])[0] for place in range(3)]
    assert all(isinstance(each, int) for each in together[:2])
    assert ServiceBy()(frame[["age", "service_cost", "failure_cost"]]) == [None] * 3


def test_a_column_that_is_not_there_is_named() -> None:
    """The error names it and what to do; a number stands for a column."""
    with pytest.raises(UseCaseError, match=r"'early_cost'.*or give a number"):
        ExpectedSaving()(pd.DataFrame({"risk": [0.1], "failure_cost": [10.0]}))
    assert ExpectedSaving(failure=10.0, early=2.0)(pd.DataFrame({"risk": [0.5]})).tolist() == [3.0]
