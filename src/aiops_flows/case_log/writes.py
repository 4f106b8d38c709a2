"""Everything that is written about cases: each call is one transaction, and the same call again adds nothing."""

from __future__ import annotations

from aiops_flows.case_log.answers import Decision, Reading, decide, read_case
from aiops_flows.case_log.arrivals import (
    CasesAdded,
    OutcomesAdded,
    QuarantineRow,
    add_cases,
    add_outcomes,
    add_quarantine,
)
from aiops_flows.case_log.permission import Permission
from aiops_flows.case_log.predictions import (
    PredictionsAdded,
    StoredPrediction,
    add_predictions,
    add_recall_predictions,
    add_shadow_predictions,
)
from aiops_flows.case_log.reviews import LaneKind, Reviews, open_lane, reopen
from aiops_flows.case_log.verdicts import Decisions, StoredVerdict, VerdictsAdded, add_verdicts, redecide

__all__ = [
    "CasesAdded",
    "Decision",
    "Decisions",
    "LaneKind",
    "OutcomesAdded",
    "Permission",
    "PredictionsAdded",
    "QuarantineRow",
    "Reading",
    "Reviews",
    "StoredPrediction",
    "StoredVerdict",
    "VerdictsAdded",
    "add_cases",
    "add_outcomes",
    "add_predictions",
    "add_quarantine",
    "add_recall_predictions",
    "add_shadow_predictions",
    "add_verdicts",
    "decide",
    "open_lane",
    "read_case",
    "redecide",
    "reopen",
]
