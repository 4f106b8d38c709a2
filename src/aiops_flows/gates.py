"""Whether a challenger may become champion: every gate of its model, judged on the same rows for everybody.

One rule for all bounds: the interval of the estimate (90 %, paired bootstrap) is counted against the challenger. Its
bad end must keep ``at_least`` and ``at_most``, the bad end of the difference to the champion must keep ``max_drop``,
and that of the difference to the baseline must be better than nothing. Each bound that passes is so kept with 95 %
confidence. ``max_drop_share`` is ``max_drop`` in terms of the champion's value on the same rows. What cannot be
measured does not pass, with the reason. One gate, ``shadow``, is judged only when a version is to be promoted, on the
live cases that champion and challenger both answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aiops_flows.drift.report import DriftReport
from aiops_flows.evidence.answers import Scored, read_answers
from aiops_flows.evidence.comparison import FEWEST_ROWS, Comparison, Estimate
from aiops_flows.evidence.intervals import Interval
from aiops_flows.evidence.metrics import METRICS, Metric
from aiops_flows.gate_results import GateResult
from aiops_flows.gate_slices import in_words, judge_slices
from aiops_flows.use_case import Gate, Kind, ModelSpec

if TYPE_CHECKING:
    import pandas as pd

    from aiops_flows.evidence.paired import PairedVerdict

__all__ = [
    "METRICS",
    "SHADOW",
    "Metric",
    "Scored",
    "judge",
    "judge_shadow",
    "measure",
]

SHADOW = "shadow"
"""The gate that compares champion and challenger on live cases."""
_CHALLENGER, _CHAMPION, _BASELINE = "challenger", "champion", "baseline"


def judge(  # noqa: PLR0917  all eight are what is judged
    spec: ModelSpec,
    truth: Sequence[Any] | NDArray[Any],
    challenger: Scored,
    champion: Scored | None,
    baseline: Scored,
    drift: Mapping[str, DriftReport],
    missing_share: float | None,
    latency_ms: float | None,
    *,
    seed: int = 0,
    resamples: int = 300,
    confidence: float = 0.90,
    cases: pd.DataFrame | None = None,
) -> list[GateResult]:
    """Each gate of the model with its verdict and evidence; never an exception because of the data.

    ``drift`` names what was compared, such as ``training_vs_arriving``. A model without gates gives one result that
    did not pass, so that nothing becomes champion unjudged. Without a champion, ``max_drop`` binds nobody. ``cases``
    are the judging rows; gates with ``by`` need them.
    """
    models = {_CHALLENGER: challenger, _BASELINE: baseline} | ({_CHAMPION: champion} if champion else {})
    if not spec.gates:
        reason = f"model {spec.name} declares no gate; give its ModelSpec at least one"
        return [GateResult("gates", "at least one", passed=False, reason=reason, rows=len(truth))]
    compare = partial(Comparison.of, spec.kind, confidence=confidence, resamples=resamples, seed=seed)
    rows = _Rows(spec, truth, models, cases, compare)
    checks: dict[str, Callable[[Gate], GateResult]] = {
        "drift": lambda gate: _judge_drift(gate, drift),
        "missing_values": lambda gate: _judge_number(gate, missing_share, "share of missing values"),
        "latency": lambda gate: _judge_number(gate, latency_ms, "milliseconds for a batch"),
        SHADOW: lambda gate: _leave_open(gate, champion=champion is not None),
    }
    return [checks.get(gate.metric, rows.judge)(gate) for gate in spec.gates]


@dataclass(frozen=True)
class _Rows:
    """The judging rows with what was true and what was said of them."""

    spec: ModelSpec
    truth: Sequence[Any] | NDArray[Any]
    models: Mapping[str, Scored]
    cases: pd.DataFrame | None
    compare: Callable[..., Comparison]

    @cached_property
    def whole(self) -> Comparison:
        return self.compare(self.truth, self.models)

    def judge(self, gate: Gate) -> GateResult:
        """A quality on all rows, or in each slice of them."""
        if gate.once_known and (known := self._texts_known()) < FEWEST_ROWS:
            reason = f"not judged: {known} true texts are known, and it binds from {FEWEST_ROWS} on"
            return GateResult(gate.metric, _bound(gate), passed=True, reason=reason, rows=known)
        if gate.by is None:
            return _judge_quality(gate, self.spec, self.whole, len(self.truth))
        each = partial(self._judge_some, replace(gate, by=None))
        found = judge_slices(gate, self.spec, self.cases, self.truth, each)
        return _refused(gate, found, len(self.truth)) if isinstance(found, str) else replace(found, bound=_bound(gate))

    def _texts_known(self) -> int:
        """How many rows have a true text; of other kinds all that there are, as they are judged at once."""
        return sum(text is not None for text in self.truth) if self.spec.kind == "writer" else FEWEST_ROWS

    def _judge_some(self, gate: Gate, rows: NDArray[np.int64]) -> GateResult:
        models = {name: scored.rows(rows) for name, scored in self.models.items()}
        part = self.compare(np.asarray(self.truth)[rows], models, of_slice=True)
        return _judge_quality(gate, self.spec, part, len(rows))


def measure(kind: Kind, truth: Sequence[Any] | NDArray[Any], scored: Scored) -> dict[str, float]:
    """Every quality of the kind that can be measured on these rows, by name."""
    answers = read_answers(kind, truth, {_CHALLENGER: scored})[_CHALLENGER]
    if isinstance(answers, str):
        return {}
    found = {name: metric.of(answers) for name, metric in METRICS.items() if metric.measures(kind)}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _bound(gate: Gate) -> str:
    parts = [
        f"at least {gate.at_least:g}" if gate.at_least is not None else "",
        f"at most {gate.at_most:g}" if gate.at_most is not None else "",
        f"at most {gate.max_drop:g} worse than the champion" if gate.max_drop is not None else "",
        f"at most {gate.max_drop_share:.3g} of the champion's value worse" if gate.max_drop_share is not None else "",
        "better than the baseline" if gate.beats_baseline else "",
    ]
    where = f" in each slice by {in_words(gate)}" if gate.by is not None else ""
    return ", ".join(part for part in parts if part) + where


def _refused(gate: Gate, reason: str, rows: int = 0) -> GateResult:
    return GateResult(gate.metric, _bound(gate), passed=False, reason=reason, rows=rows)


@dataclass(frozen=True)
class _Judged:
    """One bound with its verdict in words."""

    words: str
    passed: bool


def _judge_quality(gate: Gate, spec: ModelSpec, comparison: Comparison, rows: int) -> GateResult:
    metric = METRICS.get(gate.metric)
    if metric is None or not metric.measures(spec.kind):
        fitting = [name for name, each in METRICS.items() if each.measures(spec.kind)]
        return _refused(gate, f"{gate.metric} is no metric of a {spec.kind}; there are {', '.join(fitting)}", rows)
    found = comparison.estimate(metric, _CHALLENGER)
    if isinstance(found, str):
        return _refused(gate, f"the challenger cannot be measured: {found}", rows)
    interval = comparison.interval(metric, found)
    judged = [*_absolute(gate, found.value, interval), *_relative(gate, metric, found, comparison)]
    failed = [each.words for each in judged if not each.passed]
    return GateResult(
        gate=gate.metric,
        bound=_bound(gate),
        passed=not failed,
        reason="; ".join(failed or [each.words for each in judged]),
        rows=rows,
        value=found.value,
        low=interval.low,
        high=interval.high,
        **_compared(metric, found, comparison, _CHAMPION),
        **_compared(metric, found, comparison, _BASELINE),
    )


def _compared(metric: Metric, found: Estimate, comparison: Comparison, model: str) -> dict[str, float]:
    """The evidence against another model, as far as it can be measured."""
    other = comparison.estimate(metric, model) if model in comparison.answers else ""
    if isinstance(other, str):
        return {}
    difference = comparison.difference(found, other)
    return {
        model: other.value,
        f"{model}_difference": found.value - other.value,
        f"{model}_difference_low": difference.low,
        f"{model}_difference_high": difference.high,
    }


def _absolute(gate: Gate, value: float, interval: Interval) -> list[_Judged]:
    judged = []
    if gate.at_least is not None:
        judged.append(_held("at least", gate.at_least, value, interval.low, interval.low >= gate.at_least))
    if gate.at_most is not None:
        judged.append(_held("at most", gate.at_most, value, interval.high, interval.high <= gate.at_most))
    return judged


def _held(words: str, bound: float, value: float, end: float, passed: bool) -> _Judged:
    if passed:
        return _Judged(f"{value:.4g}, at worst {end:.4g}, is {words} {bound:g}", passed=True)
    near = value >= bound if words == "at least" else value <= bound
    hint = " (more rows to judge on would narrow it)" if near else ""
    return _Judged(f"{value:.4g}, at worst {end:.4g}, where {words} {bound:g} is asked for{hint}", passed=False)


def _relative(gate: Gate, metric: Metric, found: Estimate, comparison: Comparison) -> list[_Judged]:
    judged = []
    if gate.max_drop is not None:
        allowed = _Allowed(gate.max_drop, f"at most {gate.max_drop:g} worse is required")
        judged.append(_against_champion("max_drop", allowed, metric, found, comparison))
    if gate.max_drop_share is not None:
        judged.append(_against_champion_share(gate.max_drop_share, metric, found, comparison))
    if gate.beats_baseline:
        judged.append(_against(_BASELINE, metric, found, comparison, lambda gain: gain > 0, "better is asked for"))
    return judged


@dataclass(frozen=True)
class _Allowed:
    """How much worse than the champion a challenger may be, in units of the metric, and in words."""

    drop: float
    words: str


def _against_champion_share(share: float, metric: Metric, found: Estimate, comparison: Comparison) -> _Judged:
    """``max_drop_share`` as the drop that it allows beside this champion's value on these rows."""
    champion = comparison.estimate(metric, _CHAMPION) if _CHAMPION in comparison.answers else ""
    value = 0.0 if isinstance(champion, str) else abs(champion.value)
    words = f"at most {share * value:.4g} worse is required, {share:.3g} of the champion's {value:.4g}"
    return _against_champion("max_drop_share", _Allowed(share * value, words), metric, found, comparison)


