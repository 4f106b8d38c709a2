"""The environment variables that keep Prefect and MLflow quiet, cheap, and out of the user's own profile."""

from __future__ import annotations

import os
from pathlib import Path

from aiops_flows.settings import Settings
from aiops_flows.stack import record
from aiops_flows.stack.processes import HOST
from aiops_flows.telemetry import SILENT

__all__ = ["mlflow_environment", "prefect_environment", "process_environment", "server_environment"]

_SILENT = {
    **SILENT,
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}
_CHEAP_CLIENT = {
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
    "PREFECT_CLI_COLORS": "false",
}
_IN_BATCHES = {  # at its defaults the server writes each task run and event in a transaction of its own
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",  # cut to whole seconds; 0 would spin
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
}


def prefect_environment(settings: Settings, api_url: str = "") -> dict[str, str]:
    """The variables under which Prefect is quiet and cheap, keeps to the home folder, and finds the server that runs.

    Without ``api_url`` and without a running stack, ``PREFECT_API_URL`` is left as the user has it.
    """
    address = api_url or _running(settings)
    own = {"PREFECT_HOME": str(settings.folder / "prefect"), "NO_PROXY": _past_proxies()}
    return _SILENT | _CHEAP_CLIENT | _IN_BATCHES | own | ({"PREFECT_API_URL": address} if address else {})


def _running(settings: Settings) -> str:
    stack = record.read(settings)
    return stack.api_url if stack.runs else ""


def _past_proxies() -> str:
    known = os.environ.get("NO_PROXY", os.environ.get("no_proxy", ""))
    return ",".join(dict.fromkeys([*filter(None, known.split(",")), HOST, "localhost"]))


def process_environment(settings: Settings, project: Path, api_url: str) -> dict[str, str]:
    """What a worker and its runs see: our settings, the project's modules, and the Prefect server."""
    path = os.pathsep.join(filter(None, [str(project), os.environ.get("PYTHONPATH", "")]))
    ours = {
        "AIOPS_HOME": str(settings.folder),
        "AIOPS_DATABASE_URL": settings.database_url,
        "AIOPS_MLFLOW_URL": settings.mlflow_url,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "PREFECT_LOGGING_LEVEL": "INFO",  # what a scheduled run says is read in the web page
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "5",
    }
    return {**os.environ, **prefect_environment(settings, api_url), **ours}


def server_environment(settings: Settings, api_url: str, database_url: str = "") -> dict[str, str]:
    """What the Prefect server sees; only its own page may call it from a browser."""
    origin = api_url.removesuffix("/api")
    ours = {
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"{origin},{origin.replace(HOST, 'localhost')}",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT__SERVER_FINAL": "1",
    }
    ahead = {  # by default a hundred runs of each deployment are kept waiting
        "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "10",
        "PREFECT_SERVER_DEPLOYMENT_SCHEDULE_MAX_SCHEDULED_RUNS": "10",
    }
    database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url} if database_url else {}
    return {**os.environ, **prefect_environment(settings, api_url), **ours, **ahead, **database}


def mlflow_environment(settings: Settings, store_url: str) -> dict[str, str]:
    """What the MLflow server sees; the store's address may hold a password and is no argument of the command."""
    ours = {
        "MLFLOW_BACKEND_STORE_URI": store_url,
        "MLFLOW_ARTIFACTS_DESTINATION": (settings.folder / "mlflow-artifacts").as_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }
    return {**os.environ, **_SILENT, **ours}
