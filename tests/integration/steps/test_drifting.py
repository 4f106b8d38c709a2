"""Drift of what arrives and of what the champion says, broken supplies, and the alarms that follow."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from aiops_flows.case_log import alarms, versions
from aiops_flows.drift import DriftReport
from aiops_flows.registry import Registry
from aiops_flows.steps.drifting import DriftCheck, Rates, check_drift, is_news
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.judging import GATED_DRIFT
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from tests.parcels import PARCELS, late, make_outcomes, make_parcels

NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()
EVERY_DRIFT = replace(late, drift_tolerance=0.0)
ONE = replace(PARCELS, models=[EVERY_DRIFT], review=replace(PARCELS.review, priority=None))


def learn(place: Workspace) -> None:
    """A champion that learned from unchanged parcels."""
    history = make_parcels(1_200, seed=1, prefix="H")
    take_in(place, ONE, history, history=True)
    record_outcomes(place, ONE, make_outcomes(history).drop(columns="cost"))
    made = retrain(place, ONE, late, as_of=NOW)
    assert promote(place, ONE, late, version=made.version).promoted, made.reasons


def arrive(place: Workspace, parcels: pd.DataFrame, days: int = 0) -> None:
    """Parcels that come in later than all before, are answered, and decided or put to people."""
    later = parcels.assign(received_at=parcels["received_at"] + pd.Timedelta(days=days))
    review(place, ONE, predict(place, ONE, late, take_in(place, ONE, later)))


def check(place: Workspace, use_case: UseCase = ONE, *, render: bool = False, alarm: bool = True) -> DriftCheck:
    [found] = check_drift(place, use_case, rows=400, render=render, alarm=alarm)
    return found


def standing(place: Workspace) -> set[tuple[str, str]]:
    return {(each.kind, each.action) for each in alarms.open_alarms(place.log, ONE.name)}


def test_an_unchanged_stream_raises_nothing(place: Workspace) -> None:
    """Same parcels, same answers: no drift of either kind, nothing broken, no alarm."""
    learn(place)
    arrive(place, make_parcels(400, seed=2))
    found = check(place)
    assert found.predictions is not None
    assert (found.verdict, found.predictions.verdict, found.actions) == ("no drift", "no drift", [])
    assert [column.name for column in found.predictions.columns] == ["prediction", "confidence"]
    assert standing(place) == set()


def test_drift_raises_one_alarm_that_a_later_check_clears(place: Workspace) -> None:
    """Drift asks for more readings once, however often it is found; a check without it clears the alarm."""
    learn(place)
    far = make_parcels(400, seed=3)
    arrive(place, far.assign(distance=far["distance"] * 1.15 + 30), days=60)
    first, again = check(place), check(place)
    assert first.verdict == again.verdict == "drift"
    assert first.report is not None
    assert first.report.breaks == []
    assert standing(place) == {("drift", "look")}
    [alarm] = alarms.open_alarms(place.log, ONE.name)
    stored = json.loads(alarm.evidence)["report"]
    assert stored["actions"] == first.report.actions
    arrive(place, make_parcels(400, seed=4), days=120)
    assert check(place).verdict == "no drift"
    assert standing(place) == set()
    assert list(alarms.history(place.log, ONE.name)["state"]) == ["raised", "cleared"]


def test_drift_that_is_expected_to_cost_nothing_calls_nobody(place: Workspace) -> None:
    """Parcels that weigh more are drift, and the answers stay as good: that is said, and no alarm is raised."""
    learn(place)
    heavy = make_parcels(400, seed=3)
    arrive(place, heavy.assign(weight=heavy["weight"] * 1.5), days=60)
    careful = replace(ONE, models=[late])
    found = check(place, careful)
    assert (found.verdict, found.matters) == ("drift", False)
    assert found.actions == []
    assert standing(place) == set()
    assert found.report is not None
    assert found.report.impact is not None
    assert abs(found.report.impact.rise) < 0.02
    assert "the share of wrong answers is expected to go from" in found.reason
    assert not is_news(place, careful, found)
    assert DriftReport.from_dict(json.loads(found.report.as_json())) == found.report
    assert check(place).matters, "with a tolerance of 0 every drift matters"


def test_drift_that_makes_answers_doubtful_raises_an_alarm(place: Workspace) -> None:
    """Parcels that all go where the model is in doubt: more wrong answers are expected, and found."""
    learn(place)
    doubtful = make_parcels(400, seed=3)
    doubtful["distance"] = 450 + doubtful["distance"] / 9
    arrive(place, doubtful, days=60)
    found = check(place, replace(ONE, models=[late]))
    assert found.report is not None
    impact = found.report.impact
    assert impact is not None
    assert impact.matters
    champion = place.load(late, 1, versions.get(place.log, ONE.name, late.name, 1).digest)
    wrong = (champion.predict(doubtful[list(late.features)]) != make_outcomes(doubtful)["late"]).mean()
    assert abs(impact.loss_now - wrong) < 0.08
    assert impact.rise > 0.1
    assert standing(place) == {("drift", "look")}


def test_a_check_that_only_looks_writes_nothing(place: Workspace) -> None:
    """Without alarms asked for, what follows is said and not kept."""
    learn(place)
    arrive(place, make_parcels(400, seed=3).assign(region="west"), days=60)
    assert check(place, alarm=False).actions
    assert len(alarms.history(place.log, ONE.name)) == 0


def test_a_broken_unit_blocks_and_is_told_in_the_page(place: Workspace) -> None:
    """Distances in metres instead of kilometres: a break with its own alarms, in report, page and alarm alike."""
    learn(place)
    wrong = make_parcels(400, seed=5)
    arrive(place, wrong.assign(distance=wrong["distance"] * 1000), days=60)
    found = check(place, render=True)
    assert found.report is not None
    assert [(each.column, each.kind) for each in found.report.breaks] == [("distance", "unit")]
    assert {("data quality", "block promotion"), ("data quality", "to people")} <= standing(place)
    assert found.rendered is not None
    page = found.rendered.html.decode()
    assert "block promotion" in page
    assert "What the model says: drift" in page
    assert json.loads(found.rendered.json)["drift_report"]["actions"] == found.report.actions


def test_what_the_champion_says_can_drift_where_no_single_column_does(place: Workspace) -> None:
    """Answers are compared as stored; parcels that all go far are answered otherwise than those it was judged on."""
    learn(place)
    far = make_parcels(900, seed=6)
    arrive(place, far[far["distance"] > 500].head(400), days=60)
    found = check(place)
    assert found.predictions is not None
    assert found.predictions.drifted_columns
    assert "prediction drift" in {action.finding.kind for action in found.actions}


def test_without_the_model_its_first_live_answers_stand_for_those_it_was_judged_on(place: Workspace) -> None:
    """With MLflow away and nothing cached, drift of the answers is measured against the first live ones."""
    learn(place)
    arrive(place, make_parcels(300, seed=58))
    arrive(place, make_parcels(400, seed=9), days=60)
    nobody = Registry("http://127.0.0.1:9", place.settings.folder / "empty")
    found = check(replace(place, registry=nobody))
    assert found.predictions is not None
    assert found.predictions.verdict == "no drift"
    assert found.predictions.rows_reference == 300


def test_a_champion_that_said_nothing_yet_is_unknown(place: Workspace) -> None:
    """Too few live answers give unknown with the reason, never no drift."""
    learn(place)
    found = check(place)
    assert found.predictions is not None
    assert found.predictions.verdict == "unknown"
    assert "answered 0 of the latest" in found.predictions.reason


def test_drift_is_told_by_segment_where_the_policy_has_segments(place: Workspace) -> None:
    """Where one region alone moved, the alarm is for that region."""
    by_region = replace(ONE, review=replace(ONE.review, segments="region"))
    learn(place)
    moved = make_parcels(600, seed=9)
    moved["weight"] = moved["weight"].where(moved["region"] != "north", moved["weight"] * 1.8)
    arrive(place, moved, days=60)
    [found] = check_drift(place, by_region, rows=600, render=False)
    assert [action.finding.segment for action in found.actions if action.finding.kind == "drift"] == ["north"]
    assert [each.segment for each in alarms.open_alarms(place.log, ONE.name) if each.segment] == ["north"]


def test_a_column_alone_is_alarmed_at_its_own_rate(place: Workspace) -> None:
    """With a rate for each column, a column beyond it has more read though the whole frame is within chance."""
    learn(place)
    arrive(place, make_parcels(400, seed=2))
    [found] = check_drift(place, ONE, rows=400, render=False, rates=Rates(whole=0.001, column=0.9))
    assert found.verdict == "no drift"
    assert "column drift" in {action.finding.kind for action in found.actions}


def test_a_challenger_that_learned_another_unit_does_not_pass(place: Workspace) -> None:
    """What a challenger learned from and what arrives must fit together; the gates say what broke."""
    learn(place)
    wrong = make_parcels(400, seed=5)
    arrive(place, wrong.assign(distance=wrong["distance"] * 1000), days=60)
    made = retrain(place, ONE, late, as_of=NOW)
    assert made.drift[GATED_DRIFT].breaks
    assert any(reason.startswith("data_quality: distance: unit") for reason in made.reasons)
    assert not promote(place, ONE, late, version=made.version).promoted


@pytest.mark.parametrize("rows", [0, 10])
def test_too_little_clears_no_alarm(place: Workspace, rows: int) -> None:
    """An unknown verdict leaves an alarm as it stands."""
    learn(place)
    arrive(place, make_parcels(400, seed=3).assign(weight=lambda parcels: parcels["weight"] * 1.4), days=60)
    check(place)
    before = standing(place)
    assert before
    check_drift(place, ONE, rows=rows, render=False)
    assert standing(place) == before