def _against_champion(
    bound: str, allowed: _Allowed, metric: Metric, found: Estimate, comparison: Comparison
) -> _Judged:
    if _CHAMPION not in comparison.answers:
        return _Judged(f"there is no champion, so {bound} does not apply", passed=True)
    return _against(_CHAMPION, metric, found, comparison, lambda gain: gain >= -allowed.drop, allowed.words)


def _against(
    model: str, metric: Metric, found: Estimate, comparison: Comparison, holds: Callable[[float], bool], asked: str
) -> _Judged:
    """A bound on how much better the challenger is at worst than another model on the same rows."""
    other = comparison.estimate(metric, model)
    if isinstance(other, str):
        return _Judged(f"the {model} cannot be measured: {other}", passed=False)
    difference = comparison.difference(found, other)
    worst = difference.low if metric.greater_is_better else -difference.high
    gain = (found.value - other.value) * (1 if metric.greater_is_better else -1)
    words = f"{_than(gain)} than the {model} by {abs(gain):.4g}, at worst {_than(worst)} by {abs(worst):.4g}"
    passed = holds(worst)
    if passed:
        return _Judged(words, passed=True)
    hint = " (more rows to judge on would narrow it)" if holds(gain) else ""
    return _Judged(f"{words}, where {asked}{hint}", passed=False)


