"""What labelled rows prove of a policy: verdict by verdict, segment by segment, and of every true class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops_flows.certified import MissedClass
from aiops_flows.evidence.missed import OTHERS, MissedCertificate, certify_missed
from aiops_flows.evidence.thresholds import ThresholdCertificate, certify_threshold, rows_to_certify
from aiops_flows.review_policy import ReviewPolicy
from aiops_flows.steps.certificate import SegmentCertificate, VerdictCertificate

__all__ = ["JudgedRows", "Proved", "prove"]

_FACTORS = (2, 4, 8)
_NO_RULE = "no rule of the policy holds for any of them"

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class JudgedRows:
    """Labelled rows as policy would have had them, one entry a row."""

    segments: NDArray[np.object_]
    verdicts: NDArray[np.object_]
    """The verdict of the first rule that holds; None where none does. Only the others can be decided by policy."""
    confidence: NDArray[np.float64]
    loss: NDArray[np.float64]
    naive: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Verdict -> what giving it to every case would lose, row by row. Empty: nothing is compared with a naive rule."""
    classes: NDArray[np.object_] | None = None
    """The true class of each row; None where no promise is made for true classes."""
    wrong: Mask | None = None
    """Whether the verdict would be wrong for the true class."""
    by_answer: bool = False
    """Whether the segments are a model's own answers, so that a naive rule cannot know them."""
    periods: NDArray[np.int64] | None = None
    """The period of receipt of each row, where rows of one share their luck; None where they are draws apart."""
    ahead: int = 1
    """Periods that the certificate is for."""

    def __len__(self) -> int:
        return len(self.verdicts)

    @property
    def ruled(self) -> Mask:
        """Whether a rule holds for each row."""
        return np.array([verdict is not None for verdict in self.verdicts], dtype=bool)

    def repeated(self, factor: int) -> JudgedRows:
        """The same rows, each so many times."""
        return JudgedRows(
            np.tile(self.segments, factor),
            np.tile(self.verdicts, factor),
            np.tile(self.confidence, factor),
            np.tile(self.loss, factor),
            {verdict: np.tile(losses, factor) for verdict, losses in self.naive.items()},
            None if self.classes is None else np.tile(self.classes, factor),
            None if self.wrong is None else np.tile(self.wrong, factor),
            self.by_answer,
        )


@dataclass(frozen=True)
class Proved:
    """What a certificate says of its rows."""

    threshold: float | None
    coverage: float
    error_upper: float | None
    segments: dict[str, SegmentCertificate]
    verdicts: dict[str, VerdictCertificate]
    missed: dict[str, MissedClass]
    more_labels: list[dict[str, Any]]
    reason: str


def prove(policy: ReviewPolicy, judged: JudgedRows, *, forecast: bool = True) -> Proved:
    """What may be decided without a person, going by the rows.

    First the threshold from which up no true class is decided wrongly too often (`evidence.missed`), for all verdicts
    and segments together. Then, from there up, each verdict by itself, and within it each segment: at most the
    verdict's ``max_error``, and less than the naive rule. Each of these proofs holds with the policy's ``confidence``
    by itself, not all of them at once.

    Segments with fewer rows of a verdict than it takes to certify half of its limit are certified together. That looks
    at the number of rows alone and at no label, so the proof holds for them as for any group. It speaks of them
    together, in the shares that they have among the rows.

    Without ``forecast`` it does not say what more labels would buy, which takes most of the time.
    """
    classes = _classes(policy, judged)
    verdicts = {verdict: _verdict(policy, judged, verdict, classes) for verdict in policy.auto}
    certified = [each for each in verdicts.values() if each.threshold is not None]
    return Proved(
        threshold=_least(certified),
        coverage=sum(each.coverage for each in verdicts.values()),
        error_upper=_most(certified),
        segments=_segments(judged, verdicts) if policy.segments else {},
        verdicts=verdicts,
        missed=classes.classes,
        more_labels=_plan(policy, judged) if forecast else [],
        reason=_reason(policy, verdicts, classes),
    )


