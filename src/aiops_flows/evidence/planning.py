"""How many more labels would buy how much coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from aiops_flows.evidence.thresholds import certify_threshold

__all__ = ["LabelsPlan", "coverage_with_more_labels"]


@dataclass(frozen=True)
class LabelsPlan:
    """What so many labels would certify."""

    labels: int
    coverage: float
    threshold: float | None
    """None where so many would certify nothing either."""


def coverage_with_more_labels(
    confidence: ArrayLike,
    loss: ArrayLike,
    *,
    max_error: float,
    confidence_level: float,
    factors: Sequence[int] = (2, 4, 8),
) -> list[LabelsPlan]:
    """The coverage that so many times as many labels would certify if they were like these, fewest labels first.

    The rows are taken as the truth about the world: each is counted so many times, and certified as usual. More labels
    never buy less, since some could be left out. That is a forecast, not a promise: these rows have their luck too.
    """
    scores, losses = np.asarray(confidence, np.float64), np.asarray(loss, np.float64)
    plans: list[LabelsPlan] = []
    for factor in (1, *sorted(factors)):
        found = certify_threshold(
            np.tile(scores, factor), np.tile(losses, factor), max_error=max_error, confidence_level=confidence_level
        )
        plan = LabelsPlan(factor * len(scores), found.coverage, found.threshold)
        if plans and plans[-1].coverage > plan.coverage:
            plan = replace(plans[-1], labels=plan.labels)
        plans.append(plan)
    return plans[1:]
