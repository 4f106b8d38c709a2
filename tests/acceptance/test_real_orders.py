"""Orders for public series: what they cost beside rules of thumb, and sums that agree."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aiops_flows.evidence.hierarchy import bottom_up, disagreement, groups_of, reconcile
from benchmarks.planning.data import Panel, retail
from benchmarks.planning.inventory import Trial, compared, known_throughout
from benchmarks.planning.stock import usual

DATA = Path(os.environ.get("AIOPS_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not (DATA / "aus_retail" / "aus_retail.rda").is_file(),
        reason="AIOPS_SHARED_DATA names no folder that holds aus_retail/",
    ),
]


@pytest.fixture(scope="module")
def shops() -> Panel:
    """Retail series that are known for the last ten years."""
    return known_throughout(retail(DATA), 120)


def test_orders_from_forecasts_cost_less_than_the_best_multiple(shops: Panel) -> None:
    """Even the naive forecast's quantiles beat the multiple that would have been best before, at every cost."""
    packs = np.maximum(usual(shops.values, shops.periods - 60) / 10, 0.1)
    found = compared(Trial(shops, packs, shops.periods, counted=12, tuned=24), ["seasonal naive"])
    for shortage, rule in found["usual demand, one multiple"].items():
        ours, known = found["order up to, seasonal naive"][shortage], found["demand known beforehand"][shortage]
        assert known.cost.sum() < ours.cost.sum() < 0.6 * rule.cost.sum()
        assert ours.fill_rate > 0.98


def test_states_and_industries_agree_with_their_items(shops: Panel) -> None:
    """Whatever each level forecasts by itself, the reconciled forecasts add up, and stay near."""
    _, summing = groups_of(shops.names, [[], ["State"], ["Industry"]])
    true = bottom_up(shops.values[:, -12:], summing)
    base = true * np.random.default_rng(0).normal(1, 0.05, true.shape)
    agreed = reconcile(base, summing)
    assert disagreement(base, summing) > 0.01
    assert disagreement(agreed, summing) < 1e-12
    assert np.abs(agreed - true).sum() < np.abs(base - true).sum()
