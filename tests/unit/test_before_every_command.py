"""What is set before every command, where the user has not set it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_flows.cli import app

SET = {"OMP_WAIT_POLICY": "passive", "DO_NOT_TRACK": "1"}


@pytest.mark.parametrize(("name", "value"), SET.items())
def test_commands_are_quiet_and_do_not_spin(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No telemetry, and threads that wait sleep; what the user has set stays."""
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path / "none"))
    for each in (*SET, "PREFECT_LOGGING_LEVEL"):
        monkeypatch.setenv(each, "own")
    CliRunner().invoke(app, ["status"])
    assert os.environ[name] == "own"
    monkeypatch.delenv(name)
    CliRunner().invoke(app, ["status"])
    assert os.environ[name] == value
