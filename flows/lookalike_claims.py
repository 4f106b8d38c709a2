"""A seeded maker of claims that look like the published ones, for machines without the data, for demo and tests.

Rates, delays, gaps and the strength of every influence follow the claims of 2010 to 2013; no row is copied from them.
Plain claims are plainer than the published ones, so that a season of a few thousand claims is enough to certify some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["make_claims"]

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

_AIRPORTS = {
    "JFK": "John F. Kennedy International", "LAX": "Los Angeles International Airport", "ATL": "Atlanta International",
    "MCO": "Orlando International Airport", "MIA": "Miami International Airport", "ORD": "Chicago O'Hare International",
    "EWR": "Newark International Airport", "BOS": "Boston (Logan) International Airport", "LAS": "Las Vegas",
    "SEA": "Seattle-Tacoma International", "PHX": "Phoenix International", "PHL": "Philadelphia International Airport",
    "DFW": "Dallas-Fort Worth International", "DEN": "Denver International Airport", "IAD": "Washington Dulles",
    "FLL": "Ft. Lauderdale-Hollywood International", "IAH": "Houston Intercontinental", "LGA": "LaGuardia",
    "TPA": "Tampa International", "BWI": "Baltimore/Washington Intl", "SAN": "San Diego International",
    "HNL": "Honolulu International Airport", "CLT": "Charlotte International Airport", "PDX": "Portland International",
}  # fmt: skip
_SMALL_AIRPORTS = {f"{a}{b}{c}": f"Regional Airport {a}{b}{c}" for a in "BGKR" for b in "AEOU" for c in "DLNTW"}
_AIRLINES = [
    "Delta Air Lines", "Southwest Airlines", "American Airlines", "UAL", "USAir", "Jet Blue", "Continental Airlines",
    "Alaska Airlines", "AirTran Airlines", "British Airways", "Frontier Airlines", "Hawaiian Airlines",
    "Spirit Airlines", "Lufthansa", "Allegiant Air", "Virgin America", "Air Canada", "Air France", "Qantas", "KLM",
]  # fmt: skip
_TYPES = {
    "Passenger Property Loss": (0.626, -0.25),
    "Property Damage": (0.361, 0.40),
    "Personal Injury": (0.009, -0.6),
    "Motor Vehicle": (0.004, 1.4),
}
"""Claim type -> share of claims, influence on being paid (log odds)."""
_ITEMS = {
    "Other": (0.148, 0.0, 4.5), "Baggage/Cases/Purses": (0.124, 0.05, 4.4), "Clothing": (0.106, -0.1, 4.4),
    "Computer & Accessories": (0.095, -0.1, 5.9), "Jewelry & Watches": (0.089, -0.8, 5.2),
    "Travel Accessories": (0.075, 0.9, 3.2), "Personal Electronics": (0.066, -0.4, 5.4),
    "Cosmetics & Grooming": (0.053, -0.5, 4.4), "Cameras": (0.046, -0.9, 5.4), "Currency": (0.019, -0.9, 5.0),
    "Food & Drink": (0.022, -0.3, 3.8), "Sporting Equipment & Supplies": (0.021, 0.7, 5.2),
    "Personal Accessories": (0.040, 0.1, 5.2),
    "Medical/Science": (0.019, -0.1, 4.8), "Home Decor": (0.011, 0.4, 4.3), "Toys & Games": (0.010, -0.5, 4.6),
    "Automobile Parts & Accessories": (0.006, -1.3, 5.9), "Musical Instruments & Accessories": (0.005, -0.2, 5.5),
}  # fmt: skip
"""Item -> share of claims, influence on being paid (log odds), mean log amount (US dollars)."""

_MONTHS = [0.98, 0.94, 1.01, 1.05, 1.00, 1.07, 1.05, 1.17, 0.97, 0.97, 0.94, 0.86]
_WEEKDAYS = [0.266, 0.230, 0.188, 0.166, 0.139, 0.006, 0.005]
_SURGE_ITEM = "Cosmetics & Grooming"
_SURGE_SHARE = 0.2
_HOURS = [0.0, 0.002, 0.002, 0.002, 0.01, 0.045, 0.07, 0.064, *[0.066] * 10, 0.05, 0.038, 0.028, 0.019, 0.015, 0.011]
_DATE_ONLY = 0.468
_MISSING = {
    "Airport Code": 0.008,
    "Airline Name": 0.075,
    "Claim Type": 0.005,
    "Claim Site": 0.005,
    "Item Category": 0.068,
}
_CLOSED_AFTER = [0.0, 0.42, 0.59, 0.76, 0.93, 1.10, 1.26, 1.43, 1.60, 1.77, 1.94, 2.53]
_CLOSED_SHARE = [0.0, 0.17, 0.20, 0.29, 0.44, 0.58, 0.69, 0.83, 0.91, 0.95, 0.98, 1.0]
"""How long claims stay open, in medians of the delay: the shape that the published file shows."""


@dataclass(frozen=True)
class _Claims:
    """The claims as arrays, before they are written as text; ``surge`` marks those that the change brings."""

    received: Any
    changed: npt.NDArray[np.bool_]
    surge: npt.NDArray[np.bool_]
    airport: Texts
    airline: Texts
    claim_type: Texts
    site: Texts
    items: list[list[str]]


def make_claims(
    rows: int = 20_000,
    *,
    seed: int = 0,
    start: date = date(2024, 1, 1),
    days: int = 730,
    change_on: date | None = None,
    median_days_open: float = 178.0,
    ever_closed: float = 0.89,
) -> pd.DataFrame:
    """Claims in order of receipt, with the columns of the published file, and ``Date Closed``; all values are text.

    From ``change_on`` the stream changes in two ways. New scanners burst bottles in checked baggage: a fifth of the
    claims are about cosmetics, and nearly all of those are paid in full. And a new rule asks for receipts: of the
    other claims, those that were likely to be paid hardly are any more, though they look as before. A model that
    learned earlier is wrong about both until it learns again.

    Args:
        rows: how many claims.
        seed: the same seed and arguments give the same claims, on every machine.
        start: the first day of receipt.
        days: over how many days they are received.
        change_on: the day from which the stream is another; None: it never changes.
        median_days_open: so many days after receipt, half of the claims that are ever closed are (published: 178).
        ever_closed: the share of claims that are ever closed (published: 0.89). A week of receipt counts for a
            certificate once 90 % of its claims are closed.
    """
    random = np.random.default_rng(seed)
    received = _days_of_receipt(random, rows, start, days)
    changed = received >= np.datetime64(change_on or date.max, "D")
    drawn = _drawn(random, received, changed)
    paid, settled = _dispositions(random, drawn)
    amounts = _amounts(random, drawn, settled)
    closed = random.random(rows) < ever_closed
    open_for = np.interp(random.random(rows), _CLOSED_SHARE, _CLOSED_AFTER) * median_days_open
    closed_on = received + np.maximum(np.ceil(open_for), 1).astype("timedelta64[D]")
    disposition = np.where(paid, np.where(settled, "Settle", "Approve in Full"), "Deny")
    table = _case_columns(random, drawn) | {
        "Close Amount": np.where(closed, np.char.mod("%.2f", np.where(paid, amounts, 0.0)), "-"),
        "Disposition": np.where(closed, disposition, "-"),
        "Date Closed": np.where(closed, closed_on.astype(str), "-"),
    }
    return pd.DataFrame({name: np.asarray(values, dtype=object) for name, values in table.items()})


def _days_of_receipt(random: np.random.Generator, rows: int, start: date, days: int) -> Any:
    calendar = np.datetime64(start, "D") + np.arange(days)
    weekday = (calendar.astype("datetime64[D]").view("int64") - 4) % 7  # 1970-01-01 was a Thursday
    month = calendar.astype("datetime64[M]").astype(int) % 12
    weight = np.asarray(_WEEKDAYS)[weekday] * np.asarray(_MONTHS)[month]
    return np.sort(random.choice(calendar, size=rows, p=weight / weight.sum()))


def _drawn(random: np.random.Generator, received: Any, changed: npt.NDArray[np.bool_]) -> _Claims:
    rows = len(received)
    surge = changed & (random.random(rows) < _SURGE_SHARE)
    airports = [*_AIRPORTS, *_SMALL_AIRPORTS]
    airport = _choice(random, _falling(airports, 0.75), rows)
    claim_type = np.where(surge, "Property Damage", _choice(random, {k: v[0] for k, v in _TYPES.items()}, rows))
    checkpoint = ~surge & (random.random(rows) < np.where(claim_type == "Property Damage", 0.31, 0.19))
    site = np.where(checkpoint, "Checkpoint", "Checked Baggage")
    site = np.where((claim_type == "Motor Vehicle") & (random.random(rows) < 0.83), "Motor Vehicle", site)
    first = np.where(surge, _SURGE_ITEM, _choice(random, {name: item[0] for name, item in _ITEMS.items()}, rows))
    return _Claims(
        received=received,
        changed=changed,
        surge=surge,
        airport=airport,
        airline=_choice(random, _falling(_AIRLINES, 0.9), rows),
        claim_type=claim_type,
        site=site,
        items=_with_more_items(random, first),
    )


def _falling(names: list[str], power: float) -> dict[str, float]:
    """Shares that fall with the place in the list, as those of airports and airlines do."""
    return {name: (place + 2.0) ** -power for place, name in enumerate(names)}


def _choice(random: np.random.Generator, shares: Mapping[str, float], rows: int) -> Texts:
    weight = np.asarray(list(shares.values()))
    names = np.asarray(list(shares), dtype=object)
    chosen: Texts = names[random.choice(len(names), size=rows, p=weight / weight.sum())]
    return chosen


def _with_more_items(random: np.random.Generator, first: Texts) -> list[list[str]]:
    """One claim in seven names a second thing, and some of those a third and more."""
    more = random.geometric(0.72, size=len(first)) - 1
    more = np.where(random.random(len(first)) < 0.5, more, 0)
    extra = iter(_choice(random, {name: item[0] for name, item in _ITEMS.items()}, int(more.sum())).tolist())
    named = zip(first.tolist(), more.tolist(), strict=True)
    return [[item, *(next(extra) for _ in range(count))] for item, count in named]


def _dispositions(random: np.random.Generator, drawn: _Claims) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each claim is paid, and whether by settlement."""
    at_checkpoint = drawn.site == "Checkpoint"
    damage = drawn.claim_type == "Property Damage"
    named = [np.mean([_ITEMS[item][1] for item in items]) for items in drawn.items]
    odds = -0.5 + 1.4 * np.asarray(named) + 0.8 * at_checkpoint - 0.3 * (~at_checkpoint & ~damage)
    odds += _influence(drawn.airport, [*_AIRPORTS, *_SMALL_AIRPORTS], 0.4) + _influence(drawn.airline, _AIRLINES, 0.25)
    odds += _influence(drawn.claim_type, {name: kind[1] for name, kind in _TYPES.items()})
    odds -= 1.2 * (odds < -1.3)  # some claims are known to be hopeless
    clear = odds > 0.4  # and some are plain: they are paid, and hardly anything of them is settled
    odds += 3.0 * clear - 0.5
    odds = np.where(drawn.changed & (odds > -0.7), -3.0, odds)  # the new rule denies what was likely to be paid
    odds = np.where(drawn.surge, 2.8, odds)
    paid = random.random(len(odds)) < 1 / (1 + np.exp(-odds))
    share_settled = np.where(clear, 0.04, 0.28 + 0.14 * at_checkpoint)
    settled = random.random(len(odds)) < np.where(drawn.surge, 0.02, share_settled)
    return paid, settled


