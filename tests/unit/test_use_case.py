"""A declaration that contradicts itself is refused where it is written, with the reason."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from aiops_flows.effects import Effect
from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.losses import beyond, wrong
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_error": 0.0}, "strictly between"),
        ({"confidence": 1.0}, "strictly between"),
        ({"max_error": {"no": 0.1, "perhaps": 0.1}}, "max_error names"),
        ({"max_error": {"yes": 0.1}}, "no limit for"),
        ({"max_error": {"no": 0.0}}, "strictly between"),
        ({"max_missed": 0.0}, "max_missed is 0.0"),
        ({"max_missed": {"yes": 1.5}}, "max_missed is 1.5"),
        ({"batch_false_alarms": 1.0}, "batch_false_alarms is 1.0"),
        ({"adverse": ["perhaps"]}, "adverse names"),
        ({"audit": 1.2}, "audit is 1.2; it is a share"),
        ({"second_readings": -0.1}, "second_readings is -0.1"),
        ({"known_cases": 2}, "known_cases is 2"),
        ({"audit_floor": -1}, "number of readings"),
        ({"audit_on_drift": 0.5}, "multiplies the audit share"),
        ({"valid_for": timedelta(0)}, "valid for some time"),
        ({"on_alarm": "shout"}, "choose one of"),
        ({"judged_by": []}, "names no outcome"),
        ({"judged_by": ["risk", "risk"]}, "twice"),
        ({"judged_by": {"risk": 0.1}}, "cannot be called"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    """Shares are shares, times are times, and the error says what was found."""
    with pytest.raises(UseCaseError, match=message):
        replace(POLICY, **change)  # type: ignore[arg-type]


AMOUNT = ModelSpec(name="order-amount", features=["amount"], output="needed", estimator=DummyRegressor())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"judged_by": "colour"}, "no model has the output"),
        ({"judged_by": ["risk", "colour"]}, "no model has the output"),
        ({"segments": "colour"}, "does not have"),
        ({"judged_by": ["risk", "needed"]}, "quantities, which are never exactly right"),
    ],
)
def test_a_policy_that_does_not_fit_its_use_case_is_refused(change: dict[str, object], message: str) -> None:
    """What it is judged by is predicted, its segments are a column of the case, and a quantity has a loss."""
    with pytest.raises(UseCaseError, match=message):
        replace(ORDERS, models=[RISK, AMOUNT], review=replace(POLICY, **change))  # type: ignore[arg-type]


def test_judges_are_named_in_any_form() -> None:
    """Nothing, one, several, or with losses: the first named is the verdict's judge."""
    near = beyond(0.1)
    assert ORDERS.judges == {"risk": None}
    assert replace(POLICY, judged_by=["needed", "risk"]).judges("") == {"needed": None, "risk": None}
    both = replace(ORDERS, models=[RISK, AMOUNT], review=replace(POLICY, judged_by={"risk": None, "needed": near}))
    assert both.judges == {"risk": None, "needed": near}
    assert both.judged_by == "risk"


def as_far(said: object, true: object) -> object:
    return said, true


OTHERS: dict[str, object] = {
    "four_eyes": True,
    "verdicts": ["yes", "no", "maybe"],
    "auto": {},
    "adverse": ["yes"],
    "allow_adverse": True,
    "judged_by": {"risk": beyond(0.1)},
    "max_error": 0.04,
    "max_missed": 0.1,
    "allow_naive": True,
    "pool_rare": False,
    "batch_false_alarms": 0.02,
    "confidence": 0.8,
    "segments": "region",
    "valid_for": timedelta(days=30),
    "audit": 0.1,
    "audit_floor": 5,
    "blind": False,
    "salt": "s",
    "audit_on_drift": 2.0,
    "approval_on_drift": True,
    "on_alarm": "roll back",
    "second_readings": 0.1,
    "known_cases": 0.1,
    "due": timedelta(days=1),
    "priority": risky,
    "terms": {"risk_of": risky},
}


def test_the_policy_version_covers_every_field() -> None:
    """Whatever changes in a policy, it is another one."""
    assert set(OTHERS) == {each.name for each in fields(POLICY)}
    versions = [replace(POLICY, **{name: value}).version for name, value in OTHERS.items()]  # type: ignore[arg-type]
    losses = [replace(POLICY, judged_by={"risk": loss}).version for loss in (None, beyond(0.2), as_far, wrong)]
    assert len({POLICY.version, *versions, *losses}) == 1 + len(versions) + len(losses)
    assert replace(POLICY, judged_by={"risk": beyond(0.1)}).version == versions[list(OTHERS).index("judged_by")]
    by_verdict = [replace(POLICY, max_error={"no": 0.05, "yes": share}).version for share in (0.01, 0.02)]
    by_class = [replace(POLICY, max_missed={"yes": share}).version for share in (0.01, 0.02)]
    assert len({POLICY.version, *by_verdict, *by_class}) == 5


def test_an_adverse_verdict_is_automatic_only_where_the_policy_allows_it() -> None:
    """A rule for a verdict that goes against somebody is refused at the declaration, unless it is allowed by name."""
    with pytest.raises(UseCaseError, match="adverse verdicts go to people"):
        replace(POLICY, adverse=["no"])
    assert replace(POLICY, adverse=["no"], allow_adverse=True).auto == POLICY.auto
    assert replace(POLICY, adverse=["yes"]).adverse == ["yes"]


def test_limits_may_differ_by_verdict_and_by_true_class() -> None:
    """A class without a limit of its own may be missed as often as the verdicts that are wrong for it may be wrong."""
    rules = {"no": risky, "yes": lambda orders: ~risky(orders)}
    policy = replace(POLICY, auto=rules, max_error={"no": 0.02, "yes": 0.10}, max_missed={"maybe": 0.5})
    assert (policy.error_limit("no"), policy.error_limit("yes"), policy.error_limit()) == (0.02, 0.10, 0.10)
    assert [policy.missed_limit(name) for name in ("yes", "no", "maybe", "other")] == [0.02, 0.10, 0.5, 0.10]
    assert replace(policy, max_missed=0.3).missed_limit("yes") == 0.3


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ([Effect("note", dict), Effect("note", dict)], "effect names"),
        ([Effect("note", dict, verdicts=["perhaps"])], "does not list"),
    ],
)
def test_an_effect_that_does_not_fit_its_use_case_is_refused(effects: list[Effect], message: str) -> None:
    """Each effect has a name of its own, and follows verdicts that can be given."""
    with pytest.raises(UseCaseError, match=message):
        replace(ORDERS, effects=effects)
    assert replace(ORDERS, effects=[Effect("note", dict, verdicts=["no"])]).effects
