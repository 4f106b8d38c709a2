"""Everything on this machine really starts, runs what is scheduled, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aiops_flows.settings import Settings
from aiops_flows.stack import Ports, Stack, deploy, prefect_server, start, status, stop
from aiops_flows.stack.interrupted import settle_interrupted_runs
from aiops_flows.stack.processes import ask, wait_until

pytestmark = [pytest.mark.prefect_server, pytest.mark.slow]

FLOWS = """
    import os
    from pathlib import Path
    from prefect import flow
    from prefect.events import emit_event

    @flow(name="shop", persist_result=False)
    def shop(source: str) -> None:
        for file in Path(source).glob("*.csv"):
            file.rename(file.with_suffix(".taken"))
            emit_event(
                "aiops.drift.detected",
                resource={"prefect.resource.id": "aiops.model.shop-price", "aiops.use-case": "shop"},
                payload={"use_case": "goods:SHOP", "model": "shop-price"},
            )

    @flow(name="retrain", persist_result=False)
    def retrain(use_case: str, model: str | None = None) -> None:
        Path(os.environ["AIOPS_HOME"], "retrained").write_text(f"{use_case} {model}")
"""
DEPLOYMENTS = """
    deployments:
      - name: shop
        entrypoint: goods.shop
        parameters: { source: "{{ $AIOPS_HOME }}/inbox/shop" }
        schedules: [{ interval: 5, timezone: UTC }]
        work_pool: { name: aiops }
      - name: shop-retrain
        entrypoint: goods.retrain
        parameters: { use_case: "goods:SHOP" }
        work_pool: { name: aiops }
        triggers:
          - name: shop-retrain-on-drift
            enabled: true
            expect: [aiops.drift.detected]
            match: { aiops.use-case: shop }
            parameters:
              use_case: "{{ event.payload.use_case }}"
              model: "{{ event.payload.model }}"
