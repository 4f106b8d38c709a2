"""What the next periods may lose, where all rows of a period share their luck."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aiops_flows.evidence.periods import next_periods_below
from aiops_flows.evidence.thresholds import certify_threshold

PERIODS, ROWS, AHEAD = 15, 60, 3


def drawn(random: np.random.Generator, shock: float, periods: int) -> NDArray[np.float64]:
    """Losses of periods that each have a luck of their own; a row a period."""
    luck = random.gamma(4, 0.25, (periods, 1)) if shock else np.ones((periods, 1))
    return np.minimum(random.exponential(0.05 * luck, (periods, ROWS)), 1.0)


@pytest.mark.parametrize("shock", [0, 1])
def test_the_next_periods_stay_below(shock: int) -> None:
    """The bound is broken at most as often as it says, whether periods share their luck or not."""
    random = np.random.default_rng(11)
    broken, by_rows = 0, 0
    for _ in range(400):
        seen, later = drawn(random, shock, PERIODS).ravel(), drawn(random, shock, AHEAD)
        of = np.repeat(np.arange(PERIODS), ROWS)
        bound = next_periods_below(seen, of, np.array([len(seen)]), ahead=AHEAD, chance=0.1)[0]
        broken += later.mean() > bound
        by_rows += later.mean() > seen.mean() + 1.2816 * seen.std() * np.sqrt(1 / later.size + 1 / seen.size)
    assert 8 <= broken <= 60  # 40 are allowed; six standard deviations of the count are 36
    assert (by_rows > 100) == bool(shock)  # counting rows is right only where they are independent


def test_the_bound_of_some_rows_is_that_of_these_rows_alone() -> None:
    """Each number of rows gives what the rows after it cannot change, in any naming of the periods."""
    random = np.random.default_rng(2)
    losses, periods = random.random(40), random.integers(0, 5, 40)
    both = next_periods_below(losses, periods, np.array([20, 40]), ahead=2, chance=0.1)
    alone = next_periods_below(losses[:20], periods[:20] + 7, np.array([20]), ahead=2, chance=0.1)
    assert both[0] == pytest.approx(alone[0])


def test_one_period_proves_nothing_of_the_next() -> None:
    """However many rows it has."""
    assert next_periods_below(np.zeros(9), np.ones(9), np.array([9]), ahead=1, chance=0.1)[0] == np.inf
    found = certify_threshold(np.ones(500), np.zeros(500), max_error=0.05, confidence_level=0.9, periods=np.ones(500))
    assert found.threshold is None
    assert "two or more are needed" in found.reason


def test_periods_that_differ_are_certified_less() -> None:
    """A certificate that counts periods is never laxer than one that counts rows, and the reason names the periods."""
    random = np.random.default_rng(4)
    confidence = random.random(900)
    losses = (random.random(900) < 0.06 * np.repeat(random.gamma(2, 0.5, 15), 60) * (1.5 - confidence)).astype(float)
    rows = certify_threshold(confidence, losses, max_error=0.08, confidence_level=0.9)
    periods = np.repeat(np.arange(15), 60)
    shared = certify_threshold(confidence, losses, max_error=0.08, confidence_level=0.9, periods=periods, ahead=3)
    assert rows.threshold is not None
    assert shared.threshold is None or shared.threshold >= rows.threshold
    assert "15 periods" in shared.reason
    none = certify_threshold(confidence, losses, max_error=0.02, confidence_level=0.9, periods=periods, ahead=3)
    assert none.threshold is None
    assert "how much 15 periods differ" in none.reason


def test_alike_periods_cost_little() -> None:
    """Where every period is as good as the others, nearly as much is certified as by counting rows."""
    periods = np.tile(np.arange(24), 400)
    losses = np.zeros(9_600)
    losses[::50] = 1.0
    confidence = np.linspace(1, 0, 9_600)
    found = certify_threshold(confidence, losses, max_error=0.05, confidence_level=0.9, periods=periods, ahead=3)
    assert found.coverage > 0.95
    assert found.error_upper <= 0.05
