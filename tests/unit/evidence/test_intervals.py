"""Intervals and resamples."""

import numpy as np
import pytest
from scipy.stats import binomtest

from aiops_flows.evidence import bootstrap_interval, exact_interval, resample_counts, upper_bound
from aiops_flows.evidence.resampling import stratified_sample


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (10, 10), (3, 50), (1, 1), (250, 5_000)])
def test_the_exact_interval_is_that_of_clopper_and_pearson(hits: int, total: int) -> None:
    """The interval equals scipy's exact one, the ends of the scale included."""
    expected = binomtest(hits, total).proportion_ci(0.95, method="exact")
    assert tuple(exact_interval(hits, total)) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_upper_bound_without_hits_is_the_rule_of_three() -> None:
    """No error in 59 rows is 95 % sure of at most 5 %."""
    assert upper_bound(0, 59) == pytest.approx(0.05, abs=0.001)
    assert upper_bound(0, 0) == 1


def test_more_hits_than_rows_are_refused() -> None:
    """Counts that contradict each other are an error, not an interval."""
    with pytest.raises(ValueError, match="5 hits of 3"):
        exact_interval(5, 3)


def test_the_bootstrap_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    """Over 300 samples, a 90 % interval of 80 values covers the true mean in at least 85 %."""
    random = np.random.default_rng(0)
    intervals = [bootstrap_interval(random.exponential(size=80), confidence=0.9, seed=seed) for seed in range(300)]
    assert sum(low <= 1 <= high for low, high in intervals) >= 255


def test_the_same_seed_gives_the_same_interval() -> None:
    """Resampling is seeded."""
    values = np.arange(20.0)
    assert (
        bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)
    )


def test_nothing_has_no_interval() -> None:
    """An empty sample is an error that says what is missing."""
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([])


def test_every_resample_keeps_each_stratum() -> None:
    """A class of three rows has three rows in every resample."""
    strata = np.array([0] * 97 + [1] * 3)
    counts = resample_counts(strata, 50, seed=0)
    assert (counts[:, strata == 1].sum(axis=1) == 3).all()
    assert (counts.sum(axis=1) == 100).all()


def test_a_stratified_sample_keeps_shares_and_rare_strata() -> None:
    """A sample has each stratum at its share, with one row at least, and all rows where they are few."""
    strata = np.array([0] * 9_000 + [1] * 999 + [2])
    chosen = strata[stratified_sample(strata, 1_000, seed=0)]
    assert np.bincount(chosen).tolist() == [900, 100, 1]
    assert stratified_sample(strata, 10_000, seed=0).tolist() == list(range(10_000))
