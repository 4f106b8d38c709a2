"""A declaration that contradicts itself is refused where it is written, with the reason."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from aiops_flows.errors import UseCaseError
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase, load_use_case


class Order(Case):
    """A small case."""

    amount: float
    region: str


def risky(orders: pd.DataFrame) -> pd.Series[bool]:
    return orders["risk"] == "no"


RISK = ModelSpec(name="order-risk", features=["amount"], output="risk", estimator=DummyClassifier())
POLICY = ReviewPolicy(verdicts=["yes", "no"], auto={"no": risky})
ORDERS = UseCase(name="orders", case=Order, models=[RISK], review=POLICY)


def test_a_gate_without_a_bound_is_refused() -> None:
    """A gate that everything passes is no gate."""
    with pytest.raises(UseCaseError, match="no bound"):
        Gate("roc_auc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ["colour"]}, "does not have"),
        ({"features": []}, "no features"),
        ({"name": "Order Risk"}, "lower-case"),
        ({"output": "amount"}, "rename the output"),
        ({"output": "order risk"}, "identifier"),
        ({"output": "batch"}, "rename the outputs"),
        ({"output": "verdict"}, "rename the outputs"),
        ({"watched": ["colour"]}, "does not have"),
    ],
)
def test_a_model_that_does_not_fit_its_case_is_refused(change: dict[str, object], message: str) -> None:
    """Every column a model names is a column of the case, and its output is a new one."""
    with pytest.raises(UseCaseError, match=message):
        replace(ORDERS, models=[replace(RISK, **change)])  # type: ignore[arg-type]


def test_a_rule_for_an_unknown_verdict_is_refused() -> None:
    """Policy gives only verdicts that people could give."""
    with pytest.raises(UseCaseError, match="does not list"):
        ReviewPolicy(verdicts=["yes"], auto={"maybe": risky})


def test_two_models_with_one_output_are_refused() -> None:
    """A column of the frame has one source."""
    with pytest.raises(UseCaseError, match="must differ"):
        replace(ORDERS, models=[RISK, replace(RISK, name="other-risk")])
    with pytest.raises(UseCaseError, match="risk_confidence"):
        replace(ORDERS, models=[RISK, replace(RISK, name="other-risk", output="risk_confidence")])


def test_the_policy_version_changes_with_a_rule() -> None:
    """Another rule is another policy, even under the same name."""
    other = ReviewPolicy(verdicts=["yes", "no"], auto={"no": lambda orders: orders["amount"] < 1})
    assert other.version != POLICY.version
    assert replace(POLICY, max_error=0.04).version != POLICY.version
    assert ReviewPolicy(verdicts=["yes", "no"], auto={"no": risky}).version == POLICY.version


def test_a_model_knows_whether_it_gives_classes_or_quantities() -> None:
    """The kind follows from the estimator, wherever it stands."""
    assert RISK.kind == "classifier"
    assert replace(RISK, estimator=DummyRegressor()).kind == "regressor"


def test_a_use_case_is_found_by_its_path() -> None:
    """A deployment carries a use case as a string."""
    assert load_use_case("flows.claims:CLAIMS").name == "claims"


@pytest.mark.parametrize(
    "path", ["flows.nothing:CLAIMS", "flows.claims:NOTHING", "flows.claims:Claim", "", "flows claims"]
)
def test_a_path_without_a_use_case_says_what_was_expected(path: str) -> None:
    """The error names the path and the form expected."""
    with pytest.raises(UseCaseError, match=r"UseCase|use case"):
        load_use_case(path)
