"""The gate `shadow`: on live cases a better challenger passes, a worse one is refused, and few labels wait."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier

from aiops_flows.case_log import alarms, promotions, versions
from aiops_flows.errors import NotApproved
from aiops_flows.steps.comparing import compare
from aiops_flows.steps.promotion import approve, promote
from aiops_flows.steps.training import retrain
from aiops_flows.use_case import Gate, UseCase
from tests.living import Life
from tests.parcels import PARCELS, cost, late

SHADOW = replace(late, gates=[Gate("missing_values", at_most=0.1), Gate("shadow", at_most=0.05)])
POOR = replace(SHADOW, estimator=DummyClassifier())
GOOD_AFTER_POOR = replace(PARCELS, models=[SHADOW, cost])
POOR_FIRST = replace(PARCELS, models=[POOR, cost])


@pytest.fixture
def store(pristine_store: Path, tmp_path: Path) -> Path:
    """A home folder with an empty MLflow store."""
    return Path(shutil.copytree(pristine_store, tmp_path / "home"))


def begun(store: Path, use_case: UseCase, then: UseCase) -> Life:
    """A life whose first champion is of one declaration, and which goes on under another."""
    life = Life.begin(store, use_case)
    life.use_case = then
    return life


def test_a_better_challenger_waits_for_labels_and_then_passes(store: Path) -> None:
    """The verdict of live cases is new evidence: what was approved before is void, what is approved then counts."""
    careful = replace(GOOD_AFTER_POOR, models=[replace(SHADOW, four_eyes=True), cost])
    life = begun(store, POOR_FIRST, careful)
    spec = careful.models[0]
    made = retrain(life.place, careful, spec)
    assert made.passed
    assert [result.passed for result in made.results] == [True, None]
    approve(life.place, careful, spec.name, made.version, approver="second person")
    waiting = promote(life.place, careful, spec, proposer="proposer")
    assert waiting.action == "waiting"
    assert "keep collecting" in waiting.reasons[0]
    for _ in range(2):
        life.day(150, told=True)
    asked = promote(life.place, careful, spec, proposer="proposer")
    assert asked.action == "waiting"
    assert "approval" in asked.reasons[0]
    assert asked.evidence_digest not in {made.evidence_digest, waiting.evidence_digest}
    with pytest.raises(NotApproved):
        approve(life.place, careful, spec.name, made.version, approver="x", evidence_digest=made.evidence_digest)
    approve(life.place, careful, spec.name, made.version, approver="second person")
    life.day(50, told=True)  # more labels that say the same void no approval
    done = promote(life.place, careful, spec, proposer="proposer")
    assert done.promoted, done.reasons
    assert done.evidence_digest == asked.evidence_digest
    kept = json.loads(life.place.registry.evidence_files(made.run_id)["evidence/evidence.json"])
    assert kept["shadow"]["verdict"] == "promote"


def test_a_worse_challenger_is_refused_once(store: Path) -> None:
    """Live cases that show it to be worse refuse it, with the figures; asked again, the refusal stands as it is."""
    life = begun(store, GOOD_AFTER_POOR, POOR_FIRST)
    made = retrain(life.place, POOR_FIRST, POOR)
    for _ in range(2):
        life.day(150, told=True)
    refused = promote(life.place, POOR_FIRST, POOR, version=made.version)
    assert refused.action == "refused"
    assert "the challenger is worse" in refused.reasons[0]
    life.day(30, told=True)
    assert promote(life.place, POOR_FIRST, POOR, version=made.version).reasons == refused.reasons
    history = promotions.history(life.place.log, "parcels", "parcels-late")
    assert history["action"].tolist() == ["promote", "refuse"]


def test_the_first_champion_has_nothing_to_be_compared_with(store: Path) -> None:
    """Without a champion the gate passes and says so; and there is nothing to compare."""
    life = Life.begin(store, GOOD_AFTER_POOR)
    record = versions.get(life.place.log, "parcels", "parcels-late", 1)
    (result,) = [gate for gate in json.loads(str(record.evidence))["gates"] if gate["gate"] == "shadow"]
    assert result["passed"] is True
    assert "no champion" in result["reason"]
    found = compare(life.place, GOOD_AFTER_POOR, SHADOW, 1)
    assert found is not None
    assert found.labels == 0


def test_a_gate_left_open_is_not_passed_by_leaving_it_out(store: Path) -> None:
    """Evidence that leaves the gate to the promotion is refused where the model no longer declares it."""
    life = Life.begin(store, GOOD_AFTER_POOR)
    made = retrain(life.place, GOOD_AFTER_POOR, SHADOW)
    without = replace(SHADOW, gates=[Gate("missing_values", at_most=0.1)])
    result = promote(life.place, replace(PARCELS, models=[without, cost]), without, version=made.version)
    assert result.action == "refused"
    assert "judged at promotion" in result.reasons[0]


def test_evidence_interrupted_between_its_two_writes_is_judged_anew(store: Path) -> None:
    """MLflow has another verdict than the log: it is written again, and approvals of the old one are void."""
    life = begun(store, POOR_FIRST, GOOD_AFTER_POOR)
    made = retrain(life.place, GOOD_AFTER_POOR, SHADOW)
    for _ in range(2):
        life.day(150, told=True)
    kept = json.loads(life.place.registry.evidence_files(made.run_id)["evidence/evidence.json"])
    torn = kept | {"shadow": {"verdict": "promote", "labels": 10**6}}
    life.place.registry.attach(made.run_id, {"evidence/evidence.json": json.dumps(torn).encode()})
    done = promote(life.place, GOOD_AFTER_POOR, SHADOW)
    assert done.promoted, done.reasons
    healed = json.loads(life.place.registry.evidence_files(made.run_id)["evidence/evidence.json"])
    assert healed["shadow"]["labels"] == 300
    torn = healed | {"rows": "other"}
    life.place.registry.attach(made.run_id, {"evidence/evidence.json": json.dumps(torn).encode()})
    again = retrain(life.place, GOOD_AFTER_POOR, SHADOW)
    life.place.registry.attach(again.run_id, {"evidence/evidence.json": json.dumps(torn).encode()})
    assert "not what was judged" in promote(life.place, GOOD_AFTER_POOR, SHADOW).reasons[0]


def raised(life: Life, kind: alarms.AlarmKind, action: alarms.AlarmAction) -> int:
    """The number of an alarm of the first champion that is open now."""
    about: dict[str, Any] = {"model": late.name, "reason": "it moved", "evidence": "{}", "actor": "monitor"}
    return alarms.raise_alarm(life.place.log, "parcels", version=1, kind=kind, action=action, **about)


def test_open_alarms_block_a_promotion_or_ask_for_a_second_person(store: Path) -> None:
    """A blocking alarm refuses until it is cleared; one that asks for approval waits, also without four eyes."""
    life = Life.begin(store, PARCELS)
    log = life.place.log
    made = retrain(life.place, PARCELS, late)
    block = raised(life, "data quality", "block promotion")
    refused = promote(life.place, PARCELS, late, version=made.version)
    assert refused.action == "refused"
    assert f"alarm {block}" in refused.reasons[0]
    alarms.clear(log, "parcels", block, reason="mended", actor="operator")
    raised(life, "drift", "approval")
    assert promote(life.place, PARCELS, late, version=made.version, proposer="ann").action == "waiting"
    approve(life.place, PARCELS, late.name, made.version, approver="Ann")
    assert promote(life.place, PARCELS, late, version=made.version, proposer="ann").action == "waiting"
    approve(life.place, PARCELS, late.name, made.version, approver="bob")
    assert promote(life.place, PARCELS, late, version=made.version, proposer="ann").promoted
