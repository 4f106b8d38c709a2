"""Prefect tasks for the business flows people write: thin, a batch each, safe to run twice."""

from __future__ import annotations

from aiops_flows.tasks.business import decide, intake, predict, record_outcomes, review

__all__ = ["decide", "intake", "predict", "record_outcomes", "review"]
