"""A share of what is decided is read by a person all the same, chosen beforehand, and blind."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from aiops_flows.case_log import alarms, audit, questions
from aiops_flows.case_log.alarms import Alarm, AlarmAction
from aiops_flows.case_log.writes import Decision, Reading
from aiops_flows.cli.cases import review_app
from aiops_flows.errors import AlreadyDecided, ConflictingWrite
from aiops_flows.evidence.auditing import selected
from aiops_flows.steps import explaining
from aiops_flows.steps.audit_lane import draw, open_second_readings, seed_known_cases
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from tests.at_work import put_to_work, run
from tests.parcels import PARCELS, make_outcomes, make_parcels


def policy(**changes: Any) -> UseCase:
    return replace(PARCELS, review=replace(PARCELS.review, **changes))


def alarm(action: AlarmAction, segment: str | None = None) -> Alarm:
    at = pd.Timestamp("2026-06-01", tz="UTC").to_pydatetime()
    return Alarm(1, at, "parcels-late", None, "drift", segment, action, "it moved", "{}", "monitor")


VERDICTS = ["no", None, "yes", "no"] * 100
PARTS = make_parcels(400)


def test_the_draw_can_be_checked_by_anybody(place: Workspace) -> None:
    """A case is drawn by its id, the salt and the recorded probability alone, in whatever order it arrives."""
    half = policy(audit=0.5, salt="s")
    drawn = draw(place, half, PARTS, VERDICTS, [])
    ids = PARTS["case_id"].tolist()
    automatic = np.array([verdict is not None for verdict in VERDICTS])
    assert [p is not None for p in drawn.probabilities] == automatic.tolist()
    assert drawn.chosen == (selected(ids, np.full(400, 0.5), "s") & automatic).tolist()
    backwards = draw(place, half, PARTS.iloc[::-1], VERDICTS[::-1], [])
    assert backwards.chosen[::-1] == drawn.chosen
    assert draw(place, policy(audit=0.5, salt="t"), PARTS, VERDICTS, []).chosen != drawn.chosen


def test_an_alarm_raises_the_share_of_what_it_is_about(place: Workspace) -> None:
    """Several times as many while it stands, never more than all; other alarms and segments change nothing."""
    some = policy(audit=0.3, segments="region", audit_on_drift=5.0)
    assert set(draw(place, some, PARTS, VERDICTS, [alarm("approval")]).probabilities) == {None, 0.3}
    raised = draw(place, some, PARTS, VERDICTS, [alarm("audit more", "west"), alarm("audit more", "west")])
    west = (PARTS["region"] == "west").tolist()
    said = {(region, p) for region, p in zip(west, raised.probabilities, strict=True) if p is not None}
    assert said == {(True, 1.0), (False, 0.3)}
    assert set(draw(place, policy(audit=0.01), PARTS, VERDICTS, [alarm("audit more")]).probabilities) == {None, 0.05}


def test_rare_verdicts_are_read_more_often(place: Workspace) -> None:
    """The floor is expected of each verdict (and segment); where it is met already the share holds."""
    floored = draw(place, policy(audit=0.1, audit_floor=50), PARTS, VERDICTS, [])
    said = {(v, round(p, 6)) for v, p in zip(VERDICTS, floored.probabilities, strict=True) if p is not None}
    assert said == {("no", 0.25), ("yes", 0.5)}


def test_nothing_is_audited_where_the_policy_asks_for_none(place: Workspace) -> None:
    """Without a share and a floor no probability is recorded."""
    drawn = draw(place, PARCELS, PARTS, VERDICTS, [])
    assert set(drawn.probabilities) == {None}
    assert not any(drawn.chosen)


def test_audits_are_opened_beside_decisions_once(place: Workspace) -> None:
    """The decision stands, its probability is recorded, and the same cases again change nothing."""
    half = policy(audit=0.5)
    put_to_work(place, half)
    parcels = make_parcels(120, seed=2)
    done = run(place, half, parcels)
    automatic = set(done.loc[done["verdict_by"] == "policy", "case_id"])
    lane = questions.open_reviews(place.log, "parcels", lane=True)
    assert set(lane["kind"]) == {"audit"}
    assert lane["blind"].all()
    assert 0.2 * len(automatic) < len(lane) < 0.8 * len(automatic)
    assert set(lane["case_id"]) <= automatic
    recorded = questions.automatic(place.log, "parcels", model="parcels-late")
    assert set(recorded["audit_probability"]) == {0.5}
    again = run(place, half, parcels.sample(frac=1, random_state=0)).set_index("case_id").loc[done["case_id"]]
    assert again["verdict"].tolist() == done["verdict"].tolist()
    assert questions.open_reviews(place.log, "parcels", lane=True).equals(lane)
    assert audit.verify(place.log) == []


def test_a_blind_reader_sees_only_the_case(place: Workspace) -> None:
    """Neither the verdict nor what a model said, its reasons or its confidence is shown; afterwards all of it is."""
    everything = policy(audit=1.0)
    put_to_work(place, everything)
    done = run(place, everything, make_parcels(60, seed=2))
    case_id = questions.open_reviews(place.log, "parcels", lane=True)["case_id"].iloc[0]
    shown = explaining.shown(place, everything, case_id)
    assert set(shown["case"]) == {"case_id", "received_at", "weight", "distance", "region"}
    assert (shown["predictions"], shown["blind"]) == ([], True)
    assert not any(word in json.dumps(shown) for word in ("audit", "policy", "confidence", "rule"))
    verdict = str(done.loc[done["case_id"] == case_id, "verdict"].iloc[0])
    read = decide(place, everything, case_id, verdict=verdict, reason="seen", actor="ann", seconds=12)
    assert isinstance(read, Reading)
    assert (read.kind, read.agreed, read.decision) == ("audit", True, None)
    assert explaining.shown(place, everything, case_id)["predictions"]
    assert questions.readings(place.log, "parcels")["seconds"].tolist() == [12.0]
    with pytest.raises(AlreadyDecided):
        decide(place, everything, case_id, verdict=verdict, reason="seen", actor="bob")


def test_an_open_reader_sees_what_the_models_said(place: Workspace) -> None:
    """Where the policy does not ask for blind readings, the review says that it is an audit."""
    sighted = policy(audit=1.0, blind=False)
    put_to_work(place, sighted)
    run(place, sighted, make_parcels(30, seed=2))
    opened = questions.open_reviews(place.log, "parcels", lane=True)
    assert not opened["blind"].any()
    assert set(opened["reason"]) == {"audit: a share of what policy decides is read by a person as well"}
    assert explaining.shown(place, sighted, opened["case_id"].iloc[0])["predictions"]


def test_a_reading_that_disagrees_corrects_policy(place: Workspace) -> None:
    """The person's verdict becomes the effective decision; the reading stays beside it."""
    everything = policy(audit=1.0)
    put_to_work(place, everything)
    done = run(place, everything, make_parcels(60, seed=2))
    row = done[done["verdict_by"] == "policy"].iloc[0]
    other = "yes" if row["verdict"] == "no" else "no"
    read = decide(place, everything, row["case_id"], verdict=other, reason="seen", actor="ann")
    assert isinstance(read, Reading)
    assert isinstance(read.decision, Decision)
    held = questions.effective(place.log, "parcels", case_ids=[row["case_id"]])
    assert held["verdict"].tolist() == [other]
    assert held["actor"].tolist() == ["ann"]


