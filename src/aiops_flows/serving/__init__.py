"""A resident process that takes cases as they come, and answers when they are stored.

Micro-batches of them go through the same business flow and the same case log as files do, without a flow run each.

``arrivals``  cases that wait for their turn
``answers``   what became of each case, as its sender is told
``resident``  the business flow, kept warm, and the one thread that calls it
``guard``     who may send what over HTTP
``connections``  who may stay connected, and how long
``http``      the application that takes cases
``figures``   how many, and how long they took
``windows``   one Prefect flow run per window, in which that is seen
``process``   all of it, started and ended together
"""

from __future__ import annotations

from aiops_flows.serving.process import Place, serve
from aiops_flows.serving.resident import Limits, Resident, use_case_of

__all__ = ["Limits", "Place", "Resident", "serve", "use_case_of"]
