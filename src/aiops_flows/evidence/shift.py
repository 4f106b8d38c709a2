"""Whether cases are like the rows that a certificate rests on: one exact test for each share that is compared."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

__all__ = ["chance_of_more"]


def chance_of_more(hits: int, of: int, hits_before: int, of_before: int) -> float:
    """The chance of so many hits or more among the new cases, if new cases and earlier rows are drawn alike.

    Given how many of all rows together are hits, each choice of the new ones among them is as likely as any other: the
    upper tail of the hypergeometric distribution (Fisher 1934), exact at any number of cases. Not by `scipy.stats`,
    which takes 40 MB wherever cases are decided.
    """
    total, all_hits = of + of_before, hits + hits_before
    more = np.arange(hits, min(of, all_hits) + 1, dtype=np.float64)
    logs = _ways(all_hits, more) + _ways(total - all_hits, of - more) - _ways(total, np.float64(of))
    return float(min(1.0, np.exp(logs).sum()))


def _ways(of: int, chosen: np.ndarray | np.float64) -> np.ndarray:
    """The logarithm of the number of ways to choose so many."""
    return np.asarray(gammaln(of + 1.0) - gammaln(chosen + 1.0) - gammaln(of - chosen + 1.0))
