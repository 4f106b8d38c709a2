"""A real MLflow, on a database and behind a server, made once a session; each test has its own model."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from aiops_flows.registry import Registered, Registry

_SERVER_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], what: str, seconds: float = _SERVER_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {seconds:.0f} s")
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    stores = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *stores], cwd=folder, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(url), f"MLflow at {url}")
    return process, url


def end_server(process: subprocess.Popen[bytes]) -> None:
    """End the server with its workers: a group of processes of its own."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, url = start_server(tmp_path_factory.mktemp("mlflow-server"))
    yield url
    end_server(process)


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a server that was there, and was killed."""
    process, url = start_server(tmp_path_factory.mktemp("stopped"))
    end_server(process)
    return url


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def local(database_url: str, tmp_path: Path) -> Registry:
    """A registry on a database of this machine, with an empty cache."""
    return Registry(database_url, tmp_path / "models")


@pytest.fixture(params=["database", "server"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    """A registry with an empty cache, on a database and then behind a server."""
    url = request.getfixturevalue(f"{request.param}_url")
    return Registry(url, tmp_path / "models")


@dataclass(frozen=True)
class Example:
    """A fitted estimator under a name of its own, and rows to ask it about."""

    model: str
    estimator: Any
    rows: pd.DataFrame

    def register(self, registry: Registry, **changes: Any) -> Registered:
        """Register it, with the facts a training would give."""
        facts: dict[str, Any] = {
            "features": self.rows.iloc[:0],
            "metrics": {"roc_auc": 0.7},
            "params": {"max_iter": 5},
            "tags": {"use_case": "claims"},
            "figures": {},
            "dataset_digest": "d" * 64,
            "code_version": "abc123",
        }
        return registry.register(self.model, self.estimator, **(facts | changes))


@pytest.fixture(scope="session")
def fitted() -> tuple[Any, pd.DataFrame]:
    chance = np.random.default_rng(0)
    rows = pd.DataFrame({"amount": chance.normal(size=300), "region": chance.choice(["north", "south"], 300)})
    encoder = make_column_transformer((OrdinalEncoder(), ["region"]), remainder="passthrough")
    estimator = make_pipeline(encoder, HistGradientBoostingClassifier(max_iter=5))
    return estimator.fit(rows, rows["amount"] > 0), rows


@pytest.fixture
def example(fitted: tuple[Any, pd.DataFrame]) -> Example:
    """A small fitted pipeline under a name that no other test uses."""
    return Example(f"claims-{uuid4().hex[:8]}", *fitted)