def _than(gain: float) -> str:
    return "better" if gain >= 0 else "worse"


def _is_relative(gate: Gate) -> bool:
    """Whether a bound compares the challenger with another model."""
    return gate.max_drop is not None or gate.max_drop_share is not None or gate.beats_baseline


def _judge_drift(gate: Gate, drift: Mapping[str, DriftReport]) -> GateResult:
    """``at_most`` is the false-alarm rate: no comparison may have a p-value that small, and none may be unknown."""
    if gate.at_most is None or gate.at_least is not None or _is_relative(gate):
        return _refused(gate, "the gate drift takes at_most alone: the share of false alarms, such as 0.05")
    if not drift:
        return _refused(gate, "no drift was measured")
    doubts = [f"{name}: {report.reason}" for name, report in drift.items() if report.p_value is None]
    moved = [
        f"{name}: {report.reason}"
        for name, report in drift.items()
        if report.p_value is not None and report.p_value <= gate.at_most
    ]
    known = [report.p_value for report in drift.values() if report.p_value is not None]
    return GateResult(
        gate=gate.metric,
        bound=f"no drift, at a false-alarm rate of {gate.at_most:g}",
        passed=not (doubts or moved),
        reason="; ".join(moved + doubts) or f"no drift in {', '.join(drift)}",
        rows=min(report.rows_current for report in drift.values()),
        value=min(known, default=None),
    )


def _leave_open(gate: Gate, *, champion: bool) -> GateResult:
    """The gate ``shadow`` at training: live cases will tell, once champion and challenger have answered them."""
    if gate.at_most is None or gate.at_least is not None or _is_relative(gate):
        return _refused(gate, "the gate shadow takes at_most alone: the share of false promotions, such as 0.05")
    if not 0 < gate.at_most < 1:
        return _refused(
            gate, f"the gate shadow takes a share of false promotions between 0 and 1, not {gate.at_most:g}"
        )
    if champion:
        return GateResult(SHADOW, _shadow_bound(gate), passed=None, reason="judged at promotion on live cases", rows=0)
    return GateResult(SHADOW, _shadow_bound(gate), passed=True, reason="there is no champion to compare with", rows=0)


def _shadow_bound(gate: Gate) -> str:
    return f"better than the champion on live cases, at a share of false promotions of {gate.at_most:g}"


def judge_shadow(gate: Gate, verdict: PairedVerdict) -> GateResult:
    """The gate ``shadow``, judged on live cases; ``passed`` is None where they do not suffice yet.

    The gain is the mean loss of the champion minus that of the challenger, so that above 0 is better.
    """
    passed = {"promote": True, "reject": False, "keep collecting": None}[verdict.verdict]
    gain = None if verdict.gain is None else float(verdict.gain)
    return GateResult(
        SHADOW,
        _shadow_bound(gate),
        passed=passed,
        reason=verdict.reason,
        rows=int(verdict.labels),
        value=gain,
        low=float(verdict.low),
        high=float(verdict.high),
    )


def _judge_number(gate: Gate, value: float | None, what: str) -> GateResult:
    if _is_relative(gate):
        return _refused(gate, f"{gate.metric} is compared with nothing; give at_most or at_least")
    if value is None or not math.isfinite(value):
        return _refused(gate, f"the {what} was not measured")
    judged = _absolute(gate, value, Interval(value, value))
    words = [each.words.replace(f", at worst {value:.4g}", "") for each in judged if not each.passed]
    return GateResult(
        gate=gate.metric,
        bound=_bound(gate),
        passed=not words,
        reason="; ".join(words) or f"{what}: {value:.4g}",
        rows=0,
        value=value,
    )
