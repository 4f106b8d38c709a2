"""One way from what is typed to the use case, the flow or the model that is meant, for all commands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiops_flows.cli.naming import Declaration, did_you_mean, flow_of, path_of, use_cases_here
from aiops_flows.errors import UseCaseError

RETURNS = """
from prefect import flow
from sklearn.dummy import DummyClassifier

from aiops_flows import Case, Gate, ModelSpec, ReviewPolicy, UseCase


class Parcel(Case):
    weight: float


late = ModelSpec("returns-late", ["weight"], "late", DummyClassifier(), gates=[Gate("accuracy", at_least=0.1)])
RETURNS = UseCase(name="returns", case=Parcel, models=[late], review=ReviewPolicy(verdicts=["yes", "no"]))


@flow
def returns(source: str) -> str:
    return source
"""
SECOND_FLOW = """

@flow
def returns_by_night(source: str) -> str:
    return source
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one use case in a file, and things beside it that declare none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "returns_project.py").write_text(RETURNS)
    (tmp_path / "broken.py").write_text('X = UseCase(name="broken"')
    (tmp_path / "talk.py").write_text('"""UseCase(name="talk") is only mentioned here."""\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "made.py").write_text('MADE = UseCase(name="made", case=None)\n')
    yield tmp_path
    sys.modules.pop("returns_project", None)


def test_declared_use_cases_are_read_and_not_run(project: Path) -> None:
    """A file that is broken, a text that mentions one, and tests declare none."""
    assert use_cases_here(project) == [Declaration("returns", "returns_project:RETURNS")]
    assert "returns_project" not in sys.modules


def test_a_name_stands_for_the_path_of_the_use_case_that_is_declared_here(project: Path) -> None:
    """A path is taken as it is; another name is refused with what is there."""
    assert path_of("returns") == "returns_project:RETURNS"
    assert path_of("somewhere.else:IT") == "somewhere.else:IT"
    with pytest.raises(UseCaseError, match=r"no use case 'return'.*\['returns'\]; did you mean 'returns'"):
        path_of("return")
    (project / "copy.py").write_text(RETURNS)
    with pytest.raises(UseCaseError, match="several files"):
        path_of("returns")


def test_the_flow_beside_the_use_case_is_the_one_that_runs(project: Path) -> None:
    """Without a use case it is that of the only one declared here; several flows have to be told apart."""
    for use_case in ("returns", "returns_project:RETURNS", ""):
        assert flow_of(use_case).__name__ == "returns"
    sys.modules.pop("returns_project")
    (project / "returns_project.py").write_text(RETURNS + SECOND_FLOW)
    with pytest.raises(UseCaseError, match=r"--flow returns_project:returns"):
        flow_of("returns")


def test_a_folder_without_a_use_case_says_what_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed, least of all the flow of a demo."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UseCaseError, match=r"which use case\?.*--use-case"):
        flow_of("")


def test_the_closest_name_is_suggested_and_none_that_is_far() -> None:
    """Letter case does not matter."""
    assert did_you_mean("Claim", ["claims", "planning"]) == "; did you mean 'claims'?"
    assert did_you_mean("x", ["claims"]) == ""
