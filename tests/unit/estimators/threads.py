"""Conversations that tests of summaries are about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

Turns = list[dict[str, str]]

BROKEN: Turns = [
    {"speaker": "customer", "text": "@shop Hello! My order 4711 arrived broken. I want a refund of 90 euros."},
    {"speaker": "agent", "text": "Sorry to hear that. Did you keep the box? ^AB"},
    {"speaker": "customer", "text": "Yes. Write to me at someone@example.com or call +44 20 7946 0958."},
    {"speaker": "agent", "text": "Please send a photo of the box. We cannot refund without it."},
    {"speaker": "customer", "text": "I sent the photo yesterday."},
    {"speaker": "agent", "text": "Thanks! We will refund the 90 euros within 3 days."},
]
LATE: Turns = [
    {"speaker": "customer", "text": "The 8:15 train to Leeds is late again. When does it leave?"},
    {"speaker": "agent", "text": "Hi, it will leave at 8:40 from platform 4. Sorry for the delay!"},
]


def frame(*threads: Any) -> pd.DataFrame:
    """Cases with these threads."""
    column = np.empty(len(threads), dtype=object)
    for place, thread in enumerate(threads):
        column[place] = thread
    return pd.DataFrame({"thread": column}, index=[f"t-{n}" for n in range(len(threads))])


def nothing(cases: pd.DataFrame) -> np.ndarray[Any, Any]:
    """No human summary for any of them."""
    return np.full(len(cases), None, dtype=object)
