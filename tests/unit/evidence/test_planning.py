"""What more labels would buy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aiops_flows.evidence import certify_threshold, coverage_with_more_labels


def drawn(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    confidence = random.random(rows)
    return confidence, random.random(rows) < 0.3 * (1 - confidence)


def test_a_plan_says_how_many_labels_buy_what() -> None:
    """One line a factor, fewest labels first; more labels never buy less, nor less than these have bought."""
    for seed in range(20):
        confidence, wrong = drawn(1_000, seed)
        plans = coverage_with_more_labels(confidence, wrong, max_error=0.05, confidence_level=0.9, factors=(8, 2, 4))
        assert [plan.labels for plan in plans] == [2_000, 4_000, 8_000]
        now = certify_threshold(confidence, wrong, max_error=0.05, confidence_level=0.9).coverage
        bought = [plan.coverage for plan in plans]
        assert bought == sorted(bought)
        assert now <= bought[0] <= bought[-1] < 0.7
        assert all((plan.threshold is None) == (plan.coverage == 0) for plan in plans)


def test_a_plan_is_about_right() -> None:
    """On average over draws, what is foretold for four times the labels is what they certify, within 6 points."""
    foretold, came = [], []
    for seed in range(40):
        confidence, wrong = drawn(1_000, seed)
        plan = coverage_with_more_labels(confidence, wrong, max_error=0.05, confidence_level=0.9, factors=[4])[0]
        foretold.append(plan.coverage)
        came.append(certify_threshold(*drawn(4_000, 1_000 + seed), max_error=0.05, confidence_level=0.9).coverage)
    assert np.mean(foretold) == pytest.approx(np.mean(came), abs=0.06)


def test_a_plan_that_buys_nothing_says_so() -> None:
    """A model that is wrong too often at any confidence is not helped by labels."""
    confidence = np.linspace(0, 1, 500)
    plans = coverage_with_more_labels(confidence, np.arange(500) % 4 == 0, max_error=0.05, confidence_level=0.9)
    assert [(plan.coverage, plan.threshold) for plan in plans] == [(0, None)] * 3


def test_a_plan_takes_losses_and_missing_confidences() -> None:
    """Losses between 0 and 1 as well; rows without a confidence stay undecided in any number."""
    confidence = np.where(np.arange(1_000) < 500, np.nan, 0.9)
    plans = coverage_with_more_labels(confidence, np.full(1_000, 0.01), max_error=0.05, confidence_level=0.9)
    assert {plan.coverage for plan in plans} == {0.5}


def test_no_rows_plan_nothing() -> None:
    """Nothing multiplied is nothing."""
    plans = coverage_with_more_labels([], [], max_error=0.05, confidence_level=0.9)
    assert [(plan.labels, plan.threshold) for plan in plans] == [(0, None)] * 3
