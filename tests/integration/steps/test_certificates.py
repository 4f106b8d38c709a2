"""Nothing is decided without a certificate for exactly what decides: the rules, and the versions of all models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aiops_flows.case_log import promotions, questions, versions
from aiops_flows.steps.certifying import Certificate, rule_verdicts
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.promotion import promote, rollback
from aiops_flows.steps.recall import recall
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ReviewPolicy, UseCase
from tests.integration.steps.test_life_of_a_use_case import NOW, go, learn
from tests.parcels import PARCELS, cost, late, make_parcels

NA_RULES: dict[str, Callable[[pd.DataFrame], object]] = {
    "nullable": lambda _: pd.Series([True, pd.NA, False], dtype="boolean"),
    "objects": lambda _: pd.Series([True, pd.NA, None], dtype=object),
    "numbers": lambda _: np.array([1.0, np.nan, 0.0]),
    "plain": lambda _: [True, False, False],
}


@pytest.mark.parametrize("kind", NA_RULES)
def test_a_rule_that_cannot_tell_does_not_hold(kind: str) -> None:
    """A missing truth value decides nothing, and does not stop the batch."""
    policy = ReviewPolicy(verdicts=["yes"], auto={"yes": NA_RULES[kind]}, judged_by="late")  # type: ignore[dict-item]
    verdicts, ruled = rule_verdicts(replace(PARCELS, review=policy), make_parcels(3))
    assert verdicts.tolist() == ["yes", None, None]
    assert ruled.tolist() == [True, False, False]


def certificate(place: Workspace) -> Certificate:
    text = versions.get(place.log, "parcels", "parcels-late", 1).certificate
    assert text is not None
    return Certificate.from_json(text)


def test_a_certificate_holds_for_the_versions_it_was_proved_with(place: Workspace) -> None:
    """Another champion of a model that rules may look at: certified anew, and answers of the former go to people."""
    learn(place)
    waiting = take_in(place, PARCELS, make_parcels(200, seed=2))
    for spec in PARCELS.models:
        waiting = predict(place, PARCELS, spec, waiting)
    before = certificate(place)
    assert before.companions == {"parcels-cost": 1}
    made = retrain(place, PARCELS, replace(cost, gates=[replace(cost.gates[0], at_most=9.0)]), as_of=NOW)
    assert promote(place, PARCELS, cost, version=made.version).promoted
    assert certificate(place).companions == {"parcels-cost": 2}
    done = review(place, PARCELS, waiting)
    assert done["verdict"].isna().all()
    assert done["verdict_reason"].str.contains("another version of parcels-cost").any()
    assert (go(place, make_parcels(200, seed=3))["verdict_by"] == "policy").any()


def test_a_champion_rolled_back_in_the_middle_decides_nothing_more(place: Workspace) -> None:
    """A rollback between looking and writing: what rests on the withdrawn version is not written."""
    learn(place)
    todo: list[str] = []

    def no(parcels: pd.DataFrame) -> pd.Series[bool]:
        for reason in todo[:]:
            todo.clear()
            rollback(place, use_case, "parcels-late", reason=reason)
        return parcels["late"] == "no"

    use_case: UseCase = replace(PARCELS, review=replace(PARCELS.review, auto={"no": no}))
    second = retrain(place, use_case, late, as_of=NOW)
    assert promote(place, use_case, late, version=second.version).promoted
    cases = take_in(place, use_case, make_parcels(100, seed=4))
    for spec in use_case.models:
        cases = predict(place, use_case, spec, cases)
    todo.append("it went wrong while a batch was reviewed")
    done = review(place, use_case, cases)
    assert todo == []
    assert done["verdict"].isna().all()
    assert questions.decided_by_version(place.log, "parcels", model="parcels-late", version=2).empty


def test_a_recalled_decision_names_its_certificate(place: Workspace) -> None:
    """What policy confirms again rests on a certificate like everything else that it decides."""
    learn(place)
    second = retrain(place, PARCELS, late, as_of=NOW)
    assert promote(place, PARCELS, late, version=second.version).promoted
    go(place, make_parcels(200, seed=5))
    rollback(place, PARCELS, "parcels-late", reason="trial")
    assert recall(place, PARCELS, "parcels-late", second.version).confirmed > 0
    decided = questions.effective(place.log, "parcels")
    confirmed = decided[decided["actor"] == "recall"]["case_id"].iloc[0]
    details = [row["detail"] for row in questions.trace(place.log, "parcels", confirmed)["decisions"]]
    assert "parcels-late/1/" in details[-1]
    champion = promotions.champion(place.log, "parcels", "parcels-late")
    assert champion is not None
    assert champion.version == 1
