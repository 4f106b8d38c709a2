"""Replenishment of items at sites: how much will be asked for, how much to order, and which orders a planner sees."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from prefect import flow
from pydantic import Field

from aiops_flows import Case, Effect, Gate, ModelSpec, ReviewPolicy, UseCase, deliver, intake, predict, review
from aiops_flows.estimators.boosted_series import BoostedForecaster
from aiops_flows.estimators.seasonal_naive import SeasonalNaive
from aiops_flows.evidence.losses import share_of_worst
from aiops_flows.orders import CostOfNothing, ExpectedCost, LevelDoubt, OrderCost, OrderQuantity, OrderUpTo
from aiops_flows.series.derived import Doubt, RecentLevel, ShareOfZeros
from aiops_flows.series.history import History
from aiops_flows.steps.series_rows import SeriesRows

if TYPE_CHECKING:
    import pandas as pd


class PlanLine(Case):
    """What is to be ordered of one item for one site, as of the beginning of one month."""

    rows: ClassVar = SeriesRows(key=["item", "site"], period="month", quantity="demand", every="month", longest=60)
    optional_columns: ClassVar = frozenset({"pack"})  # without packs, pieces are ordered
    item: str
    site: str
    family: str | None = None
    history: History
    cover: int = Field(ge=1, le=12, description="months that the order has to last: lead time, and until the next one")
    stock: float = Field(ge=0, description="pieces on hand and on order")
    pack: float = Field(1, gt=0, description="pieces")
    holding_cost: float = Field(ge=0, description="EUR for a piece that is left for a cover")
    shortage_cost: float = Field(gt=0, description="EUR for a piece that is missing")
    derived: ClassVar = {"recent": RecentLevel("history"), "zeros": ShareOfZeros("history"), "doubt": Doubt("history")}


def order_of(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """The order as it leaves the house; None where nothing is ordered."""
    return {name: line[name] for name in ("case_id", "item", "site", "order")} if line["order"] else None


demand = ModelSpec(
    name="planning-demand", features=["history", "cover"], output="demand", estimator=BoostedForecaster(season=12),
    baseline=SeasonalNaive(season=12), watched=["recent", "zeros"], scale="recent", cost=OrderCost(),
    gates=[
        Gate("wape", max_drop=0.02, beats_baseline=True), Gate("mean_scaled_error", max_drop=0.20),
        Gate("mean_cost", max_drop_share=0.05), Gate("coverage_error", at_most=0.15), Gate("bias", at_most=0.25),
    ],
)  # fmt: skip

PLANNING = UseCase(
    name="planning", case=PlanLine, models=[demand], cut="received_at",
    terms={
        "target": OrderUpTo(), "order": OrderQuantity(level="target"), "at_stake": ExpectedCost(), "note": LevelDoubt(),
    },
    review=ReviewPolicy(
        verdicts=["release", "change"],
        auto={"release": lambda p: (p.doubt == "") & (p.note == "") & (p.order <= 3 * p.recent * p.cover + p.pack)},
        judged_by={"demand": share_of_worst(OrderCost(), CostOfNothing())}, max_error=0.10, confidence=0.90,
        audit=0.0,  # the demand of every line is known in time: nothing is hidden by a decision
        due=timedelta(days=5), priority=lambda p: p.at_stake,
    ),
    effects=[Effect("order", order_of)],
)  # fmt: skip


@flow
def planning(source: str, sink: str | None = None) -> pd.DataFrame:
    """Take in the sales of each item and site, forecast, release the orders or ask a planner, and send them on."""
    lines = intake(PLANNING, source)
    lines = predict(PLANNING, demand, lines)
    lines = review(PLANNING, lines)
    if sink:
        deliver(PLANNING, sink)
    return lines
