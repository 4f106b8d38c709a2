"""What a step works with is what the environment describes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiops_flows.case_log import audit
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_parcels


@pytest.mark.postgres
def test_a_log_on_postgresql_has_a_witness_too(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each machine remembers what it wrote, so that an end cut off with its head is found there."""
    monkeypatch.setenv("AIOPS_DATABASE_URL", postgres_url)
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path))
    place = Workspace.here()
    take_in(place, PARCELS, make_parcels(3))
    assert audit.verify(place.log) == []
    assert place.log.witness is not None
    (seen,) = place.log.witness.heads()
    assert {seen[0]: seen[1:]} == audit.head(place.log)
    with place.log.witness.path.open("a", encoding="utf-8") as file:
        file.write(f"parcels 2 {'0' * 64}\n")
    assert "the witness file saw audit rows after the last" in audit.verify(place.log)[0].what
    place.log.close()
