"""The command line answers people in tables, machines in JSON, and tells how it went by its exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest
from prefect import flow

from aiops_flows import tasks
from aiops_flows.case_log import alarms
from aiops_flows.cli import main
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import review
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_outcomes, make_parcels

pytestmark = pytest.mark.slow

USE_CASE = ["-u", "tests.parcels:PARCELS"]
DONE, NO, USAGE, FAULT = 0, 1, 2, 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder in which a history was taken in."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("AIOPS_HOME")
    os.environ["AIOPS_HOME"] = str(folder)
    history = make_parcels(1500, seed=1, prefix="H")
    take_in(Workspace.here(), PARCELS, history, history=True)
    record_outcomes(Workspace.here(), PARCELS, make_outcomes(history))
    yield folder
    os.environ.pop("AIOPS_HOME") if before is None else os.environ.update(AIOPS_HOME=before)


def run_apart(home: Path, command: Sequence[str], expected: int = DONE) -> str:
    """What a command prints on standard output, as another process; its exit code must be the one expected."""
    done = subprocess.run(
        [sys.executable, "-c", "from aiops_flows.cli import main; main()", *command],
        env=os.environ | {"AIOPS_HOME": str(home), "AIOPS_ACTOR": "operator"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, (command, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + (done.stderr if expected == FAULT else "")


@flow
def parcels(source: str) -> pd.DataFrame:
    """The business flow, as a user writes it."""
    cases = tasks.intake(PARCELS, source)
    for model in PARCELS.models:
        cases = tasks.predict(PARCELS, model, cases)
    return tasks.review(PARCELS, cases)


def run(home: Path, command: Sequence[str], expected: int = DONE) -> str:
    """The same within this process, which has imported everything already; what it sets is set back."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"AIOPS_HOME": str(home), "AIOPS_ACTOR": "operator"}
    with ExitStack() as here:
        here.enter_context(patch.dict(os.environ, environment))
        here.enter_context(patch.object(sys, "argv", ["aiops-flows", *command]))
        here.enter_context(patch.object(sys, "path", [*sys.path]))
        here.enter_context(warnings.catch_warnings())
        here.enter_context(redirect_stdout(out))
        here.enter_context(redirect_stderr(err))
        ended = here.enter_context(pytest.raises(SystemExit))
        main()
    assert ended.value.code == expected, (command, out.getvalue(), err.getvalue())
    return out.getvalue() + (err.getvalue() if expected == FAULT else "")


def rows(home: Path, *command: str, expected: int = DONE) -> Any:
    """The JSON that a command prints."""
    return json.loads(run(home, [*command, "--json"], expected))


def test_an_operator_lives_through_a_season_on_the_command_line(home: Path) -> None:
    """Train, promote, answer, trace, roll back, recall, verify: each in one command."""
    for model in ("cost", "late"):
        run(home, ["retrain", *USE_CASE, model])
        assert rows(home, "promote", *USE_CASE, model)[0]["action"] == "promoted"
    assert rows(home, "champion", *USE_CASE, "late")[0]["version"] == 1

    place = Workspace.here()
    cases = take_in(place, PARCELS, make_parcels(200, seed=2))
    for spec in PARCELS.models:
        cases = predict(place, PARCELS, spec, cases)
    review(place, PARCELS, cases)
    counts = rows(home, "status")[0]
    assert counts["decided_by_policy"] + counts["open_reviews"] == 200

    waiting = rows(home, "review", "list", *USE_CASE)
    case_id = waiting[0]["case_id"]
    shown = rows(home, "review", "show", *USE_CASE, case_id)
    assert shown["predictions"][0]["reasons"][0]["feature"] in {"weight", "distance", "region"}
    run(home, ["review", "answer", *USE_CASE, case_id, "--verdict", "yes", "--reason", "seen"])
    again = ["review", "answer", *USE_CASE, case_id, "--verdict", "no", "--reason", "seen"]
    assert "decided" in run(home, again, FAULT)
    run(home, [*again, "--replaces", "0"])
    trace = rows(home, "trace", *USE_CASE, case_id)
    assert [decision["verdict"] for decision in trace["decisions"]] == ["yes", "no"]

    assert rows(home, "quality", *USE_CASE, "--by", "week")[-1]["period"] == "total"
    assert "not mature" in run(home, ["quality", *USE_CASE])
    (person,) = rows(home, "reviewers", *USE_CASE)
    assert (person["name"], person["answers"]) == ("operator", 1)
    assert rows(home, "certify", *USE_CASE)[0]["version"] == 1
    assert "no challenger" in run(home, ["compare", *USE_CASE, "late"], NO)

    (judged,) = rows(home, "retrain", *USE_CASE, "late")
    assert (judged["model"], judged["version"], judged["passed"]) == ("parcels-late", 2, True)
    assert rows(home, "compare", *USE_CASE, "late", expected=NO)[0]["verdict"] == "keep collecting"
    run(home, ["promote", *USE_CASE, "late"])
    run(home, ["rollback", *USE_CASE, "late", "--reason", "swapped"])
    assert rows(home, "recall", *USE_CASE, "late", "2")[0]["found"] == 0
    assert json.loads(run(home, ["verify", "--json"]))["findings"] == []
    assert "holds" in run_apart(home, ["verify"])
    assert {row["verdict"] for row in rows(home, "doctor")} <= {"good", "look"}


