"""Everything that is written about cases: each call is one transaction, and the same call again adds nothing."""

from __future__ import annotations

from aiops_flows.case_log.arrivals import (
    CasesAdded,
    OutcomesAdded,
    QuarantineRow,
    add_cases,
    add_outcomes,
    add_quarantine,
)
from aiops_flows.case_log.predictions import (
    PredictionsAdded,
    StoredPrediction,
    add_predictions,
    add_recall_predictions,
    add_shadow_predictions,
)
from aiops_flows.case_log.verdicts import (
    Decision,
    Decisions,
    Reviews,
    StoredVerdict,
    VerdictsAdded,
    add_verdicts,
    decide,
    redecide,
    reopen,
)

__all__ = [
    "CasesAdded",
    "Decision",
    "Decisions",
    "OutcomesAdded",
    "PredictionsAdded",
    "QuarantineRow",
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
    "redecide",
    "reopen",
]
