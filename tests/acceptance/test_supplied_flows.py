"""The supplied flows on a real Prefect server: a use case lives, and people answer in forms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from aiops_flows import lifecycle, stack
from aiops_flows.case_log import audit, promotions, questions
from aiops_flows.settings import Settings
from aiops_flows.steps.workspace import Workspace
from aiops_flows.tasks import intake, predict, record_outcomes, review
from tests.homes import living_in
from tests.integration.steps.test_terms_by_command import PATH as STOCK
from tests.integration.steps.test_terms_by_command import lines_at_work
from tests.parcels import PARCELS, make_outcomes, make_parcels

pytestmark = [pytest.mark.prefect_server, pytest.mark.slow]

PATH = "tests.parcels:PARCELS"
NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()


@flow
def parcels(source: str) -> pd.DataFrame:
    """The business flow, as a user writes it."""
    cases = intake(PARCELS, source)
    for model in PARCELS.models:
        cases = predict(PARCELS, model, cases)
    return review(PARCELS, cases)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a Prefect server, in which a history was learned from."""
    with living_in(tmp_path_factory.mktemp("home")), stack.prefect_server(Settings(), own=True):
        yield Workspace.here()


def message(state: Any) -> str:
    """What a run said at its end, which is Completed."""
    assert state.is_completed(), state
    return str(state.message)


def artifact_keys() -> set[str]:
    """The keys of the artifacts that the server shows."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(exists_=True)))
    return {str(artifact.key) for artifact in found}


def test_the_run_of_intake_says_what_became_of_the_source(place: Workspace, tmp_path: Path) -> None:
    """Its state's message has the counts; the caller has the frame, as from any task."""
    parcels_file = tmp_path / "parcels.csv"
    make_parcels(20, seed=8).assign(colour="red", weight=[*range(1, 20), "heavy"]).to_csv(parcels_file, index=False)

    state = intake(PARCELS, str(parcels_file), history=True, return_state=True)
    left_out = "left out: 1 column (not part of the case)"
    read_as = "1 column read as the source shows (see the log)"
    assert message(state) == f"19 cases, 1 row to quarantine, {left_out}, {read_as}"
    assert len(intake(PARCELS, str(parcels_file), history=True)) == 19


def test_a_use_case_lives_on_a_prefect_server(place: Workspace, tmp_path: Path) -> None:
    """Each supplied flow ends Completed and says what it did."""
    history = make_parcels(1500, seed=1, prefix="H")
    intake(PARCELS, history, history=True)
    record_outcomes(PARCELS, make_outcomes(history))
    said = message(lifecycle.retrain(PATH, as_of=NOW, return_state=True))
    assert said == "parcels-cost version 1: promoted; parcels-late version 1: promoted"

    inbox = tmp_path / "inbox"
    inbox.mkdir()
    make_parcels(300, seed=2).to_csv(inbox / "a.csv", index=False)
    done = parcels(str(inbox))
    assert len(done) == 300
    assert (done["verdict_by"] == "policy").sum() > 0

    said = message(lifecycle.monitor(PATH, return_state=True))
    assert "0 findings" in said
    assert "parcels-late: " in message(lifecycle.check_drift(PATH, return_state=True))
    shown = {"parcels-late-gates", "parcels-late-version", "parcels-late-drift", "parcels-health"}
    shown |= {f"parcels-{table}" for table in ("certificate", "quality", "watch", "alarms")}
    assert shown <= artifact_keys()

    waiting = questions.open_reviews(place.log, "parcels")
    case_id = waiting["case_id"].iloc[0]
    answered = lifecycle.answer_review(PATH, case_id, "yes", "seen it", "Reviewer One", return_state=True)
    assert "stored" in message(answered)

    record_outcomes(PARCELS, make_outcomes(make_parcels(300, seed=2)))
    said = message(lifecycle.retrain(PATH, "parcels-late", promote_after=False, as_of=NOW, return_state=True))
    assert said == "parcels-late version 2: passed its gates"
    said = message(lifecycle.approve_promotion(PATH, "parcels-late", 2, "Approver Two", return_state=True))
    assert said == "parcels-late version 2: promoted"

    make_parcels(200, seed=3).to_parquet(inbox / "b.parquet")
    decided = int((parcels(str(inbox))["verdict_by"] == "policy").sum())
    said = message(lifecycle.rollback(PATH, "parcels-late", "labels were swapped", return_state=True))
    assert "version 1: rolled back" in said
    assert f"{decided} found" in message(lifecycle.recall(PATH, "parcels-late", 2, return_state=True))
    champion = promotions.champion(place.log, "parcels", "parcels-late")
    assert champion is not None
    assert champion.version == 1
    assert audit.verify(place.log) == []


def test_a_planner_changes_an_order_in_the_form(place: Workspace) -> None:
    """What is typed beside the verdict is kept with the decision, and what was proposed beside it."""
    lines_at_work(place)
    for typed, case_id in ((48.5, "bolt"), ("12", "new")):
        done = lifecycle.answer_review(
            STOCK, case_id, "change", "a promotion", "Reviewer One", terms={"order": typed}, return_state=True
        )
        assert "stored" in message(done)
    kept = questions.answered(place.log, "stock").set_index("case_id")
    assert kept["terms"].to_dict() == {"bolt": {"order": 48.5}, "new": {"order": 12}}
    assert kept["proposed"].to_dict() == {"bolt": {"order": 36}, "new": {"order": None}}


def test_a_refused_challenger_is_a_completed_run(place: Workspace) -> None:
    """Too few labels, or a failed gate, is a result: the message says so."""
    said = message(
        lifecycle.retrain(PATH, "parcels-late", as_of=pd.Timestamp("2026-01-02", tz="UTC"), return_state=True)
    )
    assert "not trained" in said
    assert message(lifecycle.promote(PATH, "parcels-cost", return_state=True)) == (
        "parcels-cost: nothing (no challenger is waiting)"
    )


def test_no_case_reaches_prefects_database(place: Workspace) -> None:
    """Prefect sees paths, ids and counts: no content of a case."""
    database = b"".join(path.read_bytes() for path in (place.settings.folder / "prefect").rglob("*.db*"))
    assert database
    stored = questions.cases(place.log, "parcels")
    for body in stored["body"].head(200):
        assert body.encode() not in database
    ids = [case_id for case_id in stored["case_id"] if case_id.encode() in database]
    assert len(ids) <= 1  # the one that was answered in a form