def _influence(names: Texts, known: Mapping[str, float] | list[str], spread: float = 0.0) -> Floats:
    """What each name adds to the log odds; for a list, drawn once and for all, the same under every seed."""
    if isinstance(known, list):
        drawn = np.random.default_rng(len(known)).normal(0.0, spread, len(known))
        known = dict(zip(known, drawn.tolist(), strict=True))
    return np.asarray(pd.Series(names).map(known), dtype=np.float64)


def _amounts(random: np.random.Generator, drawn: _Claims, settled: npt.NDArray[np.bool_]) -> Floats:
    """What a claim costs if it is paid: log-normal around its dearest item, settlements dearer."""
    dearest = np.asarray([max(_ITEMS[item][2] for item in items) for items in drawn.items])
    return np.asarray(np.round(np.exp(random.normal(dearest - 0.03 + 0.7 * settled, 0.85)), 2) + 1.0)


def _case_columns(random: np.random.Generator, drawn: _Claims) -> dict[str, Any]:
    days = drawn.received.astype(str)
    first_of_day = np.searchsorted(drawn.received, drawn.received)
    serial = np.arange(len(days)) - first_of_day + 1
    names = _AIRPORTS | _SMALL_AIRPORTS
    columns: dict[str, Any] = {
        "Claim Number": [f"L{day.replace('-', '')}{number:05d}" for day, number in zip(days, serial, strict=True)],
        "Date Received": days,
        "Incident Date": _incidents(random, drawn.received),
        "Airport Code": drawn.airport,
        "Airport Name": [names[code] for code in drawn.airport],
        "Airline Name": drawn.airline,
        "Claim Type": drawn.claim_type,
        "Claim Site": drawn.site,
        "Item Category": ["; ".join(items) for items in drawn.items],
    }
    for name, share in _MISSING.items():
        columns[name] = np.where(random.random(len(days)) < share, "-", np.asarray(columns[name], dtype=object))
    return columns


def _incidents(random: np.random.Generator, received: Any) -> Texts:
    """When it happened: half of the claims within 20 days before receipt; in nearly half, the day without the time."""
    before = np.minimum(np.floor(np.exp(random.normal(3.0, 1.0, len(received)))), 1_000).astype("timedelta64[D]")
    hours = random.choice(24, size=len(received), p=np.asarray(_HOURS) / np.sum(_HOURS))
    minutes = random.choice([0, 15, 30, 45], size=len(received))
    time_of_day = hours.astype("timedelta64[h]") + minutes.astype("timedelta64[m]")
    moments = (received - before).astype("datetime64[s]") + time_of_day
    day, time = np.datetime_as_string(moments, unit="D"), np.char.replace(np.datetime_as_string(moments), "T", " ")
    texts: Texts = np.where(random.random(len(received)) < _DATE_ONLY, day, time).astype(object)
    return texts
