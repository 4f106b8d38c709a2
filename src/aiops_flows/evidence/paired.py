"""Is the challenger better than the champion? An answer that may be asked for after every label."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from aiops_flows.evidence.betting import (
    BETS,
    Floats,
    confidence_bounds,
    log_e_process,
    relative_weights,
    stakes,
    to_unit,
    unit_losses,
    wealth,
)

__all__ = ["PairedVerdict", "compare_paired"]

_FEWEST_TO_FORESEE = 100
_FURTHEST = 20
"""Times as many labels as were seen: further than that nobody can see."""
_CLEAR = 1.5
"""Standard errors by which the mean stake must be above 0 to be carried on; chosen by simulation."""


@dataclass(frozen=True)
class PairedVerdict:
    """What is shown of a challenger beside a champion on the same cases."""

    verdict: Literal["promote", "reject", "keep collecting"]
    labels: int
    gain: float | None
    """Mean loss of the champion less that of the challenger; None without labels."""
    low: float
    high: float
    """Ends of the interval of the gain; at all numbers of labels together it is right with 1 - ``alpha``."""
    evidence_for: float
    """The most that bets on "the challenger is better" were ever worth; ``1 / alpha`` promotes."""
    evidence_against: float
    """The most that bets on "its gain is below ``least_gain``" were ever worth; ``1 / alpha`` rejects."""
    labels_needed: int | None
    """How many more labels it takes if they go on as those seen; 0 once decided, None where it cannot be told."""
    reason: str
    decided_at: int | None = None
    """The number of labels at which the verdict was first shown."""


def compare_paired(
    champion_loss: ArrayLike,
    challenger_loss: ArrayLike,
    *,
    alpha: float = 0.05,
    least_gain: float = 0.0,
    weights: ArrayLike | None = None,
    largest_weight: ArrayLike | None = None,
) -> PairedVerdict:
    """Promote, reject, or keep collecting, from the losses of both on the same cases in the order of their labels.

    ``promote``: the challenger's mean loss is shown to be lower. ``reject``: its gain is shown to be below
    ``least_gain`` (at 0: it is worse); where both are shown, it is rejected. Each is wrong with probability ``alpha``
    at most, over all looks together. With a ``least_gain`` above 0 one of the two is shown sooner or later; with 0,
    two models that are equally good are compared for ever.

    Losses lie in [0, 1]: wrong or not, half of a Brier score over the classes, an error cut off at a largest one and
    divided by it. ``weights`` and ``largest_weight`` are those of :func:`~aiops_flows.evidence.betting.e_process`.
    ``labels_needed`` is right within a factor of three in most runs, and no promise.

    Raises:
        ValueError: losses of different length or outside of [0, 1]; ``alpha`` or ``least_gain`` out of range.
    """
    champion, challenger = unit_losses(champion_loss), unit_losses(challenger_loss)
    _check(champion, challenger, alpha, least_gain)
    relative = relative_weights(weights, champion.shape, largest_weight)
    half = to_unit(champion - challenger)
    sides = _Sides.of(half, least_gain, relative)
    verdict, decided_at = sides.verdict(math.log(1 / alpha))
    low, high = confidence_bounds(
        champion - challenger, alpha=alpha, low=-1, weights=relative, largest_weight=None if relative is None else 1.0
    )
    found = PairedVerdict(
        verdict,
        len(half),
        float(np.average(champion - challenger, weights=relative)) if len(half) else None,
        low,
        high,
        _largest(sides.better),
        _largest(sides.worse),
        0 if decided_at else sides.labels_needed(math.log(1 / alpha)),
        "",
        decided_at,
    )
    return replace(found, reason=_reason(found, alpha, least_gain))


@dataclass(frozen=True)
class _Sides:
    """Bets on "better" and on "not better enough": the stakes won, and the logarithm of the wealth."""

    better_won: Floats
    worse_won: Floats
    better: Floats
    worse: Floats

    @classmethod
    def of(cls, half: Floats, least_gain: float, relative: Floats | None) -> _Sides:
        """Both, for half of the gains plus one half."""
        edge = (1 + least_gain) / 2
        return cls(
            stakes(half, 0.5, "greater", relative),
            stakes(half, edge, "less", relative),
            log_e_process(half, 0.5, "greater", relative),
            log_e_process(half, edge, "less", relative),
        )

    def verdict(self, enough: float) -> tuple[Literal["promote", "reject", "keep collecting"], int | None]:
        """What is shown, and after how many labels it was."""
        if len(shown := np.flatnonzero(self.worse >= enough)):
            return "reject", int(shown[0]) + 1
        if len(shown := np.flatnonzero(self.better >= enough)):
            return "promote", int(shown[0]) + 1
        return "keep collecting", None

    def labels_needed(self, enough: float) -> int | None:
        """How many more labels until one of the two is shown, if each bet goes on to grow as it did."""
        labels = len(self.better)
        if labels < _FEWEST_TO_FORESEE:
            return None
        totals = [_total_labels(won, enough) for won in (self.better_won, self.worse_won)]
        return min((max(total - labels, 1) for total in totals if total is not None), default=None)


def _total_labels(won: Floats, enough: float) -> int | None:
    if won.mean() <= _CLEAR * won.std() / math.sqrt(len(won)):
        return None
    growth = np.log1p(np.multiply.outer(np.array(BETS), won)).mean(axis=1)
    totals = np.unique(np.geomspace(len(won), _FURTHEST * len(won), 400).astype(np.int64))
    logs = np.logaddexp.reduce(np.multiply.outer(totals, growth), axis=1) - math.log(len(BETS))
    return int(totals[(logs >= enough).argmax()]) if (logs >= enough).any() else None


def _check(champion: Floats, challenger: Floats, alpha: float, least_gain: float) -> None:
    if champion.ndim != 1 or champion.shape != challenger.shape:
        raise ValueError(f"losses of shape {champion.shape} and {challenger.shape}: expected one of each a case")
    if not (0 < alpha < 1 and 0 <= least_gain < 1):
        raise ValueError(
            f"expected alpha {alpha} strictly between 0 and 1, and least_gain {least_gain} from 0 to below 1"
        )


def _largest(path: Floats) -> float:
    return float(wealth(path).max(initial=1.0))


def _reason(found: PairedVerdict, alpha: float, least_gain: float) -> str:
    if found.gain is None:
        return "no case has both answers and a label"
    seen = f"gain {found.gain:+.4f} ({found.low:+.4f} to {found.high:+.4f}) on {found.labels} labels"
    if found.verdict == "promote":
        return f"{seen}: the challenger is better; evidence {found.evidence_for:.3g} of {1 / alpha:.3g} needed"
    if found.verdict == "reject":
        what = f"its gain is below {least_gain:g}" if least_gain else "the challenger is worse"
        return f"{seen}: {what}; evidence {found.evidence_against:.3g} of {1 / alpha:.3g} needed"
    more = "how many more labels it takes cannot be told"
    if found.labels_needed is not None:
        more = f"about {found.labels_needed} more labels if they go on like this"
    return f"{seen}: neither better nor worse is shown; {more}"
