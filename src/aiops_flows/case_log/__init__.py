"""The case log: what came in, was predicted, decided, reviewed, came true and was promoted, each written once.

`CaseLog` is an open database; the modules here hold what can be done with it:

``leases``      who works on a batch
``writes``      cases, predictions, verdicts, outcomes: one transaction each, with its audit row
``questions``   frames of what is stored
``versions``    model versions and the evidence about them
``promotions``  who is champion, and moving it
``effects``     what decisions send to other systems, planned once
``outbox``      what of it waits to be sent, who sends it, and how each attempt ended
``undelivered`` what has not arrived, and asking for it again
``alarms``      what was found wrong with a live model, and whether it stands
``holds``       who stopped automatic decisions, and until when
``audit``       whether the record is whole
"""

from __future__ import annotations

from aiops_flows.case_log import (
    alarms,
    audit,
    effects,
    holds,
    leases,
    outbox,
    promotions,
    questions,
    undelivered,
    versions,
    writes,
)
from aiops_flows.case_log.leases import Lease
from aiops_flows.case_log.log import CaseLog

__all__ = [
    "CaseLog",
    "Lease",
    "alarms",
    "audit",
    "effects",
    "holds",
    "leases",
    "outbox",
    "promotions",
    "questions",
    "undelivered",
    "versions",
    "writes",
]
