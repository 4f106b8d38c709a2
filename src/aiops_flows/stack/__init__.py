"""Everything that runs on this machine, started and stopped together: Prefect server, workers, MLflow.

`start` and `stop` are what ``aiops-flows up`` and ``aiops-flows down`` call. `prefect_server` is one quiet Prefect
server for a demo, a single run or a test session.
"""

from __future__ import annotations

from aiops_flows.errors import StackError
from aiops_flows.stack.deploying import WORK_POOL, deploy
from aiops_flows.stack.environment import prefect_environment
from aiops_flows.stack.processes import Part
from aiops_flows.stack.record import Stack
from aiops_flows.stack.server import known_server, prefect_server
from aiops_flows.stack.starting import Ports, start, status, stop

__all__ = [
    "WORK_POOL",
    "Part",
    "Ports",
    "Stack",
    "StackError",
    "deploy",
    "known_server",
    "prefect_environment",
    "prefect_server",
    "start",
    "status",
    "stop",
]
