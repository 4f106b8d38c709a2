"""The rows that the poison drill sends are really no cases, whatever the fields of the case type."""

from __future__ import annotations

from datetime import date
from typing import Any

from aiops_flows.drill.poison import poisons
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.sources import deliveries
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, Text


class Ticket(Case):
    """A case with a field of each kind."""

    channel: str
    subject: Text
    thread: Thread
    tags: list[str]
    paid: float
    on: date


GOOD: dict[str, Any] = {
    "case_id": "one", "channel": "mail", "subject": "hello", "thread": "Customer: hello\nAgent: good day",
    "tags": ["new"], "paid": 1.5, "on": "2026-03-03",
}  # fmt: skip


def test_every_poison_is_refused_and_the_good_row_is_not() -> None:
    """None of the spoilt rows becomes a case; the row that they were made of does."""
    bad = [row for row in poisons(Ticket, GOOD) if row.get("case_id") == "one"]  # ids may begin with a sign
    [delivery] = deliveries([GOOD, *bad])
    checked = check_rows(Ticket, delivery)
    assert checked.case_ids == ["one"]
    assert len(checked.refused) + len(delivery.unreadable) >= len(bad) > 37
