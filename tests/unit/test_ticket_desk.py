"""What leaves the service desk: a team and a note for every ticket, a reply only in an agent's words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from flows.ticket_desk import assignment, note, reply_sent, team_of, urgency_rank

TICKET: dict[str, Any] = {
    "case_id": "T-1", "intent": "late order", "urgency": "high", "summary": "It is late.", "reply": "Tomorrow.",
    "stated": [],
}  # fmt: skip


def test_a_reply_is_sent_only_where_an_agent_stated_it() -> None:
    """What a model proposed and nobody took over stays in the house."""
    assert reply_sent(TICKET) is None
    assert reply_sent({**TICKET, "stated": ["intent", "reply"]}) == {"case_id": "T-1", "reply": "Tomorrow."}


def test_a_ticket_goes_to_the_team_of_its_intent_and_else_to_the_front_desk() -> None:
    """An intent that nobody has put into the table yet is no dead end."""
    assert assignment(TICKET)["team"] == "orders"
    assert assignment({**TICKET, "intent": "never heard of"})["team"] == "front desk"
    assert team_of(pd.DataFrame({"intent": ["damaged item", "new"]})).tolist() == ["returns", "front desk"]


def test_a_ticket_without_a_summary_has_no_note() -> None:
    """Nothing empty is posted."""
    assert note(TICKET) == {"case_id": "T-1", "note": "It is late."}
    assert note({**TICKET, "summary": None}) is None


def test_urgent_tickets_are_asked_about_first() -> None:
    """High before normal before all else."""
    assert urgency_rank(pd.Series(["low", "high", None, "normal"])).tolist() == [0.0, 2.0, 0.0, 1.0]
