"""The conformance suite: a use case that keeps every rule passes, one that breaks a rule fails with its sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aiops_flows.errors import UseCaseError
from aiops_flows.settings import Settings
from aiops_flows.testing import CHECKS, Report, check_conformance, conformance
from aiops_flows.testing.deciding import reason_for_every_verdict
from aiops_flows.testing.promoting import rollback_and_recall
from aiops_flows.testing.scene import Scene
from aiops_flows.use_case import load_use_case
from tests.broken_use_cases import past

QUICK = [name for name in CHECKS if name != "short drill"]


@pytest.fixture(scope="module")
def home(parcels_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an MLflow store: making one takes seconds."""
    folder = tmp_path_factory.mktemp("conformance") / "home"
    shutil.copytree(parcels_home, folder)
    return folder


def held(home: Path, name: str, *only: str) -> Report:
    """The checks on one of the use cases that are broken on purpose."""
    return conformance(f"tests.broken_use_cases:{name}", *past(), home=home, only=only)


def test_a_use_case_that_keeps_every_rule_passes(home: Path) -> None:
    """Every check passes, and says what it has seen."""
    report = check_conformance("tests.broken_use_cases:NOTED", *past(), home=home)
    assert [result.name for result in report.results] == list(CHECKS)
    assert [result.word for result in report.results] == ["passed"] * len(CHECKS)
    assert "came three times" in report["intake twice"].sentence
    assert report["replay identical"].figures["decisions"]
    assert report["rollback and recall"].figures["found"]
    assert report["effects once"].figures["arrived"]
    assert report["short drill"].figures["points"]
    assert {row["result"] for row in report.as_rows()} == {"passed"}


def test_a_field_that_is_new_at_each_reading_is_found(home: Path) -> None:
    """The same row must be the same case, whenever it comes; and the sentence says what a field may not hold."""
    report = held(home, "CHANGING", "intake twice")
    assert not report.passed
    assert "became conflicts: a field gets another value each time" in report["intake twice"].sentence


def test_a_field_that_takes_anything_is_found(home: Path) -> None:
    """What is no case must not pass for one; the sentence names the field and what it took."""
    report = held(home, "SWALLOWING", "poison rows")
    assert "Swallowing takes for a case what is none: weight = " in report["poison rows"].sentence


def test_a_rule_that_fails_on_few_cases_is_found(home: Path) -> None:
    """A decision must not need company; what the code raises is told by its place, never in its words."""
    report = held(home, "FEW", "a decision once", "rollback and recall")
    for result in report.results:
        assert result.passed is False
        assert "ValueError in broken_use_cases.py" in result.sentence
        assert "secret" not in str(report)


def test_a_model_that_wavers_is_found_by_every_check_that_it_breaks(home: Path) -> None:
    """Chance in a model breaks replay, no gate on quality lets anything pass, and a body that fails sends nothing."""
    report = held(home, "WAVERING", "gate both ways", "replay identical", "effects once")
    assert "learned from shuffled outcomes passes its gates (missing_values)" in report["gate both ways"].sentence
    assert "says nothing passes its gates" in report["gate both ways"].sentence
    assert "come out otherwise when they are made again" in report["replay identical"].sentence
    assert "messages could not be made" in report["effects once"].sentence
    assert len(report.failed) == 3


def test_gates_that_nothing_passes_are_found(home: Path) -> None:
    """A model that its own gates refuse can never be promoted."""
    report = held(home, "SILENT", "gate both ways")
    assert "does not pass its own gates on the given cases (roc_auc" in report["gate both ways"].sentence


def test_cases_of_another_kind_end_the_checks_with_a_sentence(home: Path) -> None:
    """Without a single case nothing is proved, and the reason is said."""
    report = held(home, "LONELY", "intake twice")
    assert "lacks the columns ['colour']" in report["intake twice"].sentence
    with pytest.raises(AssertionError, match="intake twice: FAILED"):
        check_conformance("tests.broken_use_cases:LONELY", *past(), home=home, only=["intake twice"])


def test_a_check_must_be_known() -> None:
    """A misspelt check is no check that passed."""
    with pytest.raises(UseCaseError, match="no check is called"):
        conformance("tests.broken_use_cases:NOTED", [], [], only=["intake once"])


def test_what_the_library_itself_must_keep_is_looked_at_too(home: Path, tmp_path: Path) -> None:
    """A verdict without a reason, or none of the policy's, and a decision that a recall does not find, are findings."""
    path = "tests.broken_use_cases:NOTED"
    scene = Scene(path, load_use_case(path), *past(), tmp_path, Settings(home=home, actor="conformance"))
    try:
        whole = scene.decided
        scene.decided = whole.assign(verdict_reason="")
        assert f"{len(whole)} cases have no reason" in reason_for_every_verdict(scene).sentence
        scene.decided = whole.assign(verdict="maybe")
        assert "the verdicts ['maybe'] are none of" in reason_for_every_verdict(scene).sentence
        scene.decided = whole[whole["verdict_by"] == "policy"].iloc[1:]
        assert f"{len(scene.decided)} cases were decided by version" in rollback_and_recall(scene).sentence
    finally:
        scene.close()
