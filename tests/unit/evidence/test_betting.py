"""Bets against a limit: what they may win where it holds, and what they say where it does not."""

from typing import Any

import numpy as np
import pytest

from aiops_flows.evidence import confidence_sequence, e_process, exact_interval
from aiops_flows.evidence.betting import BETS, confidence_bounds, from_unit, to_unit

RUNS = 500
ALPHA = 0.05
MOST = ALPHA * RUNS


def drawn(chance: float, *, labels: int = 1_000, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((RUNS, labels)) < chance


def test_the_wealth_is_what_the_bets_of_the_grid_won() -> None:
    """It is the mean over the bets of the products of their gains, written out."""
    losses = np.array([1.0, 0.0, 0.25])
    expected = [np.mean([np.prod(1 + bet * (losses[:end] / 0.2 - 1)) for bet in BETS]) for end in (1, 2, 3)]
    np.testing.assert_allclose(e_process(losses, limit=0.2), expected)


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_wealth_hardly_ever_grows_large_where_the_limit_holds(alternative: Any) -> None:
    """Looked at after every label, 1 / alpha is ever reached in a share alpha of runs at most."""
    ever = e_process(drawn(0.2), limit=0.2, alternative=alternative).max(axis=1) >= 1 / ALPHA
    assert ever.sum() <= MOST


@pytest.mark.parametrize(("alternative", "chance"), [("greater", 0.3), ("less", 0.1), ("two-sided", 0.3)])
def test_wealth_grows_where_the_limit_does_not_hold(alternative: Any, chance: float) -> None:
    """A mean on the suspected side of the limit is shown in nearly all runs; one on the other side in none."""
    shown = e_process(drawn(chance), limit=0.2, alternative=alternative)[:, -1] >= 1 / ALPHA
    assert shown.mean() > 0.95
    if alternative != "two-sided":
        assert e_process(drawn(0.4 - chance), limit=0.2, alternative=alternative).max(axis=1).mean() < 3


def test_less_is_greater_of_the_opposite() -> None:
    """Betting that losses are below a limit is betting that their opposites are above the opposite limit."""
    losses = np.random.default_rng(0).uniform(-1, 1, 50)
    np.testing.assert_allclose(
        e_process(losses, limit=0.3, alternative="less", low=-1), e_process(-losses, limit=-0.3, low=-1)
    )


def test_what_was_seen_does_not_change_with_what_comes() -> None:
    """The wealth after so many labels is that of those labels alone, weights included."""
    losses, weights = drawn(0.3)[0], np.random.default_rng(1).choice([1.0, 5.0], 1_000)
    whole = e_process(losses, limit=0.2, weights=weights)
    np.testing.assert_allclose(whole[:100], e_process(losses[:100], limit=0.2, weights=weights[:100]))


def test_equal_weights_are_no_weights() -> None:
    """A constant probability of being read cancels."""
    losses = drawn(0.3)[0]
    np.testing.assert_allclose(e_process(losses, limit=0.2, weights=np.full(1_000, 50.0)), e_process(losses, limit=0.2))


def test_weights_speak_of_all_cases() -> None:
    """Where the worse kind of case is read more often, the limit holds of all cases and the weights know it."""
    random = np.random.default_rng(2)
    worse = random.random((RUNS, 1_000)) < 0.2 * 0.5 / (0.2 * 0.5 + 0.8 * 0.1)
    wrong = random.random((RUNS, 1_000)) < np.where(worse, 0.3, 0.05)
    weights = np.where(worse, 2.0, 10.0)
    weighted = e_process(wrong, limit=0.1, weights=weights, largest_weight=10.0)
    assert (weighted.max(axis=1) >= 1 / ALPHA).sum() <= MOST
    assert (e_process(wrong, limit=0.1).max(axis=1) >= 1 / ALPHA).mean() > 0.99


def test_the_interval_holds_at_every_number_of_labels_together() -> None:
    """Of 40 runs, the sequence misses the mean at any of 150 labels in 5 % at most."""
    missed = 0
    for values in np.random.default_rng(3).beta(1, 4, (40, 150)):
        low, high = confidence_sequence(values, alpha=ALPHA)
        missed += bool(((low > 0.2) | (high < 0.2)).any())
    assert missed <= ALPHA * 40


def test_the_interval_only_closes_in_and_ends_near_the_exact_one() -> None:
    """The ends never go back; at last it is less than twice as wide as one that may be looked at once."""
    values = drawn(0.1)[0]
    low, high = confidence_sequence(values, alpha=ALPHA)
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    exact = exact_interval(int(values.sum()), len(values))
    assert high[-1] - low[-1] < 2 * (exact.high - exact.low)
    assert confidence_bounds(values, alpha=ALPHA) == pytest.approx((low[-1], high[-1]), abs=0.01)


@pytest.mark.parametrize("values", [[], [0.0], [1.0] * 30, [0.5] * 30, [0.0] * 500])
def test_an_interval_holds_the_mean_of_what_was_seen(values: list[float]) -> None:
    """It stays on the scale also at its ends, and without values is the whole of it."""
    low, high = confidence_bounds(values, alpha=ALPHA)
    assert 0 <= low <= (np.mean(values) if values else 0) <= high <= 1
    assert values or (low, high) == (0, 1)


def test_differences_are_mapped_there_and_back() -> None:
    """A question of values in [-1, 1] is asked on the unit scale, with the same wealth."""
    values = np.random.default_rng(0).uniform(-1, 1, 40)
    np.testing.assert_allclose(from_unit(to_unit(values)), values)
    np.testing.assert_allclose(
        e_process(values, limit=0.1, low=-1), e_process(to_unit(values), limit=float(to_unit(0.1)))
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"losses": [0.5, 1.5], "limit": 0.1}, "1 of 2 losses are missing or not between 0 and 1"),
        ({"losses": [0.5, np.nan], "limit": 0.1}, "1 of 2 losses"),
        ({"losses": [0.5], "limit": 0.0}, "expected one strictly between"),
        ({"losses": [0.5], "limit": 0.5, "low": 1.0}, "expected low < high"),
        ({"losses": [0.5], "limit": 0.5, "weights": [0.0]}, "not positive numbers"),
        ({"losses": [0.5], "limit": 0.5, "weights": [3.0], "largest_weight": 2.0}, "above largest_weight"),
    ],
)
def test_what_cannot_be_bet_on_is_refused(given: dict[str, Any], message: str) -> None:
    """Losses off the scale, limits at its edge and impossible weights are errors that say what is wrong."""
    with pytest.raises(ValueError, match=message):
        e_process(given.pop("losses"), **given)
