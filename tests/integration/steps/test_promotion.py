"""Promotion keeps its word: four eyes, one winner, and nothing that was changed after it was judged."""

from __future__ import annotations

import shutil
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from aiops_flows.case_log import promotions, questions, versions
from aiops_flows.errors import ChampionChanged, NotApproved, RegistryError, TrainingError
from aiops_flows.registry import Registry
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import PromotionResult, approve, promote, repair_aliases
from aiops_flows.steps.review import review
from aiops_flows.steps.training import Retrained, retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Gate, UseCase
from tests.parcels import PARCELS, cost, late, make_outcomes, make_parcels

NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()
CAREFUL = replace(late, four_eyes=True)
FOUR_EYES = replace(PARCELS, models=[CAREFUL, cost])


def trained(place: Workspace, use_case: UseCase = PARCELS) -> Retrained:
    """A challenger that passes its gates."""
    history = make_parcels(1200, seed=1, prefix="H")
    take_in(place, use_case, history, history=True)
    record_outcomes(place, use_case, make_outcomes(history))
    made = retrain(place, use_case, use_case.models[0], as_of=NOW)
    assert made.passed, made.reasons
    return made


def test_four_eyes_are_four_eyes(place: Workspace) -> None:
    """Neither trainer nor proposer can approve; somebody else can, and then it is promoted."""
    made = trained(place, FOUR_EYES)
    assert promote(place, FOUR_EYES, CAREFUL, proposer="proposer").action == "waiting"
    with pytest.raises(NotApproved):
        approve(place, FOUR_EYES, "parcels-late", made.version, approver="trainer")
    approve(place, FOUR_EYES, "parcels-late", made.version, approver="proposer")
    assert promote(place, FOUR_EYES, CAREFUL, proposer="proposer").action == "waiting"
    approve(place, FOUR_EYES, "parcels-late", made.version, approver="second person")
    assert promote(place, FOUR_EYES, CAREFUL, proposer="proposer").promoted
    champion = promotions.champion(place.log, "parcels", "parcels-late")
    assert champion is not None
    assert champion.approver == "second person"


def test_an_approval_holds_for_the_evidence_that_was_seen(place: Workspace) -> None:
    """New evidence voids it, and an approval of other evidence is refused."""
    made = trained(place, FOUR_EYES)
    with pytest.raises(NotApproved, match="look at it again"):
        approve(place, FOUR_EYES, "parcels-late", made.version, approver="second person", evidence_digest="0" * 64)
    approve(place, FOUR_EYES, "parcels-late", made.version, approver="second person")
    record = versions.get(place.log, "parcels", "parcels-late", made.version)
    changed = str(record.evidence) + "\n"
    versions.attach_evidence(
        place.log, "parcels", "parcels-late", made.version, evidence=changed, evidence_digest="1" * 64, certificate=None
    )
    assert not promote(place, FOUR_EYES, CAREFUL, proposer="proposer").promoted


def test_a_report_that_was_changed_is_not_promoted(place: Workspace) -> None:
    """What the approver would look at must be what was judged."""
    made = trained(place)
    place.registry.attach(made.run_id, {"evidence/drift_report.html": b"<html>all is well</html>"})
    result = promote(place, PARCELS, late)
    assert result.action == "refused"
    assert "not the one that was judged" in result.reasons[0]


def test_promoting_again_changes_nothing(place: Workspace) -> None:
    """The champion is not refused for being champion, and a refusal is not written twice."""
    made = trained(place)
    assert promote(place, PARCELS, late, version=made.version).promoted
    again = promote(place, PARCELS, late, version=made.version)
    assert (again.action, again.reasons) == ("nothing", ["it is the champion already"])
    worse = retrain(place, PARCELS, replace(late, estimator=DummyClassifier()), as_of=NOW)
    for _ in range(2):
        assert promote(place, PARCELS, late, version=worse.version).action == "refused"
    assert promotions.history(place.log, "parcels", "parcels-late")["action"].tolist() == ["promote", "refuse"]


def test_four_eyes_asked_for_after_the_training_are_asked_for(place: Workspace) -> None:
    """A version from before the policy asked for a second person does not slip through without one."""
    trained(place)
    result = promote(place, FOUR_EYES, CAREFUL)
    assert result.action == "refused"
    assert "second person" in result.reasons[0]


