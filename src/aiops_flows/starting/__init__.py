"""A use case to begin with: its file, its test, its deployments and sample data, from nothing or from a CSV file."""

from __future__ import annotations

from aiops_flows.starting.columns import Column, guess_columns
from aiops_flows.starting.outcome import Outcome, Settled, guess_outcome
from aiops_flows.starting.plan import Choices, Plan, plan_made_up, plan_of_file
from aiops_flows.starting.trial import Refusal, Trial
from aiops_flows.starting.writing import Written, write

__all__ = [
    "Choices",
    "Column",
    "Outcome",
    "Plan",
    "Refusal",
    "Settled",
    "Trial",
    "Written",
    "guess_columns",
    "guess_outcome",
    "plan_made_up",
    "plan_of_file",
    "write",
]
