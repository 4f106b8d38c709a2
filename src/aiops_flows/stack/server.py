"""One Prefect server: its command, and a quiet one for as long as a block of code runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aiops_flows.errors import StackError
from aiops_flows.private_files import private_folder
from aiops_flows.settings import Settings
from aiops_flows.stack import record
from aiops_flows.stack.environment import prefect_environment, server_environment
from aiops_flows.stack.processes import HOST, PRIVATE, ask, free_port, wait_until

__all__ = ["answers", "arguments", "known_server", "prefect_server"]

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


def arguments(port: int) -> list[str]:
    """What uvicorn is told to serve Prefect on loopback."""
    app = ["--factory", "prefect.server.api.server:create_app"]
    return [*app, "--host", HOST, "--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "5"]


def answers(settings: Settings, api_url: str) -> bool:
    """Whether the Prefect server of this home folder is ready there, and not somebody else's that took the port."""
    told = ask(f"{api_url}/admin/settings", seconds=2)
    return isinstance(told, dict) and told.get("home") == prefect_environment(settings, api_url)["PREFECT_HOME"]


def known_server(settings: Settings, *, own: bool = False) -> str:
    """The address of the server that `prefect_server` would use, whether or not it answers; empty: it starts one."""
    running = record.read(settings)
    return running.api_url if running.runs else "" if own else os.environ.get("PREFECT_API_URL", "")


@contextmanager
def prefect_server(settings: Settings, *, own: bool = False) -> Iterator[str]:
    """A Prefect server for the flows of this process, quiet and cheap; gives its address for programs.

    The server is the one that ``aiops-flows up`` started for this home folder; else the one that ``PREFECT_API_URL``
    names, unless ``own``; else a new one, which ends with the block, or with this process if that is killed.
    Within the block Prefect sends no heartbeats from this process: a flow's end would wait a second for each.

    Raises:
        StackError: the server did not start.
    """
    with ExitStack() as stack:
        api_url = known_server(settings, own=own) or stack.enter_context(_new(settings))
        stack.enter_context(_environment(prefect_environment(settings, api_url)))
        stack.enter_context(_in_this_process(settings, api_url))
        yield api_url


@contextmanager
def _new(settings: Settings) -> Iterator[str]:
    """A server of our own, on a leash."""
    with record.one_at_a_time(settings):  # two that make the same database at once would both fail
        port = free_port(0)
        api_url = f"http://{HOST}:{port}/api"
        log = settings.folder / "logs" / "prefect-quiet.log"
        private_folder(log.parent)
        blocks = {"PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false"}  # a third of the first start, for forms not shown
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, "-m", "aiops_flows.stack.leash", *arguments(port)],
                env={**server_environment(settings, api_url), **blocks},
                cwd=log.parent,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE,
            )
        try:
            _await(settings, process, api_url, log)
        except BaseException:
            _end(process)
            raise
    try:
        yield api_url
    finally:
        _end(process)


def _await(settings: Settings, process: subprocess.Popen[bytes], api_url: str, log: Path) -> None:
    def ready() -> bool:
        if process.poll() is not None:
            raise StackError(f"the Prefect server ended with code {process.returncode}; look into {log}")
        return answers(settings, api_url)

    wait_until(ready, f"the Prefect server at {api_url} (log: {log})", seconds=_START_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables for a while, then what was there before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextmanager
def _in_this_process(settings: Settings, api_url: str) -> Iterator[None]:
    """Prefect's settings here, whether or not it was imported before; at the end everything is sent."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import temporary_settings

    ours = prefect_environment(settings, api_url)
    updates: dict[str, str | None] = {name: value for name, value in ours.items() if name.startswith("PREFECT_")}
    updates["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = None  # no environment variable can say so
    with temporary_settings(updates=updates):
        try:
            yield
        finally:
            EventsWorker.drain_all(timeout=10, at_exit=False)
            APILogWorker.drain_all(timeout=10, at_exit=False)
