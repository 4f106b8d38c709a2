"""A home folder whose champions have learned parcels, made once and copied: making one takes seconds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aiops_flows.case_log import audit
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.workspace import Workspace
from tests.at_work import put_to_work
from tests.parcels import PARCELS


@contextmanager
def living_in(home: Path) -> Iterator[None]:
    """Within it a folder is the home folder of this process."""
    before = os.environ.get("AIOPS_HOME")
    os.environ["AIOPS_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.pop("AIOPS_HOME") if before is None else os.environ.update(AIOPS_HOME=before)


@pytest.fixture(scope="session")
def pristine_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store as it is made, once: making one takes seconds."""
    folder = tmp_path_factory.mktemp("pristine")
    assert Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "models").close_leftovers() == []  # opens it
    assert (folder / "mlflow.db").is_file()
    return folder


@pytest.fixture(scope="session")
def parcels_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is copied."""
    home = tmp_path_factory.mktemp("parcels") / "home"
    with living_in(home):
        place = Workspace.here()
        put_to_work(place, PARCELS)
        place.log.close()
    return home


@pytest.fixture
def at_home(parcels_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of its own in this process's environment; afterwards its record must be whole."""
    shutil.copytree(parcels_home, tmp_path / "home")
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path / "home"))
    for name in ("AIOPS_DATABASE_URL", "AIOPS_MLFLOW_URL", "PREFECT_API_URL", "AIOPS_SERVE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert Settings().home == tmp_path / "home"
    place = Workspace.here()
    yield place
    assert audit.verify(place.log) == []