"""


def project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "goods.py").write_text(textwrap.dedent(FLOWS))
    (folder / "prefect.yaml").write_text(textwrap.dedent(DEPLOYMENTS))
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    here = Settings(home=tmp_path_factory.mktemp("home"), database_url="", mlflow_url="")
    yield here
    stop(here)


@pytest.fixture(scope="module")
def stack(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    place = project(tmp_path_factory.mktemp("project") / "shop")
    return start(settings, project=place, ports=Ports(0, 0))


def test_a_scheduled_run_takes_a_file_out_of_the_inbox(settings: Settings, stack: Stack) -> None:
    """A file dropped into the inbox is taken by the next scheduled run, and its drift event starts a retraining."""
    inbox = settings.folder / "inbox" / "shop"
    (inbox / "today.csv").write_text("a\n1\n")
    wait_until((inbox / "today.taken").exists, "the scheduled run", stack.parts)
    retrained = settings.folder / "retrained"
    wait_until(lambda: retrained.exists() and retrained.read_text() != "", "the retraining", stack.parts)
    assert retrained.read_text() == "goods:SHOP shop-price"


def test_starting_again_changes_nothing(settings: Settings, stack: Stack) -> None:
    """What runs is reported, with the same processes."""
    assert stack.runs
    assert start(settings, project=Path(stack.project)) == stack == status(settings)
    assert [row["part"] for row in stack.rows()] == ["prefect", "mlflow", "worker-1"]


def test_deploying_again_doubles_nothing(settings: Settings, stack: Stack) -> None:
    """The same deployments and one automation, however often they are deployed."""
    assert deploy(settings, Path(stack.project)) == ["retrain/shop-retrain", "shop/shop"]
    assert len(ask(f"{stack.api_url}/automations/filter", {})) == 1


def test_the_pages_answer_people(stack: Stack) -> None:
    """Prefect and MLflow show their pages at the addresses that are given."""
    for part in ("prefect", "mlflow"):
        assert "<html" in str(ask(stack.url(part))).lower()


def test_a_flow_of_this_process_uses_the_server_that_runs(settings: Settings, stack: Stack) -> None:
    """No second server is started beside one that runs for the same home folder."""
    with prefect_server(settings) as api_url:
        assert api_url == stack.api_url


def test_nothing_is_left_when_it_is_stopped(settings: Settings, stack: Stack) -> None:
    """Every process that was started has ended, those of running flows among them."""
    assert stop(settings) == ["prefect", "mlflow", "worker-1"]
    assert not any(part.runs for part in stack.parts)
    environment = f"AIOPS_HOME={settings.folder}".encode()
    left = [process for process in Path("/proc").glob("[0-9]*") if environment in _environment(process)]
    assert left == []


def _environment(process: Path) -> bytes:
    with suppress(OSError):
        return (process / "environ").read_bytes()
    return b""


def test_a_quiet_server_records_and_ends(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """Flows and tasks are recorded on a server of our own, nothing reaches the terminal, and the server ends."""
    from prefect import flow, task

    @task(persist_result=False)
    def double(number: int) -> int:
        return 2 * number

    @flow(name="quiet", persist_result=False)
    def quiet() -> int:
        return double(21)

    before = dict(os.environ)
    with prefect_server(settings, own=True) as api_url:
        assert quiet() == 42
        tasks = {"flows": {"name": {"any_": ["quiet"]}}}
        wait_until(lambda: ask(f"{api_url}/task_runs/count", tasks) == 1, "the task run to be recorded")
    assert ask(f"{api_url}/health") is None
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


def made(url: str, wanted: dict[str, Any]) -> str:
    """The id of what was asked for by its name; a server that is still busy starting is asked again."""
    answers: list[Any] = []

    def has_id() -> bool:
        answers.append(ask(url, wanted))
        return isinstance(answers[-1], dict) and "id" in answers[-1]

    wait_until(has_id, f"{url} to answer")
    return str(answers[-1]["id"])


def test_what_a_stop_interrupted_is_told_and_missed_starts_are_made_up_for_once(tmp_path: Path) -> None:
    """Runs without a process become crashed; of the starts a schedule missed only the last is left."""
    settings = Settings(home=tmp_path, database_url="", mlflow_url="")  # nothing that other tests left is counted
    now = datetime.now(UTC)
    first, last = now - timedelta(minutes=50), now - timedelta(minutes=1)  # the next is due in ten minutes
    with prefect_server(settings, own=True) as api_url:
        flow_id = made(f"{api_url}/flows/", {"name": "interrupted"})
        schedule = {"active": True, "schedule": {"interval": 900, "anchor_date": first.isoformat()}}
        deployment = {"name": "interrupted", "flow_id": flow_id, "schedules": [schedule]}
        address = f"{api_url}/deployments/{made(f'{api_url}/deployments/', deployment)}"
        made(f"{address}/create_flow_run", {"state": {"type": "RUNNING"}, "idempotency_key": "interrupted"})
        ask(f"{address}/schedule", {"start_time": first.isoformat(), "end_time": last.isoformat()})
        assert settle_interrupted_runs(api_url) == (1, 3)
        assert settle_interrupted_runs(api_url) == (0, 0)
        found = ask(f"{api_url}/flow_runs/filter", {"flows": {"id": {"any_": [flow_id]}}})
    became = [run["state"]["name"] for run in found]
    assert (became.count("Crashed"), became.count("Missed")) == (1, 3)


def test_a_quiet_server_does_not_outlive_its_process(settings: Settings, tmp_path: Path) -> None:
    """Even when the process that started it is killed, the server ends."""
    script = f"""
        import time
        from pathlib import Path
        from aiops_flows.settings import Settings
        from aiops_flows.stack import prefect_server
        with prefect_server(Settings(), own=True) as api_url:
            Path({str(tmp_path / "url")!r}).write_text(api_url)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env=os.environ | {"AIOPS_HOME": str(settings.folder)}
    )
    address = tmp_path / "url"
    wait_until(lambda: address.exists() and address.read_text() != "", "the server", seconds=60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: ask(f"{address.read_text()}/health") is None, "the server to end", seconds=20)
