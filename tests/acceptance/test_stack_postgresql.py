"""The second set-up: Prefect server, MLflow, case log and two workers, all on one PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from aiops_flows.case_log import CaseLog, audit, questions
from aiops_flows.settings import Settings
from aiops_flows.stack import Ports, Stack, start, stop
from aiops_flows.stack.postgresql import CASE_LOG, MLFLOW, PREFECT, database
from aiops_flows.stack.processes import ask, wait_until
from flows.lookalike_claims import make_claims

pytestmark = [pytest.mark.prefect_server, pytest.mark.postgres, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]
CLAIMS = 120


@pytest.fixture(scope="module")
def server(postgres_cluster: str) -> Iterator[str]:
    """A PostgreSQL server with the three databases of the set-up."""
    with psycopg.connect(f"{postgres_cluster}/postgres", autocommit=True) as connection:
        for name in (CASE_LOG, MLFLOW, PREFECT):
            connection.execute(f"CREATE DATABASE {name}".encode())
        yield postgres_cluster
        for name in (CASE_LOG, MLFLOW, PREFECT):
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    here = Settings(home=tmp_path_factory.mktemp("home"), database_url="", mlflow_url="")
    yield here
    stop(here)


@pytest.fixture(scope="module")
def stack(settings: Settings, server: str) -> Stack:
    return start(settings, postgres_url=server, project=PROJECT, ports=Ports(0, 0))


def run_now(stack: Stack, deployment: str) -> str:
    """Start a run of a deployment, wait until it has ended, and give the state it ended in."""
    found = ask(f"{stack.api_url}/deployments/name/{deployment}")
    run = ask(f"{stack.api_url}/deployments/{found['id']}/create_flow_run", {})
    address = f"{stack.api_url}/flow_runs/{run['id']}"
    ended = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
    wait_until(lambda: ask(address)["state_type"] in ended, f"the run of {deployment}", stack.parts, seconds=150)
    return str(ask(address)["state_type"])


def test_two_workers_take_a_file_from_the_inbox(settings: Settings, stack: Stack, server: str) -> None:
    """What is dropped in the inbox ends in PostgreSQL, with a person where no champion is, and the record holds."""
    assert [part.name for part in stack.parts] == ["prefect", "mlflow", "worker-1", "worker-2"]
    inbox = settings.folder / "inbox" / "claims"
    inbox.mkdir(parents=True, exist_ok=True)
    make_claims(CLAIMS, seed=3, start=date(2026, 1, 1), days=20).to_csv(inbox / "today.csv", index=False)
    assert run_now(stack, "claims/claims") == "COMPLETED"
    assert (inbox / "done" / "today.csv").exists()
    assert run_now(stack, "monitor/claims-monitor") == "COMPLETED"
    with CaseLog.open(database(server, CASE_LOG)) as log:
        counts = questions.counts(log, "claims").iloc[0]
        assert (counts["cases"], counts["open_reviews"], counts["unfinished"]) == (CLAIMS, CLAIMS, 0)
        assert audit.verify(log) == []


def test_all_of_it_ends(settings: Settings, stack: Stack) -> None:
    """One call stops everything that one call started."""
    assert stop(settings) == ["prefect", "mlflow", "worker-1", "worker-2"]
    assert not any(part.runs for part in stack.parts)