def test_a_champion_that_cannot_be_loaded_has_a_successor(place: Workspace) -> None:
    """It can be trained; a gate that compares with the champion refuses it, one that does not lets it pass."""
    trained(place)
    assert promote(place, PARCELS, late).promoted
    shutil.rmtree(place.settings.model_cache)
    for file in place.settings.home.rglob("model.skops"):
        file.write_bytes(b"something else")
    cold = replace(place, registry=Registry(place.settings.tracking_url, place.settings.model_cache))
    made = retrain(cold, PARCELS, late, as_of=NOW)
    assert [reason for reason in made.reasons if "the champion cannot be measured" in reason] != []
    assert promote(cold, PARCELS, late).action == "refused"
    own = replace(late, gates=[Gate("roc_auc", at_least=0.7, beats_baseline=True)])
    made = retrain(cold, PARCELS, own, as_of=NOW)
    assert promote(cold, PARCELS, own, version=made.version).promoted


def test_a_model_name_belongs_to_one_use_case(place: Workspace) -> None:
    """Two use cases would move each other's aliases: the second is told before anything is registered."""
    trained(place)
    other = replace(PARCELS, name="other-parcels")
    with pytest.raises(RegistryError, match="belongs to the use case 'parcels'"):
        trained(place, other)
    assert versions.latest(place.log, "other-parcels", "parcels-late") is None


def test_an_estimator_that_fails_does_not_quote_a_case(place: Workspace) -> None:
    """Training says where it failed, and nothing of what the customer's row held."""
    history = make_parcels(300, seed=1, prefix="H").assign(region="Anna Canary")
    take_in(place, PARCELS, history, history=True)
    record_outcomes(place, PARCELS, make_outcomes(history))
    raw = replace(late, estimator=LogisticRegression())
    with pytest.raises(TrainingError, match="cannot learn from") as told:
        retrain(place, PARCELS, raw, as_of=NOW)
    assert "Anna" not in "".join(traceback.format_exception(told.value))


def test_a_race_has_one_winner(place: Workspace) -> None:
    """Of many who promote at once one moves the champion, and the others are told."""
    trained(place)

    def race(number: int) -> PromotionResult | Exception:
        try:
            return promote(place, PARCELS, late, version=1, proposer=f"racer {number}")
        except ChampionChanged as lost:
            return lost

    with ThreadPoolExecutor(8) as racers:
        results = list(racers.map(race, range(8)))
    winners = [result for result in results if isinstance(result, PromotionResult) and result.promoted]
    assert len(winners) == 1
    history = promotions.history(place.log, "parcels", "parcels-late")
    assert (history["action"] == "promote").sum() == 1


def test_aliases_are_repaired_from_the_case_log(place: Workspace) -> None:
    """Somebody moved the alias by hand: the log knows better, and says that it had to repair."""
    trained(place)
    promote(place, PARCELS, late)
    place.registry.project("parcels-late", champion=None, challenger=1)
    assert repair_aliases(place, PARCELS, late)
    assert not repair_aliases(place, PARCELS, late)


def test_a_model_whose_files_were_changed_decides_nothing(place: Workspace) -> None:
    """One changed byte in the cache and in MLflow: the cases go to people, and the reason says why."""
    trained(place)
    promote(place, PARCELS, late)
    model_files = [path for path in place.settings.folder.rglob("model.skops") if path.is_file()]
    assert len(model_files) >= 2  # MLflow's and the cache's
    for path in model_files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)
    fresh = replace(place, registry=type(place.registry)(place.settings.tracking_url, place.settings.model_cache))
    cases = take_in(fresh, PARCELS, make_parcels(20, seed=5))
    said = predict(fresh, PARCELS, late, cases)
    assert said["late"].isna().all()
    done = review(fresh, PARCELS, predict(fresh, PARCELS, cost, said))
    assert done["verdict"].isna().all()
    assert done["verdict_reason"].str.contains("could not be loaded: DigestMismatch|has no champion").all()
    assert len(questions.open_reviews(place.log, "parcels")) == 20
