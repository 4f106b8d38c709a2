"""A seeded maker of service tickets of an online shop: threads, what they were about, and how agents answered.

For demo and tests on machines without real tickets; every sentence is made up, and every address ends in example.com.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["NEW_INTENT", "make_tickets", "ticket_outcomes"]

NEW_INTENT = "battery recall"


@dataclass(frozen=True)
class _Topic:
    """One intent in words: what customers write, what agents ask and try, and how it ends."""

    opening: list[str]
    german: list[str]
    question: str
    answer: str
    tried: str
    reply: list[str]
    urgent: float


_ITEMS = ("headphones", "kettle", "lamp", "keyboard", "backpack", "camera", "desk", "speaker", "heater", "drill")
_HELLO = ("hi", "hello", "good morning", "dear team", "hey there", "")
_MOODS = ("thanks", "please help", "this is the third time I write", "I need it urgently", "no hurry", "", "", "")
_URGENT = ("this is the third time I write", "I need it urgently")
_SWAPPED = {"missing refund": "return item", "late order": "change address", "cancel order": "return item",
            "charged twice": "payment failed", "password reset": "change e-mail"}  # fmt: skip
"""What agents confuse now and then."""


def make_tickets(
    rows: int, *, seed: int = 0, first: date = date(2025, 1, 1), days: int = 365, recall_from: date | None = None
) -> pd.DataFrame:
    """Tickets in order of receipt, with what agents said of them afterwards.

    Columns: ``case_id``, ``received_at``, ``channel``, ``subject``, ``thread`` (turns, as `Thread` reads them), and as
    later knowledge ``intent``, ``urgency`` (low, normal, high), ``summary`` and ``reply``. A fifth is written in
    German; agents file 2 of 100 tickets under a neighbouring intent. From ``recall_from`` on a fifth of the tickets is
    about an intent that was unknown before.
    """
    random, topics = np.random.default_rng(seed), _topics()
    moments = np.sort(random.uniform(0, days * 86_400, rows))
    start = pd.Timestamp(first, tz="UTC")
    made = [
        _ticket(random, topics, number, start + pd.Timedelta(seconds=int(at)), recall_from)
        for number, at in enumerate(moments)
    ]
    return pd.DataFrame(made)


def ticket_outcomes(tickets: pd.DataFrame, *, after_hours: float = 48) -> pd.DataFrame:
    """What agents said of tickets, as `record_outcomes` takes it: known so many hours after receipt."""
    told = tickets[["case_id", "intent", "urgency", "summary", "reply"]].copy()
    told["known_at"] = tickets["received_at"] + pd.Timedelta(hours=after_hours)
    return told


def _topics() -> dict[str, _Topic]:
    told = json.loads(Path(__file__).with_name("lookalike_topics.json").read_text("utf-8"))
    return {intent: _Topic(**words) for intent, words in told.items()}


def _ticket(
    random: np.random.Generator, topics: dict[str, _Topic], number: int, at: pd.Timestamp, recall_from: date | None
) -> dict[str, Any]:
    intent = _intent(random, list(topics), recalled=recall_from is not None and at.date() >= recall_from)
    topic = topics[intent]
    german = random.random() < 0.2
    slots = {
        "item": random.choice(_ITEMS),
        "order": f"{random.choice(list('ABCDEF'))}{random.integers(10_000, 99_999)}",
        "day": f"{random.integers(1, 29)}.{random.integers(1, 13)}.",
        "mail": f"customer{random.integers(1_000, 9_999)}@example.com",
    }
    mood = str(random.choice(_MOODS))
    opening = str(random.choice(topic.german if german else topic.opening)).format(**slots)
    thread = _thread(random, topic, ". ".join(filter(None, (str(random.choice(_HELLO)), opening, mood))), slots)
    reply = str(random.choice(topic.reply)).format(**slots)
    filed = _SWAPPED.get(intent, intent) if random.random() < 0.02 else intent
    return {
        "case_id": f"T-{number:06d}",
        "received_at": at,
        "channel": str(random.choice(["mail", "chat", "form"])),
        "subject": opening[:40] if random.random() < 0.5 else None,
        "thread": thread,
        "intent": filed,
        "urgency": _urgency(random, topic, mood),
        "summary": f"Customer: {opening}." + (f" Agent: {topic.tried.format(**slots)}" if len(thread) > 1 else ""),
        "reply": reply,
    }  # fmt: skip


def _intent(random: np.random.Generator, intents: list[str], *, recalled: bool) -> str:
    if recalled and random.random() < 0.2:
        return NEW_INTENT
    return str(random.choice([name for name in intents if name != NEW_INTENT]))


def _thread(random: np.random.Generator, topic: _Topic, opening: str, slots: dict[str, Any]) -> list[dict[str, str]]:
    """The turns until the ticket arrives: the customer's, in half of all also what an agent asked and tried."""
    turns = [{"speaker": "customer", "text": opening}]
    if random.random() < 0.5:
        turns += [
            {"speaker": "agent", "text": f"Hello, thank you for writing. {topic.question}"},
            {"speaker": "customer", "text": topic.answer.format(**slots)},
            {"speaker": "agent", "text": topic.tried.format(**slots)},
            {
                "speaker": "customer",
                "text": str(random.choice(["and now?", "ok", "so what happens next?", "thank you"])),
            },
        ]
    return turns


def _urgency(random: np.random.Generator, topic: _Topic, mood: str) -> str:
    pressing = topic.urgent + (0.4 if mood in _URGENT else 0.0) - (0.3 if mood == "no hurry" else 0.0)
    return "high" if pressing > 0.5 else "normal" if pressing + random.normal(0, 0.05) > 0.2 else "low"
