"""Nothing is decided without a certificate for exactly what decides: the rules, and the versions of all models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aiops_flows.case_log import CaseLog, alarms, promotions, questions, versions
from aiops_flows.estimators.spread import RegressorWithSpread
from aiops_flows.evidence.losses import beyond
from aiops_flows.steps.certifying import Certificate, renew, rule_verdicts
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote, rollback
from aiops_flows.steps.recall import recall
from aiops_flows.steps.recent import cases_before
from aiops_flows.steps.review import review
from aiops_flows.steps.rows import labelled_rows
from aiops_flows.steps.training import retrain
from aiops_flows.steps.unseen import unseen_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ReviewPolicy, UseCase
from tests.at_work import LEARNED, put_to_work, run
from tests.integration.steps.test_life_of_a_use_case import NOW, go, learn
from tests.parcels import PARCELS, cost, late, make_outcomes, make_parcels

OLD_FIELDS = {
    "model", "version", "policy_version", "threshold", "max_error", "confidence", "coverage", "labels_used",
    "error_upper", "rows_digest", "companions", "reason",
}  # fmt: skip
"""What a certificate of the first release holds."""

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


def policy(**changes: Any) -> UseCase:
    return replace(PARCELS, review=replace(PARCELS.review, **changes))


def at(place: Workspace, moment: datetime) -> Workspace:
    """The same place at another moment."""
    log = CaseLog(place.log.engine, place.log.url, place.log.witness, clock=lambda: moment)
    return replace(place, log=log)


def test_a_certificate_ends_and_is_renewed(place: Workspace) -> None:
    """After its last day every case goes to a person, who is told so; certified anew, policy decides again."""
    issued = put_to_work(at(place, LEARNED), PARCELS)
    assert issued is not None
    assert issued.threshold is not None
    assert issued.outputs == issued.sure == ["late"]
    later = at(place, LEARNED + PARCELS.review.valid_for)
    done = run(later, PARCELS, make_parcels(60, seed=2))
    assert done["verdict"].isna().all()
    assert done["verdict_reason"].str.contains("certificate expired on 2026-08-30; recertify").any()
    renewed = renew(later, PARCELS)
    assert renewed is not None
    assert renewed.name != issued.name
    assert (run(later, PARCELS, make_parcels(60, seed=3))["verdict_by"] == "policy").any()


def test_a_certificate_is_read_back_as_it_was_written(place: Workspace) -> None:
    """Segments and plan included; one of an earlier library is read as expired."""
    issued = put_to_work(place, policy(segments="region"))
    assert issued is not None
    assert Certificate.from_json(issued.to_json()) == issued
    old = {name: value for name, value in asdict(issued).items() if name in OLD_FIELDS}
    assert Certificate.from_json(json.dumps(old)).expired(LEARNED)


def test_each_segment_is_certified_apart(place: Workspace) -> None:
    """A segment with too few rows, and a value never seen, go to people with the reason; the others are decided."""
    rare = policy(segments="region", auto={"no": lambda c: (c["late"] == "no") & (c["region"] != "west")})
    issued = put_to_work(place, rare)
    assert issued is not None
    assert sorted(issued.segments) == ["north", "south", "west"]
    assert issued.segments["west"].threshold is None
    assert issued.threshold == min(issued.segments[name].threshold for name in ("north", "south"))  # type: ignore[type-var]
    parcels = make_parcels(200, seed=2)
    parcels.loc[:20, "region"] = "east"
    done = run(place, rare, parcels)
    assert (done.loc[done["region"].isin(["north", "south"]), "verdict_by"] == "policy").any()
    unknown = done[done["verdict_reason"].str.contains("region 'east' has no certified threshold")]
    assert set(unknown["region"]) == {"east"}
    assert done.loc[done["region"] == "east", "verdict"].isna().all()


def test_a_verdict_is_right_when_all_that_must_be_right_is(place: Workspace) -> None:
    """A second judged output can only add errors; where it is a quantity, its loss says what is near enough."""
    alone = put_to_work(place, PARCELS)
    exact = policy(judged_by={"late": None, "cost": beyond(0.0)})
    near = policy(judged_by={"late": None, "cost": beyond(1.0)})
    strict, lenient = renew(place, exact, as_of=LEARNED), renew(place, near, as_of=LEARNED)
    assert alone is not None
    assert strict is not None
    assert lenient is not None
    assert strict.threshold is None
    assert lenient.threshold == alone.threshold
    assert lenient.outputs == ["late", "cost"]
    assert lenient.sure == ["late"]


def test_quantities_without_confidence_are_certified_all_or_nothing(place: Workspace) -> None:
    """Where no model says how sure it is, what the rules decide is certified together, and the reason says so."""
    rules = {"no": lambda c: c["cost"] < 8}
    order = policy(judged_by={"cost": beyond(absolute=1.0)}, auto=rules)
    issued = put_to_work(place, order)
    assert issued is not None
    assert issued.model == "parcels-cost"
    assert issued.threshold == 1.0
    assert "all that the rules decide is certified together" in issued.reason
    done = run(place, order, make_parcels(100, seed=2))
    assert ((done["verdict_by"] == "policy") == (done["cost"] < 8)).all()


def test_quantities_with_a_spread_are_certified_from_a_threshold(place: Workspace) -> None:
    """A regressor that says how sure it is has its confidence stored, and is certified like a classifier."""
    spread = replace(cost, estimator=RegressorWithSpread(cost.estimator))
    order = replace(policy(judged_by={"cost": beyond(absolute=1.0)}), models=[late, spread])
    issued = put_to_work(place, order)
    assert issued is not None
    assert issued.sure == ["cost"]
    assert issued.threshold is not None
    done = run(place, order, make_parcels(50, seed=2))
    assert done["cost_confidence"].between(0, 1).all()
    assert (done.loc[done["verdict_by"] == "policy", "cost_confidence"] >= issued.threshold).all()


def test_early_outcomes_certify_nothing_new(place: Workspace) -> None:
    """Of weeks in which few outcomes are known, none counts at a renewal; once they are known, all of them do."""
    first = put_to_work(place, PARCELS)
    assert first is not None
    recent = make_parcels(500, seed=6).assign(received_at=lambda c: c["received_at"] + timedelta(days=160))
    run(place, PARCELS, recent)
    record_outcomes(place, PARCELS, make_outcomes(recent).query("late == 'no'"))
    early = renew(place, PARCELS, as_of=LEARNED + timedelta(days=60))
    record_outcomes(place, PARCELS, make_outcomes(recent))
    mature = renew(place, PARCELS, as_of=LEARNED + timedelta(days=60))
    assert early is not None
    assert mature is not None
    assert early.labels_used == first.labels_used
    assert mature.labels_used > first.labels_used + 350


@pytest.mark.parametrize("days", [0, 60])
def test_a_certificate_rests_on_the_cut_and_all_that_came_since(place: Workspace, days: int) -> None:
    """Each of these rows counts once, in order of receipt, with its truth, whether the rows of the cut were at hand."""
    put_to_work(place, PARCELS)
    recent = make_parcels(400, seed=6).assign(received_at=lambda c: c["received_at"] + timedelta(days=160))
    run(place, PARCELS, recent)
    record_outcomes(place, PARCELS, make_outcomes(recent))
    now = LEARNED + timedelta(days=days)
    kept = labelled_rows(place, PARCELS, late, as_of=now, part="certify")
    fresh = questions.labelled(place.log, "parcels", name="late", known_by=now, received_from=LEARNED).to_dict("list")
    told = dict(zip(fresh["case_id"] + kept.cases["case_id"].tolist(), fresh["value"] + list(kept.truth), strict=True))
    found = unseen_rows(place, PARCELS, late, 1, as_of=now)
    assert len(fresh["case_id"]) == (400 if days else 0)
    assert dict(zip(found.cases["case_id"], found.truth["late"], strict=True)) == told
    assert found.cases["received_at"].is_monotonic_increasing
    again = unseen_rows(place, PARCELS, late, 1, kept, as_of=now)
    pd.testing.assert_frame_equal(again.cases, found.cases)
    assert again.digest == found.digest


def test_a_batch_unlike_the_certified_rows_goes_to_people(place: Workspace) -> None:
    """Parcels of weights that no certified one had are not decided; a batch as usual is."""
    compared = policy(batch_false_alarms=0.01)
    put_to_work(place, compared)
    odd = run(place, compared, make_parcels(60, seed=2).assign(weight=900.0))
    assert odd["verdict"].isna().all()
    assert odd["verdict_reason"].str.contains("of the certified rows").any()
    usual = make_parcels(300, seed=5)
    assert (run(place, compared, usual)["verdict_by"] == "policy").any()


def test_only_cases_of_the_certified_versions_count_with_a_batch(place: Workspace) -> None:
    """What came before is read with its answers; under another certificate none of it counts."""
    compared = policy(batch_false_alarms=0.01)
    issued = put_to_work(place, compared)
    assert issued is not None
    first, second = make_parcels(120, seed=3), make_parcels(40, seed=4)
    run(place, compared, first)
    batch = run(place, compared, second)
    before = cases_before(place, compared, batch, issued)
    assert sorted(before.cases["case_id"]) == first["case_id"].tolist()
    assert before.cases["late_version"].eq(1).all()
    assert set(before.cases.columns) >= {"weight", "late", "late_confidence"}
    assert list(before.answers) == ["late", "late_confidence", "cost", "cost_confidence"]
    assert before.answers.equals(before.cases[list(before.answers)])
    assert cases_before(place, compared, batch, replace(issued, version=2)).answers.empty
    assert cases_before(place, policy(batch_false_alarms=0.0), batch, issued).answers.empty


def test_an_alarm_sends_cases_to_people(place: Workspace) -> None:
    """While it stands, and only for the version and segment that it is about; the reason names it."""
    by_region = policy(segments="region", max_error=0.3)
    put_to_work(place, by_region)
    about = {"model": "parcels-late", "version": 1, "kind": "error", "action": "to people", "actor": "monitor"}
    number = alarms.raise_alarm(
        place.log,
        "parcels",
        segment="west",
        reason="too often wrong",
        evidence="{}",
        **about,  # type: ignore[arg-type]
    )
    done = run(place, by_region, make_parcels(150, seed=2))
    west = done["region"] == "west"
    assert done.loc[west, "verdict"].isna().all()
    assert done.loc[west, "verdict_reason"].str.contains(f"alarm {number} sends it to people: too often wrong").any()
    assert (done.loc[~west, "verdict_by"] == "policy").any()
    alarms.clear(place.log, "parcels", number, reason="mended", actor="ann")
    again = run(place, by_region, make_parcels(150, seed=3))
    assert (again.loc[again["region"] == "west", "verdict_by"] == "policy").any()


def test_more_labels_are_forecast(place: Workspace) -> None:
    """The certificate says what coverage so many more labels would buy, and more never buy less."""
    issued = put_to_work(place, policy(max_error=0.12))
    assert issued is not None
    plan = issued.more_labels
    assert [each["labels"] for each in plan] == [issued.labels_used * factor for factor in (2, 4, 8)]
    covered = [issued.coverage, *(each["coverage"] for each in plan)]
    assert covered == sorted(covered)
