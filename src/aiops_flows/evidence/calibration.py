"""How far stated probabilities are from what happens."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiops_flows.evidence.answers import Answers, Counts, Floats

__all__ = ["calibration_error", "expected_calibration_error"]

_BINS = 10


def calibration_error(y: ArrayLike, p: ArrayLike, bins: int = _BINS) -> float:
    """Mean distance between stated probability and observed share, over bins of equal width of the probability.

    The expected calibration error of Naeini, Cooper and Hauskrecht (2015). ``y`` holds 1 where the event happened.
    """
    happened, stated = np.asarray(y, np.float64), np.asarray(p, np.float64)
    if len(happened) != len(stated) or not len(stated):
        raise ValueError(f"{len(happened)} truths and {len(stated)} probabilities: expected as many, not none")
    return float(_error(happened, stated, np.ones((1, len(stated))), bins)[0])


def expected_calibration_error(answers: Answers, counts: Counts) -> Floats:
    """The same for resamples: of the positive class of two, of the likeliest class of more (Guo et al. 2017)."""
    shares = answers.shares
    if shares.shape[1] == 2:
        return _error(answers.truth, shares[:, 1], counts, _BINS)
    likely = shares.argmax(axis=1)
    return _error((likely == answers.truth).astype(np.float64), shares.max(axis=1), counts, _BINS)


def _error(happened: Floats, stated: Floats, counts: Counts, bins: int) -> Floats:
    place: NDArray[np.int64] = np.clip((stated * bins).astype(np.int64), 0, bins - 1)
    surplus = np.zeros((len(stated), bins))
    surplus[np.arange(len(stated)), place] = happened - stated
    error: Floats = np.abs(counts @ surplus).sum(axis=1) / counts.sum(axis=1)
    return error
