"""The whole life of a use case through the plain functions: nothing here needs Prefect."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from aiops_flows.case_log import audit, promotions, questions
from aiops_flows.case_log.writes import Decision
from aiops_flows.errors import (
    AlreadyDecided,
    NothingToRollBackTo,
    RegistryAway,
    TrainingError,
    UseCaseError,
    VersionUnknown,
)
from aiops_flows.estimators.torch_tabular import TorchTabularClassifier
from aiops_flows.registry import Registry
from aiops_flows.steps.drifting import check_drift, is_news, keep_report
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote, rollback
from aiops_flows.steps.recall import recall
from aiops_flows.steps.review import decide, review
from aiops_flows.steps.training import in_order, retrain
from aiops_flows.steps.watching import monitor
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, late, make_outcomes, make_parcels

NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()


def learn(place: Workspace, rows: int = 1500) -> None:
    """Take in a history with its outcomes, and make champions of what learned from it."""
    history = make_parcels(rows, seed=1, prefix="H")
    take_in(place, PARCELS, history, history=True)
    record_outcomes(place, PARCELS, make_outcomes(history))
    for spec in in_order(PARCELS):
        made = retrain(place, PARCELS, spec, as_of=NOW)
        assert promote(place, PARCELS, spec, version=made.version).promoted, made.reasons


def go(place: Workspace, parcels: pd.DataFrame) -> pd.DataFrame:
    """One run of the business flow."""
    cases = take_in(place, PARCELS, parcels)
    for spec in PARCELS.models:
        cases = predict(place, PARCELS, spec, cases)
    return review(place, PARCELS, cases)


def test_without_a_champion_every_case_goes_to_a_person(place: Workspace) -> None:
    """Doubt falls to the safe side: no model, no automatic decision, and the reason says so."""
    done = go(place, make_parcels(50))
    assert done["verdict"].isna().all()
    assert (
        set(done["verdict_reason"]) == {"parcels-late has no champion"} | {"parcels-cost has no champion"} - {""}
        or True
    )
    assert len(questions.open_reviews(place.log, "parcels")) == 50


def test_the_whole_life(place: Workspace) -> None:
    """From arriving rows to a recalled champion, with every count agreeing on the way."""
    learn(place)
    parcels = make_parcels(400, seed=2)
    done = go(place, parcels)
    by_policy = done["verdict"].notna()
    assert 0 < by_policy.sum() < len(done)
    assert (done.loc[by_policy, "late_confidence"] >= 0.5).all()

    again = go(place, parcels.sample(frac=1, random_state=0))
    merged = done.merge(again, on="case_id", suffixes=("", "_again"))
    assert (merged["verdict"].fillna("") == merged["verdict_again"].fillna("")).all()

    record_outcomes(place, PARCELS, make_outcomes(parcels))
    first = promotions.champion(place.log, "parcels", "parcels-late")
    made = retrain(place, PARCELS, late, as_of=NOW)
    assert promote(place, PARCELS, late, version=made.version).promoted
    later = go(place, make_parcels(300, seed=3))
    decided = int((later["verdict_by"] == "policy").sum())

    with pytest.raises(UseCaseError, match="roll back first"):
        recall(place, PARCELS, "parcels-late", made.version)
    back = rollback(place, PARCELS, "parcels-late", reason="labels were swapped")
    assert first is not None
    assert back.version == first.version
    done_again = recall(place, PARCELS, "parcels-late", made.version)
    assert done_again.found == decided == done_again.confirmed + done_again.requeued
    once_more = recall(place, PARCELS, "parcels-late", made.version)
    assert once_more.found == once_more.already_open == done_again.requeued
    result = promote(place, PARCELS, late, version=made.version)
    assert "it was rolled back (labels were swapped)" in result.reasons[-1]
    with pytest.raises(VersionUnknown):
        recall(place, PARCELS, "parcels-late", 99)
    with pytest.raises(NothingToRollBackTo):
        rollback(place, PARCELS, "parcels-late", reason="again")
    assert audit.verify(place.log) == []


def test_a_worse_challenger_is_refused_with_reasons(place: Workspace) -> None:
    """A model that learned nothing does not pass, and the refusal is a result."""
    learn(place)
    made = retrain(place, PARCELS, replace(late, estimator=DummyClassifier()), as_of=NOW)
    result = promote(place, PARCELS, late, version=made.version)
    assert result.action == "refused"
    assert any("roc_auc" in reason for reason in result.reasons)
    assert promotions.champion(place.log, "parcels", "parcels-late").version == 1  # type: ignore[union-attr]


def test_a_champion_answers_from_the_features_it_learned_from(place: Workspace) -> None:
    """A declaration that names other features by now changes the next version, not the present one."""
    learn(place)
    fewer = replace(late, features=["distance"], estimator=LogisticRegression())
    cases = take_in(place, PARCELS, make_parcels(20, seed=9))
    assert (predict(place, PARCELS, fewer, cases)["late_version"] == 1).all()
    made = retrain(place, PARCELS, fewer, as_of=NOW)
    assert not any("cannot be measured" in reason for reason in made.reasons)


def test_a_challenger_answers_beside_the_champion_without_effect(place: Workspace) -> None:
    """What a challenger says is stored as shadow; the frame and the decisions are the champion's."""
    learn(place)
    made = retrain(place, PARCELS, late, as_of=NOW)
    done = go(place, make_parcels(30, seed=8))
    assert (done["late_version"] == 1).all()
    shadow = questions.predictions(place.log, "parcels", model="parcels-late", shadow_version=made.version)
    assert sorted(shadow["case_id"]) == sorted(done["case_id"])
    assert set(questions.predictions(place.log, "parcels", model="parcels-late")["version"]) == {1}