def _classes(policy: ReviewPolicy, judged: JudgedRows) -> MissedCertificate:
    """From which threshold up every true class keeps to its limit."""
    if judged.classes is None or judged.wrong is None:
        return MissedCertificate(0.0, {}, "")
    limits = {str(name): policy.missed_limit(str(name)) for name in set(judged.classes.tolist())}
    decided = np.where(judged.ruled, judged.confidence, np.nan)
    return certify_missed(decided, judged.wrong, judged.classes, limits, confidence_level=policy.confidence)


def _verdict(policy: ReviewPolicy, judged: JudgedRows, verdict: str, classes: MissedCertificate) -> VerdictCertificate:
    """What is proved of one verdict: of all its rows together, or of each segment."""
    mine = judged.verdicts == verdict
    limit = policy.error_limit(verdict)
    everywhere = np.ones(len(judged), dtype=bool)
    if policy.segments is None:
        found = _of_rows(policy, judged, verdict, everywhere, classes)
        return VerdictCertificate(
            found.threshold,
            limit,
            found.coverage * int(mine.sum()) / max(len(judged), 1),
            int(mine.sum()),
            found.wrong,
            None if found.threshold is None else found.error_upper,
            found.naive,
            found.reason,
        )
    names = sorted(set(judged.segments[mine].tolist()) - {""})
    groups = _groups(policy, judged, verdict, names)
    proofs = {group: _of_rows(policy, judged, verdict, rows, classes) for group, rows in groups.items()}
    segments = {
        name: _of_segment(judged, mine & (judged.segments == name), name, proofs, pooled=name not in groups)
        for name in names
    }
    certified = [each for each in segments.values() if each.threshold is not None]
    decided = sum(each.coverage * each.labels_used for each in segments.values())
    return VerdictCertificate(
        _least(certified),
        limit,
        decided / max(len(judged), 1),
        int(mine.sum()),
        sum(proof.wrong for proof in proofs.values()),
        _most(certified),
        None,
        _reason_of_segments(policy, segments, proofs.get(OTHERS)),
        segments,
    )


def _groups(policy: ReviewPolicy, judged: JudgedRows, verdict: str, names: Sequence[str]) -> dict[str, Mask]:
    """The rows of each segment that is certified alone, and those of all others together."""
    mine = judged.verdicts == verdict
    sizes = {name: int((mine & (judged.segments == name)).sum()) for name in names}
    enough = rows_to_certify(policy.error_limit(verdict), policy.confidence)
    rare = [name for name in names if sizes[name] < enough]
    if not policy.pool_rare or len(rare) < 2:
        rare = []
    groups: dict[str, Mask] = {name: judged.segments == name for name in names if name not in set(rare)}
    if rare:
        groups[OTHERS] = np.isin(judged.segments.astype(str), rare)
    return groups


def _of_rows(
    policy: ReviewPolicy, judged: JudgedRows, verdict: str, these: Mask, classes: MissedCertificate
) -> ThresholdCertificate:
    """What is proved of the rows of one verdict among these."""
    rows = these & (judged.verdicts == verdict)
    limit = policy.error_limit(verdict)
    if not rows.any():
        return _nothing(policy, limit, 0, _NO_RULE)
    if classes.threshold is None:
        return _nothing(policy, limit, int(rows.sum()), classes.reason)
    naive = judged.naive.get(verdict)
    if naive is not None and not judged.by_answer:
        naive = naive[these]
    return certify_threshold(
        judged.confidence[rows],
        judged.loss[rows],
        max_error=limit,
        confidence_level=policy.confidence,
        periods=None if judged.periods is None else judged.periods[rows],
        ahead=judged.ahead,
        naive_loss=naive,
        not_below=classes.threshold,
    )


def _nothing(policy: ReviewPolicy, limit: float, rows: int, reason: str) -> ThresholdCertificate:
    return ThresholdCertificate(None, 0.0, rows, 0, 1.0, limit, policy.confidence, reason)


