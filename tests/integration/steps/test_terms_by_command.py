"""The command line shows a quantity with its history, intervals and proposal, and takes the terms of an answer."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from prefect.exceptions import ParameterTypeError
from sklearn.dummy import DummyRegressor
from typer.testing import CliRunner

from aiops_flows.case_log import questions, versions, writes
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.case_log.writes import Reviews
from aiops_flows.cli.app import app
from aiops_flows.cli.case_text import readable, with_terms
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.lifecycle import answer_review
from aiops_flows.series.history import History
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase

PATH = "tests.integration.steps.test_terms_by_command:STOCK"


class Line(Case):
    """What is to be ordered of one item."""

    history: History
    stock: float
    derived: ClassVar = {"last": lambda lines: [history["values"][-1] for history in lines["history"]]}


STOCK = UseCase(
    name="stock",
    case=Line,
    models=[ModelSpec(name="stock-demand", features=["history"], output="demand", estimator=DummyRegressor())],
    review=ReviewPolicy(verdicts=["release", "change"]),
    terms={"order": lambda lines: (lines["demand"] - lines["stock"]).round()},
)
VALUES = [float(number % 12) for number in range(30)]
HISTORY = {"every": "month", "first": "2023-01-01T00:00:00+00:00", "values": [*VALUES, None, 7.5]}
SCORES = {"q5": 31.0, "q10": 33.25, "q50": 40.0, "q90": 51.0, "q95": 60.0, "q99": 80.0, "path": [[1.0] * 6]}


def lines_at_work(place: Workspace) -> list[str]:
    """Three lines with a forecast: one that waits for a person, one that is read blind, one without a forecast."""
    rows = [{"case_id": name, "history": HISTORY, "stock": 4.0} for name in ("bolt", "nut", "new")]
    ids: list[str] = take_in(place, STOCK, rows)["case_id"].tolist()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    record = VersionRecord(
        "stock-demand", 3, "d", "r", "d", trained_by="t", trained_at=now, code_version="c", learned="{}"
    )
    versions.register(place.log, "stock", record)
    said = {"case_ids": ids[:2], "values": [40.5] * 2, "confidences": [0.5] * 2, "scores": [json.dumps(SCORES)] * 2}
    writes.add_predictions(place.log, "stock", model="stock-demand", version=3, **said)  # type: ignore[arg-type]
    blind = Reviews(ids, ["the order is unusual"] * 3, [0.0] * 3, [None] * 3, blind=[False, True, False])
    writes.add_verdicts(place.log, "stock", policy_version="p", reviews=blind)
    return ids


def run(*command: str) -> str:
    done = CliRunner().invoke(app, [*command], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def here(pristine_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A home with lines that wait."""
    monkeypatch.setenv("AIOPS_HOME", str(shutil.copytree(pristine_store, tmp_path / "home")))
    place = Workspace.here()
    lines_at_work(place)
    return place


def test_a_planner_sees_and_answers_a_line(here: Workspace, tmp_path: Path) -> None:
    """History, intervals, proposal and why are read as text and drawn; what is said of the order is what holds."""
    seen = run("review", "show", "-u", PATH, "bolt", "--picture", str(tmp_path / "bolt.html"))
    assert "32 values by month; 2023-09 to 2025-08: 8 9 10 11 0 1" in seen
    assert "4 5 - 7.5" in seen
    assert "stock-demand version 3 says 40.5 (confidence 0.5)" in seen
    assert "80 % between 33.25 and 51; 90 % between 31 and 60; 50 % below 40; 99 % below 80" in seen
    assert "proposed: order 36" in seen
    assert "asked because: the order is unusual" in seen
    assert "{" not in seen, "people read text, not JSON"
    assert (tmp_path / "bolt.html").exists()
    assert json.loads(run("review", "show", "-u", PATH, "bolt", "--json"))["terms"] == {"order": 36}

    answer = ["review", "answer", "-u", PATH, "bolt", "--verdict", "change", "--reason", "a promotion"]
    for wrong, fault in (("order", UseCaseError), ("order=many", UseCaseError), ("pack=2", UseCaseError)):
        with pytest.raises(fault):
            run(*answer, "--term", wrong)
    assert "bolt: change: order 48.5, revision 0" in run(*answer, "--term", "order=48.5")
    assert "decided: change: order 48.5 by" in run("review", "show", "-u", PATH, "bolt")
    kept = questions.answered(here.log, "stock").iloc[0]
    assert (kept["terms"], kept["proposed"]) == ({"order": 48.5}, {"order": 36})
    assert json.loads(run("corrections", "-u", PATH, "--json"))["terms"][0]["mean_difference"] == 12.5
    assert "order" in run("corrections", "-u", PATH)


def test_a_blind_reader_sees_neither_forecast_nor_proposal(here: Workspace, tmp_path: Path) -> None:
    """Only the line itself and its history are shown and drawn, and which terms are asked for."""
    seen = run("review", "show", "-u", PATH, "nut", "--picture", str(tmp_path / "nut.html"))
    drawn = (tmp_path / "nut.html").read_text(encoding="utf-8")
    for told in (seen, re.sub("<style.*?</style>|<[^>]*>", " ", drawn, flags=re.DOTALL)):
        assert not any(word in told.split() for word in ("40.5", "33.25", "36", "unusual"))
    assert "say what you would decide: --term order=..." in seen
    with pytest.raises(SourceError, match="name a file in a folder that is there"):
        run("review", "show", "-u", PATH, "nut", "--picture", str(tmp_path / "none" / "nut.html"))
    told = json.loads(run("review", "show", "-u", PATH, "new", "--json"))
    assert (told["predictions"], told["terms"]) == ([], {"order": None})


def test_the_form_takes_terms() -> None:
    """A number or a short text may be typed for each; a long text, which Prefect would keep in clear, may not."""
    form = {"use_case": PATH, "case_id": "new", "verdict": "release", "reason": "known item", "your_name": "ann"}
    for typed in (24, "24", "sea", True):
        assert answer_review.validate_parameters({**form, "terms": {"order": typed}})["terms"] == {"order": typed}
    with pytest.raises(ParameterTypeError):
        answer_review.validate_parameters({**form, "terms": {"order": "Dear customer, " * 10}})


def test_fields_and_terms_read_as_text() -> None:
    """A history without values says so; missing terms are left out."""
    assert readable({"every": "day", "first": "2026-03-28T00:00:00+00:00", "values": []}) == "no values"
    assert (
        readable({"every": "day", "first": "2026-03-28T00:00:00+00:00", "values": [1, 2]})
        == "2026-03-28 to 2026-03-29: 1 2"
    )
    assert readable({"other": 1}) == {"other": 1}
    assert with_terms({"order": None, "level": 34.25, "route": "sea"}) == ": level 34.25, route sea"
    assert with_terms(None) == with_terms({"order": None}) == ""
