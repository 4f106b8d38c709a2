"""Start and stop everything on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from aiops_flows.case_log import CaseLog
from aiops_flows.registry import ARTIFACTS, follow_move
from aiops_flows.settings import Settings
from aiops_flows.stack import moved, postgresql, record
from aiops_flows.stack.deploying import WORK_POOL, deploy, deployments_of, require_prefect_yaml, workers_online
from aiops_flows.stack.environment import mlflow_environment, process_environment, server_environment
from aiops_flows.stack.interrupted import settle_interrupted_runs
from aiops_flows.stack.processes import HOST, Part, ask, end, free_port, spawn, wait_until
from aiops_flows.stack.record import Stack
from aiops_flows.stack.server import answers, arguments

__all__ = ["Ports", "start", "status", "stop"]

_RUNS_AT_ONCE = 2
_START_SECONDS = 120.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """The ports that are wanted; another one is taken where one is in use."""

    prefect: int = 4200
    mlflow: int = 5000


def start(
    settings: Settings,
    *,
    postgres_url: str = "",
    project: Path | None = None,
    workers: int | None = None,
    ports: Ports = Ports(),
    tell: Tell = lambda _: None,
    only: Sequence[str] = (),
) -> Stack:
    """Start Prefect server, MLflow and workers, deploy the project's ``prefect.yaml``, and return when all is ready.

    Where everything runs already, that is what is returned, and what ``only`` names is deployed to it. All addresses
    are on loopback; logs are in the home folder's ``logs``.

    Args:
        settings: the home folder, and where case log and MLflow are if not there.
        postgres_url: a PostgreSQL server such as ``postgresql://claims@db.example:5432`` with the databases
            ``aiops_case_log``, ``aiops_mlflow`` and ``aiops_prefect``: everything is kept there, by two workers.
        project: the folder of ``prefect.yaml`` and of the flows; by default the current one.
        workers: how many; by default one, or two on PostgreSQL.
        ports: where the web pages should be.
        tell: is told what is being waited for.
        only: paths of use cases; only their deployments are given to the server. By default all of the file.

    Raises:
        StackError: something did not start; then nothing is left running.
    """
    folder = (project or Path.cwd()).absolute()
    with record.one_at_a_time(settings):
        if (running := record.read(settings)).runs:
            if only:
                tell(f"deploying {', '.join(only)}")
                deploy(settings, folder, running.api_url, only)
            return running
        require_prefect_yaml(folder)
        if only:
            deployments_of(folder, only)  # a name that is not there is an error before anything starts
        end(running.parts)
        if not postgres_url and not settings.database_url:
            CaseLog.open(settings.case_log_url).close()  # so that questions find it, before any case has come
        if postgres_url:
            postgresql.check(postgres_url)
        beginning = _Beginning(settings, Stack("postgresql" if postgres_url else "one-machine", str(folder), ()), tell)
        try:
            return beginning.bring_up(postgres_url, workers or (2 if postgres_url else 1), ports, only)
        except BaseException:
            end(beginning.stack.parts)
            record.forget(settings)
            raise


def stop(settings: Settings, tell: Tell = lambda _: None) -> list[str]:
    """End everything that `start` started; gives the names of the parts that ran.

    Raises:
        StackError: a process does not end.
    """
    if not settings.home_folder.is_dir():
        return []
    with record.one_at_a_time(settings):
        ran = [part for part in record.read(settings).parts if part.runs]
        for part in reversed(ran):  # workers first, so that they can still tell the server
            tell(f"ending {part.name}")
            end([part])
        record.forget(settings)
        return [part.name for part in ran]


def status(settings: Settings) -> Stack:
    """What was started and not stopped; each part says whether it still runs. Without parts where nothing was."""
    return record.read(settings)


@dataclass
class _Beginning:
    """A stack that is being started."""

    settings: Settings
    stack: Stack
    tell: Tell

    def bring_up(self, postgres_url: str, workers: int, ports: Ports, only: Sequence[str]) -> Stack:
        prefect = self._start_prefect(free_port(ports.prefect), postgres_url)
        self._start_mlflow(ports.mlflow, postgres_url)
        self._wait(f"the Prefect server at {prefect.url}", lambda: answers(self.settings, self.stack.api_url))
        if mlflow := self.stack.url("mlflow"):
            self._wait(f"MLflow at {mlflow}", lambda: ask(f"{mlflow}/health", seconds=2) == "OK")
        self.tell("deploying prefect.yaml")
        deploy(self.settings, Path(self.stack.project), self.stack.api_url, only)
        settle_interrupted_runs(self.stack.api_url)
        for number in range(1, workers + 1):
            self._start_worker(number)
        self._wait(f"{workers} worker(s)", lambda: workers_online(self.stack.api_url) >= workers)
        return self.stack

    def _start_prefect(self, port: int, postgres_url: str) -> Part:
        api_url = f"http://{HOST}:{port}/api"
        database = postgresql.database(postgres_url, postgresql.PREFECT, "asyncpg") if postgres_url else ""
        if not database:
            moved.follow_move(self.settings.folder)
        environment = server_environment(self.settings, api_url, database)
        self.stack = replace(self.stack, api_url=api_url)
        command = [sys.executable, "-m", "uvicorn", *arguments(port)]
        return self._spawn("prefect", command, environment, f"http://{HOST}:{port}")

    def _start_mlflow(self, wanted: int, postgres_url: str) -> None:
        """MLflow's server and pages, unless the settings name a server that answers, or one on another machine."""
        named = self.settings.mlflow_url.rstrip("/") if self.settings.mlflow_url.startswith("http") else ""
        url = named or f"http://{HOST}:{free_port(wanted)}"
        store = self.settings.model_copy(update={"mlflow_url": ""} if named else {}).tracking_url
        if postgres_url:
            store = postgresql.database(postgres_url, postgresql.MLFLOW)
            case_log = self.settings.database_url or postgresql.database(postgres_url, postgresql.CASE_LOG)
            self.settings = self.settings.model_copy(update={"database_url": case_log, "mlflow_url": url})
        if named and _is_elsewhere(named):
            return
        if store == self.settings.model_copy(update={"mlflow_url": ""}).tracking_url:
            home = self.settings.folder
            follow_move(home / "mlflow.db", (home / ARTIFACTS).as_uri())
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        place = ["--host", HOST, "--port", str(urlsplit(url).port or wanted)]
        self._spawn("mlflow", [*command, *place], mlflow_environment(self.settings, store), url)

    def _start_worker(self, number: int) -> None:
        name = f"worker-{number}"
        begin = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"]
        environment = process_environment(self.settings, Path(self.stack.project), self.stack.api_url)
        self._spawn(name, [*begin, "--name", name, "--limit", str(_RUNS_AT_ONCE)], environment)

    def _spawn(self, name: str, command: list[str], environment: dict[str, str], url: str = "") -> Part:
        part = spawn(name, command, environment, self.settings.folder / "logs" / f"{name}.log", url)
        self.stack = replace(self.stack, parts=(*self.stack.parts, part))
        record.write(self.settings, self.stack)
        return part

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        self.tell(f"waiting for {what}")
        wait_until(ready, what, self.stack.parts, _START_SECONDS)


def _is_elsewhere(mlflow_url: str) -> bool:
    """Whether an MLflow server is not ours to start: it is on another machine, or answers already."""
    return urlsplit(mlflow_url).hostname not in {HOST, "localhost"} or ask(f"{mlflow_url}/health", seconds=2) == "OK"
