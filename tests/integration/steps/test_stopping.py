"""Stop means stop, and starting again says what it sets free; a question changes nothing."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from aiops_flows.case_log import alarms, audit, holds, questions, versions
from aiops_flows.cli import app
from aiops_flows.steps.automation import automation
from aiops_flows.steps.certifying import renew, would_certify
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.recall import recall
from aiops_flows.steps.review import review
from aiops_flows.steps.stopping import clear_alarm, hold, release, restart_after
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from tests.at_work import LEARNED, install, put_to_work, run
from tests.parcels import PARCELS, make_parcels

PATH = "tests.parcels:PARCELS"


def by_policy(place: Workspace) -> int:
    return int((questions.effective(place.log, "parcels")["actor_kind"] == "policy").sum())


def raise_stopping_alarm(place: Workspace) -> int:
    return alarms.raise_alarm(
        place.log,
        "parcels",
        model="parcels-late",
        version=1,
        kind="error",
        action="to people",
        reason="the audited error is 0.29",
        evidence="{}",
        actor="monitor",
    )


@pytest.mark.parametrize("how", ["a hold", "an alarm"])
def test_a_frame_that_is_under_way_stops_in_the_middle(place: Workspace, how: str) -> None:
    """No automatic decision is committed after the call returned; the rest of the frame goes to review, with why."""
    put_to_work(place, PARCELS)
    slow = replace(place, settings=place.settings.model_copy(update={"batch_size": 2}))
    cases = take_in(slow, PARCELS, make_parcels(500, seed=2))
    for spec in PARCELS.models:
        cases = predict(slow, PARCELS, spec, cases)
    worker = threading.Thread(target=review, args=(slow, PARCELS, cases))
    worker.start()
    while not by_policy(place):
        worker.join(0.001)
    if how == "a hold":
        hold(place, PARCELS, reason="wrong sums", actor="olga")
    else:
        raise_stopping_alarm(place)
    when_it_returned = by_policy(place)
    worker.join()
    assert by_policy(place) == when_it_returned
    reasons = questions.open_reviews(place.log, "parcels", lane=False)["reason"]
    said = "automatic decisions are held: hold 1 by olga" if how == "a hold" else "alarm 1 sends it to people"
    assert reasons.str.startswith(said).sum() > 0
    counts = questions.counts(place.log, "parcels").iloc[0]
    assert int(counts["unfinished"]) == 0


def test_a_recall_under_a_hold_decides_nothing(place: Workspace) -> None:
    """What a withdrawn version decided goes to people while automatic decisions are held."""
    put_to_work(place, PARCELS)
    run(place, PARCELS, make_parcels(60, seed=2))
    decided = by_policy(place)
    assert decided
    install(place, PARCELS, PARCELS.models[0], as_of=LEARNED + timedelta(days=1))
    renew(place, PARCELS, as_of=LEARNED)
    hold(place, PARCELS, reason="wrong sums", actor="olga")
    done = recall(place, PARCELS, "parcels-late", 1)
    assert (done.confirmed, done.requeued) == (0, decided)


def test_one_line_says_whether_automation_is_on(place: Workspace) -> None:
    """Without a certificate, with one, under a hold, under an alarm, and after the certificate's end."""
    assert str(automation(place, PARCELS)).startswith("automation: off \N{EM DASH} ")
    issued = put_to_work(place, PARCELS)
    assert issued is not None
    on = str(automation(place, PARCELS))
    assert on == f"automation: on, {100 * issued.coverage:.0f} % of cases, until {issued.expires_at[:10]}"
    run(place, PARCELS, make_parcels(20, seed=2))
    assert str(automation(place, "parcels")) == on
    number = hold(place, PARCELS, reason="wrong sums", actor="olga", effects=True).number
    held = str(automation(place, PARCELS))
    assert held.startswith("automation: off \N{EM DASH} held by olga since ")
    assert held.endswith("because wrong sums (hold 1); effects are held too")
    assert release(place, PARCELS, number, reason="mended", actor="olga").done
    alarm = raise_stopping_alarm(place)
    assert "alarm 1 sends cases to review since " in str(automation(place, PARCELS))
    assert str(restart_after(place, PARCELS, alarm_number=alarm).afterwards) == on
    changed = replace(PARCELS, review=replace(PARCELS.review, max_error=0.19))
    assert clear_alarm(place, PARCELS, alarm, reason="mended", actor="ann").done
    assert "the policy has changed" in str(automation(place, changed))


def test_clearing_and_releasing_take_two_people_where_the_policy_asks(place: Workspace) -> None:
    """The first agrees, the second starts automatic decisions again; what they were shown is stored with it."""
    strict: UseCase = replace(PARCELS, review=replace(PARCELS.review, four_eyes=True))
    put_to_work(place, strict)
    number = raise_stopping_alarm(place)
    first = clear_alarm(place, strict, number, reason="mended", actor="Rév")
    assert (first.done, "a second person must agree" in str(first)) == (False, True)
    assert not clear_alarm(place, strict, number, reason="mended", actor="RE\u0301V ").done
    assert clear_alarm(place, strict, number, reason="mended", actor="ann").done
    shown = json.loads(alarms.history(place.log, "parcels")["evidence"].iloc[-1])["shown"]
    assert any(line.startswith("afterwards, automation: on") for line in shown)
    held = hold(place, strict, reason="again", actor="ann")
    assert held.four_eyes
    assert not release(place, strict, held.number, reason="mended", actor="ann").done
    assert release(place, strict, held.number, reason="mended", actor="bea").done


