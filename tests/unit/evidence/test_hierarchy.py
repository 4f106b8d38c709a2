"""Sums that agree by every level, and totals spread over items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiops_flows.evidence.hierarchy import bottom_up, disagreement, groups_of, reconcile, spread, totals

ITEMS = pd.DataFrame({"site": list("nnnssw"), "family": list("abcabc")})
LEVELS: list[list[str]] = [[], ["site"], ["family"], ["site", "family"]]


def drawn(seed: int, noise: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """True values of all rows, forecasts with errors, and the summing matrix."""
    random = np.random.default_rng(seed)
    _, summing = groups_of(ITEMS, LEVELS[:3])
    true = bottom_up(random.uniform(50, 100, (6, 400)), summing)
    return true, true + random.normal(0, noise, true.shape), summing


def test_every_level_sums_the_same_items() -> None:
    """Totals of sites, families and all agree, and an item without a value is counted, not guessed."""
    items = ITEMS.assign(demand=[1.0, 2, 3, 4, 5, np.nan])
    found = totals(items, "demand", LEVELS)
    assert found[["demand", "items", "unknown"]].to_numpy()[0].tolist() == [15, 6, 1]
    by_site = found[found["site"].notna() & found["family"].isna()]
    assert dict(zip(by_site["site"], by_site["demand"], strict=True)) == {"n": 6, "s": 9, "w": 0}
    assert len(found) == 1 + 3 + 3 + 6
    assert found[found["family"].notna() & found["site"].isna()]["demand"].sum() == 15


def test_groups_hold_their_items() -> None:
    """The summing matrix does what summing by hand does."""
    groups, summing = groups_of(ITEMS, LEVELS)
    demand = np.arange(6.0)
    sums = {tuple(group.values()): float(row @ demand) for group, row in zip(groups, summing, strict=True)}
    assert sums[()] == 15
    assert sums["n",] == 3
    assert sums["a",] == 3
    assert sums["w", "c"] == 5
    assert disagreement(bottom_up(demand, summing), summing) == 0


@pytest.mark.parametrize("method", ["ols", "wls"])
def test_reconciled_forecasts_agree_and_are_better(method: str) -> None:
    """Forecasts with independent errors gain from each other, and those that agree stay as they are."""
    true, base, summing = drawn(1, 5.0)
    found = reconcile(base, summing, method="ols" if method == "ols" else "wls")
    assert disagreement(base, summing) > 0.01
    assert disagreement(found, summing) < 1e-12
    assert np.abs(found - true).mean() < 0.9 * np.abs(base - true).mean()
    np.testing.assert_allclose(reconcile(true, summing), true)


def test_the_surest_forecast_moves_least() -> None:
    """With a total that is known exactly, the items are made to add up to it, and the total stays."""
    true, base, summing = drawn(2, 5.0)
    base[0] = true[0]
    variances = np.full(len(base), 25.0)
    variances[0] = 1e-9
    np.testing.assert_allclose(reconcile(base, summing, variances=variances)[0], true[0], rtol=1e-6)


def test_reconciled_forecasts_are_the_nearest_that_agree() -> None:
    """The weighted distance is that of the projection written out in full (Hyndman 2011)."""
    _, base, summing = drawn(3, 5.0)
    variances = np.random.default_rng(0).uniform(1, 9, len(base))
    full = np.concatenate([summing, np.eye(6)])
    weighted = full.T / variances
    projected = full @ np.linalg.solve(weighted @ full, weighted @ base)
    np.testing.assert_allclose(reconcile(base, summing, variances=variances, negative=True), projected)


def test_an_item_is_never_below_nothing() -> None:
    """Where sums would ask for a negative item it is 0, and the sums still agree."""
    _, summing = groups_of(ITEMS, [[]])
    found = reconcile([1.0, 10, 0, 0, 0, 0, 0], summing)
    assert found.min() >= 0
    assert disagreement(found, summing) < 1e-12


def test_forecasts_that_do_not_fit_the_hierarchy_are_refused() -> None:
    """One a group and one an item, or the variances are not above 0."""
    _, summing = groups_of(ITEMS, [[]])
    with pytest.raises(ValueError, match="1 groups and 6 items"):
        reconcile(np.ones(6), summing)
    with pytest.raises(ValueError, match="above 0"):
        reconcile(np.ones(7), summing, variances=np.zeros(7))


@given(
    st.floats(0, 1e5),
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from([1.0, 6.0, 12.0, 0.5])), min_size=1, max_size=20),
)
def test_a_total_is_spread_to_the_last_pack(total: float, items: list[tuple[float, float]]) -> None:
    """Whole packs, never more than the total, and what is left fills no pack of an item that has a share."""
    shares, packs = (np.array(each) for each in zip(*items, strict=True))
    if shares.sum() <= 0:
        with pytest.raises(ValueError, match="spread"):
            spread(total, shares, packs)
        return
    found = spread(total, shares, packs)
    left = total - found.sum()
    np.testing.assert_allclose(found / packs, np.round(found / packs))
    assert left >= -1e-6 * (1 + total)
    assert left < packs[shares > 0].min() + 1e-6 * (1 + total)
    assert (found[shares == 0] == 0).all()


def test_a_total_is_spread_by_shares() -> None:
    """Largest remainders get the packs that are left."""
    assert spread(100, [50, 30, 19, 1], 6).tolist() == [48, 30, 18, 0]
    assert spread(10, [1, 1, 1]).tolist() == [4, 3, 3]
