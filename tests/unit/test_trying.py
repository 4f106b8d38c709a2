"""Rules, terms, slices and gates are tried when a use case is loaded, not after a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from aiops_flows.errors import UseCaseError
from aiops_flows.steps.trying import tried
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase


class Order(Case):
    """A small case."""

    amount: float
    region: str
    derived: ClassVar = {"large": lambda orders: orders.amount > 100}


RISK = ModelSpec(
    name="order-risk",
    features=["amount"],
    output="risk",
    estimator=DummyClassifier(),
    gates=[Gate("roc_auc", at_least=0.7), Gate("drift", at_most=0.05), Gate("accuracy", at_least=0.6, by="region")],
)
POLICY = ReviewPolicy(
    verdicts=["yes", "no"],
    auto={"yes": lambda orders: (orders.risk == "low") & orders.large & (orders.order < 5)},
    priority=lambda orders: orders.amount,
)
ORDERS = UseCase(
    name="orders", case=Order, models=[RISK], review=POLICY, terms={"order": lambda orders: orders.amount / 10}
)


def with_rule(rule: Callable[[pd.DataFrame], Any]) -> UseCase:
    return replace(ORDERS, review=replace(POLICY, auto={"yes": rule}))


def test_a_use_case_that_works_is_given_back() -> None:
    """Rules see fields, derived columns, predictions and terms."""
    assert tried(ORDERS) is ORDERS
    assert tried(ORDERS) is ORDERS


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda orders: orders.amout < 5, "uses 'amout'.*did you mean 'amount'"),
        (lambda orders: orders["amout"] < 5, "uses 'amout'.*did you mean 'amount'"),
        (lambda orders: orders.risc == "low", "uses 'risc'.*did you mean 'risk'"),
        (lambda orders: orders.nothing_like_it == 1, "uses 'nothing_like_it'.*it has case_id"),
        (lambda orders: True, "gave a bool for a frame of no cases"),  # noqa: ARG005
        (lambda orders: orders.amount < "5", "TypeError"),
        (lambda orders: orders.amount.map(unwritten), "unwritten"),  # type: ignore[name-defined] # noqa: F821
    ],
)
def test_a_rule_that_cannot_work_is_refused_when_it_is_loaded(
    rule: Callable[[pd.DataFrame], Any], message: str
) -> None:
    """Before a training or a batch, with the rule's verdict and the column that was meant."""
    with pytest.raises(UseCaseError, match=rf"(?s)rule for 'yes' of orders.*{message}"):
        tried(with_rule(rule))


def test_values_that_are_made_up_refuse_no_rule() -> None:
    """A rule may fail on values that the business never has."""
    tried(with_rule(lambda orders: orders.region.map(lambda region: {"north": 1}[region]) == 1))


@pytest.mark.parametrize(
    ("use_case", "message"),
    [
        (replace(ORDERS, review=replace(POLICY, priority=lambda orders: orders.amout)), "priority of orders.*'amout'"),
        (replace(ORDERS, terms={"order": lambda orders: orders.amout}), "term 'order' of orders.*'amout'"),
        (
            replace(ORDERS, models=[replace(RISK, gates=[Gate("accuracy", at_least=0.5, by=lambda o: o.amout)])]),
            "gate 'accuracy' of order-risk.*'amout'",
        ),
    ],
)
def test_every_declared_function_is_tried(use_case: UseCase, message: str) -> None:
    """Priority, terms and slices as well as rules."""
    with pytest.raises(UseCaseError, match=message):
        tried(use_case)


def test_a_derived_column_is_tried() -> None:
    """It is computed wherever cases become a frame, so a misspelt name would only show as missing values."""

    class Misspelt(Order):
        derived: ClassVar = {"large": lambda orders: orders.amout > 100}

    with pytest.raises(UseCaseError, match=r"derived column 'large' of Misspelt.*'amout'"):
        tried(replace(ORDERS, case=Misspelt))


def test_a_gate_on_an_unknown_metric_is_refused_before_the_training() -> None:
    """The closest metric of this kind of model is suggested; one of another kind is none."""
    wrong = replace(RISK, gates=[Gate("rocauc", at_least=0.7)])
    with pytest.raises(UseCaseError, match=r"not a metric of a classifier\. Did you mean 'roc_auc'"):
        tried(replace(ORDERS, models=[wrong]))
    of_quantities = replace(RISK, estimator=DummyRegressor(), gates=[Gate("roc_auc", at_least=0.7)])
    with pytest.raises(UseCaseError, match="not a metric of a regressor"):
        tried(replace(ORDERS, models=[of_quantities], review=ReviewPolicy(verdicts=["yes"]), terms={}))
