"""Which deployments of a prefect.yaml belong to a use case."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiops_flows.errors import StackError
from aiops_flows.stack.deploying import deployments_of

PROJECT = Path(__file__).parents[3]


def test_only_what_belongs_to_a_use_case_is_deployed() -> None:
    """Its own flow, and the supplied flows that name it."""
    names = deployments_of(PROJECT, ["flows.claims:CLAIMS"])
    assert {"claims", "claims-retrain", "claims-promote", "claims-recall"} <= set(names)
    assert all(name.startswith("claims") for name in names)
    both = deployments_of(PROJECT, ["flows.claims:CLAIMS", "flows.planning:PLANNING"])
    assert set(names) < set(both)
    assert "planning" in both


def test_an_entrypoint_may_be_a_file(tmp_path: Path) -> None:
    """Prefect takes a path of a file as well as a module."""
    (tmp_path / "prefect.yaml").write_text("deployments: [{name: returns, entrypoint: 'returns.py:returns'}]")
    assert deployments_of(tmp_path, ["returns:RETURNS"]) == ["returns"]


def test_a_use_case_without_deployments_is_refused(tmp_path: Path) -> None:
    """Nothing is deployed instead of it."""
    with pytest.raises(StackError, match=r"no deployment of returns:RETURNS"):
        deployments_of(PROJECT, ["returns:RETURNS"])
    (tmp_path / "prefect.yaml").write_text("deployments: [")
    with pytest.raises(StackError, match="cannot be read"):
        deployments_of(tmp_path, ["returns:RETURNS"])
