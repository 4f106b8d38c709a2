"""The monitor stays quiet in a stable world, and falls to people or an earlier champion when the world turns."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aiops_flows.case_log import alarms, audit, promotions
from aiops_flows.steps.alarms import clear
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.training import retrain
from aiops_flows.steps.watching import monitor
from tests.living import AUDITED, Life
from tests.parcels import late


@pytest.fixture
def store(pristine_store: Path, tmp_path: Path) -> Path:
    """A home folder with an empty MLflow store."""
    return Path(shutil.copytree(pristine_store, tmp_path / "home"))


def test_a_stable_world_is_quiet_and_a_turned_one_goes_to_people(store: Path) -> None:
    """No alarm while the certificate holds; when the truth turns, people decide until somebody clears the alarm."""
    life = Life.begin(store)
    for _ in range(3):
        life.day(150)
        monitor(life.place, AUDITED)
    health = monitor(life.place, AUDITED)
    assert not {each.verdict for each in health.watched} & {"burst", "sustained"}
    assert alarms.history(life.place.log, "parcels").empty
    assert health.quality.error is not None
    assert health.quality.low <= 0.2
    for _ in range(4):
        life.day(150, swapped=True)
        monitor(life.place, AUDITED)
    health = monitor(life.place, AUDITED)
    assert {alarm.action for alarm in health.alarms if alarm.kind == "error"} >= {"to people"}
    before = alarms.history(life.place.log, "parcels")
    again = monitor(life.place, AUDITED)
    assert again.raised == []
    assert len(alarms.history(life.place.log, "parcels")) == len(before)
    done = life.day(20, swapped=True)
    assert done["verdict"].isna().all()
    assert done["verdict_reason"].str.contains("alarm").any()
    for alarm in again.alarms:
        clear(life.place, AUDITED, alarm.number, reason="looked into", actor="operator")
    assert monitor(life.place, AUDITED).alarms == []
    assert audit.verify(life.place.log) == []


def test_a_champion_that_turns_bad_is_rolled_back_where_the_policy_says_so(store: Path) -> None:
    """The earlier champion decides again, under the monitor's name; with none left, people decide."""
    use_case = replace(AUDITED, review=replace(AUDITED.review, on_alarm="roll back"))
    life = Life.begin(store, use_case)
    made = retrain(life.place, use_case, late)
    assert promote(life.place, use_case, late, version=made.version).promoted
    raised = []
    for _ in range(5):
        life.day(150, swapped=True)
        raised += monitor(life.place, use_case).raised
    actions = [alarm.action for alarm in raised if alarm.action in {"rolled back", "to people"}]
    assert actions[:1] == ["rolled back"]
    assert "to people" in actions
    history = promotions.history(life.place.log, "parcels", "parcels-late")
    assert history[history["action"] == "rollback"]["proposer"].tolist() == ["monitor"]


def test_a_new_champion_every_day_does_not_hide_that_the_promise_is_broken(store: Path) -> None:
    """What each champion gets wrong in its short life adds up; then persons decide, whoever is champion."""
    life = Life.begin(store)
    for _ in range(6):
        made = retrain(life.place, AUDITED, late)
        assert promote(life.place, AUDITED, late, version=made.version).promoted
        life.day(150, swapped=True)
        monitor(life.place, AUDITED)
    standing = alarms.open_alarms(life.place.log, "parcels")
    assert [(each.kind, each.action) for each in standing if each.version is None] == [("error", "to people")]
    made = retrain(life.place, AUDITED, late)
    assert promote(life.place, AUDITED, late, version=made.version).promoted
    assert life.day(20)["verdict"].isna().all()


def test_errors_of_a_champion_that_was_caught_raise_no_alarm_about_its_successors(store: Path) -> None:
    """What a version got wrong before its alarm is not counted again over all champions."""
    life = Life.begin(store)
    while not any(alarm.action == "to people" for alarm in monitor(life.place, AUDITED).raised):
        life.day(150, swapped=True)
    decided = 0
    for _ in range(2):
        made = retrain(life.place, AUDITED, late)
        assert promote(life.place, AUDITED, late, version=made.version).promoted
        decided += int(life.day(150)["verdict"].notna().sum())

    watched = monitor(life.place, AUDITED).watched

    assert decided > 0
    assert any(each.version is None for each in watched)
    assert not any(each.verdict in {"burst", "sustained"} for each in watched if each.version is None)


def test_a_certificate_is_renewed_before_it_ends(store: Path) -> None:
    """In its last quarter, and when it has ended; not before, and once."""
    life = Life.begin(store)
    assert not monitor(life.place, AUDITED).renewed
    life.pass_days(69)
    health = monitor(life.place, AUDITED)
    assert health.renewed
    assert health.certificate is not None
    assert health.certificate.issued_at == life.clock().isoformat()
    assert not monitor(life.place, AUDITED).renewed
    life.pass_days(200)
    assert monitor(life.place, AUDITED).renewed


def test_looking_back_changes_nothing(store: Path) -> None:
    """The monitor as of a moment shows what was known then, and acts on nothing."""
    life = Life.begin(store)
    life.day(60)
    then = life.clock()
    for _ in range(3):
        life.day(150, swapped=True)
    health = monitor(life.place, AUDITED, as_of=then)
    assert health.quality.cases == 60
    assert alarms.open_alarms(life.place.log, "parcels") == []
    shown = {row["what"] for row in health.table()}
    assert {"certificate: valid until", "error of automatic decisions", "reviews overdue"} <= shown
