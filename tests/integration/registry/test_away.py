"""With MLflow away, scoring goes on from the cache, and everything else says so within three seconds."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.errors import RegistryAway, RegistryError
from aiops_flows.registry import Registered, Registry

_SECONDS = 3.0
_RUN = "0123456789abcdef" * 2

_SCORE = """
import sys
from pathlib import Path
import pandas as pd
from aiops_flows.registry import Registry
assert not {"mlflow", "skops"} & set(sys.modules), "importing the registry loads neither"
registry = Registry("http://127.0.0.1:9", Path(sys.argv[1]))
estimator = registry.load("claims", 1, sys.argv[2])
estimator.predict(pd.DataFrame({"amount": [0.5], "region": ["north"]}))
assert not {"mlflow", "torch", "prefect", "evidently"} & set(sys.modules), "nor does scoring load more than it needs"
"""


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        taken: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    taken.append(listening.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@pytest.fixture
def nothing() -> str:
    """An address at which nothing listens."""
    return "http://127.0.0.1:9"


@pytest.fixture(params=["nothing", "black_hole", "stopped"])
def away(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def made(local: Registry, example: Any) -> Registered:
    made: Registered = example.register(local)
    return made


def test_a_cached_version_is_loaded_without_mlflow(away: str, made: Registered, example: Any, tmp_path: Path) -> None:
    """The champion goes on, from the cache, without a wait."""
    begun = time.monotonic()
    assert Registry(away, tmp_path / "models").load(example.model, made.version, made.digest)
    assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize("work", ["load", "register", "attach", "evidence_files", "project", "close_leftovers"])
def test_what_needs_mlflow_says_so_within_three_seconds(away: str, work: str, example: Any, tmp_path: Path) -> None:
    """Whether nothing listens, nothing answers, or the server was killed: `RegistryAway`, and soon."""
    registry = Registry(away, tmp_path / "empty")
    works: dict[str, Callable[[], object]] = {
        "load": lambda: registry.load(example.model, 1, "0" * 64),
        "register": lambda: example.register(registry),
        "attach": lambda: registry.attach(_RUN, {"evidence/gates.json": b"{}"}),
        "evidence_files": lambda: registry.evidence_files(_RUN),
        "project": lambda: registry.project(example.model, champion=1, challenger=None),
        "close_leftovers": registry.close_leftovers,
    }
    begun = time.monotonic()
    with pytest.raises(RegistryAway, match="does not answer"):
        works[work]()
    assert time.monotonic() - begun < _SECONDS


def test_health_is_known_within_three_seconds(away: str, local: Registry, tmp_path: Path) -> None:
    """`healthy` never hangs."""
    begun = time.monotonic()
    assert not Registry(away, tmp_path).healthy()
    assert time.monotonic() - begun < _SECONDS
    assert local.healthy()


def test_a_database_that_is_away_is_found_out(tmp_path: Path) -> None:
    """A database server at which nothing listens is as much away as a web server; its password is not told."""
    registry = Registry("postgresql://mlflow:secret@127.0.0.1:9/mlflow", tmp_path)
    with pytest.raises(RegistryAway) as told:
        registry.evidence_files(_RUN)
    assert "secret" not in str(told.value)


def test_a_process_that_only_scores_never_imports_mlflow(local: Registry, example: Any, tmp_path: Path) -> None:
    """Loading from the cache and predicting needs neither MLflow nor torch."""
    made = example.register(local)
    subprocess.run([sys.executable, "-c", _SCORE, str(tmp_path / "models"), made.digest], check=True, timeout=120)


def test_a_cache_that_cannot_be_written_is_said(
    local: Registry, made: Registered, example: Any, tmp_path: Path
) -> None:
    """A file where the cache's folder should be is an error of the registry that names it, so that scoring goes on."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match=r"model cache .*file"):
        Registry(local.url, tmp_path / "file" / "models").load(example.model, made.version, made.digest)
