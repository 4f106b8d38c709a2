"""What stopping left behind in Prefect's records, put right before workers begin again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiops_flows.stack.processes import ask

__all__ = ["settle_interrupted_runs"]


def settle_interrupted_runs(api_url: str) -> tuple[int, int]:
    """Runs whose process ended with the stack become crashed; of the starts a deployment missed, the last is kept.

    Prefect leaves the first RUNNING for ever, and would make up for each of the second (fifty quarter hours of a
    weekend), where one run takes in all that has arrived since.

    Returns:
        How many became crashed, and how many starts were let go.
    """
    began = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}, "deployment_id": {"is_null_": False}}
    crashed = _runs(api_url, began)
    for run in crashed:
        _set_state(api_url, run, "CRASHED", "Crashed", "its process ended when everything was stopped")
    missed = _missed(api_url)
    for run in missed:
        _set_state(api_url, run, "CANCELLED", "Missed", "nothing ran at that time; a later run took its work")
    return len(crashed), len(missed)


def _missed(api_url: str) -> list[dict[str, Any]]:
    now = datetime.now(UTC).isoformat()
    due = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"before_": now}}
    late = [run for run in _runs(api_url, due) if run["auto_scheduled"]]
    late.sort(key=lambda run: str(run["expected_start_time"]))
    last = {run["deployment_id"]: run["id"] for run in late}
    return [run for run in late if last[run["deployment_id"]] != run["id"]]


def _runs(api_url: str, which: dict[str, Any]) -> list[dict[str, Any]]:
    found = ask(f"{api_url}/flow_runs/filter", {"flow_runs": which})
    return found if isinstance(found, list) else []


def _set_state(api_url: str, run: dict[str, Any], kind: str, name: str, message: str) -> None:
    state = {"type": kind, "name": name, "message": message}
    ask(f"{api_url}/flow_runs/{run['id']}/set_state", {"state": state, "force": True})
