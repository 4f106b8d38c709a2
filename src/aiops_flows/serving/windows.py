"""One Prefect flow run per window of time, in which a resident process is seen: its state says what was done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import Any

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Completed, Crashed

from aiops_flows.errors import AiopsError
from aiops_flows.serving.figures import Figures
from aiops_flows.settings import Settings
from aiops_flows.stack import known_server, prefect_server
from aiops_flows.steps.owners import is_gone, this_process

__all__ = ["show_windows"]

_logger = logging.getLogger("aiops_flows.serving")
_NAME = "serve-window"
_LOOK_AGAIN_SECONDS = 60.0


def show_windows(settings: Settings, use_case: str, figures: Figures, *, seconds: float, end: Event) -> None:
    """Keep a flow run in Prefect for each window of so many seconds, until the end is told.

    Where no Prefect server answers, that is said once, and what was counted stands in the next window that is shown.
    Nothing that Prefect does or fails at holds up a case.
    """
    if not known_server(settings):
        _logger.warning("no Prefect server is known: serving goes on unseen (aiops-flows up, or PREFECT_API_URL)")
        return
    told = False
    while not end.is_set():
        shown = _shown(settings, use_case, figures, seconds, end)
        if not shown and not told:
            _logger.warning("the Prefect server does not answer: serving goes on, its windows are not seen")
        told = told or not shown
        if not shown:
            end.wait(min(seconds, _LOOK_AGAIN_SECONDS))


def _shown(settings: Settings, use_case: str, figures: Figures, seconds: float, end: Event) -> bool:
    """Whether one window was shown, from its begin to its end."""
    try:
        with prefect_server(settings):
            if not _answers():
                return False
            _window(figures, seconds, end)(use_case, this_process(), return_state=True)
    except AiopsError:
        return False
    except Exception as fault:  # noqa: BLE001  a server that goes away raises what its client library likes
        _logger.info("a window ended early: %s", type(fault).__name__)
        return False
    return True


def _answers() -> bool:
    """Whether the server answers; where it does, the windows of processes that were killed become crashed."""
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            return False
        for run in _running(client):
            if is_gone(str(run.parameters.get("process", ""))):
                client.set_flow_run_state(run.id, Crashed(message="its process was killed"), force=True)
        return True


def _running(client: SyncPrefectClient) -> list[FlowRun]:
    """The windows that Prefect believes to be running: it leaves those of killed processes so for ever."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
    named = FlowFilter(name=FlowFilterName(any_=[_NAME]))
    return client.read_flow_runs(flow_filter=named, flow_run_filter=FlowRunFilter(state=state))


def _window(figures: Figures, seconds: float, end: Event) -> Callable[..., Any]:
    @flow(name=_NAME, persist_result=False)
    def serve_window(use_case: str, process: str) -> State[Any]:  # noqa: ARG001  they are seen in the run's parameters
        """One window of a resident process; its message says how many cases came, and how fast they were answered."""
        end.wait(seconds)
        return Completed(message=str(figures.take()))

    return serve_window
