"""How much to hold and to order where demand is known by quantiles, and what that costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from aiops_flows.evidence.inventory import (
    avoidable_cost,
    best_ratio,
    cheapest_packs,
    cost_of_stock,
    covers_left,
    critical_ratio,
    likely_demands,
    packs_up_to,
    quantile_at,
)

LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
money = st.floats(0.01, 1e6)
pieces = st.floats(0, 1e6)


def test_the_critical_ratio_weighs_shortage_against_stock() -> None:
    """Nine times as dear to miss a piece means nine of ten; costs that say nothing give no ratio."""
    found = critical_ratio([1, 1, 0, 0, -1, np.nan], [9, 1, 1, 0, 1, 1])
    np.testing.assert_array_equal(found, [0.9, 0.5, 1.0, np.nan, np.nan, np.nan])


def test_a_level_between_two_quantiles_is_exact_for_a_normal_demand() -> None:
    """Straight lines over normal scores meet a normal distribution everywhere inside the grid."""
    wanted = np.array([0.07, 0.3, 0.8, 0.97])
    quantiles = np.tile(norm.ppf(LEVELS, 100, 20), (4, 1))
    np.testing.assert_allclose(quantile_at(quantiles, LEVELS, wanted), norm.ppf(wanted, 100, 20))


def test_beyond_the_outermost_level_the_outermost_quantile_is_given() -> None:
    """Nothing is made up of a tail that no quantile describes."""
    quantiles = np.tile(np.arange(8.0), (3, 1))
    np.testing.assert_array_equal(quantile_at(quantiles, LEVELS, [0.001, 0.999, 1.0]), [0, 7, 7])


@given(st.lists(pieces, min_size=8, max_size=8), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_higher_level_is_never_a_lower_stock(quantiles: list[float], one: float, other: float) -> None:
    """Even where the given quantiles cross."""
    low, high = quantile_at(np.array([quantiles, quantiles]), LEVELS, sorted([one, other]))
    assert low <= high


def test_a_part_that_seldom_sells_keeps_its_zero() -> None:
    """As long as no demand at all is likely enough, nothing is held."""
    seldom = np.array([[0, 0, 0, 0, 0, 0, 3, 8.0]])
    assert quantile_at(seldom, LEVELS, [0.9]) == 0
    assert (likely_demands(seldom, LEVELS, 1_000) == 0).mean() == pytest.approx(0.9, abs=0.001)


def test_likely_demands_say_what_the_quantiles_say() -> None:
    """Their own quantiles are the given ones."""
    quantiles = norm.ppf(LEVELS, [[100], [7]], [[20], [1]])
    found = np.quantile(likely_demands(quantiles, LEVELS, 4_001), LEVELS[:-1], axis=1).T
    np.testing.assert_allclose(found, quantiles[:, :-1], rtol=2e-3)


@given(st.lists(st.floats(0, 1e4), min_size=8, max_size=8), st.floats(0, 1e4), money, money)
def test_the_last_piece_pays_for_all_its_covers(
    quantiles: list[float], expected: float, holding: float, shortage: float
) -> None:
    """The ratio is the one of the level that follows from it: a little more would not pay, and no more than plain."""
    row = np.array([sorted(quantiles)])
    ratio = best_ratio(row, LEVELS, [holding], [shortage], [expected])[0]
    plain = critical_ratio(holding, shortage)
    assert 0 <= ratio <= plain

    def at(tried: float) -> float:
        return float(critical_ratio(holding * covers_left(quantile_at(row, LEVELS, [tried]), [expected]), shortage)[0])

    assert at(ratio) >= ratio or ratio == pytest.approx(at(ratio), abs=1e-6)
    assert ratio == plain or at(min(ratio + 1e-6, 1.0)) < ratio + 1e-6


def test_a_stock_lasts_for_one_cover_at_least() -> None:
    """And for one where nothing is known; for very long where nothing is expected."""
    found = covers_left([6.0, 1.0, 2.0, np.nan, 0.0, 1.0], [2.0, 2.0, np.nan, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(found[:5], [3, 1, 1, 1, 1])
    assert found[5] > 1e6


def test_packs_reach_the_level_and_no_further() -> None:
    """Backorders are ordered as well, a full shelf orders nothing, and an empty pack is no answer."""
    found = packs_up_to([10, 10, 10, 10, 0.3], [-3, 10.5, 4, 4, 0], [1, 5, 6, 0, 0.1])
    np.testing.assert_allclose(found, [13, 0, 6, np.nan, 0.3])


@given(pieces, pieces, st.floats(0.5, 1e4), pieces, money, money)
def test_no_order_in_packs_beats_hindsight(
    position: float, demand: float, pack: float, order: float, holding: float, shortage: float
) -> None:
    """What an order lost is never negative, and is nothing for the best order in whole packs."""
    packs = np.floor(order / pack) + np.arange(3)
    lost = avoidable_cost(packs * pack, np.full(3, position), pack, np.full(3, demand), holding, shortage)
    assert (lost >= 0).all()
    near = np.arange(-1.0, 3.0) + np.floor(max(demand - position, 0) / pack)
    near = np.maximum(near, 0) * pack
    best = avoidable_cost(near, np.full(4, position), pack, np.full(4, demand), holding, shortage)
    assert best.min() == pytest.approx(0, abs=1e-6 * (holding + shortage) * (1 + demand + position))


def test_the_cheaper_of_two_numbers_of_packs_is_ordered() -> None:
    """It is what trying every number of packs would find."""
    random = np.random.default_rng(3)
    quantiles = np.sort(random.gamma(1, 20, (200, 8)), axis=1)
    position, pack = random.uniform(-5, 30, 200), random.integers(1, 40, 200).astype(float)
    holding, shortage = random.uniform(0.1, 2, 200), random.uniform(0.1, 20, 200)
    demands = likely_demands(quantiles, LEVELS, 400)
    tried = np.arange(100.0)[:, None] * pack
    costs = [
        cost_of_stock((position + order)[:, None], demands, holding[:, None], shortage[:, None]) for order in tried
    ]
    best = np.min([cost.mean(axis=1) for cost in costs], axis=0)
    level = quantile_at(np.quantile(demands, LEVELS, axis=1).T, LEVELS, critical_ratio(holding, shortage))
    order = cheapest_packs(level, position, pack, demands, holding, shortage)
    cost = cost_of_stock((position + order)[:, None], demands, holding[:, None], shortage[:, None]).mean(axis=1)
    assert (cost <= best * 1.02 + 1e-9).all()
    assert (cost <= best + 1e-9).mean() > 0.9


def test_of_two_equally_cheap_orders_the_smaller_is_placed() -> None:
    """Counts tie often, and no last digit may decide: the answer to a row would depend on its batch."""
    demands = np.repeat([[0.0, 1.0]], [90, 10], axis=1)
    assert cheapest_packs([0.5], [0.0], [1.0], demands, [1.0], [9.0]) == 0
    assert cheapest_packs([0.5], [0.0], [1.0], demands, [1.0], [9.1]) == 1


def test_without_likely_demands_the_nearer_pack_is_ordered() -> None:
    """And nothing where stock, level or pack is missing."""
    found = cheapest_packs([10, 10, np.nan], [0, 0, 0], [6, 4, 4], np.full((3, 1), np.nan), [1] * 3, [1] * 3)
    np.testing.assert_array_equal(found, [12, 12, np.nan])


def test_quantiles_that_do_not_fit_their_levels_are_refused() -> None:
    """Levels ascend, lie between 0 and 1, and are as many as the columns."""
    for levels in ([0.5, 0.1], [0.0, 0.5], [0.5]):
        with pytest.raises(ValueError, match="levels"):
            quantile_at(np.zeros((1, 2)), levels, [0.5])
