"""The command ``replay``: a file, a candidate, and the files that it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_flows.case_log import CaseLog
from aiops_flows.cli import app
from tests.parcels import PARCELS, make_outcomes, make_parcels

pytestmark = pytest.mark.slow
PATH = "tests.parcels:PARCELS"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Parcels of a month with their outcomes in the same rows."""
    parcels = make_parcels(760)
    both = parcels.merge(make_outcomes(parcels), on="case_id")
    both.to_csv(tmp_path / "parcels.csv", index=False)
    return tmp_path / "parcels.csv"


def test_a_history_is_replayed_from_the_command_line(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures come as JSON on the terminal, and as files in a folder; the home folder stays as it was."""
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path / "home"))
    out = tmp_path / "out"
    asked = ["replay", "-u", PATH, str(file), "--retrain-every", "0", "--drift-every", "0", "--reviewers-per-day", "9"]
    done = CliRunner().invoke(app, [*asked, "--start", "2026-01-20", "--by", "month", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["present"]["use_case"] == PARCELS.name
    assert found["present"]["periods"][-1]["cases"] == 760 - 19 * 24
    assert {each.name for each in out.iterdir()} == {"replay.html", "replay.json", "periods.csv", "events.csv"}
    assert not (tmp_path / "home" / "case_log.db").exists()


def test_an_empty_record_is_reproduced_as_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was decided, nothing can differ; where nothing was stored, nothing can be replayed."""
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path))
    CaseLog.open(f"sqlite:///{tmp_path / 'case_log.db'}").close()
    done = CliRunner().invoke(app, ["replay", "-u", PATH, "--reproduce", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["decisions"] == 0
    refused = CliRunner().invoke(app, ["replay", "-u", PATH])
    assert refused.exit_code == 1
    assert "no case of parcels to replay" in str(refused.exception)