def test_who_certified_is_recorded(place: Workspace) -> None:
    """A renewal names who asked for it."""
    put_to_work(place, PARCELS)
    renew(place, PARCELS, as_of=LEARNED, actor="olga")
    with place.log.reader.connect() as connection:
        actors = connection.exec_driver_sql("SELECT actor FROM audit WHERE kind = 'evidence' ORDER BY seq").all()
    assert [row[0] for row in actors] == ["trainer", "olga"]


@pytest.fixture
def commands(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that the commands see."""
    monkeypatch.setenv("AIOPS_HOME", str(place.settings.home))
    monkeypatch.setenv("AIOPS_DATABASE_URL", place.log.url)
    monkeypatch.setenv("AIOPS_ACTOR", "olga")
    return place


def told(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_the_commands_stop_and_start_again(commands: Workspace) -> None:
    """By the bare name, for all, with an end; a restart is not done before somebody agreed to what it sets free."""
    put_to_work(commands, PARCELS)
    run(commands, PARCELS, make_parcels(20, seed=2))
    code, said = told("hold", "-u", "parcels", "--reason", "wrong sums", "--until", "4h")
    assert (code, "held: hold 1 by olga" in said, "automation: off" in said) == (0, True, True)
    for command in (["status"], ["alarms", "list", "-u", "parcels"], ["review", "list", "-u", PATH]):
        assert "automation: off \N{EM DASH} held by olga since" in told(*command)[1]
    code, said = told("release", "-u", PATH, "--reason", "mended")
    assert (code, "afterwards, automation: on" in said, "nothing was changed" in said) == (1, True, True)
    assert holds.in_force(commands.log, "parcels")
    code, said = told("release", "-u", PATH, "--reason", "mended", "--yes")
    assert (code, "hold 1 released by olga" in said) == (0, True)
    assert told("hold", "--all", "--reason", "wrong sums", "--effects")[0] == 0
    assert "hold 1 of all use cases" in told("status")[1]
    assert told("release", "--all", "--reason", "mended", "--yes")[0] == 0
    number = raise_stopping_alarm(commands)
    code, said = told("alarms", "clear", str(number), "-u", PATH, "--reason", "mended")
    assert (code, "the policy allows" in said, "nothing was changed" in said) == (1, True, True)
    code, said = told("certify", "-u", PATH)
    assert (code, "automation: off \N{EM DASH} alarm 1" in said) == (1, True)
    assert told("alarms", "clear", str(number), "-u", PATH, "--reason", "mended", "--yes")[0] == 0


QUESTIONS = (
    ["status"],
    ["status", "--json"],
    ["certify", "-u", PATH, "--as-known", "2026-05-01"],
    ["quality", "-u", PATH],
    ["quality", "-u", PATH, "--as-known", "2026-05-01"],
    ["corrections", "-u", PATH],
    ["reviewers", "-u", PATH],
    ["alarms", "list", "-u", PATH, "--all"],
    ["hold", "-u", PATH, "--list"],
    ["hold", "--all", "--list"],
    ["compare", "-u", PATH, "parcels-late"],
    ["champion", "-u", PATH, "parcels-late"],
    ["review", "list", "-u", PATH],
    ["quarantine", "-u", PATH],
    ["effects", "list", "-u", PATH],
    ["check-drift", "-u", PATH, "--as-of", "2026-05-01"],
    ["backtest", "-u", PATH, "parcels-late", "--origins", "2"],
    ["verify"],
    ["verify", "--head"],
    ["doctor"],
)


def test_a_question_changes_nothing(commands: Workspace) -> None:
    """Every command that only asks leaves every audit chain, and what is in force, as they were."""
    put_to_work(commands, PARCELS)
    run(commands, PARCELS, make_parcels(40, seed=2))
    case_id = questions.effective(commands.log, "parcels")["case_id"].iloc[0]
    before = audit.head(commands.log)
    certificate = versions.get(commands.log, "parcels", "parcels-late", 1).certificate
    for words in (*QUESTIONS, ["review", "show", case_id, "-u", PATH], ["trace", case_id, "-u", PATH]):
        code, said = told(*words)
        assert code in {0, 1}, f"{words}: {said}"
        assert audit.head(commands.log) == before, words
    assert would_certify(commands, PARCELS, LEARNED) is not None
    automation(commands, PARCELS)
    restart_after(commands, PARCELS, alarm_number=1)
    assert audit.head(commands.log) == before
    assert versions.get(commands.log, "parcels", "parcels-late", 1).certificate == certificate
