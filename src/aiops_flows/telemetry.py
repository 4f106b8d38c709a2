"""The reports of their use that libraries would send, switched off: in one place, for every process that we start."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["SILENT", "switch_off"]

SILENT: Final = {
    "DO_NOT_TRACK": "1",  # Prefect's client, Evidently and others
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",  # Evidently
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # server and web page: the page asks the server for it
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "SCARF_NO_ANALYTICS": "true",
}
"""Variables of the environment, each read when its library is imported."""


def switch_off() -> None:
    """Switch it off in this process, where the user has not decided otherwise; before the libraries are imported."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
