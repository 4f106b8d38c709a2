"""Tickets of a service desk: routed to a team, summarized for whoever takes over, with a reply to start from."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from prefect import flow

from aiops_flows import Case, Gate, ModelSpec, ReviewPolicy, Text, UseCase, deliver, intake, predict, review
from aiops_flows.estimators.replies import CommonReply
from aiops_flows.estimators.summaries import ExtractiveSummary, LeadSummary
from aiops_flows.evidence.losses import wrong
from aiops_flows.texts.derived import CustomerWords, Language, PersonalData, TextLength
from aiops_flows.texts.threads import Thread
from flows.ticket_desk import EFFECTS, OUT_OF_SCOPE, team_of, urgency_rank
from flows.ticket_estimators import ticket_intent, ticket_reply, ticket_urgency

if TYPE_CHECKING:
    import pandas as pd


class Ticket(Case):
    """One request of a customer, with what was said until it arrived."""

    optional_columns: ClassVar = frozenset({"subject"})  # a chat or a call has none
    channel: str | None = None
    subject: Text | None = None
    thread: Thread
    derived: ClassVar = {  # ``words`` are cleaned and their personal data masked: models and reports see nothing else
        "words": CustomerWords("subject", "thread"), "language": Language("words"),
        "personal": PersonalData("thread"), "length": TextLength("words"),
    }  # fmt: skip


intent = ModelSpec(
    name="tickets-intent", features=["words"], output="intent", estimator=ticket_intent(),
    watched=["words", "language", "channel"], train_window=timedelta(days=365),
    gates=[
        Gate("accuracy", at_least=0.70, max_drop=0.02, beats_baseline=True), Gate("latency", at_most=500),
        Gate("accuracy", at_least=0.60, by="language"), Gate("accuracy", at_least=0.60, by=team_of),
        Gate("calibration_error", at_most=0.10),
    ],
)  # fmt: skip
urgency = ModelSpec(
    name="tickets-urgency", features=["words"], output="urgency", estimator=ticket_urgency(),
    train_window=timedelta(days=365), gates=[Gate("balanced_accuracy", max_drop=0.03, beats_baseline=True)],
)  # fmt: skip
summary = ModelSpec(  # with min_rows=0 it begins on the first day, before anybody has summarized a ticket
    name="tickets-summary", features=["thread"], output="summary", estimator=ExtractiveSummary(), min_rows=0,
    watched=["length", "language"], baseline=LeadSummary(),
    gates=[Gate("written", at_least=0.95), Gate("rouge_l", max_drop=0.03, beats_baseline=True, once_known=True)],
)  # fmt: skip
reply = ModelSpec(
    name="tickets-reply", features=["thread"], output="reply", estimator=ticket_reply(), watched=["words", "language"],
    baseline=CommonReply(), gates=[Gate("best_candidate", max_drop=0.03, beats_baseline=True)],
)  # fmt: skip

CUSTOMER_SERVICE = UseCase(
    name="customer-service", case=Ticket, models=[intent, urgency, summary, reply],
    review=ReviewPolicy(
        verdicts=["assign", "answer", "close"], auto={"assign": lambda t: t.intent != OUT_OF_SCOPE},
        judged_by={"intent": wrong}, segments="intent", max_error=0.05, confidence=0.90, audit=0.05,
        due=timedelta(hours=8), priority=lambda t: urgency_rank(t.urgency),
    ),
    effects=EFFECTS,
)  # fmt: skip


@flow
def customer_service(source: str, sink: str | None = None) -> pd.DataFrame:
    """Route, summarize and propose a reply for tickets; assign them or ask an agent; send on what that calls for."""
    cases = intake(CUSTOMER_SERVICE, source)
    for model in CUSTOMER_SERVICE.models:
        cases = predict(CUSTOMER_SERVICE, model, cases)
    cases = review(CUSTOMER_SERVICE, cases)
    if sink:
        deliver(CUSTOMER_SERVICE, sink)
    return cases
