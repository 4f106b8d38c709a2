"""What processes that died in the middle of a registration left open in MLflow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiops_flows.registry.records import OPEN_TAG, OWNER_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["close_runs"]

_PAGE = 500


def close_runs(client: MlflowClient, older_than_seconds: float) -> list[str]:
    """End our own runs that were opened so long ago and never closed; their ids. Other people's runs are left alone."""
    from mlflow.entities import ViewType

    experiments = client.search_experiments(ViewType.ACTIVE_ONLY, filter_string=f"tags.`{OWNER_TAG}` = 'registry'")
    if not experiments:
        return []
    latest_start = int((time.time() - older_than_seconds) * 1_000)
    left = client.search_runs(
        [experiment.experiment_id for experiment in experiments],
        f"tags.`{OPEN_TAG}` = 'true' AND attributes.status = 'RUNNING' AND attributes.start_time <= {latest_start}",
        max_results=_PAGE,
    )
    closed = [str(run.info.run_id) for run in left]
    for run_id in closed:
        client.set_terminated(run_id, "KILLED")
    return closed
