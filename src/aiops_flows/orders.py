"""Orders from forecasts: the level to order up to, whole packs, and what an order cost once demand is known.

Each is called with a frame of cases that a model has answered, so that it can stand in `UseCase.terms`, in
`ModelSpec.cost` or in a loss. Wherever the name of a column is asked for, a number stands for the same in all rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.inventory import (
    avoidable_cost,
    cheapest_packs,
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

Floats = NDArray[np.float64]

_ROWS_AT_ONCE = 1_000  # each becomes a hundred likely demands


@dataclass(frozen=True)
class OrderUpTo:
    """The stock that costs least on average: the demand's quantile at the critical ratio of a row's costs.

    Where an answer has no quantiles (a baseline's) it is the expected demand itself. Missing where the answer or a cost
    is; never below 0.
    """

    output: str = "demand"
    """The model's output: demand over the periods that the order has to last."""
    holding: str | float = "holding_cost"
    """Money for a piece that is left at the end of these periods, until it is likely to be sold."""
    shortage: str | float = "shortage_cost"
    """Money for a piece that is missing."""

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The level of each row, in pieces."""
        ratio = critical_ratio(_numbers(frame, self.holding), _numbers(frame, self.shortage))
        level = np.where(np.isnan(ratio), np.nan, _numbers(frame, self.output))
        for rows, levels, quantiles in _distributions(frame, self.output):
            level[rows] = quantile_at(quantiles, levels, ratio[rows])
        return np.maximum(level, 0.0)


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

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """The pieces to order for each row."""
        names = (self.level, self.position, self.pack, self.holding, self.shortage)
        level, position, pack, holding, shortage = (_numbers(frame, name) for name in names)
        unknown = np.full((len(frame), 1), np.nan)
        order = cheapest_packs(level, position, pack, unknown, holding, shortage)
        for rows, levels, quantiles in _distributions(frame, self.output):
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

    output: str = "demand"
    holding: str | float = "holding_cost"
    shortage: str | float = "shortage_cost"

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """The doubt of each row."""
        ratio = critical_ratio(_numbers(frame, self.holding), _numbers(frame, self.shortage))
        doubts = np.full(len(frame), "the forecast has no quantiles", dtype=object)
        for rows, levels, _ in _distributions(frame, self.output):
            low, high = levels[0], levels[-1]
            told = f"the costs ask for a level outside the quantiles known, {low:g} to {high:g}"
            doubts[rows] = np.where((ratio[rows] < low) | (ratio[rows] > high), told, "")
        doubts[np.isnan(ratio)] = "the costs are missing or not above 0"
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
        return self.times * _numbers(frame, self.usual) * _numbers(frame, self.cover)


def multiple_rule(times: float, usual: str | float = "recent", cover: str | float = "cover") -> FixedMultiple:
    """The level of ``times`` the usual demand over the periods that an order has to last."""
    return FixedMultiple(times, usual, cover)


@dataclass(frozen=True)
class OrderCost:
    """Money that an order lost beside the best order in hindsight, given the demand that came.

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
        order, position, pack = (_numbers(frame, name) for name in names)
        costs = (_numbers(frame, name) for name in (self.holding, self.shortage))
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
        order, position, pack, holding, shortage = (_numbers(frame, name)[:, None] for name in names)
        for rows, levels, quantiles in _distributions(frame, self.output):
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
            _numbers(frame, name) for name in (self.usual, self.cover, self.pack, self.shortage)
        )
        return np.fmax(usual * cover, pack) * shortage


def _numbers(frame: pd.DataFrame, name: str | float) -> Floats:
    """A column as numbers, or the same number for all rows."""
    if not isinstance(name, str):
        return np.full(len(frame), float(name))
    if name not in frame.columns:
        raise UseCaseError(
            f"an order needs the column {name!r}, which the cases do not have; they have {sorted(frame.columns)[:20]}. "
            "Name the column that holds it, or give a number"
        )
    return np.asarray(pd.to_numeric(frame[name]), np.float64)


def _distributions(frame: pd.DataFrame, output: str) -> Iterator[tuple[NDArray[np.int64], Floats, Floats]]:
    """Rows that have the same quantiles, the levels of these, and the quantiles; rows that have none are left out."""
    known = _quantile_columns(frame, output)
    if not known or frame.empty:
        return
    levels = np.array(list(known))
    quantiles = np.stack([_numbers(frame, column) for column in known.values()], axis=1)
    patterns, kinds = np.unique(np.isfinite(quantiles), axis=0, return_inverse=True)
    for kind, there in enumerate(patterns):
        if there.any():
            alike = np.flatnonzero(kinds.ravel() == kind)
            for rows in np.array_split(alike, -(-len(alike) // _ROWS_AT_ONCE)):
                yield rows, levels[there], quantiles[np.ix_(rows, there)]


def _quantile_columns(frame: pd.DataFrame, output: str) -> dict[float, str]:
    """Level -> column, ascending: ``demand_q10`` holds the quantile at 0.1, ``demand_q97_5`` that at 0.975."""
    form = re.compile(rf"{re.escape(output)}_q(\d+(?:_\d+)?)")
    found = [(match.group(1), str(column)) for column in frame.columns if (match := form.fullmatch(str(column)))]
    return dict(sorted((round(float(percent.replace("_", ".")) / 100, 12), column) for percent, column in found))