def _of_segment(
    judged: JudgedRows, mine: Mask, name: str, proofs: Mapping[str, ThresholdCertificate], *, pooled: bool
) -> SegmentCertificate:
    """What is proved of one segment, by itself or together with the other rare ones."""
    proof = proofs[OTHERS if pooled else name]
    rows = int(mine.sum())
    reason = proof.reason
    if pooled:
        reason = f"{rows} rows are too few to certify it alone; together with {OTHERS}: {reason}"
    if proof.threshold is None:
        return SegmentCertificate(None, 0.0, rows, None, reason, pooled)
    reached = mine & (judged.confidence >= proof.threshold)
    return SegmentCertificate(proof.threshold, int(reached.sum()) / rows, rows, proof.error_upper, reason, pooled)


def _segments(judged: JudgedRows, verdicts: Mapping[str, VerdictCertificate]) -> dict[str, SegmentCertificate]:
    """Of each segment all its verdicts together: the lowest threshold, and the largest error."""
    names = sorted(set(judged.segments.tolist()) - {""})
    return {name: _together(judged, name, verdicts) for name in names}


def _together(judged: JudgedRows, name: str, verdicts: Mapping[str, VerdictCertificate]) -> SegmentCertificate:
    rows = int((judged.segments == name).sum())
    parts = {verdict: each.segments[name] for verdict, each in verdicts.items() if name in each.segments}
    if not parts:
        return SegmentCertificate(None, 0.0, rows, None, _NO_RULE)
    certified = [each for each in parts.values() if each.threshold is not None]
    decided = sum(each.coverage * each.labels_used for each in parts.values())
    reasons = [each.reason if len(parts) == 1 else f"{verdict}: {each.reason}" for verdict, each in parts.items()]
    pooled = all(each.pooled for each in parts.values())
    return SegmentCertificate(_least(certified), decided / rows, rows, _most(certified), "; ".join(reasons), pooled)


def _least(parts: Sequence[SegmentCertificate] | Sequence[VerdictCertificate]) -> float | None:
    return min((each.threshold for each in parts if each.threshold is not None), default=None)


def _most(parts: Sequence[SegmentCertificate] | Sequence[VerdictCertificate]) -> float | None:
    return max((each.error_upper for each in parts if each.error_upper is not None), default=None)


def _plan(policy: ReviewPolicy, judged: JudgedRows) -> list[dict[str, Any]]:
    """What more labels like these would buy: the rows taken as the truth, each counted so many times.

    More labels never buy less, since some could be left out. Nothing is forecast where it takes more periods.
    """
    if judged.periods is not None:
        return []
    plans: list[dict[str, Any]] = []
    best = _coverage(policy, judged)
    for factor in _FACTORS:
        best = max(best, _coverage(policy, judged.repeated(factor)))
        plans.append({"labels": factor * len(judged), "coverage": best})
    return plans


def _coverage(policy: ReviewPolicy, judged: JudgedRows) -> float:
    classes = _classes(policy, judged)
    return sum(_verdict(policy, judged, verdict, classes).coverage for verdict in policy.auto)


def _reason(policy: ReviewPolicy, verdicts: Mapping[str, VerdictCertificate], classes: MissedCertificate) -> str:
    if classes.threshold is None:
        return classes.reason
    certified = any(each.threshold is not None for each in verdicts.values())
    parts = [each.reason if len(verdicts) == 1 else f"{verdict}: {each.reason}" for verdict, each in verdicts.items()]
    if certified and classes.reason:
        parts.append(classes.reason)
    if certified and policy.allow_naive:
        parts.append("the policy allows what a naive rule gets as well")
    return "; ".join(parts)


def _reason_of_segments(
    policy: ReviewPolicy, segments: Mapping[str, SegmentCertificate], others: ThresholdCertificate | None
) -> str:
    certified = sum(each.threshold is not None for each in segments.values())
    said = f"{certified} of {len(segments)} values of {policy.segments} have a certified threshold"
    pooled = sum(each.pooled for each in segments.values())
    if others is None or not pooled:
        return said
    return f"{said}; {pooled} of them are too rare to be certified alone, together as {OTHERS}: {others.reason}"
