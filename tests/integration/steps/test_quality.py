"""Quality figures say what was known on a day, and never take the doubtful cases for all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.case_log import questions
from aiops_flows.steps.decided import automatic_decisions
from aiops_flows.steps.health import model_health
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.quality import quality
from aiops_flows.steps.reviewers import reviewers
from aiops_flows.steps.watching import monitor
from tests.living import AUDITED, Life
from tests.parcels import late

WATCHFUL = replace(AUDITED, review=replace(AUDITED.review, second_readings=0.5, known_cases=0.3))


@pytest.fixture
def life(pristine_store: Path, tmp_path: Path) -> Life:
    """Two days of parcels; the outcomes of neither are known."""
    life = Life.begin(Path(shutil.copytree(pristine_store, tmp_path / "home")), WATCHFUL)
    life.day(200)
    life.day(200)
    return life


def test_the_error_is_estimated_from_the_audit_lane_and_tells_the_truth(life: Life) -> None:
    """Without one outcome the interval holds the true share of wrong automatic decisions, which is shown later."""
    (month, total) = quality(life.place, WATCHFUL)
    assert (month.period, total.period) == ("2026-06", "total")
    assert (total.cases, total.pending, total.outcomes, total.unaudited) == (400, 0, 0, 0)
    assert total.decided == questions.automatic(life.place.log, "parcels", model=late.name)["case_id"].nunique()
    assert 0 < total.read < total.decided
    assert total.outcome_error is None
    assert not total.mature
    truth = pd.concat(life.arrived)
    decided = automatic_decisions(life.place, WATCHFUL, life.clock()).merge(truth, on="case_id")
    wrong = float((decided["verdict"] != decided["late"]).mean())
    assert total.low <= wrong <= total.high
    record_outcomes(life.place, WATCHFUL, truth.assign(event_at=life.clock(), known_at=life.clock()))
    life.pass_days(40)
    (month, total) = quality(life.place, WATCHFUL)
    assert month.mature
    assert total.outcome_error == pytest.approx(wrong)


def test_a_figure_is_what_was_known_on_its_day(life: Life) -> None:
    """Later cases, readings and outcomes change nothing in what was known before; a period in part is not mature."""
    before = quality(life.place, WATCHFUL, by="week")
    then = life.clock()
    life.pass_days(10)
    truth = pd.concat(life.arrived)
    record_outcomes(life.place, WATCHFUL, truth.head(300).assign(event_at=life.clock(), known_at=life.clock()))
    life.day(100)
    assert quality(life.place, WATCHFUL, as_known=then, by="week") == before
    first = quality(life.place, WATCHFUL, by="week")[0]
    assert first.outcomes > 0
    assert (first.mature, first.outcome_error) == (False, None)


def test_the_error_of_a_model_is_marked_while_its_outcomes_are_early(life: Life) -> None:
    """While fewer than 90 % of its answers have an outcome it is not mature; then it is of the mature beginning."""
    truth = pd.concat(life.arrived).assign(event_at=life.clock(), known_at=life.clock())
    record_outcomes(life.place, WATCHFUL, truth.head(100))
    early = model_health(life.place, WATCHFUL, late, life.clock())
    assert (early.mature, early.labels, early.answers) == (False, 100, 400)
    assert "not mature" in str(early)
    record_outcomes(life.place, WATCHFUL, truth.iloc[100:200])
    first_day = model_health(life.place, WATCHFUL, late, life.clock())
    assert (first_day.mature, first_day.labels) == (True, 200)


def test_reviewers_are_shown_by_name_with_what_can_be_said(life: Life) -> None:
    """Second readings and seeded known cases are opened by the monitor, once; who answers rightly agrees with all."""
    truth = pd.concat(life.arrived)
    record_outcomes(life.place, WATCHFUL, truth.assign(event_at=life.clock(), known_at=life.clock()))
    assert monitor(life.place, WATCHFUL).lane_opened > 0
    assert monitor(life.place, WATCHFUL).lane_opened == 0
    life.answer(dict(zip(truth["case_id"], truth["late"], strict=True)), "bob")
    found = reviewers(life.place, WATCHFUL)
    assert [each.name for each in found] == ["ann", "bob"]
    ann, bob = found
    assert ann.median_seconds == 30.0
    assert ann.second_readings.value == 1.0
    assert ann.second_readings.cases > 0
    assert ann.followed_wrong.value == 0.0
    assert bob.known_cases.value == 1.0
    assert bob.second_readings.cases == 0
    assert "few" in str(bob.known_cases)
    assert reviewers(life.place, WATCHFUL, as_known=life.clock() - pd.Timedelta(days=5)) == []
