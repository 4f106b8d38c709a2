"""A history replayed: simulated time, late labels, simulated people, a candidate beside the present use case."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.case_log import audit, questions
from aiops_flows.replay import History, Replayed, Reviewers, Schedule, replay, reproduce, write
from aiops_flows.replay.export import inert
from aiops_flows.replay.run import workspace_in
from aiops_flows.use_case import UseCase
from benchmarks.streams.stable import STABLE, stable_history
from tests.parcels import PARCELS, make_outcomes, make_parcels

pytestmark = pytest.mark.slow

ROWS = 1_400
CASES = make_parcels(ROWS).assign(case_id=[f"+{number:06d}" for number in range(ROWS)])  # a formula to a spreadsheet
OUTCOMES = make_outcomes(CASES)
START = pd.Timestamp("2026-01-29", tz="UTC")
PRESENT = replace(PARCELS, review=replace(PARCELS.review, audit=0.3))
STRICT = replace(PARCELS, review=replace(PARCELS.review, audit=0.3, max_error=0.1))
PEOPLE = Reviewers(capacity_per_day=6.0, error=0.1, minutes_per_case=5.0)
PLAN = Schedule(retrain=timedelta(days=14), drift=timedelta(days=14))


@pytest.fixture(scope="module")
def history() -> History:
    return History.made(PARCELS, CASES, OUTCOMES, amount="cost")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def replayed(history: History, home: Path, said: list[str]) -> Replayed:
    """The parcels of two months, a stricter policy beside the present one."""
    return replay(
        PRESENT, history, candidate=STRICT, start=START, schedule=PLAN, reviewers=PEOPLE, by="month", folder=home,
        say=said.append,
    )  # fmt: skip


def test_every_case_is_decided_or_waits_and_the_record_holds(replayed: Replayed) -> None:
    """A replay leaves a case log like any other: nothing lost, nothing doubled, the audit trail intact."""
    for side in replayed.sides.values():
        received = CASES["received_at"] >= START
        assert len(side.ledger) == received.sum() == side.total["cases"]
        assert side.broken == []
        assert side.quarantined == 0
        assert side.ledger["by"].isin(["policy", "person", "open"]).all()


def test_nothing_is_written_before_its_time(replayed: Replayed, home: Path) -> None:
    """The record's moments are those of the history: cases after receipt, outcomes after they became known."""
    with workspace_in(home / "present") as place:
        log = place.log
        told = questions.outcomes(log, "parcels", name="late", every=True)
        written = pd.DataFrame(questions.trace(log, "parcels", told["case_id"].iloc[-1])["audit"])
        assert pd.to_datetime(written["at"]).between(START, OUTCOMES["known_at"].max()).all()
        said = questions.predictions(log, "parcels", model="parcels-late").merge(
            questions.cases(log, "parcels"), on="case_id"
        )
        assert (said["at"] >= said["received_at"]).all()
        assert (said["at"] - said["received_at"] <= PLAN.batch).all()
        assert audit.verify(log) == []
    assert replayed.present.events["at"].between(START, replayed.end).all()


def test_people_answer_no_more_than_they_can(replayed: Replayed) -> None:
    """The capacity bounds answers and readings together; the hours follow from both."""
    side = replayed.present
    days = (replayed.end - replayed.start) / pd.Timedelta(days=1)
    answered = (side.ledger["by"] == "person").sum() + side.ledger["read"].notna().sum()
    assert 0 < answered <= PEOPLE.capacity_per_day * days + 1
    assert side.total["reviewer_hours"] == pytest.approx(answered * 5 / 60, rel=0.1)


def test_a_stricter_candidate_moves_cases_from_policy_to_people(replayed: Replayed) -> None:
    """The table of changes holds exactly the cases that policy decides on one side only, or otherwise."""
    assert replayed.candidate is not None
    before, after = replayed.present.ledger, replayed.candidate.ledger
    differs = (before["by"] == "policy") != (after["by"] == "policy")
    differs |= (before["by"] == "policy") & (after["by"] == "policy") & (before["verdict"] != after["verdict"])
    assert set(replayed.changes["case_id"]) == set(before.index[differs])
    assert replayed.moves["cases"].sum() == len(before)
    assert replayed.candidate.total["coverage"] < replayed.present.total["coverage"]


def test_figures_add_up(replayed: Replayed) -> None:
    """The periods make up the whole, and the error is that of the truth known at the end."""
    table = replayed.present.periods
    parts, whole = table[table["period"] != "all"], table[table["period"] == "all"].iloc[0]
    for name in ("cases", "by_policy", "by_people", "told", "wrong", "audit_readings", "promotions", "money_wrong"):
        assert parts[name].sum() == pytest.approx(whole[name])
    rows = replayed.present.ledger
    auto = rows[rows["by"] == "policy"]
    assert whole["error"] == pytest.approx((auto["verdict"] != auto["true_late"]).mean())
    assert whole["money_wrong"] == pytest.approx(auto["amount"][auto["verdict"] != auto["true_late"]].sum())


