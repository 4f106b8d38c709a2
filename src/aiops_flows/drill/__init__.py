"""Drills: proofs of the promises that a user can run on their own use case and database.

Each is held in a scratch place, with stand-ins for the models, and gives a `DrillResult`.
"""

from __future__ import annotations

from aiops_flows.drill.chaos import Chaos, chaos
from aiops_flows.drill.crash_points import crash_points
from aiops_flows.drill.effects import SendingUnderKills, effects
from aiops_flows.drill.full_disk import full_disk
from aiops_flows.drill.pausing import pausing
from aiops_flows.drill.poison import poison
from aiops_flows.drill.result import DrillResult
from aiops_flows.drill.stage import REHEARSAL, Stage, set_stage
from aiops_flows.drill.stopper import stopper
from aiops_flows.drill.stopping import stopping

__all__ = [
    "REHEARSAL",
    "Chaos",
    "DrillResult",
    "SendingUnderKills",
    "Stage",
    "chaos",
    "crash_points",
    "effects",
    "full_disk",
    "pausing",
    "poison",
    "set_stage",
    "stopper",
    "stopping",
]
