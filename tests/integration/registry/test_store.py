"""The store on this machine: made once by many, quietly, in its own folder; and cleared of what the dead left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.errors import VersionUnknown
from aiops_flows.registry import Registry

_REGISTER = """
import sys
from pathlib import Path
import pandas as pd
from sklearn.linear_model import LogisticRegression
from aiops_flows.registry import Registry
registry = Registry(sys.argv[1], Path(sys.argv[2]))
table = pd.DataFrame({"amount": [0.0, 1.0, 2.0, 3.0]})
FIGURES
made = registry.register("claims", LogisticRegression().fit(table, [0, 1, 0, 1]), features=table.iloc[:0], metrics={},
    params={}, tags={}, figures=figures, dataset_digest="d" * 64, code_version="c")
assert registry.load("claims", made.version, made.digest) is not None
registry.project("claims", champion=made.version, challenger=None)
"""
_DIES = """
class Deadly:
    def savefig(self, *given, **named):
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
figures = {"deadly": Deadly()}
"""
_LOUD = ("MLFLOW_LOGGING_LEVEL", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "MLFLOW_DISABLE_TELEMETRY")


def start(folder: Path, figure: str = "figures = {}") -> subprocess.Popen[str]:
    """A process, in an empty working directory, that registers a version in the store of the folder."""
    (folder / "work").mkdir(exist_ok=True)
    command = [sys.executable, "-c", _REGISTER.replace("FIGURES", figure), f"sqlite:///{folder / 'mlflow.db'}"]
    environment = {name: value for name, value in os.environ.items() if name not in _LOUD}
    source = str(Path(__file__).parents[3] / "src")
    return subprocess.Popen(
        [*command, str(folder / "models")],
        cwd=folder / "work",
        env=environment | {"PYTHONPATH": source},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_four_processes_at_once_make_one_store(tmp_path: Path) -> None:
    """Four processes that find no store make it together: each registers its version, and all are there.

    They say nothing on the terminal and leave nothing in the working directory.
    """
    processes = [start(tmp_path) for _ in range(4)]
    told = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], told
    assert told == [("", "")] * 4
    assert list((tmp_path / "work").iterdir()) == []
    versions = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "models")
    with pytest.raises(VersionUnknown):
        versions.load("claims", 5, "0" * 64)
    assert len(list((tmp_path / "models").iterdir())) == 4


def test_what_a_killed_registration_left_is_closed(local: Registry, tmp_path: Path) -> None:
    """A kill -9 in the middle leaves an open run and no version; the janitor ends the run, once."""
    folder = Path(local.url.removeprefix("sqlite:///")).parent
    process = start(folder, _DIES)
    process.communicate(timeout=120)
    assert process.returncode < 0
    with pytest.raises(VersionUnknown):
        local.load("claims", 1, "0" * 64)
    assert local.close_leftovers() == [], "a run that was opened within the hour may be at work"
    (closed,) = local.close_leftovers(older_than_seconds=0)
    assert local.close_leftovers(older_than_seconds=0) == []
    assert local.evidence_files(closed) == {}


def test_finished_registrations_are_left_alone(local: Registry, example: Any) -> None:
    """The janitor touches nothing that was finished."""
    made = example.register(local)
    assert made.run_id not in local.close_leftovers(older_than_seconds=0)
    assert local.load(example.model, made.version, made.digest)