def test_the_result_is_written_for_machines_and_for_people(replayed: Replayed, tmp_path: Path) -> None:
    """JSON, CSV without an active cell, and a page that needs nothing from elsewhere."""
    files = {file.name: file for file in write(replayed, tmp_path)}
    assert set(files) == {"replay.html", "replay.json", "periods.csv", "events.csv", "changes.csv"}
    found = json.loads(files["replay.json"].read_text())
    assert found["changed_decisions"] == len(replayed.changes)
    assert found["present"]["periods"][-1]["cases"] == len(replayed.present.ledger)
    for name in ("periods.csv", "events.csv", "changes.csv"):
        with files[name].open(newline="") as opened:
            cells = [cell for line in csv.reader(opened) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    page = files["replay.html"].read_text()
    assert page.count("<svg") == 5
    for loading in ("src=", 'href="http', "<script", "@import", "url("):
        assert loading not in page.replace("url(#", "(")
    assert "<strong>The people are simulated</strong>" in page


def test_progress_is_told(replayed: Replayed, said: list[str]) -> None:
    """Long work says how far it is."""
    assert len(said) >= 2 * len(replayed.sides)
    assert all("parcels" in line for line in said)


def test_the_same_replay_gives_the_same_result(replayed: Replayed, history: History) -> None:
    """Everything is seeded: run again, each case becomes the same."""
    again = replay(PRESENT, history, start=START, schedule=PLAN, reviewers=PEOPLE, by="month")
    pd.testing.assert_frame_equal(again.present.ledger, replayed.present.ledger)


def test_every_decision_is_reproduced(replayed: Replayed, home: Path) -> None:
    """Same versions, same certificate, same policy: the same verdicts, scores within 1e-9."""
    with workspace_in(home / "present") as place:
        found = reproduce(place, PRESENT)
        assert found.holds, found.differences[:3]
        assert found.decisions == found.same == replayed.present.total["by_policy"] > 100
        assert found.predictions == 2 * found.decisions
        assert found.worst <= 1e-9
        assert reproduce(place, PRESENT, limit=10).decisions == 10
        since = place.log.now() + timedelta(days=1)
        assert reproduce(place, PRESENT, since=since).decisions == 0


def test_decisions_of_another_policy_are_counted_apart(replayed: Replayed, home: Path) -> None:
    """Under a policy that is no longer declared, predictions are repeated and verdicts are not called wrong."""
    assert replayed.present.total["by_policy"] > 0
    with workspace_in(home / "present") as place:
        found = reproduce(place, STRICT, limit=50)
    assert (found.decisions, found.same, found.other_policy, found.differences) == (50, 0, 50, [])


def test_a_changed_model_file_is_told(replayed: Replayed, home: Path) -> None:
    """A decision whose version no longer has the registered digest is listed, with the reason."""
    assert replayed.candidate is not None
    with workspace_in(home / "candidate") as place:
        for file in (home / "candidate").rglob("*.skops"):
            file.write_bytes(file.read_bytes() + b"x")
        found = reproduce(place, STRICT, limit=20)
    assert len(found.differences) == 20
    assert "could not be loaded" in found.differences[0].what


def test_on_stable_data_nothing_blocks_or_rolls_back() -> None:
    """A business that never changes: every challenger may be promoted, no alarm is raised, the target holds."""
    done = replay(
        STABLE, stable_history(6_000, days=240), schedule=Schedule(retrain=timedelta(days=56), drift=timedelta(days=56))
    ).present
    total = done.total
    assert total["rollbacks"] == 0
    assert not done.events["detail"].str.contains("block promotion|to people|rolled back").any()
    assert total["by_policy"] > 500
    assert total["error_low"] <= STABLE.review.max_error


def test_in_a_turned_world_the_monitor_stops_what_no_longer_holds() -> None:
    """Certificates are renewed as time goes by; once outcomes are turned round, persons decide, and it is told why."""
    history = stable_history(4_000, days=240)
    turned = history.received.set_axis(history.ids) >= pd.Timestamp("2024-06-01", tz="UTC")
    told = history.outcomes
    other = told["returned"].map({"yes": "no", "no": "yes"})
    outcomes = told.assign(returned=told["returned"].mask(told["case_id"].map(turned), other))
    audited = replace(STABLE, review=replace(STABLE.review, audit=0.3, valid_for=timedelta(days=40)))
    done = replay(audited, replace(history, outcomes=outcomes), schedule=Schedule(retrain=None, drift=None)).present
    raised = done.events[done.events["what"] == "alarm raised"]
    assert raised["detail"].str.contains("error → to people").any()
    assert (raised["at"] >= "2024-06-01").all()
    assert (done.events["what"] == "certificate").sum() > 2
    after = done.ledger[done.ledger["received_at"] >= "2024-08-01"]
    assert (after["by"] != "policy").all()


@pytest.mark.parametrize(
    ("value", "cell"), [("=1+1", "'=1+1"), ("-x", "'-x"), (None, ""), (float("nan"), ""), (0.5, "0.5"), ("a=b", "a=b")]
)
def test_a_cell_is_inert(value: object, cell: str) -> None:
    """No text of an export is taken for a formula."""
    assert inert(value) == cell


def test_use_cases_without_verdicts_in_their_outcomes_leave_readings_open(history: History) -> None:
    """Where outcomes are no verdicts, simulated people know no right answer to read by."""
    quantities: UseCase = replace(PARCELS, review=replace(PARCELS.review, verdicts=["pay", "ask"], auto={}))
    assert Reviewers().truth(quantities, history).empty
