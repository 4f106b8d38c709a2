"""A workspace on a real case log and a real MLflow store, for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aiops_flows.case_log import CaseLog
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.workspace import Workspace


@pytest.fixture
def place(case_log: CaseLog, pristine_store: Path, tmp_path: Path) -> Workspace:
    """A workspace that nothing has happened in."""
    home = tmp_path / "home"
    shutil.copytree(pristine_store, home)
    settings = Settings(home=home, actor="trainer")
    return Workspace(case_log, Registry(settings.tracking_url, settings.model_cache), settings)
