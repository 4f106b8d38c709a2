"""Gates that must hold in every slice of the judging rows: which slices there are, and what their results come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.metrics import METRICS
from aiops_flows.use_case import Gate, ModelSpec
from aiops_flows.values.texts import name_of

if TYPE_CHECKING:
    from aiops_flows.gate_results import GateResult

__all__ = ["in_words", "judge_slices"]

_NAMED = 5
_LONGEST = 60


@dataclass(frozen=True)
class _Slices:
    """Rows by slice, and what is too little to be judged."""

    judged: dict[str, NDArray[np.int64]]
    """Name -> places of the rows, for slices of enough rows."""
    small: int
    """Slices of fewer rows."""
    small_rows: int
    """How many rows they hold together."""
    nowhere: int
    """Rows without a slice."""


def in_words(gate: Gate) -> str:
    """What a gate slices by, for people."""
    if gate.by is None or isinstance(gate.by, str):
        return gate.by or ""
    name = getattr(gate.by, "__name__", type(gate.by).__name__)
    return "a function" if name == "<lambda>" else str(name)


def judge_slices(
    gate: Gate,
    spec: ModelSpec,
    cases: pd.DataFrame | None,
    truth: Sequence[Any] | NDArray[Any],
    judge_rows: Callable[[NDArray[np.int64]], GateResult],
) -> GateResult | str:
    """The result of the worst slice, passed only where every judged slice passes; or why no slice can be judged.

    Args:
        gate: what must hold in each slice.
        spec: the model that is judged.
        cases: the judging rows.
        truth: what turned out true of each.
        judge_rows: the result of the gate on some of the rows.

    Raises:
        UseCaseError: the gate's own function fails, or does not give one value a row.
    """
    if cases is None:
        return f"the judging rows are not at hand, so they cannot be sliced by {in_words(gate)}"
    slices = _slices(_marks(gate, spec, cases, truth), gate.fewest)
    if not slices.judged:
        return f"no slice by {in_words(gate)} can be judged{_left_out(gate, slices)}"
    results = {name: judge_rows(rows) for name, rows in slices.judged.items()}
    worst = min(results, key=lambda name: _standing(results[name], gate))
    failed = [name for name, result in results.items() if not result.passed]
    return replace(
        results[worst],
        passed=not failed,
        reason=_reason(gate, results, worst, failed) + _left_out(gate, slices),
        rows=sum(result.rows for result in results.values()),
    )


def _marks(gate: Gate, spec: ModelSpec, cases: pd.DataFrame, truth: Sequence[Any] | NDArray[Any]) -> pd.Series[Any]:
    """The slice of each row; missing where it is in none."""
    frame = cases.assign(**{spec.output: pd.Series(list(truth), index=cases.index, dtype=object)})
    if isinstance(gate.by, str):
        return frame[gate.by]
    assert gate.by is not None
    try:
        given = pd.Series(np.asarray(gate.by(frame), dtype=object))
    except (LookupError, ValueError, TypeError, AttributeError) as fault:  # its words may quote a case
        raise UseCaseError(
            f"{spec.name}: the function {in_words(gate)} by which the gate {gate.metric} slices failed "
            f"({type(fault).__name__}); it takes a frame with the case's columns and {spec.output}. Its words are left "
            "out, as they may quote a case; try it on a few rows by hand"
        ) from None
    if len(given) != len(frame):
        raise UseCaseError(
            f"{spec.name}: the function {in_words(gate)} by which the gate {gate.metric} slices gave {len(given)} "
            f"values for {len(frame)} rows; it gives one a row"
        )
    return given


def _slices(marks: pd.Series[Any], fewest: int) -> _Slices:
    codes, values = pd.factorize(marks.astype(object), use_na_sentinel=True)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    nowhere = int((codes < 0).sum())
    parts = np.split(order[nowhere:], np.cumsum(counts)[:-1]) if len(values) else []
    named = zip(map(name_of, values), parts, strict=True)
    judged = {name: np.sort(rows) for name, rows in named if len(rows) >= fewest}
    small = counts[counts < fewest]
    return _Slices(judged, len(small), int(small.sum()), nowhere)


def _shown(name: str) -> str:
    return repr(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")


def _standing(result: GateResult, gate: Gate) -> tuple[bool, float]:
    """Where a slice stands among all: those that fail first, then by the bad end of the interval."""
    better = METRICS[gate.metric].greater_is_better if gate.metric in METRICS else True
    if result.low is None or result.high is None:
        return bool(result.passed), -np.inf
    return bool(result.passed), result.low if better else -result.high


def _reason(gate: Gate, results: dict[str, GateResult], worst: str, failed: list[str]) -> str:
    about = f"slice {_shown(worst)} ({results[worst].rows} rows): {results[worst].reason}"
    if not failed:
        return f"in each of {len(results)} slices by {in_words(gate)}, worst is {about}"
    others = [name for name in failed if name != worst]
    more = f", and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    also = f"; so do {', '.join(map(_shown, others[:_NAMED]))}{more}" if others else ""
    return f"{len(failed)} of {len(results)} slices by {in_words(gate)} fail, worst is {about}{also}"


def _left_out(gate: Gate, slices: _Slices) -> str:
    small = f"{slices.small} slices of fewer than {gate.fewest} rows, {slices.small_rows} rows together"
    told = [small if slices.small else "", f"{slices.nowhere} rows in no slice" if slices.nowhere else ""]
    words = "; ".join(filter(None, told))
    return f" (not judged: {words})" if words else ""
