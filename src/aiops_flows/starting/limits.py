"""What the written policy allows without a person, set from how frequent each outcome is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiops_flows.starting.outcome import Outcome

__all__ = ["Limits", "limits_of"]

_USUAL_ERROR = 0.10
_USUAL_ERROR_OF_A_QUANTITY = 0.20
_OF_NAIVE = 1 / 3
"""A limit is at most this part of what a naive rule gets wrong: a model must do three times as well."""
_RARE = 1 / 3
"""A class is rare below this part of the share that it would have if all were equally frequent."""
_MISSED = 0.10
_NEAR_SHARE = 0.25
_ADVERSE = re.compile(
    r"\b(den(y|ied|ial|ies)|reject|refus|declin|fraud|terminat|dismiss|suspen|blacklist|disallow|"
    r"abgelehnt|ablehn|betrug|gekündigt|rechaz|denega|negad|afgewezen|odrzuc|rifiut|respint|avslag)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Limits:
    """Which verdicts may be automatic, under which limits, and why."""

    automatic: Sequence[str]
    adverse: Sequence[str] = ()
    """Verdicts that seem to go against somebody."""
    rare: Sequence[str] = ()
    max_error: Mapping[str, float] = field(default_factory=dict)
    """Automatic verdict -> the share of wrong ones that is allowed: for all of them the lowest that any one needs."""
    max_missed: Mapping[str, float] = field(default_factory=dict)
    """Rare class -> the share of its cases that may be decided otherwise without a person."""
    reasons: Sequence[str] = ()
    """The limits in words, with their figures."""
    near: float = 0.0
    """Of a quantity: the distance that counts as right."""
    near_share: float = _NEAR_SHARE


def limits_of(outcome: Outcome, truth: Sequence[str]) -> Limits:
    """The limits for an outcome; ``truth`` are its past values, as `Outcome.written` has them."""
    return (
        _of_quantity(outcome, [float(value) for value in truth]) if outcome.kind == "quantity" else _of_classes(outcome)
    )


def _of_classes(outcome: Outcome) -> Limits:
    shares = {name: outcome.rows_of[name] / outcome.rows for name in outcome.classes}
    rare = [name for name, share in shares.items() if share < _RARE / len(shares)]
    adverse = [name for name in shares if _ADVERSE.search(name)]
    automatic = [name for name in shares if name not in {*rare, *adverse}]
    limit = min((_below(_USUAL_ERROR, 1 - shares[name]) for name in automatic), default=_USUAL_ERROR)
    limits = dict.fromkeys(automatic, limit)
    return Limits(
        automatic,
        adverse,
        rare,
        limits,
        dict.fromkeys(rare, _MISSED),
        [
            *(_why(name, shares[name], limit) for name in automatic[:1] if limit < _USUAL_ERROR),
            *_why_rare(rare, shares),
            *_why_adverse(adverse),
        ],
    )


def _why(name: str, share: float, limit: float) -> str:
    return (
        f'{share:.1%} of the past rows are "{name}", so a rule that always says so is wrong in {1 - share:.1%}: '
        f"at most {limit:.2%} of the automatic decisions of each verdict may be wrong."
    )


def _why_rare(rare: Sequence[str], shares: Mapping[str, float]) -> list[str]:
    if not rare:
        return []
    named = ", ".join(f'"{name}" ({shares[name]:.1%})' for name in rare[:5]) + ", …" * (len(rare) > 5)
    consequence = f"at most {_MISSED:.0%} of their cases may be decided otherwise without a person"
    return [f"Rare, and so the costly ones to miss: {named}. People decide them, and {consequence}."]


def _why_adverse(adverse: Sequence[str]) -> list[str]:
    if not adverse:
        return []
    named = ", ".join(f'"{name}"' for name in adverse[:5]) + ", …" * (len(adverse) > 5)
    return [f"By their names these go against somebody, so people decide them: {named}."]


def _of_quantity(outcome: Outcome, truth: Sequence[float]) -> Limits:
    near = float(f"{(outcome.spread or outcome.high) / 4 or 0.25:.3g}")
    far = sum(abs(value - outcome.usual) > max(_NEAR_SHARE * abs(value), near) for value in truth)
    naive = far / len(truth)
    limit = _below(_USUAL_ERROR_OF_A_QUANTITY, naive)
    reason = (
        f"A rule that always says {outcome.usual:g}, the median, is further off than that in {naive:.1%} of the past "
        f"rows: at most {limit:.2%} of the automatic ones may be."
    )
    return Limits(["accept"], max_error={"accept": limit}, reasons=[reason], near=near)


def _below(usual: float, naive: float) -> float:
    """The usual limit, or a third of what the naive rule gets wrong, rounded down to two digits."""
    limit = min(usual, naive * _OF_NAIVE)
    if limit <= 0:
        return 1e-4
    digits = 1 - math.floor(math.log10(limit))
    scale = float(10**digits)
    return math.floor(limit * scale + 1e-9) / scale