def test_an_ordinary_review_is_answered_first(place: Workspace) -> None:
    """Where a decision is asked for, the answer is the decision, and who gave it cannot read it a second time."""
    twice = policy(second_readings=1.0)
    run(place, twice, make_parcels(5))
    ids = questions.open_reviews(place.log, "parcels")["case_id"].tolist()
    for case_id in ids:
        said = decide(place, twice, case_id, verdict="yes", reason="seen", actor="ann")
        assert isinstance(said, Decision)
    assert open_second_readings(place, twice) == 5
    assert open_second_readings(place, twice) == 0
    with pytest.raises(ConflictingWrite, match="ask another person"):
        decide(place, twice, ids[0], verdict="yes", reason="seen", actor="Ann")
    second = decide(place, twice, ids[0], verdict="no", reason="seen", actor="bob")
    assert isinstance(second, Reading)
    assert (second.kind, second.agreed, second.decision) == ("second", False, None)


def test_known_cases_are_seeded_among_the_answers(place: Workspace) -> None:
    """As many as the share of people's answers, of cases whose truth is known, and no more when asked again."""
    seeded = policy(known_cases=1.0, max_error=0.12)
    put_to_work(place, seeded)
    parcels = make_parcels(150, seed=2)
    done = run(place, seeded, parcels)
    assert seed_known_cases(place, seeded) == 0
    asked = done.loc[done["verdict"].isna(), "case_id"].tolist()[:7]
    for case_id in asked:
        decide(place, seeded, case_id, verdict="yes", reason="seen", actor="ann")
    assert seed_known_cases(place, seeded) == 0  # no truth is known yet
    record_outcomes(place, seeded, make_outcomes(parcels))
    assert seed_known_cases(place, seeded) == len(asked) == 7
    assert seed_known_cases(place, seeded) == 0
    opened = questions.open_reviews(place.log, "parcels", lane=True)
    assert set(opened["kind"]) == {"known"}
    assert not set(opened["case_id"]) & set(asked)
    read = decide(place, seeded, opened["case_id"].iloc[0], verdict="yes", reason="seen", actor="ann")
    assert isinstance(read, Reading)
    assert (read.kind, read.agreed) == ("known", None)


