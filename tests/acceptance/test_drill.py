"""The drills in short: each holds on both databases, and the control does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiops_flows import drill
from aiops_flows.settings import Settings

SetStage = Callable[..., drill.Stage]


@pytest.fixture(scope="session")
def drill_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which the stand-ins are registered once: making an MLflow store takes seconds."""
    home = tmp_path_factory.mktemp("drill")
    settings = Settings(home=home, database_url=f"sqlite:///{home / 'first.db'}")
    drill.set_stage(settings, home / "first")
    return home


@pytest.fixture
def set_stage(drill_home: Path, database_url: str, tmp_path: Path) -> SetStage:
    """Makes a stage on a fresh database."""

    def make(lease_seconds: float = 20.0) -> drill.Stage:
        settings = Settings(home=drill_home, database_url=database_url, lease_seconds=lease_seconds)
        return drill.set_stage(settings, tmp_path)

    return make


def test_kills_lose_and_double_nothing(set_stage: SetStage) -> None:
    """Processes and sessions die at random moments: nothing is lost, doubled or without audit, but in the control."""
    result = drill.chaos(set_stage(), drill.Chaos(kills=12, size=20, seed=3))
    assert result.violations == []
    assert result.figures["stored"]
    assert result.figures["control_doubled"] or result.figures["control_without_audit"]


def test_nothing_is_decided_after_a_stop(set_stage: SetStage) -> None:
    """A hold, a hold of all, an alarm, an ended certificate: two busy workers and a paused one commit no more."""
    result = drill.stopping(set_stage(), rounds=4, size=30, seed=2)
    assert result.violations == []
    assert result.figures["decided_before"]
    assert result.figures["decided_afterwards"] == 0
    assert result.figures["control_decided_afterwards"]


def test_every_effect_arrives_at_a_sink_that_fails_half_the_time(set_stage: SetStage) -> None:
    """Four senders are killed, answers are lost: every effect arrives, always the same, but not those of the controls.

    A control asks for what is after the last number, which skips none where only one can write: on SQLite.
    """
    result = drill.effects(set_stage(), drill.SendingUnderKills(kills=8, size=20, deliveries=3, seed=5))
    assert result.violations == []
    assert result.figures["skipped"] == 0
    assert result.figures["doubled"]
    assert result.figures["control_lost"]
    assert result.figures["control_skipped"]


def test_dying_at_any_event_and_running_again_comes_out_the_same(set_stage: SetStage) -> None:
    """A process that dies at an event of a batch's life leaves nothing that the same run does not mend."""
    result = drill.crash_points(set_stage(), every=13)
    assert result.violations == []
    assert result.figures["points"]


def test_a_worker_that_lost_its_lease_writes_nothing(set_stage: SetStage) -> None:
    """Stopped until another has its batch, it is refused by the fence when it goes on."""
    result = drill.pausing(set_stage(lease_seconds=0.3), stops=2, seed=1)
    assert result.violations == []
    assert result.figures["refused"] == 2


def test_bad_rows_of_every_kind_block_nobody(set_stage: SetStage) -> None:
    """Each poison and conflict stands in quarantine with its reason; every other row is decided or with a person."""
    result = drill.poison(set_stage(), rows=600)
    assert result.violations == []
    assert result.figures["conflicts"] == 5
    assert result.figures["quarantined"] == 42
    assert result.figures["stored"] == 563


def test_a_case_that_kills_every_worker_is_set_aside(set_stage: SetStage) -> None:
    """It goes to quarantine and to a person, and the cases beside it are decided."""
    result = drill.stopper(set_stage(), size=12)
    assert result.violations == []
    assert result.figures["quarantined"] == 1
    assert result.figures["undecided"] == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_loses_nothing_that_was_acknowledged(set_stage: SetStage) -> None:
    """What was acknowledged is there, and work goes on when there is space again."""
    result = drill.full_disk(set_stage())
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.violations == []
    assert result.figures["refusals"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_with_real_cases_is_not_drilled(drill_home: Path, database_url: str, tmp_path: Path) -> None:
    """What a drill writes cannot be removed: it refuses a database that holds something else."""
    from aiops_flows.case_log import CaseLog, writes
    from aiops_flows.errors import UseCaseError

    with CaseLog.open(database_url) as log:
        writes.add_cases(log, "claims", case_ids=["1"], received_at=[None], bodies=["{}"], digests=["a"])
    with pytest.raises(UseCaseError, match=r"holds cases of .'claims'."):
        drill.set_stage(Settings(home=drill_home, database_url=database_url), tmp_path)