def test_what_cannot_be_done_says_so_and_exits_with_three(home: Path) -> None:
    """An error of ours is a sentence with the next step, never a traceback."""
    assert "no use case" in run_apart(home, ["review", "list", "-u", "tests.parcels:NOTHING"], FAULT)
    assert "has no case" in run(home, ["review", "show", *USE_CASE, "nobody"], FAULT)
    assert "no champion" in run(home, ["champion", *USE_CASE, "late", "--at", "2020-01-01"], FAULT)
    run(home, ["champion", *USE_CASE, "late", "--at", "soon"], USAGE)
    assert "no flow at" in run(home, ["run", __file__, "--flow", "tests.parcels:nothing"], FAULT)
    assert "no such file" in run(home, ["run", "nothing.csv"], FAULT)
    run_apart(home, ["nonsense"], USAGE)


@pytest.mark.prefect_server
def test_a_run_that_took_nothing_says_so_and_exits_with_one(home: Path, tmp_path: Path) -> None:
    """Rows came, and all of them are in quarantine: that is no day without cases."""
    make_parcels(5, seed=21).assign(weight="heavy").to_csv(tmp_path / "bad.csv", index=False)
    command = ["run", str(tmp_path / "bad.csv"), "--flow", "tests.acceptance.test_command_line:parcels"]
    printed = run(home, command, NO)
    assert "no cases came" in printed
    assert "5 rows went to quarantine; aiops-flows quarantine shows the reasons" in printed
    (tmp_path / "none").mkdir()
    assert "no cases came" in run(home, ["run", str(tmp_path / "none"), *command[2:]], DONE)


def test_a_refusal_exits_with_one(home: Path) -> None:
    """Scripts can tell a refused promotion from a fault."""
    assert "nothing" in run(home, ["promote", *USE_CASE, "cost"], NO)


def test_alarms_are_listed_and_cleared_by_name(home: Path) -> None:
    """An open alarm is shown until somebody clears it under a name; an unknown one is an error with the next step."""
    said: dict[str, Any] = {"model": "parcels-late", "reason": "a burst", "evidence": "{}", "actor": "monitor"}
    log = Workspace.here().log
    number = alarms.raise_alarm(log, "parcels", version=1, kind="error", action="audit more", **said)
    assert [row["number"] for row in rows(home, "alarms", "list", "-u", "parcels")] == [number]
    run(home, ["alarms", "clear", *USE_CASE, str(number), "--reason", "seen to"])
    assert "no alarm is open" in run(home, ["alarms", "list", *USE_CASE])
    assert [row["actor"] for row in rows(home, "alarms", "list", *USE_CASE, "--all")] == ["monitor", "operator"]
    assert "no alarm 99" in run(home, ["alarms", "clear", *USE_CASE, "99", "--reason", "?"], FAULT)


def test_outcomes_are_recorded_from_a_file(home: Path, tmp_path: Path) -> None:
    """The numbers say what became of the rows; sent again, all are known."""
    parcels = make_parcels(20, seed=7, prefix="O")
    take_in(Workspace.here(), PARCELS, parcels)
    told = make_outcomes(parcels)
    told.loc[0, "case_id"] = "nobody"
    told.to_csv(tmp_path / "told.csv", index=False)
    command = ["record-outcomes", *USE_CASE, str(tmp_path / "told.csv")]
    outcomes = told[["cost", "late"]].iloc[1:].size
    assert rows(home, *command) == [{"new": outcomes, "known": 0, "quarantined": 1, "spellings": []}]
    assert rows(home, *command)[0]["known"] == outcomes
    assert "nobody" in run(home, ["quarantine", "-u", "parcels"])


def test_questions_take_the_bare_name_of_a_use_case_and_load_no_steps(home: Path) -> None:
    """What only asks the record is quick: no estimator, no flow, none of the user's code is loaded."""
    assert rows(home, "review", "list", "-u", "parcels", "--limit", "1") is not None
    assert "no use case 'parcel'" in run(home, ["review", "list", "-u", "parcel"], FAULT)
    for command in (["status"], ["review", "list", "-u", "parcels"], ["trace", "-u", "parcels", "H1-000001"]):
        asked = (
            "import sys; from aiops_flows.cli import app; app({!r}, standalone_mode=False); "
            "print(sorted({{'prefect', 'sklearn', 'scipy', 'mlflow', 'torch', 'tests.parcels'}} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", asked.format(command)], env=os.environ, capture_output=True, text=True, check=False
        )
        assert done.stdout.endswith("[]\n"), (command, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AIOPS_BATCH_SIZE", "lots", "a setting is wrong: AIOPS_BATCH_SIZE=lots"),
        ("AIOPS_HOME", "/dev/null/home", "does not exist"),
    ],
)
def test_wrong_settings_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """A wrong setting or an unusable home folder is a sentence that names it."""
    monkeypatch.setenv(variable, value)
    assert said in run(Path(os.environ["AIOPS_HOME"]) if variable == "AIOPS_HOME" else home, ["status"], FAULT)


def test_the_doctor_names_a_home_that_cannot_be_used() -> None:
    """Where nothing else can be looked at, the doctor still says what to mend."""
    found = rows(Path("/dev/null/home"), "doctor", expected=NO)
    assert [row["verdict"] for row in found if row["what"] == "home"] == ["broken"]


def test_the_doctor_sees_the_telemetry_that_was_left_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at what the user has set, not at what the command line sets for itself."""
    monkeypatch.delenv("PREFECT_SERVER_ANALYTICS_ENABLED", raising=False)
    found = {row["what"]: row["verdict"] for row in json.loads(run_apart(home, ["doctor", "--json"]))}
    assert found["telemetry"] == "look"