def test_second_readings_are_of_late_answers_only(place: Workspace) -> None:
    """What was answered longer ago than a certificate is valid is let be."""
    twice = policy(second_readings=1.0)
    run(place, twice, make_parcels(2))
    for case_id in questions.open_reviews(place.log, "parcels")["case_id"].tolist():
        decide(place, twice, case_id, verdict="yes", reason="seen", actor="ann")
    later = place.now() + twice.review.valid_for + timedelta(days=1)
    assert open_second_readings(place, twice, as_of=later) == 0


def test_a_standing_alarm_is_heard_by_review(place: Workspace) -> None:
    """What the monitor raised raises the probability that is recorded."""
    some = policy(audit=0.1)
    put_to_work(place, some)
    alarms.raise_alarm(
        place.log,
        "parcels",
        model="parcels-late",
        version=1,
        kind="drift",
        action="audit more",
        reason="it moved",
        evidence="{}",
        actor="monitor",
    )
    run(place, some, make_parcels(60, seed=2))
    assert set(questions.automatic(place.log, "parcels", model="parcels-late")["audit_probability"]) == {0.5}


def test_the_command_line_keeps_a_blind_reader_blind(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """List and show tell nothing of the verdict or the models; the answer is a reading, with the seconds it took."""
    everything = policy(audit=1.0)
    put_to_work(place, everything)
    done = run(place, everything, make_parcels(40, seed=2))
    monkeypatch.setenv("AIOPS_HOME", str(place.settings.home))
    monkeypatch.setenv("AIOPS_DATABASE_URL", place.log.url)
    case_id = str(done.loc[done["verdict_by"] == "policy", "case_id"].iloc[0])
    listed = json.loads(said("list", "-u", "parcels", "--json", "--limit", "100"))
    mine = next(row for row in listed if row["case_id"] == case_id)
    assert (mine["kind"], mine["question"], mine["blind"]) == (None, None, True)
    path = ["-u", "tests.parcels:PARCELS"]
    shown = json.loads(said("show", *path, case_id, "--json"))
    assert (shown["predictions"], shown["decision"]) == ([], None)
    for text in (json.dumps(mine), json.dumps(shown), said("show", *path, case_id)):
        assert not any(word in text for word in ("audit", "policy", "confidence", "rule", "parcels-late"))
    answer = ["--verdict", "yes", "--reason", "seen", "--name", "ann", "--seconds", "9"]
    assert case_id in said("answer", *path, case_id, *answer)
    assert questions.readings(place.log, "parcels", case_ids=[case_id])["seconds"].tolist() == [9.0]
    assert json.loads(said("show", *path, case_id, "--json"))["predictions"]


def said(*command: str) -> str:
    """What a command about reviews prints."""
    told = CliRunner().invoke(review_app, command, catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.stdout
