"""The cases of each true class that are decided wrongly without a person: their share, bounded for all classes at once.

A limit on wrong decisions alone lets a rare class be decided away: where 6 % of the claims are frauds, deciding every
claim as "no fraud" is wrong in 6 % only, and all frauds are missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincc

from aiops_flows.certified import MissedClass
from aiops_flows.evidence.intervals import upper_bound
from aiops_flows.evidence.thresholds import rows_to_certify

__all__ = ["OTHERS", "MissedCertificate", "certify_missed"]

OTHERS = "all others"
"""The name of the classes (or segments) that are too rare to be certified alone, taken together."""

_RARE = 0.10
"""Classes up to this share of the rows may be added to those that are too rare to be certified alone."""


@dataclass(frozen=True)
class MissedCertificate:
    """From which confidence up no true class is decided wrongly too often; None and the reason where there is none."""

    threshold: float | None
    classes: dict[str, MissedClass]
    reason: str


@dataclass(frozen=True)
class _Group:
    """The rows of the classes that one limit is about."""

    name: str
    classes: list[str]
    rows: NDArray[np.bool_]
    limit: float

    @property
    def size(self) -> int:
        return int(self.rows.sum())


def certify_missed(
    confidence: ArrayLike,
    wrong: ArrayLike,
    classes: ArrayLike,
    limits: Mapping[str, float],
    *,
    confidence_level: float,
) -> MissedCertificate:
    """The lowest threshold from which up every true class is decided wrongly in at most its limit of all its cases.

    The share of a class is that of *all* its cases, decided or not, so that it only grows as the threshold falls. So
    thresholds are tried from the strictest down until one class fails its exact binomial test (fixed-sequence testing,
    as in `evidence.thresholds`). A threshold must pass for every class, so the probability is that of all classes at
    once. It holds for every rule that decides no more than all cases from the threshold up.

    Classes with too few rows to certify half of their limit are certified together, as `OTHERS`, with the smallest of
    their limits; the next rarest ones are added until there are enough rows. One that is alone in being rare stays by
    itself. Where there are too few rows, nothing is certified.

    Args:
        confidence: of each row; NaN where it is never decided.
        wrong: of each row, whether deciding it would be wrong.
        classes: the true class of each row.
        limits: class -> share of its cases that may be decided wrongly; a limit of 1 or more promises nothing.
        confidence_level: the probability with which all limits must hold.
    """
    scores, missed = np.asarray(confidence, np.float64), np.asarray(wrong, bool)
    truth = np.asarray(classes, object)
    groups = _groups(truth, {name: limit for name, limit in limits.items() if limit < 1}, 1 - confidence_level)
    threshold = 0.0
    for group in groups:
        allowed = _most_missed(group.size, group.limit, 1 - confidence_level)
        if allowed < 0:
            return MissedCertificate(None, {}, _why_too_few(group, confidence_level))
        threshold = max(threshold, _lowest(scores[group.rows & missed], allowed, scores))
    counts = {group.name: int((group.rows & missed & (scores >= threshold)).sum()) for group in groups}
    found = {
        group.name: MissedClass(
            group.size,
            counts[group.name],
            upper_bound(counts[group.name], group.size, confidence_level),
            group.limit,
            group.classes,
        )
        for group in groups
    }
    return MissedCertificate(threshold, found, _why(found))


def _fewest(limit: float, chance: float) -> int:
    """The fewest rows of a class, none of them missed, that can certify its limit."""
    return math.ceil(math.log(chance) / math.log1p(-limit))


def _groups(truth: NDArray[np.object_], limits: Mapping[str, float], chance: float) -> list[_Group]:
    """Each class with enough rows by itself, and the rare ones together."""
    names, counts = np.unique(truth.astype(str), return_counts=True)
    sizes = {name: int(count) for name, count in zip(names.tolist(), counts.tolist(), strict=True) if name in limits}
    alone = [name for name, count in sizes.items() if count >= rows_to_certify(limits[name], 1 - chance)]
    groups = [_Group(name, [name], truth.astype(str) == name, limits[name]) for name in alone]
    together = [name for name in sizes if name not in set(alone)]
    if not together:
        return groups
    limit = min(limits[name] for name in together)
    small = [name for name in alone if sizes[name] <= _RARE * len(truth)]
    for name in sorted(small, key=lambda each: sizes[each]):
        if sum(sizes[each] for each in together) >= _fewest(limit, chance):
            break
        together.append(name)
    name = together[0] if len(together) == 1 else OTHERS
    return [*groups, _Group(name, sorted(together), np.isin(truth.astype(str), together), limit)]


def _most_missed(rows: int, limit: float, chance: float) -> int:
    """How many of the rows of a class may be missed at most to certify its limit; -1 where none may."""
    counts = np.arange(rows, dtype=np.float64)
    tails = betaincc(counts + 1, rows - counts, limit)
    return int(np.searchsorted(tails, chance, side="right")) - 1


def _lowest(missed: NDArray[np.float64], allowed: int, scores: NDArray[np.float64]) -> float:
    """The lowest threshold that at most so many of the missed rows reach."""
    decided = np.sort(missed[~np.isnan(missed)])[::-1]
    if len(decided) <= allowed:
        return 0.0
    stricter = scores[scores > decided[allowed]]
    return float(stricter.min()) if len(stricter) else float(np.nextafter(decided[allowed], np.inf))


def _why_too_few(group: _Group, level: float) -> str:
    needed = _fewest(group.limit, 1 - level)
    named = f"{group.name!r}" if len(group.classes) == 1 else f"the {len(group.classes)} rarest classes together"
    return (
        f"only {group.size} labelled rows are truly {named}; at least {needed} are needed to be {level:.0%} sure that "
        f"at most {group.limit:.1%} of them are decided wrongly without a person. Record more outcomes, or set "
        "max_missed"
    )


def _why(found: Mapping[str, MissedClass]) -> str:
    """The classes that come nearest to their limits, in words."""
    nearest = sorted(found.items(), key=lambda each: each[1].limit - each[1].share_upper)[:2]
    said = [
        f"{each.missed} of {each.rows} rows that are truly {name!r} were decided wrongly; at most "
        f"{each.share_upper:.2%} are"
        for name, each in nearest
    ]
    return "; ".join(said)
