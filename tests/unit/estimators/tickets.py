"""Short made-up tickets with intents, and some that belong to none of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["INTENTS", "OUTSIDE", "tickets"]

INTENTS = {
    "refund": "money back refund returned amount missing paid twice credit account",
    "delivery": "parcel late courier tracking arrived address door shipment package",
    "password": "password login reset locked sign link code forgotten",
    "invoice": "invoice bill tax number copy statement month wrong company",
    "warranty": "broken screen repair warranty crack replaced battery device",
}
OUTSIDE = "weather football recipe moon holiday song history whale planet river piano dragon"
_AROUND = "hello please i my the is a it you need help with today why when can thanks still"


def tickets(rows: int, seed: int = 0, outside: int = 0) -> tuple[pd.DataFrame, Any]:
    """A frame with ``words`` and ``channel``, and the intents; so many more rows are out of scope."""
    chance = np.random.default_rng(seed)
    names = [*chance.choice(list(INTENTS), rows).tolist(), *["out of scope"] * outside]
    texts = [_text(chance, INTENTS.get(name, OUTSIDE)) for name in names]
    channels = chance.choice(["mail", "chat", "phone"], len(names))
    return pd.DataFrame({"words": texts, "channel": channels}), np.asarray(names, dtype=object)


def _text(chance: np.random.Generator, own: str) -> str:
    said = [*chance.choice(own.split(), 3), *chance.choice(_AROUND.split(), 5)]
    return " ".join(chance.permutation(said))
