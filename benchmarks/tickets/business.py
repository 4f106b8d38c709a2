"""The businesses whose cases are measured one at a time: a history to learn from, and rows that nobody saw before."""

from __future__ import annotations

import json
import os
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows import Settings
from aiops_flows.steps import intake, outcomes, promotion, training
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase, load_use_case

__all__ = ["BUSINESSES", "Business", "prepare"]


@dataclass(frozen=True)
class Business:
    """A use case with its flow, and made-up cases for it."""

    flow: str
    use_case: str
    make: str
    """Path of the maker of cases; it takes how many, and a seed."""
    outcomes: str
    history: Mapping[str, Any]
    """What the maker takes beside, for cases to learn from."""
    live: Mapping[str, Any]
    """What it takes beside, for cases that arrive."""
    id_column: str
    hidden: tuple[str, ...] = ()
    """Columns of the maker that are later knowledge."""

    @property
    def declared(self) -> UseCase:
        """The use case."""
        return load_use_case(self.use_case)

    @property
    def function(self) -> Any:
        """The business flow."""
        return pkgutil.resolve_name(self.flow)

    def rows(self, count: int, seed: int) -> list[dict[str, Any]]:
        """So many cases as a sender writes them, under ids that nobody used before."""
        made = _called(self.make)(count, seed=seed, **self.live).drop(columns=list(self.hidden))
        made[self.id_column] = [f"S{seed}-{number}" for number in range(count)]
        rows: list[dict[str, Any]] = json.loads(made.to_json(orient="records", date_format="iso"))
        return rows


BUSINESSES = {
    "claims": Business(
        flow="flows.claims:claims",
        use_case="flows.claims:CLAIMS",
        make="flows.lookalike_claims:make_claims",
        outcomes="flows.published_claims:published_outcomes",
        history={"start": date(2025, 1, 1), "days": 650},
        live={"start": date(2026, 11, 1), "days": 20},
        id_column="Claim Number",
    ),
    "tickets": Business(
        flow="flows.customer_service:customer_service",
        use_case="flows.customer_service:CUSTOMER_SERVICE",
        make="flows.lookalike_tickets:make_tickets",
        outcomes="flows.lookalike_tickets:ticket_outcomes",
        history={"first": date(2025, 10, 1), "days": 365},
        live={"first": date(2026, 11, 1), "days": 20},
        id_column="case_id",
        hidden=("intent", "urgency", "summary", "reply"),
    ),
}


def _called(path: str) -> Callable[..., pd.DataFrame]:
    function: Callable[..., pd.DataFrame] = pkgutil.resolve_name(path)
    return function


def prepare(business: Business, home: Path, rows: int) -> Workspace:
    """A home folder whose champions learned from a history of so many cases."""
    os.environ["AIOPS_HOME"] = str(home)
    Settings()
    place, use_case = Workspace.here(), business.declared
    history = _called(business.make)(rows, seed=7, **business.history)
    intake.take_in(place, use_case, history.drop(columns=list(business.hidden)), history=True)
    outcomes.record_outcomes(place, use_case, _called(business.outcomes)(history))
    for spec in training.in_order(use_case):
        made = training.retrain(place, use_case, spec)
        print(f"  {promotion.promote(place, use_case, spec, version=made.version)}", flush=True)
    return place
