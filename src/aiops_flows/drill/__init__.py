"""Drills: proofs of the promises that a user can run on their own use case and database.

Each is held in a scratch place, with stand-ins for the models, and gives a `DrillResult`.
"""

from __future__ import annotations

from aiops_flows.drill.chaos import Chaos, chaos
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import Stage, set_stage

__all__ = ["Chaos", "DrillResult", "Stage", "chaos", "set_stage"]
