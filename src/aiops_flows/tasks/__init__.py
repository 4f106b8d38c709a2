"""Prefect tasks for the business flows people write: thin, a batch each, safe to run twice."""

from __future__ import annotations

from aiops_flows.tasks.batches import batch_task
from aiops_flows.tasks.business import decide, deliver, intake, predict, record_outcomes, review
from aiops_flows.tasks.stopping import automation, hold, release

__all__ = [
    "automation",
    "batch_task",
    "decide",
    "deliver",
    "hold",
    "intake",
    "predict",
    "record_outcomes",
    "release",
    "review",
]
