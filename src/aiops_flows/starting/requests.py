"""Made-up requests for a refund, with a rule behind them that a model can learn: data to begin with."""

from __future__ import annotations

import random
from collections.abc import Mapping

__all__ = ["made_up_requests"]

_KINDS = ("delivery", "damage", "wrong item", "changed mind")
_REGIONS = ("north", "south", "west")
_WHO = ("", "A customer for years", "A first order", "A neighbour", "Somebody else than the buyer")
_SAID = ("asks by telephone, twice", "sends pictures", "writes: where is my money?", "calls, and is polite")


def made_up_requests(count: int, seed: int = 0) -> list[dict[str, str]]:
    """So many requests as a file would have them, the column ``decision`` telling what became of each.

    The same seed gives the same ones.
    """
    luck = random.Random(seed)  # noqa: S311  not for secrets
    rows = []
    for number in range(count):
        who = luck.choice(_WHO)
        row = {
            "request_no": f"R-{number + 1:05d}",
            "received": f"2026-{1 + number * 9 // count:02d}-{1 + number % 28:02d}",
            "amount": f"{luck.lognormvariate(3.5, 0.8):.2f}",
            "days": str(luck.randint(0, 90)),
            "kind": luck.choice(_KINDS),
            "region": luck.choice(_REGIONS) if luck.random() > 0.03 else "",
            "note": f"{who} {luck.choice(_SAID)}, {luck.randint(1, 9)} days ago." if who else "",
        }
        rows.append({**row, "decision": _decision(row, luck)})
    return rows


def _decision(row: Mapping[str, str], luck: random.Random) -> str:
    """Small, early and not by a change of mind: granted, now and then otherwise."""
    doubt = float(row["amount"]) / 60 + int(row["days"]) / 30 + 2.5 * (row["kind"] == "changed mind")
    return "refused" if doubt + luck.gauss(0, 0.35) > 3 else "granted"
