"""The case log: what came in, was predicted, decided, reviewed, came true and was promoted, each written once.

`CaseLog` is an open database; the modules here hold what can be done with it:

``leases``      who works on a batch
``writes``      cases, predictions, verdicts, outcomes: one transaction each, with its audit row
``questions``   frames of what is stored
``versions``    model versions and the evidence about them
``promotions``  who is champion, and moving it
``audit``       whether the record is whole
"""

from __future__ import annotations

from aiops_flows.case_log import audit, leases, promotions, questions, versions, writes
from aiops_flows.case_log.leases import Lease
from aiops_flows.case_log.log import CaseLog

__all__ = ["CaseLog", "Lease", "audit", "leases", "promotions", "questions", "versions", "writes"]
