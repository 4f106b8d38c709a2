"""The time machine: what the present use case, and a candidate beside it, would have done with a history.

Plain functions, no Prefect: the same steps as the tasks call, at the moments of the history.
"""

from __future__ import annotations

from aiops_flows.replay.export import write
from aiops_flows.replay.history import History, history_of, read_history
from aiops_flows.replay.replaying import Replayed, Side, replay
from aiops_flows.replay.reproduce import Reproduced, reproduce
from aiops_flows.replay.reviewers import Reviewers
from aiops_flows.replay.schedule import Schedule

__all__ = [
    "History",
    "Replayed",
    "Reproduced",
    "Reviewers",
    "Schedule",
    "Side",
    "history_of",
    "read_history",
    "replay",
    "reproduce",
    "write",
]
