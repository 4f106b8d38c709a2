"""With MLflow away, scoring goes on from the cache, and everything else says so within three seconds."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from aiops_flows.errors import RegistryAway, RegistryError, VersionUnknown
from aiops_flows.registry import Registered, Registry

_SECONDS = 3.0
BUSY = 0.5
"""Seconds that a busy machine may add."""
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


class Hole:
    """A server that takes connections, counts them, and gives the same bytes to each, or nothing."""

    def __init__(self, answer: bytes = b"") -> None:
        self.taken: list[socket.socket] = []
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        try:
            while True:
                connection = self._listening.accept()[0]
                self.taken.append(connection)
                if self._answer:
                    connection.recv(65_536)
                    connection.sendall(self._answer)
                    connection.close()
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self.taken:
            connection.close()


def test_a_challenger_that_cannot_be_had_costs_a_batch_less_than_a_second_and_the_next_nothing(tmp_path: Path) -> None:
    """The failure is remembered, by this process and by one that comes after it; then one try is let through."""
    with Hole() as hole:
        for batch in range(4):
            registry = Registry(hole.url, tmp_path / "models")  # as in a new process
            begun = time.monotonic()
            with pytest.raises(RegistryAway, match=r"no answer within 0\.8 s"):
                registry.load("claims", 2, "0" * 64, patience="little")
            assert time.monotonic() - begun < (1.0 + BUSY if batch == 0 else BUSY)
        assert len(hole.taken) == 1

        memory = tmp_path / "models" / ".failures.json"
        memory.write_text(re.sub(r'"until": [\d.]+', '"until": 0', memory.read_text()))  # its time is over
        for _ in range(2):
            with pytest.raises(RegistryAway):
                Registry(hole.url, tmp_path / "models").load("claims", 2, "0" * 64, patience="little")
        assert len(hole.taken) == 2


def test_a_server_that_stops_answering_on_the_way_is_left(tmp_path: Path) -> None:
    """One that is alive but gives nothing of the version does not hold a batch either."""
    with Hole() as silent, Hole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as alive:
        registry = Registry(alive.url, tmp_path / "models")
        registry._connection._client = Registry(silent.url, tmp_path / "other")._connection._create()
        begun = time.monotonic()
        with pytest.raises(RegistryAway, match="does not answer any more"):
            registry.load("claims", 2, "0" * 64, patience="little")
        assert time.monotonic() - begun < 2.0 + BUSY


def test_a_missing_version_does_not_block_another(local: Registry, made: Registered, example: Any) -> None:
    """What is remembered of one version says nothing of the registry; and success is not a failure."""
    for _ in range(2):
        with pytest.raises(VersionUnknown, match="version 99"):
            local.load(example.model, 99, "0" * 64, patience="once")
    shutil.rmtree(local._cache.folder / made.digest)
    assert local.load(example.model, made.version, made.digest, patience="once")


@pytest.mark.parametrize("body", [b"[]", b'{"model_version": [1]}', b'{"model_version": {"version": {}}}', b"<html>"])
def test_an_answer_of_another_shape_is_one_of_our_errors(body: bytes, tmp_path: Path) -> None:
    """Whatever MLflow's client makes of it, the error says where MLflow was expected."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
    with Hole(head + f"{len(body)}\r\n\r\n".encode() + body) as hole:
        registry = Registry(hole.url, tmp_path / "models")
        with pytest.raises(RegistryError, match="MLflow at http://127"):
            registry.load("claims", 1, "0" * 64)


def test_a_sign_of_life_that_drips_in_is_none(tmp_path: Path) -> None:
    """The time is for the whole answer, not for each byte."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError), listening.accept()[0] as connection:
                for _ in range(600):
                    connection.sendall(b"H")
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        begun = time.monotonic()
        assert not Registry(f"http://127.0.0.1:{listening.getsockname()[1]}", tmp_path).healthy()
        assert time.monotonic() - begun < _SECONDS + BUSY
