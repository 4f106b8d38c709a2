"""How much drift matters: what a changed mix of answers is expected to do to errors, and to what is decided alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FEWEST_ANSWERS", "DriftImpact", "drift_impact"]

FEWEST_ANSWERS = 50
"""Answers on either side below which nothing is estimated."""
AUTOMATIC_SHIFT = 0.10
"""By how much the share of answers at or above the certified threshold may change."""
_BINS = 10
_PRIOR = 10.0  # rows that the errors of all answers of one confidence count for in each cell
_RESAMPLES = 400

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftImpact:
    """What the present answers of a model let expect, beside those to labelled rows that it had not learned from.

    The loss is the share of wrong answers, or of quantities the mean absolute error.
    """

    loss_before: float
    """On the labelled rows."""
    loss_now: float
    """Expected of the present answers, if answers of one kind and confidence are as often wrong as they were."""
    rise_low: float
    """The rise of the loss is above this with 95 % confidence."""
    rise_high: float
    """It is below this with 95 % confidence."""
    tolerance: float
    """The rise from which on drift matters."""
    automatic_before: float | None
    """Share of answers at or above the certified threshold; None where there is no such threshold."""
    automatic_now: float | None
    matters: bool
    reason: str
    """In one sentence, with the figures and without a value of a case."""

    @property
    def rise(self) -> float:
        """By how much the loss is expected to have risen."""
        return self.loss_now - self.loss_before

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Answers:
    """Which cell each answer is in (what was answered, how confident), and how wrong it was, where that is known."""

    cells: NDArray[np.int64]
    lost: Floats
    """Empty where it is not known."""

    def resampled(self, random: np.random.Generator) -> _Answers:
        """As many of them, drawn with replacement."""
        rows = random.integers(0, len(self.cells), len(self.cells))
        return _Answers(self.cells[rows], self.lost[rows] if len(self.lost) else self.lost)


@dataclass(frozen=True)
class _Sides:
    """Labelled answers at the training, labelled answers since, and the present ones."""

    before: _Answers
    since: _Answers
    now: _Answers
    bins: NDArray[np.int64]
    """The bin of confidence of each cell."""

    def resampled(self, random: np.random.Generator) -> _Sides:
        """All three drawn anew."""
        drawn = [side.resampled(random) if len(side.cells) else side for side in (self.before, self.since, self.now)]
        return _Sides(drawn[0], drawn[1], drawn[2], self.bins)

    @property
    def rise(self) -> float:
        """The loss to expect of the present mix of cells, less that of the mix at the training."""
        first = _errors(self.before, self._of_bins(), self.bins)
        latest = _errors(self.since, first, self.bins) if len(self.since.cells) else first
        shares = [
            np.bincount(side.cells, minlength=len(self.bins)) / len(side.cells) for side in (self.now, self.before)
        ]
        return float(shares[0] @ latest - shares[1] @ first)

    def _of_bins(self) -> Floats:
        """The mean loss of the bin of confidence of each cell."""
        rows = np.bincount(self.bins, weights=np.bincount(self.before.cells, minlength=len(self.bins)))
        sums = np.bincount(
            self.bins, weights=np.bincount(self.before.cells, weights=self.before.lost, minlength=len(self.bins))
        )
        means = np.divide(sums, rows, out=np.full(len(rows), self.before.lost.mean()), where=rows > 0)
        found: Floats = means[self.bins]
        return found


def _errors(answers: _Answers, expected: Floats, bins: NDArray[np.int64]) -> Floats:
    """The mean loss of each cell, drawn towards what was expected of it where it has few rows."""
    rows = np.bincount(answers.cells, minlength=len(bins))
    sums = np.bincount(answers.cells, weights=answers.lost, minlength=len(bins))
    return (sums + _PRIOR * expected) / (rows + _PRIOR)


def drift_impact(
    before: Mapping[str, ArrayLike],
    loss: ArrayLike,
    now: Mapping[str, ArrayLike],
    *,
    since: Mapping[str, ArrayLike] | None = None,
    since_loss: ArrayLike = (),
    tolerance: float,
    relative: bool = False,
    threshold: float | None = None,
    seed: int = 0,
) -> DriftImpact | str:
    """What the present answers let expect, or the reason why that cannot be estimated.

    Labelled rows are weighted so that their answers have the present mix of classes and confidences
    (post-stratification on what the model says; Holt and Smith 1979). That catches every change which the model itself
    notices. Answers that became wrong at the same confidence are seen in the labelled rows received since the training,
    where there are any: how wrong the answers of a cell are is taken from these as far as they go, and from the rows of
    the training beyond.

    Drift matters where the loss is expected to rise by ``tolerance`` or more and is 95 % sure to have risen at all, or
    where the share of answers at or above the threshold changed by ten points or more.

    Args:
        before: ``answer`` and ``confidence`` (of quantities NaN) of labelled rows that the model had not learned from.
        loss: how wrong each of these answers was, 0 or more.
        now: the same two of the present cases.
        since: the same two of labelled cases received since the training.
        since_loss: how wrong each of these was.
        tolerance: the rise of the mean loss from which on drift matters; with 0 every drift does.
        relative: whether ``tolerance`` is a share of the loss before.
        threshold: the certified confidence, where there is one.
        seed: of the resamples that give the interval.
    """
    lost = np.asarray(loss, np.float64)
    sides = [np.asarray(side["confidence"], np.float64) for side in (before, now)]
    if min(len(side) for side in sides) < FEWEST_ANSWERS:
        return (
            f"{len(sides[0])} labelled and {len(sides[1])} present answers; {FEWEST_ANSWERS} of each are needed to say "
            "how much the drift matters"
        )
    later = np.asarray(since_loss, np.float64)
    answered = _sides(before, lost, now, since if len(later) >= FEWEST_ANSWERS else None, later)
    random = np.random.default_rng(seed)
    rise = answered.rise
    resampled = np.array([answered.resampled(random).rise for _ in range(_RESAMPLES)])
    low, high = np.quantile(resampled, [0.05, 0.95]).tolist()
    bound = tolerance * float(lost.mean()) if relative else tolerance
    automatic: list[float | None] = (
        [None, None] if threshold is None else [float((side >= threshold).mean()) for side in sides]
    )
    worse = rise >= bound and low > 0
    moved = automatic[0] is not None and abs((automatic[1] or 0.0) - automatic[0]) >= AUTOMATIC_SHIFT
    mean = float(lost.mean())
    return DriftImpact(
        mean,
        mean + rise,
        low,
        high,
        bound,
        automatic[0],
        automatic[1],
        worse or moved or tolerance == 0,
        _in_words(mean, rise, low, bound, automatic, relative=relative),
    )


def _in_words(
    mean: float, rise: float, low: float, bound: float, automatic: list[float | None], *, relative: bool
) -> str:
    what = "the mean error" if relative else "the share of wrong answers"
    figures = f"{mean:.4g} to {mean + rise:.4g}" if relative else f"{mean:.1%} to {mean + rise:.1%}"
    limit = f"{bound:.3g}" if relative else f"{100 * bound:.3g} points"
    certain = "" if low > 0 or rise < bound else ", which chance explains"
    told = f"{what} is expected to go from {figures} (a rise of {limit} matters{certain})"
    if automatic[0] is None or automatic[1] is None:
        return told
    return f"{told}; answers at or above the certified threshold went from {automatic[0]:.1%} to {automatic[1]:.1%}"


def _sides(
    before: Mapping[str, ArrayLike],
    lost: Floats,
    now: Mapping[str, ArrayLike],
    since: Mapping[str, ArrayLike] | None,
    later: Floats,
) -> _Sides:
    """Cells of one class and a tenth of the confidences; of quantities, of a tenth of the answers."""
    none: Mapping[str, ArrayLike] = {"answer": [], "confidence": []}
    given = (before, none if since is None else since, now)
    answers = [np.asarray(side["answer"], dtype=object) for side in given]
    sure = [np.asarray(side["confidence"], np.float64) for side in given]
    if np.isnan(sure[0]).all():
        sure = [np.asarray(answer, np.float64) for answer in answers]
        answers = [np.full(len(answer), "", dtype=object) for answer in answers]
    edges = np.unique(np.nanquantile(sure[0], np.linspace(0, 1, _BINS + 1)[1:-1]))
    classes = {name: place for place, name in enumerate(sorted({str(each) for side in answers for each in side}))}
    width = len(edges) + 1
    cells = [
        np.array([classes[str(each)] for each in answer], dtype=np.int64) * width
        + np.searchsorted(edges, side, "right")
        for answer, side in zip(answers, sure, strict=True)
    ]
    return _Sides(
        _Answers(cells[0], lost),
        _Answers(cells[1], later if since is not None else np.empty(0)),
        _Answers(cells[2], np.empty(0)),
        np.arange(len(classes) * width) % width,
    )
