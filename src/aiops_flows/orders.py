"""Orders from forecasts: the level to order up to, whole packs, and what an order cost once demand is known.

Each is called with a frame of cases that a model has answered, so that it can stand in `UseCase.terms`, in
`ModelSpec.cost` or in a loss. Wherever the name of a column is asked for, a number stands for the same in all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aiops_flows.answer_columns import Floats, distributions, numbers
from aiops_flows.evidence.inventory import (
    avoidable_cost,
    best_ratio,
    cheapest_packs,
    covers_left,
    critical_ratio,
    likely_demands,
    quantile_at,
)

__all__ = [
    "CostOfNothing",
    "ExpectedCost",
    "FixedMultiple",
    "LevelDoubt",
    "OrderCost",
    "OrderQuantity",
    "OrderUpTo",
    "multiple_rule",
]


@dataclass(frozen=True)
class OrderUpTo:
    """The stock that costs least on average: the demand's quantile at the critical ratio of a row's costs.

    Where an answer has no quantiles (a baseline's) it is the expected demand itself. Missing where the answer or a cost
    is; never below 0.
    """

    output: str = "demand"
    """The model's output: demand over the periods that the order has to last, its cover."""
    holding: str | float = "holding_cost"
    """Money for a piece that is left at the end of a cover."""
    shortage: str | float = "shortage_cost"
    """Money for a piece that is missing."""
    until_sold: bool = True
    """Whether a piece that is left is charged for each cover until it is likely to be sold; else once, as of what
    spoils."""

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The level of each row, in pieces."""
        known = critical_ratio(numbers(frame, self.holding), numbers(frame, self.shortage))
        level = np.where(np.isnan(known), np.nan, numbers(frame, self.output))
        for rows, levels, quantiles, ratio in self.ratios(frame):
            level[rows] = quantile_at(quantiles, levels, ratio)
        return np.maximum(level, 0.0)

    def ratios(self, frame: pd.DataFrame) -> Iterator[tuple[NDArray[np.int64], Floats, Floats, Floats]]:
        """Rows that have the same quantiles, the levels of these, the quantiles, and the critical ratios."""
        money = [numbers(frame, name) for name in (self.holding, self.shortage)]
        expected = numbers(frame, self.output)
        for rows, levels, quantiles in distributions(frame, self.output):
            holding, shortage = (column[rows] for column in money)
            if self.until_sold:
                yield rows, levels, quantiles, best_ratio(quantiles, levels, holding, shortage, expected[rows])
            else:
                yield rows, levels, quantiles, critical_ratio(holding, shortage)


@dataclass(frozen=True)
class OrderQuantity:
    """Pieces to order, in whole packs, so that stock comes as near to the level as is cheapest.

    Of the two numbers of packs around the level it is the one whose expected cost is lower under the answer's
    quantiles; without quantiles, the nearer one. 0 where stock has reached the level.
    """

    level: str | float = "level"
    position: str | float = "stock"
    """Pieces on hand and on order, less those that customers wait for."""
    pack: str | float = "pack"
    output: str = "demand"
    holding: str | float = "holding_cost"
    shortage: str | float = "shortage_cost"
    until_sold: bool = True
    """As in `OrderUpTo`."""

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The pieces to order for each row."""
        names = (self.level, self.position, self.pack, self.holding, self.shortage)
        level, position, pack, holding, shortage = (numbers(frame, name) for name in names)
        if self.until_sold:
            holding = holding * covers_left(level, numbers(frame, self.output))
        unknown = np.full((len(frame), 1), np.nan)
        order = cheapest_packs(level, position, pack, unknown, holding, shortage)
        for rows, levels, quantiles in distributions(frame, self.output):
            demands = likely_demands(quantiles, levels)
            order[rows] = cheapest_packs(
                level[rows], position[rows], pack[rows], demands, holding[rows], shortage[rows]
            )
        return order


@dataclass(frozen=True)
class LevelDoubt:
    """Why the level is not the one that costs least, in words; empty where it is.

    A rule that releases orders may ask for it to be empty.
    """

    level: OrderUpTo = OrderUpTo()

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """The doubt of each row."""
        known = critical_ratio(numbers(frame, self.level.holding), numbers(frame, self.level.shortage))
        doubts = np.full(len(frame), "the forecast has no quantiles", dtype=object)
        for rows, levels, _, ratio in self.level.ratios(frame):
            low, high = levels[0], levels[-1]
            told = f"the costs ask for a level outside the quantiles known, {low:g} to {high:g}"
            doubts[rows] = np.where((ratio < low) | (ratio > high), told, "")
        doubts[np.isnan(known)] = "the costs are missing or not above 0"
        return [str(doubt) for doubt in doubts]


@dataclass(frozen=True)
class FixedMultiple:
    """A level of so many times the usual demand: the rule of thumb beside which orders from forecasts are held."""

    times: float = 1.5
    usual: str | float = "recent"
    """Usual demand of one period."""
    cover: str | float = "cover"
    """Periods that the order has to last."""

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The level of each row, in pieces."""
        return self.times * numbers(frame, self.usual) * numbers(frame, self.cover)


def multiple_rule(times: float, usual: str | float = "recent", cover: str | float = "cover") -> FixedMultiple:
    """The level of ``times`` the usual demand over the periods that an order has to last."""
    return FixedMultiple(times, usual, cover)


@dataclass(frozen=True)
class OrderCost:
    """Money that an order lost within its cover beside the best order in hindsight, given the demand that came.

    Each piece left costs ``holding`` and each piece missing ``shortage``; what the best order in whole packs would have
    cost as well (stock that was there before, the rest of a pack) is taken off. A missing order counts as none.
    """

    order: str = "order"
    position: str | float = "stock"
    pack: str | float = "pack"
    holding: str | float = "holding_cost"
    shortage: str | float = "shortage_cost"

    def __call__(self, frame: pd.DataFrame, truth: ArrayLike) -> Floats:
        """The money lost on each row.

        Args:
            frame: cases with the order and what it rested on.
            truth: the demand that came over the periods that the order had to last.
        """
        names = (self.order, self.position, self.pack)
        order, position, pack = (numbers(frame, name) for name in names)
        costs = (numbers(frame, name) for name in (self.holding, self.shortage))
        return avoidable_cost(order, position, pack, np.asarray(truth, np.float64), *costs)


@dataclass(frozen=True)
class ExpectedCost:
    """Money that the order is expected to lose, by the answer's own quantiles: what is at stake in a row.

    Counted as `OrderCost` counts it. Missing where there are no quantiles. It says which orders a planner looks at
    first, or which are too dear to be released.
    """

    cost: OrderCost = OrderCost()
    output: str = "demand"

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The expected loss of each row."""
        expected = np.full(len(frame), np.nan)
        terms = self.cost
        names = (terms.order, terms.position, terms.pack, terms.holding, terms.shortage)
        order, position, pack, holding, shortage = (numbers(frame, name)[:, None] for name in names)
        for rows, levels, quantiles in distributions(frame, self.output):
            demands = likely_demands(quantiles, levels)
            lost = avoidable_cost(order[rows], position[rows], pack[rows], demands, holding[rows], shortage[rows])
            expected[rows] = np.where(np.isnan(order[rows, 0]), np.nan, lost.mean(axis=1))
        return expected


@dataclass(frozen=True)
class CostOfNothing:
    """Money that stands for the worst: what it costs to have no piece while demand is as usual, or a pack's worth.

    The measure for `share_of_worst`: a loss of 0.05 is a twentieth of it.
    """

    usual: str | float = "recent"
    cover: str | float = "cover"
    pack: str | float = "pack"
    shortage: str | float = "shortage_cost"

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The money of each row."""
        usual, cover, pack, shortage = (
            numbers(frame, name) for name in (self.usual, self.cover, self.pack, self.shortage)
        )
        return np.fmax(usual * cover, pack) * shortage
