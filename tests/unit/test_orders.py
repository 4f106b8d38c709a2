"""Orders from forecasts, and what they cost: columns in, one value a row out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.inventory import quantile_at
from aiops_flows.orders import (
    CostOfNothing,
    ExpectedCost,
    LevelDoubt,
    OrderCost,
    OrderQuantity,
    OrderUpTo,
    multiple_rule,
)

LEVELS = {"q5": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9, "q97_5": 0.975}


def lines(rows: int = 3, **columns: Any) -> pd.DataFrame:
    """Lines whose demand is normal with mean 100 and spread 20; quantiles too, unless given otherwise."""
    said = {"demand": 100.0} | {f"demand_{name}": norm.ppf(level, 100, 20) for name, level in LEVELS.items()}
    money = {"holding_cost": 1.0, "shortage_cost": 9.0, "stock": 20.0, "pack": 1.0, "recent": 50.0, "cover": 2}
    return pd.DataFrame(said | money | columns, index=range(rows))


ONCE = OrderUpTo(until_sold=False)


def ordered(frame: pd.DataFrame, *, until_sold: bool = True) -> pd.DataFrame:
    """With level and order, as terms of a use case would be added."""
    frame = frame.assign(level=OrderUpTo(until_sold=until_sold)(frame))
    return frame.assign(order=OrderQuantity(until_sold=until_sold)(frame))


def seldom(rows: int = 1, **columns: Any) -> pd.DataFrame:
    """Lines of a part of which one piece sells in two covers, seldom more."""
    asked = {"q5": 0, "q10": 0, "q25": 0, "q50": 0, "q75": 1, "q90": 2, "q97_5": 3}
    return lines(rows, **{"demand": 0.5, "stock": 0.0} | {f"demand_{name}": asked[name] for name in LEVELS} | columns)


def test_the_level_is_the_quantile_at_the_critical_ratio() -> None:
    """The dearer a shortage, the more is held; where a cost is missing there is no level."""
    frame = lines(3, shortage_cost=[9.0, 1.0, np.nan])
    np.testing.assert_allclose(ONCE(frame), [norm.ppf(0.9, 100, 20), 100, np.nan])
    np.testing.assert_allclose(OrderUpTo()(frame)[1:], [100, np.nan])


def test_a_piece_is_charged_until_it_is_likely_to_be_sold() -> None:
    """What sells within a cover is held as before; of what seldom sells, the last piece of the level pays for itself.

    A level of 1.2 is sold after two and a half covers, so that 9 to 2.4 is asked of its last piece instead of 9 to 1.
    """
    level = OrderUpTo()(seldom())[0]
    ratio = 9 / (9 + level / 0.5)
    np.testing.assert_allclose(level, quantile_at(np.array([[0, 0, 0, 0, 1, 2, 3.0]]), list(LEVELS.values()), ratio))
    assert 1 < level < ONCE(seldom())[0] == 2
    assert OrderUpTo()(seldom(demand=3.0))[0] == 2
    assert OrderUpTo()(seldom(demand=0.0))[0] == pytest.approx(0, abs=1e-6)


def test_a_pack_of_what_seldom_sells_is_not_bought_for_a_piece() -> None:
    """It would lie for years; where it spoils anyway after one cover, it is bought sooner."""
    frame = seldom(2, pack=[1.0, 8.0], shortage_cost=9.0)
    assert ordered(frame)["order"].tolist() == [1, 0]
    assert ordered(frame, until_sold=False)["order"].tolist() == [2, 0]
    assert ordered(seldom(pack=4.0))["order"].tolist() == [0]
    assert ordered(seldom(pack=4.0), until_sold=False)["order"].tolist() == [4]


def test_an_answer_without_quantiles_is_its_own_level() -> None:
    """A baseline that only says what it expects can be ordered by as well, and can share a frame with others."""
    frame = lines(2)
    frame.loc[1, [name for name in frame if str(name).startswith("demand_q")]] = np.nan
    np.testing.assert_allclose(ONCE(frame), [norm.ppf(0.9, 100, 20), 100])
    assert LevelDoubt()(frame) == ["", "the forecast has no quantiles"]
    assert LevelDoubt()(lines(1)[["demand", "holding_cost", "shortage_cost"]]) == ["the forecast has no quantiles"]


def test_a_row_may_lack_some_levels() -> None:
    """Each row is answered from the levels it has."""
    frame = lines(2)
    frame.loc[1, "demand_q75"] = np.nan
    np.testing.assert_allclose(ONCE(frame), [norm.ppf(0.9, 100, 20)] * 2)


def test_costs_beyond_the_quantiles_are_told() -> None:
    """The outermost quantile is the level, and it is said that it is not the best."""
    frame = lines(2, shortage_cost=[9.0, 999.0])
    assert OrderUpTo()(frame)[1] == frame["demand_q97_5"][1]
    assert LevelDoubt()(frame)[0] == ""
    assert "0.05 to 0.975" in LevelDoubt()(frame)[1]
    assert "missing" in LevelDoubt()(lines(1, holding_cost=-1.0))[0]


def test_orders_are_whole_packs_and_never_negative() -> None:
    """A full shelf orders nothing; without a pack size there is no order."""
    frame = ordered(lines(4, pack=[1.0, 50, 6, 0], stock=[20.0, 20, 500, 20]), until_sold=False)
    assert frame["order"][:3].tolist() == [106, 100, 0]
    assert np.isnan(frame["order"][3])


def test_a_number_stands_for_the_same_in_all_rows() -> None:
    """Costs, packs and stock need no column of their own."""
    frame = lines(2)
    same = OrderUpTo(holding=1, shortage=9)(frame.drop(columns=["holding_cost", "shortage_cost"]))
    np.testing.assert_array_equal(same, OrderUpTo()(frame))


def test_an_order_costs_what_hindsight_would_have_saved() -> None:
    """Pieces left cost, pieces missing cost more, and what the best order would cost too is taken off."""
    frame = lines(4, order=[100.0, 100, 0, np.nan], stock=[0.0, 0, 500, 0], pack=[10.0, 10, 10, 1])
    assert OrderCost()(frame, [80, 120, 80, 80]).tolist() == [20, 180, 0, 720]


def test_the_chosen_order_is_expected_to_lose_least() -> None:
    """Within its cover neither a pack more nor a pack less is expected to lose less."""
    frame = ordered(lines(2, pack=[1.0, 30]), until_sold=False)
    chosen = ExpectedCost()(frame)
    for packs in (-1, 1):
        assert (ExpectedCost()(frame.assign(order=frame["order"] + packs * frame["pack"])) > chosen).all()
    assert np.isnan(ExpectedCost()(frame.assign(order=np.nan))).all()


def test_an_order_depends_on_its_row_alone() -> None:
    """The same line alone, among others, or in another order gets the same."""
    random = np.random.default_rng(5)
    frame = lines(40, stock=random.uniform(0, 200, 40), shortage_cost=random.uniform(1, 30, 40), pack=7.0)
    frame.loc[::3, "demand_q90"] = np.nan
    whole = ordered(frame)
    turned = ordered(frame[::-1])[::-1]
    alone = pd.concat([ordered(frame[row : row + 1]) for row in range(40)])
    for other in (turned, alone):
        np.testing.assert_array_equal(whole["order"], other["order"])
        np.testing.assert_array_equal(whole["level"], other["level"])


def test_ordering_by_a_multiple_needs_no_model() -> None:
    """Twice the usual demand of the periods that the order lasts."""
    assert multiple_rule(2)(lines(1)).tolist() == [200]


def test_the_worst_is_to_have_nothing() -> None:
    """At usual demand; for a part that seldom sells, a pack."""
    assert CostOfNothing()(lines(2, recent=[50.0, 0.0], pack=6.0)).tolist() == [900, 54]


def test_a_column_that_is_not_there_is_named() -> None:
    """The message says which, and what to do."""
    with pytest.raises(UseCaseError, match="'stock', which the cases do not have"):
        OrderCost()(lines(1, order=1.0).drop(columns="stock"), [1.0])


def test_no_rows_are_no_fault() -> None:
    """An empty batch gets empty columns."""
    frame = ordered(lines(0))
    assert [len(derive(frame)) for derive in (LevelDoubt(), ExpectedCost(), CostOfNothing())] == [0, 0, 0]
