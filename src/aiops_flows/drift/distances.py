"""The distances that Evidently calls ``wasserstein`` and ``jensenshannon``, by plain arithmetic on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["area_between", "jensen_shannon", "normed_wasserstein", "spread"]

_SMALLEST_SPREAD = 0.001  # Evidently's floor for the norm, so that a constant reference does not divide by zero


def spread(reference: NDArray[np.float64]) -> float:
    """What the Wasserstein distance is divided by: the standard deviation of the reference, at least 0.001."""
    return max(float(np.std(reference)), _SMALLEST_SPREAD)


def normed_wasserstein(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """First Wasserstein distance of two samples in standard deviations of the reference.

    Equal to Evidently 0.7's ``wasserstein``. Both samples are free of NaN and not empty.
    """
    values = np.concatenate([reference, current])
    order = np.argsort(values)
    return area_between(values[order], order < len(reference)) / spread(reference)


def area_between(ordered: NDArray[np.float64], of_reference: NDArray[np.bool_]) -> float:
    """The area between the distribution functions of both sides of pooled values in ascending order.

    It is their first Wasserstein distance (Vallender 1974).
    """
    rows_reference = int(of_reference.sum())
    share = np.where(of_reference, 1.0 / rows_reference, -1.0 / (len(ordered) - rows_reference))
    return float(np.abs(np.cumsum(share)[:-1]) @ np.diff(ordered))


def jensen_shannon(reference: NDArray[np.float64], current: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jensen-Shannon distance (natural logarithm) of counts along the last axis; 0 where one side counts nothing.

    The square root of Lin's (1991) divergence. Equal to Evidently 0.7's ``jensenshannon`` on the counts of values.
    """
    left, right = _shares(reference), _shares(current)
    middle = (left + right) / 2
    divergence = (_relative_entropy(left, middle) + _relative_entropy(right, middle)) / 2
    measurable = (reference.sum(axis=-1) > 0) & (current.sum(axis=-1) > 0)
    distance: NDArray[np.float64] = np.sqrt(np.maximum(divergence, 0.0)) * measurable
    return distance


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1.0)
    return shares


def _relative_entropy(share: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.divide(share, middle, out=np.ones_like(share), where=share > 0)
    summed: NDArray[np.float64] = (share * np.log(ratio)).sum(axis=-1)
    return summed
