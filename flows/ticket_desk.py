"""What the service desk knows beside its models: which team takes what, and what leaves the house for a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aiops_flows import Effect
from aiops_flows.estimators.text_classes import OUT_OF_SCOPE

__all__ = ["EFFECTS", "OUT_OF_SCOPE", "TEAMS", "assignment", "note", "reply_sent", "team_of", "urgency_rank"]

FRONT_DESK = "front desk"
TEAMS = {
    "late order": "orders", "cancel order": "orders", "change address": "orders",
    "return item": "returns", "missing refund": "returns", "damaged item": "returns", "battery recall": "returns",
    "charged twice": "billing", "invoice copy": "billing", "payment failed": "billing",
    "password reset": "account", "close account": "account", "change e-mail": "account",
}  # fmt: skip
"""Intent -> team; all else goes to the front desk. It is not learned: a reorganisation changes a line here."""


def team_of(tickets: pd.DataFrame) -> pd.Series[Any]:
    """The team that takes each ticket, by its intent."""
    return tickets["intent"].map(TEAMS).fillna(FRONT_DESK)


def urgency_rank(urgency: pd.Series[Any]) -> pd.Series[float]:
    """2 for high, 1 for normal, 0 for all else: which ticket a person is asked about first."""
    return urgency.map({"high": 2.0, "normal": 1.0}).fillna(0.0)


def assignment(ticket: Mapping[str, Any]) -> dict[str, Any]:
    """Which team gets the ticket, and how urgent it is."""
    team = TEAMS.get(ticket["intent"], FRONT_DESK)
    return {"case_id": ticket["case_id"], "team": team, "intent": ticket["intent"], "urgency": ticket["urgency"]}


def note(ticket: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary as a note at the ticket; None where there is none."""
    return {"case_id": ticket["case_id"], "note": ticket["summary"]} if ticket["summary"] else None


def reply_sent(ticket: Mapping[str, Any]) -> dict[str, Any] | None:
    """The reply that an agent stated with the answer; a proposal that nobody took over is never sent."""
    return {"case_id": ticket["case_id"], "reply": ticket["reply"]} if "reply" in ticket["stated"] else None


EFFECTS = [
    Effect("assign", assignment, verdicts=["assign", "answer"]),
    Effect("note", note, verdicts=["assign", "answer"]),
    Effect("reply", reply_sent, verdicts=["answer"]),
]
"""What leaves the house once a ticket is decided."""
