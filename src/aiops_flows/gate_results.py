"""What gates found: each with its evidence, for people as a table, for the record as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

__all__ = ["GateResult", "all_passed", "as_json", "gate_table"]

_PASSED = {True: "yes", False: "no", None: "at promotion"}


@dataclass(frozen=True)
class GateResult:
    """One gate with its evidence: passed, not passed, or (None) judged only at promotion.

    Differences are challenger minus the other.
    """

    gate: str
    """Name of the metric or check."""
    bound: str
    """What was asked for, in words."""
    passed: bool | None
    reason: str
    rows: int
    """Rows that everybody was judged on."""
    value: float | None = None
    """The challenger's."""
    low: float | None = None
    high: float | None = None
    champion: float | None = None
    champion_difference: float | None = None
    champion_difference_low: float | None = None
    champion_difference_high: float | None = None
    baseline: float | None = None
    baseline_difference: float | None = None
    baseline_difference_low: float | None = None
    baseline_difference_high: float | None = None


def all_passed(results: Sequence[GateResult]) -> bool:
    """Whether no gate refuses, of at least one; a gate that is judged at promotion does not refuse before."""
    return bool(results) and all(result.passed is not False for result in results)


def gate_table(results: Sequence[GateResult]) -> list[dict[str, str]]:
    """The results as rows of text for people, in the order of the gates."""
    return [
        {
            "gate": result.gate,
            "bound": result.bound,
            "passed": _PASSED[result.passed],
            "challenger": _shown(result.value, result.low, result.high),
            "champion": _shown(result.champion),
            "baseline": _shown(result.baseline),
            "reason": result.reason,
        }
        for result in results
    ]


def as_json(results: Sequence[GateResult]) -> str:
    """The results as JSON text, the same for the same results."""
    return json.dumps([asdict(result) for result in results], allow_nan=False, ensure_ascii=False, sort_keys=True)


def _shown(value: float | None, low: float | None = None, high: float | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if low is None or high is None else f"{value:.4g} ({low:.4g} to {high:.4g})"