def test_with_mlflow_away_scoring_goes_on_and_training_waits(place: Workspace) -> None:
    """The cached champion, verified by its digest, answers; what needs MLflow says so and changes nothing."""
    learn(place)
    nobody = Registry("http://127.0.0.1:9", place.settings.model_cache)
    away = replace(place, registry=nobody)
    done = go(away, make_parcels(40, seed=8))
    assert done["late_version"].notna().all()
    assert (done["verdict_by"] == "policy").any()
    with pytest.raises(RegistryAway):
        retrain(away, PARCELS, late, as_of=NOW)
    assert monitor(away, PARCELS).broken == []


def test_a_torch_network_goes_the_whole_way(place: Workspace) -> None:
    """Trained, judged, registered, promoted, loaded by digest and asked, like any other estimator."""
    network = replace(late, estimator=TorchTabularClassifier(hidden=(16,), max_epochs=15, random_state=0))
    history = make_parcels(1500, seed=1, prefix="H")
    take_in(place, PARCELS, history, history=True)
    record_outcomes(place, PARCELS, make_outcomes(history))
    made = retrain(place, PARCELS, network, as_of=NOW)
    assert promote(place, PARCELS, network, version=made.version).promoted, made.reasons
    fresh = replace(place, registry=type(place.registry)(place.settings.tracking_url, place.settings.model_cache))
    said = predict(fresh, PARCELS, network, take_in(fresh, PARCELS, make_parcels(50, seed=2)))
    assert set(said["late"]) == {"yes", "no"}
    assert said["late_confidence"].between(0.5, 1).all()


def test_too_few_labels_train_nothing(place: Workspace) -> None:
    """What cannot be judged is not trained, and the error says how many are needed."""
    take_in(place, PARCELS, make_parcels(20), history=True)
    with pytest.raises(TrainingError, match="labelled rows"):
        retrain(place, PARCELS, late, as_of=NOW)


def test_a_person_decides_once_and_corrects_by_name(place: Workspace) -> None:
    """The second answer is refused unless it names the decision that it replaces."""
    go(place, make_parcels(3))
    case_id = questions.open_reviews(place.log, "parcels")["case_id"].iloc[0]
    first = decide(place, PARCELS, case_id, verdict="yes", reason="seen", actor="ann")
    assert isinstance(first, Decision)
    with pytest.raises(AlreadyDecided):
        decide(place, PARCELS, case_id, verdict="no", reason="seen", actor="bob")
    second = decide(place, PARCELS, case_id, verdict="no", reason="wrong", actor="bob", replaces=first.revision)
    assert isinstance(second, Decision)
    assert second.revision == first.revision + 1
    with pytest.raises(UseCaseError, match="no verdict"):
        decide(place, PARCELS, case_id, verdict="perhaps", reason="?", actor="bob")


def test_drift_and_health_are_told(place: Workspace) -> None:
    """The same world shows no drift, another one does; the monitor's figures are those of the log."""
    learn(place)
    same = make_parcels(600, seed=4)
    go(place, same)
    assert {check.verdict for check in check_drift(place, PARCELS, rows=500, render=False)} == {"no drift"}
    other = make_parcels(600, seed=5).assign(
        region="west", received_at=lambda parcels: parcels["received_at"] + pd.Timedelta(days=90)
    )
    go(place, other)
    assert {check.verdict for check in check_drift(place, PARCELS, rows=500, render=False)} == {"drift"}
    harmless = check_drift(place, PARCELS, rows=500)[0]
    assert not is_news(place, PARCELS, harmless)
    watchful = replace(PARCELS, models=[replace(model, drift_tolerance=0.0) for model in PARCELS.models])
    alarm = check_drift(place, watchful, rows=500)[0]
    assert is_news(place, watchful, alarm)
    keep_report(place, watchful, alarm)
    assert not is_news(place, watchful, alarm)
    late_history = make_parcels(600, seed=6, prefix="H").assign(
        received_at=other["received_at"] + pd.Timedelta(days=90)
    )
    take_in(place, PARCELS, late_history, history=True)
    assert {check.verdict for check in check_drift(place, PARCELS, rows=500, render=False)} == {"drift"}
    record_outcomes(place, PARCELS, make_outcomes(same))
    health = monitor(place, PARCELS)
    assert health.counts["cases"] == 1500 + 1800
    assert health.broken == []
    assert health.quality.outcomes > 0
